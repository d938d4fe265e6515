"""What was owed on a loan at the end of a day that has passed, from the history on the ledger."""

from __future__ import annotations

from typing import Final

from kouan.client.bank import Bank
from kouan.client.loan_statement import history
from kouan.client.portfolio import Held
from kouan.modules.financing.rules import State

_PAID_OUT: Final = frozenset({"brought-in", "disbursement", "refinancing"})


def outstanding_at(bank: Bank, held: Held, time_ms: int) -> dict[str, int]:
    """Return the principal outstanding by currency, in minor units: entries of a later time do not count."""
    if time_ms >= bank.session.now_ms():
        return {unit: owed for unit, owed in held.view.outstanding.items() if owed}
    balances = [line.balance for line in history(bank, held) if line.entry.time_ms <= time_ms]
    return {unit: owed for unit, owed in balances[-1].items() if owed} if balances else {}


def owed_at(bank: Bank, held: Held, time_ms: int) -> int:
    """Return the same in minor units of the loan's currency, as the bank's book and the loan's rates have it."""
    if time_ms >= bank.session.now_ms():
        return held.owed
    balances = [line.own_balance for line in history(bank, held) if line.entry.time_ms <= time_ms]
    return balances[-1] if balances else 0


def state_at(bank: Bank, held: Held, time_ms: int) -> State | None:
    """Return a loan's state at a time; None when the ledger did not have it yet.

    Releases and prolongations leave no entry of their own, so of those what stands now is taken.
    """
    if time_ms >= bank.session.now_ms():
        return held.view.state
    lines = [line for line in history(bank, held) if line.entry.time_ms <= time_ms]
    if lines and any(lines[-1].balance.values()):
        return "disbursed"
    if any(line.entry.kind in _PAID_OUT for line in lines):
        return "settled" if held.view.state != "released" else "released"
    if held.view.opened_ms > time_ms or not held.view.lapse_ms:
        return None
    if held.view.state in {"released", "lapsed"}:
        return held.view.state
    return "held" if held.view.lapse_ms > time_ms else "lapsed"
