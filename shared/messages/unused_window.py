"""Mails about windows that passed without a word of AKS, though there was something to upgrade to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.observation import UnusedWindow, facts_of
from shared.maintenance import NODE_OS
from shared.messages import commands, phrases, time_phrases
from shared.messages.event_view import view_of
from shared.messages.view import Fact, Section, Step

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

_FURTHER = (
    "The release had not reached the region: see releases.aks.azure.com.",
    "A Pod Disruption Budget, or too small a quota, let AKS give up before it began.",
    "A freeze of Azure, a policy or a lock kept changes away.",
)


def nothing_happened(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a window that passed unused, the upgrades there were, and the likely reasons."""
    facts = facts_of(story.event, UnusedWindow)
    what = "node image" if facts.configuration == NODE_OS else "Kubernetes version"
    long = time_phrases.span(facts.end - facts.start)
    return view_of(
        story,
        frame,
        subject=(frame.short(facts.start), "nothing happened"),
        preheader=f"The window passed, {facts.available} was available, and AKS said nothing.",
        headline="A maintenance window passed, and nothing happened",
        panel=(
            Fact("Window", f"{frame.beside(facts.start)}, {long} long"),
            Fact("Runs", facts.current),
            Fact("Available", facts.available),
            Fact("Set in", facts.configuration),
        ),
        sections=(
            phrases.todo(
                commands.upgrades(story.cluster, "Check what AKS offers the cluster."),
                commands.windows(story.cluster),
                Step("Check what would block a drain.", "kubectl get pdb -A"),
            ),
            phrases.prose(
                "What happened",
                f"A newer {what} was available, the channel takes it, and AKS neither announced nor reported "
                "anything for this window.",
            ),
            Section(
                heading="Likely reasons",
                items=facts.reasons or _FURTHER,
                note="" if facts.reasons else "Nothing about the cluster itself explains it.",
            ),
        ),
        elsewhere="In the portal: Settings → Upgrades.",
    )
