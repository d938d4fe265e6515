"""Reports as of the end of a day: overdue, maturities, trade credit."""

from __future__ import annotations

from datetime import date

import pytest
from tests.client.port_scene import DAY_MS, EXPORT, NUMBER, OWNER, Scene, numbered
from tests.client.test_bank_desk import BANK, OTHER, bank, lend

from kouan.client.amounts import Amount
from kouan.client.bank import Bank
from kouan.client.bank_desk import CONSENT_KIND
from kouan.client.due_reports import MATURITY_SPANS, OVERDUE_SPANS, maturity_report, overdue_report, span_of, totals
from kouan.client.servicing_desk import ServicingDesk
from kouan.client.trade_credit import Class, Credit, Kind, trade_credit
from kouan.client.wallet import Part
from kouan.client.workdays import day_of, end_of_day

SECOND = numbered(102)
EXPORTED = date(2019, 11, 12)
TODAY = date(2019, 11, 6)


@pytest.mark.parametrize(
    ("days", "span"), [(0, "0-30"), (30, "0-30"), (31, "31-90"), (90, "31-90"), (360, "181-360"), (361, "361+")]
)
def test_spans_of_days(days: int, span: str) -> None:
    assert span_of(days, OVERDUE_SPANS) == span


def test_overdue_and_coming_maturities(scene: Scene) -> None:
    """At each day every loan that is owed stands in one of the two reports."""
    scene.attest()
    with bank(scene) as opened:
        due = date(2020, 1, 31)
        loan = lend(scene, opened, Part(NUMBER, "USD", 5_000_000), maturity_ms=end_of_day(due))
        for later, overdue, days, span in ((-7, False, 7, "0-7"), (0, False, 0, "0-7"), (31, True, 31, "31-90")):
            at_ms = end_of_day(date.fromordinal(due.toordinal() + later))
            late, coming = overdue_report(opened, at_ms), maturity_report(opened, at_ms)
            ((one,), other) = (late, coming) if overdue else (coming, late)
            assert (one.held.view.id, one.days, one.span, one.outstanding, other) == (loan, days, span, 5_000_000, [])
        assert totals(late, OVERDUE_SPANS) == [("31-90", "USD", 1, 5_000_000)]


def test_a_day_that_has_passed_is_reported_as_it_was(scene: Scene) -> None:
    """What was repaid since was owed then."""
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 5_000_000))
        evening = end_of_day(day_of(scene.now))
        scene.now = evening + DAY_MS
        assert ServicingDesk(opened).repay(loan, "buyer", amount=Amount(2_000_000, "USD")).result.accepted
        assert [due.outstanding for due in maturity_report(opened, evening)] == [5_000_000]
        assert [due.outstanding for due in maturity_report(opened, scene.now + 1)] == [3_000_000]
        assert [due.outstanding for due in maturity_report(opened, evening - DAY_MS)] == []
        assert totals([], MATURITY_SPANS) == []


def credits_at(opened: Bank, day: date, of_class: Class = "A") -> list[Credit]:
    return trade_credit(opened, day, end_of_day(day), {OWNER: of_class})


def ahead(days: int) -> date:
    """That many days after the export."""
    return date.fromordinal(EXPORTED.toordinal() + days)


def test_the_day_of_export_is_in_the_owners_slip() -> None:
    """Of the example."""
    assert EXPORT.ie_date == EXPORTED


@pytest.mark.parametrize(
    ("days", "of_class", "kinds"),
    [
        (30, "A", []),
        (90, "A", []),
        (91, "A", ["deferred"]),
        (30, "B", ["expected"]),
        (31, "B", ["deferred"]),
        (31, "C", ["deferred"]),
    ],
)
def test_a_receivable_is_deferred_beyond_the_term_of_the_class(
    scene: Scene, days: int, of_class: Class, kinds: list[Kind]
) -> None:
    """Ninety days for class A, thirty for B and C; neither counts the last day. The loan falls due after 84."""
    scene.attest()
    with bank(scene) as opened:
        lend(scene, opened, Part(NUMBER, "USD", 1_000))
        found = credits_at(opened, ahead(days), of_class)
    assert [credit.kind for credit in found] == kinds
    for credit in found:
        assert (credit.days, credit.exported, credit.report_by) == (days, EXPORTED, ahead(30))
        assert (credit.amount, credit.declaration.number, credit.declaration.owner) == (11_928_000, NUMBER, OWNER)


