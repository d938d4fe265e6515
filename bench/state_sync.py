"""Measure snapshots on this machine: ``python -m bench.state_sync [--quotas N] [--json FILE]``.

A state of so many quotas is made into a snapshot while nothing else happens, then taken in by a node that has nothing,
every chunk checked, as CometBFT would hand it on. What travels between machines is told in bytes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import port
from kouan.engines.cometbft.sync.snapshot_format import ABCI_FORMAT
from kouan.engines.cometbft.sync.snapshot_shelf import Shelf
from kouan.engines.cometbft.sync.snapshot_taking import Subject, Taker
from kouan.engines.cometbft.sync.state_sync import Applied, Offer, Offered, Restoring, StateSync
from kouan.engines.log_format import Position
from kouan.engines.store import Mark, Store
from kouan.kernel.execution import NO_RECEIPTS, app_hash, found

HEIGHT = 1
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quotas", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), asked.quotas)
    for figure, value in figures.items():
        print(f"{figure:24} {value:>16,.1f}" if isinstance(value, float) else f"{figure:24} {value:>14,}")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
