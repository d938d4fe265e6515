"""The state on disk: values in the order in which they were written, and the tree's entries, in LMDB.

Keys in version order are what LMDB writes fast, so a value is kept under its *place* (height << 24 | ordinal), never
under its hash; the tree in memory says which place is current. What blocks change is kept in memory and written every
so many values, all in one transaction together with the position in the block log it belongs to: after a crash the
state is whole at that height, and the log's tail brings it up to date. The store is always rebuildable from the log.

An older version, as far back as it is kept, is the newest with each changed entry put back (*undo*). Values that no
kept version needs are deleted.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Final

import lmdb
import msgspec

from kouan.engines.log_format import Position
from kouan.engines.store_copy import Frozen
from kouan.kernel.proof import Leaf, make_leaf
from kouan.kernel.state import PreState, Values
from kouan.kernel.tree import ENTRY, Tree, TreeChange, find_entry, leaf_hash, path_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kouan.kernel.execution import BlockOutcome

FLUSH_VALUES: Final = 40_000
MAP_BYTES: Final = 1 << 40  # address space, not disk
PART_LEVELS: Final = 8  # the tree is stored in parts of 256 buckets: few, large values
DENSE_BYTES: Final = 64 * ENTRY  # from here on it is quicker to read a part's hashes than to make them
POSITION_EVERY: Final = 64  # blocks: from a remembered place in the log any block is this near
NOTHING: Final = bytes(ENTRY - 32)


class Mark(msgspec.Struct, frozen=True):
    """Where the stored state stands."""

    height: int
    time_ms: int
    state_root: bytes
    receipts_root: bytes
    log: Position
    """The block log's record of this height."""
    oldest: int = 0
    """The lowest height whose version can still be read; kept by the store."""


REBUILD: Final = "rebuild the state from the log with `kouan doctor --rebuild-state`"


class StoreError(Exception):
    """The stored state cannot be used; the text says why and what to do."""


