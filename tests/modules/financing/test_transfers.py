"""Refinancing, sale, substitution and reversal: money moves between loans, banks and declarations, and none is lost."""

from __future__ import annotations

import pytest
from tests.modules.alliance.voting import new_key
from tests.modules.financing.book import DAY_MS, Book, loan_id
from tests.modules.ledger import seed_of

from kouan.kernel.encoding import MAX_INTEGER
from kouan.kernel.rejections import Rejection
from kouan.modules.financing.commands.lending import sound
from kouan.modules.financing.queries import entries, loan_view
from kouan.modules.financing.records import Collection

OLD, NEW = loan_id("old"), loan_id("new")


@pytest.fixture
def book() -> Book:
    return Book()


def _lend(book: Book, amounts: tuple[int, int] = (600, 400), drawn: tuple[int, int] = (500, 300)) -> tuple[str, str]:
    """bank-a holds parts of two declarations for a loan and pays some of it out."""
    a, b = book.declare("a"), book.declare("b")
    book.accept("bank-a", book.hold("bank-a", OLD, dict(zip((a, b), amounts, strict=True))))
    book.accept("bank-a", book.disburse(OLD, *drawn))
    return a, b


def _used(book: Book, *declared: str) -> list[int]:
    return [book.quota(one).used for one in declared]


def test_another_bank_takes_a_loan_over(book: Book) -> None:
    """The room that the pay-off frees, the held rest included, is there for the new draw."""
    a, b = _lend(book, (200_000_00, 250_000_00), (150_000_00, 250_000_00))
    book.accept("bank-b", book.refinance("bank-b", NEW, OLD, {a: 250_000_00}, interest=9))
    assert _used(book, a, b) == [250_000_00, 0]
    assert not book.quota(a).holds
    old, new = book.view(OLD), book.view(NEW)
    assert (old.state, old.successor, old.interest) == ("settled", NEW, 9)
    assert (new.state, new.predecessor, new.bank, new.held) == ("disbursed", OLD, "bank-b", {"USD": 0})
    assert [entry.kind for entry in entries(book.ledger.reader, OLD)] == ["disbursement", "pay-off"]


def test_a_refused_refinancing_leaves_the_old_loan_as_it_was(book: Book) -> None:
    a, b = _lend(book)
    refused = book.refused("bank-b", book.refinance("bank-b", NEW, OLD, {a: 250_000_01}))
    assert refused == (Rejection.QUOTA_EXCEEDED, a)
    assert _used(book, a, b) == [500, 300]
    assert (book.view(OLD).state, book.view(OLD).successor) == ("disbursed", None)


def test_the_same_bank_needs_no_consent(book: Book) -> None:
    a, b = _lend(book)
    book.accept("bank-a", book.refinance("bank-a", NEW, OLD, {a: 800}, consent=None))
    assert _used(book, a, b) == [800, 0]


@pytest.mark.parametrize(
    "change", [{"interest": 8}, {"financing": loan_id("another")}], ids=["less interest", "another loan"]
)
def test_consent_is_for_one_pay_off(book: Book, change: dict[str, object]) -> None:
    a, _ = _lend(book)
    refinance = book.refinance("bank-b", NEW, OLD, {a: 800}, interest=9)
    refused = book.refused("bank-b", refinance | change)
    assert refused == (Rejection.CONSENT_BAD_SIGNATURE, "consent")


def test_consent_by_a_revoked_key_does_not_count(book: Book) -> None:
    a, _ = _lend(book)
    refinance = book.refinance("bank-b", NEW, OLD, {a: 800})
    refinance["consent"]["key"] = "third"
    assert book.refused("bank-b", refinance) == (Rejection.CONSENT_BAD_SIGNATURE, "consent")


