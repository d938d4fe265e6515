"""The state tree against its definition, and what its proofs can and cannot be made to say."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kouan.kernel.encoding import encode, to_text
from kouan.kernel.proof import Leaf, LeafError, OtherLeaf, check_leaf, make_leaf
from kouan.kernel.suites import digest
from kouan.kernel.tree import Tree, TreeChange, find_entry, leaf_hash, path_of, value_hash, walk

Leaves = dict[bytes, bytes]
"""Path to value."""


def naive_root(leaves: Leaves) -> bytes:
    """The definition in tree.py's docstring, word for word."""
    return naive_ref(leaves, 0)[1:]


def naive_ref(leaves: Leaves, level: int) -> bytes:
    if not leaves:
        return bytes([0]) + bytes(32)
    if len(leaves) == 1:
        ((path, value),) = leaves.items()
        inner = sha256(b"kouan/value/1\0" + value).digest()
        return bytes([1]) + sha256(b"kouan/leaf/1\0" + path + inner).digest()
    left = {path: value for path, value in leaves.items() if not bit(path, level)}
    right = {path: value for path, value in leaves.items() if bit(path, level)}
    both = naive_ref(left, level + 1) + naive_ref(right, level + 1)
    return bytes([2]) + sha256(b"kouan/inner/1\0" + both).digest()


