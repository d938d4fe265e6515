"""``kouan enterprise``: onboarding, filing, receiving, and consent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import EXAMPLES, NUMBER, OWNER, Kouan, one_line, run

from kouan.client.consents import open_consent
from kouan.client.places import member_home

OTHER = "91310000MA1FL2QX71"


def test_onboarding_makes_a_custodial_wallet(kouan: Kouan, port: Path) -> None:
    ran = kouan("enterprise", "onboard", OTHER, "--name", "沪东机械", "--as", "commerce-commission", "--json")
    assert ran.code == 0, ran.err
    assert OTHER not in ran.json["commitment"]
    assert (port / "wallets" / OTHER / "keys.json").exists()
    listed = kouan("enterprise", "list")
    assert "沪东机械" in listed.out
    again = kouan("enterprise", "onboard", OTHER, "--name", "x", "--as", "commerce-commission")
    one_line(again, "has a wallet here already")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["91310115MA1K0LNG15", "--name", "x"], "check character would be 4"),
        (["123", "--name", "x"], "18 digits and capital letters"),
        (["../../../tmp/evil00", "--name", "x"], "18 digits and capital letters"),
        ([OTHER, "--name", " "], "--name"),
        ([OTHER, "--name", "x", "--override", "because"], "--override"),
    ],
)
def test_a_bad_enterprise_is_one_line(kouan: Kouan, port: Path, arguments: list[str], part: str) -> None:
    one_line(kouan("enterprise", "onboard", *arguments, "--as", "commerce-commission"), part)
    assert [path.name for path in (port / "wallets").iterdir()] == [OWNER]


def test_a_failing_code_is_taken_with_a_reason(kouan: Kouan) -> None:
    bad = "91310115MA1K0LNG15"
    ran = kouan(
        *("enterprise", "onboard", bad, "--name", "x", "--override", "certificate-seen", "--as", "commerce-commission")
    )
    assert ran.code == 0
    assert kouan("enterprise", "list", "--json").json["enterprises"][1]["override"] == "certificate-seen"


def test_from_filing_to_consent(kouan: Kouan, export: Path, port: Path) -> None:
    """The slip beside the declaration is the one customs uses; the consent lies in the bank's inbox, for it alone."""
    assert kouan("enterprise", "file", export).code == 0
    slip = json.loads(Path("export.filing.json").read_text())
    assert (slip["format"], slip["number"], slip["custodial"]) == ("kouan/filing/1", NUMBER, True)
    assert "kouan enterprise receive" in kouan("enterprise", "declarations").out
    attested = kouan("customs", "attest", export, "--as", "shanghai-customs")
    assert attested.code == 0
    assert attested.out.rstrip().endswith("kouan enterprise receive")
    assert NUMBER in kouan("enterprise", "receive").out
    assert "nothing new" in kouan("enterprise", "receive").out
    assert "USD 95,424.00" in kouan("enterprise", "declarations").out
    ran = kouan(
        *("enterprise", "consent", "--bank", "bank-of-huangpu", "--declaration", f"{NUMBER}:50000.00 USD", "--json")
    )
    assert ran.code == 0, ran.err
    consent = open_consent(member_home(port, "bank-of-huangpu").keys.hpke_private, Path(ran.json["slip"]).read_bytes())
    assert (consent.financing, consent.drawer) == (ran.json["financing"], "bank-of-huangpu")
    assert [(part.number, part.amount) for part in consent.allocations] == [(NUMBER, 50_000_00)]


def test_a_consent_over_more_than_is_free_is_warned_of(kouan: Kouan, attested: str) -> None:
    """It may be free by the time the bank draws, so it is made all the same."""
    ran = kouan("enterprise", "consent", "--bank", "bank-of-huangpu", "--declaration", f"{attested}:900000000 USD")
    assert ran.code == 0, ran.err
    assert "is free now" in ran.out


def test_a_consent_goes_where_it_is_told(kouan: Kouan, attested: str) -> None:
    ran = kouan(
        *("enterprise", "consent", "--bank", "bank-of-huangpu", "--declaration", f"{attested}:USD 7", "--out", "c.json")
    )
    assert ran.code == 0
    assert json.loads(Path("c.json").read_text())["format"] == "kouan/consent/1"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--declaration", NUMBER], ["names no amount"]),
        (["--declaration", f"{NUMBER}:5000"], ["no currency"]),
        (["--declaration", f"{NUMBER}:5e3 USD"], ["not an amount"]),
        (["--declaration", f"{NUMBER}:-5 USD"], ["not an amount"]),
        (["--declaration", f"{NUMBER}:5 EUR"], ["nothing attested in EUR"]),
        (["--declaration", f"{NUMBER}:0 USD"], ["more than zero"]),
        (["--declaration", "123:5 USD"], ["18 digits"]),
        (["--declaration", "224820190000000999:5 USD"], ["in no wallet here"]),
        (["--declaration", f"{NUMBER}:5 USD", "--wallet", OTHER], [OTHER]),
        (["--declaration", f"{NUMBER}:5 USD", "--bank", "no-such-bank", "--out", "c.json"], ["--bank"]),
        (["--declaration", f"{NUMBER}:5 USD", "--bank", "no-such-bank"], ["--out"]),
        (["--declaration", f"{NUMBER}:5 USD", "--bank", "peoples-bank"], ["is no bank"]),
    ],
)
def test_a_consent_that_cannot_be_given_is_one_line(
    kouan: Kouan, attested: str, arguments: list[str], parts: list[str]
) -> None:
    one_line(kouan("enterprise", "consent", "--bank", "bank-of-huangpu", *arguments), *parts)


