"""Sealing: bytes that one holder of a private key can read (HPKE, RFC 9180, base mode).

Suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. A sealed text is the encapsulated key (32 bytes), then the
ciphertext with its tag (16 bytes), the single message of its context. Base mode does not say who sealed: whoever needs
to know finds it in the signed command that carries the seal's hash.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, PyHPKEError

from kouan.client.keymaterial import Entropy, fresh, sized

ENCAPSULATED_BYTES: Final = 32
OVERHEAD_BYTES: Final = ENCAPSULATED_BYTES + 16

_SUITE: Final = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)


class SealError(ValueError):
    """A sealed text cannot be opened: altered, meant for another key or purpose, or bound to something else."""


def new_private_key(entropy: Entropy) -> bytes:
    """Return a fresh private key (32 bytes, X25519) for opening what others seal."""
    return fresh(entropy)


def public_of(private_key: bytes) -> bytes:
    """Return the public key (32 bytes) to which others seal."""
    return X25519PrivateKey.from_private_bytes(sized("private key", private_key)).public_key().public_bytes_raw()


def seal(to_public: bytes, info: bytes, aad: bytes, plaintext: bytes, entropy: Entropy) -> bytes:
    """Return plaintext sealed to a public key for the purpose ``info`` and bound to ``aad``.

    32 bytes of entropy become the ephemeral key by DeriveKeyPair (RFC 9180 section 7.1.3). Raises ValueError for a
    public key of another length or of small order.
    """
    recipient = _SUITE.kem.deserialize_public_key(sized("public key", to_public))
    ephemeral = _SUITE.kem.derive_key_pair(fresh(entropy))
    try:
        encapsulated, context = _SUITE.create_sender_context(recipient, info, eks=ephemeral)
    except ValueError:  # the shared secret is all zero
        raise ValueError("public key: a point of small order, nothing can be sealed to it") from None
    return encapsulated + context.seal(plaintext, aad)


def open_sealed(private_key: bytes, info: bytes, aad: bytes, sealed: bytes) -> bytes:
    """Return what was sealed to this private key for this ``info`` and ``aad``.

    Raises SealError if anything differs, ValueError for a private key of another length.
    """
    own_key = _SUITE.kem.deserialize_private_key(sized("private key", private_key))
    if len(sealed) < OVERHEAD_BYTES:
        raise SealError(f"only {len(sealed)} bytes: a sealed text has at least {OVERHEAD_BYTES}")
    try:
        context = _SUITE.create_recipient_context(sealed[:ENCAPSULATED_BYTES], own_key, info)
        return context.open(sealed[ENCAPSULATED_BYTES:], aad)
    except (PyHPKEError, ValueError):  # ValueError: an encapsulated key of small order
        raise SealError("cannot be opened: altered, sealed to another key, or for another purpose or filing") from None