def bit(path: bytes, level: int) -> bool:
    return bool(path[level // 8] >> (7 - level % 8) & 1)


def naive_siblings(leaves: Leaves, path: bytes) -> list[bytes]:
    siblings = []
    level = 0
    while len(leaves) > 1:
        mine = {other: value for other, value in leaves.items() if bit(other, level) == bit(path, level)}
        rest = {other: value for other, value in leaves.items() if other not in mine}
        siblings.append(naive_ref(rest, level + 1))
        leaves, level = mine, level + 1
    return siblings


# Long common prefixes are rare among hashes, so paths are drawn from a few bits at both ends of the prefix.
PATHS = st.tuples(st.integers(0, 7), st.sampled_from([0, 60, 200, 247]), st.integers(0, 255)).map(
    lambda drawn: (drawn[0] << 253 | drawn[2] << (248 - drawn[1])).to_bytes(32)
)
LEAVES = st.dictionaries(PATHS, st.binary(max_size=4), max_size=24)
DEPTHS = pytest.mark.parametrize("depth", [4, 8, 20])


def change_to(tree: Tree, leaves: Leaves) -> TreeChange:
    return tree.change({path: (leaf_hash(path, value), 7) for path, value in leaves.items()})


def tree_of(leaves: Leaves, depth: int) -> Tree:
    tree = Tree(depth)
    if leaves:
        tree.apply(change_to(tree, leaves))
    return tree


EMPTY_20 = Tree(20)


def ways(leaves: Leaves, depth: int) -> tuple[bytes, dict[bytes, tuple[list[bytes], bytes | None]]]:
    """Root of a tree with these leaves and, for each path, the way; the 70 MB of depth 20 are made but once."""
    base = EMPTY_20 if depth == 20 else Tree(depth)
    change = change_to(base, leaves) if leaves else TreeChange(base.root, {}, {})

    def ref(node: int) -> bytes:
        return change.refs.get(node) or base.ref(node)

    def bucket(number: int) -> bytes:
        return change.buckets.get(number, b"")

    absent = [bytes([byte]) + bytes(31) for byte in (0, 1, 0x20, 0x3F, 0xFF)]
    return change.root, {path: tuple(walk(path, depth, ref, bucket)) for path in [*leaves, *absent]}  # type: ignore[misc]  # a Path is this tuple


@DEPTHS
@given(leaves=LEAVES)
def test_root_and_ways_are_those_of_the_definition(depth: int, leaves: Leaves) -> None:
    """Neither the flat array's depth nor the buckets show in a root or in a proof."""
    root, found = ways(leaves, depth)
    assert root == naive_root(leaves)
    for path, (siblings, entry) in found.items():
        assert siblings == naive_siblings(leaves, path)
        if path in leaves:
            assert entry is not None
            assert entry[:32] == path
            assert entry[32:64] == leaf_hash(path, leaves[path])
        else:
            assert entry is None or entry[:32] in leaves


@given(LEAVES, st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_order_and_grouping_of_insertions_do_not_show(leaves: Leaves, random: object, parts: int) -> None:
    """Any order, in any number of changes, comes to the same tree."""
    items = list(leaves.items())
    random.shuffle(items)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    tree = Tree(4)
    for part in range(parts):
        some = dict(items[part::parts])
        if some:
            tree.apply(change_to(tree, some))
    whole = tree_of(leaves, 4)
    assert tree.root == whole.root
    assert tree.entries == whole.entries == len(leaves)
    assert [tree.bucket(number) for number in range(16)] == [whole.bucket(number) for number in range(16)]


@given(LEAVES, LEAVES, LEAVES)
def test_a_change_on_a_change_is_the_whole_from_scratch_and_can_be_undone(
    first: Leaves, second: Leaves, third: Leaves
) -> None:
    """Overwriting and adding come to the tree of the union; putting the old leaves back comes to the old tree."""
    tree = tree_of(first, 4)
    for more in (second, third):
        before = {path: find_entry(tree.bucket(tree.bucket_of(path)), path) for path in more}
        old_root, old_entries = tree.root, tree.entries
        tree.apply(change_to(tree, more))
        undo = tree.change(
            {path: (old[32:64], int.from_bytes(old[64:])) if old else None for path, old in before.items()}
        )
        assert undo.root == old_root
        back = tree_of({}, 4)
        back.load(((number, *tree.part(number, 2)) for number in range(4)), 2)
        assert (back.root, back.entries) == (tree.root, tree.entries)
        back.apply(undo)
        assert (back.root, back.entries) == (old_root, old_entries)
    assert tree.root == naive_root(first | second | third)


@given(LEAVES, st.sampled_from([0, 1, 2, 4]), st.lists(st.booleans(), min_size=16, max_size=16))
def test_a_tree_comes_back_from_its_stored_parts(leaves: Leaves, levels: int, hashed: list[bool]) -> None:
    """Cut into parts of any height, each stored with its references or without, it is the same tree."""
    tree = tree_of(leaves, 4)
    numbers = range(16 >> levels)
    assert all(tree.is_sound(number, levels) for number in numbers)
    parts = []
    for number in numbers:
        entries, refs = tree.part(number, levels)
        if entries:
            parts.append((number, entries, refs if hashed[number] else b""))
    back = Tree(4)
    back.load(parts, levels)
    assert (back.root, back.entries) == (tree.root, tree.entries)
    assert [back.ref(node)[1:] for node in range(1, 32)] == [tree.ref(node)[1:] for node in range(1, 32)]
    assert [back.bucket(number) for number in range(16)] == [tree.bucket(number) for number in range(16)]
    assert all(back.find(path) == tree.find(path) is not None for path in leaves)


@given(LEAVES.filter(bool), st.integers(0), st.integers(0, 255))
def test_a_damaged_part_is_not_sound(leaves: Leaves, at: int, flip: int) -> None:
    """Any changed byte in a part's references shows when it is hashed again from its entries."""
    tree = tree_of(leaves, 4)
    entries, refs = tree.part(0, 4)
    at %= len(refs)
    damaged = refs[:at] + bytes([refs[at] ^ flip]) + refs[at + 1 :]
    back = Tree(4)
    back.load([(0, entries, damaged)], 4)
    assert back.is_sound(0, 4) == (flip == 0)


def test_a_change_of_nothing_changes_nothing() -> None:
    """A block that writes nothing has the root that was there."""
    tree = tree_of({path_of("a"): b"1"}, 8)
    assert tree.change({}) == TreeChange(tree.root, {}, {})


def test_a_change_alters_nothing_until_it_is_applied() -> None:
    """The engine computes a difference, stores it, and only then takes it in."""
    tree = tree_of({path_of("a"): b"1"}, 8)
    root = tree.root
    change = change_to(tree, {path_of("b"): b"2"})
    assert (tree.root, tree.entries) == (root, 1)
    tree.apply(change)
    assert tree.root == change.root != root


def test_find_entry_is_not_misled_by_a_path_inside_another_entry() -> None:
    """Bytes that happen to stand across two entries are no entry."""
    path, hidden = bytes(32), b"\x11" * 32
    entries = path + hidden + bytes(8) + b"\x11" * 32 + bytes(32) + bytes(8)
    assert find_entry(entries, hidden) == entries[72:]
    assert find_entry(entries[:72], hidden) is None


# Proofs, by key.

KEYS = [f"key/{number}" for number in range(30)]
RECORDS = {key: encode({"is": key}) for key in KEYS}
BY_PATH = {path_of(key): value for key, value in RECORDS.items()}
TREE = tree_of(BY_PATH, 4)
ABSENT = [f"absent/{number}" for number in range(60)]


def prove(key: str, tree: Tree = TREE) -> Leaf:
    way = walk(path_of(key), tree.depth, tree.ref, tree.bucket)
    return make_leaf(key, way, BY_PATH[way.entry[:32]] if way.entry else None)


@pytest.mark.parametrize("key", KEYS + ABSENT)
def test_every_key_is_proven_present_or_absent(key: str) -> None:
    """The leaf that the tree makes is accepted under its root and under no other."""
    leaf = prove(key)
    assert (leaf.value is not None) == (key in RECORDS)
    check_leaf(leaf, TREE.root)
    with pytest.raises(LeafError):
        check_leaf(leaf, digest("kouan/test/1"))


def test_absence_comes_in_both_forms() -> None:
    """Among the absent keys some end at nothing and some at another key's leaf: both forms are tested above."""
    forms = {prove(key).other is None for key in ABSENT}
    assert forms == {True, False}


def test_in_an_empty_tree_everything_is_absent_and_in_a_tree_of_one_leaf_too() -> None:
    """No siblings at all: the root is nothing, or the only leaf."""
    check_leaf(Leaf("key/1", None, [], None), bytes(32))
    one = tree_of({path_of("key/0"): RECORDS["key/0"]}, 8)
    check_leaf(prove("key/0", one), one.root)
    check_leaf(prove("key/1", one), one.root)
    with pytest.raises(LeafError):
        check_leaf(Leaf("key/1", None, [], None), one.root)


def sibling_of_two() -> tuple[Tree, str, str]:
    """A tree of two leaves that part at the first bit."""
    left, right = next(pair for pair in pairwise(KEYS) if not bit(path_of(pair[0]), 0) and bit(path_of(pair[1]), 0))
    return tree_of({path_of(key): RECORDS[key] for key in (left, right)}, 4), left, right


def as_text(key: str) -> str:
    return to_text(b"\1" + leaf_hash(path_of(key), RECORDS[key]))


def refused(leaf: Leaf, root: bytes) -> bool:
    try:
        check_leaf(leaf, root)
    except LeafError:
        return True
    return False


def test_a_lone_leaf_cannot_be_passed_by() -> None:
    """A lone leaf's hash would also follow from "nothing on my side, that leaf on the other": not accepted."""
    one = tree_of({path_of("key/0"): RECORDS["key/0"]}, 4)
    for level in range(4):
        assert refused(Leaf("key/0", None, [""] * level + [as_text("key/0")], None), one.root)
        assert refused(Leaf("key/1", None, [""] * level + [as_text("key/0")], None), one.root)
    two, left, right = sibling_of_two()
    for key, other in ((left, right), (right, left)):
        assert not refused(prove(key, two), two.root)
        assert refused(Leaf(key, None, [as_text(other), as_text(key)], None), two.root)
        assert refused(Leaf(key, None, [as_text(other), "", as_text(key)], None), two.root)


def test_a_present_leaf_has_one_proof() -> None:
    """A way drawn out with empty siblings below the leaf would lead to the same root: not accepted."""
    two, left, right = sibling_of_two()
    proof = prove(left, two)
    for extra in range(1, 4):
        longer = Leaf(left, None, proof.siblings + [""] * extra, proof.value)
        assert refused(longer, two.root)
    assert refused(Leaf(right, None, proof.siblings, proof.value), two.root)


def test_another_leaf_proves_absence_only_where_the_key_would_stand() -> None:
    """The other leaf must share as many leading bits with the key as there are siblings, and not be the key's own."""
    two, left, right = sibling_of_two()
    there = OtherLeaf(to_text(path_of(left)), to_text(value_hash(RECORDS[left])))
    siblings = prove(left, two).siblings
    beside_left = next(key for key in ABSENT if not bit(path_of(key), 0))
    beside_right = next(key for key in ABSENT if bit(path_of(key), 0))
    assert not refused(Leaf(beside_left, there, siblings, None), two.root)
    assert refused(Leaf(beside_right, there, siblings, None), two.root)
    assert refused(Leaf(left, there, siblings, None), two.root), "the key's own leaf does not prove its absence"
    assert refused(Leaf(right, there, siblings, None), two.root)
    assert refused(Leaf(left, there, siblings, {"is": left}), two.root), "present and absent at once"


@pytest.mark.parametrize("key", KEYS[:5] + ABSENT[:20])
def test_siblings_added_dropped_swapped_or_altered_are_noticed(key: str) -> None:
    """Every sibling counts, in its place."""
    leaf = prove(key)
    some = leaf.siblings
    other = as_text("key/7")
    positions = range(len(some))
    wrong = [[*some[:at], *some[at + 1 :]] for at in positions]
    wrong += [[*some[:at], extra, *some[at:]] for at in range(len(some) + 1) for extra in ("", other)]
    wrong += [[*some[:at], new, *some[at + 1 :]] for at in positions for new in ("", other) if some[at] != new]
    wrong += [
        [*some[:at], some[at + 1], some[at], *some[at + 2 :]] for at in positions[:-1] if some[at] != some[at + 1]
    ]
    for siblings in wrong:
        assert refused(Leaf(key, leaf.other, siblings, leaf.value), TREE.root)
    assert refused(Leaf(key, leaf.other, [*some, *[""] * (256 - len(some))], leaf.value), TREE.root)


def test_a_way_and_a_value_that_do_not_belong_together_are_a_defect() -> None:
    """The engine must hand over the very value that the tree's entry points to."""
    way = walk(path_of("key/1"), TREE.depth, TREE.ref, TREE.bucket)
    with pytest.raises(AssertionError):
        make_leaf("key/1", way, RECORDS["key/2"])
    with pytest.raises(AssertionError):
        make_leaf("key/1", way, None)


@pytest.mark.parametrize("depth", [0, 2, 8])
def test_way_and_flat_array_meet_at_any_depth(depth: int) -> None:
    """The same proofs come out of a tree that is all bucket and of one with more buckets than leaves."""
    tree = tree_of(BY_PATH, depth)
    for key in KEYS + ABSENT:
        assert prove(key, tree) == prove(key)


def test_a_tree_that_contradicts_itself_stops_the_node() -> None:
    """A reference of kind leaf over an empty bucket is a broken invariant, not an absent key."""
    one = tree_of({path_of("key/0"): RECORDS["key/0"]}, 4)
    with pytest.raises(AssertionError):
        walk(path_of("key/0"), one.depth, one.ref, lambda _: b"")
