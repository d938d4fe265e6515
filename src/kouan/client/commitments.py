"""Salted commitments: they bind a filing to a document, or to its further fingerprints, without showing either.

What is committed to is canonical JSON (RFC 8785) as on the ledger, except that text values may be any Unicode: names
and goods are in Chinese. They are taken as they are, without normalisation. Keys are printable ASCII.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final

from kouan.client.keymaterial import sized
from kouan.kernel.encoding import MAX_DEPTH, MAX_INTEGER, encode, to_text
from kouan.kernel.suites import digest

SALT_BYTES: Final = 32

_KEY: Final = re.compile(r"[\x20-\x7e]*")


class Subject(Enum):
    """What a commitment is to; the value is its domain tag."""

    DOCUMENT = "kouan/commitment/document/1"
    FINGERPRINTS = "kouan/commitment/fingerprints/1"


def canonical_fields(fields: Any) -> bytes:
    """Return the canonical bytes of a document's fields.

    Raises ValueError, naming the place, for floats, integers beyond ±(2⁵³-1), keys other than printable ASCII, lone
    surrogates, more than 16 levels, and types JSON does not have.
    """
    _check(fields, "fields", MAX_DEPTH)
    return encode(fields)


def _check(value: Any, place: str, levels_left: int) -> None:
    if isinstance(value, list | dict):
        if not levels_left:
            raise ValueError(f"{place}: nested more than {MAX_DEPTH} deep")
        _check_children(value, place, levels_left - 1)
    elif isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise ValueError(f"{place}: an integer must lie within ±(2⁵³-1)")
    elif value is not None:
        raise ValueError(f"{place}: {type(value).__name__} is not allowed; use text, integers, lists and objects")


def _check_children(value: list[Any] | dict[Any, Any], place: str, levels_left: int) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{place}[{index}]", levels_left)
        return
    for key, item in value.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise ValueError(f"{place}: the key {key!r} must be printable ASCII text")
        _check(item, f"{place}.{key}", levels_left)


def _check_text(value: str, place: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{place}: text with a lone surrogate is not Unicode") from None


def commit(subject: Subject, salt: bytes, fields: Any) -> str:
    """Return the commitment (43 characters of base64url) to fields under a salt of 32 fresh random bytes."""
    return to_text(digest(subject.value, sized("salt", salt, SALT_BYTES), canonical_fields(fields)))


def is_opening(commitment: str, subject: Subject, salt: bytes, fields: Any) -> bool:
    """Tell whether salt and fields, as another party shows them, open the commitment. Malformed ones just do not."""
    try:
        return commit(subject, salt, fields) == commitment
    except ValueError:
        return False
