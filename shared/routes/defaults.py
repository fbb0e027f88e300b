"""What holds for audiences that say nothing else."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from shared.audience import DEFAULT_AUDIENCE, Audience
from shared.durations import Lead, spaced
from shared.masking import masked


class RoutesError(ValueError):
    """Routes that cannot be used; the message is one sentence for the person who wrote them.

    Whatever of a value it repeats, it leaves out what looks like a secret: people paste those at odd places.
    """

    def __init__(self, message: str) -> None:
        super().__init__(masked(message))


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What the other settings say: the default audience, and what holds for those that say nothing else."""

    to: tuple[str, ...]
    """`EMAIL_TO`; empty for no default audience."""
    time_zone: str
    leads: tuple[Lead, ...]
    gap: timedelta
    """A reminder that comes this soon after an earlier one is left out, for each audience by itself."""
    wait: timedelta
    interval: timedelta

    def audiences(self) -> dict[str, Audience]:
        """Return the default audience under its id; nothing where `EMAIL_TO` names nobody."""
        if not self.to:
            return {}
        leads = spaced(self.leads, self.gap)
        return {DEFAULT_AUDIENCE: Audience(to=self.to, time_zone=self.time_zone, leads=leads)}
