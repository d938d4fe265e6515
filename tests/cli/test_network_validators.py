"""Real nodes: a validator's key is rotated, and whoever runs two nodes with one key is suspended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cli.conftest import Ran, run
from tests.engines.cometbft.program import needs_cometbft

from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.keys import node_file
from kouan.engines.cometbft.node.local_network import choose_ports

WAIT_S: Final = 150.0
MEMBER: Final = "bank-of-huangpu"
PLACES: Final = ("listen", "rpc", "http", "engine_metrics")
NOTHING_SIGNED: Final = b'{"height": "0", "round": 0, "step": 0}'


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Path]:
    """A port directory with four nodes that run; whatever happens, nothing of them is left running."""
    directory = tmp_path / "port"
    up = run("network", "up", directory, "--validators", "4")
    try:
        assert up.code == 0, up.err
        yield directory
    finally:
        assert run("network", "down", directory).code == 0


def on(port: Path, *words: str | Path) -> Ran:
    ran = run(*words, env={"KOUAN_PORT": str(port)})
    assert ran.code == 0, ran.err
    return ran


def until(holds: Callable[[], Any]) -> Any:
    """Wait until something holds, and return it."""
    end_s = time.monotonic() + WAIT_S
    while not (found := holds()):
        assert time.monotonic() < end_s
        time.sleep(0.5)
    return found


def replace_key(node: NodeDirectory, file: Path) -> None:
    place = node.home / "config" / "priv_validator_key.json"
    place.write_bytes(file.read_bytes())


def twin_of(node: NodeDirectory, directory: Path) -> NodeDirectory:
    """The same validator once more: it knows nothing of what the first one signed, and is another node to its peers."""
    shutil.copytree(node.home, directory / "cometbft", ignore=shutil.ignore_patterns("*.db", "cs.wal"))
    shutil.copy(node.trust_file, directory)
    twin = NodeDirectory(directory)
    settings = node.settings_file.read_text()
    config = node.config_file.read_text().replace(str(node.socket), str(twin.socket))
    (first,) = choose_ports(1)
    for place in PLACES:
        old = getattr(node.settings(), place)
        new = f"127.0.0.1:{first + PLACES.index(place)}"
        settings, config = settings.replace(old, new), config.replace(old, new)
    twin.settings_file.write_text(settings)
    twin.config_file.write_text(config)
    (twin.home / "config" / "node_key.json").write_bytes(node_file(os.urandom(32)))
    twin.last_vote.write_bytes(NOTHING_SIGNED)
    return twin


@contextmanager
def running(node: NodeDirectory) -> Iterator[None]:
    """Run a node until the end of the block; its supervisor ends its children."""
    with (node.path / "out").open("wb") as out:
        started = subprocess.Popen([sys.executable, "-m", "kouan", "node", "start", node.path], stdout=out, stderr=out)
    try:
        yield
    finally:
        started.terminate()
        started.wait(60)


@needs_cometbft
def test_a_rotated_key_signs_and_two_nodes_with_one_key_cost_the_validator_its_power(
    port: Path, tmp_path: Path
) -> None:
    node, file = NodeDirectory(port / "nodes" / "3"), tmp_path / "new-key.json"
    public = on(port, "member", "rotate-validator-key", file, "--as", MEMBER, "--json").json["public"]
    on(port, "network", "kill", "3")
    replace_key(node, file)
    on(port, "network", "start", "3")
    until(lambda: on(port, "network", "status", "--json").json["nodes"][3]["power"] == 10)

    with running(twin_of(node, tmp_path / "twin")):
        (offence,) = until(lambda: on(port, "member", "evidence", "--json").json["evidence"])
    assert (offence["member"], offence["kind"], offence["suspended"]) == (MEMBER, "duplicate-vote", True)
    rows = {row["member"]: row for row in on(port, "member", "validators", "--json").json["validators"]}
    assert (rows[MEMBER]["power"], rows[MEMBER]["public"]) == (0, public)
    until(lambda: on(port, "network", "status", "--json").json["nodes"][3]["power"] == 0)
    refused = run("member", "rotate-validator-key", tmp_path / "again.json", "--as", MEMBER, "--port", port)
    assert "131 VALIDATOR_SUSPENDED" in refused.err
