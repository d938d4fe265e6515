"""Beginning from a snapshot that others offer: every chunk is checked before it is taken, every liar named.

What is taken goes into a directory beside the state, and takes its place when all of it is there and right.
"""

from __future__ import annotations

import shutil
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from kouan.engines.cometbft.sync.snapshot_format import (
    ABCI_FORMAT,
    ChunkError,
    Metadata,
    Read,
    SnapshotError,
    checkpoint_hash,
    metadata_hash,
    read_metadata,
    read_subtree,
    unpack,
)
from kouan.engines.store_filling import Filling
from kouan.kernel.encoding import from_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kouan.engines.store import Mark


class Offer(IntEnum):
    """Answers to OfferSnapshot, by the numbers of ABCI (tendermint/abci/types.proto, ResponseOfferSnapshot.Result)."""

    ACCEPT = 1
    REJECT = 3
    REJECT_FORMAT = 4
    REJECT_SENDER = 5


class Applied(IntEnum):
    """Answers to ApplySnapshotChunk, likewise (ResponseApplySnapshotChunk.Result)."""

    ACCEPT = 1
    RETRY = 3
    RETRY_SNAPSHOT = 4
    REJECT_SNAPSHOT = 5


class Offered(NamedTuple):
    """A snapshot that CometBFT offers."""

    height: int
    format: int
    chunks: int
    hash: bytes
    metadata: bytes


class Answer(NamedTuple):
    """What CometBFT is to do with the offer or the chunk."""

    result: Offer | Applied
    why: str = ""
    """For the log; empty when all is well."""
    refetch: tuple[int, ...] = ()
    reject_senders: tuple[str, ...] = ()


class Restoring:
    """One snapshot that is being taken in, chunk by chunk, in their order."""

    def __init__(self, directory: Path, read: Read, check: Callable[[bytes, Metadata], None]) -> None:
        """``directory``: where the new state is put together; what is there goes.

        ``check`` raises SnapshotError unless a checkpoint is the alliance's and vouches for what the metadata says.
        """
        self.metadata = read.metadata
        self._references = read.references
        self._check = check
        self._directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        self._filling = Filling(directory)
        self.checkpoint = b""
        """Canonical JSON, once the first chunk was taken."""
        self.next = 0
        """The chunk that is wanted next."""

    @property
    def is_complete(self) -> bool:
        """Whether every chunk was taken."""
        return self.next == self.metadata.chunks

    def take(self, packed: bytes) -> None:
        """Take the chunk that is next; raises ChunkError, SnapshotError (the snapshot itself lies) or StoreError."""
        if self.next == 0:
            checkpoint = unpack(packed)
            if checkpoint_hash(checkpoint) != from_text(self.metadata.checkpoint):
                raise ChunkError("it is not the checkpoint that the metadata names")
            self._check(checkpoint, self.metadata)
            self.checkpoint = checkpoint
        else:
            number = self.next - 1
            subtree = read_subtree(packed, self.metadata.level, number, self._references[number])
            self._filling.add(subtree.entries, subtree.records)
        self.next += 1

    def finish(self, mark: Mark, trace: bytes = b"") -> Path:
        """Write what was taken; return the directory of a store that is whole. Raises StoreError.

        ``trace``: what the engine keeps of the block (`Store.trace`).
        """
        if not self.is_complete:
            raise AssertionError("a snapshot is finished when all of its chunks were taken")
        self._filling.finish(mark, trace)
        return self._directory

    def abandon(self) -> None:
        """Forget what was taken."""
        self._filling.close()
        shutil.rmtree(self._directory, ignore_errors=True)


class StateSync:
    """CometBFT's offers and chunks, answered. It asks only while its own chain is empty."""

    def __init__(
        self,
        alliance: str,
        directory: Path,
        check: Callable[[bytes, Metadata], None],
        adopt: Callable[[Restoring], None],
    ) -> None:
        """``adopt`` is given what was restored as a whole, and makes it the node's state."""
        self._alliance = alliance
        self._directory = directory
        self._check = check
        self._adopt = adopt
        self._restoring: Restoring | None = None

    def offer(self, offered: Offered, trusted_app_hash: bytes) -> Answer:
        """Judge an offer by the app hash that CometBFT's light client vouches for; raises StoreError."""
        self._abandon()
        if offered.format != ABCI_FORMAT:
            return Answer(Offer.REJECT_FORMAT, f"format {offered.format} is not known")
        try:
            read = read_metadata(offered.metadata)
        except SnapshotError as problem:
            return Answer(Offer.REJECT_SENDER, str(problem))
        metadata = read.metadata
        stated = (offered.height, offered.chunks, offered.hash)
        if stated != (metadata.height, metadata.chunks, metadata_hash(offered.metadata)):
            return Answer(Offer.REJECT_SENDER, "height, chunks or hash are not those of the metadata")
        if metadata.alliance != self._alliance:
            return Answer(Offer.REJECT_SENDER, f"it is of another alliance, {metadata.alliance}")
        if metadata.app_hash != trusted_app_hash:
            return Answer(Offer.REJECT_SENDER, f"it is not the state that the alliance agreed on at {metadata.height}")
        self._restoring = Restoring(self._directory, read, self._check)
        return Answer(Offer.ACCEPT)

    def apply(self, index: int, packed: bytes, sender: str) -> Answer:
        """Take a chunk; raises StoreError."""
        restoring = self._restoring
        if restoring is None or index > restoring.next:
            return Answer(Applied.RETRY_SNAPSHOT, f"chunk {index} was not expected")
        if index < restoring.next:
            return Answer(Applied.ACCEPT)
        by = (sender,) if sender else ()
        try:
            restoring.take(packed)
        except ChunkError as problem:
            return Answer(Applied.RETRY, f"chunk {index} from {sender or 'nobody named'}: {problem}", (index,), by)
        except SnapshotError as problem:
            self._abandon()
            return Answer(Applied.REJECT_SNAPSHOT, f"chunk {index} from {sender}: {problem}", (), by)
        if restoring.is_complete:
            self._restoring = None
            self._adopt(restoring)
        return Answer(Applied.ACCEPT)

    def _abandon(self) -> None:
        if self._restoring is not None:
            self._restoring.abandon()
            self._restoring = None
