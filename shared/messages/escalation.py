"""What a mail says about a failure that is told to somebody else as well, since nothing has resolved it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import time_phrases
from shared.messages.view import Section
from shared.notices.planning import escalated_to

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

_TOLD = "Those who look after the cluster were told then."
WORDS = "still not resolved"


def is_escalated(story: MaintenanceHistory) -> bool:
    """Return whether a failure is told to somebody else as well."""
    return bool(escalated_to(story.lead))


def with_escalation(view: View, story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return the mail with what it has to say about its being escalated, if it is."""
    if not is_escalated(story):
        return view
    since = time_phrases.span(frame.as_of - story.event.updated)
    why = Section(
        heading="Why you get this",
        paragraphs=(f"It failed {since} ago, and nothing that is known has resolved it since. {_TOLD}",),
    )
    return replace(view, subject=(*view.subject, WORDS), sections=(why, *view.sections))
