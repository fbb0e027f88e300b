"""Freezes: times in which nothing is to change, and which clusters they are for.

A freeze of a team is no setting of AKS. It says in a mail that something is planned into it; what keeps
upgrades away are a configuration's not-allowed dates, whole days at the offset of its window.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from shared.routes import document, fields
from shared.routes.conditions import Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from shared.events.model import Cluster, Event
    from shared.routes.document import Field

_FREEZE = ("name", "from", "to", "match")
_DAY = timedelta(days=1)
_OF_CLUSTERS: Mapping[str, Callable[[Cluster], str]] = {
    "subscription": lambda cluster: cluster.subscription,
    "resource_group": lambda cluster: cluster.resource_group,
    "cluster": lambda cluster: cluster.name,
}
MAX_FREEZES = 200
_WHEN = "a date such as 2026-12-20, or a time with an offset such as 2026-12-20T18:00+01:00"


class Freeze(msgspec.Struct, frozen=True):
    """A time in which nothing is to change. Both times are in UTC; the end is exclusive."""

    name: str
    start: datetime
    end: datetime
    conditions: tuple[Condition, ...] = ()
    """Which events it is for; without any, all of them."""

    def covers(self, moment: datetime) -> bool:
        """Return whether a moment lies in it."""
        return self.start <= moment < self.end

    def is_for(self, event: Event) -> bool:
        """Return whether it is for an event, as a route would be."""
        return all(condition.holds(event) for condition in self.conditions)

    def is_for_cluster(self, cluster: Cluster | None, name: str, region: str) -> bool:
        """Return whether it is for a cluster; what a cluster does not say of itself counts as met.

        That is so for `kind` and `status`, which only events have: a freeze of a kind freezes the cluster.
        """
        said = {key: read(cluster) for key, read in _OF_CLUSTERS.items()} if cluster else {"cluster": name}
        said["region"] = region.replace(" ", "")
        return all(
            condition.matches(said[condition.field]) or not said[condition.field]
            for condition in self.conditions
            if condition.field in said
        )

    def days(self, offset: timedelta) -> tuple[date, date]:
        """Return the first and the last of the whole days, at an offset from UTC, that cover the freeze."""
        zone = timezone(offset)
        last = self.end - timedelta(microseconds=1)
        return self.start.astimezone(zone).date(), last.astimezone(zone).date()


def parse(
    field: Field, time_zone: str, folder: Path, match: Callable[[Field], tuple[Condition, ...]]
) -> tuple[Freeze, ...]:
    """Read the freezes of routes: a list, or `@file.ics`, relative to `folder`.

    Dates are those of `time_zone`; `match` reads conditions. Raises RoutesError for the first that is wrong.
    """
    zone = ZoneInfo(time_zone)
    value = field.value
    if isinstance(value, str) and value.startswith("@"):
        found = _calendar(field, value.removeprefix("@").strip(), folder, zone)
    else:
        found = [_freeze(item, zone, match) for item in field.items("freezes, or @file.ics")]
    if len(found) > MAX_FREEZES:
        raise field.fault(f"expected at most {MAX_FREEZES} freezes, got {len(found)}")
    names: set[str] = set()
    for freeze in found:
        # A calendar has the same words every year; two of a list are a slip.
        if freeze.name.lower() in names and not isinstance(value, str):
            raise field.fault(f"two freezes are named {freeze.name!r}")
        names.add(freeze.name.lower())
    return tuple(sorted(found, key=lambda freeze: (freeze.start, freeze.name)))


def named(freezes: Iterable[Freeze], name: str) -> list[Freeze]:
    """Return the freezes of this name; case does not matter."""
    return [freeze for freeze in freezes if freeze.name.lower() == name.strip().lower()]


def _freeze(item: Field, zone: ZoneInfo, match: Callable[[Field], tuple[Condition, ...]]) -> Freeze:
    entries = item.mapping(_FREEZE)
    name_, from_, to = (item.required(entries, key) for key in ("name", "from", "to"))
    name = name_.text("a name")
    if len(name) > fields.MAX_NAME_CHARACTERS:
        raise name_.expected(f"a name of at most {fields.MAX_NAME_CHARACTERS} characters")
    start = _moment(from_, zone, is_end=False)
    end = _moment(to, zone, is_end=True)
    if end <= start:
        raise to.expected("an end after `from`")
    return Freeze(name, start, end, match(entries["match"]) if "match" in entries else ())


def _moment(field: Field, zone: ZoneInfo, *, is_end: bool) -> datetime:
    """Read a date, inclusive at the end, or a time, exclusive there; in UTC."""
    text = field.text(_WHEN)
    try:
        if len(text) == len("2026-12-20"):
            return _midnight(date.fromisoformat(text), zone, is_end=is_end)
        found = datetime.fromisoformat(text.upper())
        if found.utcoffset() is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise field.expected(_WHEN)


def _midnight(day: date, zone: ZoneInfo, *, is_end: bool) -> datetime:
    return datetime.combine(day + _DAY if is_end else day, time(), zone).astimezone(UTC)


# Calendars


def _calendar(field: Field, path: str, folder: Path, zone: ZoneInfo) -> list[Freeze]:
    """Read the entries of an iCalendar file (RFC 5545); SUMMARY is the name."""
    import icalendar

    shown = f"@{path}"
    text = document.read(path, folder)
    try:
        calendar = icalendar.Calendar.from_ical(text)
        events = list(calendar.walk("VEVENT"))
    except (ValueError, KeyError, IndexError, TypeError):
        raise field.fault(f"{shown} is no iCalendar file") from None
    if not events:
        raise field.fault(f"{shown} has no entry (VEVENT)")
    return [_entry(field, f"{shown}, entry {place}", event, zone) for place, event in enumerate(events, 1)]


def _entry(field: Field, shown: str, event: Mapping[str, object], zone: ZoneInfo) -> Freeze:
    name = " ".join(str(event.get("SUMMARY", "")).split())[: fields.MAX_NAME_CHARACTERS]
    if not name or not name.isprintable():
        raise field.fault(f"{shown}: expected a SUMMARY, which names the freeze")
    if "RRULE" in event or "RDATE" in event:
        raise field.fault(f"{shown} ({name!r}) repeats: a freeze is written down once for every time")
    start = getattr(event.get("DTSTART"), "dt", None)
    end = getattr(event.get("DTEND"), "dt", None)
    length = getattr(event.get("DURATION"), "dt", None)
    if start is None:
        raise field.fault(f"{shown} ({name!r}): expected DTSTART, which is missing")
    if end is None:  # RFC 5545, 3.6.1: then a date lasts a day, and a time no time at all
        end = start + (length or (timedelta(0) if isinstance(start, datetime) else _DAY))
    try:
        first, last = _utc(start, zone), _utc(end, zone)
    except (OverflowError, TypeError, AttributeError):
        raise field.fault(f"{shown} ({name!r}): its times cannot be read") from None
    if last <= first:
        raise field.fault(f"{shown} ({name!r}): expected an end after its start")
    return Freeze(name, first, last)


def _utc(said: date, zone: ZoneInfo) -> datetime:
    """Return a time of a calendar in UTC: a date, and a time without a zone, are local."""
    if not isinstance(said, datetime):
        return _midnight(said, zone, is_end=False)
    return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
