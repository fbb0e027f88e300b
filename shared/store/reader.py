"""Rows that are read once for several purposes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shared import keys
from shared.notices.records import MAX_ABOUT, SentMail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.maintenance.inventory import ClusterInfo
    from shared.notices.records import Mail, MailItem, Row, StoredEvent
    from shared.store.protocol import Store


THREADS = 25
"""Rows or histories that are read at the same time: a whole digest in four goes."""

_T = TypeVar("_T")


class Reader:
    """Reads the rows that a mail names, each maintenance's history once. Used by one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._histories: dict[str, tuple[StoredEvent, ...]] = {}
        self._rows: dict[str, Row | None] = {}
        self._clusters: dict[str, ClusterInfo | None] = {}

    def fetch(self, row_keys: Iterable[str]) -> None:
        """Read what these rows are told from, side by side: a round trip for each that is not known yet."""
        wanted = list(row_keys)
        prefixes = {keys.history_of(key) for key in wanted if key.startswith("event:")}
        _side_by_side(self._store.history, prefixes, self._histories)
        _side_by_side(self._store.row, {key for key in wanted if not key.startswith("event:")}, self._rows)

    def fetch_clusters(self, cluster_keys: Iterable[str]) -> None:
        """Read what is known of clusters, side by side: a round trip for each that is not known yet."""
        _side_by_side(self._store.cluster, set(cluster_keys), self._clusters)

    def history(self, key: str) -> tuple[StoredEvent, ...]:
        """Return all events stored of the maintenance that an event row belongs to."""
        prefix = keys.history_of(key)
        if prefix not in self._histories:
            self._histories[prefix] = self._store.history(prefix)
        return self._histories[prefix]

    def note(self, recorded: StoredEvent) -> None:
        """Take an event that is about to be recorded for one that is stored."""
        self._histories[keys.history_of(recorded.key)] = (*self.history(recorded.key), recorded)

    def row(self, key: str) -> Row | None:
        """Return any row that a notice may tell of."""
        if key.startswith("event:"):
            return next((row for row in self.history(key) if row.key == key), None)
        if key not in self._rows:
            self._rows[key] = self._store.row(key)
        return self._rows[key]

    def cluster(self, cluster_key: str) -> ClusterInfo | None:
        """Return what is known of a cluster, by its ARM id in lower case."""
        if cluster_key not in self._clusters:
            self._clusters[cluster_key] = self._store.cluster(cluster_key)
        return self._clusters[cluster_key]

    def rows_of(self, mail: Mail) -> dict[str, Row]:
        """Return exactly the rows that a mail names."""
        return self.rows_named(mail.members)

    def rows_named(self, members: Iterable[MailItem]) -> dict[str, Row]:
        """Return exactly the rows that these members name; of a mail also those that it told of."""
        found: dict[str, Row] = {}
        for member in members:
            row = self.row(member.key)
            if row is not None:
                found[member.key] = row
            if isinstance(row, SentMail):
                about = (one for one in row.members[:MAX_ABOUT] if one.key.startswith("event:"))
                found |= self.rows_named(about)
            if member.history:
                named = set(member.history)
                found |= {row.key: row for row in self.history(member.key) if row.key in named}
        return found


def _side_by_side(read: Callable[[str], _T], wanted: set[str], known: dict[str, _T]) -> None:
    """Read what is wanted and not known. A single one is left to whoever needs it."""
    missing = sorted(wanted - known.keys())
    if len(missing) > 1:
        from concurrent.futures import ThreadPoolExecutor  # not at a cold start

        with ThreadPoolExecutor(min(THREADS, len(missing))) as pool:
            known.update(zip(missing, pool.map(read, missing), strict=True))
