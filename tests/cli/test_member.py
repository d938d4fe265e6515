"""``kouan member``: the members, their keys, and what they decide."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Kouan, one_line

BANKS = ["bank-of-huangpu", "pudong-harbour-bank", "suzhou-creek-bank", "wusong-trade-bank"]


def propose(kouan: Kouan, *change: str, by: str = "peoples-bank") -> str:
    ran = kouan("member", "propose", *change, "--as", by, "--json")
    assert ran.code == 0, ran.err
    proposal: str = ran.json["proposal"]
    return proposal


def carry(kouan: Kouan, proposal: str) -> dict[str, object]:
    for member in ("peoples-bank", "shanghai-customs", "commerce-commission", *BANKS):
        ran = kouan("member", "vote", proposal, "--yes", "--as", member, "--json")
        assert ran.code == 0, ran.err
    document: dict[str, object] = ran.json
    return document


def test_list_and_show_name_members_in_both_languages(kouan: Kouan) -> None:
    assert "Bank of Huangpu" in kouan("member", "list").out
    assert "黄浦银行" in kouan("member", "list", "--lang", "zh").out
    listed = kouan("member", "list", "--json").json["members"]
    assert {member["id"]: member["roles"] for member in listed}["peoples-bank"] == ["overseer"]
    shown = kouan("member", "show", "shanghai-customs")
    assert "ed25519-sha256" in shown.out
    one_line(kouan("member", "show", "no-such-bank"), "MEMBER", "no-such-bank")


def test_a_number_out_of_bounds_is_told_the_bounds(kouan: Kouan) -> None:
    refused = kouan(*["member", "propose", "parameter", "customs.ratio_bp.0110", "10001", "--as", "peoples-bank"])
    one_line(refused, "NUMBER", "give 0 to 10000")


def test_a_key_is_added_used_replaced_and_revoked(kouan: Kouan) -> None:
    bank = ("--as", "bank-of-huangpu")
    assert kouan("member", "add-key", "night", *bank).code == 0
    one_line(kouan("member", "add-key", "night", *bank), "another name")
    assert kouan("member", "rotate-key", "night", "day", *bank, "--key", "night").code == 0
    used = kouan("member", "propose", "suspend", "wusong-trade-bank", *bank, "--key", "night")
    assert used.code == 1
    assert "7 ENVELOPE_REVOKED_KEY" in used.err
    assert kouan("member", "propose", "suspend", "wusong-trade-bank", *bank, "--key", "day").code == 0
    assert kouan("member", "revoke-key", "day", *bank).code == 0
    refused = kouan("member", "revoke-key", "day", *bank, "--json")
    assert refused.code == 1
    assert refused.json["refused"]["name"] == "KEY_REVOKED_ALREADY"
    one_line(kouan("member", "propose", "suspend", "x", *bank, "--key", "none"), "--key", "checker, day, main, night")


def test_a_refused_key_is_not_kept(kouan: Kouan) -> None:
    refused = kouan("member", "rotate-key", "no-such-key", "fresh", "--as", "bank-of-huangpu")
    assert refused.code == 1
    assert "Next: " in refused.err
    assert kouan("member", "add-key", "fresh", "--as", "bank-of-huangpu").code == 0


def test_an_ordinary_proposal_from_vote_to_notice(kouan: Kouan) -> None:
    """Carried by votes, it cannot be enacted before the notice is over; the list says when."""
    proposal = propose(kouan, "parameter", "customs.ratio_bp.0110", "7000")
    early = kouan("member", "enact", proposal, "--as", "peoples-bank")
    assert early.code == 1
    assert "PROPOSAL_NOT_CARRIED" in early.err
    assert carry(kouan, proposal)["state"] == "carried"
    told = kouan("member", "enact", proposal, "--as", "peoples-bank").err
    assert "PROPOSAL_TOO_EARLY" in told
    assert "possible from 20" in told
    assert "+08:00" in told
    listed = kouan("member", "proposals")
    assert "parameter name customs.ratio_bp.0110, value 7000" in listed.out
    assert "carried, in effect from" in listed.out


def test_a_suspension_takes_effect_at_once_and_ends_again(kouan: Kouan) -> None:
    for verb, suspended in (("suspend", True), ("resume", False)):
        proposal = propose(kouan, verb, "dishui-lake-bank")
        assert carry(kouan, proposal)["state"] == "enactable"
        assert "can be enacted since 20" in kouan("member", "proposals").out
        assert kouan("member", "enact", proposal, "--as", "peoples-bank").code == 0
        assert kouan("member", "show", "dishui-lake-bank", "--json").json["suspended"] is suspended
    states = [ballot["state"] for ballot in kouan("member", "proposals", "--json").json["proposals"]]
    assert states == ["enacted", "enacted"]


def test_the_operators_incarnation_is_raised_with_a_signed_handover(kouan: Kouan, port: Path) -> None:
    proposal = propose(kouan, "operator", "--incarnation", "1", by="commerce-commission")
    carry(kouan, proposal)
    key = port / "ledger" / "operator.key"
    aside = key.rename(port / "aside")
    one_line(kouan("member", "enact", proposal, "--as", "commerce-commission"), "operator key")
    aside.rename(key)
    assert kouan("member", "enact", proposal, "--as", "commerce-commission").code == 0


def test_every_kind_of_change_can_be_proposed(kouan: Kouan) -> None:
    assert kouan("member", "prepare", "east-gate-bank").code == 0
    public = kouan("member", "show", "peoples-bank", "--json").json["keys"]["main"]["public"]
    for change in (
        ["add", "east-gate-bank.application.json", "--role", "bank"],
        ["roles", "commerce-commission", "--role", "convener", "--role", "second-holder"],
        ["sealing-key", "bank-of-huangpu", public],
        ["revoke-key", "bank-of-huangpu", "main"],
    ):
        propose(kouan, *change)
    assert len(kouan("member", "proposals", "--json").json["proposals"]) == 4


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["propose", "parameter", "customs.nonsense", "1"], ["NAME", "customs.ratio_bp.0110"]),
        (["propose", "parameter", "nonsense", "1"], ["NAME"]),
        (["propose", "add", "missing.json", "--role", "bank"], ["missing.json"]),
        (["propose", "roles", "peoples-bank", "--role", "king"], ["--role", "overseer"]),
        (["propose", "sealing-key", "peoples-bank", "short"], ["PUBLIC", "43 characters"]),
        (["propose", "operator"], ["--public"]),
        (["vote", "AAAAAAAAAAAAAAAAAAAAAA"], ["--yes"]),
        (["enact", "AAAAAAAAAAAAAAAAAAAAAA"], ["proposal"]),
    ],
)
def test_unusable_input_is_one_line(kouan: Kouan, arguments: list[str], parts: list[str]) -> None:
    one_line(kouan("member", *arguments, "--as", "peoples-bank"), *parts)


@pytest.mark.parametrize("proposal", ["-" + "h" * 21, "--" + "A" * 20, "-y" + "A" * 20])
def test_an_id_that_begins_with_a_hyphen_is_no_option(kouan: Kouan, proposal: str) -> None:
    one_line(kouan("member", "enact", proposal, "--as", "peoples-bank"), f"there is no '{proposal}'")
    one_line(kouan("seal", "disclose", proposal, "--as", "peoples-bank"), f"'{proposal}' was not made")
    sealing = kouan("member", "propose", "sealing-key", "bank-of-huangpu", "-" + "A" * 42, "--as", "peoples-bank")
    assert "No such option" not in sealing.err


def test_who_acts_must_be_said_and_known(kouan: Kouan) -> None:
    one_line(kouan("member", "propose", "suspend", "peoples-bank"), "--as")
    one_line(kouan("member", "propose", "suspend", "peoples-bank", "--as", "../x"), "has no '../x'")
    one_line(kouan("member", "prepare", "Not A Code"), "MEMBER")
    by_environment = kouan("member", "propose", "suspend", "wusong-trade-bank", env={"KOUAN_AS": "peoples-bank"})
    assert by_environment.code == 0
