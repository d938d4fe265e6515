"""The evidence in a block, as CometBFT's JSON-RPC tells it: what it says of validators, and its hash.

A header's ``evidence_hash`` is over protobuf bytes (``types/evidence.go``), so the JSON is put back into the messages
that it was made from. What is said of validators is read from the same messages: nothing is told that is not hashed.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from kouan.engines.cometbft.proto.tendermint.crypto.keys_pb2 import PublicKey
from kouan.engines.cometbft.proto.tendermint.types.evidence_pb2 import DuplicateVoteEvidence, LightClientAttackEvidence
from kouan.kernel.execution import Evidence
from kouan.kernel.headers import merkle_root

_BASE64: Final = frozenset({"signature", "extension", "extension_signature"})  # all other bytes are in hex
_OWN_NAMES: Final = {
    "byzantine_validators": "ByzantineValidators",
    "common_height": "CommonHeight",
    "conflicting_block": "ConflictingBlock",
    "part_set_header": "parts",
}
_OWN_NAMES_OF_EVIDENCE: Final = {
    "timestamp": "Timestamp",
    "total_voting_power": "TotalVotingPower",
    "validator_power": "ValidatorPower",
}


class ToldEvidence(NamedTuple):
    """The evidence of one block."""

    records: tuple[Evidence, ...]
    """What it says of validators, one by one."""
    hash: bytes
    """As the block's header should have it."""


def evidence(pieces: Sequence[Any]) -> ToldEvidence:
    """Return what a block's evidence says; raises ValueError when it is not of CometBFT's shape."""
    try:
        messages = [_message(piece["type"], piece["value"]) for piece in pieces]
    except (AttributeError, KeyError, TypeError) as problem:
        raise ValueError(f"not evidence: {problem}") from None
    records = tuple(record for message in messages for record in _records(message))
    return ToldEvidence(records, merkle_root([message.SerializeToString() for message in messages]))


def _message(kind: str, told: dict[str, Any]) -> DuplicateVoteEvidence | LightClientAttackEvidence:
    message: DuplicateVoteEvidence | LightClientAttackEvidence
    match kind:
        case "tendermint/DuplicateVoteEvidence":
            message = DuplicateVoteEvidence()
        case "tendermint/LightClientAttackEvidence":
            message = LightClientAttackEvidence()
        case _:
            raise ValueError(f"not a kind of evidence: {str(kind)[:40]!r}")
    _fill(message, told, _OWN_NAMES | _OWN_NAMES_OF_EVIDENCE)
    return message


def _records(message: DuplicateVoteEvidence | LightClientAttackEvidence) -> list[Evidence]:
    time_ms = message.timestamp.ToMilliseconds()
    if isinstance(message, DuplicateVoteEvidence):
        vote = message.vote_a
        return [Evidence(vote.validator_address, vote.height, "duplicate-vote", message.validator_power, time_ms)]
    return [
        Evidence(by.address, message.common_height, "light-client-attack", by.voting_power, time_ms)
        for by in message.byzantine_validators
    ]


def _fill(message: Message, told: Any, names: dict[str, str] = _OWN_NAMES) -> None:
    """Put what JSON tells into a message. A message that is told is there, even if it is empty: so Go writes it."""
    message.SetInParent()
    if isinstance(message, Timestamp):
        message.FromJsonString(told)
        return
    if isinstance(message, PublicKey):
        message.ed25519 = b64decode(told["value"], validate=True)
        return
    for field in message.DESCRIPTOR.fields:
        value = told.get(names.get(field.name, field.name))
        if value is None:
            continue
        if field.is_repeated:  # messages, all of them
            for one in value:
                _fill(getattr(message, field.name).add(), one)
        elif field.message_type is not None:
            _fill(getattr(message, field.name), value)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            is_base64 = field.name in _BASE64
            setattr(message, field.name, b64decode(value, validate=True) if is_base64 else bytes.fromhex(value))
        else:
            setattr(message, field.name, value if field.type == FieldDescriptor.TYPE_STRING else int(value))
