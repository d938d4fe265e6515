"""AES-256-GCM (NIST SP 800-38D) as it lies on disk: nonce (12 bytes), ciphertext, tag (16 bytes)."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kouan.client.keymaterial import Entropy, fresh, sized

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16


class DecryptionError(ValueError):
    """The key is not the one it was encrypted with, or the ciphertext or what it is bound to was altered."""


def encrypt(key: bytes, bound_to: bytes, plaintext: bytes, entropy: Entropy) -> bytes:
    """Return the plaintext encrypted under a 32-byte key, readable only together with the same ``bound_to``."""
    nonce = fresh(entropy, NONCE_BYTES)
    return nonce + AESGCM(sized("key", key)).encrypt(nonce, plaintext, bound_to)


def decrypt(key: bytes, bound_to: bytes, encrypted: bytes) -> bytes:
    """Return the plaintext; raises DecryptionError if anything at all was altered or the key is another."""
    if len(encrypted) < NONCE_BYTES + TAG_BYTES:
        raise DecryptionError(f"only {len(encrypted)} bytes: at least {NONCE_BYTES + TAG_BYTES} are needed")
    try:
        return AESGCM(sized("key", key)).decrypt(encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], bound_to)
    except InvalidTag:
        raise DecryptionError("another key, or altered") from None
