"""A network whose nodes all run on this machine, for trials and tests: its file, ports and processes.

``network.json`` in a port directory lists the nodes; each runs as a process of its own, apart from whoever started it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from kouan.engines.cometbft.node import processes
from kouan.engines.cometbft.node.directory import HostPort, NodeDirectory
from kouan.engines.cometbft.node.observing import Observed, observe
from kouan.kernel.encoding import Code

FORMAT: Final = "kouan/network/1"
FILE: Final = "network.json"
NODES: Final = "nodes"
LOOPBACK: Final = "127.0.0.1"
PORTS: Final = 4
"""A node's: peers, clients, the application's metrics, CometBFT's."""
LOWEST_PORT: Final = 10_000
HIGHEST_PORT: Final = 32_000
"""Below those that the system hands out to connections."""
STOP_S: Final = 30.0
KILLED_S: Final = 10.0
START_S: Final = 30.0


class NetworkError(ValueError):
    """The local network cannot be used; the text says why and what to do."""


class LocalNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node of the list."""

    directory: str
    """Below the port directory."""
    engine_metrics: HostPort
    http: HostPort
    member: Code
    p2p: HostPort
    rpc: str
    """The URL that clients ask."""

    @property
    def rpc_address(self) -> str:
        """The same as host:port."""
        return self.rpc.removeprefix("http://")


class NetworkFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``network.json``."""

    format: Literal["kouan/network/1"]
    nodes: Annotated[list[LocalNode], msgspec.Meta(min_length=1)]


def read_network(port: Path) -> NetworkFile:
    """Return the nodes of a port directory's network; raises NetworkError."""
    path = port / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=NetworkFile)
    except OSError as problem:
        way_on = "make a network with `kouan network up DIR`, or name its directory"
        raise NetworkError(f"{path}: {problem.strerror}; {way_on}") from None
    except ValueError as problem:  # msgspec's errors are ValueErrors
        raise NetworkError(f"{path}: {problem}") from None


def write_network(port: Path, nodes: Sequence[LocalNode]) -> None:
    """Write ``network.json``."""
    data = msgspec.json.encode(NetworkFile(FORMAT, list(nodes)))
    (port / FILE).write_bytes(msgspec.json.format(data, indent=2) + b"\n")


def choose_ports(nodes: int, base: int | None = None) -> list[int]:
    """Return the first port of each node, all free at this moment; raises NetworkError.

    ``base``: the first of all; without it a free stretch is looked for, beginning somewhere.
    """
    wanted = PORTS * nodes
    if base is not None:
        taken = _first_taken(base, wanted)
        if taken is not None:
            raise NetworkError(f"--base-port: port {taken} is in use; {wanted} from there on must be free")
        return list(range(base, base + wanted, PORTS))
    room = HIGHEST_PORT - LOWEST_PORT - wanted
    at = int.from_bytes(os.urandom(4)) % room
    for _ in range(HIGHEST_PORT - LOWEST_PORT):
        taken = _first_taken(LOWEST_PORT + at, wanted)
        if taken is None:
            return list(range(LOWEST_PORT + at, LOWEST_PORT + at + wanted, PORTS))
        at = (taken + 1 - LOWEST_PORT) % room
    raise NetworkError(f"--base-port: no {wanted} free ports in a row below {HIGHEST_PORT}; end other programs")


def _first_taken(base: int, count: int) -> int | None:
    with ExitStack() as opened:
        for port in range(base, base + count):
            probe = opened.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            try:
                probe.bind((LOOPBACK, port))
            except (OSError, OverflowError):
                return port
    return None


def node_of(port: Path, network: NetworkFile, number: int) -> NodeDirectory:
    """Return a node's directory by its number; raises NetworkError."""
    if not 0 <= number < len(network.nodes):
        raise NetworkError(f"N: there is no node {number}; this network has 0 to {len(network.nodes) - 1}")
    return NodeDirectory(port / network.nodes[number].directory)


