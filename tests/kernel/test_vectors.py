"""The vectors for other languages are what the code makes, and the outside facts in them hold."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from tests.kernel.make_vectors import VECTORS, make_vectors
from tests.kernel.worked_examples import worked_examples

from kouan.kernel.envelope import Body
from kouan.kernel.headers import BlockId, Commit, CommitSignature, Header, SignedHeader, Time, ValidatorEntry, Version
from kouan.kernel.light import Step
from kouan.kernel.proof import Checkpoint, Handover, Leaf, NetworkCheckpoint, NetworkProof, OtherLeaf, Proof
from kouan.kernel.records import Hold, Quota, Record
from kouan.kernel.suites import verify
from kouan.modules.alliance.founding import Founding, FoundingValidator, NetworkFounding
from kouan.modules.alliance.trust import FoundingSignature

MADE = make_vectors()
REFERENCE = VECTORS.parent / "docs" / "reference"
FORMATS: dict[str, list[type[Record]]] = {
    "checkpoint.md": [
        *(BlockId, Checkpoint, Commit, CommitSignature, Handover, Header, NetworkCheckpoint),
        *(SignedHeader, Step, Time, ValidatorEntry, Version),
    ],
    "envelope.md": [Body],
    "proof.md": [Founding, FoundingSignature, FoundingValidator, Hold, NetworkFounding, NetworkProof, Proof, Quota],
    "tree.md": [Leaf, OtherLeaf],
}


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", MADE)
def test_the_file_is_what_the_code_makes(name: str) -> None:
    """A change of a format shows here; `python -m tests.kernel.make_vectors` writes the files anew."""
    assert (VECTORS / name).read_bytes() == MADE[name]


def test_no_file_is_left_over() -> None:
    """Every proof in the folders is one that the code still makes."""
    for folder in ("light", "proof", "proof-network"):
        made = {name for name in MADE if name.startswith(f"{folder}/")}
        assert {f"{folder}/{path.name}" for path in (VECTORS / folder).iterdir()} == made


@pytest.mark.parametrize("example", vectors("suite")["fips_180_4"])
def test_the_hash_is_sha_256_as_published(example: dict[str, str]) -> None:
    """The published examples, through the primitive that the suite rests on."""
    assert hashlib.sha256(example["message"].encode()).hexdigest() == example["sha256_hex"]


@pytest.mark.parametrize("example", vectors("suite")["rfc_8032"])
def test_the_signature_is_ed25519_as_published(example: dict[str, str]) -> None:
    """RFC 8032's examples, through the primitive that the suite rests on and through another library."""
    seed, key, message, signature = (
        bytes.fromhex(example[name]) for name in ("seed_hex", "key_hex", "message_hex", "signature_hex")
    )
    public, secret = crypto_sign_seed_keypair(seed)
    assert public == key
    assert crypto_sign(message, secret) == signature + message
    assert crypto_sign_open(signature + message, key) == message
    assert Ed25519PrivateKey.from_private_bytes(seed).sign(message) == signature


@pytest.mark.parametrize("example", [*vectors("suite")["accepted"], *vectors("suite")["refused"]])
def test_this_build_judges_signatures_as_the_ledger_does(example: dict[str, str]) -> None:
    """A node on a libsodium with another rule, such as one that multiplies by the cofactor, would fork the ledger."""
    key, message, signature = (bytes.fromhex(example[name]) for name in ("key_hex", "message_hex", "signature_hex"))
    assert verify(key, example["tag"], message, signature) == ("what" in example)


@pytest.mark.parametrize(("page", "texts"), worked_examples().items())
def test_the_pages_examples_are_right(page: str, texts: list[str]) -> None:
    """Each number in a worked example of docs/reference comes out of hashlib and the vectors alone."""
    written = (REFERENCE / page).read_text(encoding="utf-8")
    assert [text for text in texts if text not in written] == []


@pytest.mark.parametrize(("page", "kinds"), FORMATS.items())
def test_the_pages_name_every_field(page: str, kinds: list[type[Record]]) -> None:
    """A field that a record gets must be described, or nobody could write a verifier from the page."""
    written = (REFERENCE / page).read_text(encoding="utf-8")
    names = [name for kind in kinds for name in kind.__struct_fields__]
    assert [name for name in names if f"`{name}`" not in written and f'"{name}"' not in written] == []
