"""Upkeep: what is known of clusters, proof of life, and history that has been kept long enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import keys
from shared.store import codec
from shared.store.steps import Steps
from shared.store.table import MAX_OPERATIONS, Operation, Verb, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from shared.maintenance.inventory import ClusterInfo

_BATCH_CLUSTERS = 40


class Upkeep(Steps):
    """Rows beside the way of a notice."""

    def cluster(self, cluster_key: str) -> ClusterInfo | None:
        """Return what is known of a cluster, by its ARM id in lower case. One round trip."""
        row = self._table.get(keys.cluster(cluster_key))
        return next(self._readable(codec.cluster, [row] if row and "facts" in row.values else []), None)

    def clusters(self) -> dict[str, ClusterInfo]:
        """Return what is known of all clusters, by the keys of their rows. A round trip for each page."""
        found: dict[str, ClusterInfo] = {}
        for page in scan(lambda first: self._table.query(first, "cluster:" + keys.AFTER), "cluster:"):
            for row in page.rows:
                known = next(self._readable(codec.cluster, [row] if "facts" in row.values else []), None)
                if known is not None:
                    found[row.key] = known
        return found

    def save_clusters(self, clusters: Iterable[ClusterInfo]) -> int:
        """Write down what is known of clusters, over what was; return their number.

        A round trip for each forty: a transaction is at most 4 MiB.
        """
        rows = {keys.cluster(known.cluster.key): codec.cluster_values(known) for known in clusters}
        operations = [Operation(Verb.UPSERT, key, values) for key, values in rows.items()]
        for start in range(0, len(operations), _BATCH_CLUSTERS):
            self._table.commit(operations[start : start + _BATCH_CLUSTERS])
        return len(rows)

    def trim_news(self, since: datetime) -> int:
        """Take the news of clusters that were received before a time out of their rows; return their number.

        A row that holds nothing else goes. A round trip for each page of clusters, and one for each forty
        rows that have such.
        """
        taken = 0
        for page in scan(lambda first: self._table.query(first, "cluster:" + keys.AFTER), "cluster:"):
            operations = []
            for row in page.rows:
                old = codec.old_news(row, since)
                taken += len(old)
                if old:
                    kept = {name: value for name, value in row.values.items() if name not in old}
                    is_bare = not any(name == "facts" or name.startswith("news_") for name in kept)
                    verb = Verb.DELETE if is_bare else Verb.REPLACE
                    operations.append(Operation(verb, row.key, kept, row.etag))
            for start in range(0, len(operations), _BATCH_CLUSTERS):
                self._commits(operations[start : start + _BATCH_CLUSTERS])
        return taken

    def swept(self) -> None:
        """Write down that a sweep went well: the row's timestamp says when. One round trip."""
        self._table.commit([Operation(Verb.UPSERT, keys.SWEPT, {"kind": "sweep"})])

    def pending(self) -> tuple[set[str], datetime]:
        """Return the keys of all rows that something still to be done refers to, and the server's time.

        A round trip a page.
        """
        found: set[str] = set()
        for page in scan(lambda first: self._table.query(first, "work:" + keys.AFTER), keys.GATE):
            for row in self._readable(codec.work, page.rows):
                found |= codec.refers_to(row)
        return found, page.server_time

    def delete_expired(self, prefix: str, since: datetime, keep: Callable[[str], bool]) -> int:
        """Delete the rows under a prefix that nothing was written to since a time; return their number.

        In transactions of up to 100; a row that changes meanwhile keeps its batch for the next time.
        """
        forgotten = 0
        for page in scan(lambda first: self._table.untouched(first, prefix + keys.AFTER, since), prefix):
            old = [row for row in page.rows if not keep(row.key)]
            for start in range(0, len(old), MAX_OPERATIONS):
                batch = old[start : start + MAX_OPERATIONS]
                if self._commits([Operation(Verb.DELETE, row.key, etag=row.etag) for row in batch]):
                    forgotten += len(batch)
        return forgotten
