"""Hash and signature: domain tags separate uses, and the edge cases on which libraries differ are settled."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from kouan.kernel.suites import digest, is_sound_key, public_key, sign, verify

SEED = bytes(range(32))
KEY = public_key(SEED)
ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY = b"\1" + bytes(31)
BASE_POINT = bytes.fromhex("58" + "66" * 31)


def number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def scalar(value: int) -> bytes:
    return value.to_bytes(32, "little")


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_a_signature_is_plain_ed25519_over_tag_zero_byte_message(seed: bytes, message: bytes) -> None:
    """Another library signs the same bytes to the same signature and accepts ours."""
    tagged = b"kouan/test/1\0" + message
    signature = sign(seed, "kouan/test/1", message)
    other = Ed25519PrivateKey.from_private_bytes(seed)
    assert other.public_key().public_bytes_raw() == public_key(seed)
    assert other.sign(tagged) == signature
    Ed25519PublicKey.from_public_bytes(public_key(seed)).verify(signature, tagged)
    assert verify(public_key(seed), "kouan/test/1", message, signature)


def test_a_hash_is_plain_sha256_over_tag_zero_byte_parts() -> None:
    """Parts simply follow one another."""
    assert digest("kouan/test/1", b"a", b"b") == hashlib.sha256(b"kouan/test/1\0ab").digest()


def test_a_signature_for_one_purpose_serves_no_other() -> None:
    """The tag is part of what is signed, and cannot be shifted into the message."""
    signature = sign(SEED, "kouan/a/1", b"message")
    assert verify(KEY, "kouan/a/1", b"message", signature)
    assert not verify(KEY, "kouan/b/1", b"message", signature)
    assert not verify(KEY, "kouan/a/", b"1\0message", signature)


def test_every_flipped_bit_of_key_message_or_signature_is_noticed() -> None:
    """No bit is idle."""
    message = b"m"
    signature = sign(SEED, "kouan/test/1", message)
    whole = KEY + message + signature
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit >> 3] ^= 1 << (bit & 7)
        assert not verify(bytes(changed[:32]), "kouan/test/1", bytes(changed[32:33]), bytes(changed[33:])), bit


@pytest.mark.parametrize("length", [0, 31, 33, 63, 65])
def test_wrong_lengths_are_simply_not_valid(length: int) -> None:
    """A key or signature of another length is refused without an exception."""
    signature = sign(SEED, "kouan/test/1", b"m")
    assert not verify(KEY, "kouan/test/1", b"m", (signature + b"\0")[:length])
    if length != 32:
        assert not verify((KEY + bytes(40))[:length], "kouan/test/1", b"m", signature)
        assert not is_sound_key(bytes(length))


def test_a_scalar_beyond_the_group_order_is_refused() -> None:
    """Adding the order to the scalar would make a second signature out of one (RFC 8032 section 5.1.7)."""
    signature = sign(SEED, "kouan/test/1", b"m")
    assert not verify(KEY, "kouan/test/1", b"m", signature[:32] + scalar(number(signature[32:]) + ORDER))


def test_a_key_of_small_order_signs_nothing() -> None:
    """With the identity as key, R = B and S = 1 satisfy Ed25519's equation for every message."""
    assert not is_sound_key(IDENTITY)
    for message in (b"m", b"another"):
        assert not verify(IDENTITY, "kouan/test/1", message, BASE_POINT + scalar(1))


def test_a_commitment_of_small_order_is_refused() -> None:
    """R = the identity with S = h·a satisfies the equation under a good key; libsodium refuses it."""
    half = bytearray(hashlib.sha512(SEED).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    challenge = number(hashlib.sha512(IDENTITY + KEY + b"kouan/test/1\0m").digest())
    signature = IDENTITY + scalar(challenge * number(bytes(half)) % ORDER)
    assert not verify(KEY, "kouan/test/1", b"m", signature)


@pytest.mark.parametrize("sign_bit", [0, 0x80])
@pytest.mark.parametrize("low", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18])
def test_points_of_small_order_are_no_keys_in_any_spelling(low: int, sign_bit: int) -> None:
    """Neither the reduced nor the unreduced spelling of 0, 1 and -1, with either sign, may stand as a key."""
    spelled = bytearray(scalar(low))
    spelled[31] |= sign_bit
    assert not is_sound_key(bytes(spelled))
    assert not verify(bytes(spelled), "kouan/test/1", b"m", BASE_POINT + scalar(1))
    assert is_sound_key(KEY)


@pytest.mark.parametrize("sign_bit", [0, 0x80])
@pytest.mark.parametrize(
    "low",
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ],
)
def test_nobody_is_sealed_to_at_a_point_of_small_order(low: str, sign_bit: int) -> None:
    """With these X25519 keys every shared secret is zero, so another library refuses them too."""
    point = bytearray(bytes.fromhex(low))
    point[31] |= sign_bit
    assert not is_sound_key(bytes(point))
    with pytest.raises(ValueError, match="shared key"):
        X25519PrivateKey.from_private_bytes(SEED).exchange(X25519PublicKey.from_public_bytes(bytes(point)))
