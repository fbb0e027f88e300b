"""Clusters and their windows, written down as they are described: by a file, for trying things out.

One bad cluster or configuration never blocks the others: it is logged, and what was known of it before stays
until it is too old to be told. Clusters that are gone are not written any more, so housekeeping removes them
with the rest of history.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Protocol

from shared.maintenance.inventory import read, with_relations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.clock import Clock
    from shared.maintenance.inventory import ClusterInfo
    from shared.store.protocol import Store

log = logging.getLogger("notifier")

RUN_SECONDS = 150.0
"""After so long no further cluster is read: the host ends a function after five minutes, and with it the
process, and a last request may wait for a while. That is time for some thousands of clusters."""

_BATCH_CLUSTERS = 50
"""Clusters that are written down together, so that little is lost where a reading is cut short."""


class Source(Protocol):
    """Where clusters are described."""

    def bodies(self) -> Iterator[Any]:
        """Yield decoded JSON as `inventory.read` takes it, part by part. What cannot be had is logged."""
        ...


class File:
    """A file that describes clusters, for trying things out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def bodies(self) -> Iterator[Any]:
        """See Source."""
        try:
            yield json.loads(self._path.read_text("utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            log.error("the clusters of %s cannot be read: %s", self._path.name, error)  # noqa: TRY400


def refresh(store: Store, source: Source, clock: Clock) -> int:
    """Read all clusters, write down what is known of them; return their number. Raises TableUnavailable."""
    written = 0
    batch: list[ClusterInfo] = []
    began = clock.monotonic()
    for body in source.bodies():
        reading = read(body, clock.now())
        for sentence in reading.wrong:
            log.warning("left out: %s", sentence)
        batch += reading.clusters
        if clock.monotonic() - began > RUN_SECONDS:
            log.error("clusters: time is up, and not all are read")
            break
    # Who else is on a shared window, or of the same name, is known once all are read.
    batch = with_relations(batch)
    for start in range(0, len(batch), _BATCH_CLUSTERS):
        written += store.save_clusters(batch[start : start + _BATCH_CLUSTERS])
    log.info("clusters: %s read", written)
    return written
