"""A table whose answers tell a clock the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.store.wrapped import WrappedTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.clock import TableClock
    from shared.store.table import BrowsableTable, Page


class TimedTable(WrappedTable):
    """Passes everything on to a table, and what the time is by its answers to a clock."""

    def __init__(self, table: BrowsableTable, clock: TableClock) -> None:
        super().__init__(table)
        self._clock = clock

    def _page(self, read: Callable[[], Page]) -> Page:
        return self._heard(read())

    def _heard(self, page: Page) -> Page:
        self._clock.hear(page.server_time)
        return page
