"""A stored state as a whole: read out while blocks go on, or put together anew from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kouan.kernel.tree import ENTRY, Tree, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import lmdb

KEY_END: Final = b"\0"
"""Stands between key and record in a stored value."""


class CopyError(Exception):
    """The stored state cannot be read out whole; the text says where."""


class Frozen:
    """The stored state as it was at one moment. Let it go (``close``) as soon as it has been read."""

    def __init__(self, env: lmdb.Environment, values: Any, tree: Tree, release: Callable[[], None]) -> None:
        self.depth = tree.depth
        self._buckets = tree.all_buckets()
        self._values = values
        self._txn = env.begin()
        self._release = release

    def entries(self, level: int, number: int) -> bytes:
        """Return the tree's entries of a subtree at a level (at most the tree's depth), in the order of paths."""
        width = self.depth - level
        return b"".join(self._buckets[number << width : (number + 1) << width])

    def size(self, entries: bytes) -> int:
        """Return how many bytes the stored values of some entries have, keys and separators included."""
        get, values = self._txn.get, self._values
        return sum(len(get(entries[at + 64 : at + ENTRY], b"", db=values)) for at in range(0, len(entries), ENTRY))

    def records(self, entries: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield key and record of some entries; raises CopyError for a value that is not the tree's."""
        for at in range(0, len(entries), ENTRY):
            stored = self._txn.get(entries[at + 64 : at + ENTRY], b"", db=self._values)
            key, _, value = stored.partition(KEY_END)
            if leaf_hash(entries[at : at + 32], value) != entries[at + 32 : at + 64]:
                place = int.from_bytes(entries[at + 64 : at + ENTRY])
                raise CopyError(f"the value stored at place {place} is not the one that the state tree holds")
            yield key, value

    def close(self) -> None:
        """Let blocks be flushed again."""
        self._txn.abort()
        self._buckets = []
        self._release()
