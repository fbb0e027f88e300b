"""Who hears of what: audiences."""

from __future__ import annotations

from datetime import timedelta  # noqa: TC003 - msgspec reads the annotations

import msgspec

DEFAULT_AUDIENCE = "default"


class Lead(msgspec.Struct, frozen=True):
    """How long before a start a reminder goes out: as written in the setting (`7d`), and how long that is."""

    label: str
    ahead: timedelta


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """People who get the same mails: recipients, and how they like to read times."""

    id: str = DEFAULT_AUDIENCE
    name: str = ""
    """What people call it; empty for the default audience."""
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    reply_to: str = ""
    runbook: str = ""
    """A link of the audience's own, shown in failures."""
    time_zone: str = "UTC"
    """IANA name, valid."""
