"""Rules about a configuration by itself: its form, its length, when it is in force."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from ops.linting import commands
from ops.linting.regions import SUMMER_TIME
from ops.linting.rule import PLANNED, Problem, Rule, Severity
from shared.maintenance import AUTO_UPGRADE, DEFAULT, NODE_OS, ConfigurationError, next_window, parse
from shared.maintenance.configuration import (
    SHORTEST_WINDOW,
    WEEKDAYS,
    Configuration,
    Daily,
    DateSpan,
    MaintenanceWindow,
    RelativeMonthly,
    TimeSpan,
    Weekly,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.linting.listing import ListedCluster, Malformed
    from ops.linting.rule import Around

SUNDAY = WEEKDAYS.index("Sunday")

NEEDED = timedelta(minutes=15)
"""How long before a window's start a change has to be made for AKS to heed it."""

RECOMMENDED = MaintenanceWindow(
    schedule=Weekly(1, SUNDAY), duration=timedelta(hours=8), start_time=time(0, 0)
)
"""Weekly on Sunday is what the portal recommends, eight hours are what the documentation's example has."""


def _is_too_short(malformed: Malformed) -> bool:
    found = malformed.error.found
    return malformed.error.field.endswith("durationHours") and (
        isinstance(found, int) and not isinstance(found, bool) and found < SHORTEST_WINDOW
    )


def _lengthened(malformed: Malformed) -> MaintenanceWindow:
    body = deepcopy(malformed.body)
    said = body.get("properties") or body
    said["maintenanceWindow"]["durationHours"] = SHORTEST_WINDOW
    try:
        window = parse(body).window
    except ConfigurationError:
        return RECOMMENDED
    return window if isinstance(window, MaintenanceWindow) else RECOMMENDED


