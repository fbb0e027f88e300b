"""Mails about what is under way or done: started, completed, and statuses that are new to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import phrases, time_phrases
from shared.messages.event_view import view_of
from shared.messages.view import Section, Step
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View


def started(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that a maintenance has begun."""
    event, what = story.event, phrases.WHAT[story.upgrade]
    return _view(
        story,
        frame,
        tail=time_phrases.brief(event.updated, frame.as_of),
        headline=f"{what} has started",
        preheader=f"{story.cluster.name}: {what} is under way since {time_phrases.utc(event.updated)}. "
        "What to watch inside.",
        meaning=(phrases.expect(story), "You will hear when AKS says that it has ended, whichever way."),
        steps=(
            Step("Nothing has to be done. To watch nodes come and go:", "kubectl get nodes -w"),
            Step(
                "To see pods that find no node, or volumes that do not follow:",
                "kubectl get pods -A --field-selector=status.phase=Pending",
            ),
            Step(
                "To ask AKS how it is going (needs the aks-preview extension of az):",
                phrases.aks("operation show-latest", story.cluster),
            ),
        ),
        elsewhere="In the portal: Activity log, Settings → Upgrades, and Node pools.",
        label="Since",
    )


def completed(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that a maintenance is done: how long it took, and whether it had failed before."""
    event, what = story.event, phrases.WHAT[story.upgrade]
    took = f"took {time_phrases.span(story.took)}" if story.took is not None else ""
    recovered = bool(story.failures)
    words = ", ".join(part for part in ("recovered" if recovered else "", took) if part)
    if recovered:
        meaning = (
            "This maintenance had failed before; now AKS reports it as completed. It is likely that nothing "
            "is left of the failure, but a look at the nodes is worth the minute."
        )
    else:
        meaning = (
            "AKS reports that the maintenance is complete. Workloads are likely to be back where they belong."
        )
    return _view(
        story,
        frame,
        tail=words or time_phrases.brief(event.updated, frame.as_of),
        headline=f"{what} has recovered and is complete" if recovered else f"{what} is complete",
        preheader=f"{story.cluster.name}: {what} completed" + (f" ({words})." if words else "."),
        meaning=(meaning,),
        steps=(
            Step("Nothing has to be done. To see that all nodes are ready:", "kubectl get nodes -o wide"),
            Step(
                "To see pods that have not come back:",
                "kubectl get pods -A --field-selector=status.phase!=Running,status.phase!=Succeeded",
            ),
        ),
        elsewhere="In the portal: Settings → Upgrades, and Node pools.",
        label="Completed",
        extra=words,
    )


def news(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell of a status that is new to us, plainly."""
    event, what = story.event, phrases.WHAT[story.upgrade]
    return _view(
        story,
        frame,
        status=event.status,
        tail=time_phrases.brief(event.updated, frame.as_of),
        headline=f"AKS reports “{event.status}”",
        preheader=f"{story.cluster.name}: {what}, status {event.status}, which is new to this notifier.",
        meaning=(
            f"The status “{event.status}” is new to this notifier, so it cannot tell what follows from it.",
            "What AKS sent stands below, as it came.",
        ),
        steps=(
            Step(
                "See what AKS says of its latest operation (needs the aks-preview extension of az).",
                phrases.aks("operation show-latest", story.cluster),
            ),
        ),
        elsewhere="In the portal: Activity log, and Diagnose and solve problems.",
        label="Reported",
    )


def _view(
    story: MaintenanceHistory,
    frame: RenderContext,
    *,
    tail: str,
    headline: str,
    preheader: str,
    meaning: tuple[str, ...],
    steps: tuple[Step, ...],
    elsewhere: str,
    label: str,
    extra: str = "",
    status: str = "",
) -> View:
    event = story.event
    there = time_phrases.local(event.updated, frame.zone)
    entries: list[tuple[str, datetime | None, str]] = [
        ("Announced", story.announced, ""),
        ("Planned for", story.planned, ""),
        ("Started", story.started, ""),
        *(("Failed", failure, "") for failure in story.failures),
    ]
    if story.kind is not Kind.STARTED:
        entries.append((event.status, event.updated, extra))
    return view_of(
        story,
        frame,
        status=status,
        subject=(phrases.WHAT[story.upgrade], story.cluster.name, tail),
        preheader=preheader,
        headline=headline,
        moment_label=label,
        moment=time_phrases.utc(event.updated),
        moment_more=(there, extra),
        sections=(
            Section(heading="What it means", paragraphs=meaning),
            phrases.todo(story.cluster, *steps),
            phrases.timeline(frame, entries),
        ),
        elsewhere=elsewhere,
    )
