"""The consent slip: for one bank alone, and whole or not at all."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kouan.client.consents import MAX_SLIP_BYTES, Consent, ConsentError, ConsentPart, open_consent, seal_consent
from kouan.client.keymaterial import seeded_entropy
from kouan.client.sealing import public_of

PRIVATE = bytes(range(32))
PART = ConsentPart(
    amount=100,
    document={"entry_id": "224820190000000101", "name": "LED吊灯"},
    earlier=None,
    expires_ms=5,
    link_secret="A" * 43,
    number="224820190000000101",
    quota="A" * 43 + ".USD",
    signature="A" * 86,
)
CONSENT = Consent("A" * 43, [PART], "bank-a", "A" * 22, "kouan/consent/1", "seller")
SLIP = seal_consent(CONSENT, public_of(PRIVATE), seeded_entropy(b"consent"))


def test_the_bank_reads_what_the_owner_wrote_and_nobody_else_does() -> None:
    assert open_consent(PRIVATE, SLIP) == CONSENT
    assert b"224820190000000101" not in SLIP
    with pytest.raises(ConsentError, match="another bank's key"):
        open_consent(bytes(32), SLIP)


@pytest.mark.parametrize("field", ["alliance", "drawer", "financing"])
def test_what_stands_outside_is_bound_to_what_is_inside(field: str) -> None:
    plain = msgspec.json.decode(SLIP)
    plain[field] = {"alliance": "E" * 43, "drawer": "bank-b", "financing": "Q" * 22}[field]
    with pytest.raises(ConsentError, match="or altered"):
        open_consent(PRIVATE, msgspec.json.encode(plain))


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{}", b"\xff", b'{"format":"kouan/consent/2"}', b"[" * 100_000, SLIP[:-1], b" " * 5_000_000],
)
def test_what_is_no_slip_is_said(data: bytes) -> None:
    with pytest.raises(ConsentError):
        open_consent(PRIVATE, data)


@given(position=st.integers(0, len(SLIP) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_never_gives_another_consent(position: int, byte: int) -> None:
    changed = bytearray(SLIP)
    changed[position] = byte
    try:
        assert open_consent(PRIVATE, bytes(changed)) == CONSENT
    except ConsentError:
        assert bytes(changed) != SLIP


def test_the_bound_is_far_above_sixty_four_declarations() -> None:
    """Each with a document of some twenty thousand characters."""
    part = msgspec.structs.replace(PART, document={"text": "x" * 20_000})
    many = msgspec.structs.replace(CONSENT, allocations=[part] * 64)
    slip = seal_consent(many, public_of(PRIVATE), seeded_entropy(b"many"))
    assert len(slip) < MAX_SLIP_BYTES
    assert open_consent(PRIVATE, slip) == many