def test_a_sold_loan_is_the_buyers(book: Book) -> None:
    """What is still held goes with it: the buyer pays the rest out, and the seller may touch nothing."""
    a, b = _lend(book)
    offer = {"type": "financing.offer/1", "financing": OLD, "lapse_ms": book.now + DAY_MS, "to": "bank-b"}
    accept = {"type": "financing.accept/1", "financing": OLD}
    book.accept("bank-a", offer)
    assert book.view(OLD).offer is not None
    assert book.refused("bank-c", accept) == (Rejection.OFFER_UNKNOWN, "financing")
    book.accept("bank-b", accept)
    assert (book.view(OLD).bank, book.view(OLD).offer) == ("bank-b", None)
    assert [hold.drawer for hold in book.quota(a).holds + book.quota(b).holds] == ["bank-b", "bank-b"]
    assert book.refused("bank-a", book.repay(OLD, 1, 0)) == (Rejection.FINANCING_NOT_LENDER, "financing")
    book.accept("bank-b", book.disburse(OLD, 100, 100))
    assert _used(book, a, b) == [600, 400]
    sale = entries(book.ledger.reader, OLD)[1]
    assert (sale.kind, sale.by, sale.note, sale.amounts) == ("sale", "bank-b/main", "bank-a", [500, 300])


def test_a_sale_after_the_rest_has_lapsed(book: Book) -> None:
    _lend(book)
    book.ledger.advance(4 * DAY_MS)
    offer = {"type": "financing.offer/1", "financing": OLD, "lapse_ms": book.now + DAY_MS, "to": "bank-b"}
    book.accept("bank-a", offer)
    book.accept("bank-b", {"type": "financing.accept/1", "financing": OLD})
    assert book.view(OLD).bank == "bank-b"


def test_an_offer_ends_by_lapse_by_cancelling_and_by_any_change(book: Book) -> None:
    """So the buyer gets what it saw."""
    _lend(book)
    offer = {"type": "financing.offer/1", "financing": OLD, "lapse_ms": book.now + 1, "to": "bank-b"}
    accept = {"type": "financing.accept/1", "financing": OLD}
    book.accept("bank-a", offer)
    book.ledger.advance(1)
    assert book.view(OLD).offer is None
    assert book.refused("bank-b", accept) == (Rejection.OFFER_LAPSED, "financing")
    offer["lapse_ms"] = book.now + DAY_MS
    for end in ({"type": "financing.cancel-offer/1", "financing": OLD}, book.repay(OLD, 1, 0)):
        book.accept("bank-a", offer)
        book.accept("bank-a", end)
        assert book.refused("bank-b", accept) == (Rejection.OFFER_UNKNOWN, "financing")


def test_other_declarations_take_the_place_of_one(book: Book) -> None:
    """To a declaration that the loan has and to a new one; the loan and its later entries go on."""
    a, b = _lend(book)
    c = book.declare("c")
    book.amend(a, 0)
    assert book.view(OLD).is_under_review
    book.accept("bank-a", book.substitute("bank-a", OLD, {a: 500}, {b: 150, c: 350}))
    assert _used(book, a, b, c) == [0, 450, 350]
    assert book.view(OLD).outstanding == {"USD": 800}
    assert [part.amount for part in book.loan(OLD).allocations] == [100, 550, 350]
    book.accept("bank-a", book.repay(OLD, 0, 450, 350))
    assert _used(book, a, b, c) == [0, 0, 0]
    kinds = [(entry.kind, entry.amounts) for entry in entries(book.ledger.reader, OLD)]
    assert kinds[1:3] == [("moved-out", [500, 0]), ("moved-in", [0, 150, 350])]


def test_an_old_signature_does_not_carry_a_second_substitution(book: Book) -> None:
    """An owner signs what the loan draws on its declaration in all."""
    a, b = _lend(book)
    move = book.substitute("bank-a", OLD, {a: 100}, {b: 100})
    book.accept("bank-a", move)
    assert book.refused("bank-a", move) == (Rejection.DRAW_BAD_SIGNATURE, b)


