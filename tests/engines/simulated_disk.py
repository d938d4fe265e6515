"""A disk in memory that behaves as badly as a real one may: the same port as kouan.engines.disk.

What is written is *seen* at once and *durable* only after a sync. A crash keeps any part of what was not synced. Any
call can be made to fail, with part of its effect. After a failed sync the dirty data is lost although it may still be
seen, and a later sync does not bring it back: that is how Linux does it (ext4; other file systems show the old data
again, which is simulated too).
"""

from __future__ import annotations

import errno
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from random import Random

SECTOR_BYTES = 512


class Fault(NamedTuple):
    """How a call fails: with which errno, and how much of its effect (0 to 1) takes place nevertheless.

    For a failed sync, `forgets` says whether the file system stops showing what it lost.
    """

    errno: int
    effect: float = 0.0
    forgets: bool = False


@dataclass
class _Write:
    offset: int
    data: bytes


@dataclass
class _Cut:
    size: int


@dataclass
class _Content:
    """One file's bytes, whatever its name: as seen, as durable, and what lies between."""

    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[_Write | _Cut] = field(default_factory=list)
    locked: bool = False


def _apply(content: bytearray, change: _Write | _Cut) -> None:
    if isinstance(change, _Cut):
        content.extend(bytes(max(0, change.size - len(content))))
        del content[change.size :]
    else:
        content.extend(bytes(max(0, change.offset - len(content))))
        content[change.offset : change.offset + len(change.data)] = change.data


