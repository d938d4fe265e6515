"""Canonical JSON (RFC 8785) of a strict subset: one value, one spelling.

The subset: objects, arrays, strings of printable ASCII, integers within ±(2⁵³-1), true, false and null, nested at most
16 deep; no floats. Bytes travel as base64url without padding (RFC 4648 section 5), unused bits zero. In this subset
RFC 8785 comes down to sorted keys and no white space. Decoding refuses whatever does not encode back to the same
bytes, so duplicates, escapes, ``-0`` and white space need no rule of their own.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec

MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 16

# Printable ASCII in which a backslash stands only before a quote or another backslash.
_PRINTABLE: Final = re.compile(rb'[\x20-\x5b\x5d-\x7e]*(?:\\["\\][\x20-\x5b\x5d-\x7e]*)*\Z')
_PAD: Final = (b"", None, b"==", b"=")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
# What base64 has and base64url has not becomes a character that neither has.
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_LAST: Final = ("", "", "AQgw", "AEIMQUYcgkosw048")
"""By what is over beyond groups of four: the last characters whose unused bits are zero."""

Integer = Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)]
# Milliseconds since 1970, to the end of the year 9999: what every calendar can print. Times that somebody states are
# moments; those that the ledger takes from its blocks need no bound.
Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
# The last character of base64url carries unused bits; only the spellings that leave them zero are allowed.
Bytes16 = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]\Z")]
Bytes32 = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")]
Bytes64 = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{85}[AQgw]\Z")]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,31}\Z")]
Unit = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{3,8}\Z")]


class EncodingError(ValueError):
    """The bytes are not the canonical encoding of an allowed value; the text says where and why."""


_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder()


def _check(values: Iterable[Any], levels: int) -> None:
    """Refuse what JSON has and the subset has not: floats, large integers, deep nesting."""
    for value in values:
        kind = type(value)
        if kind is int:
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise EncodingError(f"{value} is not within ±(2⁵³-1)")
        elif kind is dict or kind is list:
            if levels == 0:
                raise EncodingError(f"nested deeper than {MAX_DEPTH} levels")
            _check(value.values() if kind is dict else value, levels - 1)
        elif kind is float:
            raise EncodingError(f"{value!r} is not an integer; there are no other numbers")


def encode(value: Any) -> bytes:
    """Return the canonical bytes of a value (plain Python or a record) that is known to lie within the subset."""
    return _encoder.encode(value)


def decode(data: bytes) -> Any:
    """Return the plain value of canonical bytes.

    Raises EncodingError for anything outside the subset or not spelled canonically.
    """
    if not _PRINTABLE.match(data):
        raise EncodingError('strings must be printable ASCII, escaped only as \\" and \\\\')
    try:
        value = _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise EncodingError(str(problem)) from None
    _check((value,), MAX_DEPTH)
    if _encoder.encode(value) != data:
        raise EncodingError("the bytes are not canonical: keys sorted, no white space, no escapes, no duplicates")
    return value


def to_text(data: bytes) -> str:
    """Return bytes as base64url without padding."""
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode()


@lru_cache(1 << 13)  # members' keys, and what one step of an envelope's way decodes and the next needs again
def from_text(text: str) -> bytes:
    """Return the bytes of a base64url text; raises EncodingError unless it is the one spelling of them."""
    over = len(text) % 4
    pad = _PAD[over]
    if pad is None:
        raise EncodingError(f"not base64url without padding: {text[:60]!r}")
    try:
        data = a2b_base64(text.encode("ascii", "replace").translate(_FROM_URL) + pad, strict_mode=True)
    except Base64Error as problem:
        raise EncodingError(f"not base64url without padding: {text[:60]!r} ({problem})") from None
    if over and text[-1] not in _LAST[over]:
        raise EncodingError(f"unused bits of a base64url text must be zero: {text[:60]!r}")
    return data
