"""The mail services behind the email channel: how each is set up, and what opens it.

What a service needs beside its settings (its SDK, identity, MIME) is imported when the first mail leaves:
cold start is part of the product. A new service is a module with its mailer, a class here, and a line in
`SERVICES`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from shared.addresses import bare, is_address
from shared.base_addresses import allows_loopback, base_address
from shared.channels.channel import Temper
from shared.channels.email import endpoint, relay
from shared.channels.limits import Limits
from shared.setting_forms import flag, https, sender
from shared.setting_reader import SettingReader, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.channels.email.graph import GraphMailer
    from shared.channels.outcomes import Mailer

MANAGED_DOMAIN = Limits(5, 10)
"""For senders at `*.azurecomm.net`, by the service's documentation; not raisable."""

OWN_DOMAIN = Limits(30, 100)
"""For senders at a domain of one's own; raisable by a support request."""

MAILBOX = Limits(30, 1_800)
"""For a mailbox of Exchange Online: more than 30 messages a minute are queued there."""

_GRAPH = {"portal.azure.us": "graph.microsoft.us", "portal.azure.cn": "microsoftgraph.chinacloudapi.cn"}
"""Where Microsoft Graph is, by the portal of a sovereign cloud."""


class MailService(Protocol):
    """One way for mail to leave, as set up. Opening it takes no round trip."""

    @property
    def temper(self) -> Temper:
        """Return what the service does about a mail that comes twice."""

    @property
    def name(self) -> str:
        """Return what tells the service from others, in the rows of mails that it may have taken."""

    def usual_limits(self, sender: str) -> Limits | None:
        """Return what the service allows a sender by its documentation; None for no limits."""

    def open(self, sender: str, credential: Callable[[], Any]) -> Mailer:
        """Return the mailer; `credential` gives the app's identity."""


class AzureEmail(msgspec.Struct, frozen=True):
    """Azure Communication Services by its endpoint: with a key, or, without one, with the app's identity."""

    endpoint: str
    key: str = ""
    temper = Temper.ASKABLE

    def __repr__(self) -> str:
        """Leave out the key."""
        return f"AzureEmail({self.endpoint!r})"

    @property
    def name(self) -> str:
        """See MailService."""
        return self.endpoint

    def usual_limits(self, sender: str) -> Limits | None:
        """See MailService."""
        return MANAGED_DOMAIN if sender.lower().endswith(".azurecomm.net") else OWN_DOMAIN

    def open(self, sender: str, credential: Callable[[], Any]) -> Mailer:
        """See MailService."""
        from shared.channels.email.acs import AcsMailer

        if not self.key:
            return AcsMailer(self.endpoint, credential(), sender)
        from azure.core.credentials import AzureKeyCredential

        return AcsMailer(self.endpoint, AzureKeyCredential(self.key), sender)


class SmtpEmail(msgspec.Struct, frozen=True):
    """A mail relay: `smtp://` or `smtps://`, with a password where the URL names a user."""

    url: str
    password: str = ""
    temper = Temper.BLIND

    def __repr__(self) -> str:
        """Leave out the password."""
        return f"SmtpEmail({self.url!r})"

    @property
    def name(self) -> str:
        """See MailService."""
        found = relay.parse_url(self.url)
        return f"smtp://{found.host}:{found.port}"

    def usual_limits(self, sender: str) -> Limits | None:  # noqa: ARG002 - a MailService's
        """See MailService."""
        return None

    def open(self, sender: str, credential: Callable[[], Any]) -> Mailer:  # noqa: ARG002 - a MailService's
        """See MailService."""
        from shared.channels.email.smtp import SmtpMailer

        return SmtpMailer(self.url, self.password, sender)


class FolderEmail(msgspec.Struct, frozen=True):
    """A folder that mails are written to, to look at."""

    path: str
    temper = Temper.ASKABLE

    @property
    def name(self) -> str:
        """See MailService."""
        return f"folder {self.path}"

    def usual_limits(self, sender: str) -> Limits | None:  # noqa: ARG002 - a MailService's
        """See MailService."""
        return None

    def open(self, sender: str, credential: Callable[[], Any]) -> Mailer:  # noqa: ARG002 - a MailService's
        """See MailService."""
        from shared.channels.email.folder import FolderMailer

        return FolderMailer(self.path, sender)


