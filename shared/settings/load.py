"""The settings: read once from the environment, checked, and handed on as values.

Nothing else reads the environment. A setting that is missing or wrong raises SettingsError with one sentence
that names it. An empty value counts as unset.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from shared import routes
from shared.addresses import is_address
from shared.channels.email import endpoint, relay
from shared.delivery import limiter
from shared.delivery.limiter import Limits
from shared.durations import Lead
from shared.notices.planning import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from shared.routes import Routes

    T = TypeVar("T")

from shared.addresses import MAX_RECIPIENTS
from shared.durations import duration
from shared.setting_reader import SettingsError
from shared.settings.values import AzureEmail, ClusterSource, FolderEmail, Settings, SmtpEmail, Storage

_TABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_URL_HOST = re.compile(r"[a-z0-9.:-]+")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NCRONTAB_FIELDS = 6
_SECRET = frozenset(
    {
        "NOTIFIER_STORAGE",
        "NOTIFIER_STORAGE__tableServiceUri",
        "EMAIL_ENDPOINT",
        "EMAIL_CONNECTION_STRING",
        "EMAIL_SMTP_URL",
        "EMAIL_SMTP_PASSWORD",
    }
)

APP = Path(__file__).resolve().parents[2]
"""The app's folder, wherever the worker was started."""

SHORTEST_RETENTION = 30
"""Days: AKS announces maintenance 7 days ahead, and what may still be told of has to be there."""

LONGEST_RETENTION = 36_500

SHORTEST_LEASE = timedelta(seconds=10)
LONGEST_LEASE = timedelta(hours=1)


def load(environment: Mapping[str, str]) -> Settings:
    """Read all settings. Raises SettingsError for the first that is missing or wrong."""
    read = _Reader(environment)
    read.get("SWEEP_SCHEDULE", _schedule)  # the host resolves it; without it the timer would not start
    email = _email(read)
    sender = read.get("EMAIL_FROM", _address)
    return Settings(
        storage=_storage(read),
        table=read.get("NOTIFIER_TABLE", _table, "notifier"),
        email=email,
        sender=sender,
        routes=_routes(read),
        only_to=read.get("EMAIL_ONLY_TO", _addresses_or_none, ""),
        limits=_limits(read, email, sender),
        gap=read.get("REMINDER_GAP", duration, "6h"),
        group_wait=read.get("GROUP_WAIT", duration, "30s"),
        group_interval=read.get("GROUP_INTERVAL", duration, "5m"),
        watch=Watch(
            not_started_after=read.get("NOT_STARTED_AFTER", duration, "24h"),
            still_running_after=read.get("STILL_RUNNING_AFTER", duration, "12h"),
        ),
        lease=read.get("LEASE", _lease, "2m"),
        time_zone=read.get("TIME_ZONE", _time_zone, "UTC"),
        portal=read.get("PORTAL", _host, "portal.azure.com"),
        failures_file=read.get("FAILURES_FILE", _failures_file, ""),
        clusters=read.get("CLUSTERS", _clusters, "off"),
        retention=timedelta(days=read.get("RETENTION_DAYS", _retention, "400")),
        client_id=read.get("AZURE_CLIENT_ID", _client_id, ""),
    )


