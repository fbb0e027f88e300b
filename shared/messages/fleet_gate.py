"""Mails about gates of update runs: one that waits, one that waits no longer.

What a gate means, and who may approve:
https://learn.microsoft.com/azure/kubernetes-fleet/update-strategies-gates-approvals
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.run import Gate, RunStatus
from shared.messages import commands, phrases, run_view
from shared.messages.presentation import Tone
from shared.messages.view import Section, Step

if TYPE_CHECKING:
    from shared.messages.run_history import RunHistory
    from shared.messages.view import RenderContext, View

ROLE = "Azure Kubernetes Fleet Manager Contributor Role"


def waiting(story: RunHistory, frame: RenderContext) -> View:
    """Return a view of a run that waits at a gate: for approval, or for what a gate of another type names."""
    gate = _gate(story)
    where = run_view.at_gate(story.run, gate)
    title = gate.title or f"gate {where}"
    status, headline = "Waiting at a gate", f"Update run {story.name} waits {where}"
    if gate.asks_people:
        status, headline = "Waiting for approval", f"Update run {story.name} waits for approval {where}"
    again = f"Reminder {story.lead}: " if story.lead else ""
    return run_view.view_of(
        story,
        frame,
        status=f"{again}{status.lower()}" if again else status,
        tone=Tone.WARNING if gate.asks_people else Tone.PLANNED,
        subject=(where, story.run.name),
        preheader=f"{headline} since {frame.here(story.event.updated)}. {title}.",
        headline=f"{headline}: {gate.title}" if gate.title else headline,
        moment_label="Since",
        moment_more=(frame.away(story.event.updated),),
        sections=(
            phrases.prose("What it means", *_meaning(story, gate, frame)),
            run_view.windows(story, frame, story.run.stage) if not gate.is_after else Section(heading=""),
            run_view.so_far(story, frame),
            _stages(story, frame),
            phrases.todo(*_steps(story, gate)),
        ),
    )


def closed(story: RunHistory, frame: RenderContext) -> View:
    """Return a view that tells those who were asked that nobody has to answer any more, and why."""
    gate = _gate(story)
    where = run_view.at_gate(story.run, gate)
    word, said, meaning = _CLOSED.get(story.event.status, _CLOSED[RunStatus.GATE_COMPLETED])
    if word == _APPROVED and not gate.asks_people:
        word, said = "Gate passed", "The gate {} of update run {} is passed"
    headline = said.format(where, story.name)
    return run_view.view_of(
        story,
        frame,
        status=word,
        subject=(where, story.run.name),
        preheader=f"{headline}. Nobody has to answer it any more.",
        headline=headline,
        moment_label="Reported",
        sections=(
            phrases.prose("What it means", meaning, _WHO),
            run_view.so_far(story, frame),
            phrases.todo(*(_show_run(story) if story.event.status != RunStatus.GATE_DELETED else ())),
        ),
    )


def news(story: RunHistory, frame: RenderContext) -> View:
    """Return a view of a gate whose state this app does not know, in the fleet's words."""
    gate = _gate(story)
    state = story.event.status.removeprefix("Gate")
    where = run_view.at_gate(story.run, gate)
    return run_view.view_of(
        story,
        frame,
        status=state,
        subject=(f"gate {where}", story.run.name),
        preheader=f"A gate of update run {story.name} is in state {state}, which is new to this notifier.",
        headline=f"Fleet Manager reports a gate as “{state}”",
        moment_label="Reported",
        sections=(
            phrases.prose(
                "What it means",
                f"The state “{state}” is new to this notifier, so it cannot tell what follows from it.",
                "What was sent stands below, as it came.",
            ),
            run_view.so_far(story, frame),
            phrases.todo(*_show_run(story)),
        ),
    )


