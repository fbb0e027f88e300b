"""How long notices wait to be grouped, and how often an audience is mailed at most."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from shared.audience import Audience


class Grouping(msgspec.Struct, frozen=True):
    """How long a notice waits to be grouped, and how often an audience is mailed. No wait: no grouping."""

    wait: timedelta
    interval: timedelta
    ungrouped: frozenset[str] = frozenset()
    """The keys of targets on which each notice is a message of its own."""

    def of(self, audience: Audience, target: str = "") -> Grouping:
        """Return what holds for an audience on a target."""
        wait = self.wait if audience.wait is None else audience.wait
        interval = self.interval if audience.interval is None else audience.interval
        return Grouping(timedelta() if target in self.ungrouped else wait, interval)
