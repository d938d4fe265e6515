"""One shipment is lent on once, however large the contract or order is that stands beside its papers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.modules.cases.trade import Trade, loan_id

from kouan.kernel.rejections import Rejection

CONTRACT, ORDER, BILL = ("contract", "C-1"), ("order", "PO-1"), ("transport", "BL-1")


@pytest.fixture
def trade() -> Trade:
    return Trade()


def shipped(trade: Trade) -> tuple[str, str]:
    """Declaration and invoice of one shipment worth 1000, under a contract worth 100,000."""
    trade.recorded("bank-a", "contract", "C-1", 100_000)
    declared = trade.linked("declared", 1000, CONTRACT)
    return declared, trade.recorded("bank-b", "invoice", "INV-1", 1000, names=[CONTRACT], signed=[declared])


Way = Callable[[Trade, str, int], tuple[int, str]]


def held(trade: Trade, quota: str, amount: int) -> tuple[int, str]:
    return trade.try_hold("bank-b", "second", {quota: amount})


def paid_out(trade: Trade, quota: str, amount: int) -> tuple[int, str]:
    """It was held while nothing was out."""
    return trade.refused("bank-b", trade.disburse(loan_id(f"early {quota}"), amount))


def refinanced(trade: Trade, quota: str, amount: int) -> tuple[int, str]:
    """Another loan is paid off with it, of goods that have nothing to do with these."""
    old = trade.lend("bank-b", "elsewhere", {trade.declare("elsewhere", 1000): 10})
    return trade.refused("bank-b", trade.refinance("bank-b", loan_id("second"), old, {quota: amount}))


def moved(trade: Trade, quota: str, amount: int) -> tuple[int, str]:
    """Another loan is moved there."""
    elsewhere = trade.declare("elsewhere", 9000)
    loan = trade.lend("bank-b", "elsewhere", {elsewhere: amount})
    return trade.refused("bank-b", trade.substitute("bank-b", loan, {elsewhere: amount}, {quota: amount}))


@pytest.mark.parametrize("way", [held, refinanced, moved])
@pytest.mark.parametrize("strong_first", [True, False], ids=["strong-first", "weak-first"])
def test_a_shipment_is_not_lent_on_twice_under_a_larger_contract(trade: Trade, way: Way, *, strong_first: bool) -> None:
    """Whichever of its papers comes first, and however the second is drawn on."""
    declared, invoice = shipped(trade)
    first, second = (declared, invoice) if strong_first else (invoice, declared)
    limit = trade.quota(first).limit
    trade.lend("bank-a", "first", {first: limit})
    assert way(trade, second, 1 if strong_first else 101) == (Rejection.CASE_EXCEEDED, second)
    # The contract itself goes on: there are other shipments to come.
    assert trade.try_hold("bank-a", "contract", {trade.paper(*CONTRACT): 60_000}) == (0, "")


@pytest.mark.parametrize("strong_first", [True, False], ids=["strong-first", "weak-first"])
def test_what_was_held_on_both_is_paid_out_on_one(trade: Trade, *, strong_first: bool) -> None:
    declared, invoice = shipped(trade)
    for quota in (invoice, declared):  # a hold on weaker evidence stops no stronger one
        trade.accept("bank-b", trade.hold("bank-b", loan_id(f"early {quota}"), {quota: 700}))
    first, second = (declared, invoice) if strong_first else (invoice, declared)
    code = trade.refused("bank-b", trade.disburse(loan_id(f"early {first}"), 700))
    if not strong_first:  # the weaker one counts what is held on the stronger
        assert code == (Rejection.CASE_EXCEEDED, invoice)
        return
    assert code == (0, "")
    assert paid_out(trade, second, 700) == (Rejection.CASE_EXCEEDED, second)


@pytest.mark.parametrize("parts", [(True, False), (False, True)])
def test_a_loan_of_two_papers_of_a_shipment_is_weighed_as_one(trade: Trade, parts: tuple[bool, bool]) -> None:
    """It can be held for no more than the shipment carries, so there is no paying it out in steps either."""
    papers = shipped(trade)
    both = {papers[not parts[0]]: 500, papers[not parts[1]]: 301}
    assert trade.try_hold("bank-a", "both", both)[0] == Rejection.CASE_EXCEEDED
    declared, invoice = papers
    trade.accept("bank-a", trade.hold("bank-a", loan_id("both"), {declared: 500, invoice: 300}))
    trade.edit_quota(declared, attested=900, limit=720)  # customs has amended it since
    trade.accept("bank-a", trade.disburse(loan_id("both"), 500, 0))
    trade.accept("bank-a", trade.review(invoice, "other-shipment"))
    assert trade.refused("bank-a", trade.disburse(loan_id("both"), 0, 300)) == (Rejection.CASE_EXCEEDED, invoice)
    trade.accept("bank-a", trade.disburse(loan_id("both"), 0, 220))


def two_shipments(trade: Trade) -> tuple[str, str, str]:
    """Two declarations under a contract, and the invoice of the first."""
    first, second = (trade.linked(name, 1000, CONTRACT) for name in ("first", "second"))
    return first, second, trade.recorded("bank-b", "invoice", "INV-1", 1000, names=[CONTRACT], signed=[first])


def test_another_kind_of_shipment_paper_is_looked_at_first(trade: Trade) -> None:
    """The two declarations carry 1600, so the sum alone would let one of them be lent on twice."""
    first, second, invoice = two_shipments(trade)
    trade.lend("bank-a", "first", {first: 800})
    assert trade.try_hold("bank-b", "invoice", {invoice: 700}) == (Rejection.CASE_TO_REVIEW, invoice)
    # Another shipment's paper of the same kind says itself that it is another one.
    assert trade.try_hold("bank-c", "second", {second: 100}) == (0, "")
    trade.accept("bank-b", trade.review(invoice, "other-shipment"))
    trade.lend("bank-b", "invoice", {invoice: 700})
    assert trade.case_view(first).concerns == ["two-shipment-kinds"]
    assert trade.case_view(first).sides[0].shipment_caps == {"self": 1600, "attested": 1600}
    # By now the second bank has to look as well, and what is left is what both shipments carry.
    late = trade.disburse(loan_id("second"), 100)
    assert trade.refused("bank-c", late) == (Rejection.CASE_TO_REVIEW, second)
    trade.accept("bank-c", trade.review(second))
    trade.accept("bank-c", late)
    assert trade.try_hold("bank-c", "beyond", {second: 1}) == (Rejection.CASE_EXCEEDED, second)


def test_a_hold_on_another_kind_needs_no_look(trade: Trade) -> None:
    """It may never become money; once it does, whoever pays out second has to look."""
    first, _, invoice = two_shipments(trade)
    trade.accept("bank-a", trade.hold("bank-a", loan_id("bill"), {first: 800}))
    trade.accept("bank-b", trade.hold("bank-b", loan_id("invoice"), {invoice: 700}))
    trade.accept("bank-a", trade.disburse(loan_id("bill"), 800))
    late = trade.disburse(loan_id("invoice"), 700)
    assert trade.refused("bank-b", late) == (Rejection.CASE_TO_REVIEW, invoice)


def test_paying_the_other_kind_off_needs_no_look(trade: Trade) -> None:
    """An invoice loan becomes an export bill: the state after the pay-off is judged."""
    declared, invoice = shipped(trade)
    old = trade.lend("bank-b", "invoice", {invoice: 700})
    trade.accept("bank-a", trade.refinance("bank-a", loan_id("bill"), old, {declared: 800}))
    assert (trade.quota(invoice).used, trade.quota(declared).used) == (0, 800)


def test_order_and_contract_need_no_look_beside_a_shipment(trade: Trade) -> None:
    """Packing loan and export bill are one after the other; what both carry bounds them."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    shipment = trade.linked("shipment", 500, ORDER)
    trade.lend("bank-b", "bill", {shipment: 400})
    trade.lend("bank-a", "packing loan", {order: 300})
    assert trade.try_hold("bank-a", "beyond", {order: 1}) == (Rejection.CASE_EXCEEDED, order)
    assert trade.case_view(order).concerns == ["beyond-stronger"]


def test_a_shipment_that_is_declared_anew_is_not_free(trade: Trade) -> None:
    """The one that was withdrawn carries nothing any more, and what is out on it counts."""
    trade.recorded("bank-a", "contract", "C-1", 100_000)
    first = trade.linked("first", 1000, CONTRACT, BILL)
    trade.lend("bank-a", "bill", {first: 800})
    trade.edit_quota(first, status="withdrawn")
    again = trade.linked("again", 1000, CONTRACT, BILL)
    assert trade.try_hold("bank-b", "again", {again: 1}) == (Rejection.CASE_EXCEEDED, again)
