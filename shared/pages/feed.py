"""The board as a calendar to subscribe to, as JSON and as Atom. Pure: the same board gives the same bytes.

No texts of failures and no ids stand in a feed, apart from the UID and the link to the portal: feeds leak
more easily than mail.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid5
from xml.etree import ElementTree as ET

import msgspec

from shared.ids import NAMESPACE
from shared.messages import calendar_entry, phrases, portal, time_phrases
from shared.messages.calendar_entry import CalendarEntry
from shared.pages.maintenance_state import MaintenancePhase, MaintenanceState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.pages.board import Board
    from shared.pages.windows import ExpectedWindow

MAX_ENTRIES = 1_000
"""Outlook.com and Google take no more than about a megabyte."""

ABOUT = "What AKS has announced, and the windows to expect. Calendars ask for this every few hours only."

_ATOM = "http://www.w3.org/2005/Atom"
_LEAD = {
    MaintenancePhase.CANCELED: "Canceled: ",
    MaintenancePhase.FAILED: "Failed: ",
    MaintenancePhase.OVERDUE: "Overdue: ",
    MaintenancePhase.COMPLETED: "Completed: ",
}


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed tells of a maintenance or a window, in whichever form."""

    entry: CalendarEntry
    phase: str
    cluster: str
    resource_group: str
    region: str
    kind: str


def entries(shown: Board, *, domain: str, portal_host: str) -> list[FeedEntry]:
    """Return all that has a place in a calendar, in the order of starts, at most MAX_ENTRIES."""
    told = (*shown.open, *shown.running, *shown.coming, *shown.recent, *shown.earlier)
    found = [made for one in told if (made := _told(one, domain, portal_host))]
    found += [made for one in shown.windows[:MAX_ENTRIES] if (made := _expected(one, portal_host))]
    found.sort(key=lambda each: (each.entry.start, each.entry.uid))
    return found[:MAX_ENTRIES]


def calendar(shown: Board, found: list[FeedEntry]) -> bytes:
    """Return the calendar: `text/calendar`."""
    return calendar_entry.file((each.entry for each in found), name=_title(shown), about=ABOUT)


def as_json(shown: Board, found: list[FeedEntry]) -> bytes:
    """Return `{"name", "entries"}`; times are in ISO 8601 and UTC."""
    items = [
        {
            "uid": each.entry.uid,
            "phase": each.phase,
            "status": each.entry.status,
            "kind": each.kind,
            "cluster": each.cluster,
            "resourceGroup": each.resource_group,
            "region": each.region,
            "start": _text(each.entry.start),
            "end": _text(each.entry.end),
            "summary": each.entry.summary,
            "description": each.entry.description,
            "url": each.entry.url,
            "sequence": each.entry.sequence,
            "updated": _text(each.entry.stamp),
        }
        for each in found
    ]
    return json.dumps({"name": _title(shown), "entries": items}, indent=2).encode()


def atom(shown: Board, found: list[FeedEntry]) -> bytes:
    """Return an Atom feed (RFC 4287), what changed last first."""
    ET.register_namespace("", _ATOM)
    root = ET.Element(f"{{{_ATOM}}}feed")
    changed = max((each.entry.stamp for each in found), default=datetime(2026, 1, 1, tzinfo=UTC))
    _add(root, "id", _urn(f"feed\n{shown.name}"))
    _add(root, "title", _title(shown))
    _add(root, "subtitle", ABOUT)
    _add(root, "updated", _text(changed))
    ET.SubElement(_add(root, "author", ""), f"{{{_ATOM}}}name").text = "AKS Maintenance Notifier"
    for each in sorted(found, key=lambda each: (each.entry.stamp, each.entry.uid), reverse=True):
        item = _add(root, "entry", "")
        when = time_phrases.utc(each.entry.start)
        _add(item, "id", _urn(each.entry.uid))
        _add(item, "title", f"{each.entry.summary} · {when}")
        _add(item, "updated", _text(each.entry.stamp))
        ET.SubElement(item, f"{{{_ATOM}}}link", {"href": each.entry.url})
        ET.SubElement(item, f"{{{_ATOM}}}category", {"term": each.phase})
        _add(item, "summary", each.entry.description)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _told(one: MaintenanceState, domain: str, portal_host: str) -> FeedEntry | None:
    times = _times(one)
    if times is None:
        return None
    start, end = times
    return _entry(
        CalendarEntry(
            uid=calendar_entry.uid(one.event_id, domain),
            stamp=one.changed,
            sequence=_sequence(one),
            start=start,
            end=end,
            summary=f"{_LEAD.get(one.phase, '')}{phrases.WHAT[one.upgrade]} · {one.cluster.name}",
            description="\n\n".join(_description(one)),
            location=" · ".join(part for part in (one.cluster.resource_group, one.region) if part),
            url=portal.resource(portal_host, one.cluster),
            status="CANCELLED" if one.phase is MaintenancePhase.CANCELED else "CONFIRMED",
        ),
        one,
        one.phase.value,
    )


