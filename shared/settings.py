"""The settings: read once from the environment, checked, and handed on as values.

Nothing else reads the environment. A setting that is missing or wrong raises SettingsError with one sentence
that names it. An empty value counts as unset.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from shared.routes import Lead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    T = TypeVar("T")

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(?:\d+[dhms])+")
_PART = re.compile(r"(\d+)([dhms])")
_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+\.[^@\s<>,;:\"()\[\]\\.]+")
_TABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NCRONTAB_FIELDS = 6

MOST_RECIPIENTS = 50
"""What Azure Communication Services takes in one message."""

SHORTEST_LEASE = timedelta(seconds=10)
LONGEST_LEASE = timedelta(hours=1)


class SettingsError(ValueError):
    """A setting is missing or wrong. The message is one sentence that names it."""


class AzureEmail(msgspec.Struct, frozen=True):
    """Azure Communication Services by its endpoint: with a key, or, without one, with the app's identity."""

    endpoint: str
    key: str = ""


class SmtpEmail(msgspec.Struct, frozen=True):
    """A mail relay: `smtp://` or `smtps://`, with a password where the URL names a user."""

    url: str
    password: str = ""


class FolderEmail(msgspec.Struct, frozen=True):
    """A folder that mails are written to, to look at."""

    path: str


class Storage(msgspec.Struct, frozen=True):
    """The storage account: by URI, with the app's identity, or by connection string."""

    uri: str = ""
    connection_string: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, checked. Durations are timedeltas."""

    storage: Storage
    table: str
    email: AzureEmail | SmtpEmail | FolderEmail
    sender: str
    to: tuple[str, ...]
    leads: tuple[Lead, ...]
    gap: timedelta
    group_wait: timedelta
    group_interval: timedelta
    lease: timedelta
    time_zone: str
    portal: str
    client_id: str


def load(environment: Mapping[str, str]) -> Settings:
    """Read all settings. Raises SettingsError for the first that is missing or wrong."""
    read = _Reader(environment)
    read.get("SWEEP_SCHEDULE", _schedule)  # the host resolves it; without it the timer would not start
    return Settings(
        storage=_storage(read),
        table=read.get("NOTIFIER_TABLE", _table, "notifier"),
        email=_email(read),
        sender=read.get("EMAIL_FROM", _address),
        to=read.get("EMAIL_TO", _addresses),
        leads=read.get("REMINDER_LEADS", _leads, "7d,24h"),
        gap=read.get("REMINDER_GAP", duration, "6h"),
        group_wait=read.get("GROUP_WAIT", duration, "30s"),
        group_interval=read.get("GROUP_INTERVAL", duration, "5m"),
        lease=read.get("LEASE", _lease, "2m"),
        time_zone=read.get("TIME_ZONE", _time_zone, "UTC"),
        portal=read.get("PORTAL", _host, "portal.azure.com"),
        client_id=read.get("AZURE_CLIENT_ID", _client_id, ""),
    )


class _Reader:
    """Reads one setting after the other, and turns what is wrong with a value into a sentence."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def get(self, name: str, parse: Callable[[str], T], default: str | None = None) -> T:
        value = self.text(name) or default
        if value is None:
            raise SettingsError(f"Setting {name} is missing, and has no default.")
        try:
            return parse(value)
        except ValueError as error:
            shown = "" if _is_secret(name) else f" ({value[:100]!r})"
            raise SettingsError(f"Setting {name}{shown} {error}.") from None

    def one_of(self, names: Iterable[str], what: str) -> str:
        names = tuple(names)
        given = [name for name in names if self.text(name)]
        if len(given) == 1:
            return given[0]
        listed = ", ".join(names[:-1]) + " or " + names[-1]
        if given:
            raise SettingsError(f"Settings {' and '.join(given)} are both set: {what} is one of {listed}.")
        raise SettingsError(f"A setting is missing: {what} is one of {listed}.")


def _storage(read: _Reader) -> Storage:
    name = read.one_of(("NOTIFIER_STORAGE__tableServiceUri", "NOTIFIER_STORAGE"), "the table's account")
    if name == "NOTIFIER_STORAGE":
        return Storage(connection_string=read.get(name, _connection_string))
    return Storage(uri=read.get(name, _https))


