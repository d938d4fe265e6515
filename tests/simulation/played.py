"""Playing the story and keeping what its scenes show."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple, TypeVar

from rich.console import Console

from kouan.client.names import Names
from kouan.simulation.pages import page_of
from kouan.simulation.pages.parts import Lang, Say
from kouan.simulation.port import SeededPort
from kouan.simulation.story import Shown, Summary, play

DECLARATIONS = 120
"""Fewer than in the demonstration, so that it is quick."""
T = TypeVar("T")


class Played(NamedTuple):
    directory: Path
    names: Names
    shown: list[Shown]
    summary: Summary

    def scene(self, kind: type[T]) -> T:
        return next(shown for shown in self.shown if isinstance(shown, kind))

    def text(self, lang: Lang, shown: list[Shown] | None = None) -> str:
        console = Console(file=io.StringIO(), width=120, markup=False, highlight=False, emoji=False, record=True)
        for scene in self.shown if shown is None else shown:
            for part in page_of(Say(lang, self.names), scene):
                console.print(part)
        return console.export_text()


def play_story(directory: Path, seed: int) -> Played:
    """Play without the scene that starts processes: the test of ``kouan demo`` plays that."""
    shown: list[Shown] = []
    names: list[Names] = []

    def on_scene(port: SeededPort, scene: Shown) -> None:
        shown.append(scene)
        names.append(port.names)

    summary = play(directory / "port", seed, on_scene, lambda *_: None, declarations=DECLARATIONS, processes=False)
    return Played(directory / "port", names[0], shown, summary)
