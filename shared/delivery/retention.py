"""Housekeeping: history that is older than it has to be kept is removed, once a day."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared import keys

if TYPE_CHECKING:
    from datetime import timedelta

    from shared.clock import Clock
    from shared.store.protocol import Store

log = logging.getLogger("notifier")

_HISTORY = ("event:", "sent:", "rejected:", "told:", "audience:", "cluster:")


def remove_expired(store: Store, clock: Clock, retention: timedelta) -> int:
    """Remove rows that nothing was written to for as long as `retention`; give their number.

    What something still to be done refers to stays, and the whole history of its maintenance with it. Rows of
    work are never touched. Raises TableUnavailable; the next day goes on.
    """
    pending = store.pending()
    histories = {keys.history_of(key) for key in pending if key.startswith("event:")}

    def keep(key: str) -> bool:
        return key in pending or (key.startswith("event:") and keys.history_of(key) in histories)

    since = clock.now() - retention
    removed = sum(store.delete_expired(prefix, since, keep) for prefix in _HISTORY)
    log.info("housekeeping: %s rows untouched since %s removed", removed, since.date().isoformat())
    return removed