_APPROVED = "Approved"
_CLOSED: dict[str, tuple[str, str, str]] = {
    RunStatus.GATE_COMPLETED: (
        _APPROVED,
        "The gate {} of update run {} is approved",
        "The gate is open, and the run goes on by itself, as soon as the windows of its clusters allow it.",
    ),
    RunStatus.GATE_SKIPPED: (
        "Gate skipped",
        "The gate {} of update run {} was skipped",
        "The gate was skipped together with what it belongs to: those clusters are left as they are.",
    ),
    RunStatus.GATE_DELETED: (
        "Run gone",
        "The gate {} is gone, and update run {} with it",
        "The update run was deleted. Clusters that it had not come to are left as they are.",
    ),
}
_WHO = "The event does not say who did it; the Activity log of the fleet does."


def _gate(story: RunHistory) -> Gate:
    """Return the gate; what a poll does not say of it, its event has said."""
    gate = story.run.gate or Gate("")
    known = (event.run.gate for event in story.before if event.run and event.run.gate)
    asked = next((one for one in known if one.name.lower() == gate.name.lower() and one.type), gate)
    return gate if gate.type else asked


def _meaning(story: RunHistory, gate: Gate, frame: RenderContext) -> tuple[str, ...]:
    run = story.run
    what = run_view.place(run) or "the next stage"
    others = f" Other groups of stage {run.stage} do not wait for it." if run.group and run.stage else ""
    if not gate.asks_people:
        opens = (
            f"It is likely to open by itself on {frame.here(story.event.start)}."
            if story.event.start
            else "When it opens, the event does not say."
        )
        kind = f"of the type “{gate.type}”" if gate.type else "of a type that is not given"
        return (
            f"The run has come to a gate {kind}, which nobody is asked to approve. {opens}{others}",
            f"Once it is open, the update of {what} begins."
            if gate.is_before
            else f"Once it is open, the run goes on{f' after {what}' if gate.is_after else ''}.",
        )
    if gate.is_after:
        asked = f"The clusters of {what} are done. The run asks whether they are well, and waits.{others}"
        starts = f"Approving lets the run go on after {what}, to whatever comes next in its strategy."
    elif not gate.is_before:
        asked = f"The run waits at {what}; whether before or after it, the gate does not say.{others}"
        starts = "Approving lets the run go on."
    else:
        asked = f"The run has come to {what} and waits: may its clusters be updated?{others}"
        starts = (
            f"Approving starts the update of {_clusters(story)} of {what}{_to(story)}, each in its "
            "maintenance window; those without a window are updated at once."
        )
    return (
        asked,
        starts,
        (
            "This notifier has no right to approve, and wants none: whoever approves does so in their own "
            f"name, and needs the role {ROLE}."
        ),
    )


def _clusters(story: RunHistory) -> str:
    """Return what approval starts to update: of a whole stage the number is known from what was seen last."""
    seen, run = run_view.last_seen(story), story.run
    stages = seen.run.stages if seen and seen.run and not run.group else ()
    count = next((stage.members for stage in stages if stage.name == run.stage), 0)
    return f"the {phrases.clusters(count)}" if count else "the clusters"


def _to(story: RunHistory) -> str:
    seen = run_view.last_seen(story)
    return f" to {seen.run.target}" if seen and seen.run and seen.run.target else ""


def _stages(story: RunHistory, frame: RenderContext) -> Section:
    seen = run_view.last_seen(story)
    if seen is None or seen.run is None:
        return Section(heading="")
    return Section(heading=f"Its stages, as of {frame.here(seen.updated)}", facts=run_view.stages(seen.run))


def _show_run(story: RunHistory) -> tuple[Step, ...]:
    return (run_view.show(story),) if story.run.name else ()


def _steps(story: RunHistory, gate: Gate) -> tuple[Step, ...]:
    steps = _show_run(story)
    if not gate.asks_people:
        return steps
    approve = Step(
        f"Approve, if all is well ({run_view.EXTENSION})." if not steps else "Approve, if all is well.",
        commands.fleet("gate approve", story.fleet, gate.name),
    )
    if not story.run.name:
        return (approve,)
    stop = Step(
        "Or stop the run, if it must not go on; it can be started again.",
        commands.fleet("updaterun stop", story.fleet, story.run.name),
    )
    return (*steps, approve, stop)
