"""Until when versions of Kubernetes are supported: dated data, since no API tells.

`support.json` holds the two tables of AKS's page `source`, as of the page's own date; where they name a
month alone, its last day counts, as the page says. 1.28 left the page on 2026-03-23, and is as it was there.
A version older than all of the table is out of support, one newer than all of it is not known.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import msgspec

from shared import decoding

LTS_PLAN = "akslongtermsupport"
"""The support plan of long-term support, in lower case."""

_SUPPORTED_FOR = timedelta(days=366)
"""AKS supports a version for twelve months from when it is generally available, or longer."""


class Support(msgspec.Struct, frozen=True):
    """Until when a version is supported, by the community's plan and by long-term support."""

    community: date
    lts: date


class _Calendar(msgspec.Struct, frozen=True, rename="camel"):
    as_of: date
    source: str
    versions: dict[str, Support]


def minor(version: str) -> str:
    """Return the minor version of a version: `1.33` of `1.33.2`; empty for a text that is no version."""
    parts = version.split(".")
    is_one = len(parts) > 1 and all(part.isdecimal() for part in parts[:2])
    return f"{int(parts[0])}.{int(parts[1])}" if is_one else ""


def support(version: str) -> Support | None:
    """Return until when a version is supported; None where that is not known."""
    return _calendar().versions.get(minor(version))


def ends(version: str, plan: str) -> date | None:
    """Return until when a version is supported by a plan; None where that is not known."""
    found = support(version)
    if found is None:
        return None
    return found.lts if plan.lower() == LTS_PLAN else found.community


def is_over(version: str, plan: str, today: date) -> bool:
    """Return whether a version is out of support by a plan."""
    end = ends(version, plan)
    if end is not None:
        return end < today
    known = [_number(one) for one in _calendar().versions]
    return bool(minor(version)) and _number(minor(version)) < min(known)


def is_released(version: str, today: date) -> bool:
    """Return whether a version is surely generally available, rather than a preview."""
    found = support(version)
    return found is not None and found.community - _SUPPORTED_FOR < today


def _number(version: str) -> tuple[int, int]:
    major, minor_ = version.split(".")
    return int(major), int(minor_)


@cache
def _calendar() -> _Calendar:
    text = Path(__file__).with_name("support.json").read_bytes()
    return decoding.from_json(text, _Calendar)
