"""Headers, commits and validator sets of CometBFT: their records here, and the bytes that are hashed and signed there.

The records are JSON-able, so that proofs and memories can carry them; bytes are base64url. The bytes follow CometBFT
v0.39 (the specification's "Data Structures" and "Encoding"; ``proto/tendermint/types`` of its source): messages are
protobuf, written out by hand below, and trees are those of RFC 6962 section 2.1. Nothing here is judged: see
`kouan.kernel.light`. ``docs/reference/checkpoint.md`` says the same for other languages, ``vectors/light`` pins it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Final

from msgspec import Meta

from kouan.kernel.encoding import Bytes32, Bytes64, Count, Positive, from_text
from kouan.kernel.records import Record

MAX_VALIDATORS: Final = 256
ADDRESS_BYTES: Final = 20
_PRECOMMIT: Final = 2  # SignedMsgType

Address = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{26}[AEIMQUYcgkosw048]\Z")]
"""20 bytes: the first of SHA-256 over a validator's public key."""
AppHash = Annotated[
    str, Meta(pattern=r"^(?:[A-Za-z0-9_-]{4}){0,10}(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?\Z")
]
"""At most 42 bytes. A header of this ledger has 32; the header's format leaves it to the application."""
ChainId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,50}\Z")]
HashOrNone = Annotated[str, Meta(pattern=r"^(?:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])?\Z")]
"""32 bytes, or none where there is nothing to hash."""


class Time(Record, frozen=True):
    """A moment of the years 1970 to 9999."""

    nanos: Annotated[int, Meta(ge=0, le=999_999_999)]
    seconds: Annotated[int, Meta(ge=0, le=253_402_300_799)]

    @property
    def ms(self) -> int:
        """Whole milliseconds since 1970."""
        return self.seconds * 1000 + self.nanos // 1_000_000


class BlockId(Record, frozen=True):
    """What is voted for: the hash of a header, and of the parts in which the block travels."""

    hash: HashOrNone
    parts_hash: HashOrNone
    parts_total: Annotated[int, Meta(ge=0, le=2**32 - 1)]


class Version(Record, frozen=True):
    """By which rules a block was made."""

    app: Count
    block: Count


class Header(Record, frozen=True):
    """The header of a block."""

    app_hash: AppHash
    """Of the state after the block before: ``kouan.kernel.execution.app_hash``."""
    chain_id: ChainId
    """The alliance's id."""
    consensus_hash: HashOrNone
    data_hash: HashOrNone
    evidence_hash: HashOrNone
    height: Positive
    last_block_id: BlockId
    last_commit_hash: HashOrNone
    last_results_hash: HashOrNone
    next_validators_hash: Bytes32
    """Of the set that decides the next block."""
    proposer_address: Address
    time: Time
    """The median of what the previous commit's voters stated."""
    validators_hash: Bytes32
    """Of the set that decides this block."""
    version: Version


class CommitSignature(Record, frozen=True):
    """One validator's vote in a commit."""

    address: Address
    for_block: bool
    """False: a vote for no block, which counts for nothing."""
    signature: Bytes64
    time: Time
    """What the validator states; it goes into the next block's time."""


class Commit(Record, frozen=True):
    """The votes by which a block was decided."""

    block_id: BlockId
    height: Positive
    round: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    signatures: Annotated[list[CommitSignature | None], Meta(min_length=1, max_length=MAX_VALIDATORS)]
    """One for each validator of the block's set, in the set's order; null for one whose vote is not here."""


class SignedHeader(Record, frozen=True):
    """A header with the commit that decided it."""

    commit: Commit
    header: Header


class ValidatorEntry(Record, frozen=True):
    """A validator as its set lists it."""

    power: Positive
    public: Bytes32
    """Ed25519."""

    @property
    def address(self) -> bytes:
        """The validator's name in commits."""
        return address_of(from_text(self.public))


Validators = Annotated[list[ValidatorEntry], Meta(min_length=1, max_length=MAX_VALIDATORS)]


def address_of(public: bytes) -> bytes:
    """Return the address (20 bytes) of a public key (32 bytes)."""
    return sha256(public).digest()[:ADDRESS_BYTES]


def in_order(validators: Sequence[ValidatorEntry]) -> list[ValidatorEntry]:
    """Return validators as CometBFT orders a set: most power first, then by address."""
    return sorted(validators, key=lambda entry: (-entry.power, entry.address))


def set_hash(validators: Sequence[ValidatorEntry]) -> bytes:
    """Return the hash by which headers name a validator set: the root over each one's key and power, in order."""
    return merkle_root([_field(1, _field(1, from_text(e.public))) + _number(2, e.power) for e in validators])


def header_hash(header: Header) -> bytes:
    """Return the hash by which votes name a block: the root over the header's fourteen fields."""
    return merkle_root(
        [
            _number(1, header.version.block) + _number(2, header.version.app),
            _bytes(1, header.chain_id.encode()),
            _number(1, header.height),
            _time(header.time),
            _block_id(header.last_block_id),
            *(
                _bytes(1, from_text(text))
                for text in (
                    header.last_commit_hash,
                    header.data_hash,
                    header.validators_hash,
                    header.next_validators_hash,
                    header.consensus_hash,
                    header.app_hash,
                    header.last_results_hash,
                    header.evidence_hash,
                    header.proposer_address,
                )
            ),
        ]
    )


def sign_bytes(chain_id: str, commit: Commit, vote: CommitSignature) -> bytes:
    """Return what a validator signed when it gave its vote: a CanonicalVote, its length in front."""
    message = (
        _number(1, _PRECOMMIT)
        + _fixed(2, commit.height)
        + _fixed(3, commit.round)
        + (_field(4, _block_id(commit.block_id)) if vote.for_block else b"")
        + _field(5, _time(vote.time))
        + _bytes(6, chain_id.encode())
    )
    return _varint(len(message)) + message


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of RFC 6962 section 2.1 over some leaves."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\1" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()


def _block_id(block_id: BlockId) -> bytes:
    parts = _number(1, block_id.parts_total) + _bytes(2, from_text(block_id.parts_hash))
    return _bytes(1, from_text(block_id.hash)) + _field(2, parts)


def _time(time: Time) -> bytes:
    return _number(1, time.seconds) + _number(2, time.nanos)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of bytes, text or a message; numbers are below 16."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _bytes(number: int, content: bytes) -> bytes:
    """Return the same where an empty value is left out, as protobuf does with all but messages."""
    return _field(number, content) if content else b""


def _number(number: int, value: int) -> bytes:
    return bytes([number << 3]) + _varint(value) if value else b""


def _fixed(number: int, value: int) -> bytes:
    return bytes([number << 3 | 1]) + value.to_bytes(8, "little") if value else b""


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
