"""The opening of seals: asked for by an overseer, answered by the second holder, disclosed after a time.

A seal is number and owner encrypted to the overseer, and inside that to the second holder, who answers only to a
request on the ledger: so no opening goes unrecorded. Which declaration is meant stays hidden at first, so that the
record does not tip its owner off.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from kouan.kernel.encoding import Bytes16, Bytes32, from_text, to_text
from kouan.kernel.records import Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.customs import rules
from kouan.modules.customs.records import Opening
from kouan.modules.customs.rules import QuotaId


class RequestOpening(Record, frozen=True):
    """customs.request-opening/1: an overseer asks for a seal to be opened."""

    commitment: Bytes32
    """digest("kouan/commitment/opening/1", salt || quota id in ASCII), the salt being 32 random bytes."""
    request: Bytes16
    """16 random bytes, never used twice."""


class AnswerOpening(Record, frozen=True):
    """customs.answer-opening/1: the second holder says that it opened its layer for this request."""

    request: Bytes16


class DiscloseOpening(Record, frozen=True):
    """customs.disclose-opening/1: the overseer shows which declaration it had asked for."""

    quota: QuotaId
    request: Bytes16
    salt: Bytes32


def request_opening(ctx: Context, cmd: RequestOpening) -> Refusal | None:
    """Record a request."""
    if _find(ctx, cmd.request) is not None:
        return Refusal(Rejection.OPENING_EXISTS, cmd.request)
    _write(
        ctx,
        Opening(
            answered_by=None,
            answered_ms=0,
            commitment=cmd.commitment,
            disclosed_ms=0,
            id=cmd.request,
            quota=None,
            requested_ms=ctx.time_ms,
            requester=ctx.member.id,
        ),
    )
    return None


def answer_opening(ctx: Context, cmd: AnswerOpening) -> Refusal | None:
    """Record the answer, once."""
    opening = _find(ctx, cmd.request)
    if opening is None:
        return Refusal(Rejection.OPENING_UNKNOWN, cmd.request)
    if opening.answered_by is not None:
        return Refusal(Rejection.OPENING_ANSWERED, cmd.request)
    _write(ctx, replace(opening, answered_by=ctx.member.id, answered_ms=ctx.time_ms))
    return None


def disclose_opening(ctx: Context, cmd: DiscloseOpening) -> Refusal | None:
    """Show what the commitment hid, answered or not.

    That the declaration is on the ledger is not asked: a request made by mistake must come to light as well.
    """
    opening = _find(ctx, cmd.request)
    if opening is None:
        return Refusal(Rejection.OPENING_UNKNOWN, cmd.request)
    if opening.requester != ctx.member.id:
        return Refusal(Rejection.OPENING_NOT_REQUESTER, cmd.request)
    if opening.quota is not None:
        return Refusal(Rejection.OPENING_DISCLOSED, cmd.request)
    if ctx.time_ms < opening.requested_ms + ctx.parameter(rules.OPENING_SEALED):
        return Refusal(Rejection.OPENING_STILL_SEALED, cmd.request)
    if to_text(rules.opening_commitment(from_text(cmd.salt), cmd.quota)) != opening.commitment:
        return Refusal(Rejection.OPENING_WRONG_COMMITMENT, cmd.request)
    _write(ctx, replace(opening, disclosed_ms=ctx.time_ms, quota=cmd.quota))
    return None


def _key(request: str) -> str:
    return f"opening/{request}"


def _find(ctx: Context, request: str) -> Opening | None:
    return ctx.state.read(Opening, _key(request))


def _write(ctx: Context, opening: Opening) -> None:
    ctx.state.write(_key(opening.id), opening)


_OVERSEER: Final = frozenset({"overseer"})
# The founding document names the one member that holds the inner layer of all seals; it has this role.
_SECOND_HOLDER: Final = frozenset({"second-holder"})

COMMANDS: Final[tuple[Command, ...]] = (
    Command("customs.request-opening/1", RequestOpening, request_opening, _OVERSEER, starts=True),
    Command("customs.answer-opening/1", AnswerOpening, answer_opening, _SECOND_HOLDER, starts=False),
    Command("customs.disclose-opening/1", DiscloseOpening, disclose_opening, _OVERSEER, starts=False),
)
