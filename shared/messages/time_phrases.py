"""Times in words: in the audience's zone with its offset, in UTC beside it, and how far away they are.

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
_DASH, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


def zone(name: str) -> tzinfo:
    """Return the time zone of this IANA name, or UTC where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def day(date_: date) -> str:
    """Return a date: `Fri 27 Nov 2026`."""
    return f"{_DAYS[date_.weekday()]} {date_.day} {_MONTHS[date_.month - 1]} {date_.year}"


def utc(time: datetime) -> str:
    """Return a time in UTC: `Fri 27 Nov 2026, 01:00 UTC`."""
    time = time.astimezone(UTC)
    return f"{day(time)}, {time:%H:%M} UTC"


def short(time: datetime, zone_: tzinfo, as_of: datetime) -> str:
    """Return a time for a subject: `Fri 27 Nov 02:00` in the audience's zone, or `Fri 27 Nov 01:00 UTC`.

    With its year where that is half a year away, and its offset where the clock shows that time twice.
    """
    there, name = _there(time, zone_)
    words = f"{_date(there, as_of)} {there:%H:%M}"
    if not name:
        return f"{words} UTC"
    is_twice = there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()
    return f"{words} ({offset(there)})" if is_twice else words


def here(time: datetime, zone_: tzinfo, as_of: datetime | None = None) -> str:
    """Return a time for a sentence: `Fri 27 Nov 02:00 Berlin (UTC+1)`, or `Fri 27 Nov 01:00 UTC`."""
    there, name = _there(time, zone_)
    return f"{_date(there, as_of)} {_clock(there, name)}"


def beside(time: datetime, zone_: tzinfo, as_of: datetime | None = None) -> str:
    """Return a time for a panel: `Fri 27 Nov 02:00 Berlin (UTC+1) · 01:00 UTC`, the day where it differs."""
    there, name = _there(time, zone_)
    if not name:
        return here(time, zone_, as_of)
    same = time.astimezone(UTC)
    also = f"{same:%H:%M} UTC" if same.date() == there.date() else f"{_date(same, as_of)} {same:%H:%M} UTC"
    return f"{here(time, zone_, as_of)} · {also}"


def clock(zone_: tzinfo) -> str:
    """Return whose clock short times are of: `times of Berlin`; nothing for UTC, which they name."""
    name = _name(zone_)
    return f"times of {name}" if name else ""


def between(start: datetime, end: datetime, zone_: tzinfo, as_of: datetime) -> str:
    """Return a span of time for a sentence: `Fri 27 Nov 02:00-06:00 Berlin (UTC+1)`."""
    first, name = _there(start, zone_)
    last, _ = _there(end, zone_)
    near = last.date() == first.date() or end - start < timedelta(days=6)
    end_day = f"{_DAYS[last.weekday()]} " if near else f"{_date(last, as_of)} "
    end_day = "" if last.date() == first.date() else end_day
    if not near or (name and first.utcoffset() != last.utcoffset()):
        return f"{_date(first, as_of)} {_clock(first, name)} to {end_day}{_clock(last, name)}"
    return f"{_date(first, as_of)} {first:%H:%M}{_DASH}{end_day}{_clock(last, name)}"


def offset(time: datetime) -> str:
    """Return how far a local time lies from UTC: `UTC+1`, `UTC+5:30`, `UTC-8`."""
    minutes = round((time.utcoffset() or timedelta(0)).total_seconds() / _MINUTE)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else _MINUS
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def _name(zone_: tzinfo) -> str:
    """Return what to call a zone: its city; nothing for UTC."""
    name = str(zone_)
    return "" if name in {"UTC", "Etc/UTC"} else name.rpartition("/")[2].replace("_", " ")


def _there(time: datetime, zone_: tzinfo) -> tuple[datetime, str]:
    """Return a time in a zone, and what to call the zone: its city; nothing for UTC."""
    name = _name(zone_)
    if name:
        try:
            return time.astimezone(zone_), name
        except OverflowError:  # the last hours of the year 9999
            pass
    return time.astimezone(UTC), ""


def _date(time: datetime, as_of: datetime | None) -> str:
    """Return a day, with its year where that is half a year away, or where it is not said from when."""
    words = f"{_DAYS[time.weekday()]} {time.day} {_MONTHS[time.month - 1]}"
    return f"{words} {time.year}," if as_of is None or abs(time - as_of) >= _HALF_A_YEAR else words


def _clock(time: datetime, name: str) -> str:
    return f"{time:%H:%M} {name} ({offset(time)})" if name else f"{time:%H:%M} UTC"


def span(length: timedelta) -> str:
    """Return a duration: `45 min`, `2 h 5 min`, `1 day 3 h`."""
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
    """Return a number of days from now: `today`, `in 5 days`, `3 days ago`."""
    if days == 0:
        return "today"
    words = _count(abs(days), "day")
    return f"in {words}" if days > 0 else f"{words} ago"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
