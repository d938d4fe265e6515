"""The append-only block log: what the embedded engine has answered is here, and stays.

A record is a height and opaque bytes; records form a hash chain. `append` writes, `sync` makes durable, and only then
may anybody be answered. A log whose disk failed takes nothing more: a repeated fsync says nothing about what the first
one lost, so the log must be closed and opened anew, which judges what is really there.
Format and the rules of opening: docs/reference/block-log.md. Not thread-safe for writing; one process at a time.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from kouan.engines.log_format import (
    MAX_BODY_BYTES,
    DamagedLogError,
    Head,
    LogError,
    LogFailedError,
    NotALogError,
    Position,
    UnknownVersionError,
    WrongAllianceError,
    encode_header,
    encode_record,
)
from kouan.engines.log_reader import LogReader, Record, Scrub
from kouan.engines.log_recovery import OpenReport, recover

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kouan.engines.disk import Disk, DiskFile

__all__ = [
    "BlockLog",
    "DamagedLogError",
    "LogError",
    "LogFailedError",
    "LogReader",
    "NotALogError",
    "OpenReport",
    "Position",
    "Record",
    "Scrub",
    "UnknownVersionError",
    "WrongAllianceError",
]


class BlockLog:
    """An open log, made by `create` or `open`. Heights begin at 1 and rise by one."""

    def __init__(self, file: DiskFile, name: str, reader: LogReader, last: Position) -> None:
        self._file = file
        self._name = name
        self._reader = reader
        self._last = last
        self._durable = last
        self._failure = ""

    @classmethod
    def create(cls, disk: Disk, name: str, alliance: bytes) -> BlockLog:
        """Make the log of an alliance (its 32-byte id); raises FileExistsError, or LogFailedError."""
        header = encode_header(alliance)
        if disk.exists(name):
            raise FileExistsError(errno.EEXIST, "there is such a log already; it is never overwritten", name)
        unborn = f"{name}.new"
        file = disk.create(unborn)
        try:
            file.write(0, header)
            file.sync()
            disk.rename(unborn, name)  # so a log always has its whole header
            disk.sync_directory()
            reader = LogReader(file, name, alliance)
        except OSError as error:
            file.close()
            raise LogFailedError(f"{name}: creating it failed: {error}", len(header)) from error
        except BaseException:
            file.close()
            raise
        return cls(file, name, reader, reader.beginning)

    @classmethod
    def open(
        cls, disk: Disk, name: str, alliance: bytes, after: Position | None = None, *, accept_loss: bool = False
    ) -> tuple[BlockLog, OpenReport]:
        """Open a log, having verified and made durable everything behind `after` (None: all of it).

        `after`: a position that was durable and that the caller remembered. A torn end is cut off. Damage raises
        DamagedLogError; with `accept_loss`, which only a person may decide, a damaged end is moved to a quarantine file
        instead. Raises FileNotFoundError, BlockingIOError (in use) and every LogError.
        """
        file = disk.open(name)
        try:
            reader = LogReader(file, name, alliance)
            last, report = recover(disk, file, name, reader, after, accept_loss=accept_loss)
        except OSError as error:
            file.close()
            raise LogFailedError(f"{name}: opening it failed: {error}", 0) from error
        except BaseException:
            file.close()
            raise
        return cls(file, name, reader, last), report

    @property
    def last(self) -> Position:
        """The last record appended, durable or not."""
        return self._last

    @property
    def durable(self) -> Position:
        """The last record known to be on disk."""
        return self._durable

    @property
    def size(self) -> int:
        """The log's size in bytes, with what is not yet durable."""
        return self._last.end

    @property
    def last_height(self) -> int:
        """The height of the last record appended; 0 when there is none."""
        return self._last.height

    @property
    def last_digest(self) -> bytes:
        """The digest of the last record appended; the header's checksum when there is none."""
        return self._last.digest

    def append(self, height: int, body: bytes) -> Position:
        """Write a record behind the last one; it is durable only after `sync`. Raises LogFailedError."""
        self._check_usable()
        last = self._last
        if height != last.height + 1:
            raise AssertionError(f"block {last.height + 1} is next in the log, not {height}")
        if len(body) > MAX_BODY_BYTES:
            raise ValueError(f"body: a record holds at most {MAX_BODY_BYTES} bytes, this one has {len(body)}")
        frame, digest = encode_record(last.end, Head(height, len(body), self._durable.end, last.digest), body)
        self._failure = "a write was interrupted"  # unless it returns
        try:
            self._file.write(last.end, frame)
        except OSError as error:
            self._failure = f"writing {len(frame)} bytes for block {height} failed: {error}"
            raise LogFailedError(f"{self._name}: {self._failure}", len(frame)) from error
        self._failure = ""
        self._last = Position(height, last.end, last.end + len(frame), digest)
        return self._last

    def sync(self) -> None:
        """Return once everything appended is on disk. Raises LogFailedError; then nothing new has become durable."""
        self._check_usable()
        if self._durable == self._last:
            return
        self._failure = "a sync was interrupted"  # unless it returns
        try:
            self._file.sync()
        except OSError as error:
            self._failure = f"syncing blocks {self._durable.height + 1} to {self.last_height} failed: {error}"
            raise LogFailedError(f"{self._name}: {self._failure}", 0) from error
        self._durable = self._last
        self._failure = ""

    def close(self) -> None:
        """Give up the file. What was not synced may or may not be there when the log is opened again."""
        self._failure = "it was closed"
        self._file.close()

    def records(self, after: Position | None = None) -> Iterator[Record]:
        """Yield the durable records behind a position (None: all), each verified; raises DamagedLogError."""
        return self._reader.records(after, self._durable.end)

    def read(self, position: Position) -> bytes:
        """Return the body of the record that was at this position; raises DamagedLogError when it has changed."""
        return self._reader.read(position)

    def scrub(self, after: Position | None, count: int) -> Scrub:
        """Verify up to `count` durable records behind a position (None: from the first)."""
        return self._reader.scrub(after, count, self._durable.end)

    def _check_usable(self) -> None:
        if self._failure:
            raise LogFailedError(f"{self._name} takes nothing more until it is opened anew: {self._failure}", 0)
