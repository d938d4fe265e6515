"""The table of found frauds counts what the simulation knows."""

from __future__ import annotations

import io
import json

from rich.console import Console

from bench import quality

PASSING = {"all-new", "buyer-first", "corrected-after-lending", "naming-nothing"}
"""Ways that nothing stops."""
FOUND = quality.Found(
    frauds={
        "altered-invoice-number/suffix": {"tried": 4, "stopped": 3, "refused": 1, "to_review": 0, "told": 2},
        "altered-invoice-number/all-new": {"tried": 2, "stopped": 0, "refused": 0, "to_review": 0, "told": 0},
    },
    lookalikes={"split-invoices": {"met": 5, "accepted": 5, "told": 1}},
    shown=30,
    told_otherwise=0,
)


def test_recall_and_precision_are_of_all_ways_of_a_kind() -> None:
    """Three of six are found, one of four alarms is false; of what nobody tried nothing is said."""
    rates = quality.plain(FOUND)["kinds"]
    assert rates["altered-invoice-number"] == {"recall": 0.5, "false_alarms": 0.2, "precision": 0.75}
    assert rates["buyer-and-seller-both"] == {"recall": None, "false_alarms": None, "precision": None}
    assert json.loads(json.dumps(quality.plain(FOUND)))["shown"] == 30


def test_the_table_names_kinds_ways_and_look_alikes() -> None:
    """Each with its share in percent."""
    console = Console(file=io.StringIO(), width=100, record=True)
    quality.show(FOUND, console)
    rows = [line.split("│") for line in console.export_text().splitlines() if "│" in line]
    shown = {row[1].strip(): [cell.strip() for cell in row[2:-1]] for row in rows}
    assert [cell.strip() for cell in rows[0][2:-1]] == ["6", "3", "50 %", "1", "20 %", "75 %"]
    assert shown["suffix"] == ["4", "1", "0", "2", "75 %"]
    assert shown["split-invoices"] == ["5", "1", "20 %"]


def test_a_day_is_measured() -> None:
    """Each kind is tried; what shows nothing alike is the only thing that is missed."""
    found = quality.measure(1, 300)
    missed = {way for way, count in found.frauds.items() if count["stopped"] < count["tried"]}
    assert missed <= {way for way in found.frauds if way.partition("/")[2] in PASSING}
    assert all(found.of(kind)[0] for kind in quality.LOOKALIKES)
