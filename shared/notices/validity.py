"""Whether what was planned is still worth telling when its time has come: checks, notices. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.durations import ahead
from shared.events.model import Status
from shared.events.run import RUN_ENDS, RunStatus
from shared.notices import gates
from shared.notices.kinds import BEGUN, ENDS, Kind, following
from shared.notices.planning import escalated_to
from shared.notices.records import latest_announcement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from shared.notices.records import Check, Notice, StoredEvent

RESOLVED = frozenset({Status.COMPLETED, Status.CANCELED, "Recovered"})
"""Statuses that resolve a failure."""

_PLANNED = (Kind.RESCHEDULED, Kind.SCHEDULED, Kind.REMINDER)
"""Kinds that tell of what is planned, the one that tells most in front."""


def overtaken(kind: Kind, key: str, history: Sequence[StoredEvent], now: datetime) -> bool:
    """Return whether later news of the same maintenance, or the time, makes a notice pointless.

    The later event brought a notice of its own, in the transaction that recorded it. A reminder is pointless
    when the start that it tells of has passed.
    """
    if kind is Kind.GATE:
        return not gates.is_waiting(key, history)
    if kind in {Kind.RUN_STARTED, Kind.RUN_STUCK}:
        return _run_is_over(kind, key, history)
    statuses = {row.event.status for row in history}
    if kind in following(Status.SCHEDULED):
        last = latest_announcement(history)
        if kind is Kind.REMINDER and last is not None and last.event.start and last.event.start <= now:
            return True
        return bool(statuses & BEGUN) or (last is not None and last.key != key)
    if kind in following(Status.STARTED):
        return bool(statuses & ENDS)
    return False


def _run_is_over(kind: Kind, key: str, history: Sequence[StoredEvent]) -> bool:
    """Return whether an update run has ended since it began: as a row tells, or else for the last time."""
    begun = [row for row in history if row.event.status == RunStatus.RUN_STARTED]
    told = [row for row in begun if row.key == key] if kind is Kind.RUN_STARTED else begun
    since = max((row.event.updated for row in told), default=None)
    ends = [row.event.updated for row in history if row.event.status in RUN_ENDS]
    return any(since is None or end >= since for end in ends)


def redundant(notices: Iterable[Notice]) -> set[str]:
    """Return the ids of notices that say no more than others that go out with them to the same audience.

    After an outage several notices of one maintenance may have piled up: its announcement is told instead of
    its reminders, and the last reminder instead of those before it.
    """
    best: dict[str, Notice] = {}
    double: set[str] = set()
    told = sorted(notices, key=_precedence)
    for notice in told:
        if notice.kind in _PLANNED and notice.key in best:
            double.add(notice.id)
        elif notice.kind in _PLANNED:
            best[notice.key] = notice
    return double | gates.unasked(told)


def _precedence(notice: Notice) -> tuple[int, timedelta]:
    rank = _PLANNED.index(notice.kind) if notice.kind in _PLANNED else len(_PLANNED)
    return rank, ahead(notice.lead)


def still_true(check: Check, history: Sequence[StoredEvent], now: datetime) -> bool:
    """Return whether a check's reason still holds.

    A reminder's: the start still lies ahead as planned, or the gate still waits. A watchdog's: nothing has
    been reported since. An escalation's: nothing has resolved the failure.
    """
    if check.kind is Kind.GATE:
        return gates.is_waiting(check.key, history)
    statuses = {row.event.status for row in history}
    if escalated_to(check.lead):
        return not statuses & RESOLVED
    if check.kind is Kind.STILL_RUNNING:
        return not statuses & ENDS
    if statuses & BEGUN:
        return False
    last = latest_announcement(history)
    if last is None or last.event.start is None or last.key != check.key:
        return False
    return check.kind is Kind.NOT_STARTED or last.event.start > now
