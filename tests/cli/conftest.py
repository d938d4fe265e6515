"""Fixtures of the command line's tests: ``kouan`` runs a command in this process, on a port of its own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from kouan.cli.main import app

EXAMPLES = Path(__file__).parents[2] / "examples" / "declarations"
OWNER = "91310115MA1K0LNG14"
NUMBER = "224820190000000101"


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Kouan = Callable[..., Ran]


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Ran:
    """Run ``kouan``; a defect (an exception that is no exit) is raised here."""
    clean = {name: None for name in os.environ if name.startswith("KOUAN_")}
    result = CliRunner(env={**clean, **(env or {})}).invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A port with the Shanghai cast and one trader's wallet; not to be written to."""
    port = tmp_path_factory.mktemp("founded") / "port"
    assert run("init", port).code == 0
    onboarded = run(
        *("enterprise", "onboard", OWNER, "--name", "Lingang Lamps", "--as", "commerce-commission", "--port", port)
    )
    assert onboarded.code == 0, onboarded.err
    return port


@pytest.fixture
def port(founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A port of the test's own; the test runs in an empty directory beside it."""
    shutil.copytree(founded, tmp_path / "port")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "port"


@pytest.fixture
def kouan(port: Path) -> Kouan:
    """Run ``kouan`` on the port."""

    def on_port(*arguments: str | Path, env: dict[str, str] | None = None) -> Ran:
        return run(*arguments, env={"KOUAN_PORT": str(port), **(env or {})})

    return on_port


@pytest.fixture
def export(port: Path) -> Path:
    """The export example, in the test's directory."""
    return Path(shutil.copy(EXAMPLES / "export-general-trade.xml", Path.cwd() / "export.xml"))


@pytest.fixture
def attested(kouan: Kouan, export: Path) -> str:
    """A declaration that customs attested and its owner's wallet took in; its number."""
    assert kouan("customs", "attest", export, "--as", "shanghai-customs").code == 0
    assert kouan("enterprise", "receive").code == 0
    return NUMBER


def one_line(ran: Ran, *parts: str) -> None:
    """Check that unusable input ended with exit 2 and one plain line that has these parts."""
    assert ran.code == 2, (ran.out, ran.err)
    assert len(ran.err.strip().splitlines()) == 1, ran.err
    assert "Traceback" not in ran.err
    for part in parts:
        assert part in ran.err
