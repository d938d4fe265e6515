"""``kouan node sync``, ``snapshot`` and ``restore``: what stops them is one line that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import run
from tests.engines.cometbft.founded import FOUNDING, SEEDS, TRUST
from tests.engines.cometbft.test_node_setup import SETTINGS

from kouan.engines.cometbft.node import node_setup
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.processes import registered

SEED = bytes(range(32))
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def node(tmp_path: Path) -> NodeDirectory:
    """A node that has joined."""
    made = NodeDirectory(tmp_path / "node")
    made.write_settings(SETTINGS)
    keys = iter([SEEDS["bank-a"], SEED])
    node_setup.make_keys(made, lambda _size: next(keys))
    node_setup.install(made, TRUST, FOUNDING, [])
    return made


def test_sync_wants_nodes_and_a_chain_that_is_empty(node: NodeDirectory) -> None:
    before = node.config_file.read_bytes()
    assert "--node" in run("node", "sync", node.path).err
    assert "no node shows a block to begin from" in run("node", "sync", node.path, "--node", NOBODY).err
    (node.home / "data" / "blockstore.db").mkdir()
    refused = run("node", "sync", node.path, "--node", NOBODY).err
    assert "has blocks already" in refused
    assert "delete all that is there but priv_validator_state.json" in refused
    assert node.config_file.read_bytes() == before


def test_snapshot_and_restore_name_what_is_missing(node: NodeDirectory, tmp_path: Path) -> None:
    assert "there is no snapshot yet" in run("node", "snapshot", node.path, tmp_path / "out").err
    assert "metadata.json" in run("node", "restore", node.path, tmp_path).err


def test_a_node_that_runs_is_not_restored(node: NodeDirectory, tmp_path: Path) -> None:
    with registered(node.processes_file):
        assert "stop that one first" in run("node", "restore", node.path, tmp_path).err
