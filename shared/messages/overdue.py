"""Mails about what AKS has not reported: a start that was due, an end that is long in coming.

All that is known is that no report came. What happened on the cluster is for the reader to find out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.messages import commands, phrases, window_facts
from shared.messages.event_view import view_of
from shared.messages.view import Fact, Section, Step, View

if TYPE_CHECKING:
    from datetime import datetime

    from shared.events.model import Upgrade
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext

_DAY = timedelta(days=1)
_LOG_DAYS = 90
"""Days that Azure keeps the activity log for."""


def not_started(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a maintenance whose start AKS has not reported."""
    event, due = story.event, story.planned
    if due is None:
        said = f"AKS announced this {frame.away(event.time)}, gave no time, and has reported nothing since."
        tail = f"announced {frame.short(event.time)}"
    else:
        said = f"AKS scheduled this for {frame.here(due)} ({frame.away(due)}) and has reported nothing since."
        tail = f"was due {frame.short(due)}"
    return _view(
        story,
        frame,
        tail=tail,
        headline=f"{phrases.what(story)}: AKS has not reported a start",
        moment=Fact("Was to start" if due else "Announced", _moment(due or event.time, frame)),
        now=f"{said} It may have run all the same.",
        hears="You get another mail if AKS reports a start, an end or another time after all.",
        causes=_why_no_start(story.upgrade),
        steps=(
            _state(story, "Check what state the cluster is in, and whether it is running at all."),
            *_pools(story, "List each pool's state, version and image: it may already be upgraded."),
            _operation(story),
            _log(story, frame, since=due or event.time),
            commands.windows(story.cluster),
        ),
        entries=[("Announced", story.announced), ("Was to start", due)],
    )


def still_running(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a maintenance whose end AKS has not reported."""
    began = story.event.updated
    ago = frame.away(began)
    soaks = phrases.soaks(story)
    now = f"AKS reported a start {ago}, and since then no Completed, Failed or Canceled."
    return _view(
        story,
        frame,
        tail=f"started {ago}",
        headline=f"{phrases.what(story)}: AKS has not reported an end",
        moment=Fact("Started", _moment(began, frame)),
        now=f"{now} {soaks} It may well be waiting for that." if soaks else now,
        hears="You get another mail when it completes or fails.",
        causes=_why_no_end(story),
        steps=(
            _state(
                story,
                "Ask AKS for the state of the cluster. Upgrading or Updating: it is still running. "
                "Succeeded: it likely ended without a report. Failed: something went wrong.",
            ),
            *_pools(story, "Check which node pool it is at."),
            *_nodes(story.upgrade),
            _operation(story),
        ),
        entries=[("Announced", story.announced), ("Planned for", story.planned), ("Started", began)],
    )


def _why_no_start(upgrade: Upgrade) -> tuple[str, ...]:
    causes = [
        "It was put off: windows are best effort, and what does not begin inside one waits for a later one.",
        "It has started, or is even done, and the report of it was not sent or was lost.",
        "It was skipped, for example because the cluster was stopped when its window began.",
    ]
    if phrases.touches_nodes(upgrade):
        causes += [
            "It was held back: a node pool in state Failed reportedly keeps upgrades from starting.",
            "There was nothing left to do, for example after a manual upgrade.",
        ]
    return tuple(causes)


def _why_no_end(story: MaintenanceHistory) -> tuple[str, ...]:
    causes = ["It is still running: what began inside a window may run on past its end."]
    if phrases.touches_nodes(story.upgrade):
        causes = [
            "It is still running: with many nodes, or nodes that take long to drain, hours are not unusual.",
            "It is held up, most often by a pod that may not be evicted from its node.",
        ]
    if phrases.soaks(story):
        causes.insert(
            0, "It is soaking: a blue-green pool keeps its old nodes for up to 7 days before it completes."
        )
    return (*causes, "It has ended, and the report of it was not sent or was lost.")


def _state(story: MaintenanceHistory, what: str) -> Step:
    query = ' --query "{state:provisioningState, power:powerState.code, version:currentKubernetesVersion}"'
    return Step(what, commands.aks("show", story.cluster) + query)


def _pools(story: MaintenanceHistory, what: str) -> tuple[Step, ...]:
    if not phrases.touches_nodes(story.upgrade):
        return ()
    query = (
        ' -o table --query "[].{pool:name, state:provisioningState, version:currentOrchestratorVersion, '
        'image:nodeImageVersion}"'
    )
    return (Step(what, commands.aks("nodepool list", story.cluster, "--cluster-name") + query),)


def _nodes(upgrade: Upgrade) -> tuple[Step, ...]:
    if not phrases.touches_nodes(upgrade):
        return ()
    return (
        Step(
            "Check how far it has come: new nodes beside old ones; SchedulingDisabled marks those that are "
            "drained.",
            "kubectl get nodes -o wide",
        ),
        Step(
            "Read the events of the nodes, the latest last: draining, surging, evictions that were refused.",
            "kubectl get events -A --sort-by=.lastTimestamp --field-selector involvedObject.kind=Node",
        ),
        *phrases.check_budgets(upgrade),
    )


def _operation(story: MaintenanceHistory) -> Step:
    what = "Ask AKS about its latest operation; check that its times match"
    return commands.latest_operation(what, story.cluster)


def _log(story: MaintenanceHistory, frame: RenderContext, since: datetime) -> Step:
    days = min(max((frame.as_of - since) // _DAY + 2, 1), _LOG_DAYS)
    return Step(
        "Read the activity log. Operations on a node pool are logged under the pool's own ID: append "
        "/agentPools/<pool>.",
        f"az monitor activity-log list --resource-id {commands.quoted(story.cluster.id)} "
        f"--offset {days}d -o table "
        '--query "[].{time:eventTimestamp, what:operationName.localizedValue, status:status.value}"',
    )


def _moment(time: datetime, frame: RenderContext) -> str:
    return f"{frame.beside(time)}, {frame.away(time)}"


def _view(
    story: MaintenanceHistory,
    frame: RenderContext,
    *,
    tail: str,
    headline: str,
    moment: Fact,
    now: str,
    hears: str,
    causes: tuple[str, ...],
    steps: tuple[Step, ...],
    entries: list[tuple[str, datetime | None]],
) -> View:
    return view_of(
        story,
        frame,
        subject=(tail, phrases.brief(story)),
        preheader=now,
        headline=headline,
        panel=(moment, Fact("Now", now), window_facts.fact(story, frame)),
        sections=(
            phrases.todo(*steps),
            Section(heading="Possible reasons", items=causes, note=hears),
            phrases.timeline(frame, [(name, when, "") for name, when in entries]),
        ),
        elsewhere="In the portal: Activity log, Node pools, and Settings → Upgrades.",
    )
