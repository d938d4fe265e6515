"""A store that is put together from records that came from elsewhere, beside the one in use.

Who fills it has checked the records; that the whole has the root it should have is checked here once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import lmdb
import msgspec

from kouan.engines.store import PART_LEVELS, Mark, StoreError, new_tree, open_environment, stored_part
from kouan.engines.store_copy import KEY_END
from kouan.kernel.tree import ENTRY, leaf_hash, path_of

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Iterator

    from kouan.kernel.tree import Tree

FULL: Final = "the state could not be written ({}): if the disk is full, make room and begin again"


class Filling:
    """A new store. Nothing of it counts before ``finish`` has returned."""

    def __init__(self, directory: pathlib.Path) -> None:
        """Begin in a directory that is empty or not there; raises StoreError."""
        self._env = open_environment(directory, "begin again")
        self._values = self._env.open_db(b"values")
        self._parts = self._env.open_db(b"parts")
        self._meta = self._env.open_db(b"meta")
        self._traces = self._env.open_db(b"heights")
        self._entries: list[bytes] = []
        self._place = 0

    def add(self, entries: bytes, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Take in records (key, record) whose paths lie behind all that were added before; raises StoreError.

        ``entries``: those of `entries_of` for these records.
        """
        first = self._place
        stored = (((first + number).to_bytes(8), key + KEY_END + value) for number, (key, value) in enumerate(records))
        try:
            with self._env.begin(write=True) as txn:
                txn.cursor(self._values).putmulti(stored, append=True)
        except lmdb.Error as problem:
            self.close()
            raise StoreError(FULL.format(problem)) from None
        count = len(entries) // ENTRY
        places = (place.to_bytes(8) for place in range(first, first + count))
        self._entries.extend(
            entries[at : at + 64] + place for at, place in zip(range(0, len(entries), ENTRY), places, strict=True)
        )
        self._place = first + count

    def finish(self, mark: Mark, trace: bytes = b"") -> None:
        """Write tree and mark; the store is whole on disk when this returns. Raises StoreError.

        ``trace``: what the engine keeps of the mark's block (`Store.trace`).
        """
        tree = new_tree()
        tree.load(self._grouped(tree), PART_LEVELS)
        if tree.root != mark.state_root:
            raise AssertionError("the records were checked against a root that their tree does not have")
        try:
            with self._env.begin(write=True) as txn:
                for number in range(1 << tree.depth - PART_LEVELS):
                    part = stored_part(tree, number)
                    if len(part) > ENTRY:
                        txn.put(number.to_bytes(4), part, db=self._parts)
                if trace:
                    txn.put(mark.height.to_bytes(8), trace, db=self._traces)
                txn.put(b"mark", msgspec.msgpack.encode(mark), db=self._meta)
            self._env.sync(True)  # noqa: FBT003  # lmdb's own way to say it
        except lmdb.Error as problem:
            raise StoreError(FULL.format(problem)) from None
        finally:
            self.close()

    def close(self) -> None:
        """Let the files go."""
        self._env.close()

    def _grouped(self, tree: Tree) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield the entries by the part of the tree in which they lie."""
        shift = 64 - (tree.depth - PART_LEVELS)
        start, number = 0, -1
        for at, entry in enumerate(self._entries):
            following = int.from_bytes(entry[:8]) >> shift
            if following != number:
                if at:
                    yield number, b"".join(self._entries[start:at]), b""
                start, number = at, following
        if self._entries:
            yield number, b"".join(self._entries[start:]), b""


def entries_of(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the tree's entries, without a place, of records (key, record) in their order."""
    return b"".join(
        path + leaf_hash(path, value) + bytes(8) for key, value in records for path in (path_of(key.decode()),)
    )
