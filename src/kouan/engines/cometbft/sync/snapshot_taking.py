"""Taking a snapshot while blocks go on: state first, then, two blocks later, the checkpoint that vouches for it.

Every node that takes one of the same height writes the same metadata, so that who fetches it can take the chunks from
all of them.
"""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from kouan.engines.cometbft.sync.snapshot_format import (
    CHUNK_BYTES,
    FORMAT,
    MAX_CHUNK_BYTES,
    MAX_LEVEL,
    MAX_PLAIN_BYTES,
    Metadata,
    checkpoint_hash,
    join_references,
    pack,
    plain_chunk,
    root_of,
    write_metadata,
)
from kouan.engines.cometbft.sync.snapshot_shelf import METADATA, Shelf, chunk_file
from kouan.engines.store_copy import CopyError, Frozen
from kouan.kernel.encoding import to_text
from kouan.kernel.tree import fold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ASK_AGAIN_S: Final = 1.0
"""How long to wait before the node is asked again for a checkpoint that it has not got yet."""
_AT_ONCE: Final = 1024  # subtrees that are measured between two pauses


class Subject(NamedTuple):
    """What a snapshot is taken of."""

    alliance: str
    height: int
    time_ms: int
    state_root: bytes
    receipts_root: bytes


class StoppedError(Exception):
    """The snapshot was given up because the node stops."""


class Taker:
    """Takes one snapshot at a time in a thread of its own, which leaves blocks at least half of the time."""

    def __init__(
        self, shelf: Shelf, vouch: Callable[[Subject], bytes | None], tell: Callable[[str, int, str], None]
    ) -> None:
        """``vouch`` returns the checkpoint as canonical JSON, once there is one.

        ``tell`` is told of each end: ``taken`` or ``failed``, the height, and why.
        """
        self._shelf = shelf
        self._vouch = vouch
        self._tell = tell
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, frozen: Frozen, subject: Subject) -> None:
        """Begin a snapshot of a frozen state, which is let go when it has been read; not while another is taken."""
        if self.is_busy:
            raise AssertionError("one snapshot is taken at a time")
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(frozen, subject, self._stop), name="snapshot", daemon=True
        )
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether a snapshot is under way: it is read, written, or waits for its checkpoint."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Give up what is under way and wait until nothing reads the state any more."""
        self._stop.set()
        self.wait()

    def wait(self) -> None:
        """Wait for the end of what is under way."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, frozen: Frozen, subject: Subject, stop: threading.Event) -> None:
        unfinished: Path | None = None
        try:
            try:
                unfinished = self._shelf.begin(subject.height)
                references = write_state(unfinished, frozen, stop)
            finally:
                frozen.close()
            finish(unfinished, subject, references, self._vouched(subject, stop))
            self._shelf.admit(unfinished, subject.height)
        except (StoppedError, CopyError, OSError) as problem:
            if unfinished is not None:
                shutil.rmtree(unfinished, ignore_errors=True)
            self._tell("failed", subject.height, str(problem))
        else:
            self._tell("taken", subject.height, "")

    def _vouched(self, subject: Subject, stop: threading.Event) -> bytes:
        while (checkpoint := self._vouch(subject)) is None:
            if stop.wait(ASK_AGAIN_S):
                raise StoppedError("it was given up before a checkpoint vouched for it")
        return checkpoint


def write_state(place: Path, frozen: Frozen, stop: threading.Event) -> list[bytes]:
    """Write the chunks of a state; return the references of its subtrees. Raises CopyError, StoppedError, OSError."""
    level = _level(frozen, stop)
    references = []
    for number in range(1 << level):
        began = time.monotonic()
        entries = frozen.entries(level, number)
        plain = plain_chunk(frozen.records(entries))
        packed = pack(plain)
        if len(packed) > MAX_CHUNK_BYTES or len(plain) > MAX_PLAIN_BYTES:
            raise CopyError(f"the records of subtree {number} at level {level} are too many for one chunk")
        chunk_file(place, 1 + number).write_bytes(packed)
        references.append(fold(entries, level))
        _pause(stop, began)
    return references


def finish(place: Path, subject: Subject, references: list[bytes], checkpoint: bytes) -> Metadata:
    """Write checkpoint and metadata beside the chunks; raises CopyError, OSError."""
    if root_of(references) != subject.state_root:
        raise CopyError(f"what was read does not have the state root of height {subject.height}")
    packed = pack(checkpoint)
    if len(packed) > MAX_CHUNK_BYTES:
        raise CopyError(f"the checkpoint of height {subject.height} is too large for one chunk")
    chunk_file(place, 0).write_bytes(packed)
    metadata = Metadata(
        alliance=subject.alliance,
        checkpoint=to_text(checkpoint_hash(checkpoint)),
        format=FORMAT,
        height=subject.height,
        level=len(references).bit_length() - 1,
        receipts_root=to_text(subject.receipts_root),
        references=join_references(references),
        state_root=to_text(subject.state_root),
        time_ms=subject.time_ms,
    )
    (place / METADATA).write_bytes(write_metadata(metadata))
    return metadata


def _level(frozen: Frozen, stop: threading.Event) -> int:
    """Return the lowest level at which no chunk is too large, or the last that there is."""
    level = min(MAX_LEVEL, frozen.depth)
    sizes = []
    began = time.monotonic()
    for number in range(1 << level):
        sizes.append(frozen.size(frozen.entries(level, number)))
        if number % _AT_ONCE == 0:
            _pause(stop, began)
            began = time.monotonic()
    while level and max(above := [a + b for a, b in zip(sizes[::2], sizes[1::2], strict=True)]) <= CHUNK_BYTES:
        sizes = above
        level -= 1
    return level


def _pause(stop: threading.Event, began: float) -> None:
    """Leave as much time to others as was used since ``began``."""
    if stop.wait(time.monotonic() - began):
        raise StoppedError("it was given up before the state was read")
