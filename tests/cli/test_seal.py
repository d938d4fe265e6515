"""``kouan seal``: the five steps by files, and what stands in their way."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import OWNER, Kouan, one_line

CUSTOMS, OVERSEER, SECOND = (("--as", member) for member in ("shanghai-customs", "peoples-bank", "commerce-commission"))


def quota_of(kouan: Kouan, number: str) -> str:
    name: str = kouan("customs", "show", number, *CUSTOMS, "--json").json["quotas"][0]["quota"]
    return name


def test_the_overseer_sees_number_and_owner_after_the_second_holders_answer(kouan: Kouan, attested: str) -> None:
    assert kouan("seal", "hand-over", quota_of(kouan, attested), *CUSTOMS).code == 0
    asked = kouan("seal", "request", "seal.json", *OVERSEER, "--json")
    assert asked.code == 0, asked.err
    assert attested not in Path("seal.json").read_text() + Path("request.json").read_text()
    assert kouan("seal", "answer", "request.json", *SECOND).code == 0
    opened = kouan("seal", "open", "answer.json", *OVERSEER, "--json").json
    assert (opened["number"], opened["owner"]) == (attested, OWNER)
    early = kouan("seal", "disclose", asked.json["request"], *OVERSEER)
    assert early.code == 1
    assert "OPENING_STILL_SEALED" in early.err
    assert "possible from 20" in early.err
    listed = kouan("seal", "list", *OVERSEER)
    assert "commerce-commission" in listed.out


def test_the_slip_of_another_step_is_named(kouan: Kouan, attested: str) -> None:
    assert kouan("seal", "hand-over", quota_of(kouan, attested), *CUSTOMS).code == 0
    refused = kouan("seal", "open", "seal.json", *OVERSEER)
    one_line(refused, "seal.json: is a document's seal", "give an answered request, made by `kouan seal answer`")


def test_only_the_overseer_asks_and_only_the_second_holder_answers(kouan: Kouan, attested: str) -> None:
    kouan("seal", "hand-over", quota_of(kouan, attested), *CUSTOMS)
    one_line(kouan("seal", "request", "seal.json", "--as", "bank-of-huangpu"), "cannot be opened")
    assert kouan("seal", "request", "seal.json", *OVERSEER).code == 0
    one_line(kouan("seal", "answer", "request.json", *OVERSEER), "cannot be opened")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["hand-over", "no-such-quota", *CUSTOMS], ["quota", "not on this ledger"]),
        (["hand-over", "x.USD", *OVERSEER], ["act as customs"]),
        (["request", "none.json", *OVERSEER], ["none.json"]),
        (["request", "bad.json", *OVERSEER], ["bad.json", "`kouan seal hand-over`"]),
        (["answer", "bad.json", *SECOND], ["bad.json", "`kouan seal request`"]),
        (["open", "bad.json", *OVERSEER], ["bad.json", "`kouan seal answer`"]),
        (["disclose", "AAAAAAAAAAAAAAAAAAAAAA", *OVERSEER], ["was not made by peoples-bank"]),
    ],
)
def test_unusable_input_is_one_line(kouan: Kouan, arguments: list[str], parts: list[str]) -> None:
    Path("bad.json").write_text('{"format": "kouan/other/1"}')
    one_line(kouan("seal", *arguments), *parts)
