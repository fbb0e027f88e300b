"""Who tells an observation that is of no single cluster: by its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import clock_change, observations, report
from shared.messages.view import DigestItem
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.events.model import Event
    from shared.messages.view import RenderContext, View

_VIEWS: dict[Kind, Callable[[Kind, Event, RenderContext], View]] = {
    Kind.ADVISORY: observations.advisory,
    Kind.SUPPORT_ENDING: observations.support_ending,
    Kind.CLOCK_CHANGE: clock_change.clock_change,
    Kind.MISSED_EVENTS: observations.missed_events,
    Kind.UNREADABLE: observations.unreadable,
    Kind.COVERAGE: observations.coverage,
    Kind.REPORT: report.report,
}


def tells(kind: Kind) -> bool:
    """Return whether this kind is told here."""
    return kind in _VIEWS


def view(kind: Kind, event: Event, frame: RenderContext) -> View:
    """Return the mail about one observation."""
    return _VIEWS[kind](kind, event, frame)


def item(kind: Kind, event: Event, frame: RenderContext) -> DigestItem:
    """Return what a digest says of an observation."""
    told = view(kind, event, frame)
    return DigestItem(
        cluster=told.headline,
        what=", ".join(f"{fact.label} {fact.value}" for fact in told.panel[:1]),
        when=frame.short(event.updated),
        is_time=True,
    )
