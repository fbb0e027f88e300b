"""Mails about update runs of a fleet: how they go on, what went wrong in them, how they ended.

A run is polled, so that what is told is what was true when it was looked at.
https://learn.microsoft.com/azure/kubernetes-fleet/concepts-update-orchestration
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.events.model import Cluster
from shared.events.run import RunStatus
from shared.events.scheduled_event import mapping, short_text
from shared.messages import commands, failed, of_run, phrases, run_view, time_phrases
from shared.messages.history import MaintenanceHistory
from shared.messages.presentation import presentation
from shared.messages.view import Section, Step
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from shared.events.model import Event
    from shared.messages.run_history import RunHistory
    from shared.messages.view import RenderContext, View


def started(story: RunHistory, frame: RenderContext) -> View:
    """Return a view of a run that has begun, and what it is going to do."""
    count = sum(stage.members for stage in story.run.stages)
    return _view(
        story,
        frame,
        headline=f"Update run {story.name} has started",
        tail=_clusters(count),
        label="Since",
        meaning=(
            f"It updates {_clusters(count)}{_to(story)}, stage after stage; groups of a stage side by side.",
            (
                "Each cluster is updated inside its maintenance window; one without a window at once, when "
                "it is its turn."
            ),
        ),
        steps=(run_view.show(story),),
    )


def stage_finished(story: RunHistory, frame: RenderContext) -> View:
    """Return a view of a stage that is done, with what came of its members, and what comes next."""
    run = story.run
    stage = next((one for one in run.stages if one.name == run.stage), None)
    names = [one.name for one in run.stages]
    following = names[names.index(run.stage) + 1 :][:1] if run.stage in names else []
    then = f"Next comes stage {following[0]}." if following else "It was the last stage."
    return _view(
        story,
        frame,
        headline=f"Stage {run.stage} of update run {story.name} is finished",
        tail=run_view.counts(stage) if stage else "",
        label="Finished",
        meaning=(f"{run_view.counts(stage).capitalize()}. {then}" if stage else then,),
        steps=(run_view.show(story),),
    )


def member_failed(story: RunHistory, frame: RenderContext) -> View:
    """Return a view of a member's failed update, explained, and of what the run makes of it."""
    run = story.run
    view = failed.failed(as_maintenance(story), frame)
    where = run_view.place(run)
    part = phrases.prose(
        "The update run",
        *((_REPORTED.format(view.cluster),) if run.is_reported else ()),
        f"Member {run.member}: {where or 'update run'} of {story.name}, in fleet {story.fleet.name}.",
        "As a rule a run fails with its first member, once those under way are done; how many failures it "
        "bears is set by maxAllowedFailures. It can be started again, and goes on with what is not done.",
        facts=run_view.stages(story.run),
        steps=(
            run_view.show(story),
            Step(
                "Once the cause is gone, start the run again.",
                commands.fleet("updaterun start", story.fleet, run.name),
            ),
        ),
    )
    return replace(
        view,
        status=presentation(story.kind).status,
        subject=(*view.subject[:2], run.name, *((of_run.SAME,) if run.is_reported else ())),
        headline=f"Member {run.member} of update run {story.name} failed: {_title(view)}",
        preheader=f"{story.fleet.name}, update run {story.name}: {view.preheader}",
        sections=(*view.sections[:_BEFORE_THE_RUN], part, *view.sections[_BEFORE_THE_RUN:]),
        sent=run_view.sent(story),
    )


_REPORTED = "AKS reports it as well, as a failure of cluster {}: it is one failure, not two."
_BEFORE_THE_RUN = 2
"""Sections of a failure that come first: what to do, and what happened."""


def ended(story: RunHistory, frame: RenderContext) -> View:
    """Return a view of how a run ended: completed, completed with failures, failed, or stopped."""
    event, run = story.event, story.run
    count = _failures(story)
    status, said = presentation(story.kind).status, "has failed"
    meaning = "It goes no further by itself. Clusters that it had not come to are as they were."
    if story.kind is Kind.RUN_COMPLETED:
        said, meaning = "is completed", "All that the run had to do is done; none of its members failed."
    elif story.kind is Kind.RUN_STOPPED:
        said = "was skipped" if event.status == RunStatus.RUN_SKIPPED else "was stopped"
        meaning = "It goes no further by itself. It can be started again, and goes on with what is not done."
    elif event.status == RunStatus.RUN_COMPLETED:
        status, said = "Completed with failures", "completed with failures"
        meaning = (
            f"The run is over, but {phrases.counted(count, 'member')} failed: Fleet Manager calls it "
            "completed because it was allowed so many failures. That is no success: those clusters are not "
            "updated. What to do about each stands in the message about it."
        )
    begun = next((one.updated for one in story.before if one.status == RunStatus.RUN_STARTED), None)
    took = f"after {time_phrases.span(event.updated - begun)}" if begun and begun < event.updated else ""
    steps = [run_view.show(story)]
    if story.kind in {Kind.RUN_FAILED, Kind.RUN_STOPPED} and event.status != RunStatus.RUN_COMPLETED:
        steps.append(
            Step(
                "Start it again, if it is to go on.",
                commands.fleet("updaterun start", story.fleet, run.name),
            )
        )
    return _view(
        story,
        frame,
        status=status,
        headline=f"Update run {story.name} {said}",
        tail=f"{phrases.counted(count, 'member')} failed" if count else "",
        label="Ended",
        more=took,
        meaning=(meaning, *_said(event)),
        steps=tuple(steps),
    )


