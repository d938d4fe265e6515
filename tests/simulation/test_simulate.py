"""Simulated days: written the same for the same seed, played as predicted, and the same in every environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from tests.simulation import chaos
from typer.testing import CliRunner

from kouan.cli.main import app
from kouan.formats.declaration import Declaration
from kouan.formats.single_window import read_files
from kouan.kernel.encoding import encode
from kouan.simulation.day.deals import STORIES
from kouan.simulation.day.frauds import KINDS, LEFT_TO_CASES
from kouan.simulation.day.generate import generate
from kouan.simulation.day.play import Run
from kouan.simulation.day.script import EVENTS, MESSAGES
from kouan.simulation.day.trade import declare

SEEDS = range(1, 21)
ROOT = Path(__file__).parents[2]
runner = CliRunner()


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*.*"))}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_plays_as_predicted(seed: int) -> None:
    """Honest business is accepted, every fraud refused, and the auditor foresaw every receipt and figure."""
    summary = chaos.play(seed)
    assert summary.ok, (summary.differences, summary.innocent_refused, summary.frauds)
    assert summary.conserved
    assert summary.receipts_predicted == summary.commands > 60
    assert summary.receipts_wrong == 0


def test_the_files_follow_from_the_seed(tmp_path: Path) -> None:
    """The same seed gives the same bytes, another seed others; every message is one that the parser takes."""
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        arguments = ["simulate", "--seed", seed, "--declarations", "30", "--out", str(tmp_path / name)]
        assert runner.invoke(app, arguments).exit_code == 0
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert files_of(tmp_path / "a") != files_of(tmp_path / "c")
    read = [declaration for _, declaration in read_files(sorted((tmp_path / "a" / MESSAGES).iterdir()))]
    assert len(read) == 30
    assert all(isinstance(declaration, Declaration) for declaration in read)


def test_the_command_plays_what_it_wrote(tmp_path: Path) -> None:
    """Played from its files a seed leads to the same hashes as without them; shown as JSON and as tables."""
    day = tmp_path / "day"
    arguments = ["simulate", "--seed", "2", "--declarations", str(chaos.DECLARATIONS), "--out", str(day), "--json"]
    about = json.loads(runner.invoke(app, arguments).stdout)
    assert about["left_to_cases"] == list(LEFT_TO_CASES)
    played = runner.invoke(app, ["simulate", "--run", str(day), "--json"])
    assert played.exit_code == 0
    summary = json.loads(played.stdout)
    assert summary["hashes"] == chaos.play(2).hashes
    assert {kind: count["tried"] for kind, count in summary["frauds"].items()} == about["frauds"]
    shown = runner.invoke(app, ["simulate", "--run", str(day), "--lang", "zh"]).stdout
    assert summary["state_root"] in shown
    assert "额度守恒" in shown


def test_a_fraud_that_passes_is_told(tmp_path: Path) -> None:
    """A script whose fraud is none, and one whose honest event is refused, end with 1 and name it."""
    day = tmp_path / "day"
    runner.invoke(app, ["simulate", "--seed", "2", "--declarations", "40", "--out", str(day)])
    events = [json.loads(line) for line in (day / EVENTS).read_bytes().splitlines()]
    honest = next(event for event in events if event["event"] == "apply" and event["fraud"] is None)
    honest["fraud"] = "none-at-all"
    (day / EVENTS).write_bytes(b"".join(encode(event) + b"\n" for event in [*events, {**events[0], "at_ms": 2**42}]))
    played = runner.invoke(app, ["simulate", "--run", str(day), "--json"])
    summary = json.loads(played.stdout)
    assert played.exit_code == 1
    assert summary["frauds"]["none-at-all"] == {"tried": 1, "right": 0}
    assert summary["innocent_refused"][0].startswith("QUOTA_EXISTS")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda day: (day / EVENTS).write_text('{"event":"none"}\n'), "line 1"),
        (lambda day: (day / "simulation.json").write_text("{}"), "simulation.json"),
        (lambda day: (day / EVENTS).unlink(), EVENTS),
        (lambda day: next((day / MESSAGES).iterdir()).unlink(), "no message"),
        (lambda day: next((day / MESSAGES).iterdir()).write_text("<x/>"), ".xml"),
    ],
)
def test_a_spoilt_directory_is_refused(tmp_path: Path, spoil: object, named: str) -> None:
    """What cannot be played is named, with exit code 2."""
    day = tmp_path / "day"
    runner.invoke(app, ["simulate", "--declarations", "5", "--out", str(day)])
    assert callable(spoil)
    spoil(day)
    refused = runner.invoke(app, ["simulate", "--run", str(day)])
    assert refused.exit_code == 2
    assert named in refused.stderr.replace("\n", "")
    assert runner.invoke(app, ["simulate", "--out", str(day)]).exit_code == 2
    assert runner.invoke(app, ["simulate"]).exit_code == 2


def test_every_story_and_every_fraud_is_told() -> None:
    """A large day has every kind of fraud, and events of every kind."""
    about, declared, events = generate(1, 2000)
    assert len({one.number for one in declared}) == 2000
    assert len(about.frauds) == len(set(KINDS))
    assert len({story.__name__ for story, _ in STORIES}) == len(STORIES)
    assert len({type(event).__name__ for event in events}) == 9
    assert len({getattr(event, "do", None) for event in events}) == 10
    assert not generate(1, 300, 0)[0].frauds


def test_amounts_are_log_normal() -> None:
    """The median is near 40,000, and some are many times that."""
    worth = sorted(
        one.attested
        for one in declare(Random(1), 2000)  # noqa: S311  # the same declarations each time
        if one.unit != "JPY"
    )
    assert 3_500_000 < worth[len(worth) // 2] < 4_500_000
    assert worth[-1] > 10 * worth[len(worth) // 2]


def test_the_same_hashes_everywhere() -> None:
    """Hash seed, locale, time zone and the number of processes change the app hash of no height."""
    environments = (
        ({"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"}, 1),
        ({"PYTHONHASHSEED": "12345", "LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Chatham"}, 2),
        ({"PYTHONHASHSEED": "77", "LC_ALL": "zh_CN.GB18030", "TZ": "Asia/Shanghai", "PYTHONOPTIMIZE": "1"}, 1),
    )
    printed = set()
    for changed, processes in environments:
        command = [sys.executable, "-m", "tests.simulation.chaos", "--seeds", "3", "--processes", str(processes)]
        played = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **changed}, capture_output=True, check=True, text=True
        )
        printed.add(played.stdout)
    assert len(printed) == 1
    assert "3 seeds, 0 failed" in printed.pop()


def test_every_height_has_its_hash(tmp_path: Path) -> None:
    """What is compared between runs is the app hash of each block."""
    about, declared, events = generate(1, 12)
    run = Run(about, events, {one.number: one.declaration for one in declared}, tmp_path)
    summary = run.play()
    assert len(set(run.hashes())) == summary.blocks
    run.engine.close()
