"""Day zero: loans that were out before the ledger began are brought in, or the first day would lend twice."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from msgspec import Meta

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Positive
from kouan.kernel.records import Quota, Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.financing.commands.lending import with_entry, write_loan
from kouan.modules.financing.commands.opening import NewLoan, check_sum, opened
from kouan.modules.financing.records import MAX_ALLOCATIONS, Allocation, Financing, QuotaId
from kouan.modules.financing.rules import BANK, BRING_IN_UNTIL, KIND, financing_key
from kouan.modules.financing.trade import Cases


class Owed(Record, frozen=True):
    """What of a loan is outstanding on one declaration."""

    amount: Positive
    """Minor units of the quota's unit."""
    quota: QuotaId


class BringInCommand(NewLoan, frozen=True):
    """Record a loan that was paid out before the ledger began. Its amount is what is outstanding."""

    allocations: Annotated[list[Owed], Meta(min_length=1, max_length=MAX_ALLOCATIONS)]
    opened_ms: Positive
    """When the loan was paid out; its maturity comes later, and may have passed."""
    purpose: Literal["seller"]


def bring_in(cases: Cases, ctx: Context, cmd: BringInCommand) -> Refusal | None:
    """Record a loan from before the ledger 存量导入. A fact: it asks for no signature of the owner and no free room."""
    refusal = _check_terms(ctx, cmd)
    if refusal is not None:
        return refusal
    allocations = _allocate(cases, ctx, cmd)
    if isinstance(allocations, Refusal):
        return allocations
    loan = opened(ctx, cmd, allocations, opened_ms=cmd.opened_ms)
    write_loan(ctx, with_entry(ctx, loan, "brought-in", [owed.amount for owed in cmd.allocations]))
    return None


def _check_terms(ctx: Context, cmd: BringInCommand) -> Refusal | None:
    if ctx.parameter(BRING_IN_UNTIL) <= ctx.time_ms:
        return Refusal(Rejection.BRINGING_IN_CLOSED)
    if ctx.state.read(Financing, financing_key(cmd.financing)) is not None:
        return Refusal(Rejection.FINANCING_EXISTS, "financing")
    if cmd.opened_ms > ctx.time_ms or cmd.opened_ms >= cmd.maturity_ms:
        return Refusal(Rejection.OPENED_MISFIT, "opened_ms")
    return None


def _allocate(cases: Cases, ctx: Context, cmd: BringInCommand) -> list[Allocation] | Refusal:
    """Use every part on its quota, and check that together they are worth the loan's amount."""
    allocations: list[Allocation] = []
    seen: set[str] = set()
    for owed in cmd.allocations:
        if owed.quota in seen:
            return Refusal(Rejection.ALLOCATION_TWICE, owed.quota)
        seen.add(owed.quota)
        quota = ctx.state.read(Quota, quotas.key_of(owed.quota))
        used = _used(quota, owed.amount)
        if isinstance(used, Rejection):
            return Refusal(used, owed.quota)
        ctx.state.write(quotas.key_of(owed.quota), used)
        cases.note(ctx, used)
        allocations.append(Allocation(owed.amount, None, owed.amount, 0, owed.quota, 0, used.revision))
    return check_sum(cmd, allocations) or allocations


def _used(quota: Quota | None, amount: int) -> Quota | Rejection:
    if quota is None:
        return Rejection.QUOTA_UNKNOWN
    if quota.kind != KIND:
        return Rejection.QUOTA_WRONG_KIND
    return quotas.bring_in(quota, amount)


def commands_for(cases: Cases) -> tuple[Command, ...]:
    """Return the commands, for an alliance that knows trades in this way."""
    return (Command("financing.bring-in/1", BringInCommand, partial(bring_in, cases), BANK, starts=True),)
