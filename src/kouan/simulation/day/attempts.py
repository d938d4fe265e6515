"""What every fraud on a trade's papers ends with: at a third bank a paper is shown, and all is applied for."""

from __future__ import annotations

from typing import Any

from kouan.modules.cases.records import Purpose
from kouan.simulation.day.deals import Recorded
from kouan.simulation.day.trade import Declared
from kouan.simulation.day.trades import Labels, Trade


def labels_of(trade: Trade, kind: str) -> Labels:
    """Return the labels of a trade's fraud."""
    return {"attempt": f"{trade.name}x", "fraud": kind}


def apply_elsewhere(
    trade: Trade, on: Declared | Recorded, day: int, labels: Labels, purpose: Purpose = "seller"
) -> None:
    """Apply at a third bank for all that may be lent on a document."""
    attempt = trade.deal("x", [on], day, trade.banks[2])
    attempt.amounts = [on.limit]
    attempt.purpose = purpose
    trade.apply(attempt, 30, labels)


def show_invoice(trade: Trade, labels: Labels, consents: list[Declared], **other: Any) -> None:
    """Show an invoice about the first shipment at a third bank, and apply on it."""
    one, day = trade.on[0], 5
    fields: dict[str, Any] = {"contract_number": one.declaration.contract_no if consents else None} | other
    paper = trade.invoice(one, f"{trade.name}-invoice-x", **fields)
    bank = trade.banks[2]
    shown = trade.record(trade.at(day, 10), bank, paper, [one], consents, labels=labels)
    apply_elsewhere(trade, shown, day, labels)
