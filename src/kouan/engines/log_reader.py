"""Reading the block log: every record verified against the one before it. Nothing here writes.

A record that cannot be read is a *flaw*, and a flaw is either a tear (the file ends before a record was ever complete,
so nobody can have been answered for it) or damage. docs/reference/block-log.md gives the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from kouan.engines.log_format import (
    DIGEST_BYTES,
    HEAD_BYTES,
    HEADER_BYTES,
    RECORD_MAGIC,
    SMALLEST_RECORD_BYTES,
    DamagedLogError,
    Head,
    LogError,
    LogFailedError,
    Position,
    check_header,
    decode_head,
    record_digest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kouan.engines.disk import Disk, DiskFile

CHUNK_BYTES: Final = 1 << 20


class Record(NamedTuple):
    """One verified record: its height, its body, and where it lies."""

    height: int
    body: bytes
    position: Position


class Flaw(NamedTuple):
    """Why there is no good record at `offset`, where one of `height` is expected.

    `torn`: it was never complete. `resume`: from which offset other records may follow.
    """

    offset: int
    height: int
    reason: str
    torn: bool
    resume: int


class Scrub(NamedTuple):
    """How far a scrub came: records checked, the last good one's position, and what stopped it, if anything."""

    checked: int
    last: Position
    problem: LogError | None


class LogReader:
    """A block log that is only read, so that it may be in use by another process.

    What that process is just writing looks like a torn record, which is where reading ends.
    """

    def __init__(self, file: DiskFile, name: str, alliance: bytes) -> None:
        self._file = file
        self._name = name
        self.beginning = check_header(name, Source(file, name).read(0, HEADER_BYTES), alliance)

    @classmethod
    def open(cls, disk: Disk, name: str, alliance: bytes) -> LogReader:
        """Open the log read-only; raises FileNotFoundError, or what its header gives reason for (see LogError)."""
        file = disk.open(name, read_only=True)
        try:
            return cls(file, name, alliance)
        except BaseException:
            file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def records(self, after: Position | None = None, limit: int | None = None) -> Iterator[Record]:
        """Yield the records behind a position (None: all), each verified; raises DamagedLogError.

        Up to `limit` (an offset) every byte must belong to a good record; without it a torn record ends the log.
        """
        source = Source(self._file, self._name)
        end = self._file.size() if limit is None else limit
        position = after or self.beginning
        while position.end < end:
            found = next_record(source, position, end)
            if isinstance(found, Flaw):
                if found.torn and limit is None:
                    return
                raise damage(source, found, end)
            yield found
            position = found.position

    def read(self, position: Position) -> bytes:
        """Return the body of the record at this position; raises DamagedLogError when another or none is there."""
        data = Source(self._file, self._name).read(position.start, position.end - position.start)
        packed, body = data[:HEAD_BYTES], data[HEAD_BYTES:-DIGEST_BYTES]
        head = decode_head(position.start, packed)
        if (
            head is None
            or head.height != position.height
            or data[-DIGEST_BYTES:] != position.digest
            or record_digest(packed, body) != position.digest
        ):
            reason = f"there is no record with digest {position.digest.hex()} of {position.end - position.start} bytes"
            raise DamagedLogError(self._name, position.start, position.height, reason, cuttable=False, remembered=True)
        return body

    def scrub(self, after: Position | None, count: int, limit: int | None = None) -> Scrub:
        """Verify up to `count` records behind a position; go on with the answer's `last`."""
        last = after or self.beginning
        records = self.records(after, limit)
        for checked in range(count):
            try:
                record = next(records, None)
            except LogError as problem:
                return Scrub(checked, last, problem)
            if record is None:
                return Scrub(checked, last, None)
            last = record.position
        return Scrub(count, last, None)


class Source:
    """Reads a file in chunks, so that small records do not cost a system call each."""

    def __init__(self, file: DiskFile, name: str) -> None:
        self.name = name
        self._file = file
        self._start = 0
        self._held = b""

    def read(self, offset: int, length: int) -> bytes:
        """Return these bytes, fewer only where the file ends; raises LogFailedError."""
        skip = offset - self._start
        if skip < 0 or skip + length > len(self._held):
            try:
                self._held = self._file.read(offset, max(length, CHUNK_BYTES))
            except OSError as error:
                problem = f"{self.name}: reading {length} bytes at offset {offset} failed: {error}"
                raise LogFailedError(problem, length) from error
            self._start, skip = offset, 0
        return self._held[skip : skip + length]


def next_record(source: Source, before: Position, limit: int) -> Record | Flaw:
    """Read the record behind a position, in a file that ends at `limit`."""
    start, height = before.end, before.height + 1
    if limit - start < SMALLEST_RECORD_BYTES:
        return Flaw(start, height, "the file ends within the record's head or digest", torn=True, resume=limit)
    packed = source.read(start, HEAD_BYTES)
    head = decode_head(start, packed)
    if head is None:
        return _headless(source, start, height, limit)
    end = start + SMALLEST_RECORD_BYTES + head.length
    if misfit := _misfit(head, before):
        return Flaw(start, height, misfit, torn=False, resume=end)
    if end > limit:
        return Flaw(start, height, f"the file ends {end - limit} bytes before the record does", torn=True, resume=limit)
    rest = source.read(start + HEAD_BYTES, head.length + DIGEST_BYTES)
    body, digest = rest[: head.length], rest[head.length :]
    if record_digest(packed, body) != digest:
        return Flaw(start, height, "the record does not match its digest", torn=False, resume=end)
    return Record(height, body, Position(height, start, end, digest))


def _headless(source: Source, start: int, height: int, limit: int) -> Flaw:
    """Judge a place without a head: only zeros up to the end were never a record, anything else may have been."""
    for offset in range(start, limit, CHUNK_BYTES):
        if source.read(offset, min(CHUNK_BYTES, limit - offset)).strip(b"\0"):
            return Flaw(start, height, "the record's head does not match its checksum", torn=False, resume=start + 1)
    return Flaw(start, height, "there is nothing but zeros up to the file's end", torn=True, resume=limit)


def _misfit(head: Head, before: Position) -> str:
    """Say why this head, though in itself good, does not follow that record; empty if it does."""
    if head.height != before.height + 1:
        return f"there is block {head.height}"
    if head.previous != before.digest:
        return f"it follows a record with digest {head.previous.hex()}, not {before.digest.hex()}"
    if not HEADER_BYTES <= head.synced <= before.end:
        return f"it claims that {head.synced} bytes were on disk before it, of {before.end}"
    return ""


def damage(source: Source, flaw: Flaw, limit: int) -> DamagedLogError:
    """Turn a flaw into the error that names it, having looked whether anything behind proves that it was on disk."""
    return DamagedLogError(
        source.name, flaw.offset, flaw.height, flaw.reason, cuttable=not _was_synced(source, flaw, limit)
    )


def _was_synced(source: Source, flaw: Flaw, limit: int) -> bool:
    """Tell whether a good head further on says that the log had been synced beyond the flaw."""
    for chunk in range(flaw.resume, limit, CHUNK_BYTES):
        data = source.read(chunk, CHUNK_BYTES + HEAD_BYTES - 1)
        at = data.find(RECORD_MAGIC)
        while at >= 0:
            packed = data[at : at + HEAD_BYTES]
            if (head := decode_head(chunk + at, packed)) and head.synced > flaw.offset:
                return True
            at = data.find(RECORD_MAGIC, at + 1)
    return False
