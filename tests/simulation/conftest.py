"""The story, played once for all tests that look at it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.simulation.played import Played, play_story


@pytest.fixture(scope="session")
def played() -> Iterator[Played]:
    with quick_directory() as directory:
        yield play_story(Path(directory), seed=5)


def quick_directory() -> tempfile.TemporaryDirectory[str]:
    """In memory where the machine has such a place: the story syncs to disk some thousand times."""
    memory = Path("/dev/shm")  # noqa: S108  # looked for, not relied upon
    return tempfile.TemporaryDirectory(prefix="kouan-", dir=memory if memory.is_dir() else None)
