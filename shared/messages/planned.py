"""Mails about what is to come: scheduled, rescheduled, reminder, canceled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import commands, phrases, postponing, window_facts
from shared.messages.event_view import view_of
from shared.messages.presentation import Tone
from shared.messages.view import Fact, Section, Step

if TYPE_CHECKING:
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

CALENDAR = "A calendar entry is attached. It shows as free."

_MOVED = (
    "The attached calendar entry replaces the one sent before. If your calendar keeps both, delete the older "
    "one by hand."
)
_CANCEL = (
    "the attached file cancels the calendar entry sent earlier. If your calendar does not do that by itself, "
    "delete the entry by hand."
)


def scheduled(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a maintenance that is announced for the first time."""
    return _coming(
        story,
        frame,
        time=_when(story, frame),
        headline=f"{phrases.what(story)} is {'scheduled' if story.planned else 'planned'}",
        steps=(*phrases.check_budgets(story.upgrade), _check_running(story)),
        calendar=CALENDAR,
    )


def rescheduled(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a maintenance that starts at another time."""
    was = frame.beside(story.before) if story.before else "not known"
    return _coming(
        story,
        frame,
        time=f"now {_when(story, frame)}",
        headline=f"{phrases.what(story)} has been moved",
        change=Fact("Before", was),
        since=f"Before: {frame.here(story.before)}." if story.before else "",
        steps=phrases.check_budgets(story.upgrade),
        calendar=_MOVED,
    )


def reminder(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Remind of a maintenance: what has changed since it was announced, and what is left to check."""
    start = story.planned
    away = frame.away(start) if start else _when(story, frame)
    tail = f"{'was to start' if away.endswith('ago') else 'starts'} {away}"
    return _coming(
        story,
        frame,
        time=f"was to start {away}" if away.endswith("ago") else away,
        headline=f"{phrases.what(story)} {tail}",
        change=Fact("Changed", _since(story, frame)),
        steps=phrases.check_budgets(story.upgrade),
    )


def canceled(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a maintenance that does not take place, or not any further."""
    event, planned = story.event, story.planned
    begun = story.started is not None
    if begun:
        now = "It had begun. Canceling rolls nothing back: some nodes are likely done and others not."
        todo = phrases.todo(
            Step("Check how far it came: which nodes run which version.", "kubectl get nodes -o wide"),
            Step(
                "Check the state of the cluster.",
                commands.aks("show", story.cluster) + ' --query "{state:provisioningState}"',
            ),
        )
    else:
        now = "Nothing has happened to the cluster, and nothing will at that time."
        todo = phrases.prose(
            phrases.TODO, "Nothing. If you did not expect this, the activity log tells who canceled it."
        )
    unknown = frame.short(event.updated)
    due = "after it had started" if begun else f"was due {frame.short(planned)}" if planned else unknown
    return view_of(
        story,
        frame,
        subject=(due, phrases.brief(story)),
        preheader=now,
        headline=f"{phrases.what(story)} was canceled",
        panel=(
            Fact("Was to start", frame.beside(planned) if planned else ""),
            Fact("Canceled", frame.beside(event.updated)),
            Fact("Now", now),
            Fact("Next", "" if begun else "If AKS schedules it again, you get a new notice."),
        ),
        sections=(
            todo,
            phrases.timeline(
                frame,
                [("Announced", story.announced, ""), ("Started", story.started, "")],
            ),
        ),
        elsewhere="In the portal: Activity log, and Settings → Upgrades.",
        notes=[f"Calendar: {_CANCEL}"] if story.announced else [],
    )


def _coming(
    story: MaintenanceHistory,
    frame: RenderContext,
    *,
    time: str,
    headline: str,
    steps: tuple[Step, ...],
    change: Fact = Fact("", ""),  # noqa: B008 - frozen
    since: str = "",
    calendar: str = "",
) -> View:
    is_outside = window_facts.is_outside(story)
    window = window_facts.fact(story, frame)
    impact = phrases.expect(story)
    version = _version(story)
    return view_of(
        story,
        frame,
        tone=Tone.WARNING if is_outside else None,
        subject=(time, _OUTSIDE if is_outside else "", phrases.brief(story)),
        preheader=" ".join(part for part in (_place(window.value), since or change.value, impact) if part),
        headline=f"{headline}, {_OUTSIDE}" if is_outside else headline,
        panel=(_start(story, frame), change, window, version, Fact("Impact", impact)),
        sections=(
            Section(heading="Check before", steps=steps, paragraphs=() if steps else (_NOTHING,)),
            postponing.section(story, frame),
            phrases.prose("What it means", _UNASKED, phrases.BEST_EFFORT),
            phrases.timeline(frame, [("Announced", story.announced, ""), ("Starts", story.planned, "")]),
        ),
        elsewhere="In the portal: Settings → Upgrades, and Settings → Cluster configuration for the windows.",
        notes=[calendar] if calendar and (story.planned or window_facts.expected(story)) else [],
    )


_OUTSIDE = "outside your windows"
_NOTHING = "Nothing: nodes are likely not touched."
_UNASKED = "If all is well, nothing else has to be done: AKS starts and completes it by itself."


def _start(story: MaintenanceHistory, frame: RenderContext) -> Fact:
    if story.planned:
        return Fact("Starts", f"{frame.beside(story.planned)}, {frame.away(story.planned)}")
    start = window_facts.expected(story)
    unknown = "AKS has not given a time."
    if start is None:
        return Fact("Starts", f"{unknown} It starts in the cluster's next maintenance window.")
    about = "about " if story.snapshot and story.snapshot.next and story.snapshot.next.approximate else ""
    return Fact("Expected", f"{about}{frame.beside(start)}, {frame.away(start)}. {unknown}")


def _version(story: MaintenanceHistory) -> Fact:
    if story.versions.after or not story.versions.before:
        return Fact("Version", "")
    channel = story.snapshot.channel if story.snapshot else ""
    on = f", channel {channel}" if channel else ""
    return Fact("Version", f"now {story.versions.before}{on}; AKS does not say which comes.")


def _since(story: MaintenanceHistory, frame: RenderContext) -> str:
    """Return what has changed since the notice before."""
    if story.before:
        return f"Moved since, from {frame.here(story.before)}."
    noticed = story.announced or story.event.time
    return f"Unchanged since the notice of {frame.here(noticed)}."


def _check_running(story: MaintenanceHistory) -> Step:
    return Step(
        "Check that the cluster is running. Maintenance skips stopped clusters.",
        commands.aks("show", story.cluster) + ' --query "{state:provisioningState, power:powerState.code}"',
    )


def _when(story: MaintenanceHistory, frame: RenderContext) -> str:
    """Return when it starts, for a subject."""
    start: datetime | None = story.planned
    if start:
        return frame.short(start)
    return window_facts.tail(story, frame) or phrases.WINDOW


def _place(window: str) -> str:
    """Return where the start lies, for an inbox; the next window is in the subject where it is expected."""
    first = window.partition(". ")[0].rstrip(".")
    return f"{first}." if first and not first.startswith("Next") else ""
