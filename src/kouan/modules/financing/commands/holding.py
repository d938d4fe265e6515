"""From the application to the money: hold, extend, disburse, release."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Bytes16, Bytes32, Moment
from kouan.kernel.records import Hold, Quota, Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.financing.commands.lending import (
    change_quotas,
    give_back_holds,
    own_held_loan,
    quota_of,
    with_entry,
    write_loan,
)
from kouan.modules.financing.commands.opening import Draw, Terms, allocate, check_terms, draw_claims, opened
from kouan.modules.financing.records import Amounts, Financing, ReleaseReason
from kouan.modules.financing.rules import BANK, EXTENSION_MAX, HOLD_MAX, REGISTRATION_REQUIRED, financing_key
from kouan.modules.financing.trade import Cases


class HoldCommand(Terms, frozen=True):
    """Set parts of declarations aside for a loan: all of them or none."""

    lapse_ms: Moment


class ExtendCommand(Record, frozen=True):
    """Let the holds of a loan lapse later."""

    financing: Bytes16
    lapse_ms: Moment


class DisburseCommand(Record, frozen=True):
    """Pay out a loan or a part of it."""

    amounts: Amounts
    financing: Bytes16
    registration: Bytes32 | None
    """Commitment to the registration of the receivables; null keeps the one that is recorded."""


class ReleaseCommand(Record, frozen=True):
    """Give back what is held and not yet drawn."""

    financing: Bytes16
    reason: ReleaseReason


def hold(cases: Cases, ctx: Context, cmd: HoldCommand) -> Refusal | None:
    """Open a loan and hold its parts 占用."""
    refusal = check_terms(ctx, cmd)
    if refusal is not None:
        return refusal
    if cmd.lapse_ms <= ctx.time_ms:
        return Refusal(Rejection.HOLD_LAPSED, "lapse_ms")
    if cmd.lapse_ms > ctx.time_ms + ctx.parameter(HOLD_MAX[cmd.product]):
        return Refusal(Rejection.HOLD_TOO_LONG, "lapse_ms")

    def take(quota: Quota, draw: Draw) -> Quota | Rejection:
        drawer = ctx.member.id
        own = Hold(draw.amount, drawer, drawn=False, extended=False, financing=cmd.financing, lapse_ms=cmd.lapse_ms)
        return quotas.hold(quota, own, ctx.time_ms)

    allocations = allocate(cases, ctx, cmd, take)
    if isinstance(allocations, Refusal):
        return allocations
    loan = opened(ctx, cmd, allocations, opened_ms=ctx.time_ms, lapse_ms=cmd.lapse_ms)
    ctx.state.write(financing_key(cmd.financing), loan)
    return None


def extend(ctx: Context, cmd: ExtendCommand) -> Refusal | None:
    """Let the holds of a loan lapse later, once."""
    loan = own_held_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    if cmd.lapse_ms <= loan.lapse_ms:
        return Refusal(Rejection.DATE_NOT_LATER, "lapse_ms")
    if cmd.lapse_ms > loan.lapse_ms + ctx.parameter(EXTENSION_MAX):
        return Refusal(Rejection.HOLD_TOO_LONG, "lapse_ms")
    parts = [allocation.held for allocation in loan.allocations]
    refusal = change_quotas(ctx, loan, parts, lambda quota, _: quotas.extend(quota, loan.id, cmd.lapse_ms, ctx.time_ms))
    if refusal is None:
        write_loan(ctx, replace(loan, lapse_ms=cmd.lapse_ms))
    return refusal


def disburse(cases: Cases, ctx: Context, cmd: DisburseCommand) -> Refusal | None:
    """Pay out a loan or a part of it 放款; everything is checked again."""
    loan = own_held_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    refusal = (
        _check_payout(ctx, cmd, loan)
        or change_quotas(
            ctx, loan, cmd.amounts, lambda quota, amount: quotas.confirm(quota, loan.id, amount, ctx.time_ms)
        )
        or _check_cases(cases, ctx, cmd, loan)
    )
    if refusal is not None:
        return refusal
    allocations = [
        replace(allocation, drawn=allocation.drawn + amount, held=allocation.held - amount)
        for allocation, amount in zip(loan.allocations, cmd.amounts, strict=True)
    ]
    drawn = replace(loan, allocations=allocations, registration=cmd.registration or loan.registration)
    write_loan(ctx, with_entry(ctx, drawn, "disbursement", cmd.amounts))
    return None


def _check_payout(ctx: Context, cmd: DisburseCommand, loan: Financing) -> Refusal | None:
    if loan.written_off is not None:
        return Refusal(Rejection.FINANCING_WRITTEN_OFF, "financing")
    if loan.maturity_ms <= ctx.time_ms:
        return Refusal(Rejection.MATURITY_PAST, "financing")
    if len(cmd.amounts) != len(loan.allocations) or not any(cmd.amounts):
        return Refusal(Rejection.AMOUNTS_MISFIT, "amounts")
    registered = cmd.registration is not None or loan.registration is not None
    if not registered and ctx.parameter(REGISTRATION_REQUIRED):
        return Refusal(Rejection.REGISTRATION_MISSING, "registration")
    return None


def _check_cases(cases: Cases, ctx: Context, cmd: DisburseCommand, loan: Financing) -> Refusal | None:
    for allocation, amount in zip(loan.allocations, cmd.amounts, strict=True):
        refusal = cases.pay_out(ctx, quota_of(ctx, allocation.quota), loan.id) if amount else None
        if refusal is not None:
            return refusal
    return None


def release(ctx: Context, cmd: ReleaseCommand) -> Refusal | None:
    """Give back what is held and not yet drawn 解除占用."""
    loan = own_held_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    write_loan(ctx, replace(loan, allocations=give_back_holds(ctx, loan), reason=cmd.reason))
    return None


def commands_for(cases: Cases) -> tuple[Command, ...]:
    """Return the commands, for an alliance that knows trades in this way."""
    return (
        Command("financing.hold/1", HoldCommand, partial(hold, cases), BANK, starts=True, claims=draw_claims),
        Command("financing.extend/1", ExtendCommand, extend, BANK, starts=True),
        Command("financing.disburse/1", DisburseCommand, partial(disburse, cases), BANK, starts=True),
        Command("financing.release/1", ReleaseCommand, release, BANK, starts=False),
    )
