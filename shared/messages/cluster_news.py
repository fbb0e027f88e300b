"""Mails about what a cluster's own topic tells: pools that are rolled, and new versions of Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import commands, phrases
from shared.messages.event_view import view_of
from shared.messages.view import Fact, Section, Step, said_facts
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

_VERBS = {
    Kind.ROLLING_STARTED: "is being rolled",
    Kind.ROLLING_SUCCEEDED: "has been rolled",
    Kind.ROLLING_FAILED: "could not be rolled",
}
_NOTHING = "Nothing to do now: what AKS offers has changed."
_OFFER = (
    "The list of versions that AKS offers has changed. It is told once, by the first cluster that reports "
    "it; the others get the same versions."
)
_VERSIONS = ("Latest supported", "Latest stable", "Lowest minor", "Latest preview")


def rolling(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a pool whose nodes are being replaced, have been, or could not be."""
    event, kind = story.event, story.kind
    pool = f"Node pool {', '.join(event.pools)}" if event.pools else "A node pool"
    now, *meaning = _meaning(kind)
    return view_of(
        story,
        frame,
        subject=(frame.short(event.updated), pool),
        preheader=now,
        headline=f"{pool} {_VERBS[kind]}",
        panel=(
            Fact("Since" if kind is Kind.ROLLING_STARTED else "Reported", frame.beside(event.updated)),
            Fact("Now", now),
        ),
        sections=(
            Section(
                heading=phrases.TODO if kind is Kind.ROLLING_FAILED else "To watch it",
                steps=_steps(story),
            ),
            phrases.prose("What it means", *meaning),
        ),
        elsewhere="In the portal: Activity log, and Node pools.",
    )


def _meaning(kind: Kind) -> tuple[str, ...]:
    who = "This event comes for any upgrade or change of the pool, whoever began it: AKS, people, pipelines."
    if kind is Kind.ROLLING_FAILED:
        return (
            "The nodes of the pool could not all be replaced; some may be of the old version, some not.",
            f"{who} It gives no reason; a mail about a failed maintenance has it.",
        )
    if kind is Kind.ROLLING_SUCCEEDED:
        return ("All nodes of the pool have been replaced.", who)
    return ("The nodes of the pool are drained and replaced in turn, so expect pods to move.", who)


def _steps(story: MaintenanceHistory) -> tuple[Step, ...]:
    if story.kind is Kind.ROLLING_FAILED:
        return (
            commands.latest_operation("Ask AKS for the reason", story.cluster),
            Step("Check which nodes are not ready.", "kubectl get nodes -o wide"),
        )
    return (Step("List the nodes.", "kubectl get nodes -o wide"),)


def new_version(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of versions of Kubernetes that have become available."""
    event = story.event
    named = [(label, version) for label, version in zip(_VERSIONS, event.versions, strict=False) if version]
    latest = named[0][1] if named else "a new version"
    where = story.region or f"subscription {story.cluster.subscription}"
    view = view_of(
        story,
        frame,
        subject=(),
        preheader=_NOTHING,
        headline=f"Kubernetes {latest} is available in {where}",
        panel=(Fact("Reported", frame.beside(event.updated)), Fact("You", _NOTHING)),
        sections=(
            phrases.prose("What it means", _OFFER, facts=said_facts(*named)),
            phrases.todo(commands.upgrades(story.cluster)),
        ),
        elsewhere="In the portal: Settings → Upgrades.",
    )
    # It is news of a region, whichever of its clusters brought it.
    return replace(view, subject=(f"Kubernetes {latest}", where))
