"""Mails about what is under way or done: started, completed, and statuses that are new to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import commands, phrases, rollback, time_phrases, window_facts
from shared.messages.event_view import view_of
from shared.messages.presentation import Tone
from shared.messages.view import Fact, Section, Step
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

_OUTSIDE = "outside your windows"
_ENDS = "You get another mail when it completes or fails."


def started(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a maintenance that has begun, and whether that is outside of its windows."""
    began = story.event.updated
    is_outside = window_facts.is_outside(story)
    window, impact = window_facts.fact(story, frame), phrases.expect(story)
    return view_of(
        story,
        frame,
        tone=Tone.WARNING if is_outside else None,
        subject=(_OUTSIDE if is_outside else frame.short(began), phrases.brief(story)),
        preheader=f"Started {frame.here(began)} and is still running. {window.value} {impact}".replace(
            "  ", " "
        ),
        headline=f"{phrases.what(story)} has started" + (f" {_OUTSIDE}" if is_outside else ""),
        panel=(
            *((window,) if is_outside else ()),
            Fact("Since", frame.beside(began)),
            *(() if is_outside else (window,)),
            Fact("Impact", impact),
            *_blue_green(story),
            Fact("You", f"Nothing to do. {_ENDS}"),
        ),
        sections=(
            Section(heading="To watch it", steps=_watch(story)),
            phrases.timeline(
                frame,
                [
                    ("Announced", story.announced, ""),
                    ("Planned for", story.planned, ""),
                    ("Started", began, ""),
                ],
            ),
        ),
        elsewhere="In the portal: Activity log, Settings → Upgrades, and Node pools.",
    )


def completed(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a maintenance that is done: how long it took, whether it had failed, the way back."""
    ended = story.event.updated
    took = f"took {time_phrases.span(story.took)}" if story.took is not None else ""
    recovered = bool(story.failures)
    words = ", ".join(part for part in ("recovered" if recovered else "", took) if part)
    now = (
        "The failure is likely resolved; check the nodes to be sure."
        if recovered
        else "Workloads are likely back to normal."
    )
    after = " after an earlier failure" if recovered else ""
    return view_of(
        story,
        frame,
        subject=(words or frame.short(ended), phrases.brief(story)),
        preheader=now,
        headline=f"{phrases.what(story)} completed{after}",
        panel=(
            Fact("Completed", frame.beside(ended)),
            Fact("Took", _took(story, frame)),
            Fact("Now", now),
        ),
        sections=(
            Section(heading=phrases.TODO if recovered else "To be sure", steps=_after(story)),
            *rollback.section(story, frame),
            _timeline(story, frame, words),
        ),
        elsewhere="In the portal: Settings → Upgrades, and Node pools.",
    )


def news(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a status that this app does not know, in AKS's words."""
    event = story.event
    return view_of(
        story,
        frame,
        status=event.status,
        subject=(frame.short(event.updated), phrases.brief(story)),
        preheader=f"AKS reports the status {event.status}, which is new to this notifier.",
        headline=f"{phrases.what(story)}: AKS reports “{event.status}”",
        panel=(
            Fact("Reported", frame.beside(event.updated)),
            Fact(
                "Now",
                "Not known: this status is new to this notifier. What AKS sent stands below, as it came.",
            ),
        ),
        sections=(
            phrases.todo(commands.latest_operation("Ask AKS about its latest operation", story.cluster)),
            _timeline(story, frame, ""),
        ),
        elsewhere="In the portal: Activity log, and Diagnose and solve problems.",
    )


def _blue_green(story: MaintenanceHistory) -> tuple[Fact, ...]:
    """Return how long pools that are upgraded blue-green may take, where there are any."""
    said = phrases.soaks(story)
    return (Fact("Blue-green", f"{said} Completed comes after that."),) if said else ()


def _watch(story: MaintenanceHistory) -> tuple[Step, ...]:
    latest = commands.latest_operation("Ask AKS how it is going", story.cluster)
    if not phrases.touches_nodes(story.upgrade):
        return (latest,)
    return (
        Step("Watch nodes come and go.", "kubectl get nodes -w"),
        Step(
            "List pods that cannot be scheduled, for example because a volume is in another zone.",
            "kubectl get pods -A --field-selector=status.phase=Pending",
        ),
        latest,
    )


def _after(story: MaintenanceHistory) -> tuple[Step, ...]:
    steps = [
        Step("Check that all nodes are ready.", "kubectl get nodes -o wide"),
        Step(
            "List pods that have not come back.",
            "kubectl get pods -A --field-selector=status.phase!=Running,status.phase!=Succeeded",
        ),
    ]
    if quarantines := _quarantines(story):
        steps.append(
            Step(
                f"List nodes that AKS has set aside because they would not drain{quarantines}; they stay "
                "until somebody deletes them.",
                "kubectl get nodes -l kubernetes.azure.com/upgrade-status=Quarantined",
            )
        )
    return tuple(steps)


def _quarantines(story: MaintenanceHistory) -> str:
    """Return which pools set nodes aside that will not drain; empty where no pool is known to do so."""
    snapshot = story.snapshot
    if snapshot is None or not phrases.touches_nodes(story.upgrade):
        return ""
    names = [pool.name for pool in snapshot.pools if pool.undrainable.lower() == "cordon"]
    return f" (node pool{'s' if len(names) > 1 else ''} {', '.join(names)})" if names else ""


def _took(story: MaintenanceHistory, frame: RenderContext) -> str:
    if story.took is None or story.started is None:
        return ""
    return f"{time_phrases.span(story.took)}, from {frame.here(story.started)}"


def _timeline(story: MaintenanceHistory, frame: RenderContext, note: str) -> Section:
    failed: Iterable[tuple[str, datetime | None, str]] = (
        ("Failed", failure, "") for failure in story.failures
    )
    return phrases.timeline(
        frame,
        [
            ("Announced", story.announced, ""),
            ("Planned for", story.planned, ""),
            ("Started", story.started if story.kind is not Kind.STARTED else None, ""),
            *failed,
            (story.event.status, story.event.updated, note),
        ],
    )
