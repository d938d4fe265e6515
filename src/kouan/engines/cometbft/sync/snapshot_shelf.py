"""The snapshots that a node keeps for others: a directory for each, named by its height.

``<height>/metadata.json`` and a file for each chunk, ``00000`` (the checkpoint) to the last. A snapshot gets its name
when all of it is on disk; what has another name is unfinished, and goes at the next start.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, NamedTuple

from kouan.engines.cometbft.sync.snapshot_format import SnapshotError, metadata_hash, read_metadata
from kouan.engines.disk import sync

if TYPE_CHECKING:
    from pathlib import Path

METADATA: Final = "metadata.json"
UNFINISHED: Final = ".unfinished"


class Kept(NamedTuple):
    """A snapshot on the shelf."""

    height: int
    chunks: int
    hash: bytes
    metadata: bytes


class Shelf:
    """A node's snapshots. What is damaged on it is not offered; what travels is checked by whoever gets it."""

    def __init__(self, directory: Path, *, keep: int) -> None:
        """``keep``: how many of the newest stay."""
        self._directory = directory
        self._keep = keep
        directory.mkdir(parents=True, exist_ok=True)
        for left in directory.glob(f"*{UNFINISHED}"):
            shutil.rmtree(left)
        self._kept = {kept.height: kept for kept in map(_read, directory.iterdir()) if kept is not None}

    def listed(self) -> list[Kept]:
        """Return the snapshots, the newest first."""
        return sorted(self._kept.values(), reverse=True)

    @property
    def oldest(self) -> int | None:
        """The height of the oldest snapshot that is kept."""
        return min(self._kept, default=None)

    def has(self, height: int) -> bool:
        """Tell whether there is a snapshot of a height."""
        return height in self._kept

    def chunk(self, height: int, index: int) -> bytes | None:
        """Return a chunk as it travels; None when there is none such."""
        kept = self._kept.get(height)
        if kept is None or not 0 <= index < kept.chunks:
            return None
        try:
            return chunk_file(self.place(height), index).read_bytes()
        except OSError:
            return None

    def place(self, height: int) -> Path:
        """Return the directory of a snapshot."""
        return self._directory / str(height)

    def begin(self, height: int) -> Path:
        """Return a new directory in which a snapshot can be written."""
        unfinished = self._directory / f"{height}{UNFINISHED}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        return unfinished

    def admit(self, unfinished: Path, height: int) -> None:
        """Give a snapshot that is written its name, and delete the oldest beyond those that are kept."""
        sync_tree(unfinished)
        place = self.place(height)
        shutil.rmtree(place, ignore_errors=True)
        unfinished.rename(place)
        sync(self._directory)
        kept = _read(place)
        if kept is None:
            raise AssertionError(f"{place}: was just written and cannot be read")
        self._kept[height] = kept
        for old in self.listed()[self._keep :]:
            del self._kept[old.height]
            shutil.rmtree(self.place(old.height), ignore_errors=True)


def chunk_file(place: Path, index: int) -> Path:
    """Return where a chunk of the snapshot in a directory is."""
    return place / f"{index:05d}"


def sync_tree(directory: Path) -> None:
    """Have a directory and the files in it on disk."""
    for path in directory.iterdir():
        sync(path)
    sync(directory)


def _read(place: Path) -> Kept | None:
    """Read what a snapshot on the shelf is; None when it cannot be offered."""
    try:
        raw = (place / METADATA).read_bytes()
        metadata = read_metadata(raw).metadata
    except (OSError, SnapshotError):
        return None
    if place.name != str(metadata.height):
        return None
    return Kept(metadata.height, metadata.chunks, metadata_hash(raw), raw)
