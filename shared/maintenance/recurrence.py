"""The days on which a schedule falls, found by arithmetic: no day before the one asked for is ever visited.

`dateutil.rrule` does not fit: it walks from DTSTART at every question, so that the cost grows with the age of
a configuration; it counts weeks from DTSTART's calendar week instead of from the first such weekday; and it
has no way to say "the 31st, or the last day of a month without one". Days here are plain numbers, counted
from 0001-01-01, a Monday: they can neither overflow nor be of a time zone.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, date
from itertools import count
from typing import TYPE_CHECKING

from shared.maintenance.configuration import (
    CERTAIN_DAYS,
    AbsoluteMonthly,
    Daily,
    Doubt,
    RelativeMonthly,
    WeekIndex,
    Weekly,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.maintenance.configuration import Schedule

_WEEK = 7
_MONTHS = 12
_LAST_MONTH = MAXYEAR * _MONTHS + 11
_WEEKS_BEFORE = {WeekIndex.FIRST: 0, WeekIndex.SECOND: 1, WeekIndex.THIRD: 2, WeekIndex.FOURTH: 3}


def number(day: date) -> int:
    """Return a date's number: 0001-01-01 is 0."""
    return day.toordinal() - 1


def days(schedule: Schedule, anchor: int, first: int) -> Iterator[int]:
    """Yield the numbers of the schedule's days in order, from `first` on and none before `anchor`.

    How AKS counts intervals above 1 is not documented. Here they count from the anchor (the configuration's
    startDate): from that day itself, from the first such weekday on or after it, from its month. A day of the
    month that a month does not have is taken to be its last one: to expect a window that does not come does
    less harm than to be surprised by one.
    """
    if isinstance(schedule, Daily):
        return _steps(anchor, schedule.interval, first)
    if isinstance(schedule, Weekly):
        begin = anchor + (schedule.weekday - anchor) % _WEEK
        return _steps(begin, schedule.interval * _WEEK, first)
    return _monthly(schedule, anchor, max(anchor, first))


def doubts(schedule: Schedule) -> tuple[Doubt, ...]:
    """Return what the days of a schedule rest on that is not documented."""
    is_short = isinstance(schedule, AbsoluteMonthly) and schedule.day > CERTAIN_DAYS
    return ((Doubt.INTERVAL,) if schedule.interval > 1 else ()) + ((Doubt.SHORT_MONTH,) if is_short else ())


def _steps(begin: int, step: int, first: int) -> Iterator[int]:
    skipped = max(0, -((begin - first) // step))
    return count(begin + skipped * step, step)


def _monthly(schedule: AbsoluteMonthly | RelativeMonthly, anchor: int, first: int) -> Iterator[int]:
    if first >= date.max.toordinal():
        return
    begin, now = _month(anchor), _month(first)
    skipped = -((begin - now) // schedule.interval)
    for month in range(begin + skipped * schedule.interval, _LAST_MONTH + 1, schedule.interval):
        day = _in_month(schedule, *divmod(month, _MONTHS))
        if day >= first:
            yield day


def _month(day: int) -> int:
    found = date.fromordinal(day + 1)
    return found.year * _MONTHS + found.month - 1


def _in_month(schedule: AbsoluteMonthly | RelativeMonthly, year: int, month: int) -> int:
    """Return the schedule's day in this month; January is 0."""
    begin = number(date(year, month + 1, 1))
    length = monthrange(year, month + 1)[1]
    if isinstance(schedule, AbsoluteMonthly):
        return begin + min(schedule.day, length) - 1
    if schedule.week is WeekIndex.LAST:
        end = begin + length - 1
        return end - (end - schedule.weekday) % _WEEK
    return begin + (schedule.weekday - begin) % _WEEK + _WEEKS_BEFORE[schedule.week] * _WEEK
