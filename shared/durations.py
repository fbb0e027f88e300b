"""Durations as people write them: `7d`, `24h`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(?:\d{1,9}[dhms])+")
_PART = re.compile(r"(\d+)([dhms])")

MAX_DURATION = timedelta(days=366)
"""More is a slip, and would lead out of the calendar somewhere later."""


def duration(value: str) -> timedelta:
    """Read a duration such as `7d`, `24h`, `1h30m` or `0s`. Raises ValueError with what was expected."""
    if not _DURATION.fullmatch(value):
        raise ValueError("is not a duration such as 7d, 24h, 5m or 30s")
    parts = [timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _PART.findall(value)]
    # One by one, because a sum of them may be more than a timedelta holds.
    if any(part > MAX_DURATION for part in parts) or sum(parts, timedelta()) > MAX_DURATION:
        raise ValueError(f"is longer than {MAX_DURATION.days}d")
    return sum(parts, timedelta())


class Lead(msgspec.Struct, frozen=True):
    """How long before a start a reminder goes out: as written in the setting (`7d`), and how long that is."""

    label: str
    ahead: timedelta


def ahead(lead: str) -> timedelta:
    """Return how long a lead is; a label that cannot be read any more comes last."""
    try:
        return duration(lead) if lead else timedelta()
    except ValueError:
        return timedelta.max


def spaced(found: Iterable[Lead], gap: timedelta) -> tuple[Lead, ...]:
    """Return the leads, longest first, without those that follow an earlier one within the gap."""
    kept: list[Lead] = []
    for lead in sorted(found, key=lambda lead: lead.ahead, reverse=True):
        if not kept or kept[-1].ahead - lead.ahead >= gap:
            kept.append(lead)
    return tuple(kept)
