"""The daily reading: clusters by Resource Graph, a thousand a query; their windows by REST, some a run.

All clusters are written down in each run. Windows take a request a cluster, so that a run reads as many as
there is time for, and the next goes on where it stopped; what was known of the others stays. Where Resource
Graph does not answer, Resource Manager lists the clusters.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from shared import keys
from shared.events.model import subscription_of
from shared.maintenance import inventory
from shared.maintenance.inventory import Change, ClusterInfo
from shared.notices import correlation
from shared.rounds import subscriptions
from shared.sources.arm import LINKS_API_VERSION, ArmError
from shared.sources.resource_graph import scopes
from shared.store.rows import LONG_AGO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.rounds.parts import RoundParts
    from shared.rounds.subscriptions import Watched
    from shared.sources.resource_graph import Scope

log = logging.getLogger("notifier")

RUN_SECONDS = 120.0
"""After so long no further window is read: the host ends a function after five minutes."""

KEY = keys.meta("inventory")

_BATCH_CLUSTERS = 40
_MAX_CHANGES = 20
_CHANGES_KEPT = timedelta(days=8)


class InventoryMemory(msgspec.Struct, omit_defaults=True):
    """What is remembered of the readings, and what coverage goes by."""

    first: datetime | None = None
    """When the first whole reading ended."""
    last: datetime | None = None
    resume: str = ""
    """The cluster where the last run stopped."""
    names: dict[str, str] = {}
    """Of the subscriptions that were read."""
    covered: tuple[str, ...] = ()
    """Subscriptions whose events a system topic brings, and ids of clusters that have one of their own."""
    heard: tuple[str, ...] = ()
    """Subscriptions from which an event came."""
    heard_until: datetime | None = None
    troubles: tuple[str, ...] = ()
    """Why the last reading is not whole, in sentences."""


class InventoryReading(msgspec.Struct):
    """What a run read."""

    memory: InventoryMemory
    clusters: list[ClusterInfo] = []
    before: datetime | None = None
    """When the run before this one was."""
    is_first: bool = False


class Inventory:
    """One reading: make it anew for each."""

    def __init__(self, parts: RoundParts, watched: Watched) -> None:
        self._parts = parts
        self._watched = watched
        self._began = parts.clock.monotonic()
        self._now = parts.clock.now()
        self._troubles: list[str] = []

    def run(self) -> InventoryReading:
        """Read all clusters, write down what is known of them, and return it. Raises TableUnavailable."""
        memory = self._parts.meta.load(KEY, InventoryMemory)
        before, is_first = memory.last, memory.first is None
        stored = self._parts.store.clusters()
        found = subscriptions.read(self._parts.graph, self._watched)
        self._troubles += found.troubles
        for what, asked in (("subscription", found.asked), ("management group", found.groups)):
            self._troubles += (f"{what} {one} cannot be read" for one, there in asked.items() if not there)
        clusters = [
            self._with_what_was_known(known, stored.get(keys.cluster(known.cluster.key)))
            for known in self._listed(sorted(found.names))
        ]
        clusters.sort(key=lambda known: known.cluster.key)
        memory.resume = self._read_windows(clusters, memory.resume)
        memory.names |= found.names
        self._note_topics(memory, sorted(found.names))
        self._note_heard(memory)
        memory.last = self._now
        memory.troubles = tuple(self._troubles)
        if memory.first is None and not self._troubles:
            memory.first = self._now
        self._parts.meta.save({KEY: memory})
        for trouble in self._troubles:
            log.error("clusters: %s", trouble)
        log.info("clusters: %s read%s", len(clusters), ", not all windows" if memory.resume else "")
        return InventoryReading(memory, clusters, before, is_first)

    # Clusters

    def _listed(self, names: list[str]) -> Iterator[ClusterInfo]:
        for scope in scopes(names):
            try:
                for row in self._parts.graph.rows("clusters", scope):
                    yield from _read(row, self._now)
            except ArmError as error:
                self._troubles.append(f"Resource Graph: {error}")
                yield from self._listed_by_rest(scope)

    def _listed_by_rest(self, scope: Scope) -> Iterator[ClusterInfo]:
        for subscription in scope.subscriptions:
            try:
                for body in self._parts.arm.clusters(subscription):
                    yield from _read(body, self._now)
            except ArmError as error:
                self._troubles.append(f"subscription {subscription} cannot be listed: {error}")

    def _with_what_was_known(self, known: ClusterInfo, was: ClusterInfo | None) -> ClusterInfo:
        """Return a cluster with the windows read before, and with what has changed since."""
        if was is None:
            return known
        return msgspec.structs.replace(
            known,
            configurations=was.configurations,
            sharers=was.sharers,
            is_complete=was.is_complete,
            windows_read=was.windows_read or was.read,
            changes=self._changes(known, was),
        )

    def _changes(self, known: ClusterInfo, was: ClusterInfo) -> tuple[Change, ...]:
        """Return what has changed of late without an event of a maintenance that began."""
        kept = [change for change in was.changes if self._now - change.read <= _CHANGES_KEPT]
        new = list(_differences(known, was, self._now))
        begun = correlation.begun_since(known.cluster, was.read - timedelta(days=1))
        if new and self._parts.store.marked(*begun):
            new = []
        return tuple([*kept, *new][-_MAX_CHANGES:])

    # Windows

    def _read_windows(self, clusters: list[ClusterInfo], resume: str) -> str:
        """Read windows from a cluster on, and write all clusters down; return where the next run goes on."""
        start = next((at for at, one in enumerate(clusters) if one.cluster.key >= resume), 0)
        left = iter([*clusters[start:], *clusters[:start]])
        stopped = ""
        read: dict[str, ClusterInfo] = {}
        shared: dict[str, list[dict[str, Any]]] = {}
        while some := list(islice(left, _BATCH_CLUSTERS)):
            if not stopped and self._parts.clock.monotonic() - self._began > RUN_SECONDS:
                stopped = some[0].cluster.key
            batch = some if stopped else list(map(self._with_windows, self._windows(some, shared)))
            self._parts.store.save_clusters(batch)
            read |= {one.cluster.key: one for one in batch}
        clusters[:] = [read[one.cluster.key] for one in clusters]
        self._note_relations(clusters)
        return stopped

    def _note_relations(self, clusters: list[ClusterInfo]) -> None:
        """Write down who is on shared windows and who has whose name, known once all clusters are read."""
        known = inventory.with_relations(clusters)
        changed = [new for new, old in zip(known, clusters, strict=True) if new != old]
        if changed:
            self._parts.store.save_clusters(changed)
        clusters[:] = known

    def _windows(
        self, some: list[ClusterInfo], shared: dict[str, list[dict[str, Any]]]
    ) -> Iterator[tuple[ClusterInfo, list[dict[str, Any]] | None]]:
        """Yield clusters with configurations and shared windows as sent; None where they cannot be had."""
        for subscription in {one.cluster.subscription.lower() for one in some} - shared.keys():
            shared[subscription] = self._parts.arm.shared_windows(subscription)
        version = LINKS_API_VERSION if any(shared.values()) else ""
        bodies = [{"id": one.cluster.id} for one in some]
        had: dict[str, list[dict[str, Any]]] = {}
        for body in self._parts.arm.attached(bodies, _missed, version):
            windows = shared[subscription_of(body["id"])]
            had[body["id"]] = [*windows, body]
        for one in some:
            yield one, had.get(one.cluster.id)

    def _with_windows(self, pair: tuple[ClusterInfo, list[dict[str, Any]] | None]) -> ClusterInfo:
        known, bodies = pair
        if bodies is None:
            return known
        windows = _read(bodies, self._now)[0]
        return msgspec.structs.replace(
            known,
            configurations=windows.configurations,
            is_complete=windows.is_complete,
            windows_read=None,
        )

    # What coverage goes by

    def _note_topics(self, memory: InventoryMemory, names: list[str]) -> None:
        covered: set[str] = set()
        for scope in scopes(names):
            try:
                for row in self._parts.graph.rows("event_topics", scope):
                    source = str(row.get("source", "")).lower().rstrip("/")
                    is_cluster = "/providers/" in source
                    covered.add(source if is_cluster else source.removeprefix("/subscriptions/"))
            except ArmError as error:
                self._troubles.append(f"system topics cannot be listed: {error}")
                covered |= set(memory.covered)
        memory.covered = tuple(sorted(covered))

    def _note_heard(self, memory: InventoryMemory) -> None:
        """Note the subscriptions from which events came since the last reading, while some are not known."""
        silent = memory.names.keys() - set(memory.heard) - set(memory.covered)
        if silent:
            pushed = self._parts.ledger.pushed(memory.heard_until or LONG_AGO)
            heard = {one.event.event.subject.subscription.lower() for one in pushed}
            memory.heard = tuple(sorted({*memory.heard, *heard} - {""}))
        memory.heard_until = self._now


def _read(body: object, now: datetime) -> list[ClusterInfo]:
    """Return the clusters that decoded JSON describes; what cannot be read is logged."""
    reading = inventory.read(body, now)
    for sentence in reading.errors:
        log.warning("left out: %s", sentence)
    return reading.clusters


def _differences(known: ClusterInfo, was: ClusterInfo, now: datetime) -> Iterator[Change]:
    if known.version and was.version and known.version != was.version:
        yield Change(now, "Kubernetes", was.version, known.version)
    for pool, image in known.images.items():
        before = was.images.get(pool, "")
        if before and before != image:
            yield Change(now, f"node image of {pool}", before, image)


def _missed(cluster: str, error: ArmError) -> None:
    log.warning("the maintenance configurations of %s cannot be read: %s", cluster, error)
