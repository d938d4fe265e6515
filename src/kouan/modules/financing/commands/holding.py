"""From the application to the money: hold."""

from __future__ import annotations

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Positive
from kouan.kernel.records import Hold, Quota
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.financing.commands.opening import Draw, Terms, allocate, check_terms, draw_claims, opened
from kouan.modules.financing.rules import BANK, HOLD_MAX, financing_key


class HoldCommand(Terms, frozen=True):
    """Set parts of declarations aside for a loan: all of them or none."""

    lapse_ms: Positive


def hold(ctx: Context, cmd: HoldCommand) -> Refusal | None:
    """Open a loan and hold its parts 占用."""
    refusal = check_terms(ctx, cmd)
    if refusal is not None:
        return refusal
    if cmd.lapse_ms <= ctx.time_ms:
        return Refusal(Rejection.HOLD_LAPSED, "lapse_ms")
    if cmd.lapse_ms > ctx.time_ms + ctx.parameter(HOLD_MAX[cmd.product]):
        return Refusal(Rejection.HOLD_TOO_LONG, "lapse_ms")

    def take(quota: Quota, draw: Draw) -> Quota | Rejection:
        own = Hold(
            draw.amount, ctx.member.id, drawn=False, extended=False, financing=cmd.financing, lapse_ms=cmd.lapse_ms
        )
        return quotas.hold(quota, own, ctx.time_ms)

    allocations = allocate(ctx, cmd, take)
    if isinstance(allocations, Refusal):
        return allocations
    ctx.state.write(financing_key(cmd.financing), opened(ctx, cmd, allocations, cmd.lapse_ms))
    return None


COMMANDS = (Command("financing.hold/1", HoldCommand, hold, BANK, starts=True, claims=draw_claims),)
