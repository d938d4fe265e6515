"""The end of the day: a bank's own file against the ledger."""

from __future__ import annotations

import pytest
from tests.client.port_scene import DAY_MS, NUMBER, Scene, in_currencies, numbered
from tests.client.test_bank_desk import BANK, OTHER, bank, lend, slip, wanted

from kouan.client.amounts import Amount
from kouan.client.bank import Bank
from kouan.client.bank_desk import BankDesk
from kouan.client.reconciling import Compared, reconcile, refer
from kouan.client.servicing_desk import ServicingDesk
from kouan.client.wallet import Part
from kouan.formats.errors import FormatError

HEAD = "reference,currency,outstanding,maturity,amount,state"
MATURITY = "2020-02-04"
SECOND = numbered(102)


def compare(scene: Scene, opened: Bank, *rows: str, at_ms: int | None = None) -> list[Compared]:
    return reconcile(opened, "\n".join([HEAD, *rows]).encode(), "a.csv", scene.now if at_ms is None else at_ms)


def said(compared: list[Compared]) -> list[tuple[int | None, str, list[str]]]:
    return [(one.line, one.outcome, [difference.field for difference in one.differences]) for one in compared]


def test_matched_different_and_missing_on_either_side(scene: Scene) -> None:
    """By the ledger's id or the bank's own reference; empty cells are not compared."""
    scene.attest()
    scene.attest(SECOND)
    with bank(scene) as opened:
        first = lend(scene, opened, Part(NUMBER, "USD", 5_000_000))
        second = lend(scene, opened, Part(SECOND.entry_id, "USD", 1_000))
        opened.book.refer("EB-1", first)
        matched = f"EB-1,USD,50000.00,{MATURITY},50000.00,已放款"
        assert said(compare(scene, opened, matched, f"{second},USD,10.00,{MATURITY},,")) == [
            (2, "matched", []),
            (3, "matched", []),
        ]
        assert said(compare(scene, opened, matched, f"EB-9,USD,1,{MATURITY},,")) == [
            (2, "matched", []),
            (3, "missing-here", []),
            (None, "missing-there", []),
        ]
        (*_, missing) = compare(scene, opened, matched)
        assert (missing.loan, missing.reference) == (second, "")


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ("USD,50000.00,2020-02-04,50000.00,disbursed", []),
        ("EUR,50000.00,2020-02-04,50000.00,disbursed", ["currency"]),
        ("USD,49999.99,2020-02-04,50000.00,disbursed", ["outstanding"]),
        ("USD,50000.01,2020-02-04,50000.00,disbursed", ["outstanding"]),
        ("USD,50000.00,2020-02-05,60000.00,settled", ["amount", "maturity", "state"]),
    ],
)
def test_the_field_that_differs_is_named(scene: Scene, row: str, fields: list[str]) -> None:
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 5_000_000))
        (one,) = compare(scene, opened, f"{loan},{row}")
    assert [difference.field for difference in one.differences] == fields
    assert one.outcome == ("different" if fields else "matched")


def test_both_figures_are_shown(scene: Scene) -> None:
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 5_000_000))
        (one,) = compare(scene, opened, f"{loan},USD,1.00,{MATURITY},,")
    assert one.differences[0] == ("outstanding", "USD", "1.00", "50000.00")


def test_a_loan_in_another_currency_may_be_rounded_otherwise(scene: Scene) -> None:
    """The ledger rounds down for each currency of the declarations; a cent more in the file is no difference."""
    declaration = in_currencies(("1000.00", "USD"), ("2000.00", "EUR"))
    scene.attest(declaration)
    with bank(scene) as opened:
        parts = (Part(NUMBER, "USD", 333), Part(NUMBER, "EUR", 333))
        loan = lend(scene, opened, *parts, currency="CNY", rates={"USD": 712_340_000, "EUR": 781_230_000})
        rows = [f"{loan},CNY,49.7{digit},{MATURITY},," for digit in (2, 3, 4, 5, 6)]
        found = [said(compare(scene, opened, row))[0][1] for row in rows]
    assert found == ["different", "matched", "matched", "matched", "different"]


def test_as_of_a_day_that_has_passed(scene: Scene) -> None:
    """What was repaid later does not count yet, and a loan that came later is not missed."""
    scene.attest()
    scene.attest(SECOND)
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 5_000_000))
        evening = scene.now + DAY_MS // 2
        scene.now += DAY_MS
        assert ServicingDesk(opened).repay(loan, "buyer", amount=Amount(5_000_000, "USD")).result.accepted
        lend(scene, opened, Part(SECOND.entry_id, "USD", 1_000), maturity_ms=scene.now + 90 * DAY_MS)
        before = f"{loan},USD,50000.00,{MATURITY},,disbursed"
        assert said(compare(scene, opened, before, at_ms=evening)) == [(2, "matched", [])]
        assert said(compare(scene, opened, before)) == [
            (2, "different", ["outstanding", "state"]),
            (None, "missing-there", []),
        ]
        assert said(compare(scene, opened))[0][:2] == (None, "missing-there")


