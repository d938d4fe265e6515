"""The vectors for other languages hold what the code makes, and what they say is refused is refused.

Run as a program, this file writes ``vectors/handles.json`` and ``vectors/sealing.json`` anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from kouan.client.commitments import Subject, canonical_fields, commit
from kouan.client.drawkeys import draw_key, draw_seed
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
from kouan.client.grants import Label, open_grant, seal_grant
from kouan.client.handles import handle_of, link_secret, office_year_key
from kouan.client.sealing import SealError, open_sealed, public_of, seal
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import digest

VECTORS = Path(__file__).parents[2] / "vectors"
NUMBERS = ("223320250123456789", "223320251123456789", "224820260000000001")
OWNER = "91310000MA1FL0000X"
DOCUMENTS: tuple[Any, ...] = (
    {},
    {"amount_minor": 12_500_000, "currency": "USD", "number": NUMBERS[0]},
    {"lines": [{"name": "数控机床", "quantity_thousandths": 2_000}], "note": 'tab\t, quote " and \\', "paid": False},
)
# Base mode of DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (mode 0, kem_id 32, kdf_id 1, aead_id 2), first
# encryption, of the official vectors of RFC 9180; see vectors/README-secrets.md for where they come from.
RFC_9180 = {
    "ikm_e_hex": "2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9",
    "private_hex": "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d",
    "public_hex": "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c",
    "info_hex": "4f6465206f6e2061204772656369616e2055726e",
    "aad_hex": "436f756e742d30",
    "plaintext_hex": "4265617574792069732074727574682c20747275746820626561757479",
    "encapsulated_hex": "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256",
    "ciphertext_hex": "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a",
}


def named_bytes(name: str) -> bytes:
    """32 bytes that anyone can make again: SHA-256 of a name."""
    return digest("kouan/vectors/1", name.encode())


def make_vectors() -> dict[str, Any]:
    """Return the content of each vector file by its name."""
    return {"handles.json": _handles(), "sealing.json": _sealing()}


def _handles() -> dict[str, Any]:
    customs, wallet, salt = named_bytes("customs master key"), named_bytes("wallet master seed"), named_bytes("salt")
    links = []
    for number in NUMBERS:
        key = office_year_key(customs, number[:4], number[4:8])
        secret = link_secret(key, number)
        links.append(
            {
                "master_key_hex": customs.hex(),
                "number": number,
                "office_year_key_hex": key.hex(),
                "link_secret_hex": secret.hex(),
                "handle": handle_of(number, secret),
            }
        )
    commitments = [
        {
            "tag": subject.value,
            "salt_hex": salt.hex(),
            "fields": fields,
            "canonical_hex": canonical_fields(fields).hex(),
            "commitment": commit(subject, salt, fields),
        }
        for subject in Subject
        for fields in DOCUMENTS
    ]
    draw_keys = [
        {
            "master_seed_hex": wallet.hex(),
            "number": NUMBERS[0],
            "generation": generation,
            "draw_seed_hex": draw_seed(wallet, NUMBERS[0], generation).hex(),
            "draw_key": draw_key(wallet, NUMBERS[0], generation),
        }
        for generation in (0, 1, 2**32 - 1)
    ]
    return {"links": links, "commitments": commitments, "draw_keys": draw_keys}


def _sealing() -> dict[str, Any]:
    overseer, second, owner = (named_bytes(name) for name in ("overseer", "second holder", "owner"))
    secret = link_secret(office_year_key(named_bytes("customs master key"), "2233", "2025"), NUMBERS[0])
    filing = Filing(alliance=to_text(named_bytes("alliance")), handle=handle_of(NUMBERS[0], secret))
    identity = Identity(number=NUMBERS[0], owner=OWNER, link_secret=to_text(secret))
    ikm = {name: named_bytes(f"ephemeral {name}") for name in ("inner", "outer", "link", "grant")}
    draws = iter((ikm["inner"], ikm["outer"]))
    outer = seal_identity(
        identity,
        filing,
        overseer=public_of(overseer),
        second_holder=public_of(second),
        entropy=lambda _: next(draws),
    )
    inner = open_as_overseer(overseer, filing, outer, seal_hash(outer))
    link = seal_link_secret(public_of(owner), filing, secret, lambda _: ikm["link"])
    label = Label(id=to_text(named_bytes("document")[:16]), kind="declaration", handle=filing.handle)
    grant = seal_grant(public_of(owner), label, b"%PDF-1.7", lambda _: ikm["grant"])
    return {
        "rfc9180": RFC_9180,
        "filing": {"alliance": filing.alliance, "handle": filing.handle, "aad_hex": filing.aad().hex()},
        "identity": {
            "number": identity.number,
            "owner": identity.owner,
            "link_secret": identity.link_secret,
            "overseer_private_hex": overseer.hex(),
            "second_holder_private_hex": second.hex(),
            "inner_ikm_e_hex": ikm["inner"].hex(),
            "outer_ikm_e_hex": ikm["outer"].hex(),
            "inner_hex": inner.hex(),
            "outer_hex": outer.hex(),
            "seal_hash": seal_hash(outer),
        },
        "link_secret": {"owner_private_hex": owner.hex(), "ikm_e_hex": ikm["link"].hex(), "sealed_hex": link.hex()},
        "grant": {
            "to_private_hex": owner.hex(),
            "ikm_e_hex": ikm["grant"].hex(),
            "id": label.id,
            "kind": label.kind,
            "document_hex": b"%PDF-1.7".hex(),
            "sealed_hex": grant.hex(),
        },
        "refused_identity_inner": _refused(second, filing, inner, identity),
    }


def _refused(second: bytes, filing: Filing, inner: bytes, identity: Identity) -> list[dict[str, str]]:
    """Inner seals that the second holder must refuse for this filing."""
    to, entropy = public_of(second), lambda _: named_bytes("ephemeral refused")
    content = b'{"link_secret":"%s","number":"%s","owner":"%s"}' % (
        identity.link_secret.encode(),
        identity.number.encode(),
        identity.owner.encode(),
    )
    purpose, aad = b"kouan/seal/second-holder/1", filing.aad()
    cases = {
        "a flipped bit": inner[:-1] + bytes([inner[-1] ^ 1]),
        "a flipped top bit of the encapsulated key": inner[:31] + bytes([inner[31] ^ 0x80]) + inner[32:],
        "one byte short": inner[:-1],
        "sealed for another purpose": seal(to, b"kouan/seal/overseer/1", aad, content, entropy),
        "not bound to the filing": seal(to, purpose, b"", content, entropy),
        "another number": seal(to, purpose, aad, content.replace(NUMBERS[0].encode(), NUMBERS[1].encode()), entropy),
        "not canonical": seal(to, purpose, aad, content.replace(b",", b", "), entropy),
        "encapsulated key of small order": bytes(32) + inner[32:],
    }
    return [{"why": why, "inner_hex": sealed.hex()} for why, sealed in cases.items()]


def stored(name: str) -> Any:
    return json.loads((VECTORS / name).read_text("utf-8"))


@pytest.mark.parametrize("name", ["handles.json", "sealing.json"])
def test_the_files_hold_what_the_code_makes(name: str) -> None:
    assert stored(name) == make_vectors()[name]


def test_handles_follow_from_the_reference_with_nothing_but_the_standard_library() -> None:
    """A second implementation, written from docs/reference/secrets.md."""

    def tagged(tag: str, data: bytes) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(tag.encode() + b"\0" + data).digest()).decode().rstrip("=")

    def hkdf(key: str, info: bytes) -> bytes:
        extracted = hmac.digest(bytes(32), bytes.fromhex(key), "sha256")
        return hmac.digest(extracted, info + b"\1", "sha256")

    file = stored("handles.json")
    for link in file["links"]:
        number = link["number"].encode()
        key = hkdf(link["master_key_hex"], b"kouan/link-key/1\0" + number[:8])
        secret = hmac.digest(key, b"kouan/link/1\0" + number, "sha256")
        assert (key.hex(), secret.hex()) == (link["office_year_key_hex"], link["link_secret_hex"])
        assert tagged("kouan/handle/1", number + secret) == link["handle"]
    for case in file["commitments"]:
        canonical = json.dumps(case["fields"], sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
        assert tagged(case["tag"], bytes.fromhex(case["salt_hex"]) + canonical) == case["commitment"]
    for case in file["draw_keys"]:
        info = b"kouan/draw-key/1\0" + case["number"].encode() + case["generation"].to_bytes(4, "big")
        assert hkdf(case["master_seed_hex"], info).hex() == case["draw_seed_hex"]


def test_the_official_vector_of_rfc_9180_is_reproduced_and_opened() -> None:
    vector = {
        name.removesuffix("_hex"): bytes.fromhex(value) for name, value in stored("sealing.json")["rfc9180"].items()
    }
    sealed = seal(vector["public"], vector["info"], vector["aad"], vector["plaintext"], lambda _: vector["ikm_e"])
    assert sealed == vector["encapsulated"] + vector["ciphertext"]
    assert open_sealed(vector["private"], vector["info"], vector["aad"], sealed) == vector["plaintext"]
    assert public_of(vector["private"]) == vector["public"]


def test_the_seals_of_the_vectors_open_and_the_refused_ones_do_not() -> None:
    file = stored("sealing.json")
    filing = Filing(alliance=file["filing"]["alliance"], handle=file["filing"]["handle"])
    identity, link, grant = file["identity"], file["link_secret"], file["grant"]
    second = bytes.fromhex(identity["second_holder_private_hex"])
    opened = open_as_second_holder(second, filing, bytes.fromhex(identity["inner_hex"]))
    assert (opened.number, opened.owner, opened.link_secret) == tuple(
        identity[name] for name in ("number", "owner", "link_secret")
    )
    private, sealed = (bytes.fromhex(link[name]) for name in ("owner_private_hex", "sealed_hex"))
    assert to_text(open_link_secret(private, filing, identity["number"], sealed)) == identity["link_secret"]
    _, document = open_grant(bytes.fromhex(grant["to_private_hex"]), bytes.fromhex(grant["sealed_hex"]))
    assert document.hex() == grant["document_hex"]
    for case in file["refused_identity_inner"]:
        with pytest.raises(SealError):
            open_as_second_holder(second, filing, bytes.fromhex(case["inner_hex"]))


if __name__ == "__main__":
    for name, content in make_vectors().items():
        (VECTORS / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
