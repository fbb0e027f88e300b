"""The windows that follow from a configuration, in UTC.

What the documentation leaves open is decided here and in `recurrence`, and marked on the window:
`doubts` names intervals above 1, days 29 to 31, a time without maintenance that covers a part of the window,
and configurations that AKS does not heed; nothing else. A window that starts inside a time without
maintenance does not come.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import msgspec

from shared.maintenance import recurrence
from shared.maintenance.configuration import HOURS_IN_A_WEEK, Doubt, MaintenanceWindow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.maintenance.configuration import Configuration, TimeInWeek

    Span = tuple[timedelta, timedelta]

# Inside this module an instant is the time since 0001-01-01T00:00Z: a timedelta reaches further than the
# calendar does, so nothing overflows near its ends.
_ZERO = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC) - _ZERO
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


class Window(msgspec.Struct, frozen=True):
    """A maintenance window. Both times are in UTC; the end is exclusive."""

    start: datetime
    end: datetime
    doubts: tuple[Doubt, ...] = ()
    """Why it may not come like this."""

    @property
    def approximate(self) -> bool:
        """Whether it rests on something that AKS does not document, or does not heed."""
        return bool(self.doubts)


def occurrences(
    configuration: Configuration, after: datetime, until: datetime | None = None
) -> Iterator[Window]:
    """Yield a configuration's windows in order, as they are asked for.

    These are the windows that end after `after`, one that is running then among them, and that start before
    `until`; without it they go on to the end of the calendar. Both times are aware, of any zone. The next
    window costs the same however long ago the configuration's startDate was.

    Intervals count from startDate, or, where that is not set, from the day the configuration was created;
    where neither is known and it matters, from the day of `after`: AKS takes the day of creation, so that is
    right for a configuration that is about to be created.

    Raises ValueError for a time without a zone.
    """
    for name, time in (("after", after), ("until", until)):
        if time is not None and time.utcoffset() is None:
            raise ValueError(f"{name}: expected a time with a zone")
    return _windows(configuration, after - _ZERO, _NEVER if until is None else until - _ZERO)


def window_at(configuration: Configuration, time: datetime) -> Window | None:
    """Return the window that contains this time, its start included and its end not; None if none does."""
    window = next(occurrences(configuration, time), None)
    return window if window is not None and window.start <= time else None


def next_window(configuration: Configuration, after: datetime) -> Window | None:
    """Return the first that starts at `after` or later; None if none does. A running one is not next."""
    return next((window for window in occurrences(configuration, after) if window.start >= after), None)


def _windows(configuration: Configuration, after: timedelta, until: timedelta) -> Iterator[Window]:
    if configuration.window is None:
        return
    doubts = _doubts(configuration)
    blackouts = _blackouts(configuration)
    ends = [end for _, end in blackouts]
    low: timedelta | None = after - _longest(configuration)
    while low is not None:
        resume = None
        for start, end in _spans(configuration, after, low):
            if start >= until or end > _NEVER:
                return
            if end <= after or start < timedelta(0):
                continue
            index = bisect_right(ends, start)
            begins, resume = blackouts[index] if index < len(blackouts) else (_NEVER, None)
            if resume is not None and begins <= start:
                break  # jump over the rest of the blackout instead of walking through it
            resume = None
            partly = (Doubt.BLACKOUT,) if begins < end else ()
            yield Window(_ZERO + start, _ZERO + end, doubts + partly)
        low = resume


def _doubts(configuration: Configuration) -> tuple[Doubt, ...]:
    """Return what is doubtful about every window of the configuration."""
    unheeded, window = configuration.unheeded, configuration.window
    doubts = (unheeded,) if unheeded else ()
    return doubts + (recurrence.doubts(window.schedule) if isinstance(window, MaintenanceWindow) else ())


def _longest(configuration: Configuration) -> timedelta:
    if isinstance(configuration.window, MaintenanceWindow):
        return configuration.window.duration
    assert configuration.window is not None
    return max(length for _, length in configuration.window.runs) * _HOUR


def _spans(configuration: Configuration, after: timedelta, low: timedelta) -> Iterator[Span]:
    """Yield starts and ends in order, from the first start at `low` or later."""
    assert configuration.window is not None
    if not isinstance(configuration.window, MaintenanceWindow):
        yield from _hours(configuration.window, low)
        return
    window = configuration.window
    midnight = timedelta(hours=window.start_time.hour, minutes=window.start_time.minute) - window.utc_offset
    first = -((midnight - low) // _DAY)
    for day in recurrence.days(window.schedule, _anchor(configuration, after), max(first, 0)):
        start = day * _DAY + midnight
        yield start, start + window.duration


def _hours(window: TimeInWeek, low: timedelta) -> Iterator[Span]:
    runs = [(first * _HOUR, length * _HOUR) for first, length in window.runs]
    for week in count(max(low // (HOURS_IN_A_WEEK * _HOUR), 0)):
        monday = week * HOURS_IN_A_WEEK * _HOUR
        for first, length in runs:
            if monday + first >= low:
                yield monday + first, monday + first + length


def _anchor(configuration: Configuration, after: timedelta) -> int:
    """Return the number of the local day that intervals count from, and before which there is no window."""
    window = configuration.window
    assert isinstance(window, MaintenanceWindow)
    if window.start_date is not None:
        return recurrence.number(window.start_date)
    if configuration.created is not None:
        return max((configuration.created - _ZERO + window.utc_offset) // _DAY, 0)
    if window.schedule.interval == 1:
        return 0  # no day is better than another: the window is taken to have been in force always
    return max((after + window.utc_offset) // _DAY, 0)


def _blackouts(configuration: Configuration) -> list[Span]:
    """Return the times without maintenance in order, merged where they touch."""
    offset = configuration.utc_offset
    spans = [(span.start - _ZERO, span.end - _ZERO) for span in configuration.not_allowed_time]
    if isinstance(configuration.window, MaintenanceWindow):
        spans += [
            (_midnight(span.start) - offset, _midnight(span.end) + _DAY - offset)
            for span in configuration.window.not_allowed_dates
        ]
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _midnight(day: date) -> timedelta:
    return recurrence.number(day) * _DAY
