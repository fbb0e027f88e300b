"""Forms that settings are written in: each function returns the value of a text, or raises ValueError."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from shared.addresses import MAX_RECIPIENTS, is_address, with_name

_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_URL_HOST = re.compile(r"[a-z0-9.:-]+")


def count(value: str) -> int:
    """Return a number of mails, at most seven digits. Raises ValueError with what was expected."""
    if not value.isdecimal() or not value.isascii() or len(value) > 7:  # noqa: PLR2004
        raise ValueError("is not a number of mails")
    return int(value)


def sender(value: str) -> str:
    """Return a sender, `aks@example.com` or `AKS maintenance <aks@example.com>`. Raises ValueError."""
    found = with_name(value)
    if found is None:
        raise ValueError(
            "is not an email address such as aks@example.com or AKS maintenance <aks@example.com>"
        )
    return found


def addresses(value: str) -> tuple[str, ...]:
    """Return the email addresses of a list with commas, each once. Raises ValueError."""
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


def addresses_or_none(value: str) -> tuple[str, ...]:
    """Return the email addresses of a list that may be empty. Raises ValueError."""
    return addresses(value) if value else ()


def flag(value: str) -> bool:
    """Return whether something is on: `true` or `false`, in any case. Raises ValueError."""
    if value.lower() not in {"true", "false"}:
        raise ValueError("is neither true nor false")
    return value.lower() == "true"


def https(value: str) -> str:
    """Return an https address. Raises ValueError."""
    try:
        parts = urlsplit(value)
        is_right = parts.scheme == "https" and _URL_HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError("is not an https address")
    return value


def host(value: str) -> str:
    """Return a host name. Raises ValueError."""
    if not _HOST.fullmatch(value):
        raise ValueError("is not a host name such as portal.azure.com")
    return value


def time_zone(value: str) -> str:
    """Return the name of an IANA time zone. Raises ValueError."""
    if value == "UTC":  # the default needs no list of zones, which a cold start would wait for
        return value
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise ValueError("is not an IANA time zone such as Europe/Berlin") from None
    return value
