"""Puts the parts together: from settings to something that takes events and sweeps.

What an invocation often does not need (identity, a mail service's SDK, templates) is imported when it is
needed: cold start is part of the product.
"""

from __future__ import annotations

import logging
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared import identity
from shared.addresses import bare
from shared.channels import registry
from shared.channels.context import ChannelContext
from shared.clock import SystemClock, TableClock
from shared.clusters.lookup import Lookup
from shared.clusters.runs import RunLookup
from shared.delivery.composer import Composer
from shared.delivery.grouping import Grouping
from shared.delivery.intake import Intake
from shared.delivery.limiter import Limiter
from shared.delivery.parts import DeliveryParts
from shared.delivery.sender import Sender
from shared.delivery.settler import Settler
from shared.messages.branding import Branding
from shared.notices.kinds import Kind
from shared.notices.records import Binding
from shared.store.azure import CONNECT_SECONDS, READ_SECONDS, AzureTable
from shared.store.meta import Meta
from shared.store.ownership import OwnedTable
from shared.store.protocol import Store
from shared.store.timed import TimedTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.channels.channel import Channel
    from shared.clock import Clock
    from shared.delivery.heartbeat import Heartbeat
    from shared.delivery.sweep import Sweeper
    from shared.pages.publisher import Publisher
    from shared.rounds.parts import RoundParts
    from shared.rounds.subscriptions import Watched
    from shared.rounds.teller import Teller
    from shared.rounds.unreadable_rows import UnreadableRows
    from shared.settings import Settings
    from shared.sources.arm import Arm
    from shared.store.table import BrowsableTable

log = logging.getLogger("notifier")


class Notifier:
    """The app, put together: takes deliveries of Event Grid, and sweeps."""

    def __init__(
        self, config: Settings, table: BrowsableTable, channels: Mapping[str, Channel], clock: Clock
    ) -> None:
        """`channels` are those of all targets of the routes, by the targets' keys."""
        self._clock = clock = TableClock(clock)
        timed = TimedTable(table, clock)
        owned = OwnedTable(timed, config.storage.table, config.app) if config.app else timed
        self.store, self._meta = Store(owned), Meta(owned)
        self._config = config
        routes = config.routes
        limits = {target: channel.limits for target, channel in channels.items()}
        limiter = Limiter(self.store, clock, limits)
        composer = Composer(channels, routes, partial(_binding, config))
        sender = Sender(
            store=self.store,
            channels=channels,
            composer=composer,
            settler=Settler(self.store, routes, clock),
            limiter=limiter,
            clock=clock,
            lease=config.lease,
        )
        ungrouped = frozenset(target for target, channel in channels.items() if not channel.is_grouped)
        grouping = Grouping(config.group_wait, config.group_interval, ungrouped)
        is_known = config.clusters.is_on or config.sources.is_on
        self._parts = DeliveryParts(
            store=self.store,
            composer=composer,
            sender=sender,
            limiter=limiter,
            routes=routes,
            clock=clock,
            grouping=grouping,
            clusters=Lookup(is_on=is_known, tags=routes.tags),
            runs=RunLookup(self._meta if config.sources.fleets else None, routes, clock),
        )
        self._owned = owned
        self.intake = Intake(self._parts, owned, gap=config.gap, watch=config.watch)

    @cached_property
    def delivery(self) -> Sweeper:
        """What sends what has fallen due."""
        from shared.delivery.sweep import Sweeper

        return Sweeper(self._parts, record_one=self.intake.record_one, watch=self._config.watch)

    @cached_property
    def pages(self) -> Publisher:
        """What answers for pages, and probes."""
        from shared.pages.publisher import PageBranding, Publisher
        from shared.store.present import PresentState

        config = self._config
        branding = PageBranding(bare(config.mail.sender).rpartition("@")[2], config.portal)
        return Publisher(PresentState(self._owned), config.routes, self._clock, branding)

    @cached_property
    def _heartbeat(self) -> Heartbeat:
        from shared.delivery.heartbeat import Heartbeat

        return Heartbeat(self.store, self._clock, self._config.watcher.url)

    @cached_property
    def _unreadable_rows(self) -> UnreadableRows:
        from shared.rounds.unreadable_rows import UnreadableRows

        return UnreadableRows(self._teller())

    def _teller(self) -> Teller:
        from shared.rounds.teller import Teller

        return Teller(self.intake, self._config.routes)

    def take(self, text: str) -> None:
        """Take a delivery of events. Raises TableUnavailable where it has to come again."""
        self.intake.take(text)

    def take_reports(self, text: str) -> None:
        """Take a delivery report. Raises TableUnavailable where it has to come again."""
        from shared.delivery import reports

        reports.take(self.store, self._clock, text)

    def remove_expired(self) -> None:
        """Remove history that is older than it has to be kept."""
        from shared.delivery.retention import remove_expired

        remove_expired(self.store, self._config.retention)

    def refresh_windows(self) -> None:
        """Read clusters and their windows: a file first, then what Azure says. Raises TableUnavailable."""
        if self._config.clusters.file:
            from shared.clusters.refresh import refresh

            refresh(self.store, Path(self._config.clusters.file), self._clock.now())
        if self._config.sources.is_on:
            self._read_inventory()
        from shared.rounds import clock_changes

        teller = self._teller()
        clock_changes.tell(teller, self.store.clusters().values(), self._clock.now())

    def _read_inventory(self) -> None:
        from shared.rounds.daily import DailyFindings
        from shared.rounds.inventory_reading import Inventory

        with open_arm(self._config) as arm:
            parts = self.round_parts(arm)
            reading = Inventory(parts, self._watched()).run()
            DailyFindings(parts).run(reading, with_advisories=self._config.sources.advisories)

    def round_parts(self, arm: Arm) -> RoundParts:
        """Return what a run that asks works with. No round trip."""
        from shared.rounds.parts import round_parts

        return round_parts(arm, self.store, self._owned, self.intake, self._config.routes, self._clock)

    def _watched(self) -> Watched:
        from shared.rounds.subscriptions import Watched

        asked = self._config.sources
        return Watched(asked.subscriptions, asked.management_groups)

    def reconcile(self) -> None:
        """Hold what Azure has recorded against what Event Grid brought. Raises TableUnavailable."""
        from shared.rounds.failed_states import FailedStates
        from shared.rounds.reconcile import Reconcile

        with open_arm(self._config) as arm:
            parts = self.round_parts(arm)
            run = Reconcile(parts, self._watched())
            run.run()
            FailedStates(parts).run(run.subscriptions)

    def poll_fleets(self) -> None:
        """See how update runs stand, and tell what is new of them. Raises TableUnavailable."""
        from shared.rounds.fleet_runs import FleetRuns

        config = self._config
        with open_arm(config) as arm:
            FleetRuns(
                self.round_parts(arm),
                knows_clusters=config.clusters.is_on or config.sources.is_on,
                reminds_of_gates=bool(config.watch.gate_reminder) and Kind.GATE not in config.routes.quiet,
            ).run(config.sources.fleets)

    def report_week(self) -> None:
        """Tell the week to whoever wants it. Raises TableError."""
        from shared.rounds.weekly_report import report
        from shared.store.ledger import Ledger
        from shared.store.present import PresentState

        present, ledger = PresentState(self._owned), Ledger(self._owned)
        teller = self._teller()
        report(self._meta, present, ledger, teller, self._clock.now())

    def sweep(self, *, past_due: bool = False) -> None:
        """Send what has fallen due, and log what came of it."""
        from shared.delivery.sweep import summary

        sweep = self.delivery.sweep()
        log.info("%s%s", summary(sweep), " (past due)" if past_due else "")
        self._tell_unreadable()
        self._heartbeat.beat()

    def _tell_unreadable(self) -> None:
        """Tell the operator of rows that could not be read."""
        rows = set(self.store.unreadable)
        self.store.unreadable -= rows
        if rows:
            self._unreadable_rows.tell(rows, self._clock.now())


