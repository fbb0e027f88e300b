"""The present state, for pages: what is stored of clusters, proof of life, who may look. Read only."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.maintenance.inventory import ClusterInfo
from shared.notices.records import StoredEvent
from shared.store import codec
from shared.store.table import scan

if TYPE_CHECKING:
    from shared.store.rows import Token
    from shared.store.table import Stored, Table

log = logging.getLogger("notifier")


class ClusterRow(msgspec.Struct, frozen=True):
    """What is stored of a cluster: the latest news of its maintenances, and what is known of it."""

    news: tuple[StoredEvent, ...] = ()
    heard: datetime | None = None
    """When the last of these news was received."""
    known: ClusterInfo | None = None


class Pulse(msgspec.Struct, frozen=True):
    """Proof of life: when something last happened; None where it has not."""

    heard: datetime | None = None
    swept: datetime | None = None
    reconciled: datetime | None = None


class PresentState:
    """Reads the rows of one table. Raises TableError."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def clusters(self) -> tuple[list[ClusterRow], datetime]:
        """Return what is stored of every cluster, and the server's time. A round trip for each thousand."""
        found, now = self._rows("cluster:")
        return [_cluster(row) for row in found], now

    def pulse(self) -> Pulse:
        """Return the proof of life that is stored. Two round trips."""
        return Pulse(swept=self.swept()[0], reconciled=self._touched(keys.RECONCILED)[0])

    def swept(self) -> tuple[datetime | None, datetime]:
        """Return when the last sweep went well, and what time it is, both by the server. One round trip."""
        return self._touched(keys.SWEPT)

    def tokens(self) -> list[Token]:
        """Return all tokens that are not revoked. One round trip."""
        found, _ = self._rows(keys.TOKENS)
        return [codec.token(row) for row in found]

    def _touched(self, key: str) -> tuple[datetime | None, datetime]:
        page = self._table.query(key, keys.following(key), 1)
        return (page.rows[0].timestamp if page.rows else None), page.server_time

    def _rows(self, prefix: str) -> tuple[list[Stored], datetime]:
        pages = list(scan(lambda first: self._table.query(first, prefix + keys.AFTER), prefix))
        return [row for page in pages for row in page.rows], pages[-1].server_time


def _cluster(row: Stored) -> ClusterRow:
    """Read a cluster's row, as far as it can be read."""
    known = None
    try:
        known = codec.cluster(row) if "facts" in row.values else None
    except Exception:
        log.exception("what is known of a cluster (%s) cannot be read", row.key)
    news: list[StoredEvent] = []
    heard: list[datetime] = []
    for name, value in row.values.items():
        if not name.startswith("news_"):
            continue
        try:
            found, received = codec.news(value)
        except Exception:
            log.exception("news of a cluster (%s) cannot be read", row.key)
            continue
        news.append(found)
        heard.append(received)
    return ClusterRow(tuple(news), max(heard, default=None), known)
