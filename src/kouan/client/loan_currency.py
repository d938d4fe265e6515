"""What is paid out, repaid and owed in a loan's own currency, beside what the ledger counts in the declarations'.

The ledger has minor units of the declarations alone. What was paid in the loan's currency stands in the bank's book,
and is converted cumulatively at the loan's rates: all that was paid so far, not payment by payment, so no remainder is
lost and paying what is owed settles the loan. Where the book has nothing (a payment in the declaration's currency, a
loan that was bought), an entry counts what it is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from kouan.client.book import Book, BookedPayment
from kouan.client.splits import Room
from kouan.kernel.state import Reader
from kouan.modules.financing.queries import entries
from kouan.modules.financing.records import RATE_ONE, Entry, EntryKind, Financing
from kouan.modules.financing.rules import unit_of, worth

_DRAWS: Final[frozenset[EntryKind]] = frozenset({"brought-in", "disbursement", "refinancing", "moved-in"})
_PAYMENTS: Final[frozenset[EntryKind]] = frozenset({"repayment", "pay-off"})


class Side(NamedTuple):
    """One allocation: minor units of its declaration's currency, and beside them (``own``) of the loan's."""

    unit: str
    currency: str
    rate_e8: int
    drawn: int = 0
    drawn_own: int = 0
    repaid: int = 0
    repaid_own: int = 0

    @property
    def owed_own(self) -> int:
        """What is still to be repaid, in the loan's currency."""
        return self.drawn_own - self.repaid_own

    def worth(self, amount: int) -> int:
        """Return what an amount of the declaration's currency is in the loan's, rounded down as on the ledger."""
        return worth(amount, self.unit, self.currency, {self.unit: self.rate_e8})

    def draws(self, own: int, most: int) -> int:
        """Return what a payout draws: rounded up, for what is lent must be covered; at most ``most``."""
        total = -(-(self.drawn_own + own) * RATE_ONE // self.rate_e8)
        return min(max(0, total - self.drawn), most)

    def frees(self, own: int) -> int:
        """Return what a repayment of less than all frees: rounded down, for no more is freed than was paid."""
        total = (self.repaid_own + own) * RATE_ONE // self.rate_e8
        return max(0, min(total, self.drawn - 1) - self.repaid)

    def after_draw(self, amount: int, own: int | None) -> Side:
        """Return it with a payout."""
        total = self.worth(self.drawn + amount) if own is None else self.drawn_own + own
        return self._replace(drawn=self.drawn + amount, drawn_own=total)

    def after_payment(self, amount: int, own: int | None) -> Side:
        """Return it with a repayment; one of all that is outstanding settles it, one of less leaves something owed."""
        repaid = self.repaid + amount
        if own is not None:
            total = self.repaid_own + own
        elif repaid == self.drawn:
            total = self.drawn_own
        else:
            by_worth = self.repaid_own + self.worth(repaid) - self.worth(self.repaid)
            total = max(self.repaid_own, min(by_worth, self.drawn_own - 1))
        return self._replace(repaid=repaid, repaid_own=total)

    def after_moving_out(self, amount: int) -> Side:
        """Return it with a part that stands on another declaration now."""
        drawn = self.drawn - amount
        value = self.owed_own if drawn == self.repaid else min(self.worth(amount), self.owed_own)
        return self._replace(drawn=drawn, drawn_own=self.drawn_own - value)

    def less(self, before: Side, after: Side) -> Side:
        """Return it without what led from one to the other."""
        return self._replace(
            drawn=self.drawn - after.drawn + before.drawn,
            drawn_own=self.drawn_own - after.drawn_own + before.drawn_own,
            repaid=self.repaid - after.repaid + before.repaid,
            repaid_own=self.repaid_own - after.repaid_own + before.repaid_own,
        )


class Step(NamedTuple):
    """An entry of a loan's history."""

    own: int
    """What it was about, in minor units of the loan's currency."""
    before: list[Side]
    after: list[Side]


def follow(loan: Financing, found: Sequence[Entry], booked: Mapping[int, BookedPayment]) -> list[Step]:
    """Return a loan's entries in its own currency; ``booked``: what the book has, by the entry's number."""
    sides = _undrawn(loan)
    steps: list[Step] = []
    for number, entry in enumerate(found, 1):
        payment = booked.get(number)
        own = payment.own if payment is not None and payment.amounts == entry.amounts else None
        after = _after(entry, sides, own, steps)
        steps.append(Step(_size(entry, sides, after, own), sides, after))
        sides = after
    return steps


def sides_of(reader: Reader, book: Book, loan: Financing) -> list[Side]:
    """Return a loan's allocations as they stand, in both currencies."""
    steps = follow(loan, entries(reader, loan.id), book.payments(loan.id))
    return steps[-1].after if steps else _undrawn(loan)


def drawable(loan: Financing, sides: Sequence[Side]) -> list[Room]:
    """Return what can be paid out of what is held."""
    rooms = []
    for part, side in zip(loan.allocations, sides, strict=True):
        own = max(0, side.worth(side.drawn + part.held) - side.drawn_own)
        rooms.append(Room(side.unit, part.held, own, partial(side.draws, most=part.held)))
    return rooms


def repayable(sides: Sequence[Side]) -> list[Room]:
    """Return what is owed."""
    return [Room(side.unit, side.drawn - side.repaid, side.owed_own, side.frees) for side in sides]


def _undrawn(loan: Financing) -> list[Side]:
    units = [unit_of(part.quota) for part in loan.allocations]
    return [Side(unit, loan.currency, loan.rates.get(unit, RATE_ONE)) for unit in units]


def _after(entry: Entry, sides: list[Side], own: list[int] | None, steps: Sequence[Step]) -> list[Side]:
    if entry.kind == "reversal" and entry.note is not None:
        undone = steps[int(entry.note) - 1]
        return [side.less(*change) for side, *change in zip(sides, undone.before, undone.after, strict=True)]
    after = []
    for index, side in enumerate(sides):
        amount = entry.amounts[index] if index < len(entry.amounts) else 0  # what came later had no part in it
        value = own[index] if own else None
        if not amount and not value:
            after.append(side)
        elif entry.kind in _DRAWS:
            after.append(side.after_draw(amount, value))
        elif entry.kind in _PAYMENTS:
            after.append(side.after_payment(amount, value))
        elif entry.kind == "moved-out":
            after.append(side.after_moving_out(amount))
        else:
            after.append(side)
    return after


def _size(entry: Entry, before: Sequence[Side], after: Sequence[Side], own: list[int] | None) -> int:
    moved = sum(
        abs(new.drawn_own - old.drawn_own) + abs(new.repaid_own - old.repaid_own)
        for old, new in zip(before, after, strict=True)
    )
    if moved or own is not None:
        return moved or sum(own or [])
    total = 0  # an advance, a sale, a write-off: nothing moves
    for side, amount in zip(before, entry.amounts, strict=False):
        total += side.owed_own if amount == side.drawn - side.repaid else side.worth(amount)
    return total