class SimulatedDisk:
    """A Disk. `calls` counts every call to it and to its files; `faults` maps the number of a call to how it fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.faults: dict[int, Fault] = {}
        self.boot = 0
        self._seen: dict[str, _Content] = {}
        self._durable: dict[str, _Content] = {}
        self._pending: list[tuple[str | None, str, _Content]] = []  # (name that goes, name that comes, its content)

    def fail_next(self, fault: Fault, skip: int = 0) -> None:
        """Make the next call fail, or the one after `skip` more."""
        self.faults[self.calls + 1 + skip] = fault

    def fault(self) -> Fault | None:
        """Count a call; return how it fails, if it does."""
        self.calls += 1
        return self.faults.pop(self.calls, None)

    def create(self, name: str) -> SimulatedFile:
        fault = self.fault()
        if fault and not fault.effect:
            raise OSError(fault.errno, "simulated, creating", name)
        if name not in self._seen:
            self._seen[name] = _Content()
            self._pending.append((None, name, self._seen[name]))
        if fault:
            raise OSError(fault.errno, "simulated, created", name)
        file = self._opened(name, read_only=False)
        change = _Cut(0)
        _apply(self._seen[name].seen, change)
        self._seen[name].pending.append(change)
        return file

    def open(self, name: str, *, read_only: bool = False) -> SimulatedFile:
        if fault := self.fault():
            raise OSError(fault.errno, "simulated, opening", name)
        if name not in self._seen:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        return self._opened(name, read_only=read_only)

    def _opened(self, name: str, *, read_only: bool) -> SimulatedFile:
        content = self._seen[name]
        if not read_only:
            if content.locked:
                raise BlockingIOError(errno.EWOULDBLOCK, "in use", name)
            content.locked = True
        return SimulatedFile(self, content, read_only=read_only)

    def exists(self, name: str) -> bool:
        if fault := self.fault():
            raise OSError(fault.errno, "simulated, looking", name)
        return name in self._seen

    def rename(self, old: str, new: str) -> None:
        fault = self.fault()
        if not fault or fault.effect:
            content = self._seen[new] = self._seen.pop(old)
            self._pending.append((old, new, content))
        if fault:
            raise OSError(fault.errno, "simulated, renaming", old)

    def sync_directory(self) -> None:
        fault = self.fault()
        if not fault or fault.effect:
            for change in self._pending:
                self._make_durable(change)
            self._pending.clear()
        if fault:
            raise OSError(fault.errno, "simulated, syncing the directory")

    def _make_durable(self, change: tuple[str | None, str, _Content]) -> None:
        gone, new, content = change
        if gone is not None:
            self._durable.pop(gone, None)
        self._durable[new] = content

    def kill(self) -> None:
        """The process dies, the machine does not: nothing seen is lost, nothing becomes durable."""
        self.boot += 1
        for content in self._seen.values():
            content.locked = False

    def crash(self, rng: Random) -> None:
        """The machine loses power: of what was not synced, any part may be there afterwards."""
        for change in self._pending:
            if rng.random() < 0.5:
                self._make_durable(change)
        self._pending.clear()
        self._seen = dict(self._durable)
        for content in self._seen.values():
            _crash(content, rng)
        self.kill()

    def names(self) -> list[str]:
        """The files that are seen; not a call."""
        return sorted(self._seen)

    def content(self, name: str) -> bytes:
        """What is seen in a file; not a call."""
        return bytes(self._seen[name].seen)

    def durable_content(self, name: str) -> bytes:
        """What is durable of a file, b"" if its name is not; not a call."""
        return bytes(self._durable[name].durable) if name in self._durable else b""

    def put(self, name: str, data: bytes) -> None:
        """Make a file that holds these bytes, all durable; not a call."""
        self._seen[name] = self._durable[name] = _Content(bytearray(data), bytearray(data))

    def overwrite(self, name: str, data: bytes) -> None:
        """Change a file behind the back of whoever has it open; not a call."""
        self._seen[name].seen[:] = self._durable[name].durable[:] = data


class SimulatedFile:
    """A DiskFile; it is dead once its process was killed."""

    def __init__(self, disk: SimulatedDisk, content: _Content, *, read_only: bool) -> None:
        self._disk = disk
        self._content = content
        self._read_only = read_only
        self._boot = disk.boot

    def _call(self, *, writes: bool) -> Fault | None:
        if self._boot != self._disk.boot:
            raise AssertionError("this file's process is dead, or has closed it")
        if writes and self._read_only:
            raise OSError(errno.EBADF, "opened for reading only")
        return self._disk.fault()

    def size(self) -> int:
        if fault := self._call(writes=False):
            raise OSError(fault.errno, "simulated, asking for the size")
        return len(self._content.seen)

    def read(self, offset: int, length: int) -> bytes:
        if fault := self._call(writes=False):
            raise OSError(fault.errno, "simulated, reading")
        return bytes(self._content.seen[offset : offset + length])

    def write(self, offset: int, data: bytes) -> None:
        fault = self._call(writes=True)
        self._change(_Write(offset, data[: int(len(data) * fault.effect)] if fault else data))
        if fault:
            raise OSError(fault.errno, "simulated, writing")

    def truncate(self, size: int) -> None:
        fault = self._call(writes=True)
        if not fault or fault.effect:
            self._change(_Cut(size))
        if fault:
            raise OSError(fault.errno, "simulated, truncating")

    def _change(self, change: _Write | _Cut) -> None:
        if isinstance(change, _Write) and not change.data:
            return
        _apply(self._content.seen, change)
        self._content.pending.append(change)

    def sync(self) -> None:
        fault = self._call(writes=True)
        content = self._content
        if fault:
            done = int(len(content.pending) * fault.effect)
            for index, change in enumerate(content.pending):
                if index < done or isinstance(change, _Cut):  # a size is metadata, which the journal keeps
                    _apply(content.durable, change)
            content.pending.clear()
            if fault.forgets:
                content.seen[:] = content.durable
            raise OSError(fault.errno, "simulated, syncing")
        for change in content.pending:
            _apply(content.durable, change)
        content.pending.clear()

    def close(self) -> None:
        if self._boot == self._disk.boot and not self._read_only:
            self._content.locked = False
        self._boot = -1


def _crash(content: _Content, rng: Random) -> None:
    """Leave a file with its durable bytes and any part of the changes that were pending."""
    grain = rng.choice((1, SECTOR_BYTES))
    kept = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    cut_at = rng.randrange(len(content.pending) + 1) if rng.random() < 0.3 else len(content.pending)
    farthest = len(content.durable)
    for change in content.pending[:cut_at]:
        if isinstance(change, _Cut):
            if rng.random() < max(kept, 0.5):
                _apply(content.durable, change)
            continue
        farthest = max(farthest, change.offset + len(change.data))
        for piece in _pieces(change, grain, rng):
            if rng.random() < kept:
                _apply(content.durable, piece)
    if rng.random() < 0.2 and farthest > len(content.durable):  # the size reached the disk, the data did not
        _apply(content.durable, _Cut(rng.randint(len(content.durable), farthest)))
    content.pending.clear()
    content.seen[:] = content.durable


def _pieces(change: _Write, grain: int, rng: Random) -> list[_Write]:
    """Cut a write where a crash may tear it: between sectors, or at a few places between any bytes."""
    end = change.offset + len(change.data)
    if grain == 1:
        cuts = sorted({rng.randrange(change.offset, end) for _ in range(rng.randint(1, 4))})
    else:
        cuts = list(range(change.offset - change.offset % grain + grain, end, grain))
    bounds = [change.offset, *cuts, end]
    return [
        _Write(low, change.data[low - change.offset : high - change.offset])
        for low, high in itertools.pairwise(bounds)
        if low < high
    ]