class GraphEmail(msgspec.Struct, frozen=True):
    """A mailbox of Exchange Online, by Microsoft Graph, with the app's identity."""

    mailbox: str
    base: str
    scope: str
    is_drafted: bool = False
    """Whether each mail is made a draft first, which can be asked about."""
    allows_loopback: bool = False

    @property
    def name(self) -> str:
        """See MailService."""
        return f"mailbox {self.mailbox}"

    @property
    def temper(self) -> Temper:
        """See MailService."""
        return Temper.ASKABLE if self.is_drafted else Temper.BLIND

    def usual_limits(self, sender: str) -> Limits | None:  # noqa: ARG002 - a MailService's
        """See MailService."""
        return MAILBOX

    def open(self, sender: str, credential: Callable[[], Any]) -> GraphMailer:
        """See MailService."""
        from shared.channels.email.graph import GraphMailer
        from shared.channels.http import Door

        door = Door(allows_loopback=self.allows_loopback)

        def token() -> str:
            return str(credential().get_token(self.scope).token)

        return GraphMailer(door, self.base, self.mailbox, token, sender=sender)


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How mail leaves: by which service, from whom, how much of it, and to whom instead in shadow mode."""

    service: MailService
    sender: str
    only_to: tuple[str, ...]
    limits: Limits | None
    previous: AzureEmail | None = None
    """The mail service before a switch, only asked about mails in doubt."""


def _connected(value: str) -> AzureEmail:
    """Read a connection string."""
    return AzureEmail(*endpoint.parse_connection_string(value))


def _smtp(read: SettingReader, name: str) -> SmtpEmail:
    url = read.get(name, _smtp_url)
    password = read.text("EMAIL_SMTP_PASSWORD")
    if not password.isascii():
        raise SettingsError("Setting EMAIL_SMTP_PASSWORD holds characters beyond ASCII.")
    has_user = bool(relay.parse_url(url).user)
    if has_user and not password:
        raise SettingsError("Setting EMAIL_SMTP_PASSWORD is missing: EMAIL_SMTP_URL names a user.")
    if password and not has_user:
        raise SettingsError("Setting EMAIL_SMTP_URL names no user for EMAIL_SMTP_PASSWORD.")
    return SmtpEmail(url, password)


def _graph(read: SettingReader, name: str) -> GraphEmail:
    mailbox = read.get(name, _mailbox)
    from_ = bare(read.get("EMAIL_FROM", sender, mailbox))
    if from_.lower() != mailbox.lower():
        raise SettingsError(
            f"Setting EMAIL_FROM ({from_!r}) is another address than that of {name}, which mail comes from: "
            "leave it out."
        )
    cloud = f"https://{_GRAPH.get(read.text('PORTAL').lower(), 'graph.microsoft.com')}"
    return GraphEmail(
        mailbox,
        base=base_address(read, "GRAPH_ENDPOINT", cloud, without="/v1.0"),
        scope=f"{cloud}/.default",
        is_drafted=read.get("EMAIL_GRAPH_DRAFTS", flag, "false"),
        allows_loopback=allows_loopback(read),
    )


SERVICES: Mapping[str, Callable[[SettingReader, str], MailService]] = {
    "EMAIL_ENDPOINT": lambda read, name: AzureEmail(read.get(name, _endpoint)),
    "EMAIL_CONNECTION_STRING": lambda read, name: read.get(name, _connected),
    "EMAIL_SMTP_URL": _smtp,
    "EMAIL_GRAPH_MAILBOX": _graph,
    "EMAIL_FOLDER": lambda read, name: FolderEmail(read.get(name, _folder)),
}
"""The setting that chooses a service, and what reads it."""


def mail_service(read: SettingReader) -> MailService:
    """Return the one service that is set up. Raises SettingsError unless exactly one is."""
    name = read.one_of(SERVICES, "how mail leaves")
    if name != "EMAIL_SMTP_URL" and read.text("EMAIL_SMTP_PASSWORD"):
        raise SettingsError("Setting EMAIL_SMTP_PASSWORD goes with EMAIL_SMTP_URL, which is not set.")
    if name != "EMAIL_GRAPH_MAILBOX" and read.text("EMAIL_GRAPH_DRAFTS"):
        raise SettingsError("Setting EMAIL_GRAPH_DRAFTS goes with EMAIL_GRAPH_MAILBOX, which is not set.")
    return SERVICES[name](read, name)


def _mailbox(value: str) -> str:
    if not is_address(value):
        raise ValueError("is not the address of a mailbox such as aks@example.com")
    return value


def previous_service(read: SettingReader) -> AzureEmail | None:
    """Return the mail service before a switch, if it is set. Raises SettingsError."""

    def parse(value: str) -> AzureEmail | None:
        if not value:
            return None
        return _connected(value) if "=" in value else AzureEmail(_endpoint(value))

    return read.get("EMAIL_PREVIOUS", parse, "")


def _folder(value: str) -> str:
    try:
        is_other = Path(value).exists() and not Path(value).is_dir()
    except OSError:  # too long a name, a parent that may not be looked into
        is_other = True
    if is_other:
        raise ValueError("is not a folder")
    return value


def _endpoint(value: str) -> str:
    try:
        return endpoint.normalise(https(value))
    except ValueError:  # its own words repeat the value, which may hold a key that went astray
        raise ValueError("is not an address such as https://name.communication.azure.com") from None


def _smtp_url(value: str) -> str:
    cafile = relay.parse_url(value).cafile
    if cafile and not Path(cafile).is_file():
        raise ValueError(f"The cafile {cafile!r} is not a file.")
    return value
