"""A table within another: every step is passed on, by way of what the outer one adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shared.store.table import MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from shared.store.table import BrowsableTable, Operation, Page, Stored

_T = TypeVar("_T")


class WrappedTable:
    """Passes every step on to a table. A subclass says what comes before a step, or after it."""

    def __init__(self, table: BrowsableTable) -> None:
        self._table = table

    def get(self, key: str) -> Stored | None:
        """See Table."""
        return self._step(lambda: self._table.get(key))

    def query(self, first: str, last: str, limit: int = MAX_ROWS) -> Page:
        """See Table."""
        return self._page(lambda: self._table.query(first, last, limit))

    def untouched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """See Table."""
        return self._page(lambda: self._table.untouched(first, last, since, limit))

    def touched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """See BrowsableTable."""
        return self._page(lambda: self._table.touched(first, last, since, limit))

    def commit(self, operations: Sequence[Operation]) -> list[str]:
        """See Table."""
        return self._step(lambda: self._table.commit(operations))

    def _page(self, read: Callable[[], Page]) -> Page:
        return self._step(read)

    def _step(self, step: Callable[[], _T]) -> _T:
        return step()
