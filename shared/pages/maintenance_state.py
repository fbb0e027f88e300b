"""Where each maintenance stands, from the latest news of each of its statuses. Pure."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.events.model import Cluster, Status, Upgrade
from shared.notices.kinds import Decision
from shared.notices.records import StoredEvent, latest_announcement, upgrade_of

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_STARTED_AFTER = timedelta(hours=24)
STILL_RUNNING_AFTER = timedelta(hours=24)
"""After so long without news something is open rather than coming or running."""

FORGOTTEN_AFTER = timedelta(days=30)
"""After so long without news nothing is said of a maintenance any more."""

RECENT = timedelta(days=7)


class MaintenancePhase(StrEnum):
    """Where a maintenance stands."""

    RUNNING = "running"
    COMING = "coming"
    FAILED = "failed"
    OVERDUE = "overdue"
    """No start was reported, or no end, long after it was to be expected."""
    COMPLETED = "completed"
    CANCELED = "canceled"
    SUPPORT = "end-of-support"


OPEN = frozenset({MaintenancePhase.FAILED, MaintenancePhase.OVERDUE})
OVER = frozenset({MaintenancePhase.COMPLETED, MaintenancePhase.CANCELED})


class MaintenanceState(msgspec.Struct, frozen=True, kw_only=True):
    """A maintenance, and where it stands at a moment. Times are in UTC, None where they are not known."""

    cluster: Cluster
    event_id: str
    upgrade: Upgrade
    phase: MaintenancePhase
    event: StoredEvent
    """The news that says so."""
    planned: datetime | None = None
    before: datetime | None = None
    """When it was to start before it was moved."""
    began: datetime | None = None
    ended: datetime | None = None
    region: str = ""
    announcements: int = 0
    """How many there were: calendar entries are numbered by them."""
    changed: datetime
    """When AKS last said something of it."""

    @property
    def start(self) -> datetime | None:
        """When it began, or is to."""
        return self.began or self.planned


def states(news: Iterable[StoredEvent], now: datetime) -> list[MaintenanceState]:
    """Return where each maintenance of one cluster stands, what is forgotten left out, in no order."""
    by_maintenance: dict[str, list[StoredEvent]] = defaultdict(list)
    for one in news:
        if one.decision != Decision.STALE and not one.event.news and isinstance(one.event.subject, Cluster):
            by_maintenance[keys.event_id(one.event.event_id)].append(one)
    found = [state_of(history, now) for history in by_maintenance.values()]
    kept = [one for one in found if now - _last(one) < FORGOTTEN_AFTER]
    return [one for one in kept if not _is_made_good(one, kept)]


def state_of(history: list[StoredEvent], now: datetime) -> MaintenanceState:
    """Return where a maintenance stands, by all that is known of it."""
    of = {status: [one for one in history if one.event.status == status] for status in Status}
    announced = latest_announcement(history)
    began = min((one.event.updated for one in of[Status.STARTED]), default=None)
    ends = [*of[Status.COMPLETED], *of[Status.CANCELED], *of[Status.FAILED]]
    last_end = max(ends, key=lambda one: one.event.updated, default=None)  # of equals, Completed
    latest = max(history, key=lambda one: (one.event.time, one.key))
    planned = announced.event.start if announced else None
    said = last_end or (of[Status.STARTED] or [announced or latest])[-1]
    subject = latest.event.subject
    assert isinstance(subject, Cluster)
    return MaintenanceState(
        cluster=subject,
        event_id=latest.event.event_id,
        upgrade=upgrade_of(latest.event, history),
        phase=_phase(said, planned, began, now),
        event=said,
        planned=planned,
        began=began,
        ended=last_end.event.updated if last_end else None,
        region=next((one.event.region for one in (latest, *history) if one.event.region), ""),
        announcements=1 + max((one.revision for one in of[Status.SCHEDULED]), default=-1),
        changed=max(one.event.time for one in history),
    )


def _phase(
    said: StoredEvent, planned: datetime | None, began: datetime | None, now: datetime
) -> MaintenancePhase:
    if said.event.end_of_support is not None:
        return MaintenancePhase.SUPPORT
    match said.event.status:
        case Status.FAILED:
            return MaintenancePhase.FAILED
        case Status.CANCELED:
            return MaintenancePhase.CANCELED
        case Status.COMPLETED:
            return MaintenancePhase.COMPLETED
        case Status.SCHEDULED:
            is_late = planned is not None and now - planned > NOT_STARTED_AFTER
            return MaintenancePhase.OVERDUE if is_late else MaintenancePhase.COMING
    # Started, or a status that is new to us: something is under way.
    return (
        MaintenancePhase.OVERDUE
        if now - (began or said.event.updated) > STILL_RUNNING_AFTER
        else MaintenancePhase.RUNNING
    )


def _last(one: MaintenanceState) -> datetime:
    """Return the last moment that a maintenance has something to do with."""
    return max(one.changed, one.planned or one.changed)


def _is_made_good(one: MaintenanceState, others: Iterable[MaintenanceState]) -> bool:
    """Return whether a failed or overdue maintenance has been followed by one of its kind that completed."""
    return one.phase in OPEN and any(
        other.phase is MaintenancePhase.COMPLETED
        and other.upgrade == one.upgrade
        and other.changed > one.changed
        for other in others
    )
