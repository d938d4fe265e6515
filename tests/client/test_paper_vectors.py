"""The vectors of papers for other languages hold what the code makes, and what they say is refused is refused.

Run as a program, this file writes ``vectors/papers.json`` anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any, Final

import pytest

from kouan.client.commitments import canonical_fields
from kouan.client.filing_seals import open_as_overseer, open_as_second_holder, seal_hash
from kouan.client.paper_files import read_paper
from kouan.client.paper_seals import PaperIdentity, RecordedPaper, seal_paper
from kouan.client.paper_secrets import (
    amounts_of,
    commitments,
    fingerprints_salt,
    own_texts,
    paper_draw_public,
    paper_draw_seed,
    with_amounts,
)
from kouan.client.sealing import SealError, public_of, seal
from kouan.formats.paper_forms import fields_of
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import digest
from kouan.modules.cases.records import Purpose

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "vectors" / "papers.json"
EXAMPLES: Final = ("contract.json", "invoice-ubl.xml", "order.json", "sea-bill.json")
OWNER: Final = "91310115MA1K0LNG14"
PURPOSES: Final[tuple[Purpose, ...]] = ("buyer", "seller")


def named_bytes(name: str) -> bytes:
    """32 bytes that anyone can make again: SHA-256 of a name."""
    return digest("kouan/vectors/1", name.encode())


def make_vectors() -> dict[str, Any]:
    """Return the content of the file."""
    return {"papers": [_paper(name) for name in EXAMPLES], "lowered": _lowered(), **_seal()}


def _fields(name: str) -> dict[str, Any]:
    return fields_of(read_paper((ROOT / "examples" / "papers" / name).read_bytes(), name))


def _paper(name: str) -> dict[str, Any]:
    fields, secret, master = _fields(name), named_bytes("paper secret"), named_bytes("wallet master seed")
    text = own_texts(read_paper((ROOT / "examples" / "papers" / name).read_bytes(), name))[0]
    made = commitments(fields, secret)
    return {
        "file": f"examples/papers/{name}",
        "fields": fields,
        "canonical_hex": canonical_fields(fields).hex(),
        "secret_hex": secret.hex(),
        "fingerprints_salt_hex": fingerprints_salt(secret).hex(),
        "document": made.document,
        "fingerprints": made.fingerprints,
        "own_text": text,
        "draw_keys": [
            {
                "master_seed_hex": master.hex(),
                "purpose": purpose,
                "draw_seed_hex": paper_draw_seed(master, purpose, text).hex(),
                "draw_key": to_text(paper_draw_public(master, purpose, text)),
            }
            for purpose in PURPOSES
        ],
    }


def _lowered() -> dict[str, Any]:
    """An invoice whose amounts alone were lowered: the commitment to its numbers is still to the version before."""
    earlier, secret = _fields("invoice-ubl.xml"), named_bytes("paper secret")
    fields = with_amounts(earlier, {"payable_minor": 9_000_000, "total_minor": 9_000_000})
    made = commitments(fields, secret, earlier)
    return {
        "fields": fields,
        "earlier": amounts_of(earlier),
        "secret_hex": secret.hex(),
        "document": made.document,
        "fingerprints": made.fingerprints,
    }


def _seal() -> dict[str, Any]:
    overseer, second = named_bytes("overseer"), named_bytes("second holder")
    paper = RecordedPaper(to_text(named_bytes("alliance")), f"{to_text(named_bytes('paper handle'))}.USD", "invoice")
    identity = PaperIdentity("invoice", "发票 LN-2019-1107", OWNER, to_text(named_bytes("paper secret")))
    ikm = {name: named_bytes(f"ephemeral paper {name}") for name in ("inner", "outer")}
    draws = iter((ikm["inner"], ikm["outer"]))
    keys = {"overseer": public_of(overseer), "second_holder": public_of(second)}
    outer = seal_paper(identity, paper, **keys, entropy=lambda _: next(draws))
    inner = open_as_overseer(overseer, paper, outer, seal_hash(outer))
    content = canonical_fields({name: getattr(identity, name) for name in ("kind", "number", "owner", "secret")})

    def sealed(changed: bytes, purpose: bytes = paper.to_second_holder, aad: bytes = paper.aad()) -> str:
        return seal(keys["second_holder"], purpose, aad, changed, lambda _: named_bytes("ephemeral refused")).hex()

    refused = {
        "a flipped bit": (inner[:-1] + bytes([inner[-1] ^ 1])).hex(),
        "sealed as a declaration's": sealed(content, b"kouan/seal/second-holder/1"),
        "not bound to the quota": sealed(content, aad=b""),
        "another kind than the quota's": sealed(content.replace(b'"invoice"', b'"order"')),
        "not canonical": sealed(content.replace(b",", b", ")),
        "one field more": sealed(content.replace(b"{", b'{"a":1,')),
    }
    return {
        "seal": {
            "alliance": paper.alliance,
            "quota": paper.quota,
            "aad_hex": paper.aad().hex(),
            "content_hex": content.hex(),
            "overseer_private_hex": overseer.hex(),
            "second_holder_private_hex": second.hex(),
            "inner_ikm_e_hex": ikm["inner"].hex(),
            "outer_ikm_e_hex": ikm["outer"].hex(),
            "inner_hex": inner.hex(),
            "outer_hex": outer.hex(),
            "seal_hash": seal_hash(outer),
        },
        "refused_inner": [{"why": why, "inner_hex": made} for why, made in refused.items()],
    }


def stored() -> Any:
    return json.loads(FILE.read_text("utf-8"))


def test_the_file_holds_what_the_code_makes() -> None:
    assert stored() == make_vectors()


def test_it_follows_from_the_reference_with_nothing_but_the_standard_library() -> None:
    """A second implementation, written from docs/reference/secrets.md."""

    def tagged(tag: str, data: bytes) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(tag.encode() + b"\0" + data).digest()).decode().rstrip("=")

    def hkdf(key: bytes, info: bytes) -> bytes:
        return hmac.digest(hmac.digest(bytes(32), key, "sha256"), info + b"\1", "sha256")

    def committed(kind: str, secret_hex: str, fields: Any) -> str:
        salt = hkdf(bytes.fromhex(secret_hex), f"kouan/salt/{kind}/1".encode())
        canonical = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
        return tagged(f"kouan/commitment/{kind}/1", salt + canonical)

    file = stored()
    for paper in file["papers"]:
        assert committed("document", paper["secret_hex"], paper["fields"]) == paper["document"]
        assert committed("fingerprints", paper["secret_hex"], paper["fields"]) == paper["fingerprints"]
        for one in paper["draw_keys"]:
            info = f"kouan/paper-draw-key/1\0{one['purpose']}\0{paper['own_text']}".encode()
            assert hkdf(bytes.fromhex(one["master_seed_hex"]), info).hex() == one["draw_seed_hex"]
    lowered = file["lowered"]
    amounts = {"lines", "payable_minor", "total_minor"}
    before = {name: value for name, value in lowered["fields"].items() if name not in amounts} | lowered["earlier"]
    assert committed("document", lowered["secret_hex"], lowered["fields"]) == lowered["document"]
    assert committed("fingerprints", lowered["secret_hex"], before) == lowered["fingerprints"]
    assert tagged("kouan/seal/1", bytes.fromhex(file["seal"]["outer_hex"])) == file["seal"]["seal_hash"]


def test_the_seal_opens_and_the_refused_ones_do_not() -> None:
    file = stored()
    one = file["seal"]
    paper, second = RecordedPaper(one["alliance"], one["quota"], "invoice"), one["second_holder_private_hex"]
    identity = open_as_second_holder(bytes.fromhex(second), paper, bytes.fromhex(one["inner_hex"]))
    assert json.loads(bytes.fromhex(one["content_hex"]))["number"] == identity.number
    for case in file["refused_inner"]:
        with pytest.raises(SealError):
            open_as_second_holder(bytes.fromhex(second), paper, bytes.fromhex(case["inner_hex"]))


if __name__ == "__main__":
    FILE.write_text(json.dumps(make_vectors(), indent=2, ensure_ascii=False) + "\n", "utf-8")
