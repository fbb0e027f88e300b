"""What a mail says about news that comes late, since Event Grid did not bring it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages.view import Section
from shared.notices.kinds import ESSENTIAL, TRAITS, Phase
from shared.notices.records import VIA_RESOURCE_GRAPH

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import View

WORDS = "told late"

_WHY = (
    "Event Grid did not bring this event. It was found in Azure Resource Graph, which is asked once an hour: "
    "half an hour after it happened, or later."
)

_KINDS = frozenset(kind for kind in ESSENTIAL if TRAITS[kind].phase is Phase.ENDED)
"""Of what lies ahead it is early enough, and other news that comes late is not told at all."""


def is_late(story: MaintenanceHistory) -> bool:
    """Return whether what is told comes late."""
    return story.via == VIA_RESOURCE_GRAPH and story.kind in _KINDS


def with_lateness(view: View, story: MaintenanceHistory) -> View:
    """Return the mail with what it has to say about its coming late, if it does."""
    if not is_late(story):
        return view
    why = Section(heading="Why this comes late", paragraphs=(_WHY,))
    return replace(
        view,
        subject=(*view.subject, WORDS),
        moment=" · ".join(part for part in (view.moment, WORDS) if part),
        sections=(*view.sections, why),
    )
