"""Many seeds of the simulation in short form: `python -m tests.simulation.chaos --seeds 1000`.

Prints one line for each seed: its number, whether all was as it must be, and the digest of the app hashes of all
heights, which neither the environment nor the number of processes may change. Ends with 1 when a seed failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.conftest import quick_directory

from kouan.simulation.day.play import Summary, play_seed

DECLARATIONS = 40


def play(seed: int) -> Summary:
    """Play one seed on a ledger that is thrown away."""
    with quick_directory() as directory:
        return play_seed(seed, DECLARATIONS, Path(directory))


def play_all(seeds: range, processes: int) -> Iterator[Summary]:
    """Play seeds side by side; the answers come in the order of the seeds."""
    if processes == 1:
        yield from map(play, seeds)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(play, seeds, chunksize=max(1, min(20, len(seeds) // processes)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    failed = []
    for summary in play_all(range(given.first, given.first + given.seeds), given.processes):
        sys.stdout.write(f"{summary.seed} {'ok' if summary.ok else 'FAILED'} {summary.blocks} {summary.hashes}\n")
        if not summary.ok:
            failed.append(summary.seed)
            sys.stdout.write(f"  {summary.differences[:3]} {summary.innocent_refused[:3]} {summary.frauds}\n")
    sys.stdout.write(f"{given.seeds} seeds, {len(failed)} failed: {failed}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
