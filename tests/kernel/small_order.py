"""Points of small order of edwards25519, every way to write them, and signatures by keys that have a part of one."""

from __future__ import annotations

import hashlib
from itertools import count
from typing import Final

from nacl.bindings import crypto_core_ed25519_add, crypto_scalarmult_ed25519_base_noclamp, crypto_sign_seed_keypair

ORDER: Final = 2**252 + 27742317777372353535851937790883648493
ORDER_8: Final = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
PRIME: Final = 2**255 - 19


def small_order_encodings() -> list[bytes]:
    """The eight points, each in its own spelling; then the six that ZIP-215 accepts besides.

    A spelling is y below 2²⁵⁵ and a bit for the sign of x. Besides the one with y below the prime there is that of y
    plus the prime, where it fits; and where x is zero the bit may be either.
    """
    own = [small_point(multiple) for multiple in range(8)]
    besides = []
    for point in own:
        number = int.from_bytes(point, "little")
        y, sign = number & (1 << 255) - 1, number >> 255
        has_no_x = y in {1, PRIME - 1}
        for y_spelling in (y, y + PRIME):
            for bit in (0, 1):
                if y_spelling < 1 << 255 and (bit == sign or has_no_x):
                    spelling = (y_spelling | bit << 255).to_bytes(32, "little")
                    if spelling != point:
                        besides.append(spelling)
    return own + besides


def small_point(multiple: int) -> bytes:
    """A multiple of the point of order 8."""
    point = b"\1" + bytes(31)
    for _ in range(multiple):
        point = crypto_core_ed25519_add(point, bytes.fromhex(ORDER_8))
    return point


def secret_scalar(seed: bytes) -> int:
    """RFC 8032 section 5.1.5."""
    return int.from_bytes(hashlib.sha512(seed).digest()[:32], "little") & (1 << 254) - 8 | 1 << 254


def crafted(seed: bytes, message: bytes, r_part: int, key_part: int, rest: int) -> tuple[bytes, bytes]:
    """Return a key and a signature such as only the seed's holder can make, each plus a multiple of a point of order 8.

    ``rest``: the multiple of that point by which the two sides of the equation differ; 0: it holds.
    """
    public, _ = crypto_sign_seed_keypair(seed)
    key = crypto_core_ed25519_add(public, small_point(key_part))
    for number in count(1):
        r = crypto_core_ed25519_add(crypto_scalarmult_ed25519_base_noclamp(scalar(number)), small_point(r_part))
        challenge = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % ORDER
        if (r_part + challenge * key_part) % 8 == rest:
            return key, r + scalar((number + challenge * secret_scalar(seed)) % ORDER)
    raise AssertionError("unreachable")


def scalar(value: int) -> bytes:
    return value.to_bytes(32, "little")
