"""Mails about clusters that are in Failed state without an event, and about those that are not any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.observation import FailedState, facts_of
from shared.messages import commands, failed, phrases, time_phrases
from shared.messages.event_view import view_of
from shared.messages.view import Fact, Section, Step, View

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext


def what(story: MaintenanceHistory) -> str:
    """Return what is in Failed state: `Node pool blue`, `The cluster`."""
    pools = facts_of(story.event, FailedState).pools
    if not pools:
        return "The cluster"
    return f"Node pool{'s' if len(pools) > 1 else ''} {', '.join(pools)}"


def failed_state(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that a cluster or some of its pools is in Failed state, and explain its last operation."""
    facts = facts_of(story.event, FailedState)
    who, since = what(story), story.event.updated
    there = time_phrases.local(since, frame.zone)
    sections: list[Section] = []
    title = "no reason known"
    if story.event.details:
        explanation = failed.explain(story, frame)
        title = explanation.findings[0].title
        sections += failed.explained(explanation, frame)
    else:
        sections.append(
            phrases.todo(
                Step(
                    "Ask AKS for the reason (needs the aks-preview extension of az).",
                    commands.aks("operation show-latest", story.cluster),
                ),
                Step(
                    "Bring it back to what it should be: AKS tries again what is missing.",
                    f"{commands.aks('get-upgrades', story.cluster)} -o table",
                ),
            )
        )
    about = Section(
        heading="How it is known",
        paragraphs=(
            (
                "No event told of this: Azure Resource Graph says that the state is Failed. It may come from "
                "a change that people or a pipeline made. You hear once more when it is over."
            ),
        ),
        facts=tuple(fact for fact in (Fact("Last operation", facts.operation),) if fact.value),
    )
    return view_of(
        story,
        frame,
        subject=(who, story.cluster.name, title),
        preheader=f"{story.cluster.name}: {who} is in Failed state. What to do inside.",
        headline=f"{who} {'are' if len(facts.pools) > 1 else 'is'} in Failed state: {title}",
        moment_label="Failed, or first seen",
        moment=time_phrases.utc(since),
        moment_more=(there,),
        sections=(*sections, about),
        elsewhere="In the portal: Diagnose and solve problems, Activity log (status Failed), and Node pools.",
    )


def recovered(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that a cluster or its pools is not in Failed state any more."""
    facts = facts_of(story.event, FailedState)
    who, over = what(story), facts.until or story.event.updated
    there = time_phrases.local(over, frame.zone)
    return view_of(
        story,
        frame,
        subject=(who, story.cluster.name),
        preheader=f"{story.cluster.name}: {who} is not in Failed state any more.",
        headline=f"{who} {'are' if len(facts.pools) > 1 else 'is'} not in Failed state any more",
        moment_label="Seen",
        moment=time_phrases.utc(over),
        moment_more=(there,),
        sections=(
            Section(heading="What it means", paragraphs=("Nothing has to be done.",)),
            phrases.timeline(frame, [("Failed, or first seen", story.event.updated, ""), ("Over", over, "")]),
        ),
        elsewhere="In the portal: Activity log, and Node pools.",
    )
