"""A loan's own currency beside the declarations': what is owed is paid to the last minor unit, whatever the parts."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from kouan.client.amounts import Amount
from kouan.client.book import BookedPayment
from kouan.client.loan_currency import Step, drawable, follow, repayable
from kouan.client.splits import Split, in_order
from kouan.modules.financing.records import RATE_ONE, Allocation, Entry, EntryKind, Financing
from kouan.modules.financing.rules import worth

HANDLE = "A" * 43


class Book:
    """A loan in yuan on dollars (and on yuan), with its entries and what the bank's book has beside them."""

    def __init__(self, amounts: list[int], rate_e8: int, own_amounts: list[int] | None = None) -> None:
        parts = [(amount, "USD") for amount in amounts] + [(amount, "CNY") for amount in own_amounts or []]
        self.rates = {"USD": rate_e8}
        self.total = sum(worth(amount, unit, "CNY", self.rates) for amount, unit in parts)
        self.allocations = [Allocation(amount, None, 0, amount, f"{HANDLE}.{unit}", 0, 0) for amount, unit in parts]
        self.entries: list[Entry] = []
        self.booked: dict[int, BookedPayment] = {}

    @property
    def loan(self) -> Financing:
        return Financing(
            0, self.allocations, max(1, self.total), "bank", "CNY", len(self.entries), "B" * 22, 0, 1, 1, None, 1, None,
            "export-bill", "seller", self.rates, None, None, "disbursed", None, None,
        )  # fmt: skip

    def steps(self) -> list[Step]:
        return follow(self.loan, self.entries, self.booked)

    def pay(self, kind: EntryKind, split: Split) -> None:
        """What the ledger does with it, and it never takes more than there is."""
        sign = 1 if kind == "disbursement" else 0
        for index, (part, amount) in enumerate(zip(self.allocations, split.parts, strict=True)):
            drawn, repaid = part.drawn + sign * amount, part.repaid + (1 - sign) * amount
            assert amount >= 0
            assert repaid <= drawn <= part.amount
            self.allocations[index] = Allocation(
                part.amount, None, drawn, part.held - sign * amount, part.quota, repaid, 0
            )
        self.entries.append(Entry(split.parts, "bank/main", 0, kind, None, None, 1))
        if split.own is not None:
            self.booked[len(self.entries)] = BookedPayment(split.parts, split.own)

    def draw_all(self) -> None:
        self.pay("disbursement", Split([part.held for part in self.allocations], None))

    def repay(self, own: int) -> None:
        rooms = repayable(self.steps()[-1].after)
        self.pay("repayment", in_order(Amount(own, "CNY"), rooms, "CNY", "what is outstanding"))

    def draw(self, own: int) -> None:
        sides = self.steps()[-1].after if self.entries else follow(self.loan, [SALE], {})[0].before
        self.pay("disbursement", in_order(Amount(own, "CNY"), drawable(self.loan, sides), "CNY", "what is held"))

    def owed(self) -> int:
        return sum(side.owed_own for side in self.steps()[-1].after)

    def outstanding(self) -> int:
        return sum(part.drawn - part.repaid for part in self.allocations)


SALE = Entry([0], "bank/main", 0, "sale", None, None, 1)
_RATES = st.integers(1, 10**11)
_SHARES = st.lists(st.floats(0, 1))
_AMOUNTS = st.lists(st.integers(1, 10**9), min_size=1, max_size=4)


def _paid_in_parts(book: Book, shares: list[float], pay: str, total: int) -> int:
    """Pay a total in parts; one below a minor unit of the declaration waits for the next. Return what still waits."""
    left, waiting = total, 0
    for share in [*shares, 1.0]:
        part = left if share == 1.0 else int(left * share)
        left, waiting = left - part, waiting + part
        try:
            if waiting:
                getattr(book, pay)(waiting)
            waiting = 0
        except ValueError as problem:
            assert "with the next payment" in str(problem)  # noqa: PT017  # it is taken along
    return waiting


@given(amounts=_AMOUNTS, own=st.lists(st.integers(1, 10**9), max_size=2), rate=_RATES, shares=_SHARES)
@example(amounts=[7_000_000], own=[], rate=712_340_000, shares=[10_000_055 / 49_863_800])
@example(amounts=[1_000_000], own=[], rate=150_123_456, shares=[1e-6, 1e-6, 1e-6])
def test_any_split_of_the_exact_debt_settles_exactly(
    amounts: list[int], own: list[int], rate: int, shares: list[float]
) -> None:
    """And on the way no more is freed than was paid."""
    book = Book(amounts, rate, own)
    book.draw_all()
    assert book.owed() == book.total
    assert _paid_in_parts(book, shares, "repay", book.total) == 0
    for step in book.steps():
        for side in step.after:
            assert side.repaid == side.drawn or side.repaid * side.rate_e8 <= side.repaid_own * RATE_ONE
    if book.total:
        assert (book.outstanding(), book.owed()) == (0, 0)


@given(
    amounts=_AMOUNTS, rate=st.integers(RATE_ONE, 10**11), out=st.lists(st.floats(0, 1)), back=st.lists(st.floats(0, 1))
)
def test_a_loan_paid_out_in_parts_is_covered_and_settles(
    amounts: list[int], rate: int, out: list[float], back: list[float]
) -> None:
    """What is paid out is exactly what is owed, the declarations carry at least it, and paying it settles."""
    book = Book(amounts, rate)
    half = max(1, book.total // 2)
    paid_out = half - _paid_in_parts(book, out, "draw", half)
    assert book.owed() == paid_out > 0
    assert all(side.drawn_own <= side.worth(side.drawn) for side in book.steps()[-1].after)
    assert _paid_in_parts(book, back, "repay", paid_out) == 0
    assert (book.outstanding(), book.owed()) == (0, 0)


def test_payments_in_both_currencies_and_a_reversal() -> None:
    """An entry that the book has nothing of counts what it is worth, and a reversal takes exactly its entry back."""
    book = Book([7_000_000], 712_340_000)
    book.draw_all()
    book.repay(10_000_055)
    owed = book.owed()
    book.pay("repayment", Split([100], None))
    assert book.owed() == owed - 713
    book.entries.append(Entry([1_403_831], "bank/checker", 0, "reversal", "2", None, 1))
    assert book.entries[1].amounts == [1_403_831]
    assert [step.own for step in book.steps()] == [49_863_800, 10_000_055, 713, 10_000_055]
    assert book.owed() == 49_863_800 - 713


def test_what_the_book_has_of_another_entry_is_not_taken() -> None:
    """A number that was booked and never sent may be another entry's later, such as another bank's pay-off."""
    book = Book([7_000_000], 712_340_000)
    book.draw_all()
    book.booked[2] = BookedPayment([5], [36])
    book.entries.append(Entry([7_000_000], "other/main", 0, "pay-off", None, None, 1))
    assert book.owed() == 0
