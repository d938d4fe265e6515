"""``kouan network`` with real nodes: it comes up, loses nodes in every way, goes on, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Ran, one_line, run
from tests.engines.cometbft.program import needs_cometbft

from kouan.engines.cometbft.node import local_network, processes
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.local_network import NetworkError, choose_ports

WAIT_S = 90.0


class Network:
    """A network of the test's own."""

    def __init__(self, port: Path) -> None:
        self.port = port

    def run(self, *words: str) -> Ran:
        ran = run("network", *words, env={"KOUAN_PORT": str(self.port)})
        assert ran.code == 0, ran.err
        return ran

    def status(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.run("status", "--json").json["nodes"]
        return rows

    def node(self, number: int) -> NodeDirectory:
        return NodeDirectory(self.port / "nodes" / str(number))

    def pids(self, number: int) -> dict[str, int]:
        return {name: one.pid for name, one in processes.read(self.node(number).processes_file).items()}

    def log(self, number: int) -> str:
        return self.node(number).log_file.read_text()

    def until(self, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Wait until something holds of the status."""
        end_s = time.monotonic() + WAIT_S
        while not holds(rows := self.status()):
            assert time.monotonic() < end_s, (rows, [self.log(number)[-2000:] for number in range(len(rows))])
        return rows

    def until_higher(self, *numbers: int) -> None:
        """Wait until some nodes have blocks that nobody had when this was called."""
        highest = max(row["height"] or 0 for row in self.status())
        self.until(lambda rows: all((rows[number]["height"] or 0) > highest for number in numbers))

    def get(self, number: int, path: str, *, engine: bool = False) -> tuple[int, str]:
        settings = self.node(number).settings()
        address = settings.engine_metrics if engine else settings.http
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A place for a network; whatever happens, nothing of it is left running."""
    made = Network(tmp_path / "port")
    try:
        yield made
    finally:
        left = [pid for number in range(16) for pid in self_alive(made, number)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left


def self_alive(network: Network, number: int) -> list[int]:
    return [one.pid for one in processes.read(network.node(number).processes_file).values() if one.is_alive()]


@needs_cometbft
def test_four_nodes_lose_one_in_every_way_and_go_on(network: Network) -> None:
    """Killed, paused, without its application, with a CometBFT that hangs: three go on, the fourth catches up."""
    up = network.run("up", "--validators", "4", "--json").json
    assert up["new"]
    assert [node["member"] for node in up["nodes"]][:2] == ["shanghai-customs", "commerce-commission"]
    network.until(lambda rows: all(_is_well(row) for row in rows))
    members = run("member", "list", "--port", network.port, "--json")
    assert members.code == 0, members.err
    assert len(members.json["members"]) == 9
    _shows_itself(network)

    network.run("kill", "1")
    assert network.status()[1] == {"node": 1, "member": "commerce-commission", "state": "down"} | dict.fromkeys(
        ("height", "round", "peers", "power", "rate", "behind")
    )
    one_line(run("network", "kill", "1", network.port), "N", "kouan network start 1")
    network.until_higher(0, 2, 3)
    network.run("start", "1")
    network.until_higher(1)

    network.run("pause", "2")
    assert network.status()[2]["state"] == "paused"
    network.until_higher(0, 1, 3)
    network.run("start", "2")
    network.until_higher(2)

    before = network.pids(3)
    os.kill(before["cometbft"], signal.SIGSTOP)  # so it does not end on SIGTERM either
    os.kill(before["application"], signal.SIGKILL)
    network.until(lambda rows: rows[3]["state"] == "running" and network.pids(3)["cometbft"] != before["cometbft"])
    after = network.pids(3)
    assert after["supervisor"] == before["supervisor"]
    assert after["application"] != before["application"]
    assert '"event":"killed","process":"cometbft"' in network.log(3)
    network.until_higher(3)

    os.kill(after["cometbft"], signal.SIGKILL)
    network.until(lambda rows: rows[3]["state"] == "running" and network.pids(3)["cometbft"] != after["cometbft"])
    assert network.pids(3)["application"] != after["application"]

    network.run("pause", "0")
    assert network.run("down", "--json").json == {"stopped": 4}
    assert network.run("down", "--json").json == {"stopped": 0}
    assert not any(self_alive(network, number) for number in range(4))
    heights = [row["height"] for row in network.status()]
    assert heights == [None] * 4
    assert not network.run("up", "--json").json["new"]
    network.run("down")


def _is_well(row: dict[str, Any]) -> bool:
    wanted = {"peers": 3, "power": 10, "state": "running"}
    return row.items() >= wanted.items() and row["height"] >= 1 and row["behind"] <= 1


def _shows_itself(network: Network) -> None:
    """Metrics for Prometheus, health and readiness for whoever supervises; nothing else is there."""
    assert network.get(0, "/healthz") == (200, '{"ok":true}\n')
    assert network.get(0, "/readyz") == (200, '{"ok":true}\n')
    assert network.get(0, "/")[0] == 404
    _, text = network.get(0, "/metrics")
    for name in ("height", "block_seconds_count", "state_records", "oldest_provable_height", "catching_up 0.0"):
        assert f"\nkouan_{name}" in text
    assert "cometbft_consensus_height" in network.get(0, "/metrics", engine=True)[1]
    first = json.loads(network.log(0).splitlines()[0])
    assert {"time", "event"} <= first.keys()


@needs_cometbft
def test_a_node_whose_clock_is_behind_stops_and_is_not_started_again(network: Network) -> None:
    """One of its own: what it was founded with lies in the future, so its clock must be wrong."""
    network.run("up", "--validators", "1")
    network.run("down")
    node = network.node(0)
    (network.port / "sitecustomize.py").write_text(
        "import time\n_now = time.time\ntime.time = lambda: _now() - 86400\n"
    )
    said = _started_with(node, PYTHONPATH=f"{network.port}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    assert "clock" in said


def _started_with(node: NodeDirectory, **environment: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(NetworkError) as failed:
            local_network.start([node])
    return str(failed.value)


def test_what_is_typed_wrong_is_told(tmp_path: Path) -> None:
    one_line(run("network", "status", tmp_path), "network.json", "kouan network up")
    one_line(run("network", "kill", "0", tmp_path), "network.json")
    assert run("network", "up", tmp_path / "x", "--validators", "17").code == 2
    assert run("network", "up", tmp_path / "x", "--validators", "0").code == 2
    (tmp_path / "network.json").write_text("{}")
    one_line(run("network", "down", tmp_path), "network.json")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "it said nothing"),
        ("a plain line\n", "a plain line"),
        ('{"event":"restarting","reason":"the application ended"}\n', "restarting: the application ended"),
        ('{"event":"said","line":"cannot listen","err":"in use"}\n', "said: cannot listen: in use"),
    ],
)
def test_what_a_node_said_last_is_told_in_words(tmp_path: Path, said: str, told: str) -> None:
    node = NodeDirectory(tmp_path)
    node.log_file.parent.mkdir()
    node.log_file.write_text(said)
    assert local_network.why_down(node) == told


def test_ports_that_are_taken_are_not_chosen() -> None:
    (first,) = choose_ports(1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 5))
        with pytest.raises(NetworkError, match=f"--base-port: port {first + 5} is in use"):
            choose_ports(2, first)
    assert choose_ports(2, first) == [first, first + 4]
    assert len(choose_ports(16)) == 16
