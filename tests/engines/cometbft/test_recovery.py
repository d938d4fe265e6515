"""Every row of docs/operating/recovery.md: what is lost, what is said, and the way back."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.engines.cometbft import scene
from tests.engines.cometbft.damage import damage
from tests.engines.cometbft.keeper import FOUNDED, Keeper, kouan, same_records
from tests.engines.cometbft.node import BINARY, rpc
from tests.engines.cometbft.test_node import submit

from kouan.engines.cometbft.node.exits import EXIT_BROKEN, EXIT_UNUSABLE
from kouan.engines.cometbft.sync.carried import restore_snapshot

pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="CometBFT is not installed: make engine")
VOTED = Path("cometbft") / "data" / "priv_validator_state.json"


class Pair:
    """A validator that goes on, and a node that follows it, whole but for what a test takes from it."""

    def __init__(self, directory: Path, running: ExitStack) -> None:
        self.first = Keeper(directory / "a")
        running.callback(self.first.kill)
        self.first.start()
        for raw in scene.day(2, now_ms=time.time_ns() // 1_000_000):
            submit(self.first, raw)
        self.node = Keeper(directory / "b", follows=self.first, retention_ms=4_000, kept=4)
        running.callback(self.node.kill)
        self.node.start()
        self.node.await_snapshot()
        self.node.wait(lambda: self.node.base > 3)
        self.node.stop()
        self._whole = directory / "whole"
        shutil.copytree(self.node.directory, self._whole, ignore=shutil.ignore_patterns("*.sock"))

    def anew(self) -> Keeper:
        """Return the follower as it was when it was stopped."""
        self.node.kill()
        shutil.rmtree(self.node.directory)
        shutil.copytree(self._whole, self.node.directory)
        return self.node

    def catches_up(self) -> None:
        """Start the follower and see that it has the same state as the validator."""
        self.node.start()
        self.node.await_height(self.first.height)
        self.node.wait(lambda: same_records(self.first, self.node))
        self.node.stop()

    def newest_snapshot(self) -> Path:
        """Where the follower's newest snapshot is."""
        return self.node.directory / "snapshots" / str(self.node.snapshots()[-1])

    def restore(self, place: Path) -> None:
        """What `kouan node restore` does."""
        restore_snapshot(self.node.directory, place, FOUNDED, None, lambda *_: None)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as running:
        yield Pair(tmp_path_factory.mktemp("pair"), running)


def without_data(node: Keeper) -> None:
    """Lose what CometBFT has, all but the last vote that was signed."""
    voted = (node.directory / VOTED).read_bytes()
    shutil.rmtree(node.home / "data")
    (node.home / "data").mkdir()
    (node.directory / VOTED).write_bytes(voted)


def with_yesterdays_data(node: Keeper) -> None:
    """Give CometBFT the copy of its data in ``yesterday``, but never yesterday's last vote."""
    voted = (node.directory / VOTED).read_bytes()
    shutil.rmtree(node.home / "data")
    shutil.move(node.directory / "yesterday", node.home / "data")
    (node.directory / VOTED).write_bytes(voted)


def goes_on(node: Keeper, height: int) -> None:
    """See that a node has come past a height, and that its state is the one that the next header names."""
    node.await_height(height + 2)
    answer = rpc(node.port, "abci_info")["response"]
    above = int(answer["last_block_height"]) + 1
    node.await_height(above)
    header = rpc(node.port, "commit", height=str(above))["signed_header"]["header"]
    assert base64.b64decode(answer["last_block_app_hash"]).hex().upper() == header["app_hash"]


def test_application_behind(pair: Pair) -> None:
    """A kill loses what was not flushed; CometBFT plays those blocks again."""
    node = pair.anew()
    node.start()
    node.await_height(node.height + 2)
    node.kill()
    pair.catches_up()


def test_state_lost(pair: Pair) -> None:
    """All blocks are there: CometBFT plays them from the first on, and nobody need do anything."""
    node = pair.first
    height = node.height
    node.stop()
    shutil.rmtree(node.directory / "state")
    before = len(node.log)
    node.start()
    assert '"height": 0' in node.log[before:].partition('"serving"')[2].partition("\n")[0]
    goes_on(node, height)


def test_state_damaged(pair: Pair) -> None:
    """A value that was changed is not gone on from: the node ends and says which. The blocks have it all."""
    node = pair.first
    height = node.height
    node.stop()
    assert damage(node.directory / "state", b"charter\0")
    ended = kouan("node", "start", node.directory)
    assert ended.returncode == EXIT_BROKEN == 70
    assert "the stored value of charter is not the one that the state tree holds: delete the node" in ended.stdout
    shutil.rmtree(node.directory / "state")
    node.start()
    goes_on(node, height)


