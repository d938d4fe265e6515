"""Four real nodes, each in a place of its own, and what can be done to their processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.modules.alliance.network import consensus_seed
from tests.network import alliance
from tests.network.places import Places

from kouan.engines.cometbft.client.rpc import NodeError, RpcNode
from kouan.engines.cometbft.node import node_setup, processes
from kouan.engines.cometbft.node.directory import NodeDirectory, Settings
from kouan.engines.cometbft.node.keys import node_id
from kouan.kernel.suites import digest, public_key
from kouan.modules.alliance.founding import NetworkFounding

RPC: Final = 26657
START_S: Final = 120.0
STOP_S: Final = 40.0
POLL_S: Final = 0.1
KOUAN: Final = (sys.executable, "-m", "kouan")


class Node:
    """One node: its directory, its place and its processes."""

    def __init__(self, directory: NodeDirectory, places: Places, place: int, member: str) -> None:
        self.directory = directory
        self.member = member
        self.place = place
        self._places = places
        self.logs = directory.path.with_suffix(".logs")  # beside it: its disk may be full
        self.url = f"http://{places.address(place)}:{RPC}"
        self.rpc = RpcNode(self.url, answer_s=3.0)
        self._started: list[subprocess.Popen[bytes]] = []

    def run(self, command: Sequence[str], log: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a process where this node is; what it says is added to one of its logs."""
        path = self.logs / log
        self.logs.mkdir(exist_ok=True, parents=True)
        with self._places.inside(self.place), path.open("ab") as said:
            process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                process_group=0,
                stderr=said,
                stdin=subprocess.DEVNULL,
                stdout=said,
            )
        self._started.append(process)
        return process

    def start(self, **environment: str) -> None:
        """Start it as an operator does, and do not wait."""
        self.run([*KOUAN, "node", "start", str(self.directory.path)], "node.jsonl", environment)

    def start_apart(self, application: Sequence[str]) -> None:
        """Start another application in place of ours, and CometBFT beside it, without a supervisor."""
        self.directory.socket.unlink(missing_ok=True)
        self.run(application, "application.log", {})
        wait_until(self.directory.socket.exists, 20, f"{self.member}'s other application is served")
        self.run(
            [shutil.which("cometbft", path=_bin()) or "cometbft", "start", "--home", str(self.directory.home)],
            "engine.log",
            {},
        )

    def signal(self, number: signal.Signals, *names: str) -> None:
        """Send a signal to some of its processes, or to all."""
        for name, process in processes.read(self.directory.processes_file).items():
            if not names or name in names:
                process.send(number)
        if not names:
            for started in self._started:
                if started.poll() is None:
                    started.send_signal(number)

    def kill(self) -> None:
        """Kill everything at once, as a power cut does."""
        self.signal(signal.SIGKILL)
        self.await_down()

    def stop(self) -> None:
        """Stop it as an operator does."""
        for started in self._started:
            if started.poll() is None:
                started.terminate()
        self.await_down()

    def await_down(self) -> None:
        """Wait until nothing of it runs."""
        for started in self._started:
            started.wait(STOP_S)
        self._started.clear()
        if not processes.await_gone(self.directory.processes_file, STOP_S):
            raise AssertionError(f"processes of {self.member}'s node are left")

    @property
    def exit_code(self) -> int | None:
        """How the last process that was started ended, None while it runs."""
        return self._started[-1].poll() if self._started else None

    def asked(self, method: str, **params: Any) -> Any:
        """Ask CometBFT; None when it does not answer."""
        try:
            return self.rpc.call(method, **params)
        except NodeError:
            return None

    @property
    def height(self) -> int:
        """Of its newest block; 0 when it does not answer."""
        status = self.asked("status")
        return int(status["sync_info"]["latest_block_height"]) if status else 0

    def has_said(self, text: str) -> bool:
        """Whether its log has some words."""
        return any(text in path.read_text(errors="replace") for path in self.logs.iterdir())

    def forget_said(self) -> None:
        """Empty its logs, so that `has_said` tells what is new."""
        for path in self.logs.iterdir():
            os.truncate(path, 0)


class Cluster:
    """Four validators of an alliance that was just founded."""

    def __init__(self, directory: Path, places: Places, *, small_disk: bool = False) -> None:
        """``small_disk``: the last node's directory is on a disk of its own that can be filled."""
        self.directory = directory
        self.founding: NetworkFounding = alliance.found(time.time_ns() // 1_000_000)
        self.trust = alliance.trust_file(self.founding)
        self.places = places
        self.nodes = [self._make(place, member) for place, member in enumerate(alliance.VALIDATORS)]
        self._has_small_disk = small_disk
        if small_disk:
            mount_small_disk(self.nodes[-1].directory.path)
        for node in self.nodes:
            self.install(node, consensus_seed(node.member))

    def _make(self, place: int, member: str) -> Node:
        return Node(NodeDirectory(self.directory / f"node-{place}"), self.places, place, member)

    def install(self, node: Node, validator: bytes) -> None:
        """Write what a node runs by."""
        address = self.places.address(node.place)
        settings = Settings(
            member=node.member,
            address=f"{address}:26656",
            listen=f"{address}:26656",
            rpc=f"{address}:{RPC}",
            http="127.0.0.1:26660",
            engine_metrics="127.0.0.1:26661",
            local=True,
        )
        node.directory.write_settings(settings)
        seeds = iter([validator, _node_seed(node.place)])
        node_setup.make_keys(node.directory, lambda _size: next(seeds))
        peers = [
            f"{node_id(public_key(_node_seed(place)))}@{self.places.address(place)}:26656"
            for place in range(len(alliance.VALIDATORS))
            if place != node.place
        ]
        node_setup.install(node.directory, self.trust, self.founding, peers)

    def twin(self, node: Node, place: int) -> Node:
        """Return a second node with a node's validator key and a memory of its own, as no operator should make."""
        made = Node(NodeDirectory(self.directory / f"twin-{place}"), self.places, place, node.member)
        self.install(made, consensus_seed(node.member))
        return made

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        self.await_height(2, START_S)

    @property
    def heights(self) -> list[int]:
        return [node.height for node in self.nodes]

    def await_height(self, height: int, within_s: float) -> None:
        """Wait until every node has a block."""
        wait_until(lambda: min(self.heights) >= height, within_s, f"all nodes at height {height}")

    def close(self) -> None:
        for node in self.nodes:
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                node.kill()
        if self._has_small_disk:
            subprocess.run(["umount", "--lazy", str(self.nodes[-1].directory.path)], check=True)


def wait_until(holds: Callable[[], object], within_s: float, what: str) -> float:
    """Wait for something; return how many seconds it took. Raises AssertionError."""
    began_s = time.monotonic()
    while not holds():
        if time.monotonic() - began_s > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(POLL_S)
    return time.monotonic() - began_s


def mount_small_disk(path: Path, megabytes: int = 96) -> None:
    """Mount a small disk, which ends with the namespace that this process is in."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)], check=True)


def _node_seed(place: int) -> bytes:
    return digest("test/node", str(place).encode())


def _bin() -> str:
    return f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"