class _Reader:
    """Reads one setting after the other, and turns what is wrong with a value into a sentence."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def raw(self, name: str) -> str:
        return self._environment.get(name, "")

    def text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def get(self, name: str, parse: Callable[[str], T], default: str | None = None) -> T:
        value = self.text(name) or default
        if value is None:
            raise SettingsError(f"Setting {name} is missing, and has no default.")
        try:
            return parse(value)
        except ValueError as error:
            reason = str(error).removesuffix(".")
            if reason[:1].isupper():  # a sentence of its own
                raise SettingsError(f"Setting {name} is wrong: {reason}.") from None
            shown = "" if _is_secret(name) else f" ({value[:100]!r})"
            raise SettingsError(f"Setting {name}{shown} {reason}.") from None

    def one_of(self, names: Iterable[str], what: str) -> str:
        names = tuple(names)
        given = [name for name in names if self.text(name)]
        if len(given) == 1:
            return given[0]
        listed = ", ".join(names[:-1]) + " or " + names[-1]
        if given:
            both = ", ".join(given[:-1]) + " and " + given[-1]
            raise SettingsError(f"Settings {both} are set together: {what} is one of {listed}.")
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
        return AzureEmail(read.get(name, _endpoint))
    if name == "EMAIL_CONNECTION_STRING":
        return read.get(name, _email_connection_string)
    if name == "EMAIL_FOLDER":
        return FolderEmail(read.get(name, _folder))
    return _smtp(read)


def _smtp(read: _Reader) -> SmtpEmail:
    url = read.get("EMAIL_SMTP_URL", _smtp_url)
    password = read.text("EMAIL_SMTP_PASSWORD")
    if not password.isascii():
        raise SettingsError("Setting EMAIL_SMTP_PASSWORD holds characters beyond ASCII.")
    has_user = bool(relay.parse_url(url).user)
    if has_user and not password:
        raise SettingsError("Setting EMAIL_SMTP_PASSWORD is missing: EMAIL_SMTP_URL names a user.")
    if password and not has_user:
        raise SettingsError("Setting EMAIL_SMTP_URL names no user for EMAIL_SMTP_PASSWORD.")
    return SmtpEmail(url, password)


def _routes(read: _Reader) -> Routes:
    """Read who hears of what: the audiences of ROUTES, and EMAIL_TO as the default one."""
    text = read.raw("ROUTES")
    defaults = routes.Defaults(
        to=read.get("EMAIL_TO", _addresses_or_none, "") if text.strip() else read.get("EMAIL_TO", _addresses),
        time_zone=read.get("TIME_ZONE", _time_zone, "UTC"),
        leads=read.get("REMINDER_LEADS", _leads, "7d,24h"),
        gap=read.get("REMINDER_GAP", duration, "6h"),
        wait=read.get("GROUP_WAIT", duration, "30s"),
        interval=read.get("GROUP_INTERVAL", duration, "5m"),
    )
    try:
        return routes.load(routes.read(text, APP), defaults, routes.folder(text, APP))
    except routes.RoutesError as error:
        raise SettingsError(f"Setting ROUTES is wrong: {str(error).rstrip('.')}.") from None


def _limits(read: _Reader, email: AzureEmail | SmtpEmail | FolderEmail, sender: str) -> Limits | None:
    """Give what the mail service allows: as set, or as its documentation says of the sender's domain."""
    usual: Limits | None = None
    if isinstance(email, AzureEmail):
        usual = limiter.MANAGED_DOMAIN if sender.lower().endswith(".azurecomm.net") else limiter.OWN_DOMAIN
    per_minute = read.get("EMAIL_PER_MINUTE", _count, "0")
    per_hour = read.get("EMAIL_PER_HOUR", _count, "0")
    if usual is None and not (per_minute or per_hour):
        return None
    if usual is None:
        return Limits(per_minute or per_hour, per_hour or per_minute * 60)
    return Limits(per_minute or usual.per_minute, per_hour or usual.per_hour)


def _count(value: str) -> int:
    if not value.isdecimal() or not value.isascii() or len(value) > 7:  # noqa: PLR2004
        raise ValueError("is not a number of mails")
    return int(value)


def _retention(value: str) -> int:
    days = _count(value) if value.isdecimal() else 0
    if not SHORTEST_RETENTION <= days <= LONGEST_RETENTION:
        raise ValueError(f"is not a number of days between {SHORTEST_RETENTION} and {LONGEST_RETENTION}")
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
        if not _GUID.fullmatch(subscription):
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
    if not is_address(value):
        raise ValueError("is not an email address such as aks@example.com")
    return value


def _addresses(value: str) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in value.split(",") if part.strip())
    for address in addresses:
        if not is_address(address):
            shown = address[:100]
            raise ValueError(f"holds {shown!r}, which is not an email address such as ops@example.com")
    if not addresses:
        raise ValueError("holds no email address")
    if len(addresses) > MAX_RECIPIENTS:
        raise ValueError(f"holds more than {MAX_RECIPIENTS} addresses")
    return tuple(dict.fromkeys(addresses))


def _addresses_or_none(value: str) -> tuple[str, ...]:
    return _addresses(value) if value else ()


def _folder(value: str) -> str:
    try:
        is_other = Path(value).exists() and not Path(value).is_dir()
    except OSError:  # too long a name, a parent that may not be looked into
        is_other = True
    if is_other:
        raise ValueError("is not a folder")
    return value


def _https(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_right = parts.scheme == "https" and _URL_HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError("is not an https address")
    return value


def _endpoint(value: str) -> str:
    try:
        return endpoint.normalise(_https(value))
    except ValueError:  # its own words repeat the value, which may hold a key that went astray
        raise ValueError("is not an address such as https://name.communication.azure.com") from None


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("is not a host name such as portal.azure.com")
    return value


def _client_id(value: str) -> str:
    if value and not _GUID.fullmatch(value):
        raise ValueError("is not the client id (a GUID) of a managed identity")
    return value


def _table(value: str) -> str:
    if not _TABLE_NAME.fullmatch(value) or value.lower() == "tables":  # a name the service keeps
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
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return value
    if not parts.get("accountname") or not (parts.get("accountkey") or parts.get("sharedaccesssignature")):
        raise ValueError("is not a storage connection string with AccountName and AccountKey")
    if not _is_base64(parts.get("accountkey", "")):
        raise ValueError("holds an AccountKey that is not base64")
    return value


def _email_connection_string(value: str) -> AzureEmail:
    return AzureEmail(*endpoint.parse_connection_string(value))


def _smtp_url(value: str) -> str:
    cafile = relay.parse_url(value).cafile
    if cafile and not Path(cafile).is_file():
        raise ValueError(f"The cafile {cafile!r} is not a file.")
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
    """Tell whether a wrong value is not to be shown: it holds a secret, or may be one that went astray."""
    return name in _SECRET
