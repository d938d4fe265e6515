"""The keyed function that makes fingerprints of texts: nobody without the master secret can find a paper by trying."""

from __future__ import annotations

import hmac
from functools import cache
from hashlib import sha256

from kouan.client.keymaterial import derive
from kouan.formats.fingerprints import Fingerprint


class Prf:
    """HMAC-SHA256 (RFC 2104) under a key for each kind of text, derived from one master secret (32 bytes)."""

    def __init__(self, master: bytes) -> None:
        self._key = cache(lambda kind: derive("evaluator's master", master, f"kouan/evaluator/{kind}/1".encode()))

    def of(self, text: Fingerprint) -> bytes:
        """Return the 32 bytes for a kind and its text, as `kouan.formats.fingerprints` makes them."""
        kind, data = text
        return hmac.digest(self._key(kind), data, sha256)

    def check(self) -> bytes:
        """Return what tells this master secret from another, and tells nothing else of it."""
        return self.of(("check", b""))
