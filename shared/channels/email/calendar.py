"""Calendar entries for what is scheduled, moved or canceled: one per maintenance, byte for byte repeatable.

Entries are published rather than sent as invitations: nobody reads answers to these mails. They neither block
time nor name the reader; the same UID with a higher SEQUENCE replaces an entry.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.channels.email.email import Attachment
from shared.messages import phrases, portal, run_view
from shared.notices.kinds import Kind
from shared.text import clip, line

if TYPE_CHECKING:
    from datetime import datetime

    from shared.events.model import Event
    from shared.messages.history import MaintenanceHistory
    from shared.messages.run_history import RunHistory
    from shared.messages.view import RenderContext

ASSUMED = timedelta(hours=4)
"""How long a maintenance is entered for: AKS does not say, and its windows are at least four hours long."""

OPENING = timedelta(minutes=30)
"""How long a gate's opening is entered for: it has no length."""

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
    return Attachment("maintenance.ics", "text/calendar", _ics(_words(story, frame), story.event, start, end))


def of_gate(story: RunHistory, frame: RenderContext) -> Attachment | None:
    """Make the calendar file of a gate that opens by itself; None where no time is known."""
    run, start = story.run, story.event.start
    if start is None or run.gate is None or run.gate.asks_people:
        return None
    what = f"Update run {story.name} goes on {run_view.at_gate(run, run.gate)}"
    words = _Words(
        uid=f"gate-{keys.digest(run.gate.name.lower())[:32]}@{frame.look.domain}",
        summary=f"{what} · {clip(line(story.fleet.name), 100)}",
        description="The gate is likely to open then by itself. Which field says so is not documented.",
        where=phrases.where(story.fleet, ""),
        url=portal.resource(frame.look.portal, story.fleet),
        alarm=f"{what} in an hour",
        sequence=story.revision,
    )
    try:
        return Attachment("gate.ics", "text/calendar", _ics(words, story.event, start, start + OPENING))
    except OverflowError:
        return None


class _Words(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry says."""

    uid: str
    summary: str
    description: str
    where: str
    url: str
    alarm: str
    """Empty for none."""
    sequence: int
    canceled: bool = False


def _words(story: MaintenanceHistory, frame: RenderContext) -> _Words:
    canceled = story.kind is Kind.CANCELED
    what = f"{phrases.WHAT[story.upgrade]} · {clip(line(story.cluster.name), 100)}"
    return _Words(
        uid=f"maintenance-{keys.event_id(story.event.event_id)}@{frame.look.domain}",
        summary=f"{'Canceled: ' if canceled else ''}{what}",
        description=_description(story),
        where=phrases.where(story.cluster, story.region),
        url=portal.resource(frame.look.portal, story.cluster),
        alarm="" if canceled else f"{what} starts in an hour",
        sequence=story.announcements if canceled else story.revision,
        canceled=canceled,
    )


def _ics(words: _Words, event: Event, start: datetime, end: datetime) -> bytes:
    import icalendar

    entry_ = icalendar.Event()
    entry_.add("uid", words.uid)
    entry_.add("dtstamp", event.time.replace(microsecond=0))
    entry_.add("last-modified", event.time.replace(microsecond=0))
    entry_.add("sequence", words.sequence)
    entry_.add("dtstart", start.replace(microsecond=0))
    entry_.add("dtend", end.replace(microsecond=0))
    entry_.add("summary", words.summary)
    entry_.add("description", words.description)
    entry_.add("location", clip(line(words.where), 300))
    entry_.add("url", words.url)
    entry_.add("status", "CANCELLED" if words.canceled else "CONFIRMED")
    entry_.add("transp", "TRANSPARENT")
    entry_.add("x-microsoft-cdo-busystatus", "FREE")
    if words.alarm:
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", words.alarm)
        alarm.add("trigger", ALARM)
        entry_.add_component(alarm)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//AKS Maintenance Notifier//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if words.canceled else "PUBLISH")
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
