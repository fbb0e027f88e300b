"""Reading the settings, section by section; a tool asks for the section that it needs.

Nothing else reads the environment. A setting that is missing or wrong raises SettingsError with one sentence
that names it. An empty value counts as unset.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared import routes
from shared.addresses import bare
from shared.base_addresses import allows_loopback
from shared.channels import registry
from shared.channels.email.services import MailSettings, mail_service, previous_service
from shared.channels.limits import Limits
from shared.durations import Lead, duration
from shared.identity import Identity
from shared.ncrontab import TimerSchedule
from shared.notices.planning import Watch
from shared.setting_forms import addresses, addresses_or_none, count, flag, host, https, sender, time_zone
from shared.setting_reader import SettingReader, SettingsError
from shared.settings.channels import channel_settings, in_shadow
from shared.settings.sources import fleets, quiet_kinds, sources
from shared.settings.values import ClusterSource, Settings, Storage, Watcher
from shared.text import GUID
from shared.web_addresses import web_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.channels.registration import Registration
    from shared.routes import Routes

_TABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")

SCHEDULES = ("SWEEP_SCHEDULE",)
"""Settings that a timer takes its schedule from."""

APP = Path(__file__).resolve().parents[2]
"""The app's folder, wherever the worker was started."""

MIN_RETENTION_DAYS = 30
"""AKS announces maintenance 7 days ahead, and what may still be told of has to be there."""

MAX_RETENTION_DAYS = 36_500

MIN_LEASE = timedelta(seconds=10)
MAX_LEASE = timedelta(hours=1)


def load(
    environment: Mapping[str, str], channels: Mapping[str, Registration] = registry.CHANNELS
) -> Settings:
    """Return all settings. Raises SettingsError for the first that is missing or wrong."""
    read = SettingReader(environment)
    for name in SCHEDULES:
        # The host reads it, as it stands: with a wrong one the timer would never run.
        read.get(name, TimerSchedule.parse, as_it_stands=True)
    defaults = _defaults(read)
    clusters = read.get("CLUSTERS", _clusters, "off")
    mail_settings = mail(read)
    found = msgspec.structs.replace(_routes(read, defaults, channels), quiet=quiet_kinds(read))
    return Settings(
        mail=mail_settings,
        channels=channel_settings(read, found, channels),
        storage=storage(read),
        routes=in_shadow(found) if mail_settings.only_to else found,
        gap=defaults.gap,
        group_wait=defaults.wait,
        group_interval=defaults.interval,
        watch=Watch(
            not_started_after=read.get("NOT_STARTED_AFTER", duration, "24h"),
            still_running_after=read.get("STILL_RUNNING_AFTER", duration, "12h"),
            gate_reminder=read.get("GATE_REMINDER", duration, "4h"),
            polled=frozenset(fleets(read)),
        ),
        lease=read.get("LEASE", _lease, "2m"),
        portal=read.get("PORTAL", host, "portal.azure.com"),
        failures_file=read.get("FAILURES_FILE", _failures_file, ""),
        clusters=clusters,
        sources=sources(read, clusters.subscriptions),
        retention=timedelta(days=read.get("RETENTION_DAYS", _retention, "400")),
        app=read.text("WEBSITE_SITE_NAME"),
        identity=identity(read),
        pages=read.get("PAGES", flag, "false"),
        watcher=_watcher(read),
    )


def storage(read: SettingReader) -> Storage:
    """Return where the table is. Raises SettingsError."""
    name = read.one_of(("NOTIFIER_STORAGE__tableServiceUri", "NOTIFIER_STORAGE"), "the table's account")
    table = read.get("NOTIFIER_TABLE", _table, "notifier")
    if name == "NOTIFIER_STORAGE":
        return Storage(connection_string=read.get(name, _connection_string), table=table)
    return Storage(uri=read.get(name, https), table=table)


def identity(read: SettingReader) -> Identity:
    """Return where tokens come from: what App Service sets, and whose they are. Raises SettingsError."""
    name = next(filter(read.text, ("AZURE_CLIENT_ID", "NOTIFIER_STORAGE__clientId")), "AZURE_CLIENT_ID")
    return Identity(
        endpoint=read.text("IDENTITY_ENDPOINT"),
        header=read.text("IDENTITY_HEADER"),
        client_id=read.get(name, _client_id, ""),
    )


def mail(read: SettingReader) -> MailSettings:
    """Return how mail leaves. Raises SettingsError."""
    service = mail_service(read)
    # A mailbox sends as itself, so that its address need not be said twice.
    from_ = read.get("EMAIL_FROM", sender, read.text("EMAIL_GRAPH_MAILBOX") or None)
    return MailSettings(
        service=service,
        sender=from_,
        only_to=read.get("EMAIL_ONLY_TO", addresses_or_none, ""),
        limits=_limits(read, service.usual_limits(bare(from_))),
        previous=previous_service(read),
    )


