"""How much mail the service takes, and how much has been sent: pure.

Azure Communication Services counts requests in rolling windows, by the minute and by the hour, and counts
those that it refuses, too. So sends are counted before they are made, by all instances in one row, and what
would go over a limit waits. Failures keep a reserve.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.channels.limits import Limits

BUCKET = 10
"""Seconds that are counted together."""

MINUTE = 70
HOUR = 3_660
"""The windows in seconds, with a margin: a send is counted when it is decided, and arrives a little later."""

SHARE = 0.6
"""How much of the limits is for what is not urgent."""


def room(sends: Mapping[int, int], limits: Limits, now: datetime, *, urgent: bool) -> int:
    """Return how many mails may go now, given how many went in which bucket."""
    share = 1.0 if urgent else SHARE
    left = [
        max(1, int(limit * share)) - sum(count for bucket, count in sends.items() if _ends(bucket) > since)
        for limit, since in (
            (limits.per_minute, now.timestamp() - MINUTE),
            (limits.per_hour, now.timestamp() - HOUR),
        )
    ]
    return max(0, min(left))


def counted(sends: Mapping[int, int], now: datetime, number: int = 1) -> dict[int, int]:
    """Count sends made now, and forget those that no window holds any more."""
    since = now.timestamp() - HOUR
    kept = {bucket: count for bucket, count in sends.items() if _ends(bucket) > since}
    bucket = int(now.timestamp()) // BUCKET
    kept[bucket] = kept.get(bucket, 0) + number
    return kept


def stretched(interval: timedelta, audiences: int, limits: Limits | None) -> timedelta:
    """Return the interval at which so many audiences, mailed in turn, stay inside the limits together."""
    if limits is None:
        return interval
    return max(interval, timedelta(seconds=audiences * 3_600 / (SHARE * limits.per_hour)))


def _ends(bucket: int) -> float:
    return float((bucket + 1) * BUCKET)