def test_what_is_neither_held_nor_owed_need_not_be_in_the_file(scene: Scene) -> None:
    """Released, lapsed, settled; if it is there, its state must agree. What is held must be there."""
    scene.attest()
    with bank(scene) as opened:
        desk = BankDesk(opened)
        held = desk.hold(slip(scene, Part(NUMBER, "USD", 1_000)), wanted(scene)).financing
        assert said(compare(scene, opened)) == [(None, "missing-there", [])]
        assert said(compare(scene, opened, f"{held},USD,0,{MATURITY},10.00,held")) == [(2, "matched", [])]
        evening = scene.now
        scene.now += DAY_MS
        assert said(compare(scene, opened, f"{held},USD,0,{MATURITY},10.00,held", at_ms=evening))[0][1] == "matched"
        assert desk.release(held, "withdrawn").accepted
        assert compare(scene, opened) == []
        assert said(compare(scene, opened, f"{held},USD,0,{MATURITY},,held")) == [(2, "different", ["state"])]


def test_a_hold_that_lapsed_since_was_held_that_evening(scene: Scene) -> None:
    """Until the day before it was made, when the ledger had nothing of it."""
    scene.attest()
    with bank(scene) as opened:
        placed = BankDesk(opened).hold(slip(scene, Part(NUMBER, "USD", 1_000)), wanted(scene))
        assert placed.lapse is not None
        evening = scene.now
        scene.now = placed.lapse.moment_ms + 2 * DAY_MS
        row = f"{placed.financing},USD,0,{MATURITY},,"
        for at_ms, state in ((evening, "held"), (scene.now - DAY_MS, "lapsed"), (scene.now, "lapsed")):
            assert said(compare(scene, opened, row + state, at_ms=at_ms)) == [(2, "matched", [])]
        assert said(compare(scene, opened, row, at_ms=evening - DAY_MS)) == [(2, "missing-here", [])]


def test_a_loan_that_was_sold_is_not_the_banks_any_more(scene: Scene) -> None:
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 1_000))
        assert ServicingDesk(opened).offer(loan, OTHER, scene.now + DAY_MS).accepted
    with bank(scene, OTHER) as buyer:
        assert ServicingDesk(buyer).accept(loan).accepted
        assert said(compare(scene, buyer, f"{loan},USD,10.00,{MATURITY},,"))[0][1] == "matched"
    with bank(scene, BANK) as seller:
        assert said(compare(scene, seller, f"{loan},USD,10.00,{MATURITY},,")) == [(2, "missing-here", [])]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (",USD,1,2020-02-04,,", "reference"),
        ("x,usd,1,2020-02-04,,", "currency"),
        ("x,USD,1.001,2020-02-04,,", "outstanding"),
        ("x,USD,1 EUR,2020-02-04,,", "outstanding"),
        ("x,USD,1,soon,,", "maturity"),
        ("x,USD,1,2020-02-04,one,", "amount"),
        ("x,USD,1,2020-02-04,,gone", "state"),
        ("x,USD,1,2020-02-04", ""),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_compared(scene: Scene, row: str, column: str) -> None:
    with bank(scene) as opened:
        bad, good = compare(scene, opened, row, f"y,USD,1,{MATURITY},,")
    assert (bad.line, bad.outcome, good.outcome) == (2, "unusable", "missing-here")
    assert bad.problem is not None
    assert bad.problem.column == column


def test_one_loan_twice_in_the_file(scene: Scene) -> None:
    """Once by its id and once by the bank's reference."""
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 1_000))
        opened.book.refer("EB-1", loan)
        rows = [f"{name},USD,10.00,{MATURITY},," for name in ("EB-1", loan)]
        first, second = compare(scene, opened, *rows)
    assert (first.outcome, second.outcome) == ("matched", "unusable")
    assert second.problem is not None
    assert second.problem.text == "is there already on line 2; give every loan one line"


def test_a_file_that_is_none(scene: Scene) -> None:
    with bank(scene) as opened, pytest.raises(FormatError, match=r"a\.csv:1: reference: the column is missing"):
        reconcile(opened, b"currency\n", "a.csv", scene.now)


def test_a_loan_gets_the_banks_own_reference(scene: Scene) -> None:
    """As its files write it; one reference is one loan."""
    scene.attest()
    scene.attest(SECOND)
    with bank(scene) as opened:
        first = lend(scene, opened, Part(NUMBER, "USD", 1_000))
        second = lend(scene, opened, Part(SECOND.entry_id, "USD", 1_000))
        assert refer(opened, first, " ＥＢ-1 ") == refer(opened, first, "EB-1") == first
        assert said(compare(scene, opened, f"EB-1,USD,10.00,{MATURITY},,"))[0][1] == "matched"
        with pytest.raises(ValueError, match=f"EB-1 is the loan {first}; give every loan its own"):
            refer(opened, second, "EB-1")
        with pytest.raises(ValueError, match="0 characters; give 1 to 200"):
            refer(opened, second, " ")