class Store(PreState):
    """The newest state. Reading is by key; ``apply`` takes a block's difference in."""

    def __init__(self, directory: pathlib.Path, *, keep_versions: int, way_on: str = REBUILD) -> None:
        """Open or create the store in a directory that one process at a time uses; raises StoreError.

        ``keep_versions``: how many older heights stay readable. ``way_on``: what to do about a damaged store, which
        depends on where the blocks are.
        """
        self._way_on = way_on
        self._env = open_environment(directory, way_on)
        self._values = self._env.open_db(b"values")
        self._parts = self._env.open_db(b"parts")
        self._undo = self._env.open_db(b"undo")
        self._meta = self._env.open_db(b"meta")
        self._positions = self._env.open_db(b"positions")
        self._traces = self._env.open_db(b"heights")
        self.keep_versions = keep_versions
        self.traces_from = 0
        """The lowest height whose trace is still wanted although its version can no longer be read."""
        self.frozen = False
        """Whether another thread reads the stored state just now."""
        self._tree = new_tree()
        self._new_values: dict[int, bytes] = {}
        self._new_undo: dict[int, bytes] = {}
        self._new_positions: dict[int, Position] = {}
        self._new_traces: dict[int, bytes] = {}
        self._dirty: set[int] = set()
        self._read = self._env.begin()
        try:
            self.mark = self._load()
        except (lmdb.Error, msgspec.MsgspecError) as problem:
            self.close()
            raise StoreError(f"the state store cannot be read ({problem}): {self._way_on}") from None
        except StoreError:
            self.close()
            raise
        """Where the stored state stands; None in a new store."""
        self.height = self.mark.height if self.mark else 0
        """The height of the newest version, stored or not."""

    @property
    def tree(self) -> Tree:
        """The tree of the newest version."""
        return self._tree

    def get(self, key: str) -> bytes | None:
        """Return the record at a key, or None."""
        entry = self._tree.find(path_of(key))
        return None if entry is None else self._value(entry)[1]

    def value_of(self, entry: bytes) -> bytes:
        """Return the value that a tree entry stands for."""
        return self._value(entry)[1]

    def apply(self, height: int, outcome: BlockOutcome) -> None:
        """Take in the difference that the block of a height makes."""
        tree = self._tree
        undo: list[bytes] = []
        for write in outcome.writes:
            old = tree.find(write.path)
            undo.append(old if old is not None else write.path + NOTHING)
            self._new_values[write.place] = write.key.encode() + b"\0" + write.value
        tree.apply(outcome.tree)
        self._dirty.update(number >> PART_LEVELS for number in outcome.tree.buckets)
        self._new_undo[height] = b"".join(undo)
        self.height = height

    def remember(self, position: Position) -> None:
        """Note where a block lies in the log, if it is one of those from which others are looked for."""
        if position.height % POSITION_EVERY == 0:
            self._new_positions[position.height] = position

    def trace(self, height: int, about: bytes) -> None:
        """Keep what an engine without a log of its own wants to know of a block later."""
        self._new_traces[height] = about

    def trace_of(self, height: int) -> bytes | None:
        """Return what was kept of a block, or None."""
        about = self._new_traces.get(height)
        return about if about is not None else self._read.get(height.to_bytes(8), db=self._traces)

    def traces(self) -> Iterator[tuple[int, bytes]]:
        """Yield what is stored of blocks, the newest first."""
        cursor = self._read.cursor(self._traces)
        more = cursor.last()
        while more:
            yield int.from_bytes(cursor.key()), bytes(cursor.value())
            more = cursor.prev()

    @property
    def oldest(self) -> int:
        """The lowest height whose version can be read."""
        return max(self.mark.oldest if self.mark else 0, self.height - self.keep_versions)

    @property
    def gathered(self) -> int:
        """How many values are in memory alone."""
        return len(self._new_values)

    @property
    def wants_flush(self) -> bool:
        """Whether enough is gathered in memory to be worth a write, and a write is possible."""
        return len(self._new_values) >= FLUSH_VALUES and not self.frozen

    def freeze(self) -> Frozen:
        """Hold the stored state still for another thread to read; nothing may be flushed until it is let go.

        Just after a flush only: what is in memory alone is not in it. (LMDB's lock table is off, so a reader does not
        keep a writer from using the pages it reads.)
        """
        if self._new_values or self.frozen:
            raise AssertionError("a state is frozen once, and just after it was flushed")
        self.frozen = True
        return Frozen(self._env, self._values, self._tree, self._thaw)

    def _thaw(self) -> None:
        self.frozen = False

    def flush(self, mark: Mark) -> None:
        """Write what was gathered, in one transaction that is on disk when this returns."""
        if self.frozen:
            raise AssertionError("what is gathered is not written while the stored state is frozen")
        mark = msgspec.structs.replace(mark, oldest=self.oldest)
        try:
            with self._env.begin(write=True) as txn:
                self._write(txn, mark)
        except lmdb.Error as problem:
            raise StoreError(
                f"the state could not be written ({problem}): if the disk is full, make room and start again; what was "
                "answered is in the log"
            ) from None
        self.mark = mark
        self._read.abort()
        self._read = self._env.begin()
        self._new_values.clear()
        self._new_undo.clear()
        self._new_positions.clear()
        self._new_traces.clear()
        self._dirty.clear()

    def _write(self, txn: lmdb.Transaction, mark: Mark) -> None:
        values = ((place.to_bytes(8), value) for place, value in sorted(self._new_values.items()))
        txn.cursor(self._values).putmulti(values, append=True)
        undo = ((height.to_bytes(8), entries) for height, entries in sorted(self._new_undo.items()))
        txn.cursor(self._undo).putmulti(undo, append=True)
        parts = ((number.to_bytes(4), stored_part(self._tree, number)) for number in sorted(self._dirty))
        txn.cursor(self._parts).putmulti(parts)
        positions = ((height.to_bytes(8), msgspec.msgpack.encode(at)) for height, at in self._new_positions.items())
        txn.cursor(self._positions).putmulti(positions)
        traces = ((height.to_bytes(8), about) for height, about in sorted(self._new_traces.items()))
        txn.cursor(self._traces).putmulti(traces, append=True)
        self._prune(txn, mark.oldest)
        txn.put(b"mark", msgspec.msgpack.encode(mark), db=self._meta)

    def changes_since(self, height: int, most: int) -> int:
        """Count the entries to put back to read the version after a height; it counts no further than ``most``."""
        entries = 0
        for later in range(self.height, height, -1):
            entries += len(self._undo_of(later)) // ENTRY
            if entries > most:
                break
        return entries

    def at(self, height: int) -> Version:
        """Return the version after a height; raises StoreError when it is no longer, or not yet, kept."""
        oldest = self.oldest
        if not oldest <= height <= self.height:
            raise StoreError(f"the state at height {height} cannot be read: kept are {oldest} to {self.height}")
        back: dict[bytes, tuple[bytes, int] | None] = {}
        for later in range(self.height, height, -1):
            undo = self._undo_of(later)
            for at in range(0, len(undo), ENTRY):
                leaf = undo[at + 32 : at + ENTRY]
                back[undo[at : at + 32]] = None if leaf == NOTHING else (leaf[:32], int.from_bytes(leaf[32:]))
        return Version(self, height, self._tree.change(back) if back else None)

    def position_before(self, height: int) -> Position | None:
        """Return a remembered place in the log from which a height's record is not far; None: its beginning."""
        before = max(0, min(height - 1, self.height)) // POSITION_EVERY * POSITION_EVERY
        if before in self._new_positions:
            return self._new_positions[before]
        found = self._read.get(before.to_bytes(8), db=self._positions)
        return None if found is None else msgspec.msgpack.decode(found, type=Position)

    def position_at(self, offset: int) -> Position | None:
        """Return the last stored place in the log that ends at or before an offset; None: its beginning."""
        cursor = self._read.cursor(self._positions)
        more = cursor.last()
        while more:
            position = msgspec.msgpack.decode(cursor.value(), type=Position)
            if position.end <= offset:
                return position
            more = cursor.prev()
        return None

    def records(self) -> Iterator[tuple[str, bytes]]:
        """Yield every key with its record, in the order of paths."""
        for number in range(1 << self._tree.depth):
            bucket = self._tree.bucket(number)
            for at in range(0, len(bucket), ENTRY):
                yield self._value(bucket[at : at + ENTRY])

    def scrub(self, first: int, count: int) -> str | None:
        """Check that stored values of ``count`` buckets hash to their leaves; name the first that does not."""
        for number in range(first, min(first + count, 1 << self._tree.depth)):
            bucket = self._tree.bucket(number)
            part = number >> PART_LEVELS
            if number == part << PART_LEVELS and not self._tree.is_sound(part, PART_LEVELS):
                return f"the stored hashes of part {part} of the tree do not follow from its entries: {self._way_on}"
            for at in range(0, len(bucket), ENTRY):
                entry = bucket[at : at + ENTRY]
                try:
                    key, _ = self._value(entry)
                except StoreError as problem:
                    return str(problem)
                if path_of(key) != entry[:32]:
                    return f"the value stored for {key} is another key's: {self._way_on}"
        return None

    def close(self) -> None:
        """Let the files go. What was not flushed is in the log."""
        self._read.abort()
        self._env.close()

    def _value(self, entry: bytes) -> tuple[str, bytes]:
        place = int.from_bytes(entry[64:])
        if gathered := self._new_values.get(place):
            key, _, value = gathered.partition(b"\0")
            return key.decode(), value
        try:
            stored = self._read.get(entry[64:], db=self._values)
        except lmdb.Error as problem:
            raise StoreError(f"the value at place {place} cannot be read ({problem}): {self._way_on}") from None
        if stored is None:
            raise StoreError(f"the value at place {place} is missing from the state store: {self._way_on}")
        key, _, value = stored.partition(b"\0")
        name = key.decode("ascii", "replace")
        if leaf_hash(entry[:32], value) != entry[32:64]:  # a changed value must neither be shown nor executed on
            raise StoreError(f"the stored value of {name} is not the one that the state tree holds: {self._way_on}")
        return name, value

    def _undo_of(self, height: int) -> bytes:
        undo = self._new_undo.get(height)
        return undo if undo is not None else bytes(self._read.get(height.to_bytes(8), b"", db=self._undo))

    def _prune(self, txn: lmdb.Transaction, oldest: int) -> None:
        """Delete the undo of versions that are no longer kept, and the values that only those needed."""
        cursor = txn.cursor(self._undo)
        dead: list[bytes] = []
        more = cursor.first()
        while more and int.from_bytes(cursor.key()) <= oldest:
            undo = bytes(cursor.value())
            old = (undo[at + 32 : at + ENTRY] for at in range(0, len(undo), ENTRY))
            dead.extend(leaf[32:] for leaf in old if leaf != NOTHING)
            more = cursor.delete()
        for place in sorted(dead):
            txn.delete(place, db=self._values)
        cursor = txn.cursor(self._traces)
        more = cursor.first()
        while more and int.from_bytes(cursor.key()) < min(oldest, self.traces_from):
            more = cursor.delete()

    def _load(self) -> Mark | None:
        raw = self._read.get(b"mark", db=self._meta)
        if raw is None:
            return None
        mark = msgspec.msgpack.decode(raw, type=Mark)
        self._tree.load(map(_part, self._read.cursor(self._parts)), PART_LEVELS)
        if self._tree.root != mark.state_root:
            raise StoreError(
                f"the state store's tree does not have the root it was stored with at height {mark.height}: "
                f"{self._way_on}"
            )
        return mark


