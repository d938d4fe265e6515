"""The envelope: one signature over a batch of commands.

On the wire it is the canonical JSON of ``{"body": …, "signature": …}``; the signature, by the signer's key and under
the tag ``kouan/envelope/1``, covers the canonical bytes of the body.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from kouan.kernel.encoding import Bytes32, Bytes64, EncodingError, Positive, decode, encode, from_text, to_text
from kouan.kernel.records import Record, Window
from kouan.kernel.suites import digest, sign

TAG: Final = "kouan/envelope/1"
MAX_BYTES: Final = 512 * 1024
MAX_COMMANDS: Final = 1_000
MAX_AHEAD_MS: Final = 24 * 3600 * 1000
WINDOW: Final = 256

Signer = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,31}/[a-z0-9][a-z0-9.-]{0,31}\Z")]


class Body(Record, frozen=True):
    """What is signed."""

    alliance: Bytes32
    """Hash of the alliance's founding document."""
    commands: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MAX_COMMANDS)]
    expires_ms: Positive
    """The envelope is refused in a block of this time or later; at most 24 h ahead."""
    mode: Literal["all", "each"]
    """each: every command has its own result; all: they stand or fall together."""
    number: Positive
    """Never used twice with one key."""
    signer: Signer
    """member/key"""


class Envelope(Record, frozen=True):
    """A body and its signature."""

    body: Body
    signature: Bytes64


class Opened(msgspec.Struct, frozen=True):
    """A decoded envelope with the bytes that matter."""

    body: Body
    member: str
    key: str
    signed: bytes
    signature: bytes


_PREFIX: Final = b'{"body":'
_SUFFIX: Final = len(',"signature":""}') + 86


def make(body: Body, seed: bytes) -> bytes:
    """Return the wire bytes of a body signed with a seed."""
    signed = encode(body)
    return encode({"body": msgspec.Raw(signed), "signature": to_text(sign(seed, TAG, signed))})


def envelope_hash(raw: bytes) -> bytes:
    """Return the hash by which an envelope is named, 32 bytes."""
    return digest("kouan/envelope-id/1", raw)


def envelope_id(raw: bytes) -> str:
    """Return the hash by which an envelope is named, as text."""
    return to_text(envelope_hash(raw))


def open_envelope(raw: bytes) -> Opened:
    """Decode an envelope; raises EncodingError when it is too large, not canonical or not of the right shape."""
    if len(raw) > MAX_BYTES:
        raise EncodingError(f"an envelope has at most {MAX_BYTES} bytes, this one {len(raw)}")
    try:
        envelope = msgspec.convert(decode(raw), Envelope)
    except msgspec.ValidationError as problem:
        raise EncodingError(str(problem)) from None
    member, _, key = envelope.body.signer.partition("/")
    signed = raw[len(_PREFIX) : -_SUFFIX]
    return Opened(envelope.body, member, key, signed, from_text(envelope.signature))


def window_key(member: str, key: str) -> str:
    """Return the key under which the used numbers of a signing key stand in the state."""
    return f"window/{member}/{key}"


def use_number(window: Window | None, number: int) -> Window | None:
    """Mark a number as used; None when it was used before or is too old to tell (RFC 4303 section 3.4.3)."""
    if window is None:
        return Window(highest=number, seen=f"{1:064x}")
    seen = int(window.seen, 16)
    ahead = number - window.highest
    if ahead > 0:
        moved = (seen << ahead | 1) & (1 << WINDOW) - 1 if ahead < WINDOW else 1
        return Window(highest=number, seen=f"{moved:064x}")
    if -ahead >= WINDOW or seen >> -ahead & 1:
        return None
    return Window(highest=window.highest, seen=f"{seen | 1 << -ahead:064x}")
