"""A member's own validator, as far as the ledger is concerned."""

from __future__ import annotations

from kouan.client.session import Order, Result, Session
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import public_key, sign
from kouan.modules.alliance.commands.validators import (
    VALIDATOR_POSSESSION_TAG,
    RotateValidatorKey,
    validator_possession,
)


def rotate_validator_key(session: Session, member: str, seed: bytes) -> Result:
    """Let the member's validator sign with the key of this seed (32 bytes), two blocks after the one that takes it."""
    public = to_text(public_key(seed))
    signature = sign(seed, VALIDATOR_POSSESSION_TAG, validator_possession(session.alliance, member, public))
    command = RotateValidatorKey(public, to_text(signature))
    return session.send([Order("alliance.rotate-validator-key/1", command)])[0]
