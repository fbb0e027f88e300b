"""Calendar entries for what is scheduled, moved or canceled: one per maintenance, byte for byte repeatable.

Entries are published rather than sent as invitations: nobody reads answers to these mails. They neither block
time nor name the reader; the same UID with a higher SEQUENCE replaces an entry.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared import keys
from shared.channels.email.email import Attachment
from shared.messages import phrases, portal
from shared.notices.kinds import Kind
from shared.text import clip, line

if TYPE_CHECKING:
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext

ASSUMED = timedelta(hours=4)
"""How long a maintenance is entered for: AKS does not say, and its windows are at least four hours long."""

ALARM = timedelta(hours=-1)

KINDS = frozenset({Kind.SCHEDULED, Kind.RESCHEDULED, Kind.CANCELED})
"""What has an entry."""


def entry(story: MaintenanceHistory, frame: RenderContext) -> Attachment | None:
    """Make the calendar file of a notice; None where there is nothing to enter."""
    start = story.planned
    if start is None or story.kind not in KINDS:
        return None
    if story.kind is Kind.CANCELED and story.announced is None:
        return None
    try:
        end = start + ASSUMED
    except OverflowError:
        return None
    return Attachment("maintenance.ics", "text/calendar", _ics(story, frame, start, end))


def _ics(story: MaintenanceHistory, frame: RenderContext, start: datetime, end: datetime) -> bytes:
    import icalendar

    event, canceled = story.event, story.kind is Kind.CANCELED
    what = phrases.WHAT[story.upgrade]
    name = clip(line(story.cluster.name), 100)
    entry_ = icalendar.Event()
    entry_.add("uid", f"maintenance-{keys.event_id(event.event_id)}@{frame.look.domain}")
    entry_.add("dtstamp", event.time.replace(microsecond=0))
    entry_.add("last-modified", event.time.replace(microsecond=0))
    entry_.add("sequence", story.announcements if canceled else story.revision)
    entry_.add("dtstart", start.replace(microsecond=0))
    entry_.add("dtend", end.replace(microsecond=0))
    entry_.add("summary", f"{'Canceled: ' if canceled else ''}{what} · {name}")
    entry_.add("description", _description(story))
    entry_.add("location", clip(line(phrases.where(story.cluster, story.region)), 300))
    entry_.add("url", portal.resource(frame.look.portal, story.cluster))
    entry_.add("status", "CANCELLED" if canceled else "CONFIRMED")
    entry_.add("transp", "TRANSPARENT")
    entry_.add("x-microsoft-cdo-busystatus", "FREE")
    if not canceled:
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"{what} · {name} starts in an hour")
        alarm.add("trigger", ALARM)
        entry_.add_component(alarm)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//AKS Maintenance Notifier//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if canceled else "PUBLISH")
    calendar.add_component(entry_)
    file: bytes = calendar.to_ical()
    return file


def _description(story: MaintenanceHistory) -> str:
    if story.kind is Kind.CANCELED:
        return "AKS has canceled this maintenance."
    return (
        f"{phrases.expect(story)}\n\nAKS does not say how long it takes: {ASSUMED // timedelta(hours=1)} "
        f"hours are assumed. {phrases.BEST_EFFORT}"
    )
