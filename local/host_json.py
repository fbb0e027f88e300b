"""JSON as the host's Event Grid extension reads it and writes it for a function: Newtonsoft's way.

More than JSON is read: comments, trailing commas, single quotes, names without quotes, NaN and Infinity, of
a key that stands twice the last; but nothing nested deeper than 64. What is written is compact, its numbers
and escapes are .NET's. Read elsewise than there: `undefined`, octal numbers, `new Date(…)` and what else
JSON5 does not have is refused; numbers of more than 380 digits are taken.
"""

from __future__ import annotations

import json
import re
import typing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import json5

if typing.TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 64
_ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"})
_FIXED_POINT = range(-4, 15)
"""Decimal exponents of doubles that .NET writes without an exponent."""

_TICKS = 10_000_000  # a second
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST_TICK = 3_155_378_975_999_999_999
"""9999-12-31T23:59:59.9999999 in tenths of microseconds since the year 1."""
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?", re.ASCII
)
_MICROSOFT = re.compile(r"/Date\((-?\d{1,18})([+-]\d{4})?\)/", re.ASCII)
_ISO_LENGTHS = range(19, 41)


def read(text: str) -> typing.Any:  # noqa: ANN401 - any JSON
    """Return the value that a request's text holds. Raises ValueError."""
    try:
        try:
            value = json.loads(text, strict=False)
        except ValueError:
            value = json5.loads(text)
        if _depth(value) > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    return value


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def write(value: object, *, rewrite_dates: bool = False) -> str:
    """Return the compact text of a value.

    With `rewrite_dates` as extensions before 3.4.3 do: text that looks like a time is written as .NET
    writes that time, an offset brought to UTC, zeros at the end of a fraction dropped.
    """
    text = _written(value, _rewritten if rewrite_dates else str)
    # On its way to the worker the text is UTF-8, where half a surrogate pair cannot be.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _written(value: object, date: Callable[[str], str]) -> str:
    match value:
        case dict():
            return (
                "{" + ",".join(f"{_quoted(key)}:{_written(each, date)}" for key, each in value.items()) + "}"
            )
        case list():
            return "[" + ",".join(_written(each, date) for each in value) + "]"
        case str():
            return _quoted(date(value))
        case float():
            return _double(value)
        case _:
            return json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPED)


def _double(number: float) -> str:
    if number - number != 0:
        return json.dumps(json.dumps(number))  # "NaN" or "Infinity", a text
    value = Decimal(repr(number))
    if number == 0 or value.adjusted() in _FIXED_POINT:
        text = f"{value:f}"
        return text if "." in text else text + ".0"
    mantissa = value.scaleb(-value.adjusted()).normalize()
    return f"{mantissa:f}E{value.adjusted():+03d}"


def _rewritten(text: str) -> str:
    if match := _MICROSOFT.fullmatch(text):
        ticks = _ticks(datetime(1970, 1, 1, tzinfo=UTC)) + int(match[1]) * (_TICKS // 1000)
        return _time(ticks, "+00:00" if match[2] else "Z") if 0 <= ticks <= _LAST_TICK else text
    match = _ISO.fullmatch(text) if len(text) in _ISO_LENGTHS else None
    if match is None:
        return text
    day, hour, minute, second, fraction, utc, sign, offset_hours, offset_minutes = match.groups("")
    midnight = (hour, minute, second, fraction.strip("0")) == ("24", "00", "00", "")
    try:
        base = datetime.fromisoformat(f"{day}T{'00' if midnight else hour}:{minute}:{second}+00:00")
    except ValueError:
        return text
    # An eighth digit rounds the seventh.
    ticks = _ticks(base) + int(Decimal(f"0.{fraction or 0}").scaleb(7).to_integral_value("ROUND_HALF_UP"))
    ticks += 86_400 * _TICKS * midnight
    if not sign:
        return _time(ticks, "Z" if utc else "") if ticks <= _LAST_TICK else text
    offset = (int(offset_hours) * 60 + int(offset_minutes or 0)) * 60 * _TICKS
    ticks += -offset if sign == "+" else offset
    return _time(min(max(0, ticks), _LAST_TICK), "+00:00")


def _ticks(time: datetime) -> int:
    return (time - _FIRST) // timedelta(seconds=1) * _TICKS


def _time(ticks: int, zone: str) -> str:
    seconds, fraction = divmod(ticks, _TICKS)
    time = (_FIRST + timedelta(seconds=seconds)).isoformat().removesuffix("+00:00")
    return f"{time}{f'.{fraction:07d}'.rstrip('0').rstrip('.')}{zone}"
