"""Business days in China."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kouan.client.workdays import KNOWN_YEARS, SHANGHAI, after_business_days, day_of, end_of_day, is_business_day

DAY_MS = 86_400_000


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1000)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-11-23", True),  # a Monday
        ("2026-11-22", False),  # a Sunday
        ("2026-10-07", False),  # National Day, a Wednesday
        ("2026-10-10", True),  # a Saturday worked in its stead
        ("2026-09-20", True),  # a Sunday worked
        ("2026-02-23", False),  # day off in lieu, a Monday
        ("2026-02-28", True),
        ("2027-02-08", True),  # Chinese New Year, but 2027 is not announced: Monday to Friday
        ("2027-02-06", False),
    ],
)
def test_days_off_and_worked_weekends_follow_the_notice(day: str, works: bool) -> None:  # noqa: FBT001  # a table
    assert is_business_day(date.fromisoformat(day)) is works


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-11-23T09:00", "2026-11-27T00:00"),  # Monday: Tuesday, Wednesday, Thursday 24:00
        ("2026-11-26T23:59", "2026-12-02T00:00"),  # Thursday: over the weekend
        ("2026-11-28T12:00", "2026-12-03T00:00"),  # a Saturday does not count itself
        ("2026-09-30T10:00", "2026-10-11T00:00"),  # Golden Week: the 8th, 9th, and the worked Saturday 10th
    ],
)
def test_three_business_days_end_at_24_00_in_shanghai(moment: str, end: str) -> None:
    """The day of the hold itself does not count."""
    deadline = after_business_days(_ms(moment))
    assert deadline.moment_ms == _ms(end)
    assert deadline.warning is None


def test_a_year_not_announced_is_said_plainly() -> None:
    """Across the end of the last known year, Monday to Friday are counted and the answer names the year."""
    year = max(KNOWN_YEARS)
    deadline = after_business_days(_ms(f"{year}-12-30T10:00"))
    assert deadline.warning is not None
    assert str(year + 1) in deadline.warning
    assert "Monday to Friday" in deadline.warning


def test_the_longest_hold_of_recent_years_is_thirteen_days() -> None:
    """Spring Festival of 2025: from Friday 24 January, 0:00, to the end of 5 February. The charter must allow it."""
    start = _ms("2024-01-01T00:00")
    spans = {}
    for moment in range(start, _ms("2026-12-25T00:00"), DAY_MS):
        spans[moment] = after_business_days(moment).moment_ms - moment
    longest = max(spans, key=lambda moment: spans[moment])
    assert (day_of(longest), spans[longest]) == (date(2025, 1, 24), 13 * DAY_MS)


def test_no_days_are_refused() -> None:
    with pytest.raises(ValueError, match="days: must be at least 1"):
        after_business_days(0, 0)


@given(moment=st.integers(_ms("2001-01-01T00:00"), _ms("2100-01-01T00:00")))
def test_the_end_is_a_midnight_after_three_working_days(moment: int) -> None:
    deadline = after_business_days(moment)
    assert deadline.moment_ms > moment
    assert deadline.moment_ms == end_of_day(deadline.last_day)
    assert is_business_day(deadline.last_day)
    assert day_of(deadline.moment_ms - 1) == deadline.last_day
