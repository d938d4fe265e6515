"""What is overdue and what falls due, loan by loan and in spans of days, as of the end of a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from kouan.client.balances import outstanding_at
from kouan.client.bank import Bank
from kouan.client.portfolio import Held, portfolio
from kouan.client.workdays import day_of

OVERDUE_SPANS: Final = (30, 90, 180, 360)
MATURITY_SPANS: Final = (7, 30, 90, 180, 360)


class Due(NamedTuple):
    """What is outstanding of a loan in one currency."""

    held: Held
    unit: str
    outstanding: int
    """Minor units of ``unit``."""
    last_day: date
    """The maturity."""
    days: int
    """From the maturity to the day of the report when it is overdue, else from that day to the maturity."""
    span: str
    """Of days, such as ``31-90``."""


def overdue_report(bank: Bank, at_ms: int) -> list[Due]:
    """Return what is owed past its maturity at the end of a day, the longest overdue first."""
    late = (due for due in _owed(bank, at_ms) if _is_late(due, at_ms))
    return sorted(late, key=lambda due: (-due.days, due.held.view.id))


def maturity_report(bank: Bank, at_ms: int) -> list[Due]:
    """Return what falls due after a day, the earliest first."""
    coming = (due for due in _owed(bank, at_ms) if not _is_late(due, at_ms))
    return sorted(coming, key=lambda due: (due.days, due.held.view.id))


def totals(dues: Sequence[Due], spans: Sequence[int]) -> list[tuple[str, str, int, int]]:
    """Return span, currency, number of loans and sum in minor units, for the spans in which there is anything."""
    counts: Counter[tuple[str, str]] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    for due in dues:
        counts[due.span, due.unit] += 1
        sums[due.span, due.unit] += due.outstanding
    order = [span_of(days, spans) for days in (*spans, spans[-1] + 1)]
    keys = sorted(sums, key=lambda key: (order.index(key[0]), key[1]))
    return [(span, unit, counts[span, unit], sums[span, unit]) for span, unit in keys]


def span_of(days: int, spans: Sequence[int]) -> str:
    """Return the span of days in which a number of days lies: ``0-30``, ``31-90``, … ``361+``."""
    lowest = 0
    for highest in spans:
        if days <= highest:
            return f"{lowest}-{highest}"
        lowest = highest + 1
    return f"{lowest}+"


def _is_late(due: Due, at_ms: int) -> bool:
    return due.held.view.maturity_ms < at_ms


def _owed(bank: Bank, at_ms: int) -> list[Due]:
    today = day_of(at_ms - 1)
    found = []
    for held in portfolio(bank, at_ms):
        last_day = day_of(held.view.maturity_ms - 1)
        days = abs((today - last_day).days)
        span = span_of(days, OVERDUE_SPANS if held.view.maturity_ms < at_ms else MATURITY_SPANS)
        for unit, owed in sorted(outstanding_at(bank, held, at_ms).items()):
            found.append(Due(held, unit, owed, last_day, days, span))
    return found
