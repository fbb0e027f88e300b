"""From what is stored of a cluster to what a mail says of it, and to when a watchdog looks. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Status
from shared.maintenance import governing, next_window, occurrences, window_at
from shared.maintenance.configuration import GOVERNS, MaintenanceWindow
from shared.notices.kinds import AHEAD, UNDER_WAY, WATCHDOGS, Kind, following
from shared.notices.records import latest_announcement, upgrade_of
from shared.snapshot import ClusterSnapshot, Schedule, Span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.maintenance import Configuration, Window
    from shared.maintenance.inventory import ClusterInfo
    from shared.notices.records import Check, StoredEvent

FRESH = timedelta(days=7)
"""What was read longer ago is not told any more: the windows may well be others by now."""

GRACE = timedelta(hours=1)
"""How long after a window AKS may report a start that fell into its last minutes; and the least time that it
gets for its work before anybody is told that there is no end of it."""

_MAX_POOLS, _MAX_SHARERS = 20, 8
"""Frozen into a mail, whose row has room for little."""

_COMING = following(Status.SCHEDULED)
_LOOKS_AHEAD = following(Status.SCHEDULED, Status.STARTED, Status.FAILED)


def snapshot(
    known: ClusterInfo,
    kind: Kind,
    told: StoredEvent,
    history: Sequence[StoredEvent],
    now: datetime,
    *,
    tags: Sequence[str] = (),
) -> ClusterSnapshot | None:
    """Return what a mail about an event, frozen at `now`, says of its cluster; None if that is too old.

    `tags` are the names of those that it says.
    """
    if now - (known.windows_read or known.read) > FRESH:
        return None
    upgrade = upgrade_of(told.event, history)
    found = governing(known.configurations, upgrade)
    start = _start(kind, told, history)
    return ClusterSnapshot(
        read=known.read.replace(microsecond=0),
        version=known.version,
        channel=known.channel,
        os_channel=known.os_channel,
        offset=int(found.utc_offset.total_seconds()) // 60 if found else 0,
        governed=found is not None,
        lacks=found is None and known.is_complete and upgrade in GOVERNS,
        window=_span(window_at(found, start)) if found and start else None,
        next=_span(next_window(found, now)) if found and kind in _LOOKS_AHEAD else None,
        sku=known.sku,
        has_namesake=known.has_namesake,
        schedule=_schedule(found, known) if found and kind in AHEAD else None,
        pools=(known.pools or ())[:_MAX_POOLS],
        pools_known=known.pools is not None and len(known.pools) <= _MAX_POOLS,
        subscription_name=known.subscription_name,
        tags=tuple(f"{name}={value}" for name, value in known.all_tags().items() if name in tags),
    )


def _schedule(found: Configuration, known: ClusterInfo) -> Schedule | None:
    """Return what postponing has to know of a schedule that is out of the ordinary."""
    window = found.window if isinstance(found.window, MaintenanceWindow) else None
    if not found.window_id and (window is None or window.schedule.interval == 1):
        return None
    others = known.sharers.get(found.window_id.lower(), ())
    return Schedule(
        start_date=window.start_date if window else None,
        interval=window.schedule.interval if window else 1,
        window_id=found.window_id,
        shared_with=others[:_MAX_SHARERS],
        shared_with_more=len(others[_MAX_SHARERS:]),
    )


def deadline(
    check: Check, known: ClusterInfo, told: StoredEvent, history: Sequence[StoredEvent], now: datetime
) -> datetime:
    """Return when a watchdog of an event looks: by the window where one is known, else when it would anyway.

    A start that was planned has until the end of the window that it falls into, or else of the one that
    follows; what has begun inside a window has until that window's end. Where that has passed it looks at
    once.
    """
    if check.kind not in WATCHDOGS or now - (known.windows_read or known.read) > FRESH:
        return check.due
    found = governing(known.configurations, upgrade_of(told.event, history))
    since = told.event.start if check.kind is Kind.NOT_STARTED else told.event.updated
    if found is None or since is None:
        return check.due
    by_window = _end(check.kind, found, since)
    return check.due if by_window is None else max(by_window, now)


def with_window_deadlines(
    checks: Sequence[Check],
    known: ClusterInfo,
    told: StoredEvent,
    history: Sequence[StoredEvent],
    now: datetime,
) -> tuple[Check, ...]:
    """Return the same checks, watchdogs among them at the times that follow from the windows."""
    return tuple(
        msgspec.structs.replace(check, due=deadline(check, known, told, history, now)) for check in checks
    )


def _end(kind: Kind, found: Configuration, since: datetime) -> datetime | None:
    if kind is Kind.NOT_STARTED:
        window = next(occurrences(found, since), None)
        return window.end + GRACE if window else None
    window = window_at(found, since)
    return max(window.end, since + GRACE) if window else None


def _start(kind: Kind, told: StoredEvent, history: Sequence[StoredEvent]) -> datetime | None:
    """Return the start that is to lie inside a window or outside of it."""
    if kind in UNDER_WAY:
        return told.event.updated
    if kind not in _COMING:
        return None
    last = told if told.event.start else latest_announcement(history)
    return last.event.start if last else None


def _span(window: Window | None) -> Span | None:
    return Span(window.start, window.end, window.approximate) if window else None
