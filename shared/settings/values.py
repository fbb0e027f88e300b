"""The settings as values, checked. Durations are timedeltas."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from shared.delivery.limiter import Limits
from shared.notices.planning import Watch
from shared.routes import Routes


class AzureEmail(msgspec.Struct, frozen=True):
    """Azure Communication Services by its endpoint: with a key, or, without one, with the app's identity."""

    endpoint: str
    key: str = ""

    def __repr__(self) -> str:
        """Leave out the key."""
        return f"AzureEmail({self.endpoint!r})"


class SmtpEmail(msgspec.Struct, frozen=True):
    """A mail relay: `smtp://` or `smtps://`, with a password where the URL names a user."""

    url: str
    password: str = ""

    def __repr__(self) -> str:
        """Leave out the password."""
        return f"SmtpEmail({self.url!r})"


class FolderEmail(msgspec.Struct, frozen=True):
    """A folder that mails are written to, to look at."""

    path: str


class Storage(msgspec.Struct, frozen=True):
    """The storage account: by URI, with the app's identity, or by connection string."""

    uri: str = ""
    connection_string: str = ""

    def __repr__(self) -> str:
        """Leave out the connection string."""
        return f"Storage({self.uri!r})"


class ClusterSource(msgspec.Struct, frozen=True):
    """Where clusters and their windows are read from: subscriptions, or a file; from nowhere if off."""

    subscriptions: tuple[str, ...] = ()
    file: str = ""

    @property
    def is_on(self) -> bool:
        """Whether they are read at all."""
        return bool(self.subscriptions or self.file)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, checked. Durations are timedeltas."""

    storage: Storage
    table: str
    email: AzureEmail | SmtpEmail | FolderEmail
    sender: str
    routes: Routes
    only_to: tuple[str, ...]
    limits: Limits | None
    gap: timedelta
    group_wait: timedelta
    group_interval: timedelta
    watch: Watch
    lease: timedelta
    time_zone: str
    portal: str
    failures_file: str
    clusters: ClusterSource
    retention: timedelta
    client_id: str
