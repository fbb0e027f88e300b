"""Clusters and their windows, written down as a file describes them, for trying things out.

One bad cluster or configuration never blocks the others: it is logged, and what was known of it before stays
until it is too old to be told. Clusters that are gone are not written any more, so housekeeping removes them
with the rest of history.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from shared.maintenance.inventory import read, with_relations

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from shared.store.protocol import Store

log = logging.getLogger("notifier")


def refresh(store: Store, path: Path, now: datetime) -> int:
    """Write down what a file says of clusters, as said at `now`; return their number.

    What cannot be read is logged. Raises TableUnavailable.
    """
    try:
        body = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        log.error("the clusters of %s cannot be read: %s", path.name, error)  # noqa: TRY400
        return 0
    return write_down(store, body, now)


def write_down(store: Store, body: object, now: datetime) -> int:
    """Write down what decoded JSON says of clusters; return their number. Raises TableUnavailable."""
    reading = read(body, now)
    for sentence in reading.errors:
        log.warning("left out: %s", sentence)
    written = store.save_clusters(with_relations(reading.clusters))
    log.info("clusters: %s read", written)
    return written
