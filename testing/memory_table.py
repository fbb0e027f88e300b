"""A table in memory with the semantics that the protocol leans on: etags, atomic commits, a server's clock.

For tests, beside the real emulator; it counts round trips.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from shared.store.table import MAX_OPERATIONS, MAX_ROWS, Conflict, Operation, Page, Stored, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


class MemoryTable:
    """A `Table` in this process. `clock` is the server's clock; `trips` counts round trips by verb.

    `before` is called ahead of each commit and `after` behind it, with its operations; `asked` ahead of each
    read, with its first key. A test sets them: what they raise is the answer.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.trips: Counter[str] = Counter()
        self.before: Callable[[Sequence[Operation]], object] = lambda _: None
        self.after: Callable[[Sequence[Operation]], object] = lambda _: None
        self.asked: Callable[[str], object] = lambda _: None
        self._clock = clock
        self._rows: dict[str, Stored] = {}
        self._index: list[str] = []
        """The keys in order."""
        self._writes = 0
        self._lock = Lock()

    def get(self, key: str) -> Stored | None:
        """See Table."""
        self.asked(key)
        with self._lock:
            self.trips["get"] += 1
            return self._rows.get(key)

    def query(self, first: str, last: str, limit: int = MAX_ROWS) -> Page:
        """See Table."""
        self.asked(first)
        with self._lock:
            self.trips["query"] += 1
            keys = self._range(first, last)
            rows = tuple(self._rows[key] for key in keys[:limit])
            # A Date header has no fraction of a second.
            more = len(keys) > limit
            last = rows[-1].key if more else ""
            return Page(rows, self._clock().replace(microsecond=0), more=more, last=last)

    def untouched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """See Table."""
        with self._lock:
            self.trips["query"] += 1
            found = [
                Stored(key, {}, row.etag, row.timestamp)
                for key in self._range(first, last)
                if (row := self._rows[key]).timestamp < since
            ]
            more = len(found) > limit
            rows = tuple(found[:limit])
            return Page(
                rows, self._clock().replace(microsecond=0), more=more, last=rows[-1].key if more else ""
            )

    def touched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """See BrowsableTable."""
        page = self.query(first, last, limit)
        rows = tuple(row for row in page.rows if row.timestamp >= since)
        return Page(rows, page.server_time, more=page.more, last=page.last)

    def commit(self, operations: Sequence[Operation]) -> list[str]:
        """See Table."""
        assert 0 < len(operations) <= MAX_OPERATIONS, f"{len(operations)} operations in one transaction"
        assert len({operation.key for operation in operations}) == len(operations), "a row twice"
        self.before(operations)
        with self._lock:
            self.trips["commit"] += 1
            for index, operation in enumerate(operations):
                row = self._rows.get(operation.key)
                if operation.verb is not Verb.UPSERT and (operation.verb is Verb.INSERT) != (row is None):
                    raise Conflict(index)
                if row is not None and operation.etag not in {"", row.etag}:
                    raise Conflict(index)
            etags = [self._do(operation) for operation in operations]
        self.after(operations)
        return etags

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys of all rows under a prefix, in order; no round trip."""
        return [key for key in self._index if key.startswith(prefix)]

    def _range(self, first: str, last: str) -> list[str]:
        return self._index[bisect_left(self._index, first) : bisect_left(self._index, last)]

    def _do(self, operation: Operation) -> str:
        if operation.verb is Verb.DELETE:
            del self._rows[operation.key]
            del self._index[bisect_left(self._index, operation.key)]
            return ""
        before = self._rows.get(operation.key)
        if before is None:
            insort(self._index, operation.key)
        kept = before.values if before and operation.verb is not Verb.REPLACE else {}
        values = {**kept, **operation.values}
        self._writes += 1
        etag = f'W/"{self._writes}"'
        self._rows[operation.key] = Stored(operation.key, values, etag, self._clock())
        return etag
