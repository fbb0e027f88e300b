"""Email addresses: which ones are taken as such, wherever they are configured."""

from __future__ import annotations

import re

MAX_RECIPIENTS = 50
"""What Azure Communication Services takes in one message."""

MAX_LENGTH = 254
"""RFC 5321, 4.5.3.1.3."""

_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+\.[^@\s<>,;:\"()\[\]\\.]+")


def is_address(value: str) -> bool:
    """Return whether this is one bare address, such as `ops@example.com`: no name around it, no quoting.

    The part before the @ has to be ASCII, since nobody can promise SMTPUTF8 all the way to the recipient; a
    domain may be written in any script.
    """
    return (
        bool(_ADDRESS.fullmatch(value))
        and value.partition("@")[0].isascii()
        and value.isprintable()
        and len(value) <= MAX_LENGTH
    )
