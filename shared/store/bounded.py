"""A table for one delivery: Event Grid waits for its answer, however slow storage is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shared.store.table import MAX_STEP_SECONDS, TableUnavailable
from shared.store.wrapped import WrappedTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.clock import Clock
    from shared.store.table import BrowsableTable

_T = TypeVar("_T")


class BoundedTable(WrappedTable):
    """A table whose steps have ended by a deadline: until then, or with TableUnavailable.

    A step that would take as long as the slowest so far, and too long by that, is not begun; one that turns
    out to take too long is given up. Whether it took place is open then, as wherever no answer came.
    """

    def __init__(self, table: BrowsableTable, clock: Clock, deadline: float) -> None:
        super().__init__(table)
        self._clock = clock
        self._deadline = deadline
        self._slowest = 0.0

    def has_time_for(self, steps: int) -> bool:
        """Return whether so many steps would end in time, as slow as storage has been so far."""
        return self._clock.monotonic() + max(steps * self._slowest, _MIN_SECONDS) <= self._deadline

    def _step(self, step: Callable[[], _T]) -> _T:
        began = self._clock.monotonic()
        left = self._deadline - began
        if left <= 0:  # a send has overrun, and nobody waits any more: what came of it is to be written down
            return step()
        if not self.has_time_for(1):
            raise TableUnavailable("storage is too slow for this to be done in time")
        try:
            if left >= MAX_STEP_SECONDS:
                return step()
            from shared.deadlines import within  # not at a cold start

            return within(left, step)
        except TimeoutError:
            raise TableUnavailable("storage gave no answer in time") from None
        finally:
            self._slowest = max(self._slowest, self._clock.monotonic() - began)


_MIN_SECONDS = 0.1
"""Seconds; with less time left nothing is begun."""
