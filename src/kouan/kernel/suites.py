"""Hash and signature under one name, every use with a domain tag.

The suite is ``ed25519-sha256``: SHA-256 (FIPS 180-4) and Ed25519 (RFC 8032) as the libsodium in PyNaCl 1.6.2 verifies
it: the scalar is canonical, neither the key nor R is of small order, and the equation holds without the cofactor.
Every node must answer alike, or the ledger forks, and libraries differ on exactly those edge cases, libsodium's own
development version among them (it multiplies by the cofactor). So PyNaCl is pinned, and ``vectors/suite.json`` has
signatures that another build would judge otherwise. `docs/reference/encoding.md` gives the rule in full.

Nothing is hashed or signed without a tag, so that no value made for one purpose can serve another.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import ed25519_zebra
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

SUITE: Final = "ed25519-sha256"
HASH_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

# Points of small order and their non-canonical spellings: a signature by such a key can hold for many messages.
# Source: the blocklist of libsodium, crypto_core/ed25519/ref10/ed25519_ref10.c (ge25519_has_small_order).
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(point)
    for low in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
    for point in (low, f"{low[:-2]}{int(low[-2:], 16) | 0x80:02x}")
)
# The same for X25519, where nothing can be sealed to such a key; the points of lower order are spelled as above.
# Source: as above, crypto_scalarmult/curve25519/ref10/x25519_ref10.c (has_small_order).
_ORDER_EIGHT_MONTGOMERY: Final = frozenset(
    bytes.fromhex(point)
    for point in (
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
    )
)


def digest(tag: str, *parts: bytes) -> bytes:
    """Return SHA-256 over the tag, a zero byte and the parts one after the other.

    Parts are not delimited: a caller that passes several must give all but the last a fixed length.
    """
    return sha256(b"".join((tag.encode(), b"\0", *parts))).digest()


def is_sound_key(public_key: bytes) -> bool:
    """Tell whether these bytes may stand as somebody's public key, to sign (Ed25519) or to be sealed to (X25519).

    They are 32, and no point of small order on either form of the curve.
    """
    return len(public_key) == PUBLIC_KEY_BYTES and public_key not in _SMALL_ORDER | _ORDER_EIGHT_MONTGOMERY


def public_key(seed: bytes) -> bytes:
    """Return the public key (32 bytes) of a signing seed (32 bytes, RFC 8032 section 5.1.5)."""
    public, _ = crypto_sign_seed_keypair(seed)
    return bytes(public)


def sign(seed: bytes, tag: str, message: bytes) -> bytes:
    """Return the 64-byte signature over tag, zero byte and message."""
    _, secret = crypto_sign_seed_keypair(seed)
    return bytes(crypto_sign(tag.encode() + b"\0" + message, secret)[:SIGNATURE_BYTES])


def verify(key: bytes, tag: str, message: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` is that of ``key`` over the tagged message. Wrong lengths are simply not valid."""
    if len(signature) != SIGNATURE_BYTES or len(key) != PUBLIC_KEY_BYTES:
        return False
    try:
        crypto_sign_open(signature + tag.encode() + b"\0" + message, key)
    except CryptoError:
        return False
    return True


def verify_zip215(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` is that of ``key`` over the message, without a tag, by the rule of ZIP-215.

    That is how CometBFT judges the votes in a commit, and nothing else is verified by it. It is more lenient than
    `verify`: points of small order and points that are not reduced pass, and the equation holds with the cofactor. The
    scalar must be reduced in both. Source: Zcash Improvement Proposal 215; CometBFT, ``crypto/ed25519``.
    """
    if len(signature) != SIGNATURE_BYTES or len(key) != PUBLIC_KEY_BYTES:
        return False
    return bool(ed25519_zebra.ed_verify(signature, message, key))
