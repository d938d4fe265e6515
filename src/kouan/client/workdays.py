"""Business days in China, for the lapse of a hold: three business days, until the end of the last of them.

The State Council announces each year's days off, and the weekends that are worked in their stead 调休, in the year
before. The library `holidays` carries these notices; for a year whose notice it does not know yet, Monday to Friday
count as business days, and the answer says so.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import Final, NamedTuple

from holidays import HolidayBase, country_holidays
from holidays.countries.china import ChinaStaticHolidays

SHANGHAI: Final = timezone(timedelta(hours=8), "+08:00")  # without daylight saving since 1991
HOLD_DAYS: Final = 3
KNOWN_YEARS: Final = frozenset(ChinaStaticHolidays.special_public_holidays)


class Deadline(NamedTuple):
    """When something ends."""

    moment_ms: int
    """24:00 in Shanghai of the last day, in milliseconds since 1970."""
    last_day: date
    warning: str | None
    """Why the day may be wrong, or None."""


def is_business_day(day: date) -> bool:
    """Tell whether banks in China work on a day; in a year whose notice is not known, Monday to Friday."""
    if day.year not in KNOWN_YEARS:
        return day.weekday() < 5
    return _calendar(day.year).is_working_day(day)


def after_business_days(from_ms: int, days: int = HOLD_DAYS) -> Deadline:
    """Return the end of the ``days``-th business day after the day of a moment, which itself does not count.

    Raises ValueError unless ``days`` is at least 1.
    """
    if days < 1:
        raise ValueError(f"days: must be at least 1, not {days}")
    day, unknown = day_of(from_ms), set[int]()
    while days:
        day += timedelta(days=1)
        if day.year not in KNOWN_YEARS:
            unknown.add(day.year)
        days -= is_business_day(day)
    return Deadline(end_of_day(day), day, _warning(unknown))


def day_of(moment_ms: int) -> date:
    """Return the day in Shanghai on which a moment falls."""
    return datetime.fromtimestamp(moment_ms / 1000, SHANGHAI).date()


def end_of_day(day: date) -> int:
    """Return 24:00 in Shanghai of a day, in milliseconds since 1970."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(days=1)
    return int(midnight.timestamp()) * 1000


@cache
def _calendar(year: int) -> HolidayBase:
    return country_holidays("CN", years=year)


def _warning(unknown: set[int]) -> str | None:
    if not unknown:
        return None
    years = " and ".join(map(str, sorted(unknown)))
    return f"the public holidays of {years} are not known to this version: Monday to Friday were counted; check the day"
