"""What is known of clusters, looked up for notices: one read for each cluster, none where CLUSTERS is off.

It is nice to have. Whatever goes wrong with it is logged, and the notice goes out without.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Cluster
from shared.notices.kinds import WATCHDOGS
from shared.notices.records import StoredEvent
from shared.store.table import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from shared.events.model import Event
    from shared.maintenance.inventory import ClusterInfo
    from shared.notices.kinds import Kind
    from shared.notices.planning import Plan
    from shared.snapshot import ClusterSnapshot
    from shared.store.reader import Reader

log = logging.getLogger("notifier")


class Lookup:
    """Looks clusters up, or, where CLUSTERS is off, does nothing at all."""

    def __init__(self, *, is_on: bool, tags: tuple[str, ...] = ()) -> None:
        """`tags` are the names of those that routes use, in lower case."""
        self._is_on = is_on
        self._tags = tags

    def tagged(self, event: Event, reader: Reader) -> Event:
        """Return an event with the tags of its cluster, for routing; of a fleet's, with its member's.

        At most one round trip; none where no route uses tags. A cluster of which nothing can be read is
        routed as one without tags. Raises nothing.
        """
        cluster = _cluster(event)
        if not self._tags or cluster is None:
            return event
        known = _read(cluster.key, event.event_id, reader)
        if known is None:
            log.warning("%s is routed without tags: nothing is known of its cluster", cluster.id)
            return event
        return msgspec.structs.replace(event, tags=known.all_tags())

    def fetch(self, row_keys: Iterable[str], reader: Reader) -> None:
        """Read the clusters of event rows side by side, for `snapshot`; nothing where it is off."""
        if self._is_on:
            told = [reader.row(key) for key in row_keys if key.startswith("event:")]
            self.read((row.event.subject.key for row in told if isinstance(row, StoredEvent)), reader)

    def read(self, cluster_keys: Iterable[str], reader: Reader) -> None:
        """Read clusters side by side, for `tagged` and `snapshot`; nothing where it is off.

        Raises nothing.
        """
        try:
            if self._is_on:
                reader.fetch_clusters(cluster_keys)
        except TableError:
            log.exception("what is known of clusters cannot be read")

    def snapshot(
        self, kind: Kind, key: str, history: Sequence[StoredEvent], reader: Reader, now: datetime
    ) -> ClusterSnapshot | None:
        """Return what a mail frozen at `now` says of the cluster of an event, itself among the history.

        One round trip for each cluster and reader; none where it is off. Raises nothing.
        """
        told = next((row for row in history if row.key == key), None)
        known = self._known(told, reader) if told else None
        if told is None or known is None:
            return None
        try:
            from shared.clusters import schedule

            return schedule.snapshot(known, kind, told, history, now, tags=self._tags)
        except Exception:
            log.exception("%s is told without its cluster's windows", key)
            return None

    def watched(
        self, planned: Plan, told: StoredEvent, history: Sequence[StoredEvent], reader: Reader, now: datetime
    ) -> Plan:
        """Return the plan with its watchdogs set by the cluster's windows.

        One round trip where there is a watchdog; none where it is off. Raises nothing.
        """
        if not any(check.kind in WATCHDOGS for check in planned.checks):
            return planned
        known = self._known(told, reader)
        if known is None:
            return planned
        try:
            from shared.clusters import schedule

            checks = schedule.with_window_deadlines(planned.checks, known, told, history, now)
        except Exception:
            log.exception("%s is watched without its cluster's windows", told.key)
            return planned
        return msgspec.structs.replace(planned, checks=checks)

    def region(self, event: Event, reader: Reader) -> str:
        """Return the region of an event's cluster; empty where it is not known. At most one round trip."""
        known = _read(event.subject.key, event.event_id, reader) if self._is_on else None
        return known.location.replace(" ", "").lower() if known else ""

    def _known(self, told: StoredEvent, reader: Reader) -> ClusterInfo | None:
        if not self._is_on or not isinstance(told.event.subject, Cluster):
            return None
        return _read(told.event.subject.key, told.key, reader)


def _read(cluster_key: str, name: str, reader: Reader) -> ClusterInfo | None:
    """Return what is known of the cluster of something, by whose name a failure is logged."""
    try:
        return reader.cluster(cluster_key)
    except TableError:
        log.exception("%s: what is known of its cluster cannot be read", name)
        return None


def _cluster(event: Event) -> Cluster | None:
    """Return the cluster that an event is about, or the member of a fleet that it is about."""
    if isinstance(event.subject, Cluster):
        return event.subject
    return Cluster.parse(event.run.member_id) if event.run else None


OFF = Lookup(is_on=False)
"""Where CLUSTERS is off."""
