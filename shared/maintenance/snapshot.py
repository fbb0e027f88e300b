"""How a cluster and its windows stood when a mail was frozen: all that the mail may say of them.

The row that it comes from changes every day, a frozen mail never does. So the few facts that a mail shows
are frozen into its members. Written as arrays without names, since a mail's row has room for little; fields
are only ever added at the end, with a default, so that older rows stay readable.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A maintenance window in UTC. `approximate`: it rests on something that AKS does not document."""

    start: datetime
    end: datetime
    approximate: bool = False


class ClusterSnapshot(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What was known of a cluster, and of the windows for the kind of maintenance that is told of."""

    read: datetime
    """When Azure Resource Manager was asked."""
    version: str = ""
    channel: str = ""
    os_channel: str = ""
    offset: int = 0
    """Minutes that the windows' own time lies from UTC."""
    governed: bool = False
    """Whether there is a configuration for this kind of maintenance."""
    lacks: bool = False
    """Whether there could be one, and it is certain that there is none."""
    window: Span | None = None
    """The window that contains the start, planned or reported."""
    next: Span | None = None
    """The first window that begins after the mail was frozen."""
    subscription_name: str = ""
    tags: tuple[str, ...] = ()
    """Those that routes use: `team=shop`."""

    @property
    def zone(self) -> timezone:
        """The windows' own time."""
        return timezone(timedelta(minutes=self.offset))
