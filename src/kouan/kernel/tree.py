"""The state tree: an authenticated map over hashed keys that proves presence and absence.

A compact sparse Merkle tree of 256 levels. A key's path is ``H("kouan/key/1", key)``, most significant bit first, 0 to
the left. The *reference* of a subtree is 33 bytes, a kind and a hash:

- no leaf below: kind 0 and 32 zero bytes;
- one leaf below, wherever: kind 1 and ``H("kouan/leaf/1", path || H("kouan/value/1", value))``: a lone leaf rises;
- more: kind 2 and ``H("kouan/inner/1", left reference || right reference)``.

The root of the state is the hash in the topmost reference. `docs/reference/proof.md` says the same for other languages.

In memory the upper levels are one flat array (the children of node i are nodes 2i and 2i+1, so a parent is hashed from
one slice), and what lies below its last level is kept in *buckets* of sorted entries. Neither shows in the hashes. An
entry is path, leaf hash and *place*: where the store keeps the value; the tree carries the place and never hashes it.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from kouan.kernel.suites import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

REF: Final = 33
EMPTY: Final = bytes(REF)
ENTRY: Final = 72  # path (32), leaf hash (32), place (8, big-endian)
LEAF_KIND: Final = 1
INNER_KIND: Final = 2
_INNER: Final = b"kouan/inner/1\0"
_KEY: Final = b"kouan/key/1\0"
_VALUE: Final = b"kouan/value/1\0"
_LEAF: Final = b"kouan/leaf/1\0"
_put_ref: Final = Struct(f"{REF}s").pack_into


@lru_cache(1 << 15)  # a block asks for most of its keys several times
def path_of(key: str) -> bytes:
    """Return the 32-byte path of a key (ASCII)."""
    return sha256(_KEY + key.encode()).digest()


def leaf_hash(path: bytes, value: bytes) -> bytes:
    """Return the hash of the leaf that holds ``value`` at ``path``."""
    return sha256(_LEAF + path + sha256(_VALUE + value).digest()).digest()


def value_hash(value: bytes) -> bytes:
    """Return the hash by which a leaf commits to its value."""
    return digest("kouan/value/1", value)


def join(left: bytes, right: bytes) -> bytes:
    """Return the reference of a subtree from those of its two halves."""
    if right[0] == 0 and left[0] != INNER_KIND:
        return left
    if left[0] == 0 and right[0] != INNER_KIND:
        return right
    return b"\2" + sha256(_INNER + left + right).digest()


class TreeChange(NamedTuple):
    """What one block changes in a tree: a difference that nobody has applied yet."""

    root: bytes
    """The new root, 32 bytes."""
    refs: dict[int, bytes]
    """New references of the flat array's nodes."""
    buckets: dict[int, bytes]
    """New content of buckets."""


