"""A bank's own loans as its people look at them: the book's names joined with what the ledger says at a time."""

from __future__ import annotations

from typing import NamedTuple

from kouan.client.bank import Bank
from kouan.client.book import BookedLoan
from kouan.client.loan_currency import sides_of
from kouan.formats.money import money
from kouan.modules.financing.queries import LoanView, loan_view, overdue


class Held(NamedTuple):
    """A loan of the bank."""

    booked: BookedLoan
    view: LoanView
    numbers: list[str]
    """The declarations it stands on: their numbers where the bank was told, else the quotas' ids."""
    owed: int
    """Principal outstanding in minor units of the loan's currency."""

    @property
    def is_foreign(self) -> bool:
        """Tell whether a declaration under it is in another currency than the loan."""
        return any(part.unit != self.view.currency for part in self.view.allocations)


def portfolio(bank: Bank, time_ms: int | None = None) -> list[Held]:
    """Return the bank's loans as they stand at a time (now, unless given), the earliest due first.

    Loans that it has sold are not its own any more. Outstanding is always what the newest block says; the time decides
    what has lapsed and what is overdue.
    """
    at_ms = bank.session.now_ms() if time_ms is None else time_ms
    found = (_held(bank, booked, at_ms) for booked in bank.book.loans())
    own = [held for held in found if held is not None and held.view.bank == bank.session.member]
    return sorted(own, key=lambda held: (held.view.maturity_ms, held.view.id))


def overdue_at(bank: Bank, time_ms: int) -> list[Held]:
    """Return the loans on which something is owed past their maturity at a time, the longest due first."""
    loans = {held.view.id: held for held in portfolio(bank, time_ms)}
    return [loans[view.id] for view in overdue(held.view for held in loans.values())]


def one_loan(bank: Bank, name: str) -> Held:
    """Return one loan by its name in the book, sold ones too; raises BookError."""
    loan = bank.loan(name)
    held = _held(bank, bank.book.loan(loan.id), bank.session.now_ms())
    if held is None:
        raise AssertionError(f"the loan {loan.id} was there and is not any more")
    return held


def flags_of(view: LoanView) -> list[str]:
    """Return what is to be minded about a loan, as codes."""
    flags = {
        "overdue": view.is_overdue,
        "under-review": view.is_under_review,
        "advanced": view.is_advanced,
        "written-off": view.written_off is not None,
        "offered": view.offer is not None,
        "refinanced": view.successor is not None,
    }
    return [name for name, is_so in flags.items() if is_so]


def sums(amounts: dict[str, int]) -> str:
    """Return amounts by currency as one text."""
    return " + ".join(money(minor, unit) for unit, minor in sorted(amounts.items()))


def both(held: Held, own: int, amounts: dict[str, int]) -> str:
    """Return an amount in the loan's currency and, where they differ, in the declarations'."""
    return f"{money(own, held.view.currency)} ({sums(amounts)})" if held.is_foreign else sums(amounts)


def _held(bank: Bank, booked: BookedLoan, time_ms: int) -> Held | None:
    view = loan_view(bank.session, booked.id, time_ms)
    if view is None:
        return None
    owed = sum(side.owed_own for side in sides_of(bank.session, bank.book, bank.loan(booked.id)))
    return Held(booked, view, [bank.book.number_of(part.quota) or part.quota for part in view.allocations], owed)
