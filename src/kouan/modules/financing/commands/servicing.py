"""While a loan is out: repay, prolong, write off, review."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from kouan.kernel.encoding import Bytes16, Count, Moment
from kouan.kernel.records import Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.financing.commands.lending import (
    own_loan,
    pay_back,
    quota_of,
    with_entry,
    with_interest,
    write_loan,
)
from kouan.modules.financing.records import Amounts, Answer, Financing, Payer, QuotaId, WriteOffReason
from kouan.modules.financing.rules import BANK, is_outstanding, outstanding


class RepayCommand(Record, frozen=True):
    """Record that principal or interest was paid."""

    amounts: Amounts
    financing: Bytes16
    interest: Count
    """Minor units of the loan's currency."""
    payer: Payer
    """Whose money it is; ``bank`` is an advance, which leaves the loan outstanding."""


class ProlongCommand(Record, frozen=True):
    """Let a loan fall due later."""

    financing: Bytes16
    maturity_ms: Moment


class WriteOffCommand(Record, frozen=True):
    """Record that the bank has written a loan off."""

    financing: Bytes16
    reason: WriteOffReason


class ReviewCommand(Record, frozen=True):
    """Record what the bank did about a declaration that was changed."""

    answer: Answer
    financing: Bytes16
    quota: QuotaId
    revision: Count
    """The quota's revision that the bank has looked at."""


def repay(ctx: Context, cmd: RepayCommand) -> Refusal | None:
    """Record a repayment 还款, or an advance by the bank 垫款."""
    loan = own_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    refusal = _check_amounts(loan, cmd)
    if refusal is not None:
        return refusal
    if cmd.payer == "bank":
        advanced = replace(loan, advances=loan.advances + 1)
        write_loan(ctx, with_entry(ctx, advanced, "advance", cmd.amounts, cmd.interest, cmd.payer))
        return None
    paid = with_interest(loan, cmd.interest)
    if isinstance(paid, Refusal):
        return paid
    repaid = replace(paid, allocations=pay_back(ctx, loan, cmd.amounts))
    write_loan(ctx, with_entry(ctx, repaid, "repayment", cmd.amounts, cmd.interest, cmd.payer))
    return None


def _check_amounts(loan: Financing, cmd: RepayCommand) -> Refusal | None:
    if not any(allocation.drawn for allocation in loan.allocations):
        return Refusal(Rejection.NOTHING_OUTSTANDING, "financing")
    if len(cmd.amounts) != len(loan.allocations) or not (any(cmd.amounts) or cmd.interest):
        return Refusal(Rejection.AMOUNTS_MISFIT, "amounts")
    for allocation, amount in zip(loan.allocations, cmd.amounts, strict=True):
        if amount > outstanding(allocation):
            return Refusal(Rejection.REPAID_TOO_MUCH, allocation.quota)
    return None


def prolong(ctx: Context, cmd: ProlongCommand) -> Refusal | None:
    """Let a loan fall due later 展期."""
    loan = own_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    if not is_outstanding(loan):
        return Refusal(Rejection.NOTHING_OUTSTANDING, "financing")
    if cmd.maturity_ms <= max(loan.maturity_ms, ctx.time_ms):
        return Refusal(Rejection.DATE_NOT_LATER, "maturity_ms")
    write_loan(ctx, replace(loan, maturity_ms=cmd.maturity_ms))
    return None


def write_off(ctx: Context, cmd: WriteOffCommand) -> Refusal | None:
    """Flag a loan as written off 核销; it stays drawn, and a later repayment is still taken."""
    loan = own_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    if not is_outstanding(loan):
        return Refusal(Rejection.NOTHING_OUTSTANDING, "financing")
    if loan.written_off is not None:
        return Refusal(Rejection.FINANCING_WRITTEN_OFF, "financing")
    amounts = [outstanding(allocation) for allocation in loan.allocations]
    flagged = replace(loan, written_off=cmd.reason)
    write_loan(ctx, with_entry(ctx, flagged, "write-off", amounts, note=cmd.reason))
    return None


def review(ctx: Context, cmd: ReviewCommand) -> Refusal | None:
    """Record what the bank did about a declaration that was changed 改单处理."""
    loan = own_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    if all(allocation.quota != cmd.quota for allocation in loan.allocations):
        return Refusal(Rejection.ALLOCATION_UNKNOWN, "quota")
    if quota_of(ctx, cmd.quota).revision != cmd.revision:
        return Refusal(Rejection.REVISION_STALE, "revision")
    allocations = [
        replace(allocation, answer=cmd.answer, revision=cmd.revision) if allocation.quota == cmd.quota else allocation
        for allocation in loan.allocations
    ]
    write_loan(ctx, replace(loan, allocations=allocations))
    return None


COMMANDS: Final = (
    Command("financing.repay/1", RepayCommand, repay, BANK, starts=False),
    Command("financing.prolong/1", ProlongCommand, prolong, BANK, starts=False),
    Command("financing.write-off/1", WriteOffCommand, write_off, BANK, starts=False),
    Command("financing.review/1", ReviewCommand, review, BANK, starts=False),
)
