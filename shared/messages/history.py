"""What the stored rows tell of one maintenance, as far as a mail may read them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Cluster, Event, Status, Upgrade
from shared.events.run import RunPart
from shared.messages import commands
from shared.messages.versions import Versions, said
from shared.notices.kinds import AHEAD, Decision, Kind
from shared.notices.records import StoredEvent, latest_announcement, upgrade_of
from shared.snapshot import ClusterSnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.notices.records import MailItem, Row


class MaintenanceHistory(msgspec.Struct, frozen=True, kw_only=True):
    """One maintenance up to the event that a notice tells of. All times in UTC, None where unknown."""

    kind: Kind
    event: Event
    cluster: Cluster
    lead: str = ""
    via: str = ""
    """How the event came, where not from Event Grid."""
    revision: int = 0
    upgrade: Upgrade
    region: str = ""
    pools: tuple[str, ...] = ()
    announced: datetime | None = None
    """When AKS first told of it."""
    planned: datetime | None = None
    """When it is, or was, to start."""
    before: datetime | None = None
    """When it was to start before it was moved."""
    started: datetime | None = None
    failures: tuple[datetime, ...] = ()
    """When it failed before this event."""
    announcements: int = 0
    """How many there were: calendar entries are numbered by them."""

    part: RunPart | None = None
    """The update run that it is part of."""
    versions: Versions = Versions()
    """From which version to which, as far as AKS says it, or what was known of the cluster."""
    snapshot: ClusterSnapshot | None = None
    """What was known of the cluster and its windows."""

    @property
    def context(self) -> str:
        """The context of kubectl where the cluster's name does not tell it from another; else empty."""
        is_shared = self.snapshot is not None and self.snapshot.has_namesake
        return commands.own_context(self.cluster) if is_shared else ""

    @property
    def took(self) -> timedelta | None:
        """From the start to this event."""
        if self.started is None or self.event.updated <= self.started:
            return None
        return self.event.updated - self.started


def read_history(member: MailItem, rows: Mapping[str, Row]) -> MaintenanceHistory:
    """Read a member's rows.

    Raises `LookupError` if the row it tells of is missing, `TypeError` if that is not an event of a cluster.
    Rows of its history that are missing (they may have outlived their retention) are just not told of.
    """
    row = rows[member.key]
    if not isinstance(row, StoredEvent):
        raise TypeError(f"{member.key} is not an event")
    if not isinstance(row.event.subject, Cluster):
        raise TypeError(f"{member.key} is not about a cluster")
    found = [rows.get(key) for key in dict.fromkeys((*member.history, member.key))]
    history = [one for one in found if isinstance(one, StoredEvent)]
    event = row.event
    announced = [one for one in history if one.event.status == Status.SCHEDULED]
    started = [one.event.updated for one in history if one.event.status == Status.STARTED]
    # Events may come out of order: a failure after this event has not been recovered from by it.
    failures = [
        one.event.updated
        for one in history
        if one.event.status == Status.FAILED and one.key != row.key and one.event.updated <= event.updated
    ]
    last = row if event.status == Status.SCHEDULED else latest_announcement(history)
    upgrade = upgrade_of(event, history)
    return MaintenanceHistory(
        kind=member.kind,
        event=event,
        cluster=row.event.subject,
        lead=member.lead,
        via=row.via,
        revision=row.revision,
        upgrade=upgrade,
        region=next((one.event.region for one in (row, *history) if one.event.region), ""),
        pools=event.pools or (last.event.pools if last else ()),
        announced=min((one.event.time for one in announced), default=None),
        planned=last.event.start if last else None,
        before=_start_before(row, announced),
        started=event.updated if event.status == Status.STARTED else min(started, default=None),
        failures=tuple(sorted(failures)),
        versions=_versions(member, upgrade, [one.event.details for one in (row, *reversed(history))]),
        snapshot=member.snapshot,
        part=member.part,
        announcements=1 + max((one.revision for one in announced), default=-1),
    )


def _versions(member: MailItem, upgrade: Upgrade, details: Sequence[str]) -> Versions:
    """Return what AKS says; of a Kubernetes upgrade that is ahead, else the version that the cluster runs."""
    found = said(details)
    known = member.snapshot.version if member.snapshot and member.kind in AHEAD else ""
    if found.before or found.after or upgrade is not Upgrade.KUBERNETES or not known:
        return found
    return Versions(before=known)


def _start_before(row: StoredEvent, announced: Sequence[StoredEvent]) -> datetime | None:
    earlier = [one for one in announced if one.revision < row.revision and one.decision != Decision.STALE]
    last = max(earlier, key=lambda one: one.revision, default=None)
    return last.event.start if last else None
