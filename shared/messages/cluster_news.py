"""Mails about what a cluster's own topic tells: pools that are rolled, and new versions of Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import commands, phrases
from shared.messages.presentation import Tone
from shared.messages.view import Fact, Section, Step, View
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext

_ROLLING = {
    Kind.ROLLING_STARTED: ("Rolling", "is being rolled", Tone.RUNNING),
    Kind.ROLLING_SUCCEEDED: ("Rolled", "has been rolled", Tone.DONE),
    Kind.ROLLING_FAILED: ("Rolling failed", "could not be rolled", Tone.FAILED),
}
_VERSIONS = ("Latest supported", "Latest stable", "Lowest minor", "Latest preview")


def rolling(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that the nodes of a pool are being replaced, have been, or could not be."""
    event = story.event
    status, verb, tone = _ROLLING[story.kind]
    pool = f"Node pool {', '.join(event.pools)}" if event.pools else "A node pool"
    return View(
        status=status,
        tone=tone,
        subject=(story.cluster.name, frame.short(event.updated), pool),
        preheader=_meaning(story.kind)[0],
        headline=f"{pool} {verb}",
        cluster=story.cluster.name,
        where=phrases.where(story.cluster, story.region, story.snapshot),
        panel=(
            Fact("Since" if story.kind is Kind.ROLLING_STARTED else "Reported", frame.beside(event.updated)),
            Fact("Now", _meaning(story.kind)[0]),
        ),
        sections=(
            Section(
                heading=phrases.TODO if story.kind is Kind.ROLLING_FAILED else "To watch it",
                steps=commands.steps(_steps(story.kind, story), story.cluster, story.context),
            ),
            Section(heading="What it means", paragraphs=_meaning(story.kind)[1:]),
        ),
        portal=phrases.portal_link(frame, story.cluster),
        elsewhere="In the portal: Activity log, and Node pools.",
        sent=phrases.details(event, story.pools),
        raw=phrases.raw(event),
        notes=phrases.notes(frame),
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


def _steps(kind: Kind, story: MaintenanceHistory) -> tuple[Step, ...]:
    cluster = story.cluster
    if kind is Kind.ROLLING_FAILED:
        return (
            Step(
                "Ask AKS for the reason (needs the aks-preview extension of az).",
                commands.aks("operation show-latest", cluster),
            ),
            Step("Check which nodes are not ready.", "kubectl get nodes -o wide"),
        )
    return (Step("List the nodes.", "kubectl get nodes -o wide"),)


def new_version(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that versions of Kubernetes have become available."""
    event = story.event
    named = [(label, version) for label, version in zip(_VERSIONS, event.versions, strict=False) if version]
    latest = named[0][1] if named else "a new version"
    where = story.region or f"subscription {story.cluster.subscription}"
    return View(
        status="New version",
        tone=Tone.QUIET,
        subject=(f"Kubernetes {latest}", where),
        preheader="Nothing to do now: what AKS offers has changed.",
        headline=f"Kubernetes {latest} is available in {where}",
        cluster=story.cluster.name,
        where=phrases.where(story.cluster, story.region, story.snapshot),
        panel=(
            Fact("Reported", frame.beside(event.updated)),
            Fact("You", "Nothing to do now: what AKS offers has changed."),
        ),
        sections=(
            Section(
                heading="What it means",
                paragraphs=(
                    (
                        "The list of versions that AKS offers has changed. It is told once, by the first "
                        "cluster that reports it; the others get the same versions."
                    ),
                ),
                facts=tuple(Fact(label, version) for label, version in named),
            ),
            phrases.todo(
                Step(
                    "Check which versions the cluster can go to.",
                    commands.aks("get-upgrades", story.cluster) + " -o table",
                ),
            ),
        ),
        portal=phrases.portal_link(frame, story.cluster),
        elsewhere="In the portal: Settings → Upgrades.",
        sent=phrases.details(event, story.pools),
        raw=phrases.raw(event),
        notes=phrases.notes(frame),
    )
