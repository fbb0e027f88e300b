"""Housekeeping: history that is older than it has to be kept is removed, once a day."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from shared import keys

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.store.protocol import Store

log = logging.getLogger("notifier")

_HISTORY = ("event:", "sent:", "rejected:", "told:", "audience:", "cluster:")


NEWS_KEPT = timedelta(days=60)
"""How long the present state holds news: AKS announces a month ahead at most, and pages look a month back."""


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
    trimmed = store.trim_news(clock.now() - NEWS_KEPT)
    log.info("housekeeping: %s news taken out of the present state", trimmed)
    log.info("housekeeping: %s rows untouched since %s removed", removed, since.date().isoformat())
    return removed
