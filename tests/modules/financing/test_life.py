"""A loan's life, from the application to the last cent."""

from __future__ import annotations

from tests.modules.financing.book import DAY_MS, Book, loan_id

from kouan.kernel.quota import available
from kouan.kernel.rejections import Rejection
from kouan.modules.financing.queries import entries, loan_view, overdue, short_of, under_review

LOAN = loan_id("loan")
OTHER = loan_id("other")


def _lent(*amounts: int) -> tuple[Book, list[str]]:
    """A loan of bank-a, paid out in full, over one declaration for each amount."""
    book = Book()
    declared = [book.declare(f"d{n}") for n in range(len(amounts))]
    book.accept("bank-a", book.hold("bank-a", LOAN, dict(zip(declared, amounts, strict=True))))
    book.accept("bank-a", book.disburse(LOAN, *amounts))
    return book, declared


def test_the_worked_example_of_the_readme() -> None:
    """312,500 attested, 250,000 lent, 311,960 collected for good, all repaid: 540 stay short."""
    book = Book()
    declared = book.declare("example")
    assert available(book.quota(declared), book.now) == 250_000_00

    book.accept("bank-a", book.hold("bank-a", LOAN, {declared: 250_000_00}))
    assert book.view(LOAN).state == "held"
    assert available(book.quota(declared), book.now) == 0

    book.accept("bank-a", book.disburse(LOAN, 250_000_00))
    assert book.view(LOAN).state == "disbursed"
    assert book.quota(declared).used == 250_000_00

    book.ledger.advance(60 * DAY_MS)
    book.accept("bank-b", book.collect("receipt", declared, 311_960_00, loan=LOAN))
    assert (book.quota(declared).limit, available(book.quota(declared), book.now)) == (432_00, 0)
    book.accept("bank-a", book.collect("for good", declared, 0, final=True, loan=LOAN))
    quota = book.quota(declared)
    assert (quota.collected, quota.limit, quota.used) == (311_960_00, 0, 250_000_00)
    assert short_of(quota) == 540_00

    book.accept("bank-a", book.repay(LOAN, 250_000_00, interest=1_875_00))
    view = book.view(LOAN)
    assert (view.state, view.interest, view.outstanding) == ("settled", 1_875_00, {"USD": 0})
    assert (book.quota(declared).used, available(book.quota(declared), book.now)) == (0, 0)
    assert book.refused("bank-b", book.hold("bank-b", OTHER, {declared: 1})) == (Rejection.QUOTA_EXCEEDED, declared)


