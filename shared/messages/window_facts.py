"""What a mail says of a cluster's maintenance windows, version and channels: only what was frozen into it.

Windows that follow from a schedule are expected, not promised, and said to be about where AKS does not
document how it counts. Nothing is said where nothing is known.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import time_phrases
from shared.messages.view import Fact, Section
from shared.notices.kinds import AHEAD, UNDER_WAY, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from shared.maintenance.snapshot import ClusterSnapshot, Span
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext, View

OUTSIDE = "AKS may do this for urgent maintenance, or to finish work deferred from an earlier window."

_DASH, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
_AFTER = ("What it means", "What happened")


def expected(story: MaintenanceHistory) -> datetime | None:
    """Return when a maintenance is expected to start that AKS names no start for: with its next window."""
    following = story.snapshot.next if story.snapshot else None
    return following.start if following and story.planned is None and story.kind in AHEAD else None


def tail(story: MaintenanceHistory, frame: RenderContext) -> str:
    """Return in brief when it is expected: `expected Sat 28 Nov 09:00 UTC`; empty where that is not known."""
    start = expected(story)
    return f"expected {_about(story)}{time_phrases.brief(start, frame.as_of)}" if start else ""


def moment(story: MaintenanceHistory) -> str:
    """Return the same in full; empty where it is not known."""
    start = expected(story)
    return f"{_about(story)}{time_phrases.utc(start)}" if start else ""


def is_outside(story: MaintenanceHistory) -> bool:
    """Return whether what has started did so outside of the windows for it."""
    snapshot = story.snapshot
    return (
        story.kind in UNDER_WAY
        and snapshot is not None
        and snapshot.governed
        and snapshot.window is None
        and not _is_vague(snapshot)
    )


def shown(span: Span, snapshot: ClusterSnapshot, as_of: datetime | None = None) -> str:
    """Write a window in its own time: `Sat 01:00-05:00 (UTC-08:00)`, with the date where `as_of` is given."""
    start, end = span.start.astimezone(snapshot.zone), span.end.astimezone(snapshot.zone)
    first = time_phrases.day(start.date())
    day = first if as_of else first[:3]
    last = f"{end:%H:%M}" if end.date() == start.date() else f"{time_phrases.day(end.date())[:3]} {end:%H:%M}"
    return f"{day} {start:%H:%M}{_DASH}{last} ({_offset(snapshot)})"


def with_windows(view: View, story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return the view with what is known of the windows, below what it means, and of the cluster, last."""
    snapshot = story.snapshot
    if snapshot is None:
        return view
    sections = list(view.sections)
    sentences = tuple(_sentences(story, snapshot, frame))
    if sentences:
        places = [place for place, other in enumerate(sections) if other.heading in _AFTER]
        at = places[-1] + 1 if places else len(sections)
        sections.insert(at, Section(heading="The windows", paragraphs=sentences))
    sections.append(Section(heading="The cluster", facts=tuple(_facts(snapshot, frame))))
    return replace(view, sections=tuple(sections))


def _sentences(story: MaintenanceHistory, snapshot: ClusterSnapshot, frame: RenderContext) -> Iterator[str]:
    """Return where the start lies, and when the next window comes, as far as that helps with this notice."""
    kind = story.kind
    if story.event.news or kind in {Kind.COMPLETED, Kind.CANCELED, Kind.END_OF_SUPPORT, Kind.NEWS}:
        return
    if snapshot.lacks:
        yield "It has no window for this kind of maintenance: AKS picks the time."
        return
    if not snapshot.governed:
        return
    has_start = kind in UNDER_WAY or (kind is not Kind.FAILED and story.planned is not None)
    if has_start:
        yield _place(story, snapshot, frame)
    if snapshot.next is not None and not (snapshot.window and kind in AHEAD | {Kind.STARTED}):
        yield _next(story, snapshot.next, snapshot, frame)


def _place(story: MaintenanceHistory, snapshot: ClusterSnapshot, frame: RenderContext) -> str:
    """Return whether the start lies inside a window."""
    verb = "It started" if story.kind in UNDER_WAY else "The planned start lies"
    window = snapshot.window
    if window is None:
        if _is_vague(snapshot):
            return f"{verb} outside the windows expected; how AKS counts such windows is not documented."
        return f"{verb} outside your windows: {OUTSIDE}"
    where = f"{verb} {'probably ' if window.approximate else ''}inside your window {shown(window, snapshot)}"
    if story.kind is not Kind.STILL_RUNNING:
        return f"{where}."
    passed = frame.as_of >= window.end
    return f"{where}, which {'ended' if passed else 'ends'} {time_phrases.away(window.end, frame.as_of)}."


def _next(story: MaintenanceHistory, span: Span, snapshot: ClusterSnapshot, frame: RenderContext) -> str:
    """Return when the next window comes."""
    approximate = "probably " if span.approximate else ""
    when = f"{approximate}{shown(span, snapshot, frame.as_of)}, {time_phrases.away(span.start, frame.as_of)}"
    if expected(story):
        why = (
            " The time is approximate: AKS does not document how it counts such windows."
            if span.approximate
            else ""
        )
        return f"The next window for this kind of maintenance is {when}: the start is expected then.{why}"
    return f"The next window for this kind of maintenance is {when}."


def _facts(snapshot: ClusterSnapshot, frame: RenderContext) -> Iterator[Fact]:
    named = (
        ("Kubernetes version", snapshot.version),
        ("Upgrade channel", snapshot.channel),
        ("Node OS channel", snapshot.os_channel),
    )
    yield from (Fact(label, value) for label, value in named if value)
    yield Fact("As of", time_phrases.both(snapshot.read, frame.zone))


def _is_vague(snapshot: ClusterSnapshot) -> bool:
    """Return whether a window may lie where none was reckoned."""
    return snapshot.next is None or snapshot.next.approximate


def _about(story: MaintenanceHistory) -> str:
    snapshot = story.snapshot
    return "about " if snapshot and snapshot.next and snapshot.next.approximate else ""


def _offset(snapshot: ClusterSnapshot) -> str:
    if not snapshot.offset:
        return "UTC"
    size = timedelta(minutes=abs(snapshot.offset)) // timedelta(minutes=1)
    return f"UTC{_MINUS if snapshot.offset < 0 else '+'}{size // 60:02}:{size % 60:02}"
