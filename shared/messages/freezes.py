"""What a mail says of a freeze that something is planned into: in its subject, its headline, its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import time_phrases, window_facts
from shared.messages.view import Fact
from shared.notices.kinds import AHEAD

if TYPE_CHECKING:
    from shared.messages.branding import FreezePlan
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

_CLUSTER = 1
"""Parts of a subject up to the cluster."""


def planned_into(story: MaintenanceHistory, frame: RenderContext) -> FreezePlan | None:
    """Return the freeze that a start, planned or expected, lies in; None where there is none."""
    if story.kind not in AHEAD:
        return None
    start = story.planned or window_facts.expected(story)
    if start is None:
        return None
    event = replace(story.event, upgrade=story.upgrade, region=story.event.region or story.region)
    found = (freeze for freeze in frame.branding.freezes if freeze.covers(start) and freeze.is_for(event))
    return next(found, None)


def words(freeze: FreezePlan) -> str:
    """Return the few words that stand in a subject."""
    return f"in freeze {freeze.name}"


def with_freeze(view: View, story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return the view with the freeze that it is planned into, where it is."""
    freeze = planned_into(story, frame)
    if freeze is None:
        return view
    times = time_phrases.between(freeze.start, freeze.end, frame.zone, frame.as_of)
    said = (
        f"{freeze.name}, {times}: this is planned into it. AKS knows nothing of the freeze; it heeds the "
        "not-allowed dates of the maintenance configurations alone."
    )
    return replace(
        view,
        subject=(*view.subject[:_CLUSTER], words(freeze), *view.subject[_CLUSTER:]),
        headline=f"{view.headline}, in the freeze {freeze.name}",
        preheader=f"In the freeze {freeze.name}: {view.preheader}",
        panel=(Fact("Freeze", said), *view.panel),
    )
