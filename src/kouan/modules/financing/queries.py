"""What people and proofs ask about loans: figures, and the state and flags that follow from them and the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from kouan.kernel import quota as quotas
from kouan.kernel.records import Quota
from kouan.kernel.state import Reader
from kouan.modules.financing.records import Allocation, Answer, Entry, Financing, Offer, WriteOffReason
from kouan.modules.financing.rules import State, entry_key, financing_key, is_held, outstanding, state_of, unit_of


class AllocationView(NamedTuple):
    """A part of a loan on one declaration; amounts in minor units of ``unit``."""

    quota: str
    unit: str
    amount: int
    held: int
    """What is still set aside."""
    drawn: int
    repaid: int
    outstanding: int
    answer: Answer | None
    is_overdrawn: bool
    """More is outstanding on the declaration, with every bank, than it carries."""
    is_under_review: bool
    """It was changed and no longer carries what stands on it, and the bank has not said what it does about it."""


class LoanView(NamedTuple):
    """A loan at a time."""

    id: str
    bank: str
    product: str
    state: State
    currency: str
    amount: int
    """What the bank agreed to lend, in minor units of ``currency``, as `interest`."""
    interest: int
    opened_ms: int
    lapse_ms: int
    maturity_ms: int
    allocations: list[AllocationView]
    held: dict[str, int]
    """Unit to minor units, as the next two."""
    outstanding: dict[str, int]
    repaid: dict[str, int]
    is_overdue: bool
    is_under_review: bool
    is_advanced: bool
    """The bank has stepped in with its own money 垫款."""
    written_off: WriteOffReason | None
    offer: Offer | None
    """An offer that has not lapsed."""
    predecessor: str | None
    successor: str | None


def loan_view(reader: Reader, financing: str, time_ms: int) -> LoanView | None:
    """Return a loan as it stands at a time; None when there is none of that id."""
    loan = reader.read(Financing, financing_key(financing))
    if loan is None:
        return None
    held = is_held(loan, time_ms)
    parts = [_allocation_view(reader, part, is_held=held) for part in loan.allocations]
    owed = any(part.outstanding for part in parts)
    return LoanView(
        id=loan.id,
        bank=loan.bank,
        product=loan.product,
        state=state_of(loan, time_ms),
        currency=loan.currency,
        amount=loan.amount,
        interest=loan.interest,
        opened_ms=loan.opened_ms,
        lapse_ms=loan.lapse_ms,
        maturity_ms=loan.maturity_ms,
        allocations=parts,
        held=_per_unit((part.unit, part.held) for part in parts),
        outstanding=_per_unit((part.unit, part.outstanding) for part in parts),
        repaid=_per_unit((part.unit, part.repaid) for part in parts),
        is_overdue=owed and loan.maturity_ms < time_ms,
        is_under_review=any(part.is_under_review for part in parts),
        is_advanced=loan.advances > 0,
        written_off=loan.written_off,
        offer=loan.offer if loan.offer and loan.offer.lapse_ms > time_ms else None,
        predecessor=loan.predecessor,
        successor=loan.successor,
    )


def overdue(views: Iterable[LoanView]) -> list[LoanView]:
    """Return the loans that are overdue, the longest due first."""
    return sorted((view for view in views if view.is_overdue), key=lambda view: (view.maturity_ms, view.id))


def under_review(views: Iterable[LoanView]) -> list[LoanView]:
    """Return the loans that wait for their bank's answer to an amended declaration."""
    return [view for view in views if view.is_under_review]


def entries(reader: Reader, financing: str) -> list[Entry]:
    """Return a loan's history, the first entry first; empty when there is no such loan."""
    loan = reader.read(Financing, financing_key(financing))
    found = (reader.read(Entry, entry_key(financing, number + 1)) for number in range(loan.entries if loan else 0))
    return [entry for entry in found if entry is not None]


def short_of(quota: Quota) -> int:
    """Return what the buyer paid too little for good, in minor units; 0 while more is expected."""
    return max(0, quota.attested - quota.collected) if quota.settled else 0


def _allocation_view(reader: Reader, part: Allocation, *, is_held: bool) -> AllocationView:
    quota = reader.read(Quota, quotas.key_of(part.quota))
    if quota is None:
        raise AssertionError(f"a loan stands on the quota {part.quota}, which does not exist")
    held, owed = part.held if is_held else 0, outstanding(part)
    overdrawn = quotas.is_overdrawn(quota)
    cut = held > 0 and quota.used + quota.spent + held > quota.limit  # what is held can no longer be paid out whole
    return AllocationView(
        quota=part.quota,
        unit=unit_of(part.quota),
        amount=part.amount,
        held=held,
        drawn=part.drawn,
        repaid=part.repaid,
        outstanding=owed,
        answer=part.answer,
        is_overdrawn=overdrawn,
        is_under_review=bool(held or owed)
        and quota.revision > part.revision
        and (overdrawn or cut or quota.status != "active"),
    )


def _per_unit(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for unit, amount in amounts:
        sums[unit] += amount
    return dict(sums)
