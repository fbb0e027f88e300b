"""What the daily reading finds: windows unused, versions that leave support, clusters nobody would hear of.

The first reading tells one summary to the operator, and nothing one by one.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.events.observation import Coverage
from shared.notices.kinds import Kind
from shared.rounds import advisories, end_of_support
from shared.rounds.uncovered import judged, listed
from shared.rounds.unused_windows import UnusedWindows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.maintenance.inventory import ClusterInfo
    from shared.notices.records import StoredEvent
    from shared.rounds.inventory_reading import InventoryReading
    from shared.rounds.parts import RoundParts
    from shared.rounds.uncovered import Uncovered

log = logging.getLogger("notifier")

_KEY = keys.meta("coverage")
_MAX_LISTED = 20


class DailyMemory(msgspec.Struct, omit_defaults=True):
    """What is remembered: the clusters known not to be covered, by key, and why."""

    first: datetime | None = None
    uncovered: dict[str, tuple[str, ...]] = {}


class DailyFindings:
    """What follows from one reading."""

    def __init__(self, parts: RoundParts) -> None:
        self._parts = parts
        self._now = parts.clock.now()

    def run(self, reading: InventoryReading, *, with_advisories: bool) -> None:
        """Tell what is new. Raises TableUnavailable."""
        news = {row.known.cluster.key: row.news for row in self._parts.present.clusters()[0] if row.known}
        pairs = [(known, news.get(known.cluster.key, ())) for known in reading.clusters]
        ending = end_of_support.tell(self._parts.meta, self._parts.teller, pairs, self._now)
        first, before = reading.memory.first, reading.before
        if not reading.is_first and first is not None and before is not None:
            self._unused(pairs, first, before)
        self._coverage(reading, ending)
        if with_advisories:
            advisories.tell(self._parts.graph, self._parts.teller, reading.memory.names, self._now)

    def _unused(
        self, pairs: Sequence[tuple[ClusterInfo, Sequence[StoredEvent]]], first: datetime, before: datetime
    ) -> None:
        told = UnusedWindows(self._parts, first, before).run(pairs)
        if told:
            log.info("unused windows: %s told", told)

    def _coverage(self, reading: InventoryReading, ending: int) -> None:
        """Tell the operator of clusters that are not covered any more, or at first what was found in all."""
        memory = self._parts.meta.load(_KEY, DailyMemory)
        found = judged(reading.memory, reading.clusters, self._now)
        if found.troubles and memory.first is None:
            return  # a first reading counts once it is whole
        now_known = {
            one.known.cluster.key: tuple(str(reason.id) for reason in one.reasons) for one in found.uncovered
        }
        if memory.first is None:
            self._summary(reading, found.uncovered, ending)
            self._parts.meta.save({_KEY: DailyMemory(self._now, now_known)})
            return
        new = [one for one in found.uncovered if one.known.cluster.key not in memory.uncovered]
        if new:
            names = " ".join(one.known.cluster.key for one in new)
            self._tell(
                Coverage(clusters=listed(new, _MAX_LISTED), count=len(new)),
                f"uncovered {keys.digest(names)} {self._now.date().isoformat()}",
                f"nobody would hear of {len(new)} clusters",
            )
        if now_known != memory.uncovered and not found.troubles:
            self._parts.meta.save({_KEY: DailyMemory(memory.first, now_known)})

    def _summary(self, reading: InventoryReading, uncovered: Sequence[Uncovered], ending: int) -> None:
        failed = sum(known.state.lower() == "failed" for known in reading.clusters)
        said = (
            f"{len(reading.clusters):,} clusters in {len(reading.memory.names):,} subscriptions.",
            f"{failed:,} of them are in Failed state.",
            f"{ending:,} versions leave support within 60 days.",
            f"Nobody would hear of maintenance of {len(uncovered):,} clusters.",
        )
        self._tell(
            Coverage(clusters=listed(uncovered, _MAX_LISTED), count=len(uncovered), first=said),
            "first reading",
            "what the first reading found",
        )

    def _tell(self, facts: Coverage, id_: str, description: str) -> None:
        self._parts.teller.announce(Kind.COVERAGE, facts, f"coverage {id_}", self._now, description)
