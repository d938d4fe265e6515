"""A campaign: faults one after the other, each followed by the judge's verdict, and what came of it as a table."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from random import Random
from statistics import median
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table
from tests.network.faults import FAULTS, Fault
from tests.network.places import Places
from tests.network.scene import TWIN_PLACE, Scene

SETTLES_S: Final = 1.0


class Outcome(msgspec.Struct, frozen=True):
    """What came of one fault."""

    fault: str
    recovery_s: float | None
    """From the fault's end until every node has new blocks and members get answers; None: not within two minutes."""
    told: str
    """What else the fault measured."""
    wrong: list[str]
    """What was not as it must be; empty when the fault was survived."""
    blocks: int
    acknowledged: int
    """Envelopes, from the fault's beginning until the verdict."""

    @property
    def survived(self) -> bool:
        return not self.wrong


class Campaign:
    """Runs faults on networks that last until one is broken, or its fault ends it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._places = Places(TWIN_PLACE + 1, seed)
        self._scene: Scene | None = None
        self._scenes = 0
        self.outcomes: list[Outcome] = []

    def run(self, faults: Iterable[Fault], until_s: float = float("inf")) -> None:
        """Run some faults, as far as the time reaches."""
        for fault in faults:
            if time.monotonic() > until_s:
                return
            reason = fault.reason_against()
            if reason is not None:
                sys.stderr.write(f"not tried: {fault.name}: {reason}\n")
                continue
            outcome = self._strike(fault)
            self.outcomes.append(outcome)
            verdict = "survived" if outcome.survived else f"FAILED: {'; '.join(outcome.wrong)}"
            recovery = "" if outcome.recovery_s is None else f", whole again after {outcome.recovery_s:.1f} s"
            sys.stderr.write(f"{fault.name}: {verdict}{recovery}{outcome.told and f' ({outcome.told})'}\n")
            if fault.ends_network or not outcome.survived:
                self.end_network()

    def _strike(self, fault: Fault) -> Outcome:
        scene = self._network()
        height, answered = scene.height, len(scene.judge.acknowledged)
        told, recovery_s, wrong = "", None, []
        try:
            scene.load.begin()
            told = fault.do(scene)
            if not fault.ends_network:
                recovery_s = scene.await_whole()
                time.sleep(SETTLES_S)
            scene.load.rest()
            wrong = scene.judge.check()
        except Exception as problem:  # noqa: BLE001  # whatever it is, it belongs into the report
            wrong = [f"{type(problem).__name__}: {problem}"]
        return Outcome(
            fault=fault.name,
            recovery_s=recovery_s,
            told=told,
            wrong=wrong,
            blocks=scene.judge.replica.height - height,
            acknowledged=len(scene.judge.acknowledged) - answered,
        )

    def _network(self) -> Scene:
        if self._scene is None:
            self._scenes += 1
            self._scene = Scene(self._places, self._seed * 1000 + self._scenes, small_disk=True)
        return self._scene

    def end_network(self) -> None:
        if self._scene is not None:
            self._scene.close()
            self._scene = None

    def close(self) -> None:
        self.end_network()
        self._places.close()


def in_order(faults: Sequence[Fault], seed: int, number: int) -> list[Fault]:
    """Return the faults of a round in an order by chance, those that end their network last."""
    shuffled = Random(seed * 1000 + number).sample(list(faults), len(faults))  # noqa: S311  # repeatable
    return sorted(shuffled, key=lambda fault: fault.ends_network)


def table(outcomes: Sequence[Outcome]) -> Table:
    """Return the report: how many of which faults were survived, and how long it took to be whole again."""
    made = Table("fault", "tried", "survived", "whole again (median s)", "longest (s)", "last time")
    for fault in FAULTS:
        own = [outcome for outcome in outcomes if outcome.fault == fault.name]
        if not own:
            continue
        seconds = [outcome.recovery_s for outcome in own if outcome.recovery_s is not None]
        made.add_row(
            fault.name,
            str(len(own)),
            str(sum(outcome.survived for outcome in own)),
            f"{median(seconds):.1f}" if seconds else "",
            f"{max(seconds):.1f}" if seconds else "",
            next((outcome.told for outcome in reversed(own) if outcome.told), ""),
        )
    survived = sum(outcome.survived for outcome in outcomes)
    made.add_section()
    made.add_row(
        "all", str(len(outcomes)), str(survived), "", "", f"{sum(one.acknowledged for one in outcomes):,} acknowledged"
    )
    return made


def show(outcomes: Sequence[Outcome]) -> None:
    """Print the report, and what went wrong."""
    console = Console(width=160 if not sys.stdout.isatty() else None)
    console.print(table(outcomes))
    for outcome in outcomes:
        for wrong in outcome.wrong:
            console.print(f"{outcome.fault}: {wrong}", markup=False)
