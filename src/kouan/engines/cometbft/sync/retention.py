"""Which blocks CometBFT may forget: those older than the node keeps them, as far as nothing else needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HOUR_MS: Final = 3_600_000


class _Milestone(msgspec.Struct, frozen=True, array_like=True):
    """The first block of an hour."""

    height: int
    time_ms: int


class Retention:
    """Blocks' ages by the hour, in a small file. Should it be lost, blocks are kept longer."""

    def __init__(self, path: Path, retention_ms: int) -> None:
        """``retention_ms``: how long blocks are kept, by the blocks' own times."""
        self._path = path
        self._retention_ms = retention_ms
        self._milestones = _read(path)

    def note(self, height: int, time_ms: int) -> None:
        """Take note of a block that was committed."""
        last = self._milestones[-1] if self._milestones else None
        if last is not None and time_ms // HOUR_MS <= last.time_ms // HOUR_MS:
            return
        self._milestones.append(_Milestone(height, time_ms))
        while len(self._milestones) > 1 and self._milestones[1].time_ms <= time_ms - self._retention_ms:
            del self._milestones[0]
        unborn = self._path.with_suffix(".unfinished")
        unborn.write_bytes(msgspec.json.encode(self._milestones))
        unborn.replace(self._path)

    def retain_height(self, time_ms: int, needed: Iterable[int | None]) -> int:
        """Return the lowest height that is to be kept, as ABCI has it: 0 for all of them.

        ``needed``: heights from which on something else needs the blocks; None for what needs none.
        """
        first = self._milestones[0] if self._milestones else None
        if first is None or first.time_ms > time_ms - self._retention_ms:
            return 0
        return max(0, min([first.height, *(height for height in needed if height is not None)]))


def _read(path: Path) -> list[_Milestone]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[_Milestone])
    except (OSError, msgspec.MsgspecError):
        return []
