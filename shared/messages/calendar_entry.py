"""Calendar entries and files, for mails, feeds and tools: published rather than sent as invitations.

An entry neither blocks time nor names a reader. Nothing in it comes from the clock, so that the same facts
give the same bytes. Of RFC 5545 and RFC 7986, and of Microsoft's MS-OXCICAL what Outlook heeds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from shared import keys
from shared.text import clip, line

if TYPE_CHECKING:
    from collections.abc import Iterable

    import icalendar

PRODUCT = "-//AKS Maintenance Notifier//EN"

ASSUMED = timedelta(hours=4)
"""How long a maintenance is entered for: AKS does not say, and its windows are at least four hours long."""

REFRESH = timedelta(hours=1)
"""How often a subscriber may ask again; most ask more rarely."""

_MAX_NAME_CHARACTERS = 200
_MAX_PLACE_CHARACTERS = 300


class CalendarEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a calendar shows of a maintenance or of a window. Times are in UTC."""

    uid: str
    stamp: datetime
    """When what it says was so; the same for the same facts."""
    sequence: int = 0
    start: datetime
    end: datetime
    summary: str
    description: str = ""
    location: str = ""
    url: str = ""
    status: str = "CONFIRMED"
    """Or TENTATIVE, or CANCELLED."""
    organizer: str = ""
    """An address: whoever publishes or cancels an entry has to be named (RFC 5546, 3.2.1 and 3.2.5)."""
    alarm: str = ""
    """What to say an hour before, if anything."""


def uid(event_id: str, domain: str) -> str:
    """Return the UID of a maintenance: the same in its mails and in feeds."""
    return f"maintenance-{keys.event_id(event_id)}@{domain}"


def assumed_end(start: datetime) -> datetime | None:
    """Return when a maintenance is taken to end; None beyond the end of the calendar."""
    try:
        return start + ASSUMED
    except OverflowError:
        return None


def component(entry: CalendarEntry) -> icalendar.Event:
    """Return an entry as a component of a calendar."""
    import icalendar

    made = icalendar.Event()
    made.add("uid", line(entry.uid))
    made.add("dtstamp", entry.stamp.replace(microsecond=0))
    made.add("last-modified", entry.stamp.replace(microsecond=0))
    made.add("sequence", entry.sequence)
    made.add("dtstart", entry.start.replace(microsecond=0))
    made.add("dtend", entry.end.replace(microsecond=0))
    made.add("summary", clip(line(entry.summary), _MAX_NAME_CHARACTERS))
    if entry.description:
        made.add("description", "\n".join(map(line, entry.description.split("\n"))))
    if entry.location:
        made.add("location", clip(line(entry.location), _MAX_PLACE_CHARACTERS))
    if entry.url:
        made.add("url", entry.url)
    if entry.organizer:
        made.add("organizer", line(f"mailto:{entry.organizer}"))
    made.add("status", entry.status)
    made.add("transp", "TRANSPARENT")
    made.add("x-microsoft-cdo-busystatus", "FREE")
    if entry.alarm:
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", line(entry.alarm))
        alarm.add("trigger", timedelta(hours=-1))
        made.add_component(alarm)
    return made


def file(
    entries: Iterable[CalendarEntry], *, method: str = "PUBLISH", name: str = "", about: str = ""
) -> bytes:
    """Return an iCalendar file. One with a name is to be subscribed to, and says how often to ask for it."""
    import icalendar

    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    if name:
        said: dict[str, Any] = {"name": name, "x-wr-calname": name, "x-wr-caldesc": about}
        for key, value in said.items():
            calendar.add(key, value)
        calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
        calendar.add("x-published-ttl", "PT1H")
    for entry in entries:
        calendar.add_component(component(entry))
    made: bytes = calendar.to_ical()
    return made
