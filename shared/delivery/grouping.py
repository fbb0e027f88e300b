"""How long notices wait for lookahead, and how often an audience is mailed at most."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from shared.audience import Audience


class Grouping(msgspec.Struct, frozen=True):
    """How long a notice waits for lookahead, and how often an audience is mailed. No wait: no grouping."""

    wait: timedelta
    interval: timedelta

    def of(self, audience: Audience) -> Grouping:
        """Return an audience's own grouping, where it has one."""
        wait = self.wait if audience.wait is None else audience.wait
        interval = self.interval if audience.interval is None else audience.interval
        return Grouping(wait, interval)
