"""The format of snapshots, ``kouan/snapshot/1``: bytes in, checked values out, and back. docs/reference/snapshot.md.

A snapshot's *metadata* lists the references of all subtrees at one level of the state tree. They fold to the state
root, so each chunk, the records of one subtree, is checked alone, against the reference that the metadata gives it.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple

import msgspec

from kouan.engines.store_filling import entries_of
from kouan.kernel.encoding import Bytes32, Count, EncodingError, Positive, decode, encode, from_text, to_text
from kouan.kernel.execution import app_hash
from kouan.kernel.suites import digest
from kouan.kernel.tree import ENTRY, REF, fold, join_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT: Final = "kouan/snapshot/1"
ABCI_FORMAT: Final = 1
"""How CometBFT is told of ``kouan/snapshot/1``: it knows formats by number."""
MAX_LEVEL: Final = 16
"""With more subtrees the metadata would not pass: CometBFT bounds its message by 4,000,000 bytes
(statesync/messages.go, snapshotMsgSize)."""
CHUNK_BYTES: Final = 4 << 20
"""The level is chosen so that no chunk has more plain bytes, as far as levels go."""
MAX_PLAIN_BYTES: Final = 64 << 20
"""What a chunk may have when it is unpacked."""
MAX_RECORDS: Final = 1 << 18
"""In a chunk. A record has some hundred bytes, so that it is by far the bytes that count."""
MAX_CHUNK_BYTES: Final = 15_000_000
"""What a chunk may have as it travels: CometBFT bounds its message by 16,000,000 bytes (chunkMsgSize)."""
MAX_METADATA_BYTES: Final = 3_900_000
_PACKING: Final = 1
"""zlib's fastest: snapshots are made while blocks go on."""
_HEAD: Final = struct.Struct(">HI")  # length of the key, length of the record
_KINDS: Final = (0, 1, 2)


class SnapshotError(ValueError):
    """The metadata of a snapshot is not what it must be; the text says what."""


class ChunkError(ValueError):
    """A chunk is not what the metadata says; the text says why. Whoever sent it is at fault, or the way here is."""


class Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a snapshot is of, and what each chunk must be."""

    alliance: Bytes32
    checkpoint: Bytes32
    """``H("kouan/snapshot-checkpoint/1", chunk 0 unpacked)``."""
    format: Literal["kouan/snapshot/1"]
    height: Positive
    level: Annotated[int, msgspec.Meta(ge=0, le=MAX_LEVEL)]
    """There are 2 to the power of this many subtrees."""
    receipts_root: Bytes32
    references: str
    """Of the subtrees at the level, from left to right, 33 bytes each, all in one base64url."""
    state_root: Bytes32
    time_ms: Count
    """Of the block; the checkpoint vouches for it."""

    @property
    def chunks(self) -> int:
        """How many chunks there are: the checkpoint, then the subtrees."""
        return 1 + (1 << self.level)

    @property
    def app_hash(self) -> bytes:
        """What the alliance agreed on after that block, if the roots are right."""
        return app_hash(from_text(self.state_root), from_text(self.receipts_root))


class Read(NamedTuple):
    """Metadata that agrees with itself."""

    metadata: Metadata
    references: list[bytes]


def metadata_hash(raw: bytes) -> bytes:
    """Return the hash by which a snapshot is known."""
    return digest(FORMAT, raw)


def checkpoint_hash(checkpoint: bytes) -> bytes:
    """Return the hash by which the metadata knows its checkpoint."""
    return digest("kouan/snapshot-checkpoint/1", checkpoint)


def read_metadata(raw: bytes) -> Read:
    """Read metadata; raises SnapshotError unless its references fold to its state root."""
    if len(raw) > MAX_METADATA_BYTES:
        raise SnapshotError(f"the metadata has {len(raw)} bytes; it may have {MAX_METADATA_BYTES}")
    try:
        metadata = msgspec.convert(decode(raw), Metadata)
        joined = from_text(metadata.references)
    except (EncodingError, msgspec.ValidationError) as problem:
        raise SnapshotError(f"the metadata cannot be read: {problem}") from None
    expected = REF << metadata.level
    if len(joined) != expected:
        raise SnapshotError(f"references: {len(joined)} bytes, and level {metadata.level} has {expected}")
    references = [joined[at : at + REF] for at in range(0, expected, REF)]
    if any(reference[0] not in _KINDS for reference in references):
        raise SnapshotError("references: one begins with a kind that there is not")
    if root_of(references) != from_text(metadata.state_root):
        raise SnapshotError("references: they do not fold to the state root")
    return Read(metadata, references)


def write_metadata(metadata: Metadata) -> bytes:
    """Return the metadata's canonical bytes."""
    return encode(metadata)


