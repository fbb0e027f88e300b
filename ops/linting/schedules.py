"""Rules about a configuration by itself: its form, its length, when it is in force.

It is long because it is one list: a rule after the other, each with its words, and `RULES` at the end.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from ops.linting import commands, window_json
from ops.linting.model import Origin
from ops.linting.regions import SUMMER_TIME
from ops.linting.rule import PLANNED, Problem, Rule, Severity
from shared.maintenance import (
    DEFAULT,
    NODE_OS,
    Configuration,
    ConfigurationError,
    Doubt,
    is_shared,
    next_window,
    parse,
    recurrence,
)
from shared.maintenance.clock_changes import clock_changes
from shared.maintenance.configuration import (
    CERTAIN_DAYS,
    MAX_WINDOW_HOURS,
    MIN_WINDOW_HOURS,
    NAMES,
    WEEKDAYS,
    AbsoluteMonthly,
    Daily,
    DateSpan,
    MaintenanceWindow,
    TimeInWeek,
    TimeSpan,
    Weekly,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.linting.model import ListedCluster, Malformed
    from ops.linting.rule import LintContext

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
        isinstance(found, int) and not isinstance(found, bool) and found < MIN_WINDOW_HOURS
    )


_FIELDS = ("schedule", "durationHours", "utcOffset", "startTime", "startDate", "notAllowedDates")


def _understood(malformed: Malformed, window: MaintenanceWindow) -> MaintenanceWindow:
    """Return the window with all of what was said that can be understood, field by field."""
    said = malformed.body.get("properties") or malformed.body
    said = said if isinstance(said, dict) else {}
    given = said if is_shared(malformed.body) else said.get("maintenanceWindow")
    if not isinstance(given, dict):
        return window
    body = window_json.as_json(window)
    schedule = given.get("schedule")
    if isinstance(schedule, dict) and schedule.get("daily") is not None:
        body["schedule"] = {"daily": {"intervalDays": 1}}  # never rarer than what was meant
    for field in _FIELDS:
        if given.get(field) is not None:
            candidate = {**body, field: given[field]}
            try:
                parse({"maintenanceWindow": candidate})
            except ConfigurationError:
                continue
            body = candidate
    found = parse({"maintenanceWindow": body}).window
    assert isinstance(found, MaintenanceWindow)
    return found


def _lengthened(malformed: Malformed) -> MaintenanceWindow:
    body = deepcopy(malformed.body)
    said = body.get("properties") or body
    given = said if is_shared(body) else said["maintenanceWindow"]
    given["durationHours"] = MIN_WINDOW_HOURS
    return _understood(msgspec.structs.replace(malformed, body=body), RECOMMENDED)


def recommended(name: str, os_channel: str | None = None) -> MaintenanceWindow:
    """Return a window to begin with: weekly, or daily for the node OS where security patches come daily."""
    if name == NODE_OS and os_channel == "securitypatch":
        return msgspec.structs.replace(RECOMMENDED, schedule=Daily(1))
    return RECOMMENDED


def _set(listed: ListedCluster, malformed: Malformed, window: MaintenanceWindow, now: datetime) -> str:
    """Set what could not be understood to this window; what AKS would refuse by its name is deleted."""
    if is_shared(malformed.body):
        return commands.put_shared(listed, malformed.name, malformed.body, window)
    if malformed.name and malformed.name not in NAMES:
        return commands.delete(listed, malformed.name)
    return commands.put(listed, malformed.name, window, now)


def malformed_configuration(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find configurations that break the limits of the API."""
    for malformed in listed.malformed:
        if not _is_too_short(malformed):
            window = _understood(malformed, recommended(malformed.name, listed.os_channel))
            mend = _set(listed, malformed, window, context.now)
            yield Problem(malformed.name, str(malformed.error), mend)


