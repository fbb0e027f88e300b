"""Links into the Azure portal, made from parsed resource IDs only."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from shared.events.model import Subject


def resource(host: str, subject: Subject) -> str:
    """Return the address of a cluster's or a fleet's page, without a tenant: no event names one."""
    return f"https://{host}/#@/resource{quote(subject.id, safe='/', errors='replace')}"


def https(address: str) -> str:
    """Return the address back if it is a web address that can be linked, else nothing."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    usable = (
        parts.scheme in {"https", "http"} and parts.netloc and address.isascii() and address.isprintable()
    )
    return address if usable and not set(address) & set(" \"'<>\\^`{|}") else ""
