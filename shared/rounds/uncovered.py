"""Coverage as the last reading of the inventory left it: the clusters that nobody would hear of."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from shared.events.observation import ClusterRemark
from shared.maintenance import coverage
from shared.maintenance.inventory import ClusterInfo
from shared.rounds.inventory_reading import KEY, InventoryMemory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.store.meta import Meta
    from shared.store.present import PresentState

_NOT_READ = "No clusters have been read yet: that is done daily, where SUBSCRIPTIONS or CLUSTERS is set."

_STALE = timedelta(hours=36)
"""A cluster that the last reading did not bring was read this much before it, or is gone."""


class Uncovered(msgspec.Struct, frozen=True):
    """A cluster that nobody would hear of."""

    known: ClusterInfo
    reasons: tuple[coverage.Reason, ...]


class Findings(msgspec.Struct, frozen=True):
    """The clusters that nobody would hear of, and what keeps this from being sure."""

    uncovered: tuple[Uncovered, ...]
    clusters: int = 0
    troubles: tuple[str, ...] = ()


def uncovered(meta: Meta, present: PresentState, now: datetime) -> Findings:
    """Return coverage from the table alone. Raises TableError."""
    memory = meta.load(KEY, InventoryMemory)
    if memory.last is None:
        return Findings((), troubles=(_NOT_READ,))
    rows, _ = present.clusters()
    known = [row.known for row in rows if row.known is not None]
    return judged(memory, [one for one in known if memory.last - one.read <= _STALE], now)


def judged(memory: InventoryMemory, clusters: Iterable[ClusterInfo], now: datetime) -> Findings:
    """Return coverage of these clusters, by the names in order."""
    clusters = sorted(clusters, key=lambda known: known.cluster.key)
    heard = {*memory.covered, *memory.heard}
    found = [
        Uncovered(known, reasons)
        for known in clusters
        if (reasons := coverage.reasons(known, heard=heard, today=now.date()))
    ]
    unsure = sum(not coverage.is_sure(known) for known in clusters)
    troubles = list(memory.troubles)
    if unsure:
        troubles.append(f"The maintenance windows of {unsure} clusters have not been read yet.")
    return Findings(tuple(found), len(clusters), tuple(troubles))


def listed(found: Iterable[Uncovered], most: int) -> tuple[ClusterRemark, ...]:
    """Return the first of these clusters as notices list them."""
    return tuple(
        ClusterRemark(
            cluster=one.known.cluster.id,
            name=one.known.cluster.name,
            subscription=one.known.subscription_name or one.known.cluster.subscription,
            words=tuple(reason.sentence for reason in one.reasons),
        )
        for one in islice(found, most)
    )