def malformed_configuration(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find configurations that break the limits of the API."""
    for malformed in listed.malformed:
        if not _is_too_short(malformed):
            mend = commands.put(listed, malformed.name, RECOMMENDED, around.now)
            yield Problem(malformed.name, str(malformed.error), mend)


def short_window(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find windows of less than four hours; of the older form, whose longest run of hours is shorter."""
    for malformed in listed.malformed:
        if _is_too_short(malformed):
            mend = commands.put(listed, malformed.name, _lengthened(malformed), around.now)
            yield Problem(malformed.name, f"the window lasts {malformed.error.found} h", mend)
    for configuration in listed.configurations:
        if not isinstance(configuration.window, MaintenanceWindow):
            longest = max(length for _, length in configuration.window.runs)
            if longest < SHORTEST_WINDOW:
                mend = commands.put(listed, configuration.name, renewed(configuration), around.now)
                yield Problem(configuration.name, f"the longest run of hourSlots lasts {longest} h", mend)


def renewed(configuration: Configuration) -> MaintenanceWindow:
    """Say the older form in the newer one, as nearly as can be: its longest run, long enough, every week."""
    window, spans = configuration.window, configuration.not_allowed_time
    dates = tuple(DateSpan(span.start.date(), _last_day(span)) for span in spans)
    if isinstance(window, MaintenanceWindow):
        return msgspec.structs.replace(window, not_allowed_dates=window.not_allowed_dates + dates)
    first, length = max(window.runs, key=lambda run: run[1])
    return MaintenanceWindow(
        schedule=Weekly(1, first // 24),
        duration=timedelta(hours=min(max(length, SHORTEST_WINDOW), 24)),
        start_time=time(first % 24),
        not_allowed_dates=dates,
    )


def _last_day(span: TimeSpan) -> date:
    """Give the last day that the span covers in part: its end is exclusive."""
    return (span.end - timedelta(microseconds=1)).date() if span.start < span.end else span.start.date()


def default_not_weekly(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find a `default` that is not weekly."""
    found = listed.configuration(DEFAULT)
    if found and isinstance(found.window, MaintenanceWindow):
        schedule = found.window.schedule
        if not isinstance(schedule, Weekly):
            weekday = schedule.weekday if isinstance(schedule, RelativeMonthly) else SUNDAY
            weekly = msgspec.structs.replace(found.window, schedule=Weekly(1, weekday))
            kind = type(schedule).__name__
            mend = commands.put(listed, found.name, weekly, around.now)
            yield Problem(found.name, f"its schedule is {kind[:1].lower()}{kind[1:]}", mend)


def deprecated_form(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find timeInWeek and notAllowedTime."""
    for found in listed.configurations:
        older = [] if isinstance(found.window, MaintenanceWindow) else ["timeInWeek"]
        older += ["notAllowedTime"] if found.not_allowed_time else []
        if older:
            mend = commands.put(listed, found.name, renewed(found), around.now)
            yield Problem(found.name, f"{' and '.join(older)} in use", mend)


def changed_too_late(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find changes made so shortly before a window, to come or running, that it may not count."""
    for found in listed.configurations:
        window = next_window(found, found.changed) if found.changed else None
        if window and found.changed and isinstance(found.window, MaintenanceWindow):
            ahead = window.start - found.changed
            if ahead < NEEDED and window.end > around.now:
                later = (datetime.combine(date.min, found.window.start_time) + timedelta(hours=1)).time()
                moved = msgspec.structs.replace(found.window, start_time=later)
                what = (
                    f"changed {int(ahead.total_seconds() // 60)} min before {window.start:%Y-%m-%d %H:%M} UTC"
                )
                yield Problem(found.name, what, commands.put(listed, found.name, moved, around.now))


def not_active_yet(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find a startDate in the future."""
    for found in listed.configurations:
        window, today = found.window, around.now.astimezone(found.zone).date()
        if isinstance(window, MaintenanceWindow) and window.start_date and window.start_date > today:
            at_once = msgspec.structs.replace(window, start_date=None)
            mend = commands.put(listed, found.name, at_once, around.now)
            yield Problem(found.name, f"inactive until {window.start_date}", mend)


def fixed_offset(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find a utcOffset that is the local time of the cluster's region for a part of the year only."""
    name = SUMMER_TIME.get(listed.location)
    if name is None:
        return
    zone, year = ZoneInfo(name), around.now.year
    offsets = {datetime(year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)}
    is_now = around.now.astimezone(zone).utcoffset()
    for found in listed.configurations:
        if isinstance(found.window, MaintenanceWindow) and {found.utc_offset} < offsets:
            (other,) = (offset for offset in offsets if offset is not None and offset != found.utc_offset)
            moved = msgspec.structs.replace(found.window, utc_offset=other)
            change = "will be" if found.utc_offset == is_now else "is"
            what = f"UTC{commands.offset(found.utc_offset)}; {name} {change} at UTC{commands.offset(other)}"
            yield Problem(found.name, what, commands.put(listed, found.name, moved, around.now))


def not_on_sunday(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find upgrade windows that are not weekly on Sunday; daily security patches are as they should be."""
    for found in listed.configurations:
        window = found.window
        if found.name not in {AUTO_UPGRADE, NODE_OS} or not isinstance(window, MaintenanceWindow):
            continue
        if (
            found.name == NODE_OS
            and listed.os_channel == "securitypatch"
            and isinstance(window.schedule, Daily)
        ):
            continue
        if window.schedule != Weekly(1, SUNDAY):
            sundays = msgspec.structs.replace(window, schedule=Weekly(1, SUNDAY))
            mend = commands.put(listed, found.name, sundays, around.now)
            yield Problem(found.name, "not weekly on Sunday", mend)


RULES = (
    Rule(
        "malformed-configuration",
        Severity.ERROR,
        "It breaks the documented form or limits: AKS refuses it, and no window can be computed from it.",
        PLANNED,
        malformed_configuration,
    ),
    Rule(
        "short-window",
        Severity.ERROR,
        "Auto-upgrade needs a window of four hours or more to work properly.",
        PLANNED,
        short_window,
    ),
    Rule(
        "default-not-weekly",
        Severity.ERROR,
        "The weekly releases that default governs can be scheduled weekly only.",
        PLANNED,
        default_not_weekly,
    ),
    Rule(
        "deprecated-form",
        Severity.INFO,
        "timeInWeek and notAllowedTime are deprecated in favour of maintenanceWindow and notAllowedDates.",
        PLANNED,
        deprecated_form,
    ),
    Rule(
        "changed-too-late",
        Severity.INFO,
        "AKS needs about 15 minutes to heed a change: the window right after it may pass unused.",
        PLANNED,
        changed_too_late,
    ),
    Rule(
        "not-active-yet",
        Severity.INFO,
        "Before its startDate a window is inactive, and upgrades come as if there were none.",
        PLANNED,
        not_active_yet,
    ),
    Rule(
        "fixed-offset",
        Severity.INFO,
        "utcOffset knows no summer time: for half of the year the window is an hour off by the clock on the "
        "wall.",
        "https://github.com/Azure/AKS/issues/4670",
        fixed_offset,
    ),
    Rule(
        "not-on-sunday",
        Severity.INFO,
        "The portal recommends weekly windows on Sunday.",
        PLANNED,
        not_on_sunday,
    ),
)
