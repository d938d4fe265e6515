"""A network in one process, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines.cometbft.network_scene import Scene


@pytest.fixture
def scene(tmp_path: Path, shallow_tree: None) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()
