"""Not too many messages to one target within a second, by one process; longer limits are the limiter's."""

from __future__ import annotations

import time
from threading import Lock


class Pace:
    """Keeps sends apart. Thread-safe."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0
        self._lock = Lock()

    def wait(self) -> None:
        """Wait for one's turn, at most as many times the distance as there are others before."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._seconds
        time.sleep(turn - now)
