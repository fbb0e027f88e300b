"""The windows of a configuration, found by looking at every single day; shares no code with what it checks.

The reference knows the rules as sentences: for each date since the first it asks whether the schedule names
it. That is slow, and hard to get wrong.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
DAY = timedelta(days=1)


def named(schedule: dict[str, Any], anchor: date, day: date) -> bool:
    """Return whether a schedule that counts from `anchor` names this day."""
    ((kind, said),) = schedule.items()
    if kind == "daily":
        return (day - anchor).days % int(said["intervalDays"]) == 0
    if kind == "weekly":
        first = anchor
        while DAYS[first.weekday()] != said["dayOfWeek"]:
            first += DAY
        return (day - first).days % (7 * int(said["intervalWeeks"])) == 0
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    if months % int(said["intervalMonths"]):
        return False
    length = monthrange(day.year, day.month)[1]
    if kind == "absoluteMonthly":
        return day.day == min(int(said["dayOfMonth"]), length)
    if DAYS[day.weekday()] != said["dayOfWeek"]:
        return False
    if said["weekIndex"] == "Last":
        return day.day + 7 > length
    return (day.day - 1) // 7 == ["First", "Second", "Third", "Fourth"].index(said["weekIndex"])


def zone_of(said: dict[str, Any]) -> timezone:
    """Return the zone of a window."""
    offset = said.get("utcOffset", "+00:00")
    hours, minutes = offset[1:].split(":")
    return timezone((-1 if offset[0] == "-" else 1) * timedelta(hours=int(hours), minutes=int(minutes)))


def expected(
    body: dict[str, Any], after: datetime, until: datetime, anchor: date | None = None
) -> list[tuple[datetime, datetime, bool]]:
    """Enumerate the windows day by day.

    `anchor` is the day that counts where there is no startDate. Of the days before `after` only the last few
    are looked at: no window of an earlier one is still open.
    """
    said = body["maintenanceWindow"]
    zone = zone_of(said)
    hour, minute = said["startTime"].split(":")
    blocked = [
        (datetime.fromisoformat(span["start"]), datetime.fromisoformat(span["end"]))
        for span in body.get("notAllowedTime", ())
    ]
    for span in said.get("notAllowedDates", ()):
        begin, end = (date.fromisoformat(span[key]) for key in ("start", "end"))
        last = datetime(end.year, end.month, end.day, tzinfo=zone)
        blocked.append(
            (
                datetime(begin.year, begin.month, begin.day, tzinfo=zone),
                last + DAY if end < date.max else datetime.max.replace(tzinfo=zone),
            )
        )
    ((kind, schedule),) = said["schedule"].items()
    interval = next(value for key, value in schedule.items() if key.startswith("interval"))
    open_ = interval > 1 or (kind == "absoluteMonthly" and schedule["dayOfMonth"] > 28)
    first = said.get("startDate")
    anchor = date.fromisoformat(first) if first else anchor
    assert anchor is not None
    day = max(anchor, after.date() - 4 * DAY)
    found = []
    while day < until.date() + 2 * DAY:
        if named(said["schedule"], anchor, day):
            start = datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=zone)
            end = start + timedelta(hours=said["durationHours"])
            inside = any(begin <= start < stop for begin, stop in blocked)
            touched = any(begin < end and start < stop and begin < stop for begin, stop in blocked)
            if end > after and start < until and not inside:
                found.append((start.astimezone(UTC), end.astimezone(UTC), open_ or touched))
        day += DAY
    return found


def expected_slots(
    body: dict[str, Any], after: datetime, until: datetime
) -> list[tuple[datetime, datetime, bool]]:
    """Enumerate the windows of the older form hour by hour."""
    allowed = {(item["day"], hour) for item in body["timeInWeek"] for hour in item["hourSlots"]}
    blocked = [
        tuple(datetime.fromisoformat(span[key]) for key in ("start", "end"))
        for span in body.get("notAllowedTime", ())
    ]
    hour = datetime(after.year, after.month, after.day, tzinfo=UTC) - 15 * DAY
    found: list[tuple[datetime, datetime, bool]] = []
    start = None
    before = False  # the first run may have begun earlier: it is over long before `after`
    while hour < until + 9 * DAY:
        is_allowed = (DAYS[hour.weekday()], hour.hour) in allowed
        if is_allowed and not before:
            start = hour
        if not is_allowed and before and start:
            inside = any(begin <= start < stop for begin, stop in blocked)
            touched = any(begin < hour and start < stop and begin < stop for begin, stop in blocked)
            if hour > after and start < until and not inside:
                found.append((start, hour, touched))
        before = is_allowed
        hour += timedelta(hours=1)
    return found
