"""The auditor's books: what was said, kept as it was said. Every figure is summed up anew from it when it is asked for.

Nothing here counts along as the ledger does: what is outstanding is the sum of a loan's entries, what was collected the
sum of the receipts that stand, what is held the holds of loans whose time has not come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from kouan.kernel.rejections import Rejection

WHOLE_BP: Final = 10_000
PUT: Final = ("brought-in", "disbursement", "refinancing", "moved-in")
"""Entries that put principal on a declaration."""
PAID: Final = ("repayment", "pay-off")


class RefusedError(Exception):
    """A rule speaks against a command: the code, and what it is about."""

    def __init__(self, code: Rejection, at: str = "") -> None:
        super().__init__(code.name, at)
        self.code = code
        self.at = at


class Declaration(NamedTuple):
    """A quota as its issuer last stated it."""

    attested: int
    draw_key: str
    issuer: str
    kind: str
    mode: str
    provisional: bool
    ratio_bp: int
    revision: int
    stage: str
    status: str
    stopped: bool
    """Customs has suspended it."""
    unit: str


class Hold(NamedTuple):
    """A part of a loan that is not drawn yet."""

    amount: int
    drawer: str
    drawn: bool
    """A part of it was paid out."""
    extended: bool
    given_up: bool = False
    """The loan ended after the hold had lapsed."""


class Entry(NamedTuple):
    """One event of a loan."""

    amounts: Mapping[str, int]
    by: str
    interest: int
    kind: str
    time_ms: int
    undone: bool = False


class Loan(NamedTuple):
    """A loan, and all that ever happened to it."""

    advances: int
    amount: int
    answers: Mapping[str, str]
    bank: str
    currency: str
    entries: tuple[Entry, ...]
    granted: Mapping[str, int]
    """What the owners signed at the opening, by quota."""
    holds: Mapping[str, Hold]
    lapse_ms: int
    maturity_ms: int
    offer: tuple[str, int] | None
    """Buyer and lapse."""
    predecessor: str | None
    quotas: tuple[str, ...]
    """In the order of the allocations."""
    rates: Mapping[str, int]
    reason: str | None
    registration: str | None
    seen: Mapping[str, int]
    """The revision of each quota that the bank has seen."""
    state: str
    """After the last command on it."""
    successor: str | None = None
    written_off: str | None = None

    def moved(self, quota: str, *kinds: str) -> int:
        """Return the sum of the entries of some kinds that stand, on one quota."""
        return sum(entry.amounts.get(quota, 0) for entry in self.entries if entry.kind in kinds and not entry.undone)

    def drawn(self, quota: str) -> int:
        """Return what was paid out and stands on a quota."""
        return self.moved(quota, *PUT) - self.moved(quota, "moved-out")

    def repaid(self, quota: str) -> int:
        """Return what came back."""
        return self.moved(quota, *PAID)

    def owed(self, quota: str) -> int:
        """Return the principal that is outstanding on a quota."""
        return self.drawn(quota) - self.repaid(quota)

    def owed_in_order(self) -> list[int]:
        """Return the principal outstanding on each allocation."""
        return [self.owed(quota) for quota in self.quotas]

    def may_draw(self, quota: str) -> int:
        """Return what the owner's signature lets the loan draw in all."""
        return self.granted.get(quota, 0) + self.moved(quota, "moved-in") - self.moved(quota, "moved-out")

    def interest(self) -> int:
        """Return the interest received."""
        return sum(entry.interest for entry in self.entries if entry.kind in PAID and not entry.undone)

    def set_aside(self) -> dict[str, Hold]:
        """Return the holds that were neither drawn in full nor given back, lapsed or not."""
        return {quota: hold for quota, hold in self.holds.items() if not hold.given_up}

    def is_held(self, time_ms: int) -> bool:
        """Tell whether anything is still held."""
        return self.lapse_ms > time_ms and bool(self.set_aside())


class Money(NamedTuple):
    """A collection: what a bank reported of a buyer's payment."""

    by: str
    financing: str | None
    items: Mapping[str, tuple[int, bool]]
    """By quota: amount, and whether the buyer has paid for good."""
    time_ms: int
    undone_by: str | None


class Opening(NamedTuple):
    """A request to open a seal."""

    answered: bool
    commitment: str
    quota: str | None
    requested_ms: int
    requester: str


