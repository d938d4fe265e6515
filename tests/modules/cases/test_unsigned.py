"""Who joins a trade from the other side without a signature is weighed in full, and stops nobody."""

from __future__ import annotations

import pytest
from tests.modules.cases.trade import Named, Trade, loan_id

from kouan.kernel.rejections import Rejection

CONTRACT, ORDER = ("contract", "C-1"), ("order", "PO-1")


@pytest.fixture
def trade() -> Trade:
    return Trade()


def is_unsigned(trade: Trade, quota: str) -> bool:
    return trade.quota(quota).facts.get("unsigned") == "yes"


def fake(trade: Trade, number: str = "FAKE", *names: Named, **how: object) -> str:
    """A stranger's paper for the buyer, through its bank."""
    return trade.recorded("bank-c", "invoice", number, 1000, names=[CONTRACT, *names], purpose="buyer", **how)


@pytest.mark.parametrize("stranger_first", [False, True])
def test_a_stranger_on_the_other_side_stops_nobody(trade: Trade, *, stranger_first: bool) -> None:
    """Whether it comes after the declaration or lies in wait for it."""
    known = fake(trade) if stranger_first else ""
    declared = trade.linked("declared", 1000, CONTRACT)
    stranger = known or fake(trade)
    assert trade.case(stranger) == trade.case(declared)
    assert is_unsigned(trade, stranger)
    assert not is_unsigned(trade, declared)
    trade.lend("bank-c", "stranger's", {stranger: 100})
    assert trade.try_hold("bank-a", "seller's", {declared: 800}) == (0, "")
    assert trade.case_view(declared).concerns == ["both-sides"]  # it is shown all the same
    # Its own draws are judged as anybody's.
    trade.accept("bank-a", trade.disburse(loan_id("seller's"), 800))
    assert trade.try_hold("bank-c", "more", {stranger: 1}) == (Rejection.CASE_TO_REVIEW, stranger)


def test_a_stranger_makes_no_review_stale(trade: Trade) -> None:
    """Neither by what it draws nor by what it records."""
    declared = trade.linked("declared", 1000, CONTRACT)
    euros = trade.recorded("bank-b", "order", "PO-1", 1000, unit="EUR", signed=[declared])
    trade.lend("bank-a", "bill", {declared: 100})
    review = trade.review(euros, "other-currency")
    stranger = fake(trade)
    trade.accept("bank-b", review)
    fake(trade, "FAKE-2", signed=[stranger])
    trade.accept("bank-c", trade.review(stranger))
    trade.lend("bank-c", "in vain", {stranger: 1})
    assert trade.case(declared).allocations == 2  # it is counted nevertheless
    held = trade.hold("bank-b", loan_id("euros"), {euros: 700}, currency="EUR")
    trade.accept("bank-b", held)


def test_a_stranger_that_had_much_to_look_at_makes_no_review_stale(trade: Trade) -> None:
    """Its own case may have changed more often than the one it joins."""
    declared = trade.linked("declared", 1000, CONTRACT)
    euros = trade.recorded("bank-b", "order", "PO-1", 1000, unit="EUR", signed=[declared])
    trade.lend("bank-a", "bill", {declared: 100})
    trade.accept("bank-b", trade.review(euros, "other-currency"))
    stranger = trade.recorded("bank-c", "invoice", "FAKE", 1000, purpose="buyer")
    for number in range(trade.case(declared).revision + 3):
        trade.accept("bank-c", trade.hold("bank-c", loan_id(str(number)), {stranger: 1}))
    trade.accept("bank-c", trade.link("bank-c", stranger, CONTRACT))
    assert trade.case(stranger) == trade.case(declared)
    trade.accept("bank-b", trade.hold("bank-b", loan_id("euros"), {euros: 700}, currency="EUR"))


def test_a_strangers_review_of_its_own_papers_is_none_of_the_trade_it_joins(trade: Trade) -> None:
    declared = trade.linked("declared", 1000, CONTRACT)
    trade.lend("bank-a", "bill", {declared: 100})
    stranger = trade.recorded("bank-c", "invoice", "FAKE", 1000, purpose="buyer")
    while trade.case(stranger).revision < trade.case(declared).revision:
        trade.accept("bank-c", trade.hold("bank-c", loan_id(str(trade.case(stranger).revision)), {stranger: 1}))
    trade.accept("bank-c", trade.review(stranger))
    trade.accept("bank-c", trade.link("bank-c", stranger, CONTRACT))
    assert trade.case(stranger) == trade.case(declared)
    assert trade.case(declared).reviews == {}
    assert trade.try_hold("bank-c", "unseen", {stranger: 1}) == (Rejection.CASE_TO_REVIEW, stranger)


