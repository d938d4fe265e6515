"""A member's own validator. A suspended member may send this too: it must be able to answer a theft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from kouan.kernel.encoding import Bytes32, Bytes64, encode, from_text
from kouan.kernel.records import Record
from kouan.kernel.registry import Claim, Command, Context, parameter_of
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import State
from kouan.modules.alliance.ledger_changes import key_problem
from kouan.modules.alliance.records import VALIDATORS_KEY, Validators
from kouan.modules.alliance.rules import PARAMETERS, TRUST_PERIOD
from kouan.modules.alliance.standing import charter_of, validators_of
from kouan.modules.alliance.validators import MAX_FORMER, is_too_fast, with_move, with_validator

VALIDATOR_POSSESSION_TAG: Final = "kouan/validator-key-possession/1"


class RotateValidatorKey(Record, frozen=True):
    """alliance.rotate-validator-key/1: the member's validator signs with another key from now on."""

    public: Bytes32
    """The new consensus key (Ed25519)."""
    signature: Bytes64
    """By the new key over `validator_possession`: power that nobody can use must not stand."""


def validator_possession(alliance: str, member: str, public: str) -> bytes:
    """Return what a validator's new key signs, under the tag ``kouan/validator-key-possession/1``."""
    return encode({"alliance": alliance, "member": member, "public": public})


def rotate_validator_key(ctx: Context, cmd: RotateValidatorKey) -> Refusal | None:
    """Replace the consensus key of the sender's validator. Its power counts as moved: the old key's is gone."""
    member = ctx.member.id
    validators = validators_of(ctx.state)
    if validators is None:
        return Refusal(Rejection.LEDGER_HAS_NO_VALIDATORS, member)
    problem = _problem(ctx, validators, cmd)
    if problem is not None:
        return Refusal(problem, member)
    charter, current = charter_of(ctx.state), validators.members[member]
    rotated = with_validator(validators, member, replace(current, public=cmd.public), ctx.time_ms)
    after = with_move(charter, validators, rotated, ctx.time_ms)
    if is_too_fast(charter, validators, after):
        return Refusal(Rejection.POWER_MOVED_TOO_FAST, member)
    ctx.state.write(VALIDATORS_KEY, after)
    return None


def _problem(ctx: Context, validators: Validators, cmd: RotateValidatorKey) -> Rejection | None:
    member = ctx.member.id
    current = validators.members.get(member)
    if current is None:
        return Rejection.VALIDATOR_UNKNOWN
    if current.suspended_ms:
        return Rejection.VALIDATOR_SUSPENDED
    if _has_too_many(ctx, validators):
        return Rejection.KEYS_TOO_MANY
    problem = key_problem(ctx.state, validators, cmd.public)
    message = validator_possession(ctx.alliance, member, cmd.public)
    if problem is None and not ctx.is_signed(cmd.public, VALIDATOR_POSSESSION_TAG, message, cmd.signature):
        return Rejection.KEY_BAD_SIGNATURE
    return problem


def _has_too_many(ctx: Context, validators: Validators) -> bool:
    """Tell whether one more would push out a former key against which evidence may still come."""
    theirs = [key for key in validators.former if key.member == ctx.member.id]
    period_ms = parameter_of(charter_of(ctx.state), TRUST_PERIOD, PARAMETERS)
    return len(theirs) >= MAX_FORMER and theirs[0].until_ms > ctx.time_ms - period_ms


def _claims(_: State, alliance: str, member: str, cmd: RotateValidatorKey) -> Iterator[Claim]:
    message = validator_possession(alliance, member, cmd.public)
    yield Claim(from_text(cmd.public), VALIDATOR_POSSESSION_TAG, message, from_text(cmd.signature))


COMMANDS: Final = (
    Command(
        "alliance.rotate-validator-key/1",
        RotateValidatorKey,
        rotate_validator_key,
        frozenset(),
        starts=False,
        claims=_claims,
    ),
)
