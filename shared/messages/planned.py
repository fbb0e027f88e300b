"""Mails about what is to come: scheduled, rescheduled, reminder, canceled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import phrases, time_phrases, window_facts
from shared.messages.event_view import view_of
from shared.messages.view import Fact, Section, Step
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

CALENDAR = "The attached calendar entry has the time; it does not block yours."


def scheduled(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell of a maintenance for the first time."""
    what, start = phrases.WHAT[story.upgrade], story.planned
    return _coming(
        story,
        frame,
        tail=time_phrases.brief(start, frame.as_of) if start else _window(story, frame),
        headline=f"{what} is scheduled" if start else f"{what} is planned",
        preheader=f"{story.cluster.name}: {what} {_starts(story, frame)}. What it means and what to "
        "check beforehand.",
    )


def rescheduled(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that a maintenance starts at another time."""
    what, start = phrases.WHAT[story.upgrade], story.planned
    was = time_phrases.both(story.before, frame.zone) if story.before else "not known"
    now = time_phrases.both(start, frame.zone) if start else _window(story, frame)
    return _coming(
        story,
        frame,
        tail=f"now {time_phrases.brief(start, frame.as_of)}" if start else _window(story, frame),
        headline=f"{what} has been moved",
        preheader=f"{story.cluster.name}: {what} now {_starts(story, frame)}.",
        change=(Fact("Was to start", was), Fact("Starts now", now)),
    )


def reminder(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Remind of a maintenance."""
    what, start = phrases.WHAT[story.upgrade], story.planned
    tail = _begins(start, frame) if start else _starts(story, frame)
    return _coming(
        story,
        frame,
        tail=tail,
        headline=f"{what} {tail}",
        preheader=f"{story.cluster.name}: {what} {_starts(story, frame)}. Last things to check inside.",
    )


def canceled(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that a maintenance does not take place, or not any further."""
    event, what = story.event, phrases.WHAT[story.upgrade]
    begun = story.started is not None
    if begun:
        meaning = (
            "It had begun when it was canceled. Canceling does not roll anything back: some nodes are likely "
            "to be done and others not, which is a state a cluster can stay in until the next upgrade."
        )
        steps: tuple[Step, ...] = (
            Step("See how far it came: which nodes run which version.", "kubectl get nodes -o wide"),
            Step(
                "See that the cluster is in a good state.",
                phrases.aks("show", story.cluster) + ' --query "{state:provisioningState}"',
            ),
        )
    else:
        meaning = (
            "Nothing has happened to the cluster, and nothing will at that time. AKS may well plan this "
            "maintenance anew; then a new notice comes."
        )
        steps = ()
    planned = story.planned
    there = time_phrases.local(planned or event.updated, frame.zone)
    due = (
        "was due " + time_phrases.brief(planned, frame.as_of)
        if planned and not begun
        else "after it had started"
        if begun
        else ""
    )
    return view_of(
        story,
        frame,
        subject=(what, story.cluster.name, due),
        preheader=f"{story.cluster.name}: {what} canceled"
        + (f"; it was to start {time_phrases.utc(planned)}." if planned else "."),
        headline=f"{what} was canceled",
        moment_label="Was to start" if planned else "Canceled",
        moment=time_phrases.utc(planned or event.updated),
        moment_more=(there,),
        sections=(
            Section(heading="What it means", paragraphs=(meaning,)),
            phrases.todo(story.cluster, *steps) if begun else _NOTHING,
            phrases.timeline(
                frame,
                [
                    ("Announced", story.announced, ""),
                    ("Was to start", planned, ""),
                    ("Started", story.started, ""),
                    ("Canceled", event.updated, ""),
                ],
            ),
        ),
        elsewhere="In the portal: Activity log, and Settings → Upgrades.",
        notes=[f"Calendar: {_CANCEL}"] if planned else [],
    )


_NOTHING = Section(
    heading="What to do now",
    paragraphs=("Nothing. If you did not expect this, the activity log tells who canceled it.",),
)

_CANCEL = (
    "the attached file takes back the entry sent before. If your calendar does not do that by itself, delete "
    "the entry by hand."
)


def _coming(
    story: MaintenanceHistory,
    frame: RenderContext,
    *,
    tail: str,
    headline: str,
    preheader: str,
    change: tuple[Fact, ...] = (),
) -> View:
    start = story.planned
    expected = window_facts.expected(story)
    shown = start or expected
    there = time_phrases.local(shown, frame.zone) if shown else ""
    away = time_phrases.away(shown, frame.as_of) if shown else ""
    calendar = ""
    if start and story.kind is Kind.SCHEDULED:
        calendar = CALENDAR
    elif start and change:
        calendar = (
            "The attached calendar entry replaces the one sent before. If your calendar keeps both, delete "
            "the older one by hand."
        )
    unknown = (
        () if start else ("AKS has not said when: it starts in the next maintenance window of the cluster.",)
    )
    sections = [Section(heading="What has changed", facts=change)] if change else []
    sections += [
        Section(
            heading="What it means",
            paragraphs=(*unknown, phrases.expect(story), phrases.BEST_EFFORT),
        ),
        phrases.todo(
            story.cluster,
            *phrases.check_budgets(story.upgrade),
            Step(
                "See that the cluster is running and healthy. A stopped cluster is left out of its window.",
                phrases.aks("show", story.cluster)
                + ' --query "{state:provisioningState, power:powerState.code}"',
            ),
            phrases.check_windows(story.cluster),
        ),
        phrases.timeline(frame, [("Announced", story.announced, ""), ("Starts", start, "")]),
    ]
    return view_of(
        story,
        frame,
        subject=(phrases.WHAT[story.upgrade], story.cluster.name, tail),
        preheader=preheader,
        headline=headline,
        moment_label="Expected" if expected else "Starts",
        moment=time_phrases.utc(start) if start else window_facts.moment(story) or _capital(phrases.WINDOW),
        moment_more=(there, away),
        sections=sections,
        elsewhere="In the portal: Settings → Upgrades, and Settings → Cluster configuration for the windows.",
        notes=[calendar] if calendar else [],
    )


def _starts(story: MaintenanceHistory, frame: RenderContext) -> str:
    start = story.planned
    if start is None:
        return window_facts.tail(story, frame) or f"starts {phrases.WINDOW}"
    return f"{_begins(start, frame)}, {time_phrases.utc(start)}"


def _begins(start: datetime, frame: RenderContext) -> str:
    away = time_phrases.away(start, frame.as_of)
    return f"was to start {away}" if away.endswith("ago") else f"starts {away}"


def _window(story: MaintenanceHistory, frame: RenderContext) -> str:
    """Return when something starts whose start AKS does not say."""
    return window_facts.tail(story, frame) or phrases.WINDOW


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
