"""A node's skip list: which envelopes it passes over because the members agreed to, not because somebody said so."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kouan.engines.cometbft.application.application import Skipping, skip_nothing
from kouan.modules.alliance.skipping import read_skip_list, skipped_by


def skipping(path: Path, alliance: str) -> Skipping:
    """Return what the application asks for the ids to skip, by a node's ``skip.json``; nothing where there is none.

    Raises SkipListError for a file that is no skip list. The application raises it for one that does not count.
    """
    if not path.exists():
        return skip_nothing
    return partial(skipped_by, read_skip_list(path.read_bytes()), alliance)