def _reverse(entry: int) -> dict[str, object]:
    return {"type": "financing.reverse/1", "entry": entry, "financing": OLD}


def test_a_reversed_drawdown_gives_the_room_back_but_not_the_hold(book: Book) -> None:
    a, b = _lend(book)
    book.accept("bank-a", _reverse(1), key="second")
    assert _used(book, a, b) == [0, 0]
    assert (book.view(OLD).state, book.view(OLD).held) == ("held", {"USD": 200})
    first, second = entries(book.ledger.reader, OLD)
    assert (first.reversed_by, second.kind, second.note, second.by) == (2, "reversal", "1", "bank-a/second")


def test_a_reversed_drawdown_of_all_releases_the_loan(book: Book) -> None:
    _lend(book, (500, 300))
    book.accept("bank-a", _reverse(1), key="second")
    assert (book.loan(OLD).state, book.loan(OLD).reason) == ("released", "reversed")


def test_a_reversed_repayment_is_owed_again_even_over_the_limit(book: Book) -> None:
    """The settling repayment is reversed after another loan took the room: both stand, and the loan is open again."""
    a, b = _lend(book, (250_000_00, 400), (250_000_00, 400))
    book.accept("bank-a", book.repay(OLD, 250_000_00, 400, interest=5))
    assert book.view(OLD).state == "settled"
    book.accept("bank-b", book.hold("bank-b", NEW, {a: 250_000_00}))
    book.accept("bank-b", book.disburse(NEW, 250_000_00))
    book.accept("bank-a", _reverse(2), key="second")
    assert _used(book, a, b) == [500_000_00, 400]
    assert (book.view(OLD).state, book.view(OLD).interest) == ("disbursed", 0)
    assert book.view(OLD).allocations[0].is_overdrawn
    assert [book.view(loan).is_under_review for loan in (OLD, NEW)] == [True, True]
    assert [part.is_under_review for part in book.view(OLD).allocations] == [True, False]


def test_a_reversed_repayment_that_the_declaration_carries_asks_nobody(book: Book) -> None:
    a, _ = _lend(book)
    book.accept("bank-a", book.repay(OLD, 500, 0))
    book.accept("bank-a", _reverse(2), key="second")
    assert (book.quota(a).revision, book.view(OLD).is_under_review) == (0, False)


@pytest.mark.parametrize("days", [30, 7])
def test_an_entry_stands_when_the_charters_time_is_over(days: int) -> None:
    """To the last millisecond it can be reversed, loan and collection alike; the default is thirty days."""
    book = Book(**{"financing.reversal_max_ms": days * DAY_MS} if days != 30 else {})
    a, _ = _lend(book)
    for name in ("one", "two"):
        book.accept("bank-a", book.repay(OLD, 1, 0))
        book.accept("bank-a", book.collect(name, a, 1))
    reverse = {"type": "financing.reverse-collection/1"}
    book.ledger.advance(days * DAY_MS)
    book.accept("bank-a", _reverse(2), key="second")
    book.accept("bank-a", reverse | {"collection": loan_id("one")}, key="second")
    book.ledger.advance(1)
    late = (Rejection.REVERSAL_TOO_LATE, "")
    assert book.refused("bank-a", _reverse(3), key="second") == late
    assert book.refused("bank-a", reverse | {"collection": loan_id("two")}, key="second") == late


@pytest.mark.parametrize("wait_ms", [0, 1])
def test_nobody_makes_a_second_person_of_itself(book: Book, wait_ms: int) -> None:
    """A key that came after the entry or with it, a rotated one too, does not reverse it; it does a later entry."""
    _lend(book)
    book.ledger.advance(wait_ms)
    third = new_key(book.ledger, "bank-a", "third")
    fourth = new_key(book.ledger, "bank-a", "fourth", "rotate-key", old="second")
    book.ledger.accept("bank-a", third, fourth)
    for key in ("third", "fourth"):
        book.ledger.seeds[f"bank-a/{key}"] = seed_of("bank-a", key)
        assert book.refused("bank-a", _reverse(1), key=key) == (Rejection.REVERSAL_NEWER_KEY, "")
    book.ledger.advance(1)
    book.accept("bank-a", book.repay(OLD, 1, 0))
    book.accept("bank-a", _reverse(2), key="third")


