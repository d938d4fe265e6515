"""Fixtures of the evaluator's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.evaluator.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A ledger in memory, two banks, and an evaluator with an empty memory."""
    made = Scene(tmp_path / "evaluator.db")
    yield made
    made.stop()
