"""NCRONTAB schedules as the Functions host reads them, in UTC: five fields, or six with the second first.

The rules are those of the host's parser, NCrontab.Signed (`CrontabFieldImpl.cs`, `CrontabField.cs`), which
are not cron's in places: the day and the weekday must both match, a range that runs backwards is turned
round, `1/15` runs on to the end of the field, a step below 1 counts as 1, a name may be shortened to its
first letter, and a weekday 7 does not exist. One thing differs on purpose: a schedule that never comes,
such as `0 0 0 30 2 *`, is refused here, where the host fails when it asks for the next time.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from itertools import product
from typing import NamedTuple, Self

_MONTHS = ["january", "february", "march", "april", "may", "june"]
_MONTHS += ["july", "august", "september", "october", "november", "december"]
_WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]


class _Field(NamedTuple):
    name: str
    first: int
    last: int
    names: list[str]


_FIELDS = (
    _Field("second", 0, 59, []),
    _Field("minute", 0, 59, []),
    _Field("hour", 0, 23, []),
    _Field("day", 1, 31, []),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 6, _WEEKDAYS),
)
_WITH_SECONDS = 6
_MAX_DAYS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}

# What .NET's int.Parse takes of a text that holds no blank.
_VALUE = re.compile(r"[0-9]+[\t-\r]*")
_STEP = re.compile(r"[\t-\r]*[+-]?[0-9]+[\t-\r]*")
_MAX_INT = 2**31 - 1


class TimerSchedule(NamedTuple):
    """The values that each field takes, in ascending order."""

    seconds: list[int]
    minutes: list[int]
    hours: list[int]
    days: list[int]
    months: list[int]
    weekdays: list[int]
    """0 is Sunday."""

    @classmethod
    def parse(cls, expression: str) -> Self:
        """Read an expression. Raises ValueError, whose text says in a clause what is wrong with it."""
        texts = [text for text in expression.split(" ") if text]
        if len(texts) not in {_WITH_SECONDS - 1, _WITH_SECONDS}:
            raise ValueError(
                "is not an NCRONTAB schedule of five fields, or six with seconds first such as 0 * * * * *"
            )
        texts = ["0", *texts][-_WITH_SECONDS:]
        schedule = cls(*(_values(field, text) for field, text in zip(_FIELDS, texts, strict=True)))
        if not any(day <= _MAX_DAYS[month] for month, day in product(schedule.months, schedule.days)):
            raise ValueError("is an NCRONTAB schedule that never comes: no such month has such a day")
        return schedule

    def next(self, after: datetime) -> datetime:
        """Return the first moment later than `after`, in its time zone, which should be UTC.

        Raises OverflowError where the calendar ends before.
        """
        start = after.replace(microsecond=0) + timedelta(seconds=1)
        day, since = start.date(), (start.hour, start.minute, start.second)
        while True:
            if self._has(day):
                hours = [hour for hour in self.hours if hour >= since[0]]
                for time in product(hours, self.minutes, self.seconds):
                    if time >= since:
                        return datetime(day.year, day.month, day.day, *time, tzinfo=after.tzinfo)
            day, since = day + timedelta(days=1), (0, 0, 0)

    def _has(self, day: date) -> bool:
        return day.day in self.days and day.month in self.months and day.isoweekday() % 7 in self.weekdays


def _values(field: _Field, text: str) -> list[int]:
    values: set[int] = set()
    # The host splits at commas only where one stands behind the first character.
    for part in text.split(",") if not text.startswith(",") else [text]:
        base, slash, step_text = part.partition("/") if not part.startswith("/") else (part, "", "")
        step = max(1, _number(field, step_text, _STEP)) if slash else 1
        first, dash, last = base.partition("-")
        if base == "*":
            values.update(range(field.first, field.last + 1, step))
        elif dash and first:
            low, high = sorted((_value(field, first), _value(field, last)))
            values.update(range(low, high + 1, step))
        else:
            value = _value(field, base)
            values.update(range(value, (field.last if slash else value) + 1, step))
    return sorted(values)


def _value(field: _Field, text: str) -> int:
    if text[:1].isdecimal() and text[:1].isascii():
        value = _number(field, text, _VALUE)
        if field.first <= value <= field.last:
            return value
        limits = f"goes from {field.first} to {field.last}"
        raise ValueError(f"has {text.strip()} for its {field.name}, which {limits}")
    for number, name in enumerate(field.names, field.first):
        if text and name.startswith(text.lower()):
            return number
    raise ValueError(f"has {text!r} for its {field.name}, which NCRONTAB does not know")


def _number(field: _Field, text: str, form: re.Pattern[str]) -> int:
    # The length first: Python reads a long number slowly.
    if len(text) < 30 and form.fullmatch(text) and abs(number := int(text)) <= _MAX_INT:  # noqa: PLR2004
        return number
    raise ValueError(f"has {text!r} for its {field.name}, which is not a number")
