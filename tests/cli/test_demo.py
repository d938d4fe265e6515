"""``kouan demo`` as a person types it: the whole story with its other processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.conftest import quick_directory
from typer.testing import CliRunner

from kouan.cli.demo import app
from kouan.simulation import story
from kouan.simulation.story import Summary, play

KOUAN = [sys.executable, "-c", "from kouan.cli.start import main; main()"]
MEMORY = Path("/dev/shm")  # noqa: S108  # looked for, not relied upon: the story syncs to disk some thousand times
FIELDS = {
    "alliance",
    "declarations",
    "expectations",
    "failed",
    "financings",
    "height",
    "ok",
    "proofs_verified",
    "refused_double_financings",
    "seconds",
    "seed",
    "state_root",
}


def demo(*options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KOUAN_")}
    if MEMORY.is_dir():
        environment["TMPDIR"] = str(MEMORY)
    return subprocess.run([*KOUAN, "demo", *options], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def run() -> subprocess.CompletedProcess[str]:
    return demo("--json", "--lang", "zh", "--seed", "3")


def summary_of(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return summary


def test_summary_as_json(run: subprocess.CompletedProcess[str]) -> None:
    """Standard output holds the summary alone, on one line; all expectations are met and the exit code is 0."""
    summary = summary_of(run)
    assert summary["failed"] == []
    assert (run.returncode, summary["ok"]) == (0, True)
    assert len(run.stdout.splitlines()) == 1
    assert summary.keys() == FIELDS
    assert (summary["declarations"], summary["seed"]) == (200, 3)
    assert summary["proofs_verified"] == 4


def test_other_processes_leave_the_state_alone(run: subprocess.CompletedProcess[str]) -> None:
    """The kill is played on a copy: the state root is the one of the story without that scene."""
    with quick_directory() as directory:
        quiet = play(Path(directory) / "port", 3, lambda *_: None, lambda *_: None, processes=False)
    assert summary_of(run)["state_root"] == quiet.state_root


def test_chinese_story(run: subprocess.CompletedProcess[str]) -> None:
    """The story in Chinese, with the killed server and the verified proofs, holds no English sentence and no 额度."""
    assert not re.findall(r"\b[a-z]{2,}(?: [a-z]{2,}){2,}", run.stderr.replace("kouan demo", ""))
    assert "额度" not in run.stderr
    assert all(said in run.stderr for said in ("无一丢失", "账本上没有它的记录", "未能证明", "USD 540.00"))


def test_directory_in_use(tmp_path: Path) -> None:
    """A directory that holds an alliance is left alone: one line says so, exit code 2."""
    (tmp_path / "alliance.json").write_text("{}")
    refused = demo("--port", str(tmp_path))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"{tmp_path}: holds an alliance already, or the rest of one; give another directory\n"


def test_unmet_expectation(monkeypatch: pytest.MonkeyPatch) -> None:
    """When an expectation is not met, it is named, ``ok`` is false and the exit code is 1."""
    unmet = Summary(
        alliance="A" * 43,
        declarations=200,
        expectations=2,
        failed=["loan.short: 54000 != 0"],
        financings=27,
        height=93,
        ok=False,
        proofs_verified=4,
        refused_double_financings=5,
        seconds=1.0,
        seed=1,
        state_root="B" * 43,
    )
    monkeypatch.setattr(story, "play", lambda *_: unmet)
    shown = CliRunner().invoke(app, ["--json"])
    assert shown.exit_code == 1
    assert "loan.short: 54000 != 0" in shown.stderr
    assert json.loads(shown.stdout)["ok"] is False


def test_help_has_examples() -> None:
    """The help shows how it is called."""
    shown = demo("--help")
    assert shown.returncode == 0
    assert "kouan demo --lang zh" in shown.stdout
