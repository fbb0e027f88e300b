"""The time, passed in wherever it matters."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day, and measures."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever move forward, from some start."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """See Clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See Clock."""
        return time.monotonic()


WHOLE = timedelta(seconds=1)
"""What a Date header leaves out: it has no fraction."""


class TableClock:
    """The table's clock, as its answers tell it; this machine's own until the first of them.

    Instances may be off by minutes, and jump under way: whatever is decided by the time of day (due, stale,
    paused, retained, counted) is decided by the one clock that they share. Between answers it runs on by what
    this machine measures. In whole seconds, rounded down, as answers tell it: what is made now is due for a
    sweep that follows at once. Thread-safe.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: tuple[datetime, float] | None = None

    @property
    def has_heard(self) -> bool:
        """Whether the table has told its time."""
        return self._heard is not None

    def hear(self, date: datetime) -> None:
        """Take note of the time that an answer bears."""
        if self._heard is None or not timedelta() <= self._now() - date < WHOLE:
            self._heard = date, self._clock.monotonic()

    def now(self) -> datetime:
        """See Clock."""
        return self._now().replace(microsecond=0)

    def monotonic(self) -> float:
        """See Clock."""
        return self._clock.monotonic()

    def ahead(self) -> float:
        """Return by how many seconds this machine's clock is ahead of the table's; less than 0 if behind."""
        return (self._clock.now() - self._now()).total_seconds()

    def _now(self) -> datetime:
        if self._heard is None:
            return self._clock.now()
        date, at = self._heard
        return date + timedelta(seconds=self._clock.monotonic() - at)
