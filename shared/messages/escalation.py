"""What a mail says about a failure that another audience is told as well, since nothing has resolved it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import time_phrases
from shared.messages.view import Fact
from shared.notices.planning import escalated_to

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

WORDS = "still not resolved"


def is_escalated(story: MaintenanceHistory) -> bool:
    """Return whether a failure is told to another audience as well."""
    return bool(escalated_to(story.lead))


def with_escalation(view: View, story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return the mail with what it has to say about its being escalated, if it is."""
    if not is_escalated(story):
        return view
    since = time_phrases.span(frame.as_of - story.event.updated)
    why = (
        "You get this because nothing that is known has resolved it since. Those who look after the cluster "
        "were told when it failed."
    )
    return replace(
        view,
        subject=(*view.subject, WORDS),
        panel=(Fact("Open", f"for {since}"), *view.panel),
        notes=(why, *view.notes),
    )
