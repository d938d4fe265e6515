"""The vectors of the keyed function, for other languages: from master secret and text to fingerprint and statement.

Run as a program, this file writes ``vectors/evaluator.json`` anew.
"""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any

from kouan.client.keymaterial import derive
from kouan.evaluator.prf import Prf
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import digest, public_key, sign
from kouan.modules.cases.rules import PAPERS, STATEMENT_TAG, Carried, statement_message

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "vectors"


def named_bytes(name: str) -> bytes:
    """32 bytes that anyone can make again: SHA-256 of a name."""
    return digest("kouan/vectors/1", name.encode())


def make_vectors() -> dict[str, Any]:
    master, seed = named_bytes("evaluator's master"), named_bytes("evaluator's seed")
    prf = Prf(master)
    papers = json.loads((VECTORS / "normalisation.json").read_text("utf-8"))["papers"]
    texts = {(one["kind"], one["text"]) for paper in papers for one in (*paper["exact"], *paper["soft"])}
    kinds = sorted({kind for kind, _ in texts})
    named: list[Any] = [
        Carried(to_text(prf.of((kind, text.encode()))), kind) for kind, text in sorted(texts) if kind in PAPERS
    ]
    named.sort(key=lambda one: (one.kind, one.fingerprint))
    alliance, commitment = to_text(named_bytes("alliance")), to_text(named_bytes("commitment"))
    message = statement_message(alliance, commitment, named, "bank-of-huangpu")
    return {
        "master_hex": master.hex(),
        "keys": [
            {"kind": kind, "key_hex": derive("master", master, f"kouan/evaluator/{kind}/1".encode()).hex()}
            for kind in kinds
        ],
        "fingerprints": [
            {"kind": kind, "text": text, "fingerprint": to_text(prf.of((kind, text.encode())))}
            for kind, text in sorted(texts)
        ],
        "statement": {
            "seed_hex": seed.hex(),
            "public": to_text(public_key(seed)),
            "message": message.decode(),
            "signature": to_text(sign(seed, STATEMENT_TAG, message)),
        },
    }


def stored() -> Any:
    return json.loads((VECTORS / "evaluator.json").read_text("utf-8"))


def test_the_file_holds_what_the_code_makes() -> None:
    """Every exact and soft text of the example papers."""
    assert stored() == make_vectors()


def test_fingerprints_follow_from_the_reference_with_nothing_but_the_standard_library() -> None:
    """A second implementation, written from docs/reference/evaluator.md."""
    file = stored()
    extracted = hmac.digest(bytes(32), bytes.fromhex(file["master_hex"]), "sha256")
    keys = {}
    for one in file["keys"]:
        key = hmac.digest(extracted, b"kouan/evaluator/%s/1\1" % one["kind"].encode(), "sha256")
        assert key.hex() == one["key_hex"]
        keys[one["kind"]] = key
    for one in file["fingerprints"]:
        value = hmac.digest(keys[one["kind"]], one["text"].encode(), "sha256")
        assert base64.urlsafe_b64encode(value).decode().rstrip("=") == one["fingerprint"]


if __name__ == "__main__":
    (VECTORS / "evaluator.json").write_text(json.dumps(make_vectors(), indent=2, ensure_ascii=False) + "\n", "utf-8")
