"""The auditor's books: what was said, kept as it was said. Every figure is summed up anew from it when it is asked for.

Nothing here counts along as the ledger does: what is outstanding is the sum of a loan's entries, what was collected the
sum of the receipts that stand, what is held the holds of loans whose time has not come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kouan.kernel.rejections import Rejection
from kouan.simulation.audit.rows import PUT, Case, Document, Hold, Loan, Money, Opening

WHOLE_BP: Final = 10_000


class RefusedError(Exception):
    """A rule speaks against a command: the code, and what it is about."""

    def __init__(self, code: Rejection, at: str = "") -> None:
        super().__init__(code.name, at)
        self.code = code
        self.at = at


class Books:
    """All rows, and a journal by which a refused command leaves none behind."""

    def __init__(self, charter: Mapping[str, int]) -> None:
        self.charter = dict(charter)
        self.cases: dict[str, Case] = {}
        self.documents: dict[str, Document] = {}
        self.fingerprints: dict[str, tuple[str, str]] = {}
        """Which document carries each, and in which case it came to do so."""
        self.loans: dict[str, Loan] = {}
        self.moneys: dict[str, Money] = {}
        self.openings: dict[str, Opening] = {}
        self.part_of: dict[str, str] = {}
        """The case that each case's documents stand in by now; most are a part of themselves."""
        self._loans_on: dict[str, tuple[str, ...]] = {}
        self._moneys_on: dict[str, tuple[str, ...]] = {}
        self._journal: list[tuple[dict[str, Any], str, Any]] = []
        self.touched: set[str] = set()
        """Keys of the ledger's records that were put since the block began."""

    def begin(self) -> None:
        """Begin a block: what stands now stands for good."""
        self.touched.clear()
        self._journal.clear()

    def put_document(self, name: str, row: Document) -> None:
        """Write a declaration or another paper."""
        self._put(self.documents, name, row)
        self.touched.add(f"quota/{name}")

    def put_case(self, name: str, row: Case) -> None:
        """Write a case; all that stood in one that is merged stand in the other."""
        if name not in self.cases:
            self._put(self.part_of, name, name)
        self._put(self.cases, name, row)
        self.touched.add(f"case/{name}")
        if row.merged_into is not None:
            for part in [part for part, whole in self.part_of.items() if whole == name]:
                self._put(self.part_of, part, row.merged_into)

    def put_fingerprint(self, fingerprint: str, case: str, document: str) -> None:
        """Let a fingerprint lead to a document of a case."""
        self._put(self.fingerprints, fingerprint, (case, document))
        self.touched.add(f"fingerprint/{fingerprint}")

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

    def case_of(self, quota: str) -> str | None:
        """Return the case that a document stands in."""
        came_into = self.documents[quota].case
        return None if came_into is None else self.part_of[came_into]

    def collected(self, quota: str) -> int:
        """Return what buyers paid."""
        return sum(amount for amount, _ in self._items(quota))

    def is_settled(self, quota: str) -> bool:
        """Tell whether the buyer has paid for good."""
        return any(final for _, final in self._items(quota))

    def limit(self, quota: str) -> int:
        """Return what may be drawn in all: nothing once settled."""
        return 0 if self.is_settled(quota) else self.unsettled_limit(quota)

    def unsettled_limit(self, quota: str) -> int:
        """Return floor(ratio x (attested - collected)): what may be drawn if no buyer has paid for good."""
        row = self.documents[quota]
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
        """Return what is left for a new draw; negative when over-drawn."""
        held = sum(hold.amount for hold in self.living(quota, time_ms).values())
        return self.limit(quota) - self.used(quota) - held
