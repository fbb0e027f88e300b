"""A clock that several threads move, and a table that takes its time."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from shared.store.table import Conflict
from testing.world import StoppedClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.store.table import BrowsableTable, Operation, Page, Stored

TABLE_SECONDS = 0.01
"""Seconds of the clock for a round trip to the table."""


class MovingClock(StoppedClock):
    """A clock that several threads move."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self._lock = Lock()

    def forward(self, **by: float) -> None:
        """Move on."""
        with self._lock:
            super().forward(**by)

    def until(self, time: datetime) -> None:
        """Move on to a time, unless it is later already."""
        with self._lock:
            self._now = max(self._now, time)


class CountedTable:
    """A table whose round trips are counted and take time of the test's clock, which its answers bear."""

    def __init__(self, table: BrowsableTable, clock: MovingClock) -> None:
        self.trips: Counter[str] = Counter()
        self.uncounted = table
        self._clock = clock

    def get(self, key: str) -> Stored | None:
        """See Table."""
        self._count("get")
        return self.uncounted.get(key)

    def query(self, first: str, last: str, limit: int = 1_000) -> Page:
        """See Table."""
        self._count("query")
        return self._dated(self.uncounted.query(first, last, limit))

    def untouched(self, first: str, last: str, since: datetime, limit: int = 1_000) -> Page:
        """See Table."""
        self._count("query")
        return self._dated(self.uncounted.untouched(first, last, since, limit))

    def touched(self, first: str, last: str, since: datetime, limit: int = 1_000) -> Page:
        """See BrowsableTable."""
        self._count("query")
        return self._dated(self.uncounted.touched(first, last, since, limit))

    def commit(self, operations: Sequence[Operation]) -> list[str]:
        """See Table."""
        self._count("commit")
        try:
            return self.uncounted.commit(operations)
        except Conflict:
            self.trips["conflict"] += 1
            raise

    def _dated(self, page: Page) -> Page:
        return msgspec.structs.replace(page, server_time=self._clock.now().replace(microsecond=0))

    def _count(self, verb: str) -> None:
        self._clock.forward(seconds=TABLE_SECONDS)
        self.trips[verb] += 1