def start(nodes: Sequence[NodeDirectory]) -> int:
    """Start nodes, or let those that were paused go on; return how many there were. Raises NetworkError."""
    spawned: list[tuple[NodeDirectory, int]] = []
    paused = 0
    for node in nodes:
        state = processes.state(node.processes_file)
        if state == "paused":
            processes.signal_all(node.processes_file, signal.SIGCONT)
            paused += 1
        elif state == "down":
            spawned.append((node, _spawn(node)))
    for node, pid in spawned:
        _await_started(node, pid)
    return paused + len(spawned)


def _spawn(node: NodeDirectory) -> int:
    """Start a node's supervisor, apart from this process; return its number."""
    node.log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    said = os.open(_said_at_start(node), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    command = [sys.executable, "-m", "kouan", "node", "start", str(node.path), "--log-file", str(node.log_file)]
    try:
        return os.posix_spawn(  # not Popen, which expects its child to end before itself
            sys.executable,
            command,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing, 0),
                (os.POSIX_SPAWN_DUP2, said, 1),
                (os.POSIX_SPAWN_DUP2, said, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(said)
        os.close(nothing)


def _await_started(node: NodeDirectory, pid: int) -> None:
    end_s = time.monotonic() + START_S
    while processes.state(node.processes_file) == "down":
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended or time.monotonic() > end_s:
            raise NetworkError(f"{node.path}: did not start: {why_down(node)}")
        time.sleep(processes.POLL_S)


def _said_at_start(node: NodeDirectory) -> Path:
    return node.log_file.parent / "start.log"


def kill(node: NodeDirectory) -> int:
    """Kill a node's processes at once, as a power cut would; return how many there were. Raises NetworkError."""
    killed = processes.signal_all(node.processes_file, signal.SIGKILL)
    if not processes.await_gone(node.processes_file, KILLED_S):
        raise NetworkError(f"{node.path}: was killed and is still there; look at its processes with ps")
    return killed


def pause(node: NodeDirectory) -> int:
    """Stop a node's processes where they are, until `start`; return how many there were."""
    return processes.signal_all(node.processes_file, signal.SIGSTOP)


def down(nodes: Sequence[NodeDirectory]) -> int:
    """Stop nodes and see that nothing of them is left; return how many were running. Raises NetworkError."""
    running = [node for node in nodes if processes.state(node.processes_file) != "down"]
    for node in running:
        found = processes.read(node.processes_file)
        found[processes.SUPERVISOR].send(signal.SIGTERM)
        processes.signal_all(node.processes_file, signal.SIGCONT)  # a paused one must wake up to stop
    for node in nodes:
        if not processes.await_gone(node.processes_file, STOP_S):
            kill(node)
    return len(running)


def observe_all(network: NetworkFile) -> list[Observed | None]:
    """Ask every node at once how it is."""
    with ThreadPoolExecutor(len(network.nodes)) as asking:
        return list(asking.map(lambda node: observe(node.rpc_address, node.http), network.nodes))


def why_down(node: NodeDirectory) -> str:
    """Return what a node that did not come up said last, for people."""
    for path in (_said_at_start(node), node.log_file):
        if path.exists() and (said := path.read_text(errors="replace").strip()):
            return _in_words(said.splitlines()[-1])
    return "it said nothing"


def _in_words(line: str) -> str:
    try:
        event = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        return line[:500]
    words = (str(event[name]) for name in ("event", "reason", "problem", "line", "err") if name in event)
    return ": ".join(words)[:500]


def await_height(network: NetworkFile, port: Path, height: int, within_s: float) -> None:
    """Wait until more than two thirds of the nodes have a block of some height.

    Raises NetworkError, with a node's last words, when one goes down meanwhile or the time is over.
    """
    end_s = time.monotonic() + within_s
    nodes = [node_of(port, network, number) for number in range(len(network.nodes))]
    while sum(one is not None and one.height >= height for one in observe_all(network)) * 3 <= 2 * len(nodes):
        fallen = next((node for node in nodes if processes.state(node.processes_file) == "down"), None)
        if fallen is not None or time.monotonic() > end_s:
            told = fallen or nodes[0]
            raise NetworkError(f"{told.path}: no block {height} within {within_s:.0f} s; it said: {why_down(told)}")
        time.sleep(0.1)
