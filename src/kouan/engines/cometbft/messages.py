"""CometBFT's messages of the ABCI, under one short name, and what of them needs turning into the kernel's terms."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.cometbft.proto.tendermint.crypto.keys_pb2 import PublicKey

__all__ = ["abci", "milliseconds", "validator_updates"]


def milliseconds(time: Timestamp) -> int:
    """Return a header's time in Unix milliseconds, rounded down."""
    return time.seconds * 1000 + time.nanos // 1_000_000


def validator_updates(powers: dict[bytes, int]) -> list[abci.ValidatorUpdate]:
    """Return validators, by their Ed25519 public keys, with the power that each shall have."""
    return [
        abci.ValidatorUpdate(pub_key=PublicKey(ed25519=public), power=power) for public, power in sorted(powers.items())
    ]