def test_state_lost_and_blocks_pruned(pair: Pair) -> None:
    """CometBFT cannot play what it no longer has; a snapshot from the node's own shelf closes the gap."""
    node = pair.anew()
    shutil.rmtree(node.directory / "state")
    node.fails_with("too far below block store base", "is too low")
    pair.restore(pair.newest_snapshot())
    pair.catches_up()


def test_application_ahead(pair: Pair) -> None:
    """CometBFT's data from yesterday's copy: never with yesterday's last vote. The state is put back behind it."""
    node = pair.anew()
    before = node.snapshots()[-1]
    shutil.copytree(node.home / "data", node.directory / "yesterday")
    kept = shutil.copytree(pair.newest_snapshot(), node.directory / "kept")  # the shelf's own goes when others come
    node.start()
    node.await_snapshot(above=before)
    node.stop()
    with_yesterdays_data(node)
    node.fails_with("is higher than core")
    pair.restore(kept)
    pair.catches_up()


def test_application_ahead_all_blocks_kept(pair: Pair, tmp_path: Path) -> None:
    """Where no block was pruned no snapshot is needed: without its state the node is played every block again."""
    with ExitStack() as running:
        node = Keeper(tmp_path / "c", follows=pair.first)
        running.callback(node.kill)
        node.start()
        node.await_height(pair.first.height)
        node.stop()
        shutil.copytree(node.home / "data", node.directory / "yesterday")
        node.start()
        node.await_height(node.height + 2)
        node.stop()
        with_yesterdays_data(node)
        node.fails_with("is higher than core")
        shutil.rmtree(node.directory / "state")
        node.start()
        node.await_height(pair.first.height)
        node.wait(lambda: same_records(pair.first, node))


def test_cometbfts_data_lost(pair: Pair) -> None:
    """A state without a chain is not gone on from; state sync brings both, and sets the old state aside."""
    node = pair.anew()
    without_data(node)
    node.fails_with("Did you reset CometBFT without resetting your application's data?")
    without_data(node)  # a start that fails leaves empty files
    node.sync_from(pair.first)
    pair.catches_up()
    assert (node.directory / "state.aside-1").exists()


def test_both_lost(pair: Pair) -> None:
    """Only the keys and the last vote are left: state sync, as for a new node."""
    node = pair.anew()
    without_data(node)
    shutil.rmtree(node.directory / "state")
    shutil.rmtree(node.directory / "snapshots")
    node.sync_from(pair.first)
    pair.catches_up()


def test_a_new_node_whose_peers_have_pruned(pair: Pair, tmp_path: Path) -> None:
    """Nobody has the first blocks: it stays where it is, connected. A snapshot is the way in."""
    node = pair.anew()
    node.start()
    assert node.base > 1
    with ExitStack() as running:
        new = Keeper(tmp_path / "c", follows=node)
        running.callback(new.kill)
        new.start_alone()
        new.wait(lambda: new.peers == 1)
        node.await_height(node.height + 7)  # CometBFT looks for blocks for five seconds
        assert (new.height, new.peers) == (0, 1)
        new.stop()
        refused = kouan("node", "sync", new.directory, "--node", f"http://127.0.0.1:{node.port}")
        assert refused.returncode == EXIT_UNUSABLE == 2
        assert "delete all that is there but priv_validator_state.json" in refused.stderr
        without_data(new)
        new.sync_from(node)
        new.start()
        new.wait(lambda: same_records(pair.first, new))
        assert new.base > 1
    node.stop()


def test_last_vote_lost(pair: Pair) -> None:
    """A node does not start without it. One that lies ahead of all that was signed can sign nothing twice."""
    node = pair.anew()
    (node.directory / VOTED).unlink()
    ended = kouan("node", "start", node.directory)
    assert ended.returncode == EXIT_UNUSABLE
    assert "priv_validator_state.json: is lost, and this node may have voted" in ended.stderr
    ahead = {"height": str(pair.first.height + 1_000), "round": 0, "step": 3}
    (node.directory / VOTED).write_text(json.dumps(ahead))
    pair.catches_up()


def test_consensus_log_cut(pair: Pair) -> None:
    """CometBFT puts a log that ends within a record right by itself."""
    node = pair.anew()
    wal = node.home / "data" / "cs.wal" / "wal"
    with wal.open("r+b") as file:
        file.truncate(wal.stat().st_size - 7)
    pair.catches_up()


def test_consensus_log_lost(pair: Pair) -> None:
    """It is for blocks that were under way: the node goes on without it."""
    node = pair.anew()
    shutil.rmtree(node.home / "data" / "cs.wal")
    pair.catches_up()
