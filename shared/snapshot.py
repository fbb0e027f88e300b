"""How a cluster and its windows stood when a mail was frozen: all that the mail may say of them.

The row that it comes from changes every day, a frozen mail never does. So the few facts that a mail shows
are frozen into its members. Written as arrays without names, since a mail's row has room for little; fields
are only ever added at the end, with a default, so that older rows stay readable.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import msgspec


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A maintenance window in UTC. `approximate`: it rests on something that AKS does not document."""

    start: datetime
    end: datetime
    approximate: bool = False


class PoolFacts(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """How a node pool is upgraded, as far as it was said."""

    name: str
    strategy: str = ""
    """upgradeStrategy: `BlueGreen` or `Rolling`; not said of most pools, which roll."""
    final_soak: int = 0
    """Minutes for which a blue-green pool keeps its old nodes at the end; 60 by default, 7 days at most."""
    undrainable: str = ""
    """undrainableNodeBehavior: `Schedule`, or `Cordon`, which sets such nodes aside."""

    @property
    def is_blue_green(self) -> bool:
        """Whether its upgrade ends with a soak."""
        return self.strategy.lower() == "bluegreen"


class Schedule(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A schedule out of the ordinary, as far as postponing a run needs it: rarer, or a shared window's."""

    start_date: date | None = None
    interval: int = 1
    window_id: str = ""
    """The shared window that the schedule comes from."""
    shared_with: tuple[str, ...] = ()
    """Names of other clusters on that shared window; a few of many."""
    shared_with_more: int = 0
    """How many further ones there are."""


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

    sku: str = ""
    """sku.name: `Base`, or `Automatic`."""
    schedule: Schedule | None = None
    """Of the configuration that governs this kind of maintenance, where that is out of the ordinary."""
    pools: tuple[PoolFacts, ...] = ()
    pools_known: bool = False
    """Whether these are all the node pools."""

    has_namesake: bool = False
    """Whether another cluster that is known has its name."""

    @property
    def is_automatic(self) -> bool:
        """Whether it is AKS Automatic, whose automatic upgrades cannot be turned off."""
        return self.sku.lower() == "automatic"

    @property
    def zone(self) -> timezone:
        """The windows' own time."""
        return timezone(timedelta(minutes=self.offset))
