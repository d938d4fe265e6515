"""Sealing: RFC 9180 as others implement it, and nothing altered opens."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from kouan.client.keymaterial import seeded_entropy
from kouan.client.sealing import OVERHEAD_BYTES, SealError, new_private_key, open_sealed, public_of, seal

PRIVATE = new_private_key(seeded_entropy(b"sealing"))
ANOTHERS = new_private_key(seeded_entropy(b"another"))
SEALED = seal(public_of(PRIVATE), b"purpose", b"bound to", b"the secret", seeded_entropy(b"once"))
OTHER_LIBRARY = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@given(st.binary(max_size=200), st.binary(max_size=60), st.binary(max_size=60))
def test_what_is_sealed_opens(plaintext: bytes, info: bytes, aad: bytes) -> None:
    sealed = seal(public_of(PRIVATE), info, aad, plaintext, os.urandom)
    assert len(sealed) == len(plaintext) + OVERHEAD_BYTES
    assert open_sealed(PRIVATE, info, aad, sealed) == plaintext


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_another_library_opens_ours_and_we_open_its(plaintext: bytes, info: bytes) -> None:
    """The other one, pyca/cryptography's, offers no associated data; the official vector covers that."""
    sealed = seal(public_of(PRIVATE), info, b"", plaintext, os.urandom)
    assert OTHER_LIBRARY.decrypt(sealed, X25519PrivateKey.from_private_bytes(PRIVATE), info) == plaintext
    theirs = OTHER_LIBRARY.encrypt(plaintext, X25519PublicKey.from_public_bytes(public_of(PRIVATE)), info)
    assert open_sealed(PRIVATE, info, b"", theirs) == plaintext


def test_the_same_entropy_seals_alike_and_other_entropy_does_not() -> None:
    def again(seed: bytes) -> bytes:
        return seal(public_of(PRIVATE), b"purpose", b"bound to", b"the secret", seeded_entropy(seed))

    assert again(b"once") == SEALED
    assert again(b"twice")[:32] != SEALED[:32]


@pytest.mark.parametrize("place", range(len(SEALED)))
@pytest.mark.parametrize("change", [0x01, 0x80])
def test_no_altered_byte_opens(place: int, change: int) -> None:
    altered = bytearray(SEALED)
    altered[place] ^= change
    with pytest.raises(SealError):
        open_sealed(PRIVATE, b"purpose", b"bound to", bytes(altered))


@pytest.mark.parametrize("size", range(len(SEALED)))
def test_no_shortened_text_opens(size: int) -> None:
    with pytest.raises(SealError):
        open_sealed(PRIVATE, b"purpose", b"bound to", SEALED[:size])


def test_another_key_purpose_or_binding_does_not_open() -> None:
    for private, info, aad in (
        (ANOTHERS, b"purpose", b"bound to"),
        (PRIVATE, b"another", b"bound to"),
        (PRIVATE, b"purpose", b"bound elsewhere"),
    ):
        with pytest.raises(SealError):
            open_sealed(private, info, aad, SEALED)
    with pytest.raises(SealError):
        open_sealed(PRIVATE, b"purpose", b"bound to", SEALED + b"\0")


@given(st.binary(max_size=120))
def test_arbitrary_bytes_do_not_open(data: bytes) -> None:
    with pytest.raises(SealError):
        open_sealed(PRIVATE, b"purpose", b"bound to", data)


def test_keys_of_small_order_are_refused_on_both_sides() -> None:
    with pytest.raises(ValueError, match="small order"):
        seal(bytes(32), b"", b"", b"", os.urandom)
    with pytest.raises(SealError):
        open_sealed(PRIVATE, b"", b"", bytes(64))


def test_wrong_lengths_and_a_broken_entropy_source_are_refused() -> None:
    with pytest.raises(ValueError, match="public key: must be 32 bytes"):
        seal(b"short", b"", b"", b"", os.urandom)
    with pytest.raises(ValueError, match="private key: must be 32 bytes"):
        open_sealed(b"short", b"", b"", SEALED)
    with pytest.raises(ValueError, match="private key: must be 32 bytes"):
        public_of(b"")
    with pytest.raises(ValueError, match="entropy: must be 32 bytes, not 0"):
        seal(public_of(PRIVATE), b"", b"", b"", lambda _: b"")
