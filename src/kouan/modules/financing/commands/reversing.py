"""Correcting a mistake 冲正: a second person of the bank reverses an entry, and the history keeps both."""

from __future__ import annotations

from functools import partial
from typing import Final

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Bytes16, Positive
from kouan.kernel.records import Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.financing.commands.collecting import check_reversal
from kouan.modules.financing.commands.lending import (
    change_quotas,
    must_change_quotas,
    own_loan,
    quota_of,
    with_entry,
    write_loan,
)
from kouan.modules.financing.records import Entry, Financing
from kouan.modules.financing.rules import BANK, entry_key
from kouan.modules.financing.trade import Cases

_REPAYMENT: Final = "repayment"


class ReverseCommand(Record, frozen=True):
    """Take a wrongly keyed entry of a loan back."""

    entry: Positive
    """Its number."""
    financing: Bytes16


def reverse(cases: Cases, ctx: Context, cmd: ReverseCommand) -> Refusal | None:
    """Reverse a disbursement, a loan brought in, a repayment, an advance or a write-off."""
    loan = own_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    key = entry_key(loan.id, cmd.entry)
    entry = ctx.state.read(Entry, key)
    if entry is None:
        return Refusal(Rejection.ENTRY_UNKNOWN, "entry")
    undo = _UNDO.get(entry.kind)
    if undo is None:
        return Refusal(Rejection.ENTRY_NOT_REVERSIBLE, "entry")
    refusal = check_reversal(ctx, entry)
    if refusal is not None:
        return refusal
    undone = undo(ctx, loan, entry)
    if isinstance(undone, Refusal):
        return undone
    if entry.kind == _REPAYMENT:
        for allocation, amount in zip(loan.allocations, _by_allocation(loan, entry), strict=True):
            if amount:
                cases.note(ctx, quota_of(ctx, allocation.quota))
    counted = with_entry(ctx, undone, "reversal", entry.amounts, entry.interest, str(cmd.entry))
    ctx.state.write(key, replace(entry, reversed_by=counted.entries))
    write_loan(ctx, counted)
    return None


def _by_allocation(loan: Financing, entry: Entry) -> list[int]:
    """Return an entry's amounts for the allocations as they are now: later ones had no part in it."""
    return entry.amounts + [0] * (len(loan.allocations) - len(entry.amounts))


def _undo_disbursement(ctx: Context, loan: Financing, entry: Entry) -> Financing | Refusal:
    """Give the room back, without holding it again."""
    amounts = _by_allocation(loan, entry)
    for allocation, amount in zip(loan.allocations, amounts, strict=True):
        if amount and allocation.drawn - amount < allocation.repaid:
            return Refusal(Rejection.ENTRY_BUILT_UPON, allocation.quota)
    must_change_quotas(ctx, loan, amounts, quotas.repay)
    allocations = [
        replace(allocation, drawn=allocation.drawn - amount)
        for allocation, amount in zip(loan.allocations, amounts, strict=True)
    ]
    # Where nothing stands any more, a hold that lapses is one that lapsed undrawn.
    undrawn = [amount if not part.drawn else 0 for part, amount in zip(allocations, amounts, strict=True)]
    must_change_quotas(ctx, loan, undrawn, lambda quota, _: quotas.undraw(quota, loan.id, ctx.time_ms))
    return replace(loan, allocations=allocations)


def _undo_repayment(ctx: Context, loan: Financing, entry: Entry) -> Financing | Refusal:
    """Let what was never repaid be owed again, even beyond the limit."""
    amounts = _by_allocation(loan, entry)
    refusal = change_quotas(ctx, loan, amounts, quotas.restore)
    if refusal is not None:
        return refusal
    allocations = [
        replace(allocation, repaid=allocation.repaid - amount)
        for allocation, amount in zip(loan.allocations, amounts, strict=True)
    ]
    return replace(loan, allocations=allocations, interest=loan.interest - entry.interest)


def _undo_advance(_ctx: Context, loan: Financing, _entry: Entry) -> Financing | Refusal:
    return replace(loan, advances=loan.advances - 1)


def _undo_write_off(_ctx: Context, loan: Financing, _entry: Entry) -> Financing | Refusal:
    return replace(loan, written_off=None)


_UNDO: Final = {
    "advance": _undo_advance,
    "brought-in": _undo_disbursement,
    "disbursement": _undo_disbursement,
    _REPAYMENT: _undo_repayment,
    "write-off": _undo_write_off,
}


def commands_for(cases: Cases) -> tuple[Command, ...]:
    """Return the commands, for an alliance that knows trades in this way."""
    return (Command("financing.reverse/1", ReverseCommand, partial(reverse, cases), BANK, starts=False),)
