"""When the clocks of a time zone change, and how windows move against them. Pure.

A window's offset from UTC is fixed, and people's clocks are not: after a change every window comes at another
local time. `zoneinfo` does not list changes, so they are looked for: a day at a time, then to the second.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_HORIZON = timedelta(days=550)
"""A zone with summer time changes twice a year; one that has not changed in so long has none."""

_STEP = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class ClockChange(msgspec.Struct, frozen=True):
    """A moment at which a zone's offset from UTC becomes another one. `at`, in UTC, is the first of it."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def around(self) -> tuple[datetime, datetime]:
        """The last second of the old offset and the first of the new."""
        return self.at - _SECOND, self.at


def clock_changes(zone: ZoneInfo, after: datetime, count: int) -> list[ClockChange]:
    """Return the next changes of a zone's clocks after this time, in order; none without summer time."""
    found: list[ClockChange] = []
    low = after.astimezone(UTC).replace(microsecond=0)
    until = low + _HORIZON
    while low < until and len(found) < count:
        high = low + _STEP
        if _offset(zone, low) != _offset(zone, high):
            found.append(_between(zone, low, high))
        low = high
    return found


def _between(zone: ZoneInfo, low: datetime, high: datetime) -> ClockChange:
    before = _offset(zone, low)
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle in {low, high}:
            break
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return ClockChange(high, before, _offset(zone, high))


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