def stuck(story: RunHistory, frame: RenderContext) -> View:
    """Return a view of a run that waits for somebody to act."""
    return _view(
        story,
        frame,
        headline=f"Update run {story.name} is stuck",
        tail=f"waits since {frame.short(story.event.updated)}",
        label="Since",
        more=frame.away(story.event.updated),
        meaning=(
            "Nothing has gone on in the run since, and nobody is reminded of what it waits for.",
            (
                "A cluster waits for its maintenance window, or until the version has reached its region: "
                "then it goes on by itself. A gate waits until it is opened."
            ),
        ),
        waits=story.run.waits,
        steps=(
            run_view.show(story),
            Step("List its gates.", commands.fleet_gates(story.fleet)),
        ),
    )


def auto_upgrade_failed(story: RunHistory, frame: RenderContext) -> View:
    """Return a view of an auto-upgrade profile that could not make its update run."""
    event, run = story.event, story.run
    return run_view.view_of(
        story,
        frame,
        subject=(f"profile {run.profile}",),
        preheader=f"The last trigger of auto-upgrade profile {run.profile} failed.",
        headline=f"Auto-upgrade profile {run.profile} failed at its last trigger",
        moment_label="Triggered",
        sections=(
            phrases.prose(
                "What it means",
                "The profile makes an update run when a version is published. This time it could not, so no "
                f"cluster of the fleet is updated{_to(story)}.",
                *_said(event),
            ),
            phrases.todo(
                Step(
                    f"Check what the profile says of its last trigger ({run_view.EXTENSION}).",
                    commands.fleet("autoupgradeprofile show", story.fleet, run.profile),
                ),
                Step(
                    "Once the cause is gone, make the run by hand.",
                    commands.fleet("autoupgradeprofile generate-update-run", story.fleet, run.profile),
                ),
            ),
        ),
    )


def in_brief(story: RunHistory) -> str:
    """Return what a digest adds to an event of a run; empty where its kind says all."""
    run = story.run
    if story.kind is Kind.RUN_STUCK:
        return f"waits for {run.waits[0]}" if run.waits else ""
    if story.kind is Kind.MEMBER_FAILED:
        return of_run.SAME if run.is_reported else ""
    if story.kind is Kind.STAGE_FINISHED:
        return next((run_view.counts(stage) for stage in run.stages if stage.name == run.stage), "")
    if story.kind is Kind.RUN_FAILED:
        words = "completed with failures, " if story.event.status == RunStatus.RUN_COMPLETED else ""
        return f"{words}{phrases.counted(_failures(story), 'member')} failed"
    return ""


def _failures(story: RunHistory) -> int:
    run = story.run
    return max(sum(stage.failed for stage in run.stages), len(run.failed), run.failures)


def as_maintenance(story: RunHistory) -> MaintenanceHistory:
    """Return a member's failure as that of its cluster, which explains it."""
    cluster = Cluster.parse(story.run.member_id)
    if cluster is None:
        cluster = Cluster(story.fleet.subscription, "<resource-group>", story.run.member or "<cluster>")
    return MaintenanceHistory(
        kind=Kind.FAILED,
        event=replace(story.event, subject=cluster),
        cluster=cluster,
        upgrade=story.event.upgrade,
    )


def _view(
    story: RunHistory,
    frame: RenderContext,
    *,
    headline: str,
    tail: str,
    label: str,
    meaning: tuple[str, ...],
    steps: tuple[Step, ...],
    waits: tuple[str, ...] = (),
    status: str = "",
    more: str = "",
) -> View:
    failures = tuple(
        f"{one.name}: {one.message or one.code or 'no reason given'}" for one in story.run.failed
    )
    stage = f"stage {story.run.stage}" if story.run.stage else ""
    return run_view.view_of(
        story,
        frame,
        status=status,
        subject=(story.run.name, stage or tail, tail if stage else ""),
        preheader=meaning[0] if meaning else f"{headline}.",
        headline=headline,
        moment_label=label,
        moment_more=tuple(filter(None, (more or tail,))),
        sections=(
            phrases.prose("What it means", *meaning),
            Section(heading="What it waits for", items=waits),
            run_view.windows(story, frame),
            Section(heading="Members that failed", items=failures),
            Section(heading="Its stages", facts=run_view.stages(story.run)),
            phrases.todo(*steps),
            run_view.so_far(story, frame),
        ),
    )


def _clusters(count: int) -> str:
    return phrases.clusters(count) if count else "the fleet's clusters"


def _to(story: RunHistory) -> str:
    return f" to {story.run.target}" if story.run.target else ""


def _said(event: Event) -> tuple[str, ...]:
    """Return what Fleet Manager says of why, where it says something."""
    error = mapping(mapping(event.details).get("error"))
    reason = ": ".join(
        short_text(error.get(key), _MAX_REASON_CHARACTERS) for key in ("code", "message") if error.get(key)
    )
    return (f"Fleet Manager says: “{reason}”",) if reason else ()


_MAX_REASON_CHARACTERS = 1_000


def _title(view: View) -> str:
    return view.headline.partition(": ")[2] or view.headline
