"""Snapshots: a state comes through whole, a changed byte is refused and its sender named, lies end at the offer."""

from __future__ import annotations

import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines import scene

from kouan.engines.cometbft.sync import snapshot_format, snapshot_taking
from kouan.engines.cometbft.sync.snapshot_format import (
    ABCI_FORMAT,
    ChunkError,
    Metadata,
    SnapshotError,
    metadata_hash,
    pack,
    plain_chunk,
    read_metadata,
    read_subtree,
    unpack,
    write_metadata,
)
from kouan.engines.cometbft.sync.snapshot_shelf import METADATA, Shelf, chunk_file
from kouan.engines.cometbft.sync.snapshot_taking import Subject, Taker
from kouan.engines.cometbft.sync.state_sync import Applied, Offer, Offered, Restoring, StateSync
from kouan.engines.log_format import Position
from kouan.engines.store import Mark, Store, StoreError
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.execution import NO_RECEIPTS, app_hash, found
from kouan.kernel.suites import digest
from kouan.kernel.tree import REF

pytestmark = pytest.mark.usefixtures("shallow_tree")

HEIGHT = 7
TIME_MS = scene.NOW_MS
CHECKPOINT = b'{"height":7}'
NOWHERE = Position(0, 0, 0, b"")
SOME = {f"quota/{number}": b'{"limit":%d}' % number for number in range(500)}


class Taken(NamedTuple):
    """A snapshot of a state, as a peer offers it."""

    place: Path
    root: bytes
    records: dict[str, bytes]

    @property
    def raw(self) -> bytes:
        return (self.place / METADATA).read_bytes()

    @property
    def metadata(self) -> Metadata:
        return read_metadata(self.raw).metadata

    @property
    def app_hash(self) -> bytes:
        return app_hash(self.root, NO_RECEIPTS)

    def offered(self) -> Offered:
        return Offered(HEIGHT, ABCI_FORMAT, self.metadata.chunks, metadata_hash(self.raw), self.raw)

    def chunks(self) -> list[bytes]:
        return [chunk_file(self.place, index).read_bytes() for index in range(self.metadata.chunks)]


def store_of(directory: Path, records: dict[str, bytes]) -> Store:
    opened = Store(directory, keep_versions=3)
    outcome = found(opened, list(records.items()))
    opened.apply(0, outcome)
    opened.height = HEIGHT
    opened.flush(Mark(HEIGHT, TIME_MS, outcome.state_root, NO_RECEIPTS, NOWHERE))
    return opened


def subject(opened: Store) -> Subject:
    return Subject(scene.ALLIANCE, HEIGHT, TIME_MS, opened.tree.root, NO_RECEIPTS)


def take(
    directory: Path, records: dict[str, bytes], vouch: Callable[[Subject], bytes | None] = lambda _: CHECKPOINT
) -> Taken:
    opened = store_of(directory / "from", records)
    shelf = Shelf(directory / "shelf", keep=2)
    ends: list[tuple[str, int, str]] = []
    taker = Taker(shelf, vouch, lambda *end: ends.append(end))
    taker.take(opened.freeze(), subject(opened))
    taker.wait()
    assert ends == [("taken", HEIGHT, "")]
    assert not opened.frozen
    root = opened.tree.root
    opened.close()
    return Taken(shelf.place(HEIGHT), root, records)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    """A snapshot in eight subtrees."""
    with pytest.MonkeyPatch.context() as patch:
        scene.shallow_tree(patch)
        patch.setattr(snapshot_taking, "CHUNK_BYTES", 2000)
        yield take(tmp_path_factory.mktemp("some"), SOME)


class Newcomer:
    """A node that begins from a snapshot."""

    def __init__(self, directory: Path, check: Callable[[bytes, Metadata], None] = lambda *_: None) -> None:
        self.directory = directory
        self.sync = StateSync(scene.ALLIANCE, directory / "state.new", check, self._adopt)
        self.records: dict[str, bytes] | None = None
        self.root = b""

    def _adopt(self, restoring: Restoring) -> None:
        metadata = restoring.metadata
        roots = (from_text(metadata.state_root), from_text(metadata.receipts_root))
        place = restoring.finish(Mark(metadata.height, metadata.time_ms, *roots, NOWHERE, metadata.height))
        opened = Store(place, keep_versions=3)
        self.records, self.root = dict(opened.records()), opened.tree.root
        assert opened.scrub(0, 1 << opened.tree.depth) is None
        assert (opened.height, opened.oldest) == (HEIGHT, HEIGHT)
        opened.close()


