"""The weekly report: what is coming, what happened, what is open, and that the app is alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.observation import WeeklyReport, facts_of
from shared.messages import observations, phrases
from shared.messages.view import Fact, Section

if TYPE_CHECKING:
    from datetime import datetime

    from shared.events.model import Event
    from shared.messages.view import RenderContext, View
    from shared.notices.kinds import Kind


def report(kind: Kind, event: Event, frame: RenderContext) -> View:
    """Return a view of the week, and of the next two."""
    facts = facts_of(event, WeeklyReport)
    coming = [
        f"{frame.here(one.start) if one.start else phrases.WINDOW} · {one.name} · {phrases.WHAT[one.what]}"
        for one in facts.coming
    ]
    happened = [Fact(status, f"{count:,}") for status, count in facts.happened.items()]
    subscriptions = phrases.counted(facts.subscriptions, "subscription")
    unhappy = f", {len(facts.open)} still open" if facts.open else ""
    return observations.view_of(
        kind,
        event,
        frame,
        subject=(
            f"{facts.coming_count} coming{unhappy}",
            phrases.clusters(facts.clusters),
        ),
        headline="The week in AKS maintenance",
        preheader=f"{phrases.counted(facts.coming_count, 'maintenance')} in the next two weeks{unhappy}.",
        panel=(
            Fact("Since", frame.beside(facts.since)),
            Fact("Coming", f"{facts.coming_count:,} in the next two weeks"),
            Fact("Open", phrases.counted(len(facts.open), "failure") if facts.open else "no failure"),
        ),
        sections=(
            observations.listed("Failed and still open", facts.open, len(facts.open), frame),
            Section(
                heading="Coming in the next two weeks",
                items=(*coming, *phrases.more(facts.coming_count - len(coming))),
                paragraphs=() if coming else ("Nothing is announced.",),
            ),
            Section(
                heading="What happened",
                facts=tuple(happened),
                paragraphs=() if happened else ("No maintenance was reported.",),
            ),
            observations.listed("Changed without any event", facts.changes, facts.changes_count, frame),
            observations.listed(
                "Never announced, or never heard of", facts.uncovered, facts.uncovered_count, frame
            ),
            Section(
                heading="How the notifier is doing",
                facts=(
                    Fact("Looks after", f"{phrases.clusters(facts.clusters)} in {subscriptions}"),
                    Fact("Last event delivered", _last(facts.last_event, frame)),
                    Fact("Last reconcile", _last(facts.last_reconcile, frame)),
                    Fact("Events missed", f"{facts.missed:,}"),
                    Fact("Messages sent", f"{facts.sent:,}"),
                    Fact("Messages that failed", f"{facts.undelivered:,}"),
                    *([Fact("Messages in doubt", f"{facts.doubtful:,}")] if facts.doubtful else []),
                    Fact("Silenced", f"{facts.silenced:,}"),
                ),
            ),
        ),
    )


def _last(time: datetime | None, frame: RenderContext) -> str:
    return frame.beside(time) if time else "never, as far as is known"