def test_a_loan_in_another_currency_keeps_its_rate() -> None:
    """Allocations stay in the declarations' units; the loan's amount is their worth, each rounded down."""
    book = Book()
    dollars, yen = book.declare("usd"), book.declare("jpy", 1_000_000, "JPY")
    hold = book.hold("bank-a", LOAN, {dollars: 333, yen: 1001}, currency="CNY")
    hold |= {"rates": {"JPY": 475_000_000, "USD": 712_345_678}, "amount": 333 * 712_345_678 // 10**8 + 4754}
    book.accept("bank-a", hold)
    assert book.view(LOAN).held == {"USD": 333, "JPY": 1001}
    assert book.view(LOAN).amount == 2372 + 4754


def test_drawdowns_come_out_of_the_hold_and_the_rest_lapses() -> None:
    """Two drawdowns, then the rest lapses: the loan is settled once the drawn part is repaid, nothing is written."""
    book = Book()
    declared = book.declare("d")
    book.accept("bank-a", book.hold("bank-a", LOAN, {declared: 1000}))
    book.accept("bank-a", book.disburse(LOAN, 300))
    book.accept("bank-a", book.disburse(LOAN, 200, registration=None))
    assert (book.view(LOAN).held, book.view(LOAN).outstanding) == ({"USD": 500}, {"USD": 500})
    book.accept("bank-a", book.repay(LOAN, 500))
    assert book.view(LOAN).state == "disbursed"
    book.ledger.advance(3 * DAY_MS)
    assert book.view(LOAN).state == "settled"
    assert book.view(LOAN).held == {"USD": 0}
    assert book.refused("bank-a", book.disburse(LOAN, 1)) == (Rejection.HOLD_LAPSED, "financing")
    assert available(book.quota(declared), book.now) == 250_000_00


def test_a_hold_that_lapsed_frees_the_room_and_its_id_stays_used() -> None:
    book = Book()
    declared = book.declare("d")
    book.accept("bank-a", book.hold("bank-a", LOAN, {declared: 250_000_00}))
    book.ledger.advance(3 * DAY_MS)
    assert book.view(LOAN).state == "lapsed"
    book.accept("bank-b", book.hold("bank-b", OTHER, {declared: 250_000_00}))
    again = book.refused("bank-a", book.hold("bank-a", LOAN, {declared: 1}))
    assert again == (Rejection.FINANCING_EXISTS, "financing")


def test_a_bank_whose_holds_lapsed_twice_gets_no_third() -> None:
    """Others still do, and a release is not held against a bank."""
    book = Book()
    declared = book.declare("d")
    for name in ("one", "two"):
        book.accept("bank-a", book.hold("bank-a", loan_id(name), {declared: 100}))
        book.ledger.advance(3 * DAY_MS)
    assert book.refused("bank-a", book.hold("bank-a", LOAN, {declared: 100})) == (Rejection.HOLD_THIRD, declared)
    for name in ("three", "four", "five"):
        book.accept("bank-b", book.hold("bank-b", loan_id(name), {declared: 100}))
        release = {"type": "financing.release/1", "financing": loan_id(name), "reason": "withdrawn"}
        book.accept("bank-b", release)
        assert book.view(loan_id(name)).state == "released"


def test_a_drawdown_of_a_cent_that_is_reversed_does_not_excuse_a_lapse() -> None:
    """What was drawn was a mistake, so the hold lapsed undrawn; a second drawdown that stands does excuse it."""
    for standing, code in ((0, Rejection.HOLD_THIRD), (1, 0)):
        book = Book()
        declared = book.declare("d")
        for name in ("one", "two"):
            loan = loan_id(name)
            book.accept("bank-a", book.hold("bank-a", loan, {declared: 100}))
            for _ in range(1 + standing):
                book.accept("bank-a", book.disburse(loan, 1))
            book.accept("bank-a", {"type": "financing.reverse/1", "entry": 1, "financing": loan}, key="second")
            assert [hold.drawn for hold in book.quota(declared).holds if hold.financing == loan] == [bool(standing)]
            book.ledger.advance(3 * DAY_MS)
        assert book.refused("bank-a", book.hold("bank-a", LOAN, {declared: 100}))[0] == code


def test_only_who_lends_on_a_declaration_says_that_the_buyer_has_paid_for_good() -> None:
    """Others could end a receivable that a bank lends on, or is about to; where nobody does, any bank may."""
    book = Book()
    declared, free = book.declare("d"), book.declare("free")
    hold = book.hold("bank-a", LOAN, {declared: 100})
    refused = Rejection.COLLECTION_FINAL_NOT_LENDER, declared
    book.accept("bank-a", hold)
    book.accept("bank-b", book.hold("bank-b", OTHER, {free: 100}))
    for bank, loan in (("bank-b", None), ("bank-b", LOAN), ("bank-b", OTHER), ("bank-a", None)):
        ended = book.collect("for good", declared, 0, final=True, loan=loan)
        assert book.refused(bank, ended) == refused
    book.ledger.advance(3 * DAY_MS)
    book.accept("bank-c", book.collect("lapsed", declared, 0, final=True))
    book.accept("bank-c", book.collect("free", free, 0, final=True))


def test_a_bank_whose_part_is_repaid_no_longer_ends_what_another_lends_on() -> None:
    book, (declared,) = _lent(100)
    book.accept("bank-b", book.hold("bank-b", OTHER, {declared: 100}))
    book.accept("bank-a", book.repay(LOAN, 100))
    ended = book.collect("for good", declared, 0, final=True, loan=LOAN)
    assert book.refused("bank-a", ended) == (Rejection.COLLECTION_FINAL_NOT_LENDER, declared)
    book.accept("bank-b", ended | {"financing": OTHER})


def test_a_hold_is_atomic_over_its_declarations() -> None:
    """The second declaration has no room, so nothing is held on the first."""
    book = Book()
    first, second = book.declare("1"), book.declare("2")
    hold = book.hold("bank-a", LOAN, {first: 100, second: 250_000_01})
    assert book.refused("bank-a", hold) == (Rejection.QUOTA_EXCEEDED, second)
    assert not book.quota(first).holds
    assert loan_view(book.ledger.reader, LOAN, book.now) is None
    assert not entries(book.ledger.reader, LOAN)


def test_one_extension_keeps_the_hold_alive() -> None:
    book = Book()
    declared = book.declare("d")
    book.accept("bank-a", book.hold("bank-a", LOAN, {declared: 100}))
    extend = {"type": "financing.extend/1", "financing": LOAN, "lapse_ms": book.now + 5 * DAY_MS}
    book.accept("bank-a", extend)
    book.ledger.advance(4 * DAY_MS)
    assert book.view(LOAN).state == "held"
    again = extend | {"lapse_ms": book.now + 6 * DAY_MS}
    assert book.refused("bank-a", again) == (Rejection.HOLD_EXTENDED_ALREADY, declared)
    book.accept("bank-a", book.disburse(LOAN, 100))


def test_the_first_drawdown_needs_the_registration_only_where_the_charter_says_so() -> None:
    for required, code in ((1, Rejection.REGISTRATION_MISSING), (0, 0)):
        book = Book(**{"financing.registration_required": required})
        book.accept("bank-a", book.hold("bank-a", LOAN, {book.declare("d"): 100}))
        assert book.refused("bank-a", book.disburse(LOAN, 100, registration=None))[0] == code


def test_releasing_the_rest_of_a_repaid_loan_settles_it() -> None:
    book = Book()
    book.accept("bank-a", book.hold("bank-a", LOAN, {book.declare("d"): 100}))
    book.accept("bank-a", book.disburse(LOAN, 60))
    book.accept("bank-a", book.repay(LOAN, 60))
    book.accept("bank-a", {"type": "financing.release/1", "financing": LOAN, "reason": "terms-changed"})
    assert (book.loan(LOAN).state, book.loan(LOAN).reason) == ("settled", "terms-changed")


def test_an_overdue_loan_is_prolonged() -> None:
    book, _ = _lent(100)
    book.ledger.advance(90 * DAY_MS)
    assert overdue([book.view(LOAN)]) == []
    book.ledger.advance(1)
    assert [view.id for view in overdue([book.view(LOAN)])] == [LOAN]
    book.accept("bank-a", {"type": "financing.prolong/1", "financing": LOAN, "maturity_ms": book.now + DAY_MS})
    assert overdue([book.view(LOAN)]) == []


def test_a_written_off_loan_stays_drawn_and_may_still_be_repaid() -> None:
    book, (declared,) = _lent(100)
    book.accept("bank-a", {"type": "financing.write-off/1", "financing": LOAN, "reason": "buyer-insolvent"})
    assert (book.view(LOAN).written_off, book.quota(declared).used) == ("buyer-insolvent", 100)
    book.accept("bank-a", book.repay(LOAN, 40, payer="insurer"))
    assert (book.view(LOAN).state, book.quota(declared).used) == ("disbursed", 60)


def test_an_advance_leaves_the_loan_outstanding() -> None:
    """The bank's own money does not free the declaration: the client now owes it to the bank."""
    book, (declared,) = _lent(100)
    book.accept("bank-a", book.repay(LOAN, 100, payer="bank"))
    assert (book.view(LOAN).is_advanced, book.quota(declared).used) == (True, 100)
    book.accept("bank-a", book.repay(LOAN, 100, payer="repurchase"))
    assert (book.view(LOAN).state, book.quota(declared).used) == ("settled", 0)


def test_interest_may_come_after_the_principal() -> None:
    book, _ = _lent(100)
    book.accept("bank-a", book.repay(LOAN, 100))
    book.accept("bank-a", book.repay(LOAN, 0, interest=7))
    assert (book.view(LOAN).state, book.view(LOAN).interest) == ("settled", 7)


def test_a_hold_that_an_amendment_cuts_is_under_review() -> None:
    """Nothing is lent yet, but what is held can no longer be paid out whole: its bank is told before it tries."""
    book = Book()
    declared = book.declare("cut")
    book.accept("bank-a", book.hold("bank-a", LOAN, {declared: 90_000_00}))
    book.amend(declared, 112_500_00)
    assert not book.view(LOAN).is_under_review
    book.amend(declared, 112_499_99)
    assert book.view(LOAN).is_under_review
    assert not book.view(LOAN).allocations[0].is_overdrawn


def test_an_amended_declaration_is_under_review_until_the_bank_answers() -> None:
    """Only when it no longer carries the loan; another amendment asks again; a repaid loan is asked nothing."""
    book, (declared,) = _lent(200_000_00)
    book.amend(declared, 300_000_00)
    assert under_review([book.view(LOAN)]) == []
    book.amend(declared, 200_000_00)
    assert [view.id for view in under_review([book.view(LOAN)])] == [LOAN]
    assert book.view(LOAN).allocations[0].is_overdrawn
    answer = {"type": "financing.review/1", "answer": "other-security", "financing": LOAN, "quota": declared}
    book.accept("bank-a", answer | {"revision": 2})
    assert not book.view(LOAN).is_under_review
    assert book.view(LOAN).allocations[0].answer == "other-security"
    book.edit_quota(declared, status="suspended", revision=3)
    assert book.view(LOAN).is_under_review
    book.accept("bank-a", book.repay(LOAN, 200_000_00))
    assert not book.view(LOAN).is_under_review


def test_an_amendment_while_held_stops_the_disbursement() -> None:
    book = Book()
    declared = book.declare("d")
    book.accept("bank-a", book.hold("bank-a", LOAN, {declared: 250_000_00}))
    book.amend(declared, 312_499_00)
    assert book.refused("bank-a", book.disburse(LOAN, 250_000_00)) == (Rejection.QUOTA_EXCEEDED, declared)
    assert book.view(LOAN).is_under_review
    book.amend(declared, 0)
    book.edit_quota(declared, status="withdrawn")
    assert book.view(LOAN).is_under_review
    assert book.refused("bank-a", book.disburse(LOAN, 1)) == (Rejection.QUOTA_WITHDRAWN, declared)
