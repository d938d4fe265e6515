"""Declarations under a bank's loans on which others have lent too, or which carry more than they may.

A bank sees its own figures and one sum for all others: who the others are, and what each lent, is not told.
"""

from __future__ import annotations

from typing import NamedTuple

from kouan.client.bank import Bank
from kouan.client.portfolio import portfolio


class Conflict(NamedTuple):
    """One declaration in one currency; amounts in minor units of ``unit``."""

    quota: str
    number: str | None
    unit: str
    limit: int
    """What may be lent on it in all."""
    own: int
    """What is outstanding with this bank."""
    others: int
    """What is outstanding with all other banks together."""
    beyond: int
    """By how much all of that is more than the limit; 0 when it is not."""
    loans: list[str]
    """This bank's loans on it."""


def conflicts(bank: Bank) -> list[Conflict]:
    """Return the declarations drawn by several banks or beyond their limit, the furthest beyond first."""
    own: dict[str, int] = {}
    loans: dict[str, list[str]] = {}
    for held in portfolio(bank):
        for part in held.view.allocations:
            if part.outstanding:
                own[part.quota] = own.get(part.quota, 0) + part.outstanding
                loans.setdefault(part.quota, []).append(held.view.id)
    found = [
        Conflict(
            quota=quota.id,
            number=bank.book.number_of(quota.id),
            unit=quota.unit,
            limit=quota.limit,
            own=own[quota.id],
            others=quota.used - own[quota.id],
            beyond=max(0, quota.used + quota.spent - quota.limit),
            loans=loans[quota.id],
        )
        for quota in bank.quotas(list(own))
    ]
    real = [conflict for conflict in found if conflict.others or conflict.beyond]
    return sorted(real, key=lambda conflict: (-conflict.beyond, conflict.number or "", conflict.quota))
