"""Puts the parts together: from settings to something that takes events and sweeps.

What an invocation often does not need (identity, a mail service's SDK, templates) is imported when it is
needed: cold start is part of the product.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.channels import registry
from shared.channels.context import ChannelContext
from shared.clock import SystemClock
from shared.clusters.lookup import Lookup
from shared.clusters.runs import RunLookup
from shared.delivery import reports
from shared.delivery.grouping import Grouping
from shared.delivery.intake import Intake
from shared.delivery.limiter import Limiter
from shared.delivery.retention import remove_expired
from shared.delivery.sender import Sender
from shared.delivery.sweep import Sweeper, summary
from shared.messages.view import Branding
from shared.store.azure import CONNECT_SECONDS, READ_SECONDS, AzureTable
from shared.store.meta import Meta
from shared.store.protocol import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.channels.channel import Channel
    from shared.clock import Clock
    from shared.settings import Settings
    from shared.sources.arm import Arm
    from shared.store.table import Table

log = logging.getLogger("notifier")


class Notifier:
    """The app, put together: takes deliveries of Event Grid, and sweeps."""

    def __init__(self, config: Settings, table: Table, channels: Mapping[str, Channel], clock: Clock) -> None:
        """`channels` are those of all targets of the routes, by the targets' keys."""
        self.store = Store(table)
        self._meta = Meta(table)
        self._clock = clock
        self._config = config
        routes = config.routes
        limits = {target: channel.limits for target, channel in channels.items()}
        limiter = Limiter(self.store, clock, limits)
        sender = Sender(
            store=self.store,
            channels=channels,
            limiter=limiter,
            routes=routes,
            clock=clock,
            lease=config.lease,
        )
        ungrouped = frozenset(target for target, channel in channels.items() if not channel.is_grouped)
        grouping = Grouping(config.group_wait, config.group_interval, ungrouped)
        clusters = Lookup(is_on=config.clusters.is_on)
        runs = RunLookup(self._meta, routes, clock) if config.sources.fleets else None
        self.intake = Intake(
            store=self.store,
            sender=sender,
            limiter=limiter,
            routes=routes,
            clock=clock,
            grouping=grouping,
            gap=config.gap,
            watch=config.watch,
            clusters=clusters,
            runs=runs,
        )
        self.delivery = Sweeper(
            store=self.store,
            sender=sender,
            limiter=limiter,
            routes=routes,
            clock=clock,
            grouping=grouping,
            clusters=clusters,
            watch=config.watch,
            runs=runs,
        )

    def report(self, text: str) -> None:
        """Take a delivery report. Raises TableUnavailable where it has to come again."""
        reports.take(self.store, self._clock, text)

    def remove_expired(self) -> None:
        """Remove history that is older than it has to be kept."""
        remove_expired(self.store, self._clock, self._config.retention)

    def refresh_windows(self) -> None:
        """Read clusters and their windows; where CLUSTERS is off, nothing. Raises TableUnavailable."""
        wanted = self._config.clusters
        if not wanted.is_on:
            return
        from shared.clusters.refresh import File, Subscriptions, refresh

        if wanted.file:
            refresh(self.store, File(Path(wanted.file)), self._clock)
            return
        with open_arm(self._config) as arm:
            refresh(self.store, Subscriptions(arm, wanted.subscriptions), self._clock)

    def reconcile(self) -> None:
        """Hold what Azure has recorded against what Event Grid brought. Raises TableUnavailable."""
        from shared.rounds.failed_states import FailedStates
        from shared.rounds.reconcile import Reconcile, Watched
        from shared.rounds.telling import Teller
        from shared.sources.resource_graph import ResourceGraph

        asked = self._config.sources
        teller = Teller(self.intake, self._config.routes)
        with open_arm(self._config) as arm:
            graph = ResourceGraph(arm)
            run = Reconcile(
                graph=graph,
                meta=self._meta,
                intake=self.intake,
                teller=teller,
                clock=self._clock,
                watched=Watched(asked.subscriptions, asked.management_groups),
            )
            run.run()
            FailedStates(
                graph=graph,
                arm=arm,
                meta=self._meta,
                store=self.store,
                teller=teller,
                clock=self._clock,
            ).run(run.subscriptions)

    def poll_fleets(self) -> None:
        """See how update runs stand, and tell what is new of them. Raises TableUnavailable."""
        from shared.rounds.fleet_runs import FleetRuns
        from shared.sources.resource_graph import ResourceGraph

        with open_arm(self._config) as arm:
            FleetRuns(
                graph=ResourceGraph(arm),
                arm=arm,
                meta=self._meta,
                store=self.store,
                intake=self.intake,
                clock=self._clock,
                knows_clusters=self._config.clusters.is_on or self._config.sources.is_on,
            ).run(self._config.sources.fleets)

    def sweep(self, *, past_due: bool = False) -> None:
        """Send what has fallen due, and log what came of it."""
        sweep = self.delivery.sweep()
        log.info("%s%s", summary(sweep), " (past due)" if past_due else "")


def build(config: Settings) -> Notifier:
    """Put the app together for real: Table Storage, a mail service, the machine's clock. No round trip."""
    return Notifier(config, open_table(config), open_channels(config), SystemClock())


def open_channels(config: Settings) -> dict[str, Channel]:
    """Make the channels of all targets of the routes, by the targets' keys. No round trip."""
    return registry.open_channels(config.routes.targets().values(), channel_context(config))


def channel_context(config: Settings) -> ChannelContext:
    """Return what channels are made from."""
    return ChannelContext(
        branding=Branding(
            portal=config.portal,
            domain=config.mail.sender.rpartition("@")[2],
            only_to=config.mail.only_to,
            failures_file=config.failures_file,
            freezes=config.routes.freezes,
        ),
        mail=config.mail,
        credential=lambda: _identity(config),
    )


def open_table(config: Settings) -> AzureTable:
    """Open the table of the settings. No round trip."""
    from azure.data.tables import TableClient

    from shared.connections import transport

    options: dict[str, Any] = {"transport": transport(CONNECT_SECONDS, READ_SECONDS)}
    storage = config.storage
    if storage.connection_string:
        client = TableClient.from_connection_string(
            storage.connection_string, table_name=storage.table, **options
        )
    else:
        client = TableClient(storage.uri, storage.table, credential=_identity(config), **options)
    return AzureTable(client)


def open_arm(config: Settings) -> Arm:
    """Open Azure Resource Manager with the app's identity. No round trip."""
    from shared.sources import arm

    cloud = arm.endpoint(config.portal)
    return arm.Arm(_identity(config), config.sources.arm_endpoint or cloud, cloud)


def _identity(config: Settings) -> Any:  # noqa: ANN401 - typed where it is used
    # Not DefaultAzureCredential: it probes one source after the other, and the app runs with one identity.
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=config.client_id or None)
