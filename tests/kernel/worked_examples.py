"""The numbers of the worked examples in docs/reference, computed step by step with nothing but hashlib and base64."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[2] / "vectors"


def worked_examples() -> dict[str, list[str]]:
    """Return for each page the texts that must stand in it."""
    return {
        "encoding.md": encoding(),
        "envelope.md": envelope(),
        "tree.md": tree(),
        "checkpoint.md": checkpoint(),
        "proof.md": proof(),
    }


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_bytes())


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def hashed(tag: str, *parts: bytes) -> bytes:
    return sha256(tag.encode() + b"\0" + b"".join(parts)).digest()


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4)) if text else bytes(33)


def encoding() -> list[str]:
    example = canonical({"b": 2, "a": 1, "A": 0})
    message = b"kouan/test/1\0message"
    return [example.decode(), example.hex(), message.hex(), sha256(message).hexdigest()]


def envelope() -> list[str]:
    wire = load("envelope.json")["accepted"][0]["wire"]
    return [wire, text(hashed("kouan/envelope-id/1", wire.encode()))]


def references(leaf: dict[str, Any], end: bytes) -> list[str]:
    path = hashed("kouan/key/1", leaf["key"].encode())
    found = []
    for level in reversed(range(len(leaf["siblings"]))):
        pair = [end, raw(leaf["siblings"][level])]
        if path[level // 8] >> (7 - level % 8) & 1:
            pair.reverse()
        end = b"\2" + hashed("kouan/inner/1", *pair)
        found.append(end.hex())
    return found


def tree() -> list[str]:
    case = load("tree.json")["cases"][2]
    leaf = case["leaves"][0]
    path = hashed("kouan/key/1", b"key/0")
    value_hash = hashed("kouan/value/1", canonical(leaf["value"]))
    leaf_hash = hashed("kouan/leaf/1", path, value_hash)
    ways = references(leaf, b"\1" + leaf_hash)
    value = canonical(leaf["value"]).decode()
    steps = [path.hex(), value_hash.hex(), leaf_hash.hex()]
    return [value, *steps, leaf["siblings"][2], *ways, text(bytes.fromhex(ways[-1])[1:])]


def checkpoint() -> list[str]:
    made = load("checkpoint.json")
    fields = {name: value for name, value in made["checkpoint"].items() if name != "signature"}
    return [canonical(fields).decode(), made["operator_seed_hex"], made["checkpoint"]["signature"]]


def proof() -> list[str]:
    name = "not-financed-unknown.json"
    shown = load(f"proof/{name}")
    leaf = shown["leaves"][0]
    ways = references(leaf, bytes(33))
    verdict = next(case["verdict"] for case in load("proof/cases.json") if case["file"] == name)
    return [
        text(hashed("kouan/founding/1", canonical(load("proof/alliance.json")["founding"]))),
        leaf["key"],
        hashed("kouan/key/1", leaf["key"].encode()).hex(),
        *ways,
        text(bytes.fromhex(ways[-1])[1:]),
        verdict["en"],
        verdict["zh"],
        text(hashed("kouan/proof/1", canonical(shown))),
    ]
