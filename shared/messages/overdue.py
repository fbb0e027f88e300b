"""Mails about what AKS has not reported: a start that was due, an end that is long in coming.

All that is known is that no report came. What happened on the cluster is for the reader to find out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.events.model import Upgrade
from shared.messages import phrases, time_phrases
from shared.messages.event_view import view_of
from shared.messages.view import Section, Step, View

if TYPE_CHECKING:
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext

_DAY = timedelta(days=1)
_LOGGED = 90
"""Days that Azure keeps the activity log for."""


def not_started(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that AKS has not reported a start of what it had scheduled."""
    event, what, due = story.event, phrases.WHAT[story.upgrade], story.planned
    if due is None:
        said = (
            f"AKS announced this {time_phrases.away(event.time, frame.as_of)} without saying when it starts."
        )
        tail = f"announced {time_phrases.brief(event.time, frame.as_of)}"
    else:
        said = f"AKS had scheduled this for {time_phrases.utc(due)}, {time_phrases.away(due, frame.as_of)}."
        tail = f"was due {time_phrases.brief(due, frame.as_of)}"
    return _view(
        story,
        frame,
        tail=tail,
        headline=f"{what}: AKS has not reported a start",
        preheader=f"{story.cluster.name}: {said} No start was reported since. What to check inside.",
        moment=("Was to start" if due else "Announced", due or event.time),
        meaning=(
            f"{said} It has reported nothing since. That does not say that nothing happened.",
            "You will hear if AKS reports a start, an end or another time after all.",
        ),
        causes=_why_no_start(story.upgrade),
        steps=(
            _see_state(story, "See what state the cluster is in, and whether it is running at all."),
            *_see_pools(story, "See the state, version and image of each node pool: was it done meanwhile?"),
            _see_operation(story),
            _see_log(story, frame, since=due or event.time),
            Step(
                "See the windows: the next one is when AKS is likely to try again.",
                phrases.aks("maintenanceconfiguration list", story.cluster, "--cluster-name"),
            ),
        ),
        entries=[("Announced", story.announced), ("Was to start", due)],
    )


def still_running(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that AKS has not reported an end of what it had started."""
    what, began = phrases.WHAT[story.upgrade], story.event.updated
    ago = time_phrases.away(began, frame.as_of)
    return _view(
        story,
        frame,
        tail=f"started {ago}",
        headline=f"{what}: AKS has not reported an end",
        preheader=f"{story.cluster.name}: {what} started {ago}, and no end was reported since. How to look "
        "inside.",
        moment=("Started", began),
        meaning=(
            f"AKS reported a start {ago}, and since then neither Completed nor Failed nor Canceled.",
            "You will hear when AKS says that it has ended, whichever way.",
        ),
        causes=_why_no_end(story.upgrade),
        steps=(
            _see_state(
                story,
                "Ask AKS for the state of the cluster. Upgrading or Updating: it is still at work. "
                "Succeeded: it is likely to have ended without a report. Failed: something went wrong.",
            ),
            *_see_pools(story, "See which node pool it is at."),
            *_see_nodes(story.upgrade),
            _see_operation(story),
        ),
        entries=[("Announced", story.announced), ("Planned for", story.planned), ("Started", began)],
    )


def _touches_nodes(upgrade: Upgrade) -> bool:
    return upgrade not in {Upgrade.WEEKLY_RELEASE, Upgrade.PLATFORM}


def _why_no_start(upgrade: Upgrade) -> tuple[str, ...]:
    causes = [
        "It was put off: windows are best effort, and what does not begin inside one waits for a later one.",
        "It has started, or is even done, and no report of it was sent or none came through.",
        "It was skipped, as when the cluster was stopped at the beginning of its window.",
    ]
    if _touches_nodes(upgrade):
        causes += [
            "It was held back: a node pool in state Failed is said to keep upgrades from starting.",
            "There was nothing left to do, as after an upgrade by hand.",
        ]
    return tuple(causes)


def _why_no_end(upgrade: Upgrade) -> tuple[str, ...]:
    causes = ["It is still at work: what began inside a window may run on past its end."]
    if _touches_nodes(upgrade):
        causes = [
            "It is still at work: with many nodes, or nodes that take long to drain, hours are not unusual.",
            "It is held up, most often by a pod that may not be evicted from its node.",
        ]
    return (*causes, "It has ended, and no report of it was sent or none came through.")


def _see_state(story: MaintenanceHistory, what: str) -> Step:
    query = ' --query "{state:provisioningState, power:powerState.code, version:currentKubernetesVersion}"'
    return Step(what, phrases.aks("show", story.cluster) + query)


def _see_pools(story: MaintenanceHistory, what: str) -> tuple[Step, ...]:
    if not _touches_nodes(story.upgrade):
        return ()
    query = (
        ' -o table --query "[].{pool:name, state:provisioningState, version:currentOrchestratorVersion, '
        'image:nodeImageVersion}"'
    )
    return (Step(what, phrases.aks("nodepool list", story.cluster, "--cluster-name") + query),)


def _see_nodes(upgrade: Upgrade) -> tuple[Step, ...]:
    if not _touches_nodes(upgrade):
        return ()
    return (
        Step(
            "See how far it came: new nodes beside old ones, those to be drained with SchedulingDisabled.",
            "kubectl get nodes -o wide",
        ),
        Step(
            "See what is said of the nodes, the latest last: draining, surging, evictions that were refused.",
            "kubectl get events -A --sort-by=.lastTimestamp --field-selector involvedObject.kind=Node",
        ),
        *phrases.check_budgets(upgrade),
    )


def _see_operation(story: MaintenanceHistory) -> Step:
    return Step(
        "Ask AKS for its latest operation; see that its times match (needs the aks-preview extension of az).",
        phrases.aks("operation show-latest", story.cluster),
    )


def _see_log(story: MaintenanceHistory, frame: RenderContext, since: datetime) -> Step:
    days = min(max((frame.as_of - since) // _DAY + 2, 1), _LOGGED)
    return Step(
        "Read the activity log. Operations on a node pool are logged under the pool's own ID: append "
        "/agentPools/<pool>.",
        f"az monitor activity-log list --resource-id {phrases.quoted(story.cluster.id)} "
        f"--offset {days}d -o table "
        '--query "[].{time:eventTimestamp, what:operationName.localizedValue, status:status.value}"',
    )


def _view(
    story: MaintenanceHistory,
    frame: RenderContext,
    *,
    tail: str,
    headline: str,
    preheader: str,
    moment: tuple[str, datetime],
    meaning: tuple[str, ...],
    causes: tuple[str, ...],
    steps: tuple[Step, ...],
    entries: list[tuple[str, datetime | None]],
) -> View:
    label, time = moment
    there, ago = time_phrases.local(time, frame.zone), time_phrases.away(time, frame.as_of)
    return view_of(
        story,
        frame,
        subject=(phrases.WHAT[story.upgrade], story.cluster.name, tail),
        preheader=preheader,
        headline=headline,
        moment_label=label,
        moment=time_phrases.utc(time),
        moment_more=(there, ago),
        sections=(
            Section(heading="What it means", paragraphs=meaning),
            Section(heading="What may be behind it", items=causes),
            phrases.todo(story.cluster, *steps),
            phrases.timeline(frame, [(name, when, "") for name, when in entries]),
        ),
        elsewhere="In the portal: Activity log, Node pools, and Settings → Upgrades.",
    )