def join_references(references: Iterable[bytes]) -> str:
    """Return references as the metadata carries them."""
    return to_text(b"".join(references))


def root_of(references: list[bytes]) -> bytes:
    """Return the state root that the references of a level fold to."""
    row = references
    while len(row) > 1:
        row = join_pairs(row)
    return row[0][1:]


class Subtree(NamedTuple):
    """The records of one chunk, checked."""

    entries: bytes
    """The tree's entries, without places."""
    records: list[tuple[bytes, bytes]]


def plain_chunk(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the records of a subtree, in the order of their paths, as a chunk before it is packed."""
    return b"".join(part for key, value in records for part in (_HEAD.pack(len(key), len(value)), key, value))


def pack(plain: bytes) -> bytes:
    """Return a chunk as it travels; it is never empty, which CometBFT would take for a missing one."""
    return zlib.compress(plain, _PACKING)


def unpack(packed: bytes) -> bytes:
    """Return a chunk's plain bytes; raises ChunkError, before it has unpacked more than a chunk may have."""
    if len(packed) > MAX_CHUNK_BYTES:
        raise ChunkError(f"it has {len(packed)} bytes; a chunk may have {MAX_CHUNK_BYTES}")
    unpacking = zlib.decompressobj()
    try:
        plain = unpacking.decompress(packed, MAX_PLAIN_BYTES)
    except zlib.error as problem:
        raise ChunkError(f"it cannot be unpacked ({problem})") from None
    if unpacking.unconsumed_tail:
        raise ChunkError(f"it unpacks to more than {MAX_PLAIN_BYTES} bytes")
    if not unpacking.eof or unpacking.unused_data:
        raise ChunkError("it is cut short or has something behind its end")
    return plain


def read_subtree(packed: bytes, level: int, number: int, reference: bytes) -> Subtree:
    """Return the records of a chunk; raises ChunkError unless they are just those that the reference stands for."""
    records = _records(unpack(packed))
    entries = entries_of(records)
    last = b""
    for at in range(0, len(entries), ENTRY):
        path = entries[at : at + 32]
        if int.from_bytes(path[:8]) >> (64 - level) != number:
            raise ChunkError("it has a record that belongs into another chunk")
        if path <= last:
            raise ChunkError("its records are not in the order of their paths")
        last = path
    if fold(entries, level) != reference:
        raise ChunkError("its records do not have the reference that the snapshot gives this chunk")
    return Subtree(entries, records)


def _records(plain: bytes) -> list[tuple[bytes, bytes]]:
    records: list[tuple[bytes, bytes]] = []
    at, end = 0, len(plain)
    while at < end:
        if end - at < _HEAD.size:
            raise ChunkError("it ends within a record")
        key_bytes, value_bytes = _HEAD.unpack_from(plain, at)
        at += _HEAD.size
        following = at + key_bytes + value_bytes
        if following > end:
            raise ChunkError("it ends within a record")
        key = plain[at : at + key_bytes]
        if not key.isascii():
            raise ChunkError("a key is not ASCII")
        records.append((key, plain[at + key_bytes : following]))
        if len(records) > MAX_RECORDS:
            raise ChunkError(f"it has more than {MAX_RECORDS} records")
        at = following
    return records
