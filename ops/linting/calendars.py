"""Rules about windows as they fall: beside blackouts, beside each other, beside those of other clusters."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations, takewhile
from typing import TYPE_CHECKING

import msgspec

from ops.linting import commands
from ops.linting.rule import HORIZON, PLANNED, Problem, Rule, Severity
from ops.linting.schedules import renewed
from shared.maintenance import NODE_OS, Configuration, Window, occurrences
from shared.maintenance.configuration import MaintenanceWindow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from ops.linting.listing import ListedCluster
    from ops.linting.rule import Around

LONGEST_GAP = timedelta(days=60)
"""So long the windows of an upgrade channel may fail: minor versions are supported for about a year."""

LONGEST_NODE_OS_GAP = timedelta(days=30)
"""Nodes without patches are worse: an image comes every week."""

_FAR = timedelta(days=730)


def past_blackouts(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find blackouts that are all over."""
    for found in listed.configurations:
        if not isinstance(found.window, MaintenanceWindow) or not found.window.not_allowed_dates:
            continue
        today = around.now.astimezone(found.zone).date()
        last = max(span.end for span in found.window.not_allowed_dates)
        if last < today:
            window = msgspec.structs.replace(found.window, not_allowed_dates=())
            mend = commands.put(listed, found.name, window, around.now)
            yield Problem(found.name, f"the last of notAllowedDates ended on {last}", mend)


def long_blackout(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find blackouts that leave no window for more than 60 days, or 30 for the node OS."""
    for found in listed.configurations:
        limit = LONGEST_NODE_OS_GAP if found.name == NODE_OS else LONGEST_GAP
        for dropped, until in _droughts(found, around):
            if until - dropped[0] > limit:
                cut = [start for start in dropped if start - dropped[0] <= limit][-1]
                shorter = _cut(renewed(found), cut.astimezone(found.zone).date(), until)
                what = f"no window from {dropped[0]:%Y-%m-%d} until {until:%Y-%m-%d}"
                yield Problem(found.name, what, commands.put(listed, found.name, shorter, around.now))
                break


def _droughts(found: Configuration, around: Around) -> Iterator[tuple[list[datetime], datetime]]:
    """Yield the starts of windows in a row that blackouts leave out, and when the next window starts."""
    window = found.window
    if not found.not_allowed_time and not getattr(window, "not_allowed_dates", ()):
        return
    if isinstance(window, MaintenanceWindow):
        window = msgspec.structs.replace(window, not_allowed_dates=())
    free = msgspec.structs.replace(found, window=window, not_allowed_time=())
    until = around.now + _FAR
    allowed = {coming.start for coming in occurrences(found, around.now, until)}
    dropped: list[datetime] = []
    for coming in occurrences(free, around.now, until):
        if coming.start not in allowed:
            dropped.append(coming.start)
        elif dropped:
            yield dropped, coming.start
            dropped = []
    if dropped:
        yield dropped, until


def _cut(window: MaintenanceWindow, day: date, until: datetime) -> MaintenanceWindow:
    """End the blackouts of a drought on the day before this one."""
    spans = []
    for span in window.not_allowed_dates:
        if span.end < day or span.start > until.date():
            spans.append(span)
        elif span.start < day:
            spans.append(msgspec.structs.replace(span, end=day - timedelta(days=1)))
    return msgspec.structs.replace(window, not_allowed_dates=tuple(spans))


def overlapping_windows(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find two configurations of a cluster whose windows overlap within the next half year."""
    for one, other in combinations(listed.configurations, 2):
        shared = _first_overlap(one, other, around) if one.name != other.name else None
        if shared is not None:
            free = shared.end.astimezone(other.zone).time()
            moved = msgspec.structs.replace(renewed(other), start_time=free)
            mend = commands.put(listed, other.name, moved, around.now)
            what = f"overlaps {one.name} on {shared.start:%Y-%m-%d %H:%M} UTC"
            yield Problem(other.name, what, mend)


def _first_overlap(one: Configuration, other: Configuration, around: Around) -> Window | None:
    """Give the first window of `one` that overlaps one of `other`, by walking both side by side."""
    until = around.now + HORIZON
    ours, theirs = occurrences(one, around.now, until), occurrences(other, around.now, until)
    our, their = next(ours, None), next(theirs, None)
    while our and their:
        if our.end <= their.start:
            our = next(ours, None)
        elif their.end <= our.start:
            their = next(theirs, None)
        else:
            return our
    return None


def not_staggered(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find windows that start together with those of a cluster listed before, in the same subscription."""
    if listed.cluster is None:
        return
    for found in listed.configurations:
        for start in around.coming_starts(found):
            together = around.starts[listed.cluster.subscription.lower(), start]
            before = takewhile(lambda other: other is not listed, (other for other, _ in together))
            names = list(dict.fromkeys(other.name for other in before))
            if names:
                shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
                what = f"starts at {start:%Y-%m-%d %H:%M} UTC, as do windows of {shown}"
                moved = commands.put(listed, found.name, _later(renewed(found), len(names)), around.now)
                yield Problem(found.name, what, moved)
                break


def _later(window: MaintenanceWindow, times: int) -> MaintenanceWindow:
    """Move a window behind so many others of its length, within the day."""
    hours = max(1, int(window.duration.total_seconds()) // 3600 % 24)
    start = window.start_time.replace(hour=(window.start_time.hour + times * hours) % 24)
    return msgspec.structs.replace(window, start_time=start)


RULES = (
    Rule(
        "past-blackouts",
        Severity.INFO,
        "Blackouts that are over do nothing; without them it is plain what the configuration says.",
        PLANNED,
        past_blackouts,
    ),
    Rule(
        "long-blackout",
        Severity.WARNING,
        "A cluster that skips upgrades for so long lacks security patches, and may fall out of support.",
        PLANNED,
        long_blackout,
    ),
    Rule(
        "overlapping-windows",
        Severity.INFO,
        "Where windows of a cluster overlap, AKS decides the order in which maintenance runs.",
        PLANNED,
        overlapping_windows,
    ),
    Rule(
        "not-staggered",
        Severity.WARNING,
        "Many clusters upgraded at once in one subscription can be throttled by Azure Resource Manager, and "
        "their upgrades fail.",
        PLANNED,
        not_staggered,
    ),
)
