"""The archive of every change of the validators: what lets a proof be followed from the founding on, for ever.

CometBFT forgets old blocks; a node keeps the signed header of each change and the set that it names, in
``state/changes/<height>.json``, from soon after the change. ``<height>.wanted`` says that a change was executed and is
not in the archive yet. A step proves itself against the one before it, wherever it came from.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from kouan.engines.disk import sync
from kouan.kernel.encoding import EncodingError, decode, encode
from kouan.kernel.light import LightError, Step, Trusted, advance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kouan.engines.cometbft.sync.own_node import Asked

CHANGES: Final = "changes"
_STEP: Final = ".json"
_WANTED: Final = ".wanted"


class ChangesError(Exception):
    """The archive cannot be used; the text names the file and says what to do."""


class Changes:
    """The archive of one node. One thread may fetch while another asks."""

    def __init__(self, directory: Path, founded: Trusted) -> None:
        """Read the archive; raises ChangesError. ``founded``: the trust that the founding document gives."""
        self._directory = directory
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)
        self._steps: list[Step] = []
        self._trusted = founded
        for height in _heights(directory, _STEP):
            self._take(directory / f"{height}{_STEP}")
        self._wanted = [height for height in _heights(directory, _WANTED) if height >= self._trusted.height]

    def steps(self, below: int | None = None) -> list[Step]:
        """Return the changes in order, or those whose header lies below a height."""
        with self._lock:
            return [step for step in self._steps if below is None or step.signed.header.height < below]

    @property
    def oldest_wanted(self) -> int | None:
        """The lowest height whose header is still to be fetched: CometBFT must not forget it before."""
        return min(self._wanted, default=None)

    def want(self, height: int) -> None:
        """Note, so that no crash forgets it, that the header of a height names another set than its own."""
        with self._lock:
            if height < self._trusted.height or height in self._wanted:
                return  # blocks are executed again after a crash
            path = self._directory / f"{height}{_WANTED}"
            path.touch()
            sync(self._directory)
            self._wanted.append(height)

    def fetch(self, node: Asked) -> None:
        """Fetch what is wanted, the oldest first; raises NotYetError, ChangesError."""
        while (height := self.oldest_wanted) is not None:
            step = Step(next=node.validators(height + 1), signed=node.signed(height), validators=None)
            with self._lock:
                self._advance(step, f"the change of validators in header {height}, as CometBFT tells it,")
                write_step(self._directory, step)
                self._steps.append(step)
                self._wanted.remove(height)
            (self._directory / f"{height}{_WANTED}").unlink(missing_ok=True)

    def _take(self, path: Path) -> None:
        try:
            step = msgspec.convert(decode(path.read_bytes()), Step)
        except (OSError, EncodingError, msgspec.ValidationError) as problem:
            raise ChangesError(f"{path}: cannot be read ({problem}); {_WAY_ON}") from None
        self._advance(step, str(path))
        self._steps.append(step)

    def _advance(self, step: Step, name: str) -> None:
        try:
            self._trusted = advance(self._trusted, step, now_ms=None, trust_period_ms=0)
        except LightError as problem:
            raise ChangesError(f"{name} does not follow from the changes before it ({problem}); {_WAY_ON}") from None


_WAY_ON: Final = "copy the directory `changes` of another member's node, or begin from a snapshot"


def write_changes(directory: Path, steps: Sequence[Step], wanted: int | None) -> None:
    """Write an archive that was verified, and what is to be fetched next, into a new state."""
    directory.mkdir(parents=True, exist_ok=True)
    for step in steps:
        write_step(directory, step)
    if wanted is not None:
        (directory / f"{wanted}{_WANTED}").touch()
    sync(directory)


def write_step(directory: Path, step: Step) -> None:
    """Write one change, so that it is there whole or not at all."""
    path = directory / f"{step.signed.header.height}{_STEP}"
    unborn = path.with_suffix(".unfinished")
    with unborn.open("wb") as file:
        file.write(encode(step))
        file.flush()
        os.fsync(file.fileno())
    unborn.replace(path)
    sync(directory)


def _heights(directory: Path, suffix: str) -> list[int]:
    return sorted(int(path.stem) for path in directory.glob(f"*{suffix}") if path.stem.isdecimal())
