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
        "checkpoint.md": [*checkpoint(), *network()],
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


def network() -> list[str]:
    """The leaves and the hash of a header and of a set, and what a vote signs."""
    example, members = load("light/headers.json")[0], load("light/sets.json")[1]["validators"]
    vote = load("light/votes.json")[0]
    header = example["header"]
    hashes = (
        *("last_commit_hash", "data_hash", "validators_hash", "next_validators_hash", "consensus_hash", "app_hash"),
        *("last_results_hash", "evidence_hash", "proposer_address"),
    )
    leaves = [
        bytes([8, header["version"]["block"], 16, header["version"]["app"]]),
        b"\x0a" + sized(header["chain_id"].encode()),
        bytes([8, header["height"]]),
        moment(header["time"]),
        block(header["last_block_id"]),
        *(b"\x0a" + sized(raw(header[name])) for name in hashes),
    ]
    validators = [b"\x0a\x22\x0a" + sized(raw(one["public"])) + bytes([16, one["power"]]) for one in members]
    message = (
        bytes([8, 2, 17, vote["height"], *bytes(7)])
        + (b"\x22" + sized(block(vote["block_id"])))
        + (b"\x2a" + sized(moment(vote["time"])))
        + (b"\x32" + sized(vote["chain_id"].encode()))
    )
    signed = bytes([len(message) % 128 | 128, len(message) // 128]) + message
    return [
        *(leaf.hex() for leaf in leaves),
        rfc_6962(leaves).hex(),
        *(leaf.hex() for leaf in validators),
        rfc_6962(validators).hex(),
        signed.hex(),
    ]


def sized(content: bytes) -> bytes:
    return bytes([len(content)]) + content


def moment(time: dict[str, int]) -> bytes:
    groups = [time["seconds"] >> shift & 127 for shift in range(0, 35, 7)]
    return bytes([8, *(group | 128 for group in groups[:-1]), groups[-1], 16, time["nanos"]])


def block(one: dict[str, Any]) -> bytes:
    parts = bytes([8, one["parts_total"], 18]) + sized(raw(one["parts_hash"]))
    return b"\x0a" + sized(raw(one["hash"])) + b"\x12" + sized(parts)


def rfc_6962(leaves: list[bytes]) -> bytes:
    """By pairs from the left: what is left over waits for the next round."""
    level = [sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [sha256(b"\1" + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


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
