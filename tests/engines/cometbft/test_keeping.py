"""What a node keeps: the archive of changes, checkpoints in snapshots, blocks by age; and snapshots carried by hand."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from msgspec.structs import replace
from tests.engines.cometbft import driver, keeper
from tests.engines.cometbft import scene as alliance
from tests.engines.cometbft.test_abci_server import FLUSH, Client, serve
from tests.kernel.light_scene import FOUNDED, FOUR, block_id, change, header, signed, validators

from kouan.engines import store
from kouan.engines.cometbft.application.application import silent
from kouan.engines.cometbft.node.exits import EXIT_BROKEN
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.cometbft.sync.carried import CarriedError, Live, check_snapshot, copy_snapshot, restore_snapshot
from kouan.engines.cometbft.sync.changes import Changes, ChangesError
from kouan.engines.cometbft.sync.keeping import Keep, Keeping
from kouan.engines.cometbft.sync.own_node import NotYetError
from kouan.engines.cometbft.sync.retention import HOUR_MS, Retention
from kouan.engines.cometbft.sync.snapshot_format import SnapshotError, read_metadata, unpack
from kouan.engines.cometbft.sync.snapshot_shelf import METADATA, chunk_file
from kouan.engines.cometbft.sync.snapshot_taking import Subject, write_state
from kouan.engines.cometbft.sync.snapshot_taking import finish as finish_snapshot
from kouan.engines.cometbft.sync.state_sync import Restoring
from kouan.engines.cometbft.sync.vouching import check_vouched, checkpoint_of
from kouan.engines.log_format import Position
from kouan.engines.service import Tell
from kouan.engines.store import Mark, Store, StoreError
from kouan.kernel.encoding import to_text
from kouan.kernel.execution import NO_RECEIPTS, app_hash, found
from kouan.kernel.headers import Header, SignedHeader, ValidatorEntry, header_hash

pytestmark = pytest.mark.usefixtures("shallow_tree")

COMMIT: Final = abci.Request(commit=abci.RequestCommit())
FIVE: Final = validators(customs=10, bank_a=10, bank_b=10, port=10, bank_c=10)
THREE: Final = validators(customs=10, bank_a=10, bank_b=10)
HEIGHT: Final = 7
RECORDS: Final = {f"quota/{number}": b'{"limit":%d}' % number for number in range(100)}


class Chain:
    """A CometBFT with a chain whose validators change in header 3 and in header 5. It has blocks up to ``newest``."""

    def __init__(self, newest: int = 20, root: bytes = bytes(32)) -> None:
        self.newest = newest
        self._sets = {height: FOUR if height <= 3 else FIVE if height <= 5 else THREE for height in range(1, 30)}
        self._headers: dict[int, Header] = {}
        for height in range(1, 28):
            changes = {"app_hash": to_text(app_hash(root, NO_RECEIPTS))} if height == HEIGHT + 1 else {}
            if height > 1:
                changes["last_block_id"] = block_id(header_hash(self._headers[height - 1]))  # type: ignore[assignment]
            self._headers[height] = header(height, self._sets[height], self._sets[height + 1], **changes)

    def signed(self, height: int) -> SignedHeader:
        if height >= self.newest:
            raise NotYetError(f"block {height + 1}")
        return signed(self._headers[height], self._sets[height])

    def header(self, height: int) -> Header:
        if height > self.newest:
            raise NotYetError(f"block {height}")
        return self._headers[height]

    def validators(self, height: int) -> list[ValidatorEntry]:
        if height > self.newest + 1:
            raise NotYetError(f"block {height}")
        return self._sets[height]


def test_the_archive_has_every_change_once_and_after_a_crash_too(tmp_path: Path) -> None:
    chain = Chain(newest=4)
    changes = Changes(tmp_path, FOUNDED)
    changes.want(3)
    changes.want(3)
    changes.want(5)
    with pytest.raises(NotYetError):
        changes.fetch(chain)
    assert [step.next for step in changes.steps()] == [FIVE]
    assert changes.oldest_wanted == 5
    chain.newest = 20
    again = Changes(tmp_path, FOUNDED)
    again.want(3)  # its block is executed again
    again.fetch(chain)
    assert [step.next for step in again.steps()] == [FIVE, THREE]
    assert [step.signed.header.height for step in again.steps(below=5)] == [3]
    assert (again.oldest_wanted, Changes(tmp_path, FOUNDED).steps()) == (None, again.steps())


def test_an_archive_that_was_changed_is_not_used(tmp_path: Path) -> None:
    changes = Changes(tmp_path, FOUNDED)
    changes.want(3)
    changes.fetch(Chain())
    path = tmp_path / "3.json"
    whole = path.read_bytes()
    for damaged in (whole.replace(b'"power":10', b'"power":99', 1), whole[:-3], b""):
        path.write_bytes(damaged)
        with pytest.raises(ChangesError, match=r"3\.json.*copy the directory `changes` of another member"):
            Changes(tmp_path, FOUNDED)


def test_what_cometbft_tells_is_checked(tmp_path: Path) -> None:
    """Its header is not of the alliance's validators: nothing of it gets into the archive."""

    class Lying(Chain):
        def signed(self, height: int) -> SignedHeader:
            return change(height, THREE, FIVE).signed

    changes = Changes(tmp_path, FOUNDED)
    changes.want(3)
    with pytest.raises(ChangesError, match="does not follow"):
        changes.fetch(Lying())
    assert (changes.steps(), changes.oldest_wanted) == ([], 3)


