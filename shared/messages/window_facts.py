"""What a mail says of a cluster's maintenance windows, version and channels: only what was frozen into it.

Windows that follow from a schedule are expected, not promised, and said to be about where AKS does not
document how it counts. Nothing is said where nothing is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import time_phrases
from shared.messages.view import Fact, Section, said_facts
from shared.notices.kinds import AHEAD, UNDER_WAY, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View
    from shared.snapshot import ClusterSnapshot, Span

OUTSIDE = "AKS may do this for urgent maintenance, or to finish work deferred from an earlier window."

_DASH, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
_PLANNED = AHEAD | {Kind.NOT_STARTED}


def expected(story: MaintenanceHistory) -> datetime | None:
    """Return when a maintenance is expected to start that AKS names no start for: with its next window."""
    following = story.snapshot.next if story.snapshot else None
    return following.start if following and story.planned is None and story.kind in AHEAD else None


def tail(story: MaintenanceHistory, frame: RenderContext) -> str:
    """Return when it is expected, for a subject: `about Sat 28 Nov 10:00`; empty where that is not known."""
    start = expected(story)
    return f"about {frame.short(start)}" if start else ""


def is_outside(story: MaintenanceHistory) -> bool:
    """Return whether what has started did so, or what is planned will, outside of the windows for it."""
    snapshot = story.snapshot
    return (
        snapshot is not None
        and _has_start(story)
        and snapshot.governed
        and snapshot.window is None
        and not _is_vague(snapshot)
    )


def fact(story: MaintenanceHistory, frame: RenderContext) -> Fact:
    """Return where the start lies, and when the next window comes, as far as that helps; else empty."""
    return Fact("Window", " ".join(_sentences(story, frame)))


def shown(span: Span, snapshot: ClusterSnapshot, frame: RenderContext) -> str:
    """Return a window in the reader's zone, and in brackets as it is set where that is another time.

    `Fri 27 Nov 02:00-06:00 Berlin (UTC+1) (set as Thu 17:00-21:00 UTC-08:00)`.
    """
    here = time_phrases.between(span.start, span.end, frame.zone, frame.as_of)
    start, end = span.start.astimezone(snapshot.zone), span.end.astimezone(snapshot.zone)
    if start.utcoffset() == span.start.astimezone(frame.zone).utcoffset():
        return here
    first, last = time_phrases.day(start.date())[:3], time_phrases.day(end.date())[:3]
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{last} {end:%H:%M}"
    return f"{here} (set as {first} {start:%H:%M}{_DASH}{until} {offset(snapshot)})"


def offset(snapshot: ClusterSnapshot) -> str:
    """Return the windows' own offset as it is set: `UTC-08:00`."""
    if not snapshot.offset:
        return "UTC"
    hours, minutes = divmod(abs(snapshot.offset), 60)
    return f"UTC{_MINUS if snapshot.offset < 0 else '+'}{hours:02}:{minutes:02}"


def with_cluster(view: View, story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return the view with what is known of the cluster, last."""
    snapshot = story.snapshot
    if snapshot is None:
        return view
    section = Section(heading="The cluster", facts=tuple(_facts(snapshot, frame)))
    return replace(view, sections=(*view.sections, section))


def _has_start(story: MaintenanceHistory) -> bool:
    return story.kind in UNDER_WAY or (story.kind in _PLANNED and story.planned is not None)


def _sentences(story: MaintenanceHistory, frame: RenderContext) -> Iterator[str]:
    kind, snapshot = story.kind, story.snapshot
    if snapshot is None:
        return
    if snapshot.lacks:
        yield "None for this kind of maintenance: AKS picks the time."
        return
    if not snapshot.governed:
        return
    if _has_start(story):
        yield _place(story, snapshot, frame)
    if snapshot.next is not None and not (snapshot.window and kind in AHEAD | {Kind.STARTED}):
        yield _next(story, snapshot.next, snapshot, frame)


def _place(story: MaintenanceHistory, snapshot: ClusterSnapshot, frame: RenderContext) -> str:
    """Return whether the start lies inside a window."""
    window = snapshot.window
    if window is None:
        if _is_vague(snapshot):
            return "Outside the windows expected; how AKS counts such windows is not documented."
        return f"Outside your windows. {OUTSIDE}"
    inside = "Probably inside" if window.approximate else "Inside"
    where = f"{inside} your window, {shown(window, snapshot, frame)}"
    if story.kind is Kind.STARTED:
        return f"{where}; it ends {frame.away(window.end)}."
    if story.kind is not Kind.STILL_RUNNING:
        return f"{where}."
    passed = frame.as_of >= window.end
    return f"{where}; it {'ended' if passed else 'ends'} {frame.away(window.end)}."


def _next(story: MaintenanceHistory, span: Span, snapshot: ClusterSnapshot, frame: RenderContext) -> str:
    """Return when the next window comes."""
    approximate = "probably " if span.approximate else ""
    said = f"Next: {approximate}{shown(span, snapshot, frame)}, {frame.away(span.start)}."
    if span.approximate and expected(story):
        return f"{said} AKS does not document how it counts such windows."
    return said


def _facts(snapshot: ClusterSnapshot, frame: RenderContext) -> Iterator[Fact]:
    special = [
        f"{pool.name}: {', '.join(_POOL_WORDS.get(one.lower(), one) for one in said)}"
        for pool in snapshot.pools
        if (said := [one for one in (pool.strategy, pool.undrainable) if one])
    ]
    yield from said_facts(
        ("Kubernetes version", snapshot.version),
        ("Upgrade channel", snapshot.channel),
        ("Node OS channel", snapshot.os_channel),
        ("SKU", snapshot.sku if snapshot.is_automatic else ""),
        ("Node pools", "; ".join(special)),
    )
    yield Fact("As of", frame.beside(snapshot.read))


_POOL_WORDS = {
    "bluegreen": "blue-green",
    "rolling": "rolling",
    "cordon": "sets aside nodes that do not drain",
    "schedule": "leaves nodes that do not drain",
}


def _is_vague(snapshot: ClusterSnapshot) -> bool:
    """Return whether a window may lie where none was reckoned."""
    return snapshot.next is None or snapshot.next.approximate
