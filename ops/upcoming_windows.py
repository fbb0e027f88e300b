"""The windows to come of several configurations: in order, as a table, as JSON, as a calendar."""

from __future__ import annotations

import heapq
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid5

import msgspec

from ops.text_table import table
from shared import text
from shared.ids import NAMESPACE
from shared.maintenance import Configuration, Window, occurrences
from shared.messages import calendar_entry
from shared.messages.calendar_entry import CalendarEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from ops.linting.model import Listing

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class UpcomingWindow(msgspec.Struct, frozen=True):
    """A window to come, and whose it is."""

    cluster: str
    """The cluster, or, for a shared window, those that use it."""
    name: str
    """The configuration, or the shared window."""
    configuration: Configuration
    window: Window


def upcoming(listing: Listing, after: datetime) -> Iterator[UpcomingWindow]:
    """Yield the windows of all configurations that end after this time, lazily, in the order of starts.

    A shared window comes once, for all the configurations that are linked to it.
    """

    def of(cluster: str, name: str, configuration: Configuration) -> Iterator[UpcomingWindow]:
        found = occurrences(configuration, after)
        return (UpcomingWindow(cluster, name, configuration, window) for window in found)

    streams = [
        of(listed.name or listed.address, configuration.name, configuration)
        for listed in listing.clusters
        for configuration in listed.configurations
        if listed.shared_window(configuration) is None
    ]
    for listed in listing.shared:
        if listed.shared is not None:
            users = ", ".join(user.name or user.address for user in listing.users(listed.shared.key))
            streams += [
                of(users, listed.shared.name, configuration) for configuration in listed.configurations
            ]
    return heapq.merge(*streams, key=lambda item: item.window.start)


def as_json(windows: Sequence[UpcomingWindow]) -> str:
    """Return an array of `{"name", "start", "end", "approximate"}`, times in UTC."""
    items = [
        {
            "name": item.name,
            "start": _utc(item.window.start),
            "end": _utc(item.window.end),
            "approximate": item.window.approximate,
        }
        for item in windows
    ]
    return json.dumps(items, indent=2)


def as_text(windows: Sequence[UpcomingWindow], after: datetime, zone: tzinfo | None = None) -> str:
    """Return a table: each window in UTC, by its configuration's own clock, and in `zone`."""
    if not windows:
        return "No window to come."
    other = zone if str(zone) != "UTC" else None
    head = ["CONFIGURATION", "UTC", "LOCAL (utcOffset)", *([str(zone).upper()] if other else []), "NOTE"]
    rows = []
    for item in windows:
        own = item.configuration.zone
        offset = f"{datetime(2000, 1, 1, tzinfo=own):%z}"
        row = [item.name or "-", _span(item.window, UTC)]
        row.append(f"{_span(item.window, own)} ({offset[:3]}:{offset[3:5]})")
        row += [_span(item.window, other)] if other else []
        rows.append([*row, _note(item.window, after)])
    names = [item.cluster for item in windows]
    if len(set(names)) > 1:
        head.insert(0, "CLUSTER")
        rows = [[name or "-", *row] for name, row in zip(names, rows, strict=True)]
    return table(head, rows)


def as_calendar(windows: Sequence[UpcomingWindow]) -> bytes:
    """Return an iCalendar file, the same bytes for the same windows.

    An entry's UID follows from its configuration and its start, so that importing twice makes no second one.
    What is approximate is tentative.
    """
    return calendar_entry.file(map(_entry, windows))


def _entry(item: UpcomingWindow) -> CalendarEntry:
    name = text.line(item.name) or "maintenance"
    whose = item.configuration.id.lower() or f"{item.cluster}\n{item.name}"
    whom = f" · {text.line(item.cluster)}" if item.cluster else ""
    return CalendarEntry(
        uid=str(uuid5(NAMESPACE, f"window\n{whose}\n{_utc(item.window.start)}")),
        # The moment of writing would make every file another one.
        stamp=item.configuration.changed or item.window.start,
        start=item.window.start,
        end=item.window.end,
        summary=f"Maintenance window {name}{whom}",
        status="TENTATIVE" if item.window.approximate else "CONFIRMED",
    )


def _utc(time: datetime) -> str:
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def _span(window: Window, zone: tzinfo) -> str:
    try:
        start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    except OverflowError:  # the first and the last hours of the calendar
        return "-"
    day = "" if start.date() == end.date() else f"{_DAYS[end.weekday()]} "
    return f"{_DAYS[start.weekday()]} {start:%Y-%m-%d %H:%M} - {day}{end:%H:%M}"


def _note(window: Window, after: datetime) -> str:
    notes = ["running"] if window.start <= after else []
    return "; ".join(notes + ([f"approximate: {', and '.join(window.doubts)}"] if window.doubts else []))
