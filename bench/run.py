"""Measure Kouan on this machine: ``python -m bench.run [--quick] [--compare] [--json FILE]``.

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
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from bench import postgres, quality

Figures = dict[str, float]
BARE = "PostgreSQL, bare inserts"
PROCEDURE = "PostgreSQL, checks of a hold"


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
    postgres_seconds: int
    days: int
    """Simulated, to see which frauds are found."""


FULL = Sizes(
    10_000,
    100_000,
    1_000_000,
    blocks=30,
    growth_blocks=10,
    turns=5,
    singles=500,
    postgres_seconds=8,
    days=quality.SEEDS,
)
QUICK = Sizes(10_000, 20_000, 50_000, blocks=5, growth_blocks=5, turns=1, singles=30, postgres_seconds=1, days=1)


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


def compare(sizes: Sizes, directory: Path, console: Console) -> dict[str, Figures]:
    """Measure what a user would take instead, in turns with Kouan; nothing where PostgreSQL is not to be had."""
    ledger = directory / str(sizes.middle)
    if not ledger.exists():
        with console.status(f"making a ledger with {sizes.middle:,} quotas"):
            measure("make", ledger, sizes.middle)
    rates: dict[str, list[float]] = {}
    try:
        with postgres.Cluster(postgres.install(), directory, sizes.middle) as cluster:
            cases: dict[str, Callable[[], float]] = {
                BARE: lambda: cluster.rate("insert.sql", sizes.postgres_seconds),
                PROCEDURE: lambda: cluster.rate("hold.sql", sizes.postgres_seconds),
                "Kouan, receipts": lambda: _rate("batches", ledger, sizes),
                "Kouan, a proof for each envelope": lambda: _rate("proven", ledger, sizes, 200),
                "Kouan, a proof for each hold": lambda: _rate("proven", ledger, sizes, 1),
            }
            for turn in range(sizes.turns):
                for name, case in cases.items():
                    with console.status(f"PostgreSQL beside Kouan, turn {turn + 1} of {sizes.turns}: {name}"):
                        rates.setdefault(name, []).append(case())
    except postgres.UnavailableError as reason:
        console.print(f"The comparison with PostgreSQL is left out: {reason}.")
        return {}
    return {
        "holds or inserts a second": {name: statistics.median(own) for name, own in rates.items()},
        **{f"ratio to {of.removeprefix('PostgreSQL, ')}": _ratios(rates, of) for of in (PROCEDURE, BARE)},
    }


def _rate(name: str, ledger: Path, sizes: Sizes, *arguments: int) -> float:
    return on_a_copy(name, ledger, sizes.middle, sizes.blocks, *arguments)["commands_per_second"]


def _ratios(rates: dict[str, list[float]], of: str) -> Figures:
    """Return the ratios of each turn's rates to another's: the least, the median, the most."""
    ratios: Figures = {}
    for name, own in rates.items():
        if name not in {BARE, PROCEDURE}:
            paired = [mine / other for mine, other in zip(own, rates[of], strict=True)]
            ratios[f"{name}: least"] = min(paired)
            ratios[f"{name}: median"] = statistics.median(paired)
            ratios[f"{name}: most"] = max(paired)
    return ratios


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


def _quality(sizes: Sizes, console: Console) -> dict[str, Any]:
    """Measure and print how well frauds on a trade's papers are found."""
    with console.status("frauds and look-alikes on a trade's papers"):
        found = quality.measure(sizes.days)
    quality.show(found, console)
    return quality.plain(found)


def main() -> None:
    """Read the arguments, measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--compare", action="store_true", help="only the comparison with PostgreSQL")
    parser.add_argument("--json", type=Path, default=Path("bench/out/bench.json"), help="where the figures go")
    options = parser.parse_args()
    console = Console()
    sizes = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="kouan-bench-", dir=".") as name:
        directory = Path(name)
        directory.chmod(0o711)  # PostgreSQL runs as another user when this runs as root
        figures = {} if options.compare else run(sizes, directory, console)
        figures |= compare(sizes, directory, console)
    show(figures, console)
    quality_found = None if options.compare else _quality(sizes, console)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    written = {"machine": machine, "figures": figures, "quality": quality_found}
    options.json.write_text(json.dumps(written, indent=2) + "\n")
    console.print(f"written to {options.json}")


if __name__ == "__main__":
    main()
