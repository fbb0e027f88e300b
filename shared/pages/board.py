"""What one audience sees at a moment: running, coming, open and recent maintenance, and windows. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from fnmatch import translate
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Cluster, Event, Status
from shared.messages import phrases, time_phrases
from shared.pages import windows
from shared.pages.maintenance_state import OPEN, OVER, RECENT, MaintenancePhase, MaintenanceState, states
from shared.pages.windows import ExpectedWindow
from shared.store.present import Pulse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.routes import Routes
    from shared.store.present import ClusterRow

FILTERS = ("cluster", "resource_group", "subscription", "region", "kind")
"""Names of filters in an address. A filter is a pattern such as `shop-*`, or several with commas."""

MAX_FILTER_CHARACTERS = 500


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """What an audience sees. Each part is in the order of its times."""

    name: str
    """The audience's."""
    as_of: datetime
    """The moment at which all of it stands like this."""
    time_zone: str
    pulse: Pulse
    open: tuple[MaintenanceState, ...] = ()
    running: tuple[MaintenanceState, ...] = ()
    coming: tuple[MaintenanceState, ...] = ()
    recent: tuple[MaintenanceState, ...] = ()
    earlier: tuple[MaintenanceState, ...] = ()
    """Over for longer: in feeds, where what has been entered is to stay for a while."""
    support: tuple[MaintenanceState, ...] = ()
    windows: tuple[ExpectedWindow, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    """All that something is said or known of."""


def board(
    rows: Iterable[ClusterRow],
    routes: Routes,
    audience: str | None,
    now: datetime,
    *,
    pulse: Pulse | None = None,
    filters: Mapping[str, str] | None = None,
) -> Board:
    """Return what an audience (by its id) sees at `now` of what is stored; all there is where it is None."""
    found: list[MaintenanceState] = []
    expected: list[ExpectedWindow] = []
    clusters: dict[str, Cluster] = {}
    heard: list[datetime] = []
    patterns = {
        name: _pattern(text) for name, text in (filters or {}).items() if name in FILTERS and text.strip()
    }
    for row in rows:
        heard += [row.heard] if row.heard else []
        told = states(row.news, now)
        coming = list(windows.expected(row.known, told, now)) if row.known else []
        for one in told:
            if _matches(one, patterns) and _is_for(one.event.event, routes, audience):
                found.append(one)
                clusters.setdefault(one.cluster.key, one.cluster)
        # Windows of one kind go the same way: one in place of all is asked about.
        kinds = {window.upgrade: window for window in coming}
        shown = {
            kind
            for kind, window in kinds.items()
            if _matches(window, patterns) and _is_for(_announced(window), routes, audience)
        }
        for window in coming:
            if window.upgrade in shown:
                expected.append(window)
                clusters.setdefault(window.cluster.key, window.cluster)
    seen = routes.audiences.get(audience or "")
    found.sort(key=lambda one: (one.start or one.changed, one.cluster.key, one.event_id))
    over = sorted((one for one in found if one.phase in OVER), key=_ended, reverse=True)
    said = pulse or Pulse()
    return Board(
        name=(seen.name or seen.id) if seen else audience or "all clusters",
        as_of=now,
        time_zone=seen.time_zone if seen else "UTC",
        pulse=msgspec.structs.replace(said, heard=max(heard, default=said.heard)),
        open=tuple(one for one in found if one.phase in OPEN),
        running=tuple(one for one in found if one.phase is MaintenancePhase.RUNNING),
        coming=tuple(one for one in found if one.phase is MaintenancePhase.COMING),
        recent=tuple(one for one in over if now - _ended(one) < RECENT),
        earlier=tuple(one for one in over if now - _ended(one) >= RECENT),
        support=tuple(one for one in found if one.phase is MaintenancePhase.SUPPORT),
        windows=tuple(sorted(expected, key=lambda one: (one.window.start, one.cluster.key, one.name))),
        clusters=tuple(clusters[key] for key in sorted(clusters)),
    )


def headline(shown: Board) -> str:
    """Return one line that says it all."""
    parts = []
    if shown.open:
        parts.append(f"{len(shown.open)} failed or overdue")
    if shown.running:
        parts.append(f"{len(shown.running)} running")
    said = ", ".join(parts) or "Nothing is running or open"
    zone = time_phrases.zone(shown.time_zone)
    planned = [(one.planned, one) for one in shown.coming if one.planned]
    ahead = [(start, one) for start, one in planned if start > shown.as_of]
    if ahead or planned:
        start, one = (ahead or planned)[0]
        when = f"{phrases.WHAT[one.upgrade]} of {one.cluster.name}, {time_phrases.beside(start, zone)}"
        return f"{said}. Next: {when}." if ahead else f"{said}. Due, without a start reported: {when}."
    if shown.coming:
        return f"{said}. Announced without a time: {len(shown.coming)}."
    return f"{said}. Nothing is announced."


def _ended(one: MaintenanceState) -> datetime:
    return one.ended or one.changed


def _is_for(event: Event, routes: Routes, audience: str | None) -> bool:
    """Return whether the routes lead an event to an audience, whatever kinds of news it asks for."""
    return audience is None or any(match.audience.id == audience for match in routes.trace(event).matches)


def _announced(window: ExpectedWindow) -> Event:
    """Return the event that would announce maintenance in a window."""
    return Event(
        event_id="",
        status=Status.SCHEDULED,
        subject=window.cluster,
        time=window.window.start,
        updated=window.window.start,
        upgrade=window.upgrade,
        region=window.region,
    )


def _pattern(text: str) -> re.Pattern[str]:
    """Return a filter as one pattern, whatever it names: a filter may be long, and clusters many."""
    return re.compile("|".join(translate(part.strip().lower()) for part in text.split(",")))


def _matches(one: MaintenanceState | ExpectedWindow, patterns: Mapping[str, re.Pattern[str]]) -> bool:
    facts = {
        "cluster": one.cluster.name,
        "resource_group": one.cluster.resource_group,
        "subscription": one.cluster.subscription,
        "region": one.region,
        "kind": one.upgrade.value,
    }
    return all(pattern.match(facts[name].lower()) for name, pattern in patterns.items())
