"""Rules about windows as they fall: beside blackouts, beside each other, beside those of other clusters."""

from __future__ import annotations

from datetime import time, timedelta
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from ops.linting import commands
from ops.linting.rule import HORIZON, PLANNED, Problem, Rule, Severity
from ops.linting.schedules import fixed, renewed
from ops.linting.staggering import first_shared
from shared.maintenance import NODE_OS, Configuration, Doubt, Window, next_window, occurrences
from shared.maintenance.configuration import DateSpan, MaintenanceWindow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from ops.linting.model import ListedCluster
    from ops.linting.rule import LintContext
    from shared.routes.freezes import Freeze

MAX_GAP = timedelta(days=60)
"""So long the windows of an upgrade channel may fail: minor versions are supported for about a year."""

MAX_NODE_OS_GAP = timedelta(days=30)
"""Nodes without patches are worse: an image comes every week."""

MAX_NAMES = 20
"""Clusters that are named in a finding; who has more in one window knows them by other names."""

_FAR = timedelta(days=730)


def past_blackouts(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find blackouts that are all over."""
    for found in listed.configurations:
        if not isinstance(found.window, MaintenanceWindow) or not found.window.not_allowed_dates:
            continue
        today = context.now.astimezone(found.zone).date()
        last = max(span.end for span in found.window.not_allowed_dates)
        if last < today:
            window = msgspec.structs.replace(found.window, not_allowed_dates=())
            mend = fixed(listed, found, window, context)
            yield Problem(found.name, f"the last of notAllowedDates ended on {last}", mend)


def long_blackout(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find blackouts that leave no window for more than 60 days, or 30 for the node OS."""
    for found in listed.configurations:
        limit = MAX_NODE_OS_GAP if found.name == NODE_OS else MAX_GAP
        for dropped, until in _droughts(found, context):
            if until is not None and until - dropped[0] <= limit:
                continue
            cut = [start for start in dropped if start - dropped[0] <= limit][-1]
            shorter = _cut(renewed(found), cut.astimezone(found.zone).date(), until)
            what = f"no window from {dropped[0]:%Y-%m-%d} until {_end(found, until):%Y-%m-%d}"
            yield Problem(found.name, what, fixed(listed, found, shorter, context))
            break


def _droughts(found: Configuration, context: LintContext) -> Iterator[tuple[list[datetime], datetime | None]]:
    """Yield the starts of windows in a row that blackouts leave out, and when the next window starts.

    Looked at are two years; where no window starts in them after the blackouts, it is the first one after.
    """
    window = found.window
    if not found.not_allowed_time and not getattr(window, "not_allowed_dates", ()):
        return
    if isinstance(window, MaintenanceWindow):
        window = msgspec.structs.replace(window, not_allowed_dates=())
    free = msgspec.structs.replace(found, window=window, not_allowed_time=())
    until = context.now + _FAR
    allowed = {coming.start for coming in occurrences(found, context.now, until)}
    dropped: list[datetime] = []
    for coming in occurrences(free, context.now, until):
        if coming.start not in allowed:
            dropped.append(coming.start)
        elif dropped:
            yield dropped, coming.start
            dropped = []
    if dropped:
        following = next_window(found, dropped[-1])
        yield dropped, following.start if following else None


def _end(found: Configuration, until: datetime | None) -> datetime | date:
    """Return when windows come again, or, where they never do, the last day of the blackouts."""
    if until is not None:
        return until
    days: list[date] = [span.end for span in getattr(found.window, "not_allowed_dates", ())]
    return max(days + [span.end.date() for span in found.not_allowed_time])


def _cut(window: MaintenanceWindow, day: date, until: datetime | None) -> MaintenanceWindow:
    """End the blackouts of a drought on the day before this one."""
    spans = []
    for span in window.not_allowed_dates:
        if span.end < day or (until is not None and span.start > until.date()):
            spans.append(span)
        elif span.start < day:
            spans.append(msgspec.structs.replace(span, end=day - timedelta(days=1)))
    return msgspec.structs.replace(window, not_allowed_dates=tuple(spans))


def overlapping_windows(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find two configurations of a cluster whose windows overlap within the next half year."""
    heeded = [found for found in listed.configurations if not found.unheeded]
    for one, other in combinations(heeded, 2):
        if one.name == other.name or (one.window_id and one.window_id.lower() == other.window_id.lower()):
            continue  # a shared window for both is what shared windows are for
        shared = _first_overlap(one, other, context)
        if shared is not None:
            moved = _beside(one, other, context)
            mend = commands.put(listed, other.name, moved, context.now, unlink=True)
            what = f"overlaps {one.name} on {shared.start:%Y-%m-%d %H:%M} UTC"
            yield Problem(other.name, what, mend)


def _beside(one: Configuration, other: Configuration, context: LintContext) -> MaintenanceWindow:
    """Return the second window moved within its day so that the two no longer overlap.

    Where they are too long for one day, it begins where the first ends.
    """
    window = renewed(other)
    shared = _first_overlap(one, other, context)
    assert shared is not None
    hours = [shared.end.astimezone(other.zone).hour, *range(24)]
    minutes = shared.end.astimezone(other.zone).minute
    for hour in hours:
        moved = msgspec.structs.replace(window, start_time=time(hour, minutes))
        if _first_overlap(one, msgspec.structs.replace(other, window=moved), context) is None:
            return moved
    return msgspec.structs.replace(window, start_time=time(hours[0], minutes))


def _first_overlap(one: Configuration, other: Configuration, context: LintContext) -> Window | None:
    """Return the first window of `one` that overlaps one of `other`, by walking both side by side."""
    until = context.now + HORIZON
    ours, theirs = occurrences(one, context.now, until), occurrences(other, context.now, until)
    our, their = next(ours, None), next(theirs, None)
    while our and their:
        if our.end <= their.start:
            our = next(ours, None)
        elif their.end <= our.start:
            their = next(theirs, None)
        else:
            return our
    return None


def not_staggered(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find windows that start together with those of a cluster listed before, in the same subscription."""
    if listed.cluster is None:
        return
    for found in listed.configurations:
        moved = context.proposals.get((listed.cluster.key, found.name))
        together = first_shared(listed, found, context) if moved else None
        if moved and together:
            start, names = together
            shown = ", ".join(names[:MAX_NAMES])
            shown += f" and {len(names) - MAX_NAMES} more" if names[MAX_NAMES:] else ""
            what = f"starts at {start:%Y-%m-%d %H:%M} UTC, as do windows of {shown}"
            mend = commands.put(listed, found.name, moved, context.now, unlink=True)
            yield Problem(found.name, what, mend)


def freeze_not_kept(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find windows that come within a freeze of ROUTES that is for the cluster."""
    for found in listed.configurations:
        if found.unheeded or found.window is None:
            continue
        for freeze in context.freezes:
            if freeze.end <= context.now or not is_for(freeze, listed, context):
                continue
            inside = next(
                (
                    coming
                    for coming in occurrences(found, max(freeze.start, context.now), freeze.end)
                    # One that runs into the freeze is kept from it by a not-allowed date that covers a part.
                    if coming.start >= freeze.start or Doubt.BLACKOUT not in coming.doubts
                ),
                None,
            )
            if inside is not None:
                frozen = frozen_window(found, freeze)
                what = f"a window on {inside.start:%Y-%m-%d %H:%M} UTC lies in the freeze {freeze.name}"
                yield Problem(found.name, what, fixed(listed, found, frozen, context))
                break


def is_for(freeze: Freeze, listed: ListedCluster, context: LintContext) -> bool:
    """Return whether a freeze is for a cluster, or for one of those that use a shared window."""
    if listed.shared is None:
        return freeze.is_for_cluster(listed.cluster, listed.name, listed.location)
    key = listed.shared.key
    return any(
        freeze.is_for_cluster(user.cluster, user.name, user.location)
        for user in context.clusters
        if any(found.window_id.lower() == key for found in user.configurations)
    )


def frozen_window(found: Configuration, freeze: Freeze) -> MaintenanceWindow:
    """Return the window with the freeze among its not-allowed dates: whole days at its own offset."""
    window = renewed(found)
    first, last = freeze.days(window.utc_offset)
    if any(span.start <= first and last <= span.end for span in window.not_allowed_dates):
        return window
    return msgspec.structs.replace(
        window, not_allowed_dates=(*window.not_allowed_dates, DateSpan(first, last))
    )


RULES = (
    Rule(
        "freeze-not-kept",
        Severity.WARNING,
        "A freeze of ROUTES keeps nothing away by itself: AKS heeds a configuration's notAllowedDates alone.",
        PLANNED,
        freeze_not_kept,
        is_about_schedule=True,
    ),
    Rule(
        "past-blackouts",
        Severity.INFO,
        "Blackouts that are over do nothing; without them it is plain what the configuration says.",
        PLANNED,
        past_blackouts,
        is_about_schedule=True,
    ),
    Rule(
        "long-blackout",
        Severity.WARNING,
        "A cluster that skips upgrades for so long lacks security patches, and may fall out of support.",
        PLANNED,
        long_blackout,
        is_about_schedule=True,
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
