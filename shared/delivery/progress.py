"""How far a sweep has come: its numbers, its time, and what the next one is to know."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.audience import Destination
from shared.delivery.limiter import RateLimited
from shared.delivery.settler import SendResult
from shared.store.rows import LONG_AGO
from shared.store.table import TableUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.clock import Clock
    from shared.notices.records import Mail
    from shared.store.rows import MailRow, NoticeRow

log = logging.getLogger("notifier")

SWEEP_SECONDS = 45.0
"""No new mail is begun after this much of a sweep, but the first of a lane: the timer fires every minute."""


class SweepResult(msgspec.Struct):
    """What a sweep did, in numbers."""

    found: int = 0
    checked: int = 0
    superseded: int = 0
    thawed: int = 0
    settled: int = 0
    waiting: int = 0
    paused: bool = False
    oldest: int = 0
    """By how many seconds the oldest work that still waits is overdue: an alert looks at it."""
    ahead: int = 0
    """By how many seconds this machine's clock is ahead of the table's."""

    def add(self, other: SweepResult) -> None:
        """Take in the numbers of a lane."""
        self.superseded += other.superseded
        self.thawed += other.thawed
        self.settled += other.settled
        self.waiting += other.waiting
        self.paused |= other.paused
        self.oldest = max(self.oldest, other.oldest)


class Turns(msgspec.Struct):
    """When audiences were mailed, and which of them are owed the rest of a backlog."""

    last: dict[Destination, datetime] = {}
    unfinished: set[Destination] = set()
    """Those whose backlog a sweep's time has cut short: they go on, whatever their interval."""

    def is_early(self, to: Destination, now: datetime, interval: timedelta) -> bool:
        """Return whether an audience was mailed less than an interval ago; a future time does not count."""
        return to not in self.unfinished and timedelta() <= now - self.last.get(to, LONG_AGO) < interval


class Progress:
    """How far one lane has come."""

    def __init__(self, clock: Clock, started: float, *, paused: bool) -> None:
        self.result = SweepResult(paused=paused)
        self.has_sent = False
        self.unsettled: set[str] = set()
        """Maintenances of which a message is not settled: where each is told in order, what follows waits."""
        self._clock = clock
        self._started = started

    def is_out_of_time(self, seconds: float = SWEEP_SECONDS) -> bool:
        """Return whether so much of the sweep is gone."""
        return self._clock.monotonic() - self._started > seconds

    def is_late(self, seconds: float = SWEEP_SECONDS) -> bool:
        """Return whether no further mail is begun; the first of a lane always is."""
        return self.has_sent and self.is_out_of_time(seconds)

    def wait(self, rows: Iterable[NoticeRow | MailRow]) -> None:
        """Count what waits, and how long the oldest of it has."""
        now = self._clock.now()
        for row in rows:
            self.result.waiting += 1
            self.result.oldest = max(self.result.oldest, int((now - keys.due_of(row.key)).total_seconds()))

    def count(self, went: SendResult, mail: Mail) -> None:
        """Count how an attempt left a mail."""
        self.has_sent = True
        told = {maintenance(member.key) for member in mail.members}
        self.unsettled = self.unsettled - told if went is SendResult.SETTLED else self.unsettled | told
        self.result.paused |= went is SendResult.PAUSED
        self.result.settled += went is SendResult.SETTLED
        self.result.waiting += went is not SendResult.SETTLED


def maintenance(key: str) -> str:
    """Return what all rows of one maintenance have in common; a row of another kind is its own."""
    return keys.history_of(key) if key.startswith("event:") else key


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Keep what goes wrong with one thing from the others. A table that does not answer concerns them all."""
    try:
        yield
    except TableUnavailable:
        raise
    except RateLimited:
        log.info("%s: waits, the limits of its target leave no room", what)
    except Exception:
        log.exception("%s: left for the next sweep", what)
