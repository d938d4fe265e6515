"""Draw keys: one Ed25519 key per declaration, so that draws of one owner cannot be told to belong together.

All of them come from the wallet's master seed: who has the master and the numbers has every key back. A lost or shown
key is replaced by ``customs.rekey`` with the next generation.
"""

from __future__ import annotations

from typing import Final

from kouan.client.handles import number_bytes
from kouan.client.keymaterial import derive
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import public_key

MAX_GENERATION: Final = 2**32 - 1


def draw_seed(master_seed: bytes, number: str, generation: int = 0) -> bytes:
    """Return the signing seed (32 bytes) for draws on a declaration; sign with ``kouan.kernel.suites.sign``.

    Generation 0 is the key of the filing; each rekey raises it by one. Raises ValueError for a bad
    number or generation.
    """
    if not 0 <= generation <= MAX_GENERATION:
        raise ValueError(f"generation: must be 0 to {MAX_GENERATION}, not {generation}")
    info = b"kouan/draw-key/1\0" + number_bytes(number) + generation.to_bytes(4, "big")
    return derive("wallet master seed", master_seed, info)


def draw_key(master_seed: bytes, number: str, generation: int = 0) -> str:
    """Return the public half (43 characters of base64url) that goes with the filing, or with the rekey."""
    return to_text(public_key(draw_seed(master_seed, number, generation)))
