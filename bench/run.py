"""Measure Kouan on this machine: ``python -m bench.run [--quick] [--json FILE]``.

One command is a hold on one declaration with its owner's signature, durable before it is answered. Every measurement
runs in a process of its own; what is compared is run in turns, so that a machine whose speed drifts compares fairly.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

Figures = dict[str, float]


class Sizes(NamedTuple):
    """How much is measured."""

    small: int
    middle: int
    large: int
    blocks: int
    growth_blocks: int
    """Few enough that no quota of the small ledger comes near its 16 holds."""
    turns: int
    singles: int


FULL = Sizes(small=10_000, middle=100_000, large=1_000_000, blocks=30, growth_blocks=10, turns=5, singles=500)
QUICK = Sizes(small=10_000, middle=20_000, large=50_000, blocks=5, growth_blocks=5, turns=1, singles=30)


def measure(name: str, directory: Path, *arguments: int) -> Figures:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", "bench.measures", name, str(directory), *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    figures: Figures = json.loads(done.stdout)
    return figures


def on_a_copy(name: str, directory: Path, *arguments: int) -> Figures:
    """Run one measurement on a copy, so that no turn finds what an earlier one left."""
    copy = directory.with_name(f"{directory.name}-copy")
    shutil.copytree(directory, copy)
    try:
        return measure(name, copy, *arguments)
    finally:
        shutil.rmtree(copy)


def singles(directory: Path, sizes: Sizes) -> Figures:
    """Measure envelopes of one against a serving process."""
    command = [sys.executable, "-m", "bench.measures", "serve", str(directory)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (directory / "socket").exists():
            if time.monotonic() > deadline:
                raise TimeoutError("the serving process did not come up within a minute")
            time.sleep(0.05)
        return measure("singles", directory, sizes.middle, 64, sizes.singles)
    finally:
        server.communicate()


def run(sizes: Sizes, directory: Path, console: Console) -> dict[str, Figures]:
    """Run everything; return figures by measurement."""
    ledgers = {count: directory / str(count) for count in (sizes.small, sizes.middle, sizes.large)}
    for count, place in ledgers.items():
        with console.status(f"making a ledger with {count:,} quotas"):
            measure("make", place, count)
    figures: dict[str, Figures] = {}
    with console.status(f"envelopes of 200 at {sizes.middle:,} quotas"):
        figures["envelopes of 200"] = _median(
            [on_a_copy("batches", ledgers[sizes.middle], sizes.middle, sizes.blocks) for _ in range(sizes.turns)]
        )
    with console.status("envelopes of one from 64 clients"):
        figures["envelopes of one, 64 clients"] = _median(
            [singles(ledgers[sizes.middle], sizes) for _ in range(min(3, sizes.turns))]
        )
    small: list[Figures] = []
    large: list[Figures] = []
    for turn in range(sizes.turns):
        with console.status(f"growth, turn {turn + 1} of {sizes.turns}"):
            small.append(on_a_copy("batches", ledgers[sizes.small], sizes.small, sizes.growth_blocks))
            large.append(on_a_copy("batches", ledgers[sizes.large], sizes.large, sizes.growth_blocks))
    ratios = [b["microseconds"] / a["microseconds"] for a, b in zip(small, large, strict=True)]
    figures["growth"] = {
        f"microseconds at {sizes.small}": _median(small)["microseconds"],
        f"microseconds at {sizes.large}": _median(large)["microseconds"],
        "ratio (median of pairs)": statistics.median(ratios),
        f"anonymous MB at {sizes.large}": _median(large)["anonymous_mb"],
    }
    with console.status("start, proofs, parts"):
        figures["start"] = _median([measure("start", ledgers[sizes.large]) for _ in range(sizes.turns)])
        figures["proof"] = measure("proof", ledgers[sizes.large], sizes.large)
        figures["one command, microseconds"] = measure("parts", ledgers[sizes.middle], sizes.middle)
    return figures


def _median(runs: list[Figures]) -> Figures:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def show(figures: dict[str, Figures], console: Console) -> None:
    """Print the figures as a table."""
    table = Table("measurement", "figure", "value", title="Kouan on this machine")
    for measurement, values in figures.items():
        for name, value in values.items():
            table.add_row(measurement, name, f"{value:,.3f}" if value < 10 else f"{value:,.0f}")
        table.add_section()
    console.print(table)


def main() -> None:
    """Read the arguments, measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--json", type=Path, default=Path("bench/out/bench.json"), help="where the figures go")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="kouan-bench-", dir=".") as directory:
        figures = run(QUICK if options.quick else FULL, Path(directory), console)
    show(figures, console)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"machine": machine, "figures": figures}, indent=2) + "\n")
    console.print(f"written to {options.json}")


if __name__ == "__main__":
    main()