def test_a_loan_that_falls_due_late_lets_a_deferral_be_expected(scene: Scene) -> None:
    """In time for the report, which is due within thirty days of the export."""
    scene.attest()
    with bank(scene) as opened:
        lend(scene, opened, Part(NUMBER, "USD", 1_000), maturity_ms=scene.now + 150 * DAY_MS)
        (credit,) = credits_at(opened, ahead(1))
        assert (credit.kind, credit.expected) == ("expected", day_of(scene.now + 150 * DAY_MS - 1))
        assert credits_at(opened, ahead(-1)) == []


def test_what_is_paid_is_not_deferred_any_more(scene: Scene) -> None:
    """In part, and for good; as of the day: a later receipt does not count yet, one taken back never did."""
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 1_000))
        quota = opened.loan(loan).allocations[0].quota
        desk = ServicingDesk(opened)
        scene.now = end_of_day(ahead(95)) - 1
        assert desk.collect(parts={quota: 1_000_000}, final=False).result.accepted
        scene.now += DAY_MS
        wrong = desk.collect(parts={quota: 5}, final=False)
        (before,), (after,) = credits_at(opened, ahead(94)), credits_at(opened, ahead(96))
        assert (before.amount, before.collected) == (11_928_000, 0)
        assert (after.amount, after.collected) == (10_927_995, 1_000_005)
    with bank(scene, BANK, "checker") as opened:
        scene.now += DAY_MS
        assert ServicingDesk(opened).reverse_collection(wrong.id).accepted
        (again,) = credits_at(opened, ahead(97))
        assert again.collected == 1_000_000
        assert ServicingDesk(opened).collect(parts={quota: 10_000_000}, final=True, name=loan).result.accepted
        assert credits_at(opened, ahead(97)) == []


def test_a_receipt_at_another_bank_counts_as_well(scene: Scene) -> None:
    scene.attest()
    with bank(scene) as opened:
        quota = opened.loan(lend(scene, opened, Part(NUMBER, "USD", 1_000))).allocations[0].quota
    with bank(scene, OTHER) as opened:
        assert ServicingDesk(opened).collect(parts={quota: 11_928_000}, final=False).result.accepted
    with bank(scene) as opened:
        assert credits_at(opened, ahead(91)) == []


def test_money_before_the_goods_left_is_an_advance(scene: Scene) -> None:
    """Received six days before the export: every advance of class B, none of class A."""
    scene.attest()
    with bank(scene) as opened:
        quota = opened.loan(lend(scene, opened, Part(NUMBER, "USD", 1_000))).allocations[0].quota
        assert ServicingDesk(opened).collect(parts={quota: 500}, final=False).result.accepted
        assert credits_at(opened, TODAY) == []
        (credit,) = credits_at(opened, TODAY, "B")
    assert (credit.kind, credit.amount, credit.days) == ("advance", 500, 6)
    assert credit.report_by == date(2019, 12, 6)


def test_without_the_day_of_export_it_says_so(scene: Scene) -> None:
    """The owner's slip was erased; the bank's own file may have said the day."""
    scene.attest()
    with bank(scene) as opened:
        quota = opened.loan(lend(scene, opened, Part(NUMBER, "USD", 1_000))).allocations[0].quota
        for entry in opened.vault.by_kind(CONSENT_KIND):
            opened.vault.erase(entry.id, time_ms=scene.now)
        (credit,) = credits_at(opened, ahead(91))
        assert (credit.kind, credit.exported, credit.report_by) == ("unknown", None, None)
        opened.book.know_export(quota, "2019-11-12")
        assert [credit.kind for credit in credits_at(opened, ahead(91))] == ["deferred"]


def test_a_withdrawn_declaration_is_no_receivable(scene: Scene) -> None:
    scene.attest()
    scene.attest(SECOND)
    with bank(scene) as opened:
        lend(scene, opened, Part(NUMBER, "USD", 1_000))
        lend(scene, opened, Part(SECOND.entry_id, "USD", 1_000))
        with scene.customs() as desk:
            desk.withdraw([NUMBER], "not-exported")
        assert [credit.declaration.number for credit in credits_at(opened, ahead(91))] == [SECOND.entry_id]
