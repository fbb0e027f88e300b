"""Email addresses: which ones are taken as addresses, wherever they are configured."""

from __future__ import annotations

import re

MAX_RECIPIENTS = 50
"""What Azure Communication Services takes in one message."""

MAX_CHARACTERS = 254
"""RFC 5321, 4.5.3.1.3."""

_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+\.[^@\s<>,;:\"()\[\]\\.]+")


_MAILBOX = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<address>[^<>\s]*)>")
_SPECIAL = re.compile(r"[()<>\[\]:;@\\,.\"]")
"""What a name may hold only in quotes (RFC 5322, 3.2.3)."""


def bare(sender: str) -> str:
    """Return the address alone of `Name <name@domain>`; of a bare address, itself."""
    match = _MAILBOX.fullmatch(sender)
    return match["address"] if match else sender


def with_name(value: str) -> str | None:
    """Return `Name <name@domain>`, its name in quotes where it has to be, or a bare address; else None."""
    match = _MAILBOX.fullmatch(value)
    if match is None:
        return value if is_address(value) else None
    name = match["name"].strip().removeprefix('"').removesuffix('"').replace('\\"', '"')
    if not is_address(match["address"]) or not name.isprintable():
        return None
    if not name:
        return match["address"]
    if _SPECIAL.search(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{match['address']}>"


def is_address(value: str) -> bool:
    """Return whether this is one bare address, such as `ops@example.com`: no name around it, no quoting.

    The part before the @ has to be ASCII, since nobody can promise SMTPUTF8 all the way to the recipient; a
    domain may be written in any script.
    """
    return (
        bool(_ADDRESS.fullmatch(value))
        and value.partition("@")[0].isascii()
        and value.isprintable()
        and len(value) <= MAX_CHARACTERS
    )
