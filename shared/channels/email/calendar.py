"""Calendar entries for what is scheduled, moved or canceled: one per maintenance, byte for byte repeatable.

Entries are published rather than sent as invitations: nobody reads answers to these mails. They neither block
time nor name the reader; the same UID with a higher SEQUENCE replaces an entry.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared import keys
from shared.channels.email.email import Attachment
from shared.events.run import RunNews
from shared.messages import phrases, portal, run_view, window_facts
from shared.messages.calendar_entry import ASSUMED, CalendarEntry, assumed_end, file, uid
from shared.notices.kinds import DATING, Kind
from shared.text import clip, line

if TYPE_CHECKING:
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.run_history import RunHistory
    from shared.messages.view import RenderContext

OPENING = timedelta(minutes=30)
"""How long a gate's opening is entered for: it has no length."""


def entry(story: MaintenanceHistory, frame: RenderContext) -> Attachment | None:
    """Return the calendar file of a notice; None where there is nothing to enter.

    A start that AKS names is confirmed, and lasts to the window's end. Where it names none, the entry is
    tentative, over the window in which it is expected; the notice with a start replaces it. What is canceled
    takes back whichever was sent.
    """
    canceled = story.kind is Kind.CANCELED
    if story.kind not in DATING or (canceled and story.announced is None):
        return None
    span = _span(story)
    if span is None and canceled:
        span = (story.event.time, story.event.time)  # an entry is taken back by its UID, whenever it was
    if span is None:
        return None
    return _attached("maintenance.ics", _entry(story, frame, *span))


def of_gate(story: RunHistory, frame: RenderContext) -> Attachment | None:
    """Return the calendar file of a gate that opens by itself; None where no time is known.

    The entry is tentative: such gates are a preview. A gate that is closed before its time takes it back.
    """
    run, start = story.run, _opens(story)
    closed = story.kind is Kind.GATE_CLOSED
    if start is None or run.gate is None or (closed and story.event.updated >= start):
        return None
    what = clip(line(f"Update run {story.name} goes on {run_view.at_gate(run, run.gate)}"), 150)
    try:
        end = start + OPENING
    except OverflowError:
        return None
    made = CalendarEntry(
        uid=f"gate-{keys.digest(run.gate.name.lower())[:32]}@{frame.branding.domain}",
        stamp=story.event.time,
        sequence=story.revision + closed,
        start=start,
        end=end,
        summary=f"{'Canceled: ' if closed else ''}{what} · {clip(line(story.fleet.name), 100)}",
        description="Nobody waits for this gate any more."
        if closed
        else "The gate is likely to open then by itself.",
        location=phrases.where(story.fleet, ""),
        url=portal.resource(frame.branding.portal, story.fleet),
        status="CANCELLED" if closed else "TENTATIVE",
        organizer=_organizer(frame),
        alarm="" if closed else f"{what} in an hour",
    )
    return _attached("gate.ics", made)


def _attached(name: str, entry: CalendarEntry) -> Attachment:
    method = "CANCEL" if entry.status == "CANCELLED" else "PUBLISH"
    return Attachment(name, f"text/calendar; charset=utf-8; method={method}", file([entry], method=method))


def _opens(story: RunHistory) -> datetime | None:
    """Return when a gate opens by itself: as its event says, or, of one that is closed, an earlier one."""
    gate = story.run.gate
    if gate is None:
        return None
    events = [story.event, *reversed(story.before)]
    same = (event for event in events if event.run and event.run.gate and event.run.gate.name == gate.name)
    waits = next((event for event in same if event.news == RunNews.GATE), None)
    asks_people = waits is None or waits.run is None or waits.run.gate is None or waits.run.gate.asks_people
    return None if asks_people or waits is None else waits.start


def _organizer(frame: RenderContext) -> str:
    return frame.branding.sender or f"noreply@{frame.branding.domain}"


def _span(story: MaintenanceHistory) -> tuple[datetime, datetime] | None:
    """Return from when to when the entry is; None where nobody knows."""
    if story.planned is None:
        following = story.snapshot.next if story.snapshot and window_facts.expected(story) else None
        return (following.start, following.end) if following else None
    end = _window_end(story, story.planned) or assumed_end(story.planned)
    return (story.planned, end) if end else None


def _window_end(story: MaintenanceHistory, start: datetime) -> datetime | None:
    window = story.snapshot.window if story.snapshot else None
    return window.end if window and window.end > start else None


def _entry(story: MaintenanceHistory, frame: RenderContext, start: datetime, end: datetime) -> CalendarEntry:
    event, canceled = story.event, story.kind is Kind.CANCELED
    what = phrases.WHAT[story.upgrade]
    name = clip(line(story.cluster.name), 100)
    return CalendarEntry(
        uid=uid(event.event_id, frame.branding.domain),
        stamp=event.time,
        sequence=story.announcements if canceled else story.revision,
        start=start,
        end=end,
        summary=f"{'Canceled: ' if canceled else ''}{what} · {name}",
        description=_description(story),
        location=phrases.where(story.cluster, story.region, story.snapshot),
        url=portal.resource(frame.branding.portal, story.cluster),
        status="CANCELLED" if canceled else "CONFIRMED" if story.planned else "TENTATIVE",
        organizer=_organizer(frame),
        alarm=""
        if canceled
        else f"{what} · {name} {'starts' if story.planned else 'is expected'} in an hour",
    )


def _description(story: MaintenanceHistory) -> str:
    if story.kind is Kind.CANCELED:
        return "AKS has canceled this maintenance."
    if story.planned is None:
        length = "AKS has not given a time: this is the window in which it is expected."
    elif _window_end(story, story.planned):
        length = "AKS does not say how long it takes: the entry ends with the maintenance window."
    else:
        hours = ASSUMED // timedelta(hours=1)
        length = f"AKS does not say how long it takes: {hours} hours are assumed."
    return f"{phrases.expect(story)}\n\n{length} {phrases.BEST_EFFORT}"
