"""Housekeeping: history that is older than it has to be kept is removed, once a day."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from shared import keys

if TYPE_CHECKING:
    from shared.store.protocol import Store

log = logging.getLogger("notifier")

DEDUPING = timedelta(days=92)
"""How long what dedupes is kept at least: dead letters are kept for 90 days, and replayed until the last."""

_DEDUPES = ("event:", "rejected:", "told:")
_HISTORY = ("sent:", "audience:", "cluster:", "meta:thread:")


NEWS_KEPT = timedelta(days=60)
"""How long the present state holds news: AKS announces a month ahead at most, and pages look a month back."""


def remove_expired(store: Store, retention: timedelta) -> int:
    """Remove rows that nothing was written to for as long as `retention`; return their number.

    Rows that dedupe stay longer where that is shorter than an event may still come again. What something
    still to be done refers to stays, and the whole history of its maintenance with it. Rows of work are never
    touched. The time is the table's. Raises TableUnavailable; the next day goes on.
    """
    pending, now = store.pending()
    histories = {keys.history_of(key) for key in pending if key.startswith("event:")}

    def keep(key: str) -> bool:
        return key in pending or (key.startswith("event:") and keys.history_of(key) in histories)

    ages = {**dict.fromkeys(_DEDUPES, max(retention, DEDUPING)), **dict.fromkeys(_HISTORY, retention)}
    removed = sum(store.delete_expired(prefix, now - age, keep) for prefix, age in ages.items())
    log.info(
        "housekeeping: %s rows untouched since %s removed", removed, (now - retention).date().isoformat()
    )
    trimmed = store.trim_news(now - NEWS_KEPT)
    log.info("housekeeping: %s news taken out of the present state", trimmed)
    return removed
