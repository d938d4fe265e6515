"""What evidence against a validator does, by rule and at once: before the envelopes of the block that brings it."""

from __future__ import annotations

from msgspec.structs import replace

from kouan.kernel.encoding import from_text
from kouan.kernel.execution import Block, Evidence
from kouan.kernel.headers import address_of
from kouan.kernel.state import State
from kouan.modules.alliance.records import (
    OFFENCES_KEY,
    VALIDATORS_KEY,
    Offence,
    Offences,
    Validator,
    Validators,
    offence_key,
)
from kouan.modules.alliance.standing import charter_of, validators_of
from kouan.modules.alliance.validators import total_power, with_move, with_validator


def begin(state: State, block: Block) -> None:
    """Note the block's evidence, and suspend whom it is about.

    Evidence that is noted already does nothing. Nor is anybody suspended for a key that was suspended before, whose
    validator is gone, or without whom no validator would be left: then the members see it, and vote.
    """
    for evidence in block.evidence:
        validators = validators_of(state)
        address = evidence.address.hex()
        key = offence_key(address, evidence.height)
        if validators is None or state.read(Offence, key) is not None:
            continue
        member = _member(validators, evidence.address)
        guilty = _guilty(validators, member, evidence.address)
        _note(state, block, evidence, key, member, suspended=guilty is not None)
        if member is not None and guilty is not None:
            suspended = with_validator(
                validators, member, replace(guilty, power=0, suspended_ms=block.time_ms), block.time_ms
            )
            state.write(VALIDATORS_KEY, with_move(charter_of(state), validators, suspended, block.time_ms))


def _member(validators: Validators, address: bytes) -> str | None:
    """Return whose key has this address, or had it."""
    keys = [(one.public, member) for member, one in validators.members.items()]
    keys += [(one.public, one.member) for one in validators.former]
    return next((member for public, member in keys if address_of(from_text(public)) == address), None)


def _guilty(validators: Validators, member: str | None, address: bytes) -> Validator | None:
    """Return the validator that is to be suspended, as it stands, or None."""
    current = None if member is None else validators.members.get(member)
    if current is None or current.suspended_ms or current.power == total_power(validators):
        return None
    paid = [key for key in validators.former if key.suspended_ms and address_of(from_text(key.public)) == address]
    return None if paid else current


def _note(state: State, block: Block, evidence: Evidence, key: str, member: str | None, *, suspended: bool) -> None:
    before = state.read(Offences, OFFENCES_KEY)
    offence = Offence(
        address=evidence.address.hex(),
        at_ms=block.time_ms,
        height=evidence.height,
        kind=evidence.kind,
        member=member,
        power=evidence.power,
        previous=None if before is None else before.latest,
        suspended=suspended,
        time_ms=evidence.time_ms,
    )
    state.write(key, offence)
    state.write(OFFENCES_KEY, Offences(1 if before is None else before.count + 1, key))
