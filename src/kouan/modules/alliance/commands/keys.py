"""A member's own keys. A suspended member may send these too: it must be able to answer a theft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kouan.kernel.encoding import Bytes32, Bytes64, Code, encode, from_text
from kouan.kernel.records import Member, Record
from kouan.kernel.registry import Claim, Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import State
from kouan.modules.alliance.records import member_key
from kouan.modules.alliance.rules import good_keys, with_key, without_key

POSSESSION_TAG: Final = "kouan/key-possession/1"


class AddKey(Record, frozen=True):
    """alliance.add-key/1: one more signing key."""

    key: Code
    """Its name."""
    public: Bytes32
    signature: Bytes64
    """By the new key over `possession`: a key that nobody holds must not become a member's."""


class RotateKey(Record, frozen=True):
    """alliance.rotate-key/1: a new signing key in, an old one out, in one step."""

    key: Code
    """Name of the new key."""
    old: Code
    """Name of the key that is revoked."""
    public: Bytes32
    signature: Bytes64
    """As in `AddKey`."""


class RevokeKey(Record, frozen=True):
    """alliance.revoke-key/1: a signing key out."""

    key: Code


def possession(alliance: str, member: str, key: str, public: str) -> bytes:
    """Return what a new key signs, under the tag ``kouan/key-possession/1``."""
    return encode({"alliance": alliance, "key": key, "member": member, "public": public})


def add_key(ctx: Context, cmd: AddKey) -> Refusal | None:
    """Give the sender one more key."""
    return _add(ctx, ctx.member, cmd)


def rotate_key(ctx: Context, cmd: RotateKey) -> Refusal | None:
    """Give the sender a key and revoke another."""
    rest = without_key(ctx.member, cmd.old, ctx.time_ms)
    if isinstance(rest, Rejection):
        return Refusal(rest, cmd.old)
    return _add(ctx, rest, cmd)


def revoke_key(ctx: Context, cmd: RevokeKey) -> Refusal | None:
    """Revoke a key of the sender, never the last good one: nobody could act for the member any more."""
    rest = without_key(ctx.member, cmd.key, ctx.time_ms)
    if isinstance(rest, Rejection):
        return Refusal(rest, cmd.key)
    if not good_keys(rest):
        return Refusal(Rejection.KEY_LAST, cmd.key)
    ctx.state.write(member_key(rest.id), rest)
    return None


def _add(ctx: Context, member: Member, cmd: AddKey | RotateKey) -> Refusal | None:
    grown = with_key(member, cmd.key, cmd.public, ctx.time_ms)
    if isinstance(grown, Rejection):
        return Refusal(grown, cmd.key)
    message = possession(ctx.alliance, member.id, cmd.key, cmd.public)
    if not ctx.is_signed(cmd.public, POSSESSION_TAG, message, cmd.signature):
        return Refusal(Rejection.KEY_BAD_SIGNATURE, cmd.key)
    ctx.state.write(member_key(member.id), grown)
    return None


def _claims(_: State, alliance: str, member: str, cmd: AddKey | RotateKey) -> Iterator[Claim]:
    message = possession(alliance, member, cmd.key, cmd.public)
    yield Claim(from_text(cmd.public), POSSESSION_TAG, message, from_text(cmd.signature))


_ANY: Final[frozenset[str]] = frozenset()
COMMANDS: Final = (
    Command("alliance.add-key/1", AddKey, add_key, _ANY, starts=False, claims=_claims),
    Command("alliance.rotate-key/1", RotateKey, rotate_key, _ANY, starts=False, claims=_claims),
    Command("alliance.revoke-key/1", RevokeKey, revoke_key, _ANY, starts=False),
)
