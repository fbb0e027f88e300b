"""The settings as values, checked. Durations are timedeltas."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from shared.channels.context import ChannelSettings
from shared.channels.email.services import MailSettings
from shared.identity import Identity
from shared.notices.planning import Watch
from shared.routes import Routes
from shared.settings.sources import SourceSettings


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """The table: its name, and its account by URI, with the app's identity, or by connection string."""

    uri: str = ""
    connection_string: str = ""
    table: str = "notifier"

    def __repr__(self) -> str:
        """Leave out the connection string."""
        return f"Storage({self.uri!r}, {self.table!r})"


class ClusterSource(msgspec.Struct, frozen=True):
    """Where clusters and their windows are read from: subscriptions, or a file; from nowhere if off."""

    subscriptions: tuple[str, ...] = ()
    file: str = ""

    @property
    def is_on(self) -> bool:
        """Whether they are read at all."""
        return bool(self.subscriptions or self.file)


class Watcher(msgspec.Struct, frozen=True):
    """Who notices from outside that sweeps have stopped: an address to call; none where it is empty."""

    url: str = ""

    def __repr__(self) -> str:
        """Leave out the address."""
        return f"Watcher(is_set={bool(self.url)})"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, checked, by section."""

    storage: Storage
    mail: MailSettings
    channels: ChannelSettings
    routes: Routes
    gap: timedelta
    group_wait: timedelta
    group_interval: timedelta
    watch: Watch
    lease: timedelta
    portal: str
    failures_file: str
    clusters: ClusterSource
    sources: SourceSettings
    retention: timedelta
    app: str
    """This app's name in Azure; empty elsewhere."""
    identity: Identity
    pages: bool
    """Whether the calendar feed and the status page are there."""
    watcher: Watcher
