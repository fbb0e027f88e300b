"""Several stand-ins behind one address, told apart by the path."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from testing.services.stand_in import Got, Reply, StandIn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Together(StandIn):
    """See StandIn. The stand-ins need no port of their own; `taken_at` hears of each message taken."""

    def __init__(self, by_path: Mapping[str, StandIn], taken_at: Callable[[Got, float], None]) -> None:
        """`by_path` is by what a path begins with; `taken_at` is told the monotonic time."""
        super().__init__()
        self._by_path = by_path
        self._taken_at = taken_at

    def answer(self, got: Got) -> Reply:
        """Let the one answer whose path it is."""
        reply = self._whose(got).answer(got)
        if self.is_taken(got, reply):
            self._taken_at(got, time.monotonic())
        return reply

    def is_taken(self, got: Got, reply: Reply) -> bool:
        """Return whether an answer means that a message was taken."""
        return self._whose(got).is_taken(got, reply)

    def _whose(self, got: Got) -> StandIn:
        return next(service for path, service in self._by_path.items() if got.path.startswith(path))
