"""CometBFT's key files: the validator's key, which signs votes, and the node's key, by which its peers know it.

Both are Ed25519 in CometBFT's JSON (privval/file.go, p2p/key.go of v0.39.4): the private key is seed and public key,
64 bytes in base64. The address of a key is the first 20 bytes of its public key's SHA-256.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from kouan.kernel.suites import SEED_BYTES, public_key

ADDRESS_BYTES: Final = 20
PRIVATE_TYPE: Final = "tendermint/PrivKeyEd25519"
PUBLIC_TYPE: Final = "tendermint/PubKeyEd25519"


class _Typed(msgspec.Struct):
    type: str
    value: str


class _KeyFile(msgspec.Struct):
    priv_key: _Typed


class NodeKeyError(ValueError):
    """A key file of CometBFT's cannot be used; the text names it and says why."""


def address(public: bytes) -> bytes:
    """Return the address of a public key, 20 bytes: CometBFT names validators and nodes by it."""
    return sha256(public).digest()[:ADDRESS_BYTES]


def node_id(public: bytes) -> str:
    """Return how a node's peers know it: the address of its key, in lower-case hexadecimal."""
    return address(public).hex()


def validator_file(seed: bytes) -> bytes:
    """Return ``priv_validator_key.json`` for a seed of 32 bytes."""
    public = public_key(seed)
    return _json(
        {"address": address(public).hex().upper(), "pub_key": public_json(public), "priv_key": _private_json(seed)}
    )


def node_file(seed: bytes) -> bytes:
    """Return ``node_key.json`` for a seed of 32 bytes."""
    return _json({"priv_key": _private_json(seed)})


def public_json(public: bytes) -> dict[str, str]:
    """Return a public key as CometBFT's JSON has it."""
    return {"type": PUBLIC_TYPE, "value": b64encode(public).decode()}


def read_public(path: Path) -> bytes:
    """Return the public key of a key file of either kind; raises NodeKeyError."""
    try:
        key = msgspec.json.decode(path.read_bytes(), type=_KeyFile).priv_key
        private = b64decode(key.value, validate=True)
    except OSError as problem:
        raise NodeKeyError(f"{path}: {problem.strerror}; put the key file back, or make the node anew") from None
    except ValueError as problem:  # msgspec's and base64's errors are ValueErrors
        raise NodeKeyError(f"{path}: damaged, or no key file of CometBFT's: {problem}") from None
    if key.type != PRIVATE_TYPE or len(private) != 2 * SEED_BYTES:
        raise NodeKeyError(f"{path}: holds no Ed25519 key ({key.type}); validators sign by Ed25519 alone")
    public = private[SEED_BYTES:]
    if public_key(private[:SEED_BYTES]) != public:
        raise NodeKeyError(f"{path}: damaged: its two halves do not belong together")
    return public


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, on disk when this returns; raises FileExistsError for one there is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _private_json(seed: bytes) -> dict[str, str]:
    return {"type": PRIVATE_TYPE, "value": b64encode(seed + public_key(seed)).decode()}


def _json(document: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
