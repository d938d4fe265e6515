"""The demonstration on four real nodes, small: every expectation is met, also of the node that is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kouan.engines.cometbft.node import local_network, processes
from kouan.simulation.network_story import play_on_network
from kouan.simulation.scenes import killed_node
from kouan.simulation.scenes.killed_node import KilledNodeShown
from kouan.simulation.story import Shown


def test_a_node_is_killed_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LOAD": 30, "LATER": 6, "KILL_AT": 6}.items():
        monkeypatch.setattr(killed_node, name, value)
    scenes: list[Shown] = []
    port = tmp_path / "port"
    summary = play_on_network(port, 1, lambda _, shown: scenes.append(shown), lambda *_: None, declarations=24)
    assert summary.failed == []
    assert summary.proofs_verified == 4
    (shown,) = [scene for scene in scenes if isinstance(scene, KilledNodeShown)]
    assert (shown.sent, shown.lost, shown.twice) == (36, 0, 0)
    assert shown.without > 0
    nodes = local_network.read_network(port).nodes
    assert [processes.state((port / node.directory) / "supervisor.pid") for node in nodes] == ["down"] * 4