class Version(Values):
    """The state after one height, for reading and for proofs."""

    def __init__(self, store: Store, height: int, change: TreeChange | None) -> None:
        self._store = store
        self.height = height
        self._change = change or TreeChange(store.tree.root, {}, {})
        self._ref = self._changed_ref if change else store.tree.ref

    @property
    def root(self) -> bytes:
        """The state root, 32 bytes."""
        return self._change.root

    def get(self, key: str) -> bytes | None:
        """Return the record at a key as it was at that height, or None."""
        path = path_of(key)
        entry = find_entry(self._bucket(self._store.tree.bucket_of(path)), path)
        return None if entry is None else self._store.value_of(entry)

    def leaf(self, key: str) -> Leaf:
        """Return the proof of what stands at a key, or that nothing does."""
        way = walk(path_of(key), self._store.tree.depth, self._ref, self._bucket)
        return make_leaf(key, way, None if way.entry is None else self._store.value_of(way.entry))

    def _changed_ref(self, node: int) -> bytes:
        return self._change.refs.get(node) or self._store.tree.ref(node)

    def _bucket(self, number: int) -> bytes:
        changed = self._change.buckets.get(number)
        return self._store.tree.bucket(number) if changed is None else changed


def new_tree() -> Tree:
    """Return an empty tree of the depth that stores have."""
    return Tree()


def stored_part(tree: Tree, number: int) -> bytes:
    """Return a part of the tree as it is stored."""
    entries, refs = tree.part(number, PART_LEVELS)
    return len(entries).to_bytes(4) + entries + (refs if len(entries) >= DENSE_BYTES else b"")


def _part(stored: tuple[bytes, bytes]) -> tuple[int, bytes, bytes]:
    """Take a stored part of the tree apart into its number, entries and references."""
    key, value = stored
    size = int.from_bytes(value[:4])
    return int.from_bytes(key), value[4 : 4 + size], value[4 + size :]


def open_environment(directory: pathlib.Path, way_on: str) -> lmdb.Environment:
    """Open the database of a store, or make it; raises StoreError, which ends in the way on."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return lmdb.open(str(directory), map_size=MAP_BYTES, max_dbs=6, lock=False, readahead=False)
    except lmdb.Error as problem:
        raise StoreError(f"the state store cannot be opened ({problem}): {way_on}") from None
