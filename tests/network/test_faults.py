"""Four real validators in network namespaces survive the short set of faults; `make chaos` tries all, for longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.network import isolation

from kouan.engines.cometbft.node import binary


def test_a_network_survives_the_short_set_of_faults(tmp_path: Path) -> None:
    """One test, so that one network serves all faults: killed, cut off and lied to, it stays one, correct and live."""
    reason = isolation.reason_against() or _reason_against_engine()
    if reason is not None:
        pytest.skip(f"no fault campaign can run here: {reason}")
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "tests.network.chaos", "--short", "--seed", "1", "--json", str(report)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    outcomes = msgspec.json.decode(report.read_bytes()) if report.exists() else []
    wrong = {outcome["fault"]: outcome["wrong"] for outcome in outcomes if outcome["wrong"]}
    assert not wrong, done.stderr
    assert outcomes, done.stderr
    assert done.returncode == 0, done.stderr


def _reason_against_engine() -> str | None:
    try:
        binary.find()
    except binary.BinaryError as problem:
        return str(problem)
    return None
