"""Calendar entries for what is scheduled, moved or canceled: one per maintenance, byte for byte repeatable.

Entries are published rather than sent as invitations: nobody reads answers to these mails. They neither block
time nor name the reader; the same UID with a higher SEQUENCE replaces an entry.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared import keys
from shared.channels.email.email import Attachment
from shared.messages import phrases, portal, run_view
from shared.messages.calendar_entry import ASSUMED, Entry, assumed_end, file, uid
from shared.notices.kinds import Kind
from shared.text import clip, line

if TYPE_CHECKING:
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.run_history import RunHistory
    from shared.messages.view import RenderContext

OPENING = timedelta(minutes=30)
"""How long a gate's opening is entered for: it has no length."""

KINDS = frozenset({Kind.SCHEDULED, Kind.RESCHEDULED, Kind.CANCELED})
"""What has an entry."""


def entry(story: MaintenanceHistory, frame: RenderContext) -> Attachment | None:
    """Make the calendar file of a notice; None where there is nothing to enter."""
    start = story.planned
    if start is None or story.kind not in KINDS:
        return None
    if story.kind is Kind.CANCELED and story.announced is None:
        return None
    end = assumed_end(start)
    if end is None:
        return None
    return Attachment("maintenance.ics", "text/calendar", _ics(story, frame, start, end))


def of_gate(story: RunHistory, frame: RenderContext) -> Attachment | None:
    """Make the calendar file of a gate that opens by itself; None where no time is known."""
    run, start = story.run, story.event.start
    if start is None or run.gate is None or run.gate.asks_people:
        return None
    what = f"Update run {story.name} goes on {run_view.at_gate(run, run.gate)}"
    try:
        end = start + OPENING
    except OverflowError:
        return None
    made = Entry(
        uid=f"gate-{keys.digest(run.gate.name.lower())[:32]}@{frame.look.domain}",
        stamp=story.event.time,
        sequence=story.revision,
        start=start,
        end=end,
        summary=f"{what} · {clip(line(story.fleet.name), 100)}",
        description="The gate is likely to open then by itself. Which field says so is not documented.",
        location=phrases.where(story.fleet, ""),
        url=portal.resource(frame.look.portal, story.fleet),
        alarm=f"{what} in an hour",
    )
    return Attachment("gate.ics", "text/calendar", file([made], method="PUBLISH"))


def _ics(story: MaintenanceHistory, frame: RenderContext, start: datetime, end: datetime) -> bytes:
    event, canceled = story.event, story.kind is Kind.CANCELED
    what = phrases.WHAT[story.upgrade]
    name = clip(line(story.cluster.name), 100)
    made = Entry(
        uid=uid(event.event_id, frame.look.domain),
        stamp=event.time,
        sequence=story.announcements if canceled else story.revision,
        start=start,
        end=end,
        summary=f"{'Canceled: ' if canceled else ''}{what} · {name}",
        description=_description(story),
        location=phrases.where(story.cluster, story.region, story.snapshot),
        url=portal.resource(frame.look.portal, story.cluster),
        status="CANCELLED" if canceled else "CONFIRMED",
        alarm="" if canceled else f"{what} · {name} starts in an hour",
    )
    return file([made], method="CANCEL" if canceled else "PUBLISH")


def _description(story: MaintenanceHistory) -> str:
    if story.kind is Kind.CANCELED:
        return "AKS has canceled this maintenance."
    return (
        f"{phrases.expect(story)}\n\nAKS does not say how long it takes: {ASSUMED // timedelta(hours=1)} "
        f"hours are assumed. {phrases.BEST_EFFORT}"
    )
