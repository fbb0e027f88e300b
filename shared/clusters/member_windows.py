"""The maintenance windows of members that an update run waits for, or comes to next.

A run honours the windows of each cluster: that for Kubernetes upgrades, or for node images that for node OS
upgrades. A cluster without one is updated as soon as it is its turn.
https://learn.microsoft.com/azure/kubernetes-fleet/concepts-update-orchestration
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared.clusters.schedule import FRESH
from shared.events.model import Cluster
from shared.events.run import MemberWindow, RunStatus
from shared.events.update_run import NOT_STARTED, PENDING
from shared.maintenance import governing, next_window
from shared.store.table import TableError

if TYPE_CHECKING:
    from datetime import datetime

    from shared.events.model import Event
    from shared.events.update_run import Member, Stage, UpdateRun
    from shared.store.reader import Reader

log = logging.getLogger("notifier")

MAX_MEMBERS = 10
"""Members that are looked up for one mail, a round trip each."""

_WAITS = frozenset({RunStatus.RUN_STARTED, RunStatus.STAGE_COMPLETED, RunStatus.RUN_STUCK})


def windows(event: Event, run: UpdateRun, reader: Reader, now: datetime) -> tuple[MemberWindow, ...]:
    """Return the next windows of the members that a run waits for once an event has come; none for others.

    A round trip for each cluster. Raises nothing: what cannot be read is left out.
    """
    if event.status not in _WAITS:
        return ()
    waiting = next(filter(_waits, run.stages), None)
    if waiting is None:
        return ()
    members = [member for member in waiting.members if member.state.name in {PENDING, NOT_STARTED, ""}]
    found = (_window(member, waiting.name, run, reader, now) for member in members[:MAX_MEMBERS])
    return tuple(window for window in found if window is not None)


def _waits(stage: Stage) -> bool:
    return any(member.state.name in {PENDING, NOT_STARTED, ""} for member in stage.members)


def _window(member: Member, stage: str, run: UpdateRun, reader: Reader, now: datetime) -> MemberWindow | None:
    cluster = Cluster.parse(member.cluster_id)
    if cluster is None:
        return None
    try:
        known = reader.cluster(cluster.key)
        if known is None or now - known.read > FRESH:
            return None
        found = governing(known.configurations, run.upgrade)
        coming = next_window(found, now) if found else None
    except TableError:
        log.exception("what is known of %s cannot be read", cluster.id)
        return None
    except Exception:
        log.exception("%s is told without its windows", cluster.id)
        return None
    if found is None:
        return MemberWindow(member.name, stage) if known.is_complete else None
    if coming is None:
        return None
    offset = int(found.utc_offset.total_seconds()) // 60
    return MemberWindow(member.name, stage, coming.start, coming.end, offset)
