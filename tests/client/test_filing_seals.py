"""Seals of a filing: overseer and second holder together find the identity, neither alone, and no forgery passes."""

from __future__ import annotations

import msgspec
import pytest

from kouan.client.filing_seals import (
    Filing,
    Identity,
    open_as_overseer,
    open_as_second_holder,
    open_link_secret,
    seal_hash,
    seal_identity,
    seal_link_secret,
)
from kouan.client.handles import handle_of, link_secret_from_master
from kouan.client.keymaterial import seeded_entropy
from kouan.client.sealing import SealError, new_private_key, public_of, seal
from kouan.kernel.encoding import encode, to_text

ENTROPY = seeded_entropy(b"filing seals")
OVERSEER, SECOND, OWNER = (new_private_key(ENTROPY) for _ in range(3))
NUMBER = "223320250123456789"
SECRET = link_secret_from_master(bytes(32), NUMBER)
FILING = Filing(alliance=to_text(bytes(range(32))), handle=handle_of(NUMBER, SECRET))
IDENTITY = Identity(number=NUMBER, owner="91310000MA1FL0000X", link_secret=to_text(SECRET))
SEALED = seal_identity(IDENTITY, FILING, overseer=public_of(OVERSEER), second_holder=public_of(SECOND), entropy=ENTROPY)
HASH = seal_hash(SEALED)
INNER = open_as_overseer(OVERSEER, FILING, SEALED, HASH)
LINK = seal_link_secret(public_of(OWNER), FILING, SECRET, ENTROPY)


def flips(data: bytes) -> list[bytes]:
    return [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in range(len(data))]


def test_the_two_holders_together_open_the_identity() -> None:
    assert open_as_second_holder(SECOND, FILING, INNER) == IDENTITY


def test_neither_holder_opens_alone() -> None:
    with pytest.raises(SealError):
        open_as_second_holder(OVERSEER, FILING, INNER)
    with pytest.raises(SealError):
        open_as_second_holder(SECOND, FILING, SEALED)
    with pytest.raises(SealError):
        open_as_overseer(SECOND, FILING, SEALED, HASH)
    assert NUMBER.encode() not in INNER


def test_every_flipped_byte_of_any_seal_is_noticed() -> None:
    for altered in flips(SEALED):
        with pytest.raises(SealError, match="hash"):
            open_as_overseer(OVERSEER, FILING, altered, HASH)
        with pytest.raises(SealError, match="cannot be opened"):
            open_as_overseer(OVERSEER, FILING, altered, seal_hash(altered))
    for altered in flips(INNER):
        with pytest.raises(SealError):
            open_as_second_holder(SECOND, FILING, altered)
    for altered in flips(LINK):
        with pytest.raises(SealError):
            open_link_secret(OWNER, FILING, NUMBER, altered)


@pytest.mark.parametrize(
    "elsewhere",
    [
        msgspec.structs.replace(FILING, alliance=to_text(bytes(32))),
        msgspec.structs.replace(FILING, handle=to_text(bytes(32))),
    ],
)
def test_no_seal_opens_for_another_alliance_or_handle(elsewhere: Filing) -> None:
    with pytest.raises(SealError):
        open_as_overseer(OVERSEER, elsewhere, SEALED, HASH)
    with pytest.raises(SealError):
        open_as_second_holder(SECOND, elsewhere, INNER)
    with pytest.raises(SealError):
        open_link_secret(OWNER, elsewhere, NUMBER, LINK)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        encode({"number": NUMBER, "owner": "X"}),
        encode({"number": "223320250123456788", "owner": "X", "link_secret": to_text(SECRET)}),
        encode({"number": NUMBER, "owner": "X", "link_secret": to_text(bytes(32))}),
        encode({"number": NUMBER, "owner": "X", "link_secret": "short"}),
        encode({"number": NUMBER, "owner": "", "link_secret": to_text(SECRET)}),
        encode({"number": NUMBER, "owner": "X", "link_secret": to_text(SECRET), "more": 1}),
        encode({"number": 1, "owner": "X", "link_secret": to_text(SECRET)}),
        '{"number":"申"}'.encode(),
    ],
)
def test_a_well_sealed_content_that_is_no_identity_of_this_filing_is_refused(content: bytes) -> None:
    """Anyone can seal to the second holder, so what opens is still checked against the handle."""
    forged = seal(public_of(SECOND), b"kouan/seal/second-holder/1", FILING.aad(), content, ENTROPY)
    with pytest.raises(SealError, match="holds no identity of this filing"):
        open_as_second_holder(SECOND, FILING, forged)


def test_the_owner_checks_that_the_secret_leads_to_the_handle() -> None:
    assert open_link_secret(OWNER, FILING, NUMBER, LINK) == SECRET
    with pytest.raises(SealError, match="does not lead"):
        open_link_secret(OWNER, FILING, "223320250123456788", LINK)
    with pytest.raises(SealError, match="does not lead"):
        open_link_secret(
            OWNER, FILING, NUMBER, seal(public_of(OWNER), b"kouan/seal/link-secret/1", FILING.aad(), b"short", ENTROPY)
        )


def test_a_link_secret_cannot_pass_for_an_identity_nor_the_other_way() -> None:
    """Purposes are part of the seal: one key pair used for two of them confuses nothing."""
    with pytest.raises(SealError):
        open_as_second_holder(OWNER, FILING, LINK)
    with pytest.raises(SealError):
        open_link_secret(OVERSEER, FILING, NUMBER, SEALED)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"number": "223320250123456788"}, "number"),
        ({"owner": "申港贸易"}, "owner"),
        ({"link_secret": "AA"}, "link_secret"),
    ],
)
def test_an_identity_that_does_not_fit_the_filing_is_not_sealed(wrong: dict[str, str], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        seal_identity(
            msgspec.structs.replace(IDENTITY, **wrong),
            FILING,
            overseer=public_of(OVERSEER),
            second_holder=public_of(SECOND),
            entropy=ENTROPY,
        )


def test_a_filing_is_named_by_two_hashes() -> None:
    with pytest.raises(ValueError, match="handle: must be 32 bytes"):
        Filing(alliance=FILING.alliance, handle="AA").aad()
