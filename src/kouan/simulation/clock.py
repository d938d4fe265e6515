"""The story's time: it stands until the story moves it, so that the same story makes the same blocks everywhere.

On a network of real nodes nobody moves the time: blocks carry the machines' clocks.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta

from kouan.client.workdays import SHANGHAI

DAY_MS = 24 * 3_600_000


class StoryClock:
    """A clock in Shanghai's time."""

    def __init__(self, year: int, month: int, day: int, hour: int) -> None:
        self._now = self._start = datetime(year, month, day, hour, tzinfo=SHANGHAI)

    def now_ms(self) -> int:
        """Return the story's time in milliseconds since 1970."""
        return int(self._now.timestamp()) * 1000

    @property
    def now(self) -> datetime:
        """The story's time."""
        return self._now

    @property
    def day(self) -> int:
        """How many days after the story's first day it is."""
        return (self._now.date() - self._start.date()).days

    def move_to(self, day: int, hour: int, minute: int = 0) -> datetime:
        """Go on to a time of the ``day``-th day after the first; time never goes back."""
        later = self.midnight() + timedelta(days=day, hours=hour, minutes=minute)
        if later < self._now:
            raise AssertionError(f"the story is at {self._now}, it cannot go back to {later}")
        self._now = later
        return later

    def midnight(self) -> datetime:
        """Return when the story's first day began."""
        return self._start.replace(hour=0, minute=0, second=0, microsecond=0)

    def at(self, day: int, hour: int = 0) -> int:
        """Return a time of the ``day``-th day after the first, in milliseconds since 1970."""
        return int((self.midnight() + timedelta(days=day, hours=hour)).timestamp()) * 1000

    def day_of(self, day: int) -> date:
        """Return the date of the ``day``-th day after the first."""
        return self._start.date() + timedelta(days=day)


class WallClock(StoryClock):
    """The machine's clock: it moves by itself, so that a story has only what happens within minutes."""

    def __init__(self) -> None:
        now = datetime.now(SHANGHAI)
        super().__init__(now.year, now.month, now.day, now.hour)

    def now_ms(self) -> int:
        """Return the machine's time in milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    @property
    def now(self) -> datetime:
        """The machine's time."""
        return datetime.now(SHANGHAI)

    @property
    def day(self) -> int:
        """How many days after the story's first day it is."""
        return (self.now.date() - self.midnight().date()).days

    def move_to(self, day: int, hour: int, minute: int = 0) -> datetime:  # noqa: ARG002  # nobody moves this clock
        """Stay: it is what it is."""
        return self.now