def build(config: Settings) -> Notifier:
    """Put the app together for real: Table Storage, a mail service, the machine's clock. No round trip."""
    return Notifier(config, open_table(config), open_channels(config), SystemClock())


def open_channels(config: Settings) -> dict[str, Channel]:
    """Return the channels of all targets of the routes, by the targets' keys. No round trip."""
    return registry.open_channels(config.routes.targets().values(), channel_context(config))


def channel_context(config: Settings) -> ChannelContext:
    """Return what channels are made from."""
    return ChannelContext(
        branding=Branding(
            portal=config.portal,
            domain=bare(config.mail.sender).rpartition("@")[2],
            sender=bare(config.mail.sender),
            only_to=config.mail.only_to,
            failures_file=config.failures_file,
            freezes=config.routes.freezes,
        ),
        mail=config.mail,
        settings=config.channels,
        credential=cache(partial(identity.credential, config.identity)),
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
        client = TableClient(
            storage.uri, storage.table, credential=identity.credential(config.identity), **options
        )
    return AzureTable(client)


def _binding(config: Settings, audience: Audience) -> Binding:
    return Binding(
        to=audience.to,
        cc=audience.cc,
        reply_to=audience.reply_to,
        only_to=config.mail.only_to,
        sender=config.mail.sender,
        portal=config.portal,
        time_zone=audience.time_zone,
    )


def open_arm(config: Settings) -> Arm:
    """Open Azure Resource Manager with the app's identity. No round trip."""
    from shared.sources import arm

    cloud = arm.endpoint(config.portal)
    return arm.Arm(identity.credential(config.identity), config.sources.arm_endpoint or cloud, cloud)
