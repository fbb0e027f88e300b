"""Reading maintenance configurations as Azure Resource Manager returns them and as the CLI prints them.

ARM wraps what a configuration says into `properties` and a list of them into `value`; `az aks
maintenanceconfiguration` prints the same without the wrapping and with null for what is not set; a shared
window (`az aks maintenancewindow`) has the schedule directly under `properties`. What breaks the documented
limits is an error that names the field, because a window computed from it would be made up. What is unknown
is passed over: AKS adds properties. A configuration without any schedule is read as one.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from shared.maintenance.configuration import (
    MAX_WINDOW_HOURS,
    MIN_WINDOW_HOURS,
    NAMES,
    WEEKDAYS,
    AbsoluteMonthly,
    Configuration,
    Daily,
    DateSpan,
    MaintenanceWindow,
    RelativeMonthly,
    SharedWindow,
    TimeInWeek,
    TimeSpan,
    WeekIndex,
    Weekly,
)
from shared.maintenance.field import ConfigurationError, Field
from shared.timestamps import ZERO_YEARS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.maintenance.configuration import Schedule

__all__ = ["ConfigurationError", "is_shared", "parse", "parse_shared"]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_SHARED_TYPE = "microsoft.containerservice/maintenancewindows"
_NAMES = {name.lower(): name for name in NAMES}


def parse(body: object) -> Configuration:
    """Read one configuration from decoded JSON, wrapped or flat.

    Raises ConfigurationError, a ValueError that names the field and what was expected there.
    """
    return _configuration(Field(body).object())


def is_shared(body: object) -> bool:
    """Return whether decoded JSON describes a shared window, by its type, its ID or its form."""
    if not isinstance(body, dict):
        return False
    kind, id_ = body.get("type"), body.get("id")
    if isinstance(kind, str) and kind:
        return kind.lower() == _SHARED_TYPE
    if isinstance(id_, str) and id_:
        return f"/providers/{_SHARED_TYPE}/" in id_.lower()
    said = body.get("properties")
    said = said if isinstance(said, dict) else body
    return {"schedule", "durationHours", "startTime"} <= said.keys()


def parse_shared(body: object) -> SharedWindow:
    """Read one shared window from decoded JSON, wrapped or flat.

    Raises ConfigurationError, a ValueError that names the field and what was expected there.
    """
    whole = Field(body).object()
    properties = whole["properties"]
    id_ = whole["id"].text_or_empty()
    tags = whole["tags"].value
    history = whole["systemData"]
    return SharedWindow(
        id=id_,
        name=whole["name"].text_or_empty() or id_.rpartition("/")[2],
        window=_maintenance_window(whole if properties.is_null else properties.object()),
        location=whole["location"].text_or_empty(),
        tags={str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {},
        created=_noted(history, "createdAt"),
        changed=_noted(history, "lastModifiedAt"),
    )


def _configuration(whole: Field) -> Configuration:
    properties = whole["properties"]
    said = whole if properties.is_null else properties.object()
    name, id_ = whole["name"].text_or_empty(), whole["id"].text_or_empty()
    name = name or _name_in(id_)
    history = whole["systemData"]
    return Configuration(
        name=_NAMES.get(name.lower(), name),
        id=id_,
        window=_window(said, is_linked=not said["maintenanceWindowId"].is_null),
        not_allowed_time=tuple(_time_span(item) for item in said["notAllowedTime"].items()),
        created=_noted(history, "createdAt"),
        changed=_noted(history, "lastModifiedAt"),
        window_id=said["maintenanceWindowId"].text_or_empty(),
    )


def _name_in(resource_id: str) -> str:
    head, _, name = resource_id.rpartition("/")
    return name if head.lower().endswith("/maintenanceconfigurations") else ""


def _window(said: Field, *, is_linked: bool) -> MaintenanceWindow | TimeInWeek | None:
    window, older = said["maintenanceWindow"], said["timeInWeek"]
    if not window.is_null:
        return _maintenance_window(window.object())
    return None if older.is_null or (is_linked and older.value == []) else _time_in_week(older)


def _maintenance_window(window: Field) -> MaintenanceWindow:
    hours = window["durationHours"].whole(MIN_WINDOW_HOURS, MAX_WINDOW_HOURS)
    start_date, offset = window["startDate"], window["utcOffset"]
    return MaintenanceWindow(
        schedule=_schedule(window["schedule"].object()),
        duration=timedelta(hours=hours),
        start_time=_start_time(window["startTime"]),
        utc_offset=timedelta(0) if offset.is_null else _utc_offset(offset),
        start_date=None if start_date.is_null else _date(start_date),
        not_allowed_dates=tuple(_date_span(item) for item in window["notAllowedDates"].items()),
    )


def _schedule(schedule: Field) -> Schedule:
    given = [name for name in _SCHEDULES if not schedule[name].is_null]
    if len(given) != 1:
        raise schedule.error(f"exactly one of {', '.join(_SCHEDULES)}", given or None)
    return _SCHEDULES[given[0]](schedule[given[0]].object())


_SCHEDULES: dict[str, Callable[[Field], Schedule]] = {
    "daily": lambda said: Daily(said["intervalDays"].whole(1, 7)),
    "weekly": lambda said: Weekly(said["intervalWeeks"].whole(1, 4), _weekday(said["dayOfWeek"])),
    "absoluteMonthly": lambda said: AbsoluteMonthly(
        said["intervalMonths"].whole(1, 6), said["dayOfMonth"].whole(1, 31)
    ),
    "relativeMonthly": lambda said: RelativeMonthly(
        said["intervalMonths"].whole(1, 6),
        WeekIndex(said["weekIndex"].choice(WeekIndex)),
        _weekday(said["dayOfWeek"]),
    ),
}


def _weekday(field: Field) -> int:
    """Return the day of the week, Monday is 0."""
    return WEEKDAYS.index(field.choice(WEEKDAYS))


def _start_time(field: Field) -> time:
    match = field.match(_TIME, "a time from 00:00 to 23:59")
    return time(int(match[1]), int(match[2]))


def _utc_offset(field: Field) -> timedelta:
    match = field.match(_OFFSET, "an offset from UTC such as -08:00 or +05:30")
    size = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -size if match[1] == "-" else size


def _date(field: Field) -> date:
    expected = "a date such as 2026-11-27"
    text = field.match(_DATE, expected).group()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise field.error(expected) from None


def _date_span(span: Field) -> DateSpan:
    start, end = _date(span.object()["start"]), _date(span["end"])
    if end < start:
        raise span["end"].error(f"a date not before its start, {start}")
    return DateSpan(start, end)


def _time_span(span: Field) -> TimeSpan:
    start, end = _instant(span.object()["start"]), _instant(span["end"])
    if end < start:
        raise span["end"].error(f"a time not before its start, {start:%Y-%m-%dT%H:%M:%SZ}")
    return TimeSpan(start, end)


def _instant(field: Field) -> datetime:
    found = _as_time(field.value)
    if found is None:
        raise field.error("a time such as 2026-11-27T01:00:00Z")
    return found


def _noted(history: Field, name: str) -> datetime | None:
    """Take a time that is nice to have: unreadable, or .NET's zero time, is as good as none."""
    found = _as_time(history.value.get(name)) if isinstance(history.value, dict) else None
    return found if found and found.year >= ZERO_YEARS else None


def _as_time(value: object) -> datetime | None:
    """Read RFC 3339; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(value.strip().upper()) if isinstance(value, str) else None
        if found is None:
            return None
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _time_in_week(older: Field) -> TimeInWeek:
    hours: set[int] = set()
    for item in older.items():
        day = _weekday(item.object()["day"])
        slots = item["hourSlots"]
        if slots.is_null:
            _refuse_other_spelling(slots, item)
            found: Iterable[int] = range(24)
        else:
            found = [slot.whole(0, 23) for slot in slots.items()]
        hours |= {day * 24 + hour for hour in found}
    if not hours:
        raise older.error("at least one of hourSlots")
    return TimeInWeek(tuple(sorted(hours)))


def _refuse_other_spelling(slots: Field, item: Field) -> None:
    """Raise ConfigurationError where the slots are there under another spelling, such as hour_slots.

    A day without slots is the whole day: the documentation of the older az said so ("omit the start hour").
    """
    assert isinstance(item.value, dict)
    for key in item.value:
        if str(key).replace("_", "").lower() == "hourslots" and key != "hourSlots":
            raise slots.error("hourSlots, spelled like this", key)
