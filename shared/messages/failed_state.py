"""Mails about clusters that are in Failed state without an event, and about those that are not any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.observation import FailedState, facts_of
from shared.messages import commands, failed, phrases, verdicts
from shared.messages.event_view import view_of
from shared.messages.view import Fact, Section, Step, said_facts

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

_HOW = (
    "No event told of this: Azure Resource Graph says that the state is Failed. It may come from a change "
    "that people or a pipeline made. You hear once more when it is over."
)


def what(story: MaintenanceHistory) -> str:
    """Return what is in Failed state: `Node pool blue`, `The cluster`."""
    pools = facts_of(story.event, FailedState).pools
    if not pools:
        return "The cluster"
    return f"Node pool{'s' if len(pools) > 1 else ''} {', '.join(pools)}"


def _is(story: MaintenanceHistory) -> str:
    return "are" if len(facts_of(story.event, FailedState).pools) > 1 else "is"


def failed_state(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a cluster or pools in Failed state, with its last operation explained."""
    facts = facts_of(story.event, FailedState)
    who, since = what(story), story.event.updated
    title, quote, verdict = "no reason is known", "", None
    sections: tuple[Section, ...] = (phrases.todo(*_steps(story)),)
    if story.event.details:
        explanation = failed.explain(story, frame)
        first, *others = explanation.findings
        same = sum(other.entry == first.entry for other in others)
        title, quote, verdict = verdicts.reason(first), verdicts.quote(first), verdicts.verdict(first, same)
        sections = failed.explained(explanation, frame)
    operation = said_facts(("Last operation", facts.operation))
    about = phrases.prose("How it is known", _HOW, facts=operation)
    return view_of(
        story,
        frame,
        subject=(title, who),
        preheader=verdicts.in_brief(verdict) if verdict else f"{verdicts.NO_REASON}.",
        headline=f"{who} {_is(story)} in Failed state: {title}",
        moment=(frame.beside(since), frame.away(since)),
        quote=quote,
        verdict=verdict,
        panel=()
        if verdict
        else (Fact("Now", f"{who} {_is(story)} in Failed state; workloads likely run on."),),
        sections=(*sections, about),
        elsewhere="In the portal: Diagnose and solve problems, Activity log (status Failed), and Node pools.",
    )


def _steps(story: MaintenanceHistory) -> tuple[Step, ...]:
    return (
        commands.latest_operation("Ask AKS for the reason", story.cluster),
        commands.upgrades(story.cluster),
    )


def recovered(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a cluster or pools that are not in Failed state any more."""
    facts = facts_of(story.event, FailedState)
    who, over = what(story), facts.until or story.event.updated
    said = f"{who} {_is(story)} not in Failed state any more"
    return view_of(
        story,
        frame,
        subject=(who,),
        preheader="Nothing has to be done.",
        headline=said,
        panel=(
            Fact("Seen", frame.beside(over)),
            Fact("Failed", f"{frame.beside(story.event.updated)}, or before"),
            Fact("You", "Nothing has to be done."),
        ),
        sections=(),
        elsewhere="In the portal: Activity log, and Node pools.",
    )