def test_further_papers_of_a_stranger_are_unsigned_too(trade: Trade) -> None:
    """Its own first paper signs for them: that is no word of the other side."""
    declared = trade.linked("declared", 1000, CONTRACT)
    first = fake(trade)
    assert is_unsigned(trade, fake(trade, "FAKE-2", signed=[first]))
    alone = trade.recorded("bank-c", "invoice", "FAKE-3", 1000, purpose="buyer")
    trade.accept("bank-c", trade.join(first, alone))
    assert is_unsigned(trade, alone)
    assert trade.case(alone) == trade.case(declared)


def test_the_other_sides_signature_makes_it_count(trade: Trade) -> None:
    """When it is recorded, or by a join afterwards; whoever had looked must look again."""
    declared = trade.linked("declared", 1000, CONTRACT)
    signed = trade.recorded("bank-b", "invoice", "INV-1", 1000, purpose="buyer", signed=[declared])
    assert not is_unsigned(trade, signed)
    other = trade.linked("other", 1000, ORDER)
    late = trade.recorded("bank-b", "invoice", "INV-2", 1000, names=[ORDER], purpose="buyer")
    trade.lend("bank-b", "buyer's", {late: 100})
    trade.accept("bank-a", trade.review(other))
    before = trade.case(other).revision
    # A stranger's own two papers vouch for neither.
    trade.accept("bank-b", trade.join(late, late))
    assert is_unsigned(trade, late)
    trade.accept("bank-b", trade.join(late, other))
    assert not is_unsigned(trade, late)
    assert trade.case(other).revision == before + 1
    assert trade.try_hold("bank-a", "seller's", {other: 1}) == (Rejection.CASE_TO_REVIEW, other)


def test_a_signature_under_a_link_counts_too(trade: Trade) -> None:
    declared = trade.linked("declared", 1000, CONTRACT)
    late = fake(trade)
    trade.accept("bank-c", trade.link("bank-c", late, CONTRACT, signed=[late, declared]))
    assert not is_unsigned(trade, late)


@pytest.mark.parametrize("by", ["bank-b", "carrier"])
def test_who_confirms_it_makes_it_count(trade: Trade, by: str) -> None:
    declared = trade.linked("declared", 1000, CONTRACT)
    late = fake(trade)
    trade.lend("bank-c", "buyer's", {late: 100})
    trade.accept("bank-a", trade.review(declared))
    trade.accept(by, trade.confirm(late))
    assert not is_unsigned(trade, late)
    assert trade.try_hold("bank-a", "seller's", {declared: 1}) == (Rejection.CASE_TO_REVIEW, declared)


def test_a_confirmed_paper_joins_as_one_that_counts(trade: Trade) -> None:
    declared = trade.linked("declared", 1000, CONTRACT)
    bought = trade.recorded("bank-b", "invoice", "INV-1", 1000, purpose="buyer")
    trade.accept("bank-a", trade.confirm(bought))
    trade.accept("bank-b", trade.link("bank-b", bought, CONTRACT))
    assert trade.case(bought) == trade.case(declared)
    assert not is_unsigned(trade, bought)


def test_the_owners_further_papers_count(trade: Trade) -> None:
    """Beside the buyer, whose owner has not signed for them: their own side has."""
    declared = trade.linked("declared", 1000, CONTRACT)
    bought = trade.recorded("bank-b", "invoice", "INV-1", 1000, purpose="buyer", signed=[declared])
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000, signed=[declared])
    shipment = trade.linked("second", 1000, CONTRACT)
    assert trade.case(bought) == trade.case(invoice) == trade.case(shipment)
    assert not is_unsigned(trade, invoice)
    trade.lend("bank-a", "seller's", {invoice: 100})
    assert trade.try_hold("bank-b", "buyer's", {bought: 1}) == (Rejection.CASE_TO_REVIEW, bought)


def test_a_document_that_is_taken_out_is_unsigned_no_more(trade: Trade) -> None:
    """It stands for itself; where it joins next is judged anew."""
    trade.linked("declared", 1000, CONTRACT)
    late = fake(trade)
    trade.accept("overseer", trade.dispute(late))
    assert not is_unsigned(trade, late)