class Tree:
    """One version of the tree, in memory. ``change`` computes a difference, ``apply`` takes it in."""

    __slots__ = ("_buckets", "_flat", "depth", "entries")

    def __init__(self, depth: int = 20) -> None:
        """Make an empty tree whose flat array has ``depth`` levels below the root (2 ** depth buckets).

        The depth shows in speed and memory only; 20 suits ten thousand to ten million leaves.
        """
        self.depth = depth
        self.entries = 0
        self._flat = bytearray(REF << (depth + 1))
        self._buckets = [b""] * (1 << depth)

    @property
    def root(self) -> bytes:
        """The root hash; 32 zero bytes when there is no leaf."""
        return self.ref(1)[1:]

    def ref(self, node: int) -> bytes:
        """Return the reference of a node of the flat array (the root is node 1)."""
        return bytes(self._flat[REF * node : REF * node + REF])

    def bucket(self, number: int) -> bytes:
        """Return the entries of a bucket, sorted by path."""
        return self._buckets[number]

    def bucket_of(self, path: bytes) -> int:
        """Return the number of the bucket in which a path lies."""
        return int.from_bytes(path[:8]) >> (64 - self.depth)

    def find(self, path: bytes) -> bytes | None:
        """Return the entry (72 bytes) at a path, or None."""
        return find_entry(self._buckets[int.from_bytes(path[:8]) >> (64 - self.depth)], path)

    def change(self, leaves: Mapping[bytes, tuple[bytes, int] | None]) -> TreeChange:
        """Compute what changes when each path gets its (leaf hash, place).

        None takes a leaf away: no command does that, but it is how an older version is looked at from a newer one.
        """
        touched: dict[int, list[bytes]] = {}
        for path in leaves:
            touched.setdefault(self.bucket_of(path), []).append(path)
        buckets: dict[int, bytes] = {}
        refs: dict[int, bytes] = {}
        first = 1 << self.depth
        level: dict[int, bytes] = {}
        for number, paths in touched.items():
            bucket = self._buckets[number]
            for path in paths:
                bucket = _with_leaf(bucket, path, leaves[path])
            buckets[number] = bucket
            level[first + number] = fold(bucket, self.depth)
        while level:
            refs.update(level)
            level = _parents(level, self._flat) if 1 not in level else {}
        return TreeChange(refs.get(1, self.ref(1))[1:], refs, buckets)

    def apply(self, change: TreeChange) -> None:
        """Take a difference in. It must have been computed from this very version."""
        flat, own = self._flat, self._buckets
        for node, ref in change.refs.items():
            _put_ref(flat, REF * node, ref)
        for number, bucket in change.buckets.items():
            self.entries += (len(bucket) - len(own[number])) // ENTRY
            own[number] = bucket

    def part(self, number: int, levels: int) -> tuple[bytes, bytes]:
        """Return a part of the flat array as it is stored: its entries, and the references of all its nodes.

        The part lies below node ``2 ** (depth - levels) + number``; its references stand level by level from there.
        """
        first = number << levels
        entries = b"".join(self._buckets[first : first + (1 << levels)])
        root = (1 << self.depth - levels) + number
        flat = self._flat
        refs = [flat[REF * (root << down) : REF * (root + 1 << down)] for down in range(levels + 1)]
        return entries, b"".join(refs)

    def load(self, parts: Iterable[tuple[int, bytes, bytes]], levels: int) -> None:
        """Fill an empty tree with stored parts, in rising order of their numbers.

        A part without references is hashed from its entries. What lies above the parts is always hashed.
        """
        flat = self._flat
        roots: list[int] = []
        for number, entries, refs in parts:
            root = (1 << self.depth - levels) + number
            nodes = self._fill(entries)
            if refs:
                for down in range(levels + 1):
                    row = REF * ((1 << down) - 1)
                    flat[REF * (root << down) : REF * (root + 1 << down)] = refs[row : row + (REF << down)]
            else:
                for node in nodes:
                    ref = fold(self._buckets[node - (1 << self.depth)], self.depth)
                    flat[REF * node : REF * node + REF] = ref
                for _ in range(levels):
                    nodes = _hash_parents(nodes, flat)
            roots.append(root)
        while roots and roots[0] > 1:
            roots = _hash_parents(roots, flat)

    def is_sound(self, number: int, levels: int) -> bool:
        """Tell whether a part's references follow from its entries."""
        first = number << levels
        row = [fold(bucket, self.depth) for bucket in self._buckets[first : first + (1 << levels)]]
        node = (1 << self.depth) + first
        while b"".join(row) == self._flat[REF * node : REF * (node + len(row))]:
            if len(row) == 1:
                return True
            row = join_pairs(row)
            node >>= 1
        return False

    def all_buckets(self) -> list[bytes]:
        """Return every bucket's entries as they are now: later changes do not show in what is returned."""
        return self._buckets.copy()

    def _fill(self, entries: bytes) -> list[int]:
        """Take sorted entries apart into their buckets; return the buckets' nodes."""
        shift, first = 64 - self.depth, 1 << self.depth
        own = self._buckets
        nodes: list[int] = []
        start, number = 0, -1
        for at in range(0, len(entries), ENTRY):
            following = int.from_bytes(entries[at : at + 8]) >> shift
            if following != number:
                if nodes:
                    own[number] = entries[start:at]
                nodes.append(first + following)
                start, number = at, following
        if nodes:
            own[number] = entries[start:]
        self.entries += len(entries) // ENTRY
        return nodes


def _hash_parents(nodes: list[int], flat: bytearray) -> list[int]:
    """Hash in place the parents of the nodes of one level, which are in rising order; return the parents."""
    parents: list[int] = []
    last = 0
    for node in nodes:
        parent = node >> 1
        if parent == last:
            continue
        last = parent
        parents.append(parent)
        pair = bytes(flat[2 * REF * parent : 2 * REF * (parent + 1)])
        if pair[0] and pair[REF]:
            flat[REF * parent : REF * (parent + 1)] = b"\2" + sha256(_INNER + pair).digest()
        else:
            flat[REF * parent : REF * (parent + 1)] = join(pair[:REF], pair[REF:])
    return parents


