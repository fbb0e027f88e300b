"""Not too many messages to one target within a second, by one process; longer limits are the limiter's.

Several instances may each send within the same second: services let short bursts pass, and what one does not
take (429) goes when it says so.
"""

from __future__ import annotations

import time
from threading import Lock

from shared.channels.outcomes import Throttled, Timeouts


class Pace:
    """Keeps sends apart. Thread-safe."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0
        self._lock = Lock()

    def turn(self, timeouts: Timeouts) -> Timeouts | Throttled:
        """Wait for one's turn, and return what is left of the timeouts for the send.

        Throttled at once where too many are before: no send takes longer for its turn than it may.
        """
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            wait = turn - now
            if wait > timeouts.read / 2:
                return Throttled(wait, "as many messages wait for their turn as the target takes")
            self._next = turn + self._seconds
        time.sleep(wait)
        return Timeouts(timeouts.connect, timeouts.read - wait)
