"""Where an SMTP relay is and how it is spoken to, read from the setting's URL."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

FORM = "smtp://user@host:587 or smtps://user@host:465"

_PORTS = {"smtp": 587, "smtps": 465}


class Tls(StrEnum):
    """When the connection is encrypted."""

    IMPLICIT = "implicit"
    """From the first byte."""
    REQUIRED = "always"
    """By STARTTLS; nothing is sent to a relay that does not offer it."""
    OFFERED = "offered"
    """By STARTTLS where the relay offers it."""
    NEVER = "never"


class Relay(msgspec.Struct, frozen=True):
    """An SMTP relay. Its certificate is always verified, against `cafile` where there is one."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    cafile: str = ""


def parse_url(url: str) -> Relay:
    """Read `smtp://` or `smtps://`, with an optional user, port, and `?starttls=always|never&cafile=PATH`.

    With a user STARTTLS is required, since a password follows; without one it is used where it is offered.
    Raises ValueError with a sentence that says what is wrong.
    """
    malformed = f"The URL of the SMTP relay is malformed; its form is {FORM}."
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(malformed) from None
    if port == 0:
        raise ValueError(malformed)
    if parts.scheme not in _PORTS or not host:
        raise ValueError(f"The URL of the SMTP relay must have the form {FORM}.")
    if parts.password is not None:
        raise ValueError(
            "A password does not belong into the URL of the SMTP relay: set EMAIL_SMTP_PASSWORD."
        )
    if parts.path.strip("/") or parts.fragment:
        raise ValueError("The URL of the SMTP relay ends after the port, except for ?starttls= and ?cafile=.")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    starttls, cafile = options.pop("starttls", ""), options.pop("cafile", "")
    if options:
        raise ValueError(f"The URL of the SMTP relay has an unknown option: {next(iter(options))}.")
    user = unquote(parts.username or "")
    if not user.isascii() or any(not character.isprintable() for character in user):
        raise ValueError("The user in the URL of the SMTP relay must be ASCII.")
    return Relay(
        host=_ascii(host),
        port=_PORTS[parts.scheme] if port is None else port,
        tls=_tls(parts.scheme, starttls, user),
        user=user,
        cafile=cafile,
    )


def _tls(scheme: str, starttls: str, user: str) -> Tls:
    if starttls not in {"", Tls.REQUIRED, Tls.NEVER}:
        raise ValueError("The option starttls of the SMTP relay's URL is always or never.")
    if scheme == "smtps":
        if starttls:
            raise ValueError("smtps:// is encrypted from the start: leave out starttls.")
        return Tls.IMPLICIT
    if user and starttls == Tls.NEVER:
        raise ValueError("A user needs an encrypted connection: leave out starttls=never.")
    if user or starttls == Tls.REQUIRED:
        return Tls.REQUIRED
    return Tls.NEVER if starttls else Tls.OFFERED


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("The host in the URL of the SMTP relay is not a host name.") from None