def empty_configuration(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find configurations that hold no window."""
    for found in listed.configurations:
        if found.window is None and not found.window_id:
            if found.name in NAMES:
                window = recommended(found.name, listed.os_channel)
                mend = commands.put(listed, found.name, window, context.now)
            else:
                mend = commands.delete(listed, found.name)
            yield Problem(found.name, "this configuration holds no window", mend)


def unknown_configuration(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find configurations under names that AKS does not know, and without a name."""
    if listed.shared is not None:
        return
    malformed = [bad.name for bad in listed.malformed if not is_shared(bad.body)]
    for name in [found.name for found in listed.configurations] + malformed:
        if name in NAMES:
            continue
        right = commands.known_name(listed, name) if name else ""
        found = listed.configuration(name)
        window = renewed(found) if found and found.window else None
        if right and window:
            if right == DEFAULT:
                window = _weekly(window)
            mend = commands.rename(listed, name, right, window, context.now)
        else:
            mend = commands.delete(listed, name)
        said = f"the name {name} governs nothing" if name else "it has no name, and so governs nothing"
        hint = f"; did you mean {right}?" if right else f" (the names are {', '.join(NAMES)})"
        yield Problem(name, f"{said}{hint}", mend)


def _weekly(window: MaintenanceWindow) -> MaintenanceWindow:
    """Return the window every week, on its own day of the week where it has one."""
    weekday = getattr(window.schedule, "weekday", SUNDAY)
    return msgspec.structs.replace(window, schedule=Weekly(1, weekday))


def time_in_week_elsewhere(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find timeInWeek under the names of the upgrade channels."""
    for found in listed.configurations:
        if found.unheeded is Doubt.OLDER_FORM:
            mend = commands.put(listed, found.name, renewed(found), context.now)
            yield Problem(found.name, "timeInWeek counts for default alone: this is no window", mend)


def short_window(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find windows of less than four hours; of the older form, whose longest run of hours is shorter."""
    for malformed in listed.malformed:
        if _is_too_short(malformed):
            mend = _set(listed, malformed, _lengthened(malformed), context.now)
            yield Problem(malformed.name, f"the window lasts {malformed.error.found} h", mend)
    for configuration in listed.configurations:
        if isinstance(configuration.window, TimeInWeek) and configuration.name in {"", DEFAULT}:
            longest = max(length for _, length in configuration.window.runs)
            if longest < MIN_WINDOW_HOURS:
                what = f"the longest run of hourSlots lasts {longest} h"
                ranges = _ranges(configuration.window)
                what += f"; {ranges[0].said}" if ranges else ""
                mend = commands.put(listed, configuration.name, _mended(configuration), context.now)
                # AKS takes them: the documentation's own example has one hour.
                yield Problem(configuration.name, what, mend, Severity.WARNING)


class _Range(NamedTuple):
    """Two slots of a day, written as if they were the first and the last of a range."""

    weekday: int
    first: int
    last: int

    @property
    def said(self) -> str:
        """Return what they are, in words."""
        day = WEEKDAYS[self.weekday]
        return f"hourSlots [{self.first}, {self.last}] on {day} are two single hours, not a range"


def _ranges(window: TimeInWeek) -> list[_Range]:
    found = []
    for weekday in range(7):
        slots = [hour % 24 for hour in window.hours if hour // 24 == weekday]
        if len(slots) == 2 and slots[1] - slots[0] > 1:  # noqa: PLR2004 - the two ends of a range
            found.append(_Range(weekday, *slots))
    return found


def _mended(configuration: Configuration) -> MaintenanceWindow:
    """Return the older form in the newer one; a range that was meant is taken as one."""
    window = renewed(configuration)
    ranges = _ranges(configuration.window) if isinstance(configuration.window, TimeInWeek) else []
    if not ranges:
        return window
    meant = ranges[0]
    hours = min(max(meant.last - meant.first + 1, MIN_WINDOW_HOURS), MAX_WINDOW_HOURS)
    return msgspec.structs.replace(
        window,
        schedule=Weekly(1, meant.weekday),
        start_time=time(meant.first),
        duration=timedelta(hours=hours),
    )


def slots_as_range(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find two hourSlots of a day that look like the ends of a range."""
    for found in listed.configurations:
        for meant in _ranges(found.window) if isinstance(found.window, TimeInWeek) else []:
            mend = commands.put(listed, _put_name(found), _mended(found), context.now)
            yield Problem(found.name, meant.said, mend)
            break


def slots_in_utc(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find hourSlots of default, which are in UTC, that repeat the local time of another window."""
    default = listed.configuration(DEFAULT)
    if default is None or not isinstance(default.window, TimeInWeek):
        return
    for other in listed.configurations:
        window = other.window
        if not isinstance(window, MaintenanceWindow) or not window.utc_offset:
            continue
        weekdays = [getattr(window.schedule, "weekday", None)]
        weekdays = list(range(7)) if weekdays == [None] else weekdays
        starts = {first for first, _ in default.window.runs}
        hour = window.start_time.hour
        if any(weekday * 24 + hour in starts for weekday in weekdays if weekday is not None):
            offset = window_json.offset(window.utc_offset)
            local = msgspec.structs.replace(
                renewed(default), utc_offset=window.utc_offset, start_time=time(hour)
            )
            weekday = next(day for day in weekdays if day is not None and day * 24 + hour in starts)
            local = msgspec.structs.replace(local, schedule=Weekly(1, weekday))
            mend = commands.put(listed, DEFAULT, local, context.now)
            what = f"its hourSlots begin at {hour:02}:00 UTC, {other.name} at {hour:02}:00 UTC{offset}"
            yield Problem(DEFAULT, what, mend)
            return


def _put_name(found: Configuration) -> str:
    return found.name or DEFAULT


def short_month(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find days of the month that some months do not have."""
    for found in listed.configurations:
        window = found.window
        if isinstance(window, MaintenanceWindow) and Doubt.SHORT_MONTH in recurrence.doubts(window.schedule):
            assert isinstance(window.schedule, AbsoluteMonthly)
            what = f"dayOfMonth {window.schedule.day}: days 29 to 31 are missing in some months"
            schedule = msgspec.structs.replace(window.schedule, day=CERTAIN_DAYS)
            moved = msgspec.structs.replace(window, schedule=schedule)
            yield Problem(found.name, what, fixed(listed, found, moved, context))


def fixed(
    listed: ListedCluster, found: Configuration, window: MaintenanceWindow, context: LintContext
) -> str:
    """Set the window; where AKS would refuse the name, that has to be mended first and nothing is set."""
    if found.name and found.name not in NAMES and listed.shared is None:
        right = commands.known_name(listed, found.name)
        if right:
            return commands.rename(listed, found.name, right, window, context.now)
        return commands.delete(listed, found.name)
    return commands.put(listed, found.name, window, context.now)


def renewed(configuration: Configuration) -> MaintenanceWindow:
    """Return the older form in the newer one as nearly as can be: its longest run, every week."""
    window, spans = configuration.window, configuration.not_allowed_time
    assert window is not None
    dates = tuple(DateSpan(span.start.date(), _last_day(span)) for span in spans)
    if isinstance(window, MaintenanceWindow):
        return msgspec.structs.replace(window, not_allowed_dates=window.not_allowed_dates + dates)
    first, length = max(window.runs, key=lambda run: run[1])
    is_often = configuration.name == NODE_OS and len(window.runs) > 1
    return MaintenanceWindow(
        # The node OS is not to be patched less often than before.
        schedule=Daily(1) if is_often else Weekly(1, first // 24),
        duration=timedelta(hours=min(max(length, MIN_WINDOW_HOURS), 24)),
        start_time=time(first % 24),
        not_allowed_dates=dates,
    )


def _last_day(span: TimeSpan) -> date:
    """Return the last day that the span covers in part: its end is exclusive."""
    return (span.end - timedelta(microseconds=1)).date() if span.start < span.end else span.start.date()


def default_not_weekly(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find a `default` that is not weekly."""
    found = listed.configuration(DEFAULT)
    if found and isinstance(found.window, MaintenanceWindow):
        schedule = found.window.schedule
        if schedule.interval > 1 or not isinstance(schedule, Weekly):
            kind = type(schedule).__name__
            kind = f"{kind[:1].lower()}{kind[1:]}"
            often = f"{kind}, every {schedule.interval}" if schedule.interval > 1 else kind
            # Without a schedule of its own a linked configuration would move all the others with it.
            mend = commands.put(listed, found.name, _weekly(found.window), context.now, unlink=True)
            yield Problem(found.name, f"its schedule is {often}", mend)


def deprecated_form(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find timeInWeek and notAllowedTime."""
    if listed.origin is Origin.TERRAFORM and "azurerm_kubernetes_cluster" in listed.address:
        return  # azurerm has no other form for default
    for found in listed.configurations:
        if found.window is None or found.unheeded is Doubt.OLDER_FORM or found.name not in {"", *NAMES}:
            continue  # told as what it is: not heeded at all
        older = [] if isinstance(found.window, MaintenanceWindow) else ["timeInWeek"]
        older += ["notAllowedTime"] if found.not_allowed_time else []
        if older:
            mend = commands.put(listed, _put_name(found), renewed(found), context.now)
            yield Problem(found.name, f"{' and '.join(older)} in use", mend)


def changed_too_late(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find changes made so shortly before a window, to come or running, that it may not count."""
    for found in listed.configurations:
        window = next_window(found, found.changed) if found.changed else None
        if window and found.changed and isinstance(found.window, MaintenanceWindow):
            ahead = window.start - found.changed
            if ahead < NEEDED and window.end > context.now:
                later = (datetime.combine(date.min, found.window.start_time) + timedelta(hours=1)).time()
                moved = msgspec.structs.replace(found.window, start_time=later)
                what = (
                    f"changed {int(ahead.total_seconds() // 60)} min before {window.start:%Y-%m-%d %H:%M} UTC"
                )
                yield Problem(found.name, what, commands.put(listed, found.name, moved, context.now))


def not_active_yet(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find a startDate in the future."""
    for found in listed.configurations:
        window, today = found.window, context.now.astimezone(found.zone).date()
        if isinstance(window, MaintenanceWindow) and window.start_date and window.start_date > today:
            at_once = context.kept(listed, msgspec.structs.replace(window, start_date=None))
            mend = commands.put(listed, found.name, at_once, context.now)
            yield Problem(found.name, f"inactive until {window.start_date}", mend)


def fixed_offset(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find a utcOffset that is the team's, or the region's, local time for a part of the year only."""
    zone = context.time_zone or ZoneInfo(SUMMER_TIME.get(listed.location, "UTC"))
    coming = clock_changes(zone, context.now, 2)
    offsets = {moment.astimezone(zone).utcoffset() for change in coming for moment in change.around}
    is_now = context.now.astimezone(zone).utcoffset()
    for found in listed.configurations:
        if not isinstance(found.window, MaintenanceWindow) or not {found.utc_offset} < offsets:
            continue
        dates = " and ".join(
            f"{change.at.astimezone(zone):%Y-%m-%d} to UTC{window_json.offset(change.after)}"
            for change in coming
        )
        is_right = "as now" if found.utc_offset == is_now else "but not now"
        offset = window_json.offset(found.utc_offset)
        what = f"UTC{offset} is {zone.key}'s time for a part of the year, {is_right}"
        mend = fixed(listed, found, _in_utc(found.window) or _as_now(found.window, is_now), context)
        yield Problem(found.name, f"{what}; the clocks change on {dates}", mend)


def _in_utc(window: MaintenanceWindow) -> MaintenanceWindow | None:
    """Return the same window in UTC, which promises nobody's local time; None where its days forbid that."""
    start = datetime.combine(date(2024, 1, 10), window.start_time) - window.utc_offset
    moved = (start.date() - date(2024, 1, 10)).days
    if not window.utc_offset or (moved and (window.start_date or window.not_allowed_dates)):
        return None
    schedule = window.schedule
    if moved:
        if not isinstance(schedule, Weekly | Daily):
            return None
        if isinstance(schedule, Weekly):
            schedule = msgspec.structs.replace(schedule, weekday=(schedule.weekday + moved) % 7)
    return msgspec.structs.replace(
        window, schedule=schedule, start_time=start.time(), utc_offset=timedelta(0)
    )


def _as_now(window: MaintenanceWindow, offset: timedelta | None) -> MaintenanceWindow:
    return msgspec.structs.replace(window, utc_offset=offset or timedelta(0))


RULES = (
    Rule(
        "malformed-configuration",
        Severity.ERROR,
        "It breaks the documented form or limits: AKS refuses it, and no window can be computed from it.",
        PLANNED,
        malformed_configuration,
        is_about_schedule=True,
    ),
    Rule(
        "unknown-configuration",
        Severity.ERROR,
        "AKS takes maintenance configurations under three names only: default, aksManagedAutoUpgradeSchedule "
        "and aksManagedNodeOSUpgradeSchedule.",
        "https://github.com/Azure/ARO-HCP/pull/3260",
        unknown_configuration,
    ),
    Rule(
        "empty-configuration",
        Severity.WARNING,
        "A configuration without a schedule keeps no upgrade back. (An az of before mid 2023 does not print "
        "maintenanceWindow: then look with a newer one.)",
        "https://github.com/MicrosoftDocs/azure-docs/issues/108655",
        empty_configuration,
    ),
    Rule(
        "time-in-week-elsewhere",
        Severity.ERROR,
        "timeInWeek is the older form of default; the upgrade channels take maintenanceWindow.",
        PLANNED,
        time_in_week_elsewhere,
    ),
    Rule(
        "short-window",
        Severity.ERROR,
        "Auto-upgrade needs a window of four hours or more to work properly.",
        PLANNED,
        short_window,
        is_about_schedule=True,
    ),
    Rule(
        "slots-as-range",
        Severity.WARNING,
        "hourSlots are single hours: [1, 6] is 01:00 to 02:00 and 06:00 to 07:00.",
        PLANNED,
        slots_as_range,
    ),
    Rule(
        "slots-in-utc",
        Severity.WARNING,
        "hourSlots are in UTC whatever the utcOffset of the other windows: at the same number the control "
        "plane is maintained hours before or after the nodes.",
        PLANNED,
        slots_in_utc,
    ),
    Rule(
        "short-month",
        Severity.INFO,
        "What AKS does in a month without this day is not documented: the window may be skipped, or moved.",
        PLANNED,
        short_month,
        is_about_schedule=True,
    ),
    Rule(
        "default-not-weekly",
        Severity.ERROR,
        "The weekly releases that default governs can be scheduled weekly only; since June 2025 AKS ignores "
        "a default that is rarer.",
        "https://github.com/Azure/AKS/issues/5050",
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
        is_about_schedule=True,
    ),
    Rule(
        "not-active-yet",
        Severity.INFO,
        "Before its startDate a window is inactive, and upgrades come as if there were none.",
        PLANNED,
        not_active_yet,
        is_about_schedule=True,
    ),
    Rule(
        "fixed-offset",
        Severity.INFO,
        "utcOffset knows no summer time: for a part of the year the window is an hour off by the clock on "
        "the wall. Said in UTC it is the same window, and promises nothing else.",
        "https://github.com/Azure/AKS/issues/4670",
        fixed_offset,
        is_about_schedule=True,
    ),
)