class Written(NamedTuple):
    """A node's directory with one snapshot, and its state's root."""

    node: Path
    root: bytes

    @property
    def place(self) -> Path:
        return self.node / "snapshots" / str(HEIGHT)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A snapshot as a node writes it, with a checkpoint that verifies."""
    source = Store(tmp_path / "source", keep_versions=1)
    outcome = found(source, list(RECORDS.items()))
    source.apply(0, outcome)
    root = outcome.state_root
    source.flush(Mark(HEIGHT, 0, root, NO_RECEIPTS, Position(0, 0, 0, b"")))
    chain = Chain(root=root)
    changes = Changes(tmp_path / "archive", FOUNDED)
    changes.want(3)
    changes.want(5)
    subject = Subject(FOUNDED.chain_id, HEIGHT, chain.header(HEIGHT).time.ms, root, NO_RECEIPTS)
    place = tmp_path / "node" / "snapshots" / str(HEIGHT)
    place.mkdir(parents=True)
    frozen = source.freeze()
    references = write_state(place, frozen, threading.Event())
    frozen.close()
    source.close()
    checkpoint = checkpoint_of(subject, chain, changes)
    assert checkpoint is not None
    finish_snapshot(place, subject, references, checkpoint)
    return Written(tmp_path / "node", root)


def test_a_checkpoint_is_made_when_the_chain_has_gone_on_by_two(tmp_path: Path) -> None:
    """One made earlier would differ from node to node: votes are those that a later block carries."""
    subject = Subject(FOUNDED.chain_id, HEIGHT, 0, bytes(32), NO_RECEIPTS)
    changes = Changes(tmp_path, FOUNDED)
    assert checkpoint_of(subject, Chain(newest=HEIGHT + 1), changes) is None
    assert checkpoint_of(subject, Chain(newest=HEIGHT + 2), changes) is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_ms", 5),
        ("height", 8),
        ("state_root", to_text(b"\1" * 32)),
        ("receipts_root", to_text(bytes(32))),
        ("alliance", to_text(bytes(32))),
    ],
)
def test_a_checkpoint_vouches_for_what_the_metadata_says_alone(written: Written, field: str, value: object) -> None:
    metadata = check_snapshot(written.place, FOUNDED)
    raw = unpack(chunk_file(written.place, 0).read_bytes())
    check_vouched(raw, metadata, FOUNDED)
    with pytest.raises(SnapshotError, match="of another height, time or state"):
        check_vouched(raw, replace(metadata, **{field: value}), FOUNDED)


def test_a_checkpoint_of_others_validators_is_refused(written: Written) -> None:
    strangers = replace(FOUNDED, validators=validators(stranger=10))
    with pytest.raises(CarriedError, match="does not verify"):
        check_snapshot(written.place, strangers)


def test_a_carried_snapshot_becomes_the_state(written: Written, tmp_path: Path) -> None:
    """What was the state is set aside, and the archive of changes comes with it."""
    carried = tmp_path / "usb" / "snapshot"
    assert copy_snapshot(written.node, carried, FOUNDED).height == HEIGHT
    (written.node / "state").mkdir()
    restore_snapshot(written.node, carried, FOUNDED, None, lambda *_: None)
    restored = Store(written.node / "state", keep_versions=5)
    assert dict(restored.records()) == RECORDS
    assert (restored.height, restored.tree.root) == (HEIGHT, written.root)
    restored.close()
    assert [step.next for step in Changes(written.node / "state" / "changes", FOUNDED).steps()] == [FIVE, THREE]
    assert (written.node / "state.aside-1").exists()


def _cut_chunk(place: Path) -> None:
    chunk_file(place, 1).write_bytes(chunk_file(place, 1).read_bytes()[:-1])


def _other_checkpoint(place: Path) -> None:
    shutil.copy(chunk_file(place, 1), chunk_file(place, 0))


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "a chunk is cut": (_cut_chunk, r"00001: it is cut short.*use another copy"),
    "a chunk is gone": (lambda place: chunk_file(place, 1).unlink(), r"00001: No such file"),
    "another checkpoint": (_other_checkpoint, r"00000: .*not the checkpoint"),
    "no metadata": (lambda place: (place / METADATA).unlink(), r"metadata\.json: No such file"),
    "other metadata": (lambda place: (place / METADATA).write_bytes(b"{}"), "cannot be read"),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_snapshot_is_neither_copied_nor_restored(written: Written, tmp_path: Path, harm: str) -> None:
    """The state that is there stays where it is."""
    do_harm, said = HARM[harm]
    carried = tmp_path / "carried"
    shutil.copytree(written.place, carried)
    do_harm(carried)
    do_harm(written.place)
    (written.node / "state").mkdir()
    with pytest.raises(CarriedError, match=said):
        restore_snapshot(written.node, carried, FOUNDED, None, lambda *_: None)
    with pytest.raises(CarriedError, match=said):
        copy_snapshot(written.node, tmp_path / "copy", FOUNDED)
    assert sorted(path.name for path in written.node.iterdir()) == ["snapshots", "state"]
    assert not (tmp_path / "copy").exists()


def test_a_snapshot_older_than_the_trust_period_takes_a_word(written: Written) -> None:
    time_ms = check_snapshot(written.place, FOUNDED).time_ms
    with pytest.raises(CarriedError, match=r"older than the trust period.*--archival"):
        restore_snapshot(written.node, written.place, FOUNDED, Live(time_ms + 1_000, 1_000), lambda *_: None)
    restore_snapshot(written.node, written.place, FOUNDED, Live(time_ms + 999, 1_000), lambda *_: None)


def test_what_there_is_to_copy_is_told(written: Written, tmp_path: Path) -> None:
    with pytest.raises(CarriedError, match=r"no snapshot of height 9; there are: 7"):
        copy_snapshot(written.node, tmp_path / "copy", FOUNDED, 9)
    with pytest.raises(CarriedError, match="exists already"):
        copy_snapshot(written.node, tmp_path, FOUNDED)
    shutil.rmtree(written.place)
    with pytest.raises(CarriedError, match="there is no snapshot yet"):
        copy_snapshot(written.node, tmp_path / "copy", FOUNDED)


def test_a_restoring_that_was_killed_leaves_the_state_as_it_was(written: Written) -> None:
    """What it had gathered goes when the next one begins."""
    read = read_metadata((written.place / METADATA).read_bytes())
    half = written.node / "state.new"
    restoring = Restoring(half, read, lambda *_: None)
    restoring.take(chunk_file(written.place, 0).read_bytes())
    restoring._filling.close()  # what a kill leaves
    assert half.exists()
    assert not (written.node / "state").exists()
    restore_snapshot(written.node, written.place, FOUNDED, None, lambda *_: None)
    assert not half.exists()


def test_blocks_go_when_they_are_old_and_nothing_needs_them(tmp_path: Path) -> None:
    retention = Retention(tmp_path / "ages", 10 * HOUR_MS)
    for hour in range(30):
        retention.note(1 + hour, hour * HOUR_MS)
        retention.note(1 + hour, hour * HOUR_MS + 5)
    now_ms = 29 * HOUR_MS
    assert retention.retain_height(now_ms, ()) == 20
    assert retention.retain_height(now_ms, (25, None, 12)) == 12
    assert Retention(tmp_path / "ages", 10 * HOUR_MS).retain_height(now_ms, ()) == 20
    assert Retention(tmp_path / "ages", 100 * HOUR_MS).retain_height(now_ms, ()) == 0
    (tmp_path / "ages").write_bytes(b"damaged")
    assert Retention(tmp_path / "ages", HOUR_MS).retain_height(now_ms, ()) == 0


class Nobody:
    """A CometBFT that is not there."""

    def signed(self, height: int) -> SignedHeader:
        raise NotYetError(str(height))

    def header(self, height: int) -> Header:
        raise NotYetError(str(height))

    def validators(self, height: int) -> list[ValidatorEntry]:
        raise NotYetError(str(height))


def keeping_of(directory: Path, every_ms: int = 60_000, tell: Tell = silent) -> Keeping:
    return Keeping(directory, keeper.FOUNDED, Keep(every_ms, 2, HOUR_MS), Nobody(), tell)


def test_nothing_is_pruned_before_somebody_could_begin_from_a_snapshot(tmp_path: Path) -> None:
    application = driver.begin(tmp_path, keeping=keeping_of(tmp_path))
    for hour in range(5):
        driver.finalize(application, [], time_ms=alliance.NOW_MS + hour * HOUR_MS)
        assert application.commit(abci.RequestCommit()).retain_height == 0
    application.close()


def test_a_snapshot_that_waits_for_its_checkpoint_is_not_given_up_for_the_next(tmp_path: Path) -> None:
    """Or none would ever be finished where blocks are as far apart as snapshots."""
    told: list[tuple[str, object]] = []
    keeping = keeping_of(tmp_path, tell=lambda event, **about: told.append((event, about["height"])))
    application = driver.begin(tmp_path, keeping=keeping)
    for hour in range(5):
        driver.finalize(application, [], time_ms=alliance.NOW_MS + hour * HOUR_MS)
        application.commit(abci.RequestCommit())
    assert told == []
    application.close()
    assert told == [("snapshot-failed", 1)]


def test_a_full_disk_ends_the_node_and_room_brings_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of what was decided is lost: CometBFT plays the blocks since the last flush again."""
    day = alliance.day(40)
    application = driver.begin(tmp_path)
    for raw in day:
        driver.block(application, raw)
    hash_before = driver.info(application)[1]
    driver.kill(application)
    with monkeypatch.context() as patch:
        patch.setattr(store, "MAP_BYTES", 1 << 17)
        application = driver.open_application(tmp_path)
        for raw in day:
            driver.block(application, raw)
        with pytest.raises(StoreError, match="if the disk is full, make room and start again"):
            application.flush()
        driver.finalize(application, [])
        patch.setattr(application, "_flush_at", 1)

        async def commit(connect: Callable[[], Awaitable[Client]]) -> None:
            client = await connect()
            client.send(COMMIT, FLUSH)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.receive()

        code, told = serve(application, tmp_path / "s", commit, ends=True)
        assert code == EXIT_BROKEN == 70
        assert "if the disk is full, make room and start again" in dict(told)["failed"]["problem"]
        driver.kill(application)
    application = driver.open_application(tmp_path)
    assert driver.info(application)[0] == 0
    for raw in day:
        driver.block(application, raw)
    assert driver.info(application)[1] == hash_before
    application.close()


def test_a_damaged_value_is_named_and_not_gone_on_from(tmp_path: Path) -> None:
    application = driver.begin(tmp_path)
    for raw in alliance.day(2):
        driver.block(application, raw)
    application.flush()
    with application.store._env.begin(write=True) as txn:
        cursor = txn.cursor(application.store._values)
        cursor.last()
        txn.put(cursor.key(), cursor.value() + b" ", db=application.store._values)
    driver.kill(application)
    application = driver.open_application(tmp_path)
    assert application.store.scrub(0, 1 << application.store.tree.depth) is not None
    driver.kill(application)
