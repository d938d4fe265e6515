"""Changes of how the ledger is run: who its validators are, and which version of its rules holds from when on."""

from __future__ import annotations

from typing import Final

from kouan.kernel.encoding import from_text
from kouan.kernel.records import Protocol, Record
from kouan.kernel.registry import PROTOCOL_KEY, protocol_at
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import Reader
from kouan.kernel.suites import is_sound_key
from kouan.modules.alliance.records import VALIDATORS_KEY, SetProtocol, SetValidator, Validator, Validators
from kouan.modules.alliance.rules import MAX_VALIDATORS
from kouan.modules.alliance.standing import charter_of, is_signing_key, roster_of, validators_of
from kouan.modules.alliance.validators import is_key_known, total_power, with_move, with_validator

PROTOCOL_AFTER_BLOCKS: Final = 100
PROTOCOL_WITHIN_BLOCKS: Final = 10_000_000
"""How many blocks ahead the next protocol version may come into force: who runs the ledger must have installed it."""


def ledger_change(
    state: Reader, change: SetProtocol | SetValidator, height: int, time_ms: int
) -> dict[str, Record] | Refusal:
    """Return what a change writes, or why it cannot be made. How much power may move is not judged here."""
    if isinstance(change, SetProtocol):
        return _set_protocol(state, change, height)
    validators = validators_of(state)
    if validators is None:
        return Refusal(Rejection.LEDGER_HAS_NO_VALIDATORS, change.member)
    return _set_validator(state, validators, change, time_ms)


def key_problem(state: Reader, validators: Validators, public: str) -> Rejection | None:
    """Return why a key cannot become a validator's, or None. It serves nothing else, and never comes back."""
    if not is_sound_key(from_text(public)):
        return Rejection.KEY_UNSOUND
    if is_key_known(validators, public) or is_signing_key(state, public):
        return Rejection.KEY_PUBLIC_IN_USE
    return None


def _set_protocol(state: Reader, change: SetProtocol, height: int) -> dict[str, Record] | Refusal:
    """Return the next protocol version's record, or why it cannot be agreed. One that is agreed may be moved."""
    current = protocol_at(state, height)
    agreed = Protocol(before=current, from_height=change.from_height, version=change.version)
    if state.read(Protocol, PROTOCOL_KEY) == agreed:
        return Refusal(Rejection.CHANGE_WITHOUT_EFFECT, "from_height")
    if change.version != current + 1:
        return Refusal(Rejection.PROTOCOL_NOT_NEXT, "version")
    if not PROTOCOL_AFTER_BLOCKS <= change.from_height - height <= PROTOCOL_WITHIN_BLOCKS:
        return Refusal(Rejection.PROTOCOL_BAD_HEIGHT, "from_height")
    return {PROTOCOL_KEY: agreed}


def _set_validator(
    state: Reader, validators: Validators, change: SetValidator, time_ms: int
) -> dict[str, Record] | Refusal:
    current = validators.members.get(change.member)
    problem = _problem(state, current, change)
    if problem is not None:
        return Refusal(problem, change.member)
    if current is None and len(validators.members) >= MAX_VALIDATORS:
        return Refusal(Rejection.VALIDATORS_TOO_MANY, change.member)
    public = change.public or (current.public if current else "")
    changed = Validator(power=change.power, public=public, suspended_ms=0) if change.power else None
    after = with_validator(validators, change.member, changed, time_ms)
    if not total_power(after):
        return Refusal(Rejection.VALIDATORS_LEFT_EMPTY, change.member)
    unfit = None if change.public is None else key_problem(state, validators, change.public)
    if unfit is not None:
        return Refusal(unfit, change.member)
    return {VALIDATORS_KEY: with_move(charter_of(state), validators, after, time_ms)}


def _problem(state: Reader, current: Validator | None, change: SetValidator) -> Rejection | None:
    if change.member not in roster_of(state).members:
        return Rejection.MEMBER_UNKNOWN
    if _is_without_effect(current, change):
        return Rejection.CHANGE_WITHOUT_EFFECT
    return None if _is_key_fitting(current, change) else Rejection.VALIDATOR_KEY_MISFIT


def _is_without_effect(current: Validator | None, change: SetValidator) -> bool:
    if current is None:
        return not change.power
    return not current.suspended_ms and current.power == change.power and change.public in {None, current.public}


def _is_key_fitting(current: Validator | None, change: SetValidator) -> bool:
    """Tell whether a key is given just where one is needed, or may be: who goes brings none, who begins anew does."""
    if not change.power:
        return change.public is None
    return change.public is not None or (current is not None and not current.suspended_ms)
