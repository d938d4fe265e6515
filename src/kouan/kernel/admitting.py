"""Whether an envelope may enter a block: the tests that come before any of its commands is looked at.

`kouan.kernel.execution` goes through them in order; an engine that chooses what a block is made of asks them ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from kouan.kernel.encoding import EncodingError, from_text
from kouan.kernel.envelope import MAX_AHEAD_MS, TAG, open_envelope
from kouan.kernel.records import Member
from kouan.kernel.registry import Claim, Registry
from kouan.kernel.rejections import Rejection
from kouan.kernel.state import State
from kouan.kernel.suites import SUITE


class Letter(NamedTuple):
    """An envelope as it was read: what it says by itself, whatever the state and the time."""

    alliance: str
    expires_ms: int
    number: int
    mode: Literal["all", "each"]
    member: str
    key: str
    signed: bytes
    signature: bytes
    commands: list[tuple[str, Any]]
    """The type and the record of each; None for a type that is unknown here, or a record of the wrong shape."""
    checked: dict[Claim, bool]
    """Which of its signatures hold, as far as that is known. An engine that remembers letters may fill it in ahead with
    what `kouan.kernel.suites.verify` said; execution then asks for no others ahead."""


def read_envelope(raw: bytes, registry: Registry) -> Letter | None:
    """Return what stands in an envelope; None when it is malformed."""
    try:
        opened = open_envelope(raw)
    except EncodingError:
        return None
    body = opened.body
    commands = [_record(plain, registry) for plain in body.commands]
    sender = (opened.member, opened.key, opened.signed, opened.signature)
    return Letter(body.alliance, body.expires_ms, body.number, body.mode, *sender, commands, {})


def _record(plain: dict[str, Any], registry: Registry) -> tuple[str, Any]:
    kind = plain.pop("type", None)
    command = registry.commands.get(kind) if isinstance(kind, str) else None
    record: Any = None
    if command is not None:
        try:
            record = msgspec.convert(plain, command.record)
        except msgspec.ValidationError:
            record = None
    return (kind if isinstance(kind, str) else "", record)


def out_of_place(letter: Letter, alliance: str, time_ms: int) -> Rejection | None:
    """Tell why an envelope does not belong into a block of this alliance and time."""
    if letter.alliance != alliance:
        return Rejection.ENVELOPE_WRONG_ALLIANCE
    if letter.expires_ms <= time_ms:
        return Rejection.ENVELOPE_EXPIRED
    if letter.expires_ms > time_ms + MAX_AHEAD_MS:
        return Rejection.ENVELOPE_EXPIRY_TOO_FAR
    return None


def signer_of(state: State, letter: Letter) -> Member | Rejection:
    """Return the member whose good key is said to have signed, or why there is none."""
    member = state.read(Member, f"member/{letter.member}")
    if member is None or letter.key not in member.keys or member.keys[letter.key].suite != SUITE:
        return Rejection.ENVELOPE_UNKNOWN_SIGNER
    if member.keys[letter.key].revoked_ms:
        return Rejection.ENVELOPE_REVOKED_KEY
    return member


def envelope_claim(letter: Letter, member: Member) -> Claim:
    """Return the envelope's own signature as a claim."""
    return Claim(from_text(member.keys[letter.key].public), TAG, letter.signed, letter.signature)


def claims_of(state: State, letter: Letter, registry: Registry) -> Iterator[Claim]:
    """Name every signature that the envelope will be asked for, as far as the state tells."""
    member = state.read(Member, f"member/{letter.member}")
    if member and letter.key in member.keys:
        yield envelope_claim(letter, member)
    for kind, record in letter.commands:
        command = registry.commands.get(kind)
        if record is not None and command is not None and command.claims is not None:
            yield from command.claims(state, letter.alliance, letter.member, record)
