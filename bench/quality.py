"""How well frauds on a trade's papers are found: ``python -m bench.quality [--seeds N] [--json FILE]``.

Days of the simulation are played, half of their trades with a fraud. A fraud is *found* when the ledger refuses it, for
the evaluator's exact fingerprints lead to what is lent already, or when the evaluator tells a likeness before any money
goes out. A *false alarm* is an honest application that looks like such a fraud and that a person had to look at.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from kouan.simulation.day.generate import generate
from kouan.simulation.day.paper_frauds import EVASIONS, FRAUDS
from kouan.simulation.day.play import Run, Summary, script_of

FRAUD_RATE_BP: Final = 5000
SEEDS: Final = 10
DECLARATIONS: Final = 400
LOOKALIKES: Final = {
    "altered-invoice-number": ("equal-invoices-of-a-month", "number-of-last-year", "split-invoices"),
    "another-paper-of-the-trade": (
        "house-bills-of-one-forwarder",
        "invoice-and-bill-of-two-shipments",
        "neighbours-in-a-container",
        "order-after-first-shipment",
        "order-joined-by-its-owner",
        "order-with-its-invoice",
        "refinanced-after-shipment",
        "sellers-with-one-buyers-number",
        "shipments-of-one-contract",
    ),
    "buyer-and-seller-both": ("buyers-finance-after-review", "buyers-refinancing", "stranger-as-buyer"),
    "cancelled-and-declared-anew": ("declared-anew-unlent",),
}
"""For each kind of fraud the honest applications that look like it."""

Counts = dict[str, dict[str, int]]


class Found(NamedTuple):
    """What was counted over all seeds."""

    frauds: Counts
    """By kind and way: tried, stopped, refused, to_review, told."""
    lookalikes: Counts
    """By kind: met, accepted, told."""
    shown: int
    """How often a document was shown to the evaluator."""
    told_otherwise: int
    """False alarms on documents that were not made to look like anything."""

    def of(self, kind: str) -> tuple[int, int, int, int]:
        """Return of a kind of fraud: tried, found, honest look-alikes, false alarms."""
        ways = [count for way, count in self.frauds.items() if way.partition("/")[0] == kind]
        alike = [self.lookalikes[name] for name in LOOKALIKES[kind] if name in self.lookalikes]
        return _sum(ways, "tried"), _sum(ways, "stopped"), _sum(alike, "met"), _sum(alike, "told")


def measure(seeds: int = SEEDS, declarations: int = DECLARATIONS) -> Found:
    """Play so many seeds; raises AssertionError when the auditor disagrees or an honest application is refused."""
    frauds: Counts = {}
    lookalikes: Counts = {}
    shown = told_otherwise = 0
    for seed in range(1, seeds + 1):
        summary = _play(seed, declarations)
        if summary.differences or summary.innocent_refused:
            raise AssertionError(f"seed {seed}: {summary.differences} {summary.innocent_refused}")
        _add(frauds, {kind: count for kind, count in summary.frauds.items() if kind.partition("/")[0] in LOOKALIKES})
        _add(lookalikes, summary.lookalikes)
        shown += summary.shown
        told_otherwise += summary.told_otherwise
    return Found(dict(sorted(frauds.items())), dict(sorted(lookalikes.items())), shown, told_otherwise)


def _play(seed: int, declarations: int) -> Summary:
    with tempfile.TemporaryDirectory(prefix="kouan-") as directory:
        run = Run(script_of(generate(seed, declarations, FRAUD_RATE_BP, (*FRAUDS, *EVASIONS))), Path(directory))
        try:
            return run.play()
        finally:
            run.close()


def _add(sums: Counts, counts: dict[str, Any]) -> None:
    for kind, count in counts.items():
        into = sums.setdefault(kind, {})
        for name in count.__struct_fields__:
            into[name] = into.get(name, 0) + getattr(count, name)


def _sum(counts: Iterable[dict[str, int]], name: str) -> int:
    return sum(count[name] for count in counts)


def show(found: Found, console: Console) -> None:
    """Print of each kind recall, share of false alarms among look-alikes, precision; then each way and look-alike."""
    kinds = _table("fraud on a trade's papers", "tried", "found", "recall", "false\nalarms", "share", "preci-\nsion")
    ways = _table("the same by ways", "tried", "refused", "to review", "told", "recall")
    alike = _table("honest look-alike", "met", "false alarms", "share")
    for kind, names in LOOKALIKES.items():
        tried, stopped, met, told = found.of(kind)
        rates = _percent(stopped, tried), str(told), _percent(told, met), _percent(stopped, stopped + told)
        kinds.add_row(kind, str(tried), str(stopped), *rates)
        for name in names:
            count = found.lookalikes.get(name, {"met": 0, "told": 0})
            alike.add_row(name, str(count["met"]), str(count["told"]), _percent(count["told"], count["met"]))
        alike.add_section()
        ways.add_row(kind)
        for way, count in found.frauds.items():
            if way.startswith(kind):
                figures = map(str, (count["tried"], count["refused"], count["to_review"], count["told"]))
                ways.add_row(f"  {way.partition('/')[2]}", *figures, _percent(count["stopped"], count["tried"]))
        ways.add_section()
    for table in (kinds, ways, alike):
        console.print(table)
    console.print(f"{found.shown} times a document was shown; {found.told_otherwise} other false alarms")


def _table(first: str, *others: str) -> Table:
    table = Table(pad_edge=False)  # the widest just fits 80 columns
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def plain(found: Found) -> dict[str, Any]:
    """Return what is written as JSON: the counts, and by kind the rates, None where nothing was tried or met."""
    rates = {}
    for kind in LOOKALIKES:
        tried, stopped, met, told = found.of(kind)
        rates[kind] = {
            "recall": stopped / tried if tried else None,
            "false_alarms": told / met if met else None,
            "precision": stopped / (stopped + told) if stopped + told else None,
        }
    return {"kinds": rates, **found._asdict()}


def main() -> None:
    """Read the arguments, measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many days")
    parser.add_argument("--declarations", type=int, default=DECLARATIONS, help="of each day")
    parser.add_argument("--json", type=Path, help="where the figures go")
    options = parser.parse_args()
    found = measure(options.seeds, options.declarations)
    show(found, Console())
    if options.json is not None:
        options.json.write_text(json.dumps(plain(found), indent=2) + "\n")


if __name__ == "__main__":
    main()
