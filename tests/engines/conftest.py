"""Stores of the engine's tests begin with a small tree: it is made faster and shows in nothing else."""

import pytest
from tests.engines import scene


@pytest.fixture
def shallow_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    scene.shallow_tree(monkeypatch)
