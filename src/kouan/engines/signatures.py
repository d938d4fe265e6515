"""Checking signatures on every core: libsodium gives up the interpreter's lock while it computes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from kouan.kernel.registry import Claim, verify_in_turn

WORTH_SPREADING = 64
"""Below that many, handing them to threads costs more than it saves."""


class ThreadedVerifier:
    """A `kouan.kernel.registry.Verifier` that spreads its claims over threads."""

    def __init__(self) -> None:
        self._threads = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, "signatures")

    def __call__(self, claims: list[Claim]) -> list[bool]:
        """Return for each claim whether its signature holds."""
        if len(claims) < WORTH_SPREADING:
            return verify_in_turn(claims)
        share = -(-len(claims) // self._threads)
        parts = [claims[at : at + share] for at in range(0, len(claims), share)]
        return [valid for part in self._pool.map(verify_in_turn, parts) for valid in part]

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()
