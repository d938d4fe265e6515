"""Measure a network of four validators on this machine: ``python -m bench.network [--quick] [--json FILE]``.

Four validators and the load share the machine. One command is a hold on one declaration with its owner's signature; it
counts as answered when the client holds a receipt that a header, signed by more than two thirds, vouches for. Every
measurement runs in a process of its own; its table says what was asked and what was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from bench import network_nodes
from kouan.engines.cometbft.node import local_network

Figures = dict[str, Any]


class Sizes(NamedTuple):
    """How much is measured."""

    quotas: int
    seconds: int
    steady_seconds: int
    idle_seconds: int
    stopped_seconds: int
    batches_in_flight: int
    """Envelopes of 200 on their way at once."""
    singles_in_flight: int
    stopped_in_flight: int
    """Envelopes of 200 while a validator is stopped: so many that it is the network that bounds the rate, not they."""
    blocks: int
    """Of which the parts of a command are measured."""


FULL = Sizes(30_000, 60, 20, 20, 60, batches_in_flight=6, singles_in_flight=300, stopped_in_flight=10, blocks=8)
QUICK = Sizes(2_000, 5, 5, 6, 45, batches_in_flight=4, singles_in_flight=40, stopped_in_flight=4, blocks=1)
BATCH = 200
MOST_BATCHED, MOST_SINGLE = 3_500, 700  # commands a second, prepared beforehand


def measure(module: str, *arguments: object) -> Figures:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    figures: Figures = json.loads(done.stdout)
    return figures


def parts(sizes: Sizes, place: Path) -> dict[str, Figures]:
    """Measure where a validator's application spends its time, with no network around it."""
    quotas = min(sizes.quotas, 10_000)
    return {
        "parts, envelopes of 200": measure("network_parts", place / "p200", quotas, sizes.blocks, 10, BATCH, "--steps"),
        "parts, envelopes of one": measure("network_parts", place / "p1", quotas, 2 * sizes.blocks, 200, 1, "--steps"),
    }


def loads(sizes: Sizes, port: Path, console: Console) -> dict[str, Figures]:
    """Measure a running network."""
    quotas, seconds, steady = sizes.quotas, sizes.seconds, sizes.steady_seconds
    runs: dict[str, tuple[object, ...]] = {
        "attesting": ("attest", port, quotas),
        "idle": ("idle", port, sizes.idle_seconds),
        "envelopes of 200": ("closed", port, quotas, seconds, BATCH, sizes.batches_in_flight, MOST_BATCHED),
        "envelopes of one": ("closed", port, quotas, seconds, 1, sizes.singles_in_flight, MOST_SINGLE),
        "one validator stopped": (
            "stopped",
            port,
            quotas,
            sizes.stopped_seconds,
            BATCH,
            sizes.stopped_in_flight,
            MOST_BATCHED,
        ),
        # last, for they may be more than the network carries
        "envelopes of one, 400 a second": ("steady", port, quotas, steady, 1, 400),
        "envelopes of 200, 1,500 a second": ("steady", port, quotas, steady, BATCH, 1_500),
    }
    figures: dict[str, Figures] = {}
    for name, run in runs.items():
        with console.status(name):
            figures[name] = measure("network_load", *run)
        console.print(f"{name}: {json.dumps(_without_series(figures[name]))}", highlight=False)
    return figures


def _without_series(figures: Figures) -> Figures:
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in figures.items()
        if name != "series"
    }


def reckon(figures: dict[str, Figures]) -> Figures:
    """Reckon from where the processor's time went what a machine with two cores for each validator would carry.

    The application runs on one core but for the signatures, CometBFT on the other; whichever is full first bounds it.
    """
    reckoned: Figures = {}
    for load, of in (("envelopes of 200", "parts, envelopes of 200"), ("envelopes of one", "parts, envelopes of one")):
        cost = {name: us / 4 for name, us in figures[load]["microseconds"].items()}
        apart = figures[of]["of which signatures"] / figures[of]["in all"]
        application, both = cost["application"] * (1 - apart), (cost["application"] + cost["cometbft"]) / 2
        reckoned[load] = 1e6 / max(application, both)
    return reckoned


def show(figures: dict[str, Figures], console: Console) -> None:
    """Print what was asked and what was measured."""
    table = Table("what", "asked", "measured", title="Four validators and the load on this machine")
    batches, singles, one = figures["envelopes of 200"], figures["envelopes of one"], figures["one validator stopped"]
    even, even_singles, idle = (
        figures["envelopes of 200, 1,500 a second"],
        figures["envelopes of one, 400 a second"],
        figures["idle"],
    )
    table.add_row("envelopes of 200", "1,500 a second, aim 3,000; p99 below 2 s", _rate(batches))
    table.add_row("the same, 1,500 a second sent evenly", "p99 below 2 s", _rate(even))
    table.add_row("envelopes of one", "400 a second; p99 below 2 s", _rate(singles))
    table.add_row("the same, 400 a second sent evenly", "p99 below 2 s", _rate(even_singles))
    table.add_row(
        "one validator stopped",
        "at most 25 % less; recovery within 10 s",
        f"{one['without_one']:,.0f} after {one['before']:,.0f} a second ({one['ratio'] - 1:+.0%}); "
        f"going again after {one['recovered_s']:.1f} s; back, it had caught up after {one['caught_up_s']:.1f} s",
    )
    table.add_row(
        "idle",
        "an empty block every 5 s; a node below 3 % of a core",
        f"a block every {1 / idle['blocks_per_second']:.1f} s; {idle['cores_a_node']:.1%}",
    )
    for load, rate in figures["reckoned"].items():
        table.add_row(f"{load}, a machine for each validator", "", f"{rate:,.0f} a second (reckoned, not measured)")
    console.print(table)
    for name in ("envelopes of 200", "envelopes of one"):
        costs = Table("process", "microseconds a command, four nodes", title=f"The processor's time, {name}")
        for process, cost in figures[name]["microseconds"].items():
            costs.add_row(process, f"{cost:,.0f}")
        console.print(costs)
        steps = Table("step", "microseconds a command, one node", title=f"One application alone, {name}")
        for step, cost in figures[f"parts, {name}"].items():
            steps.add_row(step, f"{cost:,.1f}")
        console.print(steps)


def _rate(figures: Figures) -> str:
    return (
        f"{figures['commands_per_second']:,.0f} a second; p50 {figures['p50_s']:.2f} s, p99 {figures['p99_s']:.2f} s, "
        f"the longest {figures['max_s']:.2f} s"
    )


def main() -> None:
    """Read the arguments, measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--json", type=Path, default=Path("bench/out/network.json"), help="where the figures go")
    options = parser.parse_args()
    console = Console(width=120)
    sizes = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="kouan-network-") as name:
        with console.status("parts of a command"):
            figures = parts(sizes, Path(name))
        port = Path(name) / "port"
        port.mkdir()
        network_nodes.found(port)
        nodes = network_nodes.directories(port)
        try:
            local_network.start(nodes)
            local_network.await_height(local_network.read_network(port), port, 2, 60)
            figures |= loads(sizes, port, console)
        finally:
            local_network.down(nodes)
    figures["reckoned"] = reckon(figures)
    show(figures, console)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"machine": machine, "figures": figures}, indent=2) + "\n")
    console.print(f"written to {options.json}")


if __name__ == "__main__":
    main()
