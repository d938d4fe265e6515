"""Secret bytes of an exact length: fresh ones from an entropy source, given ones checked, derived ones by HKDF.

Nothing here reaches for randomness by itself: the caller at the edge passes ``os.urandom``, a repeatable run passes a
seeded source. A source must never give the same bytes twice under the same keys.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kouan.kernel.suites import digest

Entropy = Callable[[int], bytes]
"""Gives that many random bytes; ``os.urandom`` is one."""

KEY_BYTES: Final = 32


def sized(name: str, data: bytes, size_bytes: int = KEY_BYTES) -> bytes:
    """Return ``data`` if it has that length; raises ValueError that names the field but never shows its content."""
    if len(data) != size_bytes:
        raise ValueError(f"{name}: must be {size_bytes} bytes, not {len(data)}")
    return data


def fresh(entropy: Entropy, size_bytes: int = KEY_BYTES) -> bytes:
    """Return that many bytes from the source; a source that gives fewer or more is broken and raises ValueError."""
    return sized("entropy", entropy(size_bytes), size_bytes)


def seeded_entropy(seed: bytes) -> Entropy:
    """Return a source for demonstrations and tests that repeats itself from run to run: as secret as its seed is."""
    blocks = (digest("kouan/seeded-entropy/1", seed, number.to_bytes(8, "big")) for number in count())

    def source(size_bytes: int) -> bytes:
        return b"".join(next(blocks) for _ in range(-(-size_bytes // 32)))[:size_bytes]

    return source


def derive(name: str, master: bytes, info: bytes) -> bytes:
    """Return the 32-byte key that HKDF-SHA256 (RFC 5869, no salt) derives from a 32-byte master for this info.

    ``name`` is what an error calls the master.
    """
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(sized(name, master))
