"""Looking over what is on disk while nobody waits, so that damage is found before somebody needs what is damaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kouan.engines.log import BlockLog, Position
from kouan.engines.store import Store

BUCKETS_A_STEP: Final = 1024
RECORDS_A_STEP: Final = 32
STEP_PAUSE_S: Final = 0.05
PASS_PAUSE_S: Final = 24 * 3600.0


class Scrubber:
    """Goes through the stored state, then through the log, in small steps; begins again a day later."""

    def __init__(self, store: Store, log: BlockLog, found: Callable[[str], None]) -> None:
        """``found`` is told each damage in a sentence that says what to do."""
        self._store = store
        self._log = log
        self._found = found
        self._bucket = 0
        self._after: Position | None = None
        self.passes = 0
        """How often everything was looked at."""

    def step(self) -> float:
        """Look at a little more; return after how many seconds to go on."""
        if self._bucket < 1 << self._store.tree.depth:
            problem = self._store.scrub(self._bucket, BUCKETS_A_STEP)
            self._bucket += BUCKETS_A_STEP
            if problem:
                self._found(problem)
            return STEP_PAUSE_S
        scrub = self._log.scrub(self._after, RECORDS_A_STEP)
        self._after = scrub.last
        if scrub.problem:
            self._found(str(scrub.problem))
        elif scrub.checked == RECORDS_A_STEP:
            return STEP_PAUSE_S
        self._bucket, self._after = 0, None
        self.passes += 1
        return PASS_PAUSE_S