class Books:
    """All rows, and a journal by which a refused command leaves none behind."""

    def __init__(self, charter: Mapping[str, int]) -> None:
        self.charter = dict(charter)
        self.declarations: dict[str, Declaration] = {}
        self.loans: dict[str, Loan] = {}
        self.moneys: dict[str, Money] = {}
        self.openings: dict[str, Opening] = {}
        self._loans_on: dict[str, tuple[str, ...]] = {}
        self._moneys_on: dict[str, tuple[str, ...]] = {}
        self._journal: list[tuple[dict[str, Any], str, Any]] = []
        self.touched: set[str] = set()
        """Keys of the ledger's records that were put since the block began."""

    def begin(self) -> None:
        """Begin a block: what stands now stands for good."""
        self.touched.clear()
        self._journal.clear()

    def put_declaration(self, name: str, row: Declaration) -> None:
        """Write a declaration."""
        self._put(self.declarations, name, row)
        self.touched.add(f"quota/{name}")

    def put_loan(self, name: str, row: Loan) -> None:
        """Write a loan."""
        self._put(self.loans, name, row)
        self.touched.add(f"financing/{name}")
        for quota in row.quotas:
            there = self._loans_on.get(quota, ())
            if name not in there:
                self._put(self._loans_on, quota, (*there, name))
            self.touched.add(f"quota/{quota}")

    def put_money(self, name: str, row: Money) -> None:
        """Write a collection."""
        self._put(self.moneys, name, row)
        self.touched.add(f"collection/{name}")
        for quota in row.items:
            there = self._moneys_on.get(quota, ())
            if name not in there:
                self._put(self._moneys_on, quota, (*there, name))
            self.touched.add(f"quota/{quota}")

    def put_opening(self, name: str, row: Opening) -> None:
        """Write a request."""
        self._put(self.openings, name, row)

    def mark(self) -> int:
        """Return a place in the journal to go back to."""
        return len(self._journal)

    def back_to(self, mark: int) -> None:
        """Forget what was put since a mark."""
        while len(self._journal) > mark:
            table, key, old = self._journal.pop()
            if old is None:
                del table[key]
            else:
                table[key] = old

    def _put(self, table: dict[str, Any], key: str, row: Any) -> None:
        self._journal.append((table, key, table.get(key)))
        table[key] = row

    def loans_on(self, quota: str) -> Iterator[tuple[str, Loan]]:
        """Yield the loans that ever stood on a quota."""
        for name in self._loans_on.get(quota, ()):
            yield name, self.loans[name]

    def _items(self, quota: str) -> Iterator[tuple[int, bool]]:
        for name in self._moneys_on.get(quota, ()):
            if self.moneys[name].undone_by is None:
                yield self.moneys[name].items[quota]

    def collected(self, quota: str) -> int:
        """Return what buyers paid."""
        return sum(amount for amount, _ in self._items(quota))

    def is_settled(self, quota: str) -> bool:
        """Tell whether the buyer has paid for good."""
        return any(final for _, final in self._items(quota))

    def limit(self, quota: str) -> int:
        """Return what may be drawn in all: floor(ratio x (attested - collected)), nothing once settled."""
        row = self.declarations[quota]
        if self.is_settled(quota):
            return 0
        return max(0, row.attested - self.collected(quota)) * row.ratio_bp // WHOLE_BP

    def used(self, quota: str) -> int:
        """Return the principal outstanding on a quota."""
        return sum(loan.owed(quota) for _, loan in self.loans_on(quota))

    def draws(self, quota: str) -> int:
        """Return how many drawdowns were ever made, reversed ones too."""
        return sum(
            bool(entry.amounts.get(quota)) and entry.kind in PUT
            for _, loan in self.loans_on(quota)
            for entry in loan.entries
        )

    def living(self, quota: str, time_ms: int) -> dict[str, Hold]:
        """Return the holds that have not lapsed, by loan."""
        return {
            name: loan.set_aside()[quota]
            for name, loan in self.loans_on(quota)
            if loan.lapse_ms > time_ms and quota in loan.set_aside()
        }

    def lapses(self, quota: str, time_ms: int) -> dict[str, int]:
        """Return how many holds of each bank lapsed undrawn."""
        counts: dict[str, int] = {}
        for _, loan in self.loans_on(quota):
            hold = loan.holds.get(quota)
            if hold is not None and not hold.drawn and loan.lapse_ms <= time_ms:
                counts[hold.drawer] = counts.get(hold.drawer, 0) + 1
        return counts

    def room(self, quota: str, time_ms: int) -> int:
        """Return what is left for a new draw; negative when over-drawn. A case of several documents narrows it here."""
        held = sum(hold.amount for hold in self.living(quota, time_ms).values())
        return self.limit(quota) - self.used(quota) - held