def _expected(one: ExpectedWindow, portal_host: str) -> FeedEntry | None:
    doubts = f" It is approximate: {', and '.join(one.window.doubts)}." if one.window.doubts else ""
    name = f"window\n{one.cluster.key}\n{one.name}\n{_text(one.window.start)}"
    return _entry(
        CalendarEntry(
            uid=str(uuid5(NAMESPACE, name)),
            stamp=one.stamp,
            start=one.window.start,
            end=one.window.end,
            summary=f"Expected window: {phrases.WHAT[one.upgrade]} · {one.cluster.name}",
            description=f"A window of {one.name}. Nothing has been announced for it yet.{doubts}",
            location=" · ".join(part for part in (one.cluster.resource_group, one.region) if part),
            url=portal.resource(portal_host, one.cluster),
            status="TENTATIVE",
        ),
        one,
        "expected",
    )


def _entry(entry: CalendarEntry, one: MaintenanceState | ExpectedWindow, phase: str) -> FeedEntry:
    return FeedEntry(
        entry=entry,
        phase=phase,
        cluster=one.cluster.name,
        resource_group=one.cluster.resource_group,
        region=one.region,
        kind=one.upgrade.value,
    )


def _times(one: MaintenanceState) -> tuple[datetime, datetime] | None:
    """Return from when to when a maintenance is entered; what only its end is known of, at its end."""
    if one.began and one.ended and one.ended > one.began:
        return one.began, one.ended
    if one.start is None and one.ended is None:
        return None
    start = one.start or one.ended
    end = calendar_entry.assumed_end(start) if start else None
    return (start, end) if start and end else None


def _sequence(one: MaintenanceState) -> int:
    """Return the number of an entry: what replaces another in a calendar has a higher one."""
    match one.phase:
        case MaintenancePhase.COMING | MaintenancePhase.OVERDUE if one.began is None:
            return max(0, one.announcements - 1)
        case MaintenancePhase.RUNNING | MaintenancePhase.OVERDUE | MaintenancePhase.CANCELED:
            return one.announcements
    return one.announcements + 1


def _description(one: MaintenanceState) -> Iterator[str]:
    match one.phase:
        case MaintenancePhase.COMING:
            if one.before:
                yield f"Moved from {time_phrases.utc(one.before)}."
            yield "AKS has announced it, and does not say how long it takes: 4 hours are assumed."
            yield phrases.BEST_EFFORT
        case MaintenancePhase.OVERDUE if one.began is None:
            yield "AKS has not reported a start."
        case MaintenancePhase.RUNNING:
            yield "It is running. AKS does not say how long it takes: 4 hours are assumed."
        case MaintenancePhase.OVERDUE:
            yield "AKS has not reported an end."
        case MaintenancePhase.FAILED:
            yield "It has failed. The mail about it says why, and what to do."
        case MaintenancePhase.CANCELED:
            yield "AKS has canceled this maintenance."
        case _:
            yield "It is completed."


def _title(shown: Board) -> str:
    return f"AKS maintenance · {shown.name}"


def _add(parent: ET.Element, name: str, text: str) -> ET.Element:
    child = ET.SubElement(parent, f"{{{_ATOM}}}{name}")
    if text:
        child.text = "".join(character for character in text if character.isprintable() or character == "\n")
    return child


def _urn(name: str) -> str:
    return UUID(str(uuid5(NAMESPACE, name))).urn


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
