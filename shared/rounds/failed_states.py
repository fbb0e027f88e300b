"""Clusters in Failed state of which no event told: told once, and once more when it is over.

The last operation's error is read from the activity log. Where that dates the failure more than half an hour
back, it is told at once; else, since operations fail and are tried again, at the second reading in a row.
What failed before the first reading of all is counted for the operator, and not told.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from shared import keys
from shared.decoding import as_list
from shared.events.model import Cluster, subscription_of
from shared.events.observation import FailedState, observed
from shared.notices import correlation
from shared.notices.kinds import Kind
from shared.sources.activity_log import FailedOperation, last_failure
from shared.sources.arm import ArmError
from shared.sources.resource_graph import scopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.events.model import Event
    from shared.rounds.parts import RoundParts


log = logging.getLogger("notifier")

LASTING = timedelta(minutes=30)
RUN_SECONDS = 60.0
"""After so long the activity log is not asked any more."""

_KEY = keys.meta("failed")


class FailedCluster(msgspec.Struct, omit_defaults=True):
    """What is remembered of a cluster that was in Failed state at the last reading."""

    id: str
    seen: datetime
    pools: tuple[str, ...] = ()
    since: datetime | None = None
    region: str = ""
    told: bool = False
    """Whether it was told here; else it waits, or is not to be."""
    is_quiet: bool = False
    """Whether it is not to be told: an event told, or it was so before the first reading."""


class FailedStatesMemory(msgspec.Struct, omit_defaults=True):
    """What is remembered of all of them."""

    first: datetime | None = None
    clusters: dict[str, FailedCluster] = {}


class FailedStates:
    """One reading: make it anew for each."""

    def __init__(self, parts: RoundParts) -> None:
        self._parts = parts
        self._began = parts.clock.monotonic()
        self._now = parts.clock.now()

    def run(self, subscriptions: Sequence[str]) -> int:
        """Read the states of all clusters, and tell what is new; return how many are failed.

        Raises TableUnavailable.
        """
        memory = self._parts.meta.load(_KEY, FailedStatesMemory)
        before = msgspec.json.encode(memory)
        is_first = memory.first is None
        for scope in scopes(subscriptions):
            try:
                rows = list(self._parts.graph.rows("failed_clusters", scope))
            except ArmError as error:
                log.error("failed states: %s", error)  # noqa: TRY400 - it says all there is to know
                is_first = False
                continue
            there: set[str] = set()
            for row in rows:
                cluster = Cluster.parse(str(row.get("id")))
                if cluster is not None:
                    there.add(cluster.key)
                    self._see(cluster, row, memory, is_first=memory.first is None)
            gone = [
                key
                for key, known in memory.clusters.items()
                if key not in there and subscription_of(known.id) in scope.subscriptions
            ]
            for key in gone:
                self._over(memory.clusters.pop(key))
        if is_first:
            memory.first = self._now
        if msgspec.json.encode(memory) != before:
            self._parts.meta.save({_KEY: memory})
        return len(memory.clusters)

    def _see(
        self, cluster: Cluster, row: dict[str, Any], memory: FailedStatesMemory, *, is_first: bool
    ) -> None:
        pools = _failed_pools(row)
        known = memory.clusters.get(cluster.key)
        if known is None or known.pools != pools:
            was = known
            region = str(row.get("location") or "")[:64]
            known = FailedCluster(id=cluster.id, seen=self._now, pools=pools, region=region)
            known.is_quiet = is_first or (was is not None and (was.told or was.is_quiet))
            known.told = was is not None and was.told
            memory.clusters[cluster.key] = known
            if not known.is_quiet:
                self._first_sight(cluster, known)
        elif not known.told and not known.is_quiet:
            self._tell(cluster, known, self._failure(cluster, pools))

    def _first_sight(self, cluster: Cluster, known: FailedCluster) -> None:
        failure = self._failure(cluster, known.pools)
        since = failure.time if failure else self._now
        if self._parts.store.marked(*correlation.failed_since(cluster, since - correlation.FAILED_WITHIN)):
            known.is_quiet = True
        elif failure and self._now - failure.time > LASTING:
            self._tell(cluster, known, failure)

    def _failure(self, cluster: Cluster, pools: tuple[str, ...]) -> FailedOperation | None:
        if self._parts.clock.monotonic() - self._began > RUN_SECONDS:
            return None
        try:
            return last_failure(self._parts.arm, cluster, pools, self._now)
        except ArmError as error:
            log.warning("the activity log of %s cannot be read: %s", cluster.id, error)
            return None

    def _tell(self, cluster: Cluster, known: FailedCluster, failure: FailedOperation | None) -> None:
        known.since = failure.time if failure else known.seen
        known.told = True
        facts = FailedState(pools=known.pools, operation=failure.name if failure else "")
        event = _observed(cluster, known, Kind.FAILED_STATE, facts, "FailedState", "in Failed state")
        details = failure.message if failure else ""
        self._parts.teller.tell(msgspec.structs.replace(event, details=details))

    def _over(self, known: FailedCluster) -> None:
        cluster = Cluster.parse(known.id)
        if not known.told or cluster is None:
            return
        facts = FailedState(pools=known.pools, until=self._now)
        said = "not in Failed state any more"
        self._parts.teller.tell(_observed(cluster, known, Kind.RECOVERED, facts, "Recovered", said))


def _observed(  # noqa: PLR0917 - what an observation is made of
    cluster: Cluster, known: FailedCluster, kind: Kind, facts: FailedState, status: str, description: str
) -> Event:
    since = known.since or known.seen
    return observed(
        kind,
        facts,
        subject=cluster,
        id=f"failed state {cluster.key} {since.isoformat()}",
        status=status,
        time=since,
        region=known.region,
        description=description,
    )


def _failed_pools(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the pools in Failed state; none where only the cluster is."""
    names = (
        str(pool.get("name"))[:64]
        for pool in as_list(row.get("agentPoolProfiles"))
        if isinstance(pool, dict) and str(pool.get("provisioningState")).lower() == "failed"
    )
    return tuple(sorted(names))
