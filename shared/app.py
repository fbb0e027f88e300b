"""Puts the parts together: from settings to something that takes events and sweeps.

What an invocation often does not need (identity, a mail service's SDK, templates) is imported when it is
needed: cold start is part of the product.
"""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from shared.channels.channel import Temper
from shared.channels.outcomes import OperationState, OperationStatus, Unavailable
from shared.clock import SystemClock
from shared.clusters.lookup import Lookup
from shared.delivery import reports
from shared.delivery.grouping import Grouping
from shared.delivery.intake import Intake
from shared.delivery.retention import remove_expired
from shared.delivery.sender import Sender
from shared.delivery.sweep import Sweeper, summary
from shared.store.azure import CONNECT_SECONDS, READ_SECONDS, AzureTable
from shared.store.protocol import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.channels.email.compose import Branding
    from shared.channels.email.email import Email
    from shared.channels.outcomes import Mailer, Outcome, Timeouts
    from shared.clock import Clock
    from shared.notices.records import Mail, MailItem, Row
    from shared.settings import Settings
    from shared.sources.arm import Arm
    from shared.store.table import Table

log = logging.getLogger("notifier")


class Notifier:
    """The app, put together: takes deliveries of Event Grid, and sweeps."""

    def __init__(self, config: Settings, table: Table, mailer: Mailer, clock: Clock) -> None:
        self.store = Store(table)
        self._clock = clock
        self._config = config
        routes = config.routes
        sender = Sender(
            store=self.store,
            mailer=mailer,
            composer=_Composer(config),
            audiences=routes.audiences,
            clock=clock,
            lease=config.lease,
            limits=config.mail.limits,
        )
        grouping = Grouping(config.group_wait, config.group_interval)
        clusters = Lookup(is_on=config.clusters.is_on)
        self.intake = Intake(
            store=self.store,
            sender=sender,
            routes=routes,
            clock=clock,
            grouping=grouping,
            gap=config.gap,
            watch=config.watch,
            clusters=clusters,
        )
        self.delivery = Sweeper(
            store=self.store,
            sender=sender,
            routes=routes,
            clock=clock,
            grouping=grouping,
            limits=config.mail.limits,
            clusters=clusters,
            watch=config.watch,
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

    def sweep(self, *, past_due: bool = False) -> None:
        """Send what has fallen due, and log what came of it."""
        sweep = self.delivery.sweep()
        log.info("%s%s", summary(sweep), " (past due)" if past_due else "")


def build(config: Settings) -> Notifier:
    """Put the app together for real: Table Storage, a mail service, the machine's clock. No round trip."""
    return Notifier(config, open_table(config), LazyMailer(config), SystemClock())


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


class LazyMailer:
    """The mailer of the settings, made when the first mail is sent. Thread-safe."""

    def __init__(self, config: Settings) -> None:
        self.can_answer = config.mail.service.temper is Temper.ASKABLE
        self._config = config
        self._mailer: Mailer | None = None
        self._lock = Lock()

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:
        """See Mailer."""
        try:
            mailer = self._open()
        except Exception as error:
            # Nothing was handed over: that does not count as an attempt, and concerns all mail.
            log.exception("the mailer cannot be opened")
            return Unavailable(f"the mailer cannot be opened: {error!r}")
        return mailer.send(email, operation_id, timeouts)

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """See Mailer."""
        try:
            mailer = self._open()
        except Exception as error:
            log.exception("the mailer cannot be opened")
            return OperationStatus(OperationState.NO_ANSWER, f"the mailer cannot be opened: {error!r}")
        return mailer.status_of(operation_id, timeouts)

    def _open(self) -> Mailer:
        with self._lock:
            if self._mailer is None:
                self._mailer = open_mailer(self._config)
            return self._mailer


def open_mailer(config: Settings) -> Mailer:
    """Make the mailer of the settings. No round trip."""
    return config.mail.service.open(config.mail.sender, lambda: _identity(config))


def open_arm(config: Settings) -> Arm:
    """Open Azure Resource Manager with the app's identity. No round trip."""
    from shared.sources import arm

    return arm.Arm(_identity(config), arm.endpoint(config.portal))


def _identity(config: Settings) -> Any:  # noqa: ANN401 - typed where it is used
    # Not DefaultAzureCredential: it probes one source after the other, and the app runs with one identity.
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=config.client_id or None)


class _Composer:
    """Composes emails; the templates are imported for the first one."""

    def __init__(self, config: Settings) -> None:
        self._portal = config.portal
        self._domain = config.mail.sender.rpartition("@")[2]
        self._only_to = config.mail.only_to
        self._failures_file = config.failures_file
        self._freezes = config.routes.freezes

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> Email:
        from shared.channels.email.compose import compose

        return compose(mail, rows, audience, self._look())

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> Email:
        from shared.channels.email.compose import compose_plain

        return compose_plain(mail, rows, audience, self._look(), why)

    def ordered(self, members: tuple[MailItem, ...], rows: Mapping[str, Row]) -> tuple[MailItem, ...]:
        from shared.channels.email.compose import ordered

        return ordered(members, rows)

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> int:
        from shared.channels.email.compose import count_fitting

        return count_fitting(mail, rows, audience, self._look())

    def _look(self) -> Branding:
        from shared.channels.email.compose import Branding

        return Branding(
            portal=self._portal,
            domain=self._domain,
            only_to=self._only_to,
            failures_file=self._failures_file,
            freezes=self._freezes,
        )
