"""The pages of the reference that come from the source are current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_generated_pages_are_current() -> None:
    """Whoever changes a command, a refusal, a parameter or an option runs `make docs`."""
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"not current, run `make docs`:\n{done.stdout}{done.stderr}"
