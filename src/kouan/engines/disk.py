"""The disk as the block log sees it: a directory of flat files behind a small port, and the real implementation.

Nothing here knows what the files hold. Every call may raise OSError; what a failed write, truncation or sync left on
disk is then unknown, and it is for the caller to stop trusting the file.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Protocol


class DiskFile(Protocol):
    """One open file. Offsets and lengths are in bytes."""

    def size(self) -> int:
        """Return where the file ends."""

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only where the file ends."""

    def write(self, offset: int, data: bytes) -> None:
        """Write all of `data` at `offset`; it may be lost until `sync` returns."""

    def truncate(self, size: int) -> None:
        """Cut the file to `size`; this may be undone until `sync` returns."""

    def sync(self) -> None:
        """Return once content and size are on disk.

        After a failure the data is lost even if a later call succeeds (Linux marks pages clean when it cannot write
        them), unless it is written again.
        """

    def close(self) -> None:
        """Give the file and its lock back, without syncing."""


class Disk(Protocol):
    """One directory. Names hold no path separators."""

    def create(self, name: str) -> DiskFile:
        """Open a file for writing, empty, whatever it held; raises BlockingIOError when somebody else writes to it."""

    def open(self, name: str, *, read_only: bool = False) -> DiskFile:
        """Open a file that exists.

        For writing it is locked: raises BlockingIOError when somebody else writes to it. Reading takes no lock.
        Raises FileNotFoundError.
        """

    def exists(self, name: str) -> bool:
        """Tell whether there is such a file."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, replacing what had it; this may be undone until `sync_directory` returns."""

    def sync_directory(self) -> None:
        """Return once created and renamed files are on disk under their names."""


class _OpenFile:
    """A DiskFile over a file descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        parts: list[bytes] = []
        while length and (part := os.pread(self._descriptor, length, offset)):
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        written = os.pwrite(self._descriptor, data, offset)
        while written < len(data):  # a nearly full disk, or more than 2 GiB at once
            step = os.pwrite(self._descriptor, memoryview(data)[written:], offset + written)
            if step == 0:
                raise OSError(errno.EIO, "the disk takes no more bytes and gives no reason")
            written += step

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1  # the number may soon be another file's


class DirectoryDisk:
    """The Disk of a real directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def create(self, name: str) -> DiskFile:
        """Open a file for writing, empty."""
        file = self._open(name, os.O_RDWR | os.O_CREAT)
        try:
            file.truncate(0)  # only now that the lock is ours
        except BaseException:
            file.close()
            raise
        return file

    def open(self, name: str, *, read_only: bool = False) -> DiskFile:
        """Open a file that exists, locked (flock) unless it is only to be read."""
        return self._open(name, os.O_RDONLY if read_only else os.O_RDWR)

    def _open(self, name: str, flags: int) -> _OpenFile:
        path = self._directory / name
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            if flags & os.O_RDWR:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise BlockingIOError(
                errno.EWOULDBLOCK, "in use by another process, or opened before and not closed", str(path)
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        return _OpenFile(descriptor)

    def exists(self, name: str) -> bool:
        """Tell whether there is such a file."""
        return (self._directory / name).exists()

    def rename(self, old: str, new: str) -> None:
        """Give a file another name in one step."""
        (self._directory / old).rename(self._directory / new)

    def sync_directory(self) -> None:
        """Return once the directory's entries are on disk."""
        sync(self._directory)


def sync(path: Path) -> None:
    """Return once what a file holds, or which entries a directory has, is on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
