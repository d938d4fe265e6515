"""The seeded declarations and those who file them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kouan.formats.identifiers import uscc, uscc_problem
from kouan.formats.single_window import read_files
from kouan.simulation.cast import BROKER_CODE, TRADERS, social_credit_code
from kouan.simulation.clock import StoryClock
from kouan.simulation.declarations import AMENDED_CONTRACT, COUNT, LC_CONTRACT, amended, declarations, write_messages


def test_same_seed_same_declarations() -> None:
    """The same seed gives the same declarations, another one others; numbers are never used twice."""
    filed = declarations(1)
    assert filed == declarations(1)
    assert filed != declarations(2)
    assert len({one.declaration.entry_id for one in filed}) == len(filed) == COUNT


def test_letter_of_credit() -> None:
    """Six closed general-trade exports of the garment maker add up to USD 312,500."""
    shipped = [one for one in declarations(1) if one.declaration.contract_no == LC_CONTRACT]
    assert len(shipped) == 6
    assert {(one.stage, one.declaration.trade_mode) for one in shipped} == {("closed", "0110")}
    assert sum(one.declaration.total_by_currency()["USD"] for one in shipped) == 312_500_00


def test_messages_read_back(tmp_path: Path) -> None:
    """What is written as message files reads back as the same declarations."""
    filed = declarations(3, 40)
    read = [declaration for _, declaration in read_files(write_messages(tmp_path, filed))]
    assert read == [one.declaration for one in filed]


def test_amended_quantity() -> None:
    """An amendment cuts quantity, weights and total alike, and leaves the price."""
    (before,) = [one.declaration for one in declarations(1) if one.declaration.contract_no == AMENDED_CONTRACT]
    after = amended(before, 12)
    assert (before.total_by_currency(), after.total_by_currency()) == ({"USD": 84_000_00}, {"USD": 73_920_00})
    assert after.lines[0].quantity * 100 == before.lines[0].quantity * 88
    assert after.lines[0].unit_price == before.lines[0].unit_price
    assert after.net_weight_kg * 100 == before.net_weight_kg * 88


def test_codes_are_valid() -> None:
    """All invented credit codes have the right form and check character, and are distinct."""
    codes = [trader.code for trader in TRADERS] + [BROKER_CODE]
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert uscc_problem(uscc(code)) is None


def test_organisation_code_check() -> None:
    """The ninth character of the organisation's own code follows GB 11714: D2143569-X is the standard's example."""
    assert social_credit_code("310115", "D2143569")[8:17] == "D2143569X"


def test_time_never_goes_back() -> None:
    """The story's clock moves forward alone, in Shanghai's time."""
    clock = StoryClock(2025, 11, 10, 8)
    clock.move_to(88, 10)
    assert clock.now.isoformat() == "2026-02-06T10:00:00+08:00"
    assert clock.day == 88
    with pytest.raises(AssertionError, match="cannot go back"):
        clock.move_to(87, 10)