def _parents(level: dict[int, bytes], flat: bytearray) -> dict[int, bytes]:
    """Return the references of the parents of ``level``; a missing sibling is read from the flat array."""
    above: dict[int, bytes] = {}
    get = level.get
    for node, ref in level.items():
        other: bytes | bytearray | None = get(node ^ 1)
        if other is None:
            start = REF * (node ^ 1)
            other = flat[start : start + REF]
        elif node & 1:
            continue  # done with its sibling
        if other[0] == 0 and ref[0] != INNER_KIND:
            above[node >> 1] = ref  # a lone leaf rises: the most frequent case below the crown
        elif ref[0] and other[0]:
            both = _INNER + other + ref if node & 1 else _INNER + ref + other
            above[node >> 1] = b"\2" + sha256(both).digest()
        else:
            above[node >> 1] = join(bytes(other), ref) if node & 1 else join(ref, bytes(other))
    return above


def _with_leaf(bucket: bytes, path: bytes, leaf: tuple[bytes, int] | None) -> bytes:
    at = 0
    end = len(bucket)
    while at < end and bucket[at : at + 32] < path:
        at += ENTRY
    after = at + ENTRY if bucket[at : at + 32] == path else at
    if leaf is None:
        return bucket[:at] + bucket[after:]
    return b"".join((bucket[:at], path, leaf[0], leaf[1].to_bytes(8), bucket[after:]))


def join_pairs(row: list[bytes]) -> list[bytes]:
    """Return the references one level above a whole level (or a subtree's part of it), from left to right."""
    return [join(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]


def fold(bucket: bytes, depth: int) -> bytes:
    """Return the reference of the subtree at ``depth`` that holds just these entries, which are sorted by path."""
    size = len(bucket)
    if size == 0:
        return EMPTY
    if size == ENTRY:
        return b"\1" + bucket[32:64]
    split = _split(bucket, depth)
    return join(fold(bucket[:split], depth + 1), fold(bucket[split:], depth + 1))


def _split(bucket: bytes, depth: int) -> int:
    """Return where in sorted entries the right half of the subtree at ``depth`` begins."""
    byte, mask = depth >> 3, 0x80 >> (depth & 7)
    at = 0
    while at < len(bucket) and not bucket[at + byte] & mask:
        at += ENTRY
    return at


class Path(NamedTuple):
    """What a proof needs of the tree for one key."""

    siblings: list[bytes]
    """References beside the way down, from the root on."""
    entry: bytes | None
    """The one leaf at the end of the way (the key's own, or another's that proves absence), or None."""


def walk(path: bytes, depth: int, ref: Callable[[int], bytes], bucket: Callable[[int], bytes]) -> Path:
    """Go from the root to where ``path`` ends, in the version that ``ref`` and ``bucket`` read."""
    number = int.from_bytes(path[:8]) >> (64 - depth)
    siblings: list[bytes] = []
    for level in range(depth):
        node = (1 << level) | number >> (depth - level)
        kind = ref(node)[0]
        if kind != INNER_KIND:
            return Path(siblings, _lone_entry(node, level, depth, ref, bucket) if kind == LEAF_KIND else None)
        siblings.append(ref((node << 1 | (number >> (depth - level - 1) & 1)) ^ 1))
    entries = bucket(number)
    level = depth
    while len(entries) > ENTRY:
        split = _split(entries, level)
        mine, other = entries[:split], entries[split:]
        if path[level >> 3] & (0x80 >> (level & 7)):
            mine, other = other, mine
        siblings.append(fold(other, level + 1))
        entries = mine
        level += 1
    return Path(siblings, entries or None)


def _lone_entry(
    node: int, level: int, depth: int, ref: Callable[[int], bytes], bucket: Callable[[int], bytes]
) -> bytes:
    """Return the one entry below a node of kind leaf."""
    for _ in range(level, depth):
        node <<= 1
        if ref(node)[0] == 0:
            node |= 1
    entry = bucket(node - (1 << depth))
    if not entry:
        raise AssertionError(f"bucket {node - (1 << depth)} is empty, but its reference says that it holds a leaf")
    return entry


def root_from(path: bytes, siblings: list[bytes], end: bytes) -> bytes:
    """Return the root that follows from the reference at the end of the way and the siblings beside it."""
    ref = end
    for level in range(len(siblings) - 1, -1, -1):
        right = path[level >> 3] & (0x80 >> (level & 7))
        ref = join(siblings[level], ref) if right else join(ref, siblings[level])
    return ref[1:]


def find_entry(bucket: bytes, path: bytes) -> bytes | None:
    """Return the entry at a path among the entries of a bucket, or None."""
    at = bucket.find(path)
    while at >= 0:
        if at % ENTRY == 0:
            return bucket[at : at + ENTRY]
        at = bucket.find(path, at + 1)
    return None