def test_bad_slips_are_named_and_the_good_ones_taken_in(kouan: Kouan, export: Path, port: Path) -> None:
    assert kouan("customs", "attest", export, "--as", "shanghai-customs").code == 0
    (port / "wallets" / OWNER / "inbox" / "0.json").write_text("{}")
    ran = kouan("enterprise", "receive", "--json")
    assert ran.code == 2
    assert [one["number"] for one in ran.json["received"]] == [NUMBER]
    assert "0.json" in ran.json["failures"][0]["error"]
    one_line(kouan("enterprise", "receive", "slip.json"), "--wallet")
    missing = kouan("enterprise", "receive", "slip.json", "--wallet", OWNER)
    assert missing.code == 2
    assert "slip.json" in missing.out


def test_a_bad_declaration_does_not_stop_the_filing_of_others(kouan: Kouan, export: Path) -> None:
    Path("bad.xml").write_text("<x")
    Path("exhibits.xml").write_bytes((EXAMPLES / "import-exhibits.xml").read_bytes())
    ran = kouan("enterprise", "file", "bad.xml", "exhibits.xml", export, "missing.xml", "--json")
    assert ran.code == 2
    assert ["error" in one for one in ran.json["files"]] == [True, True, False, True]


def test_a_trader_that_keeps_its_own_keys(kouan: Kouan, port: Path) -> None:
    """Customs cannot sign for it; its slip, the quota and a proof of it say that nobody keeps the key for it."""
    own = Path("own.xml")
    own.write_text((EXAMPLES / "export-general-trade.xml").read_text().replace(OWNER, OTHER))
    made = kouan("enterprise", "wallet", OTHER, "--name", "沪东机械")
    assert made.code == 0, made.err
    assert "(the owner's own)" in made.out
    assert kouan("enterprise", "list", "--json").json["enterprises"][0]["keeper"] is None
    one_line(kouan("enterprise", "wallet", OTHER, "--name", "x"), "has a wallet here already")
    one_line(kouan("enterprise", "wallet", "91310115MA1K0LNG15", "--name", "x"), "check character would be 4")
    without = kouan("customs", "attest", own, "--as", "shanghai-customs")
    assert (without.code, "keeps its own wallet" in without.out) == (2, True)
    assert kouan("enterprise", "file", own).code == 0
    assert json.loads(Path("own.filing.json").read_text())["custodial"] is False
    attested = kouan("customs", "attest", own, "--as", "shanghai-customs", "--json").json["results"]
    quota = attested[0]["quotas"][0]["quota"]
    assert [one["wallet"] for one in kouan("enterprise", "receive", "--json").json["received"]] == [OTHER]
    assert "the owner's own" in kouan("quota", "show", quota).out
    assert kouan("quota", "show", quota, "--json").json["quotas"][0]["custodial"] is False
    made = kouan("proof", "make", "--quota", quota, "--out", "proof.json", "--as", "bank-of-huangpu")
    assert made.code == 0, made.err
    told = run("verify", "proof.json", "--trust", port / "alliance.json")
    assert told.code == 0
    assert "Custodial" not in told.out


def test_an_own_wallet_that_is_onboarded_stays_its_owners(kouan: Kouan, port: Path) -> None:
    """The commission puts the commitment on the ledger; the keys are not made anew."""
    assert kouan("enterprise", "wallet", OTHER, "--name", "x").code == 0
    keys = (port / "wallets" / OTHER / "keys.json").read_bytes()
    onboarded = kouan("enterprise", "onboard", OTHER, "--name", "x", "--as", "commerce-commission")
    assert onboarded.code == 0, onboarded.err
    assert "(the owner's own)" in onboarded.out
    assert (port / "wallets" / OTHER / "keys.json").read_bytes() == keys
    one_line(kouan("enterprise", "onboard", OTHER, "--name", "x", "--as", "commerce-commission"), "kept by itself")
