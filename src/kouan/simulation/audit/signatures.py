"""Signatures and keys, checked by libsodium itself and not through the kernel's suite."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any, Final

from nacl.bindings import crypto_sign_open
from nacl.exceptions import CryptoError

_PRIME: Final = 2**255 - 19
_Y8: Final = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
_SMALL: Final = (0, 1, _PRIME - 1, _Y8, _PRIME - _Y8)
"""The y of every point whose order divides 8 (RFC 8032, section 5.1: the curve's cofactor)."""


def canonical(plain: Any) -> bytes:
    """Return the canonical JSON of plain values of the ledger's subset."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def octets(text: str) -> bytes:
    """Return the bytes of base64url text without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text_of(data: bytes) -> str:
    """Return bytes as base64url text without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def tagged_hash(tag: str, *parts: bytes) -> bytes:
    """Return SHA-256 over a tag, a zero byte and parts."""
    return sha256(tag.encode() + b"\0" + b"".join(parts)).digest()


def holds(key: str, tag: str, message: bytes, signature: str) -> bool:
    """Tell whether a signature by a key, over tag, zero byte and message, is good."""
    try:
        crypto_sign_open(octets(signature) + tag.encode() + b"\0" + message, octets(key))
    except CryptoError:
        return False
    return True


def is_sound(key: str) -> bool:
    """Tell whether bytes may stand as a public key: no point of small order, however it is spelled."""
    return (int.from_bytes(octets(key), "little") & (2**255 - 1)) % _PRIME not in _SMALL
