"""The mail before clocks change: which windows come at another local time from then on."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from shared.events.observation import ClockMove, facts_of
from shared.maintenance import AUTO_UPGRADE, NODE_OS
from shared.messages import observations, phrases, time_phrases
from shared.messages.view import Fact, Section, Step

if TYPE_CHECKING:
    from shared.events.model import Event
    from shared.events.observation import MovedWindow
    from shared.messages.view import RenderContext, View
    from shared.notices.kinds import Kind

_WHAT = {AUTO_UPGRADE: "Kubernetes upgrades", NODE_OS: "node OS upgrades"}
_MINUTES = 60


def clock_change(kind: Kind, event: Event, frame: RenderContext) -> View:
    """Return a view of a change of clocks, with each window's local time before it and after."""
    facts = facts_of(event, ClockMove)
    day = facts.at.astimezone(ZoneInfo(facts.zone)).date()
    by = _shift(facts.after - facts.before)
    on = phrases.clusters(facts.clusters)
    date = time_phrases.day(day)
    return observations.view_of(
        kind,
        event,
        frame,
        subject=(date, f"windows {by}", on),
        headline=f"From {date} on, windows of {on} come {by} by the clocks of {_place(facts.zone)}",
        preheader=f"Their offset from UTC is fixed, your clocks change: {on}.",
        panel=(
            Fact("Clocks change", f"{date}, {facts.zone}"),
            Fact("From then on", f"windows come {by}"),
            Fact("Clusters", on),
        ),
        sections=(
            Section(
                heading="Local times before and after",
                items=(
                    *(_line(window, facts) for window in facts.windows),
                    *phrases.more(facts.count - len(facts.windows)),
                ),
                note="A window keeps its time in UTC. Nothing has to be done where an hour does not matter.",
            ),
            phrases.todo(
                Step(
                    "To keep the local time, give each window the new offset from UTC; the linter's finding "
                    "fixed-offset has the command for each.",
                    "./notifier lint '<subscription>'",
                ),
            ),
        ),
    )


def _line(window: MovedWindow, facts: ClockMove) -> str:
    """Return a window's cluster, what it is for, and its local times: `Sun 03:00 → Sun 04:00`."""
    form = "%H:%M" if window.is_daily else "%a %H:%M"
    before, after = (
        window.start.astimezone(timezone(timedelta(minutes=offset))).strftime(form)
        for offset in (facts.before, facts.after)
    )
    where = " · ".join(part for part in (window.cluster, window.subscription) if part)
    often = "every day " if window.is_daily else ""
    what = _WHAT.get(window.configuration, "weekly releases")
    return f"{where}: {what}, {often}{before} → {after}"


def _shift(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), _MINUTES)
    how_much = f"{abs(minutes)} minutes" if rest else "an hour" if hours == 1 else f"{hours} hours"
    return f"{how_much} {'later' if minutes > 0 else 'earlier'}"


def _place(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")
