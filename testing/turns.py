"""Turns on a channel's pace, taken in the time of a world instead of the machine's.

monkeypatch.setattr(pace, "time", Turns(world.clock))
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.channels.pace import Pace
    from testing.world import StoppedClock


class Turns:
    """The time of `pace`: each thread's goes on where it sleeps, from that of the world."""

    def __init__(self, clock: StoppedClock) -> None:
        self._clock = clock
        self._slept = threading.local()
        self.of: dict[int, list[float]] = defaultdict(list)
        """When each target had its turns."""

    def monotonic(self) -> float:
        """See `time`."""
        return self._clock.monotonic() + getattr(self._slept, "seconds", 0.0)

    def sleep(self, seconds: float) -> None:
        """See `time`."""
        self._slept.seconds = getattr(self._slept, "seconds", 0.0) + seconds

    def note(self, pace: Pace) -> None:
        """Note a turn that was given."""
        self.of[id(pace)].append(self.monotonic())
