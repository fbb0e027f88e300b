"""A table whose answers tell a clock the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.store.table import MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.clock import TableClock
    from shared.store.table import BrowsableTable, Operation, Page, Stored


class TimedTable:
    """Passes everything on to a table, and what the time is by its answers to a clock."""

    def __init__(self, table: BrowsableTable, clock: TableClock) -> None:
        self._table = table
        self._clock = clock

    def get(self, key: str) -> Stored | None:
        """See Table."""
        return self._table.get(key)

    def query(self, first: str, last: str, limit: int = MAX_ROWS) -> Page:
        """See Table."""
        return self._heard(self._table.query(first, last, limit))

    def untouched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """See Table."""
        return self._heard(self._table.untouched(first, last, since, limit))

    def touched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """See BrowsableTable."""
        return self._heard(self._table.touched(first, last, since, limit))

    def commit(self, operations: Sequence[Operation]) -> list[str]:
        """See Table."""
        return self._table.commit(operations)

    def _heard(self, page: Page) -> Page:
        self._clock.hear(page.server_time)
        return page