def test_a_restored_repayment_must_still_be_a_number(book: Book) -> None:
    a, _ = _lend(book)
    book.accept("bank-a", book.repay(OLD, 1, 0))
    book.edit_quota(a, used=MAX_INTEGER)
    assert book.refused("bank-a", _reverse(2), key="second") == (Rejection.QUOTA_NUMBER_TOO_LARGE, a)


def test_a_drawdown_before_a_substitution_keeps_its_place(book: Book) -> None:
    """An entry from before names fewer allocations than the loan has now."""
    a, b = _lend(book)
    c = book.declare("c")
    book.accept("bank-a", book.repay(OLD, 100, 0))
    book.accept("bank-a", book.substitute("bank-a", OLD, {a: 400}, {c: 400}))
    assert book.refused("bank-a", _reverse(1), key="second") == (Rejection.ENTRY_BUILT_UPON, a)
    book.accept("bank-a", _reverse(2), key="second")
    assert _used(book, a, b, c) == [100, 300, 400]


def test_advances_and_write_offs_are_reversed(book: Book) -> None:
    _lend(book)
    book.accept("bank-a", book.repay(OLD, 1, 0, payer="bank"))
    book.accept("bank-a", {"type": "financing.write-off/1", "financing": OLD, "reason": "fraud"})
    book.accept("bank-a", _reverse(2), key="second")
    book.accept("bank-a", _reverse(3), key="second")
    view = loan_view(book.ledger.reader, OLD, book.now)
    assert view is not None
    assert (view.is_advanced, view.written_off) == (False, None)


def test_a_reversed_collection_opens_the_declaration_again(book: Book) -> None:
    a, b = book.declare("a"), book.declare("b")
    collect = book.collect("receipt", a, 312_500_00, final=True)
    collect["items"].append({"amount": 12_500_00, "final": False, "quota": b})
    book.accept("bank-a", collect)
    assert (book.quota(a).limit, book.quota(b).limit) == (0, 240_000_00)
    reverse = {"type": "financing.reverse-collection/1", "collection": collect["collection"]}
    book.accept("bank-a", reverse, key="second")
    assert (book.quota(a).limit, book.quota(b).limit) == (250_000_00, 250_000_00)
    assert (book.quota(a).collected, book.quota(a).settled) == (0, False)
    assert book.ledger.must(Collection, f"collection/{collect['collection']}").reversed_by == "bank-a/second"


def test_receipts_may_exceed_the_declaration_by_the_tolerance() -> None:
    """Charges and late interest come with the money; a mistyped amount does not pass."""
    book = Book(**{"financing.collection_tolerance_bp": 100})
    declared = book.declare("d", 100_00)
    assert book.refused("bank-a", book.collect("1", declared, 101_01)) == (Rejection.COLLECTED_TOO_MUCH, declared)
    book.accept("bank-a", book.collect("2", declared, 101_00))
    book.amend(declared, 90_00)
    book.accept("bank-a", book.collect("3", declared, 0, final=True))
    assert book.quota(declared).settled


def test_a_broken_ledger_stops_the_node(book: Book) -> None:
    """Loans that stand on nothing are no rejection."""
    with pytest.raises(AssertionError, match="does not know"):
        sound(Rejection.QUOTA_LESS_USED)
    a, _ = _lend(book)
    del book.ledger.state.values[f"quota/{a}"]
    with pytest.raises(AssertionError, match="does not exist"):
        book.ledger.send("bank-a", book.repay(OLD, 1, 0))
    with pytest.raises(AssertionError, match="does not exist"):
        book.view(OLD)
