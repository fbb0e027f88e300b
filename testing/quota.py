"""A mail service's limits, counted exactly: in rolling windows, by a test's clock, refused requests too."""

from __future__ import annotations

from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from shared.channels.limits import Limits
from testing.services.stand_in import Fault

if TYPE_CHECKING:
    from datetime import datetime

    from testing.services.stand_in import Got
    from testing.world import StoppedClock

__all__ = ["Limits", "Quota"]

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


class Quota:
    """Decides on each request of a `MailEndpoint`, as its `fault_for`, and remembers when each came.

    A request takes `takes` seconds of the clock before it is counted.
    """

    def __init__(self, clock: StoppedClock, limits: Limits, takes: float = 0) -> None:
        self.refused = 0
        self.most = Limits(0, 0)
        """The most that any minute and any hour has seen."""
        self._clock = clock
        self._limits = limits
        self._takes = takes
        self._times: list[datetime] = []
        self._arrived: dict[str, datetime] = {}
        self._lock = Lock()

    def __call__(self, request: Got) -> Fault | None:
        """Take a request, or refuse it."""
        with self._lock:
            self._clock.forward(seconds=self._takes)
            now = self._clock.now()
            self._times.append(now)
            in_minute, in_hour = self._within(now, _MINUTE), self._within(now, _HOUR)
            self.most = Limits(max(self.most.per_minute, in_minute), max(self.most.per_hour, in_hour))
            if in_minute > self._limits.per_minute or in_hour > self._limits.per_hour:
                self.refused += 1
                return Fault(kind="429", retry_after="60")
            self._arrived.setdefault(request.operation_id, now)
            return None

    def arrived(self, operation_id: str) -> datetime:
        """Return the time at which a mail was taken."""
        return self._arrived[operation_id]

    @property
    def last(self) -> datetime:
        """The time of the last request."""
        return self._times[-1]

    def _within(self, now: datetime, span: timedelta) -> int:
        return sum(now - time <= span for time in reversed(self._times))