def _email(read: _Reader) -> AzureEmail | SmtpEmail | FolderEmail:
    ways = ("EMAIL_ENDPOINT", "EMAIL_CONNECTION_STRING", "EMAIL_SMTP_URL", "EMAIL_FOLDER")
    name = read.one_of(ways, "how mail leaves")
    if name != "EMAIL_SMTP_URL" and read.text("EMAIL_SMTP_PASSWORD"):
        raise SettingsError("Setting EMAIL_SMTP_PASSWORD goes with EMAIL_SMTP_URL, which is not set.")
    if name == "EMAIL_ENDPOINT":
        return AzureEmail(read.get(name, _https))
    if name == "EMAIL_CONNECTION_STRING":
        return read.get(name, _email_connection_string)
    if name == "EMAIL_FOLDER":
        return FolderEmail(read.text(name))
    return _smtp(read)


def _smtp(read: _Reader) -> SmtpEmail:
    url = read.get("EMAIL_SMTP_URL", _smtp_url)
    password = read.text("EMAIL_SMTP_PASSWORD")
    has_user = bool(urlsplit(url).username)
    if has_user and not password:
        raise SettingsError("Setting EMAIL_SMTP_PASSWORD is missing: EMAIL_SMTP_URL names a user.")
    if password and not has_user:
        raise SettingsError("Setting EMAIL_SMTP_URL names no user for EMAIL_SMTP_PASSWORD.")
    return SmtpEmail(url, password)


def duration(value: str) -> timedelta:
    """Read a duration such as `7d`, `24h`, `1h30m` or `0s`. Raises ValueError with what was expected."""
    if not _DURATION.fullmatch(value):
        raise ValueError("is not a duration such as 7d, 24h, 5m or 30s")
    try:
        return sum(
            (timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _PART.findall(value)), timedelta()
        )
    except OverflowError:
        raise ValueError("is longer than anything this app waits for") from None


def _lease(value: str) -> timedelta:
    lease = duration(value)
    if not SHORTEST_LEASE <= lease <= LONGEST_LEASE:
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


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value) or not value.isprintable():
        raise ValueError("is not an email address such as aks@example.com")
    return value


def _addresses(value: str) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in value.split(",") if part.strip())
    for address in addresses:
        if not _ADDRESS.fullmatch(address) or not address.isprintable():
            raise ValueError(f"holds {address!r}, which is not an email address such as ops@example.com")
    if not addresses:
        raise ValueError("holds no email address")
    if len(addresses) > MOST_RECIPIENTS:
        raise ValueError(f"holds more than {MOST_RECIPIENTS} addresses")
    return tuple(dict.fromkeys(addresses))


def _https(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("is not an https address")
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("is not a host name such as portal.azure.com")
    return value


def _client_id(value: str) -> str:
    if value and not _GUID.fullmatch(value):
        raise ValueError("is not the client id (a GUID) of a managed identity")
    return value


def _table(value: str) -> str:
    if not _TABLE_NAME.fullmatch(value):
        raise ValueError("is not a table name: 3 to 63 letters and digits, a letter first")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise ValueError("is not an IANA time zone such as Europe/Berlin") from None
    return value


def _schedule(value: str) -> str:
    if len(value.split()) != _NCRONTAB_FIELDS:
        raise ValueError("is not an NCRONTAB schedule of six fields such as 0 * * * * *")
    return value


def _connection_string(value: str) -> str:
    parts = _pairs(value)
    if "usedevelopmentstorage" in parts:
        return value
    if "accountname" not in parts or not {"accountkey", "sharedaccesssignature"} & parts.keys():
        raise ValueError("is not a storage connection string with AccountName and AccountKey")
    if not _is_base64(parts.get("accountkey", "")):
        raise ValueError("holds an AccountKey that is not base64")
    return value


def _email_connection_string(value: str) -> AzureEmail:
    parts = _pairs(value)
    endpoint, key = parts.get("endpoint", ""), parts.get("accesskey", "")
    address = urlsplit(endpoint)
    # The SDK's own reader turns http into https; a stand-in on this machine is spoken to as it is named.
    if address.scheme not in {"http", "https"} or not address.hostname or not key:
        raise ValueError("is not of the form endpoint=https://NAME.communication.azure.com/;accesskey=KEY")
    if not _is_base64(key):
        raise ValueError("holds an accesskey that is not base64")
    return AzureEmail(endpoint.rstrip("/"), key)


def _smtp_url(value: str) -> str:
    from shared.mailers.smtp import parse_url  # stdlib only

    parse_url(value)
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


def _is_secret(name: str) -> bool:
    return name in {"NOTIFIER_STORAGE", "EMAIL_CONNECTION_STRING", "EMAIL_SMTP_PASSWORD", "EMAIL_SMTP_URL"}
