"""Day zero: what was lent before the ledger began is put on it as it is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.modules.financing.book import DAY_MS, Book, loan_id

from kouan.kernel.quota import is_overdrawn
from kouan.kernel.records import Member
from kouan.kernel.rejections import Rejection
from kouan.modules.financing.queries import entries
from kouan.modules.financing.rules import BRING_IN_UNTIL

OURS, THEIRS, NEW = loan_id("ours"), loan_id("theirs"), loan_id("new")


@pytest.fixture
def book() -> Book:
    """A ledger on which loans may be brought in for a day."""
    return Book(**{BRING_IN_UNTIL: Book().now + DAY_MS})


def test_it_is_closed_unless_the_charter_opens_it() -> None:
    """Closed by default, open until the charter's moment, and closed in a block of that very moment."""
    closed = Book()
    own = closed.declare("a")
    assert closed.refused("bank-a", closed.bring_in(OURS, {own: 100})) == (Rejection.BRINGING_IN_CLOSED, "")
    book = Book(**{BRING_IN_UNTIL: closed.now + DAY_MS})
    book.declare("a")
    book.ledger.advance(DAY_MS - 1)
    book.accept("bank-a", book.bring_in(OURS, {own: 100}))
    book.ledger.advance(1)
    assert book.refused("bank-a", book.bring_in(NEW, {own: 100})) == (Rejection.BRINGING_IN_CLOSED, "")


def test_a_loan_brought_in_is_out_and_can_be_served(book: Book) -> None:
    """It is disbursed, opened when it was opened, says how it came; it is repaid, and its room comes back."""
    own = book.declare("a")
    book.accept("bank-a", book.bring_in(OURS, {own: 100_000_00}))
    view = book.view(OURS)
    assert (view.state, view.outstanding, view.opened_ms) == ("disbursed", {"USD": 100_000_00}, book.now - 30 * DAY_MS)
    (entry,) = entries(book.ledger.reader, OURS)
    assert (entry.kind, entry.amounts, entry.time_ms) == ("brought-in", [100_000_00], book.now)
    assert (book.quota(own).used, book.quota(own).draws) == (100_000_00, 1)
    too_much = book.hold("bank-b", NEW, {own: 150_000_01})
    assert book.refused("bank-b", too_much) == (Rejection.QUOTA_EXCEEDED, own)
    book.accept("bank-a", book.repay(OURS, 100_000_00))
    assert (book.loan(OURS).state, book.quota(own).used, book.quota(own).draws) == ("settled", 0, 1)


def test_two_banks_that_lent_on_one_declaration_both_stand_there(book: Book) -> None:
    """Nothing is hidden: the declaration is over-drawn, carries nothing new, and both loans can be repaid."""
    own = book.declare("a")
    book.accept("bank-a", book.bring_in(OURS, {own: 250_000_00}))
    book.accept("bank-b", book.bring_in(THEIRS, {own: 250_000_00}))
    assert is_overdrawn(book.quota(own))
    assert (book.quota(own).used, book.quota(own).draws) == (500_000_00, 2)
    assert book.refused("bank-c", book.hold("bank-c", NEW, {own: 1})) == (Rejection.QUOTA_EXCEEDED, own)
    book.accept("bank-b", book.repay(THEIRS, 250_000_00))
    assert not is_overdrawn(book.quota(own))


@pytest.mark.parametrize("status", ["suspended", "withdrawn"])
def test_what_a_declaration_has_become_since_does_not_matter(book: Book, status: str) -> None:
    """Nor that the loan is overdue: it is a fact that it is out."""
    own = book.declare("a")
    book.edit_quota(own, status=status)
    book.accept("bank-a", book.bring_in(OURS, {own: 100}, maturity_ms=book.now - DAY_MS))
    assert book.view(OURS).is_overdue


def test_a_loan_brought_in_by_mistake_is_reversed_by_a_second_person(book: Book) -> None:
    """The room comes back; that it was drawn on once stays, and so does the id."""
    own = book.declare("a")
    book.accept("bank-a", book.bring_in(OURS, {own: 100}))
    reverse = {"type": "financing.reverse/1", "entry": 1, "financing": OURS}
    assert book.refused("bank-a", reverse) == (Rejection.REVERSAL_SAME_KEY, "")
    book.accept("bank-a", reverse, key="second")
    assert (book.loan(OURS).state, book.loan(OURS).reason, book.quota(own).used) == ("released", "reversed", 0)
    assert book.refused("bank-a", book.bring_in(OURS, {own: 100})) == (Rejection.FINANCING_EXISTS, "financing")


def test_a_loan_brought_in_can_be_refinanced_and_sold(book: Book) -> None:
    own, other = book.declare("a"), book.declare("b")
    book.accept("bank-a", book.bring_in(OURS, {own: 100}))
    book.accept("bank-b", book.refinance("bank-b", NEW, OURS, {other: 90}))
    assert (book.loan(OURS).state, book.loan(OURS).successor) == ("settled", NEW)


def test_a_suspended_bank_brings_nothing_in(book: Book) -> None:
    own = book.declare("a")
    member = book.ledger.must(Member, "member/bank-a")
    book.put("member/bank-a", replace(member, suspended=True))
    assert book.refused("bank-a", book.bring_in(OURS, {own: 100}))[0] == Rejection.MEMBER_SUSPENDED
