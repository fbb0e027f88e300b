"""What all mails about an update run of a fleet have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.events.run import Gate, RunStatus
from shared.messages import commands, phrases, portal, time_phrases
from shared.messages.presentation import presentation
from shared.messages.view import Fact, Link, Section, Step, View, said_facts
from shared.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.events.model import Event
    from shared.events.run import MemberWindow, RunFacts, StageFacts
    from shared.messages.presentation import Tone
    from shared.messages.run_history import RunHistory
    from shared.messages.view import RenderContext

EXTENSION = "needs the fleet extension of az, once: az extension add --name fleet"
"""Said of the first of several such commands."""

_MAX_BEFORE = 12


def view_of(
    story: RunHistory,
    frame: RenderContext,
    *,
    headline: str,
    subject: Iterable[str],
    preheader: str,
    moment_label: str,
    sections: Iterable[Section],
    status: str = "",
    tone: Tone | None = None,
    moment_more: Iterable[str] = (),
) -> View:
    """Return the view of an event of a run: which fleet, where to look, what was sent.

    `subject` is what follows the fleet. Empty parts are left out.
    """
    event, usual = story.event, presentation(story.kind)
    return View(
        status=status or usual.status,
        tone=tone or usual.tone,
        subject=(story.fleet.name, *(part for part in subject if part)),
        preheader=preheader,
        headline=headline,
        cluster=story.fleet.name,
        where=f"Fleet · {phrases.where(story.fleet, '')}",
        panel=(Fact(moment_label, ", ".join((frame.beside(event.updated), *moment_more))),),
        sections=tuple(section for section in sections if section.says_something()),
        portal=Link(
            "Open the fleet in the Azure portal", portal.resource(frame.branding.portal, story.fleet)
        ),
        elsewhere="In the portal: Fleet resources → Multi-cluster update, and there the run.",
        sent=sent(story),
        raw=readable(event.details),
        notes=phrases.notes(frame),
    )


def place(run: RunFacts) -> str:
    """Return where in a run something is: `group canary of stage prod`; empty for the run itself."""
    stage = f"stage {run.stage}" if run.stage else ""
    if run.group:
        return f"group {run.group}" + (f" of {stage}" if stage else "")
    return stage


def at_gate(run: RunFacts, gate: Gate) -> str:
    """Return where a gate stands: `before stage prod`; `at` it, where the gate does not say."""
    where = place(run)
    if gate.is_after:
        return f"after {where or 'a stage'}"
    return f"{'before' if gate.is_before or not where else 'at'} {where or 'the next stage'}"


def show(story: RunHistory) -> Step:
    """Return the step that shows the run."""
    return Step(
        f"Check how the run stands ({EXTENSION}).",
        commands.fleet("updaterun show", story.fleet, story.run.name),
    )


def so_far(story: RunHistory, frame: RenderContext) -> Section:
    """Return the section of what has happened in the run, as far as it is known."""
    known = [event for event in story.before if event.updated <= story.event.updated]
    facts = (
        Fact(frame.here(event.updated), told) for event in known[-_MAX_BEFORE:] if (told := happened(event))
    )
    return Section(heading="What has happened so far", facts=tuple(facts))


def stages(run: RunFacts) -> tuple[Fact, ...]:
    """Return how the stages of a run stood, a line each."""
    return tuple(
        Fact(f"Stage {stage.name}", f"{_STATES.get(stage.state, stage.state) or 'no state'}, {counts(stage)}")
        for stage in run.stages
    )


_STATES = {"notstarted": "not started"}


def counts(stage: StageFacts) -> str:
    """Return what came of a stage's members: `12 of 14 members done, 1 failed, 1 waiting`."""
    parts = [f"{stage.done} of {phrases.counted(stage.members, 'member')} done"]
    others = ((stage.failed, "failed"), (stage.skipped, "skipped"), (stage.waiting, "waiting"))
    return ", ".join([*parts, *(f"{count} {word}" for count, word in others if count)])


def last_seen(story: RunHistory) -> Event | None:
    """Return the last event before that tells how the stages of the run stood; None where none does."""
    known = [event for event in story.before if event.run and event.run.stages]
    return next((event for event in reversed(known) if event.updated <= story.event.updated), None)


def windows(story: RunHistory, frame: RenderContext, stage: str = "") -> Section:
    """Return the section of when members that are waited for may be updated; of one stage, if it is named."""
    known = next(
        (event.run for event in (story.event, *reversed(story.before)) if _has_windows(event, stage)), None
    )
    facts = (
        Fact(window.member, _window(window, frame))
        for window in (known.windows if known else ())
        if window.stage == stage or not stage
    )
    named = f" of stage {stage}" if stage else ""
    return Section(heading=f"Windows of the members{named}", facts=tuple(facts))


def _has_windows(event: Event, stage: str) -> bool:
    return any(not stage or window.stage == stage for window in (event.run.windows if event.run else ()))


def _window(window: MemberWindow, frame: RenderContext) -> str:
    if window.start is None or window.end is None:
        return "no window: updated as soon as it is its turn"
    length = time_phrases.span(window.end - window.start)
    return f"{frame.beside(window.start)}, for {length}"


def happened(event: Event) -> str:
    """Return in a few words what an event of a run was; empty where there is nothing to say."""
    run = event.run
    if run is None:
        return ""
    if run.gate is not None:
        words = _GATES.get(event.status, "")
        name = f"“{run.gate.title}”, " if run.gate.title else ""
        return f"{words} ({name}{at_gate(run, run.gate)})" if words else ""
    words = _RUNS.get(event.status, "")
    where = f"member {run.member}" if run.member else place(run)
    stage = next((one for one in run.stages if one.name == run.stage), None)
    came = f" ({counts(stage)})" if stage and event.status == RunStatus.STAGE_COMPLETED else ""
    return f"{words}{f': {where}' if where else ''}{came}" if words else ""


_RUNS: dict[str, str] = {
    RunStatus.RUN_STARTED: "Run started",
    RunStatus.STAGE_COMPLETED: "Finished",
    RunStatus.MEMBER_FAILED: "Failed",
    RunStatus.RUN_STUCK: "Run stuck",
    RunStatus.RUN_STOPPED: "Run stopped",
    RunStatus.RUN_SKIPPED: "Run skipped",
    RunStatus.RUN_FAILED: "Run failed",
    RunStatus.RUN_COMPLETED: "Run completed",
}


_GATES: dict[str, str] = {
    RunStatus.GATE_PENDING: "Came to a gate",
    RunStatus.GATE_COMPLETED: "Gate passed",
    RunStatus.GATE_SKIPPED: "Gate skipped",
    RunStatus.GATE_DELETED: "Gate gone",
}


_OURS = re.compile("^(AutoUpgrade|Gate|Member|Run|Stage)(?=[A-Z])")
"""What the notifier puts before a state, to say of what it is."""


def sent(story: RunHistory) -> Section:
    """Return the section of what was sent or polled, field by field."""
    event, run = story.event, story.run
    gate = run.gate or Gate("")
    facts = said_facts(
        ("State", _OURS.sub("", event.status) if event.status != RunStatus.RUN_STUCK else ""),
        ("Run", run.name),
        ("Stage", run.stage),
        ("Group", run.group),
        ("Member", run.member),
        ("Auto-upgrade profile", run.profile),
        ("Target", run.target),
        ("Gate", f"{gate.title} ({gate.name})" if gate.title else gate.name),
        ("Type of gate", gate.type),
        ("Timing", gate.timing),
    )
    return Section(heading="As Fleet Manager says it", facts=facts)