def routing(read: SettingReader) -> routes.Defaults:
    """Return what holds for audiences that say nothing else; without `EMAIL_TO`, no default audience."""
    return routes.Defaults(
        to=read.get("EMAIL_TO", addresses_or_none, ""),
        time_zone=read.get("TIME_ZONE", time_zone, "UTC"),
        leads=read.get("REMINDER_LEADS", _leads, "7d,24h"),
        gap=read.get("REMINDER_GAP", duration, "6h"),
        wait=read.get("GROUP_WAIT", duration, "30s"),
        interval=read.get("GROUP_INTERVAL", duration, "5m"),
    )


def _defaults(read: SettingReader) -> routes.Defaults:
    if not read.text("ROUTES"):
        read.get("EMAIL_TO", addresses)  # without routes somebody has to hear
    return routing(read)


def _routes(read: SettingReader, defaults: routes.Defaults, channels: Mapping[str, Registration]) -> Routes:
    try:
        text = read.raw("ROUTES")
        folder = routes.folder(text, APP)
        return routes.load(routes.read(text, APP), defaults, folder, registry.readers(channels))
    except routes.RoutesError as error:
        raise SettingsError(f"Setting ROUTES is wrong: {str(error).rstrip('.')}.") from None


def _limits(read: SettingReader, usual: Limits | None) -> Limits | None:
    """Return what the mail service allows: as set, else as is usual for it."""
    per_minute = read.get("EMAIL_PER_MINUTE", count, "0")
    per_hour = read.get("EMAIL_PER_HOUR", count, "0")
    if usual is None and not (per_minute or per_hour):
        return None
    if usual is None:
        return Limits(per_minute or per_hour, per_hour or per_minute * 60)
    return Limits(per_minute or usual.per_minute, per_hour or usual.per_hour)


def _retention(value: str) -> int:
    days = count(value) if value.isdecimal() else 0
    if not MIN_RETENTION_DAYS <= days <= MAX_RETENTION_DAYS:
        raise ValueError(f"is not a number of days between {MIN_RETENTION_DAYS} and {MAX_RETENTION_DAYS}")
    return days


def _clusters(value: str) -> ClusterSource:
    if value.lower() == "off":
        return ClusterSource()
    if value.startswith("@"):
        path = APP / value[1:].strip()
        if not path.is_file():
            raise ValueError("names a file that is not there")
        return ClusterSource(file=str(path))
    subscriptions = tuple(part.strip().lower() for part in value.split(",") if part.strip())
    for subscription in subscriptions:
        if not GUID.fullmatch(subscription):
            raise ValueError(f"holds {subscription[:100]!r}, which is not a subscription's id (a GUID)")
    if not subscriptions:
        raise ValueError("holds no subscription's id")
    return ClusterSource(tuple(dict.fromkeys(subscriptions)))


def _failures_file(value: str) -> str:
    if value:
        from shared.failures import load_catalogue

        load_catalogue(value)  # raises a sentence that names the file, the entry and the field
    return value


def _lease(value: str) -> timedelta:
    lease = duration(value)
    if not MIN_LEASE <= lease <= MAX_LEASE:
        raise ValueError("is not between 10s and 1h")
    return lease


def _leads(value: str) -> tuple[Lead, ...]:
    leads = tuple(Lead(label.strip(), duration(label.strip())) for label in value.split(","))
    if any(not lead.ahead for lead in leads):
        raise ValueError("holds a lead of no length")
    if len({lead.ahead for lead in leads}) < len(leads):
        raise ValueError("holds the same lead twice")
    if len(leads) > 10:  # noqa: PLR2004
        raise ValueError("holds more than 10 leads")
    return leads


def _watcher(read: SettingReader) -> Watcher:
    if not read.text("HEARTBEAT_URL"):
        return Watcher("")
    parse = partial(web_address, allows_loopback=allows_loopback(read))
    return Watcher(read.get("HEARTBEAT_URL", parse))


def _client_id(value: str) -> str:
    if value and not GUID.fullmatch(value):
        raise ValueError("is not the client id (a GUID) of a managed identity")
    return value


def _table(value: str) -> str:
    if not _TABLE_NAME.fullmatch(value) or value.lower() == "tables":  # a name the service keeps
        raise ValueError("is not a table name: 3 to 63 letters and digits, a letter first")
    return value


def _connection_string(value: str) -> str:
    parts = _pairs(value)
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return value
    if not parts.get("accountname") or not (parts.get("accountkey") or parts.get("sharedaccesssignature")):
        raise ValueError("is not a storage connection string with AccountName and AccountKey")
    if not _is_base64(parts.get("accountkey", "")):
        raise ValueError("holds an AccountKey that is not base64")
    return value


def _pairs(value: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in value.split(";") if part.strip())
    return {name.strip().lower(): text.strip() for name, _, text in pairs}


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        return False
    return True