def restore(newcomer: Newcomer, taken: Taken) -> None:
    assert newcomer.sync.offer(taken.offered(), taken.app_hash).result is Offer.ACCEPT
    for index, chunk in enumerate(taken.chunks()):
        assert newcomer.sync.apply(index, chunk, "peer").result is Applied.ACCEPT


KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@settings(max_examples=15)
@given(st.dictionaries(KEYS, st.binary(min_size=1, max_size=300), max_size=60), st.sampled_from([1000, 3000, 30000]))
def test_any_state_comes_through_with_the_same_leaves_and_root(records: dict[str, bytes], chunk_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        scene.shallow_tree(patch)
        patch.setattr(snapshot_taking, "CHUNK_BYTES", chunk_bytes)
        directory = Path(name)
        taken = take(directory, records)
        newcomer = Newcomer(directory / "to")
        restore(newcomer, taken)
        assert newcomer.records == records
        assert newcomer.root == taken.root


def test_the_level_is_the_lowest_at_which_no_chunk_is_too_large(some: Taken) -> None:
    sizes = [len(unpack(chunk)) for chunk in some.chunks()[1:]]
    assert len(sizes) == 8
    assert max(first + second for first, second in zip(sizes[::2], sizes[1::2], strict=True)) > 2000


def test_two_nodes_write_the_same_metadata(tmp_path: Path, some: Taken) -> None:
    """Whatever the order in which their records came: so who fetches takes the chunks from all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot_taking, "CHUNK_BYTES", 2000)
        other = take(tmp_path, dict(reversed(SOME.items())))
    assert other.raw == some.raw


@settings(max_examples=25)
@given(st.data())
def test_any_changed_byte_of_a_chunk_is_refused_and_its_sender_named(some: Taken, data: st.DataObject) -> None:
    """Fetched again from somebody else it is taken, and the state is whole."""
    chunks = some.chunks()
    wrong = data.draw(st.integers(0, len(chunks) - 1))
    at = data.draw(st.integers(0, len(chunks[wrong]) - 1))
    changed = bytearray(chunks[wrong])
    changed[at] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        scene.shallow_tree(patch)
        newcomer = Newcomer(Path(name))
        newcomer.sync.offer(some.offered(), some.app_hash)
        for index in range(wrong):
            newcomer.sync.apply(index, chunks[index], "honest")
        answer = newcomer.sync.apply(wrong, bytes(changed), "liar")
        if answer.result is Applied.ACCEPT:  # zlib's header has bits that say nothing: what it unpacks to is the same
            assert unpack(bytes(changed)) == unpack(chunks[wrong])
        else:
            assert (answer.result, answer.refetch, answer.reject_senders) == (Applied.RETRY, (wrong,), ("liar",))
            assert "liar" in answer.why
        for index in range(wrong, len(chunks)):
            assert newcomer.sync.apply(index, chunks[index], "honest").result is Applied.ACCEPT
        assert newcomer.records == SOME


def with_metadata(taken: Taken, **fields: object) -> Offered:
    raw = write_metadata(msgspec.structs.replace(taken.metadata, **fields))
    metadata = msgspec.json.decode(raw)
    return Offered(metadata["height"], ABCI_FORMAT, 1 + (1 << metadata["level"]), metadata_hash(raw), raw)


def _swapped(taken: Taken) -> Offered:
    joined = from_text(taken.metadata.references)
    return with_metadata(taken, references=to_text(joined[REF : 2 * REF] + joined[:REF] + joined[2 * REF :]))


def _another_state(taken: Taken) -> Offered:
    reference = b"\2" + digest("test/lie", b"")
    return with_metadata(taken, level=0, references=to_text(reference), state_root=to_text(reference[1:]))


LIES: dict[str, tuple[Callable[[Taken], Offered], Offer]] = {
    "another format": (lambda taken: taken.offered()._replace(format=2), Offer.REJECT_FORMAT),
    "not JSON": (lambda taken: taken.offered()._replace(metadata=b"\xff"), Offer.REJECT_SENDER),
    "empty": (lambda taken: taken.offered()._replace(metadata=b""), Offer.REJECT_SENDER),
    "too long": (lambda taken: taken.offered()._replace(metadata=b"[" * 4_000_000), Offer.REJECT_SENDER),
    "a hash of something else": (lambda taken: taken.offered()._replace(hash=bytes(32)), Offer.REJECT_SENDER),
    "another number of chunks": (lambda taken: taken.offered()._replace(chunks=3), Offer.REJECT_SENDER),
    "another height than its own": (lambda taken: taken.offered()._replace(height=8), Offer.REJECT_SENDER),
    "references in another order": (_swapped, Offer.REJECT_SENDER),
    "too few references": (lambda taken: with_metadata(taken, references=to_text(bytes(REF))), Offer.REJECT_SENDER),
    "a kind that there is not": (
        lambda taken: with_metadata(taken, level=0, references=to_text(b"\3" * REF), state_root=to_text(b"\3" * 32)),
        Offer.REJECT_SENDER,
    ),
    "a state that was never agreed on": (_another_state, Offer.REJECT_SENDER),
    "other receipts": (lambda taken: with_metadata(taken, receipts_root=to_text(bytes(32))), Offer.REJECT_SENDER),
    "another alliance": (lambda taken: with_metadata(taken, alliance=to_text(bytes(32))), Offer.REJECT_SENDER),
}


@pytest.mark.parametrize("lie", LIES)
def test_metadata_that_lies_is_refused_at_the_offer(tmp_path: Path, some: Taken, lie: str) -> None:
    tell, expected = LIES[lie]
    newcomer = Newcomer(tmp_path)
    answer = newcomer.sync.offer(tell(some), some.app_hash)
    assert answer.result is expected
    assert answer.why
    assert not (tmp_path / "state.new").exists()


def test_a_checkpoint_that_does_not_vouch_ends_the_snapshot_and_its_sender(tmp_path: Path, some: Taken) -> None:
    def refuse(checkpoint: bytes, metadata: Metadata) -> None:
        assert checkpoint == CHECKPOINT
        raise SnapshotError(f"nobody signed height {metadata.height}")

    newcomer = Newcomer(tmp_path, refuse)
    newcomer.sync.offer(some.offered(), some.app_hash)
    answer = newcomer.sync.apply(0, some.chunks()[0], "liar")
    assert (answer.result, answer.reject_senders) == (Applied.REJECT_SNAPSHOT, ("liar",))
    assert "nobody signed height 7" in answer.why
    assert not (tmp_path / "state.new").exists()


def test_a_second_offer_begins_anew(tmp_path: Path, some: Taken) -> None:
    newcomer = Newcomer(tmp_path)
    newcomer.sync.offer(some.offered(), some.app_hash)
    newcomer.sync.apply(0, some.chunks()[0], "peer")
    newcomer.sync.apply(1, some.chunks()[1], "peer")
    restore(newcomer, some)
    assert newcomer.records == SOME


def test_chunks_that_were_not_asked_for(tmp_path: Path, some: Taken) -> None:
    """One that is there already changes nothing; one too early, or without an offer, makes CometBFT offer again."""
    newcomer = Newcomer(tmp_path)
    chunks = some.chunks()
    assert newcomer.sync.apply(0, chunks[0], "peer").result is Applied.RETRY_SNAPSHOT
    newcomer.sync.offer(some.offered(), some.app_hash)
    assert newcomer.sync.apply(2, chunks[2], "peer").result is Applied.RETRY_SNAPSHOT
    newcomer.sync.apply(0, chunks[0], "peer")
    assert newcomer.sync.apply(0, b"nonsense", "peer").result is Applied.ACCEPT


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([(b"a", b"1"), (b"a", b"1")], "order of their paths"),
        ([(b"\xff", b"1")], "not ASCII"),
        ([(b"a", b"2")], "reference"),
        ([], "reference"),
    ],
)
def test_records_that_are_not_the_subtree_s(records: list[tuple[bytes, bytes]], why: str) -> None:
    with pytest.raises(ChunkError, match=why):
        read_subtree(pack(plain_chunk(records)), 0, 0, b"\1" + bytes(32))


def test_a_record_of_another_subtree_is_refused(some: Taken) -> None:
    with pytest.raises(ChunkError, match="another chunk"):
        read_subtree(some.chunks()[2], some.metadata.level, 0, bytes(REF))


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(zlib.compress)))
def test_no_chunk_crashes_the_reader(raw: bytes) -> None:
    with pytest.raises(ChunkError):
        read_subtree(raw, 0, 0, b"\2" + bytes(32))


def test_a_chunk_that_swells_is_not_unpacked_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_format, "MAX_PLAIN_BYTES", 1000)
    with pytest.raises(ChunkError, match="more than 1000 bytes"):
        unpack(zlib.compress(bytes(1_000_000)))
    monkeypatch.setattr(snapshot_format, "MAX_RECORDS", 10)
    with pytest.raises(ChunkError, match="more than 10 records"):
        read_subtree(pack(bytes(600)), 0, 0, bytes(REF))
    monkeypatch.setattr(snapshot_format, "MAX_CHUNK_BYTES", 5)
    with pytest.raises(ChunkError, match="a chunk may have 5"):
        unpack(zlib.compress(b"something"))


def test_a_state_written_on_while_its_snapshot_is_taken(tmp_path: Path) -> None:
    """The snapshot is of the moment at which the state was frozen; nothing is flushed before it is let go."""
    opened = store_of(tmp_path / "from", SOME)
    root = opened.tree.root
    frozen = opened.freeze()
    with pytest.raises(AssertionError, match="frozen once"):
        opened.freeze()
    entries = frozen.entries(0, 0)
    for height in range(HEIGHT + 1, HEIGHT + 4):
        written = [(f"quota/{number}", b'{"limit":%d}' % height) for number in range(0, 500, height)]
        opened.apply(height, found(opened, written))
    assert not opened.wants_flush
    with pytest.raises(AssertionError, match="frozen"):
        opened.flush(Mark(HEIGHT + 3, TIME_MS, opened.tree.root, NO_RECEIPTS, NOWHERE))
    assert {key.decode(): value for key, value in frozen.records(entries)} == SOME
    references = snapshot_taking.write_state(tmp_path, frozen, threading.Event())
    assert snapshot_format.root_of(references) == root
    frozen.close()
    opened.close()


def test_a_damaged_value_is_not_handed_on(tmp_path: Path) -> None:
    """The snapshot fails and says where; blocks go on being flushed."""
    opened = store_of(tmp_path / "from", SOME)
    with opened._env.begin(write=True) as txn:
        txn.put((5).to_bytes(8), b"quota/5\0{}", db=opened._values)
    ends: list[tuple[str, int, str]] = []
    shelf = Shelf(tmp_path / "shelf", keep=2)
    taker = Taker(shelf, lambda _: CHECKPOINT, lambda *end: ends.append(end))
    taker.take(opened.freeze(), subject(opened))
    taker.wait()
    assert ends == [("failed", HEIGHT, "the value stored at place 5 is not the one that the state tree holds")]
    assert (shelf.listed(), opened.frozen) == ([], False)
    assert list((tmp_path / "shelf").iterdir()) == []
    opened.close()


def test_a_snapshot_waits_for_its_checkpoint_and_ends_when_the_node_stops(tmp_path: Path) -> None:
    opened = store_of(tmp_path / "from", SOME)
    asked = threading.Event()

    def nothing_yet(subject: Subject) -> None:
        assert subject.height == HEIGHT
        asked.set()

    ends: list[str] = []
    taker = Taker(Shelf(tmp_path / "shelf", keep=2), nothing_yet, lambda end, _height, _why: ends.append(end))
    taker.take(opened.freeze(), subject(opened))
    assert asked.wait(30)
    assert not opened.frozen, "the state is read: it need not wait for the checkpoint"
    assert taker.is_busy
    taker.stop()
    assert (ends, taker.is_busy) == (["failed"], False)
    opened.close()


def test_the_shelf_keeps_the_newest_and_forgets_what_is_unfinished_or_damaged(tmp_path: Path, some: Taken) -> None:
    shelf = Shelf(tmp_path, keep=2)
    for height in (10, 20, 30):
        place = shelf.begin(height)
        shutil.copytree(some.place, place, dirs_exist_ok=True)
        (place / METADATA).write_bytes(with_metadata(some, height=height).metadata)
        shelf.admit(place, height)
    assert [kept.height for kept in shelf.listed()] == [30, 20]
    assert shelf.oldest == 20
    assert shelf.chunk(30, 1) == some.chunks()[1]
    assert [shelf.chunk(*wanted) for wanted in ((10, 1), (30, 17), (30, -1), (31, 0))] == [None] * 4
    shelf.begin(40)
    (tmp_path / "20" / METADATA).write_bytes(b"{}")
    (tmp_path / "30").rename(tmp_path / "31")
    again = Shelf(tmp_path, keep=2)
    assert again.listed() == []
    assert not (tmp_path / "40.unfinished").exists()


def test_a_full_disk_ends_the_restoring_with_a_word(
    tmp_path: Path, some: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kouan.engines.store.MAP_BYTES", 1 << 16)
    newcomer = Newcomer(tmp_path)
    newcomer.sync.offer(some.offered(), some.app_hash)

    def apply_all() -> None:
        for index, chunk in enumerate(some.chunks()):
            newcomer.sync.apply(index, chunk, "peer")

    with pytest.raises(StoreError, match="make room and begin again"):
        apply_all()
