"""Times in words: always UTC, the audience's zone beside it, and how far away they are.

Names of days and months are written here rather than taken from `strftime`, which follows the locale.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from datetime import date, tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_HALF_A_YEAR = timedelta(days=183)


def zone(name: str) -> tzinfo:
    """Return the time zone of this IANA name, or UTC where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def day(date_: date) -> str:
    """Write a date: `Fri 27 Nov 2026`."""
    return f"{_DAYS[date_.weekday()]} {date_.day} {_MONTHS[date_.month - 1]} {date_.year}"


def brief(time: datetime, as_of: datetime) -> str:
    """Write a time as subjects do: `Fri 27 Nov 01:00 UTC`, with its year if that is half a year away."""
    if abs(time - as_of) >= _HALF_A_YEAR:
        return utc(time)
    time = time.astimezone(UTC)
    return f"{_DAYS[time.weekday()]} {time.day} {_MONTHS[time.month - 1]} {time:%H:%M} UTC"


def utc(time: datetime) -> str:
    """Write a time in UTC: `Fri 27 Nov 2026, 01:00 UTC`."""
    time = time.astimezone(UTC)
    return f"{day(time)}, {time:%H:%M} UTC"


def local(time: datetime, zone_: tzinfo) -> str:
    """Write the same time in the audience's zone: `02:00 Europe/Berlin`, with the day where it is another.

    Empty where the zone is UTC.
    """
    name = str(zone_)
    if name in {"UTC", "Etc/UTC"}:
        return ""
    try:
        there = time.astimezone(zone_)
    except OverflowError:  # the last hours of the year 9999
        return ""
    if there.date() == time.astimezone(UTC).date():
        return f"{there:%H:%M} {name}"
    return f"{_DAYS[there.weekday()]} {there.day} {_MONTHS[there.month - 1]}, {there:%H:%M} {name}"


def both(time: datetime, zone_: tzinfo) -> str:
    """Write a time in UTC and in the audience's zone: `Fri 27 Nov 2026, 01:00 UTC (02:00 Europe/Berlin)`."""
    there = local(time, zone_)
    return f"{utc(time)} ({there})" if there else utc(time)


def brief_both(time: datetime, zone_: tzinfo, as_of: datetime) -> str:
    """Write a time in brief and in the audience's zone: `Fri 27 Nov 01:00 UTC (02:00 Europe/Berlin)`."""
    there, here = local(time, zone_), brief(time, as_of)
    return f"{here} ({there})" if there else here


def span(length: timedelta) -> str:
    """Write a duration: `45 min`, `2 h 5 min`, `1 day 3 h`."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < _MINUTE:
        return "less than a minute"
    minutes = round(seconds / _MINUTE)
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return _count(days, "day") + (f" {hours} h" if hours else "")
    parts = ([f"{hours} h"] if hours else []) + ([f"{minutes} min"] if minutes else [])
    return " ".join(parts)


def away(time: datetime, as_of: datetime) -> str:
    """Return how far a time lies from `as_of`: `in 7 days`, `in 24 hours`, `3 days ago`, `now`."""
    seconds = (time - as_of).total_seconds()
    size = abs(seconds)
    if size < _MINUTE:
        return "now"
    if size < 59.5 * _MINUTE:
        words = _count(round(size / _MINUTE), "minute")
    elif size < 47.5 * _HOUR:
        words = _count(round(size / _HOUR), "hour")
    else:
        words = _count(round(size / _DAY), "day")
    return f"in {words}" if seconds > 0 else f"{words} ago"


def days_away(date_: date, as_of: datetime) -> int:
    """Count the days from `as_of` (in UTC) to a date: 0 today, negative when past."""
    return (date_ - as_of.astimezone(UTC).date()).days


def in_days(days: int) -> str:
    """Write a number of days from now: `today`, `in 5 days`, `3 days ago`."""
    if days == 0:
        return "today"
    words = _count(abs(days), "day")
    return f"in {words}" if days > 0 else f"{words} ago"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
