"""Measure snapshots on this machine: ``python -m bench.state_sync [--quotas N] [--network] [--json FILE]``.

A state of so many quotas is made into a snapshot while nothing else happens, then taken in by a node that has nothing,
every chunk checked, as CometBFT would hand it on. What travels between machines is told in bytes.

With ``--network``, real nodes instead: three of an alliance's four attest the quotas and go on; the fourth, which never
ran, comes in by ``kouan node sync``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from bench import network_load, network_nodes, port
from kouan.engines.cometbft.client.rpc import NodeError, RpcNode
from kouan.engines.cometbft.node import local_network
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.sync.snapshot_format import ABCI_FORMAT
from kouan.engines.cometbft.sync.snapshot_shelf import Shelf
from kouan.engines.cometbft.sync.snapshot_taking import Subject, Taker
from kouan.engines.cometbft.sync.state_sync import Applied, Offer, Offered, Restoring, StateSync
from kouan.engines.log_format import Position
from kouan.engines.store import Mark, Store
from kouan.kernel.execution import NO_RECEIPTS, app_hash, found

HEIGHT = 1
SNAPSHOT_EVERY_S = 300
T = TypeVar("T")
NOWHERE = Position(0, 0, 0, b"")


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(directory: Path, quotas: int) -> dict[str, float]:
    """Return the figures for so many quotas."""
    ledger = port.ledger(quotas)
    source = Store(directory / "source", keep_versions=1)
    outcome = found(source, ledger.genesis)
    source.apply(0, outcome)
    source.height = HEIGHT
    mark = Mark(HEIGHT, ledger.founded_ms, outcome.state_root, NO_RECEIPTS, NOWHERE)
    source.flush(mark)
    shelf = Shelf(directory / "snapshots", keep=1)
    taker = Taker(shelf, lambda _: b"{}", lambda *_: None)
    subject = Subject(ledger.alliance, HEIGHT, ledger.founded_ms, outcome.state_root, NO_RECEIPTS)
    taker.take(source.freeze(), subject)
    taking = timed(taker.wait)
    (kept,) = shelf.listed()
    chunks = [shelf.chunk(HEIGHT, index) or b"" for index in range(kept.chunks)]
    restored: list[Path] = []

    def adopt(restoring: Restoring) -> None:
        restored.append(restoring.finish(mark))

    def restore() -> None:
        sync = StateSync(ledger.alliance, directory / "restored", lambda *_: None, adopt)
        offered = Offered(HEIGHT, ABCI_FORMAT, kept.chunks, kept.hash, kept.metadata)
        if sync.offer(offered, app_hash(outcome.state_root, NO_RECEIPTS)).result is not Offer.ACCEPT:
            raise AssertionError("the snapshot was refused")
        for index, chunk in enumerate(chunks):
            if sync.apply(index, chunk, "").result is not Applied.ACCEPT:
                raise AssertionError(f"chunk {index} was refused")

    restoring = timed(restore)
    began = time.perf_counter()
    newcomer = Store(restored[0], keep_versions=1)
    opening = time.perf_counter() - began
    if (newcomer.tree.root, newcomer.tree.entries) != (source.tree.root, source.tree.entries):
        raise AssertionError("the restored state is another one")
    newcomer.close()
    source.close()
    return {
        "quotas": quotas,
        "records": len(ledger.genesis),
        "taking_s": taking,
        "restoring_s": restoring,
        "opening_s": opening,
        "chunks": len(chunks),
        "travelling_bytes": sum(map(len, chunks)) + len(kept.metadata),
        "largest_chunk_bytes": max(map(len, chunks)),
        "state_bytes": (directory / "restored" / "data.mdb").stat().st_blocks * 512,
    }


def across_nodes(directory: Path, quotas: int) -> dict[str, float]:
    """Return the figures of a node that comes into a running network by snapshot."""
    network_nodes.found(directory)
    nodes = *members, newcomer = network_nodes.directories(directory)
    for node in nodes:
        node.write_settings(replace(node.settings(), snapshot_every_s=SNAPSHOT_EVERY_S))
    urls = [f"http://{node.settings().rpc}" for node in members]
    try:
        local_network.start(members)
        until(lambda: _app_hashes(members))
        attesting = timed(lambda: network_load.attest(directory, str(quotas)))
        attested_s = time.time()
        waiting = timed(lambda: until(lambda: any(_newest_snapshot_s(node) > attested_s for node in members)))
        command = [sys.executable, "-m", "kouan", "node", "sync", str(newcomer.path), "--node", ",".join(urls)]
        syncing = timed(lambda: subprocess.run(command, check=True))
        local_network.start([newcomer])
        began_s = time.perf_counter()
        ours, newcomers = until(lambda: _app_hashes([members[0], newcomer]))
        catching_up = time.perf_counter() - began_s
        if newcomers != ours:
            raise AssertionError("the newcomer's ledger is another one")
    finally:
        local_network.down(nodes)
    return {
        "quotas": quotas,
        "attesting_s": attesting,
        "snapshot_after_s": waiting,
        "node_sync_s": syncing,
        "catching_up_s": catching_up,
    }


def until(ask: Callable[[], T]) -> T:
    """Ask until the answer is true, and return it; raises AssertionError after a quarter of an hour."""
    end_s = time.monotonic() + 900
    while not (answer := ask()):
        if time.monotonic() > end_s:
            raise AssertionError("it did not come in a quarter of an hour")
        time.sleep(0.5)
    return answer


def _newest_snapshot_s(node: NodeDirectory) -> float:
    """Return when a node finished its newest snapshot; 0 when it has none."""
    finished = [path.stat().st_mtime for path in node.snapshots.iterdir() if path.name.isdecimal()]
    return max(finished, default=0.0)


def _app_hashes(nodes: list[NodeDirectory]) -> list[str]:
    """Return what nodes have as the newest header's app hash; nothing while they are not at one height."""
    try:
        told = [RpcNode(f"http://{node.settings().rpc}").call("status")["sync_info"] for node in nodes]
    except NodeError:  # it is not up yet
        return []
    at_one = len({one["latest_block_height"] for one in told}) == 1 and not any(one["catching_up"] for one in told)
    return [one["latest_app_hash"] for one in told] if at_one else []


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quotas", type=int, default=1_000_000)
    parser.add_argument("--network", action="store_true", help="between real nodes")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = (across_nodes if asked.network else measure)(Path(name), asked.quotas)
    for figure, value in figures.items():
        print(f"{figure:24} {value:>16,.1f}" if isinstance(value, float) else f"{figure:24} {value:>14,}")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
