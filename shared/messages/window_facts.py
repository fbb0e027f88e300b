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
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from shared.maintenance.snapshot import Span, Standing
    from shared.messages.history import Story
    from shared.messages.view import Frame, View

OUTSIDE = "AKS may do this for urgent maintenance, or to finish work deferred from an earlier window."

_DASH, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
_COMING = frozenset({Kind.SCHEDULED, Kind.RESCHEDULED, Kind.REMINDER})
_UNDER_WAY = frozenset({Kind.STARTED, Kind.STILL_RUNNING})
_AFTER = ("What it means", "What happened")


def expected(story: Story) -> datetime | None:
    """Give when a maintenance is expected to start that AKS names no start for: with its next window."""
    following = story.standing.next if story.standing else None
    return following.start if following and story.planned is None and story.kind in _COMING else None


def tail(story: Story, frame: Frame) -> str:
    """Say in brief when it is expected: `expected Sat 28 Nov 09:00 UTC`; empty where that is not known."""
    start = expected(story)
    return f"expected {_about(story)}{time_phrases.brief(start, frame.as_of)}" if start else ""


def moment(story: Story) -> str:
    """Say the same in full; empty where it is not known."""
    start = expected(story)
    return f"{_about(story)}{time_phrases.utc(start)}" if start else ""


def is_outside(story: Story) -> bool:
    """Tell whether what has started did so outside of the windows for it."""
    standing = story.standing
    return (
        story.kind in _UNDER_WAY
        and standing is not None
        and standing.governed
        and standing.window is None
        and not _is_vague(standing)
    )


def shown(span: Span, standing: Standing, as_of: datetime | None = None) -> str:
    """Write a window in its own time: `Sat 01:00-05:00 (UTC-08:00)`, with the date where `as_of` is given."""
    start, end = span.start.astimezone(standing.zone), span.end.astimezone(standing.zone)
    first = time_phrases.day(start.date())
    day = first if as_of else first[:3]
    last = f"{end:%H:%M}" if end.date() == start.date() else f"{time_phrases.day(end.date())[:3]} {end:%H:%M}"
    return f"{day} {start:%H:%M}{_DASH}{last} ({_offset(standing)})"


def with_windows(view: View, story: Story, frame: Frame) -> View:
    """Give the view with what is known of the windows, below what it means, and of the cluster, last."""
    standing = story.standing
    if standing is None:
        return view
    sections = list(view.sections)
    sentences = tuple(_sentences(story, standing, frame))
    if sentences:
        places = [place for place, other in enumerate(sections) if other.heading in _AFTER]
        at = places[-1] + 1 if places else len(sections)
        sections.insert(at, Section(heading="The windows", paragraphs=sentences))
    sections.append(Section(heading="The cluster", facts=tuple(_facts(standing, frame))))
    return replace(view, sections=tuple(sections))


def _sentences(story: Story, standing: Standing, frame: Frame) -> Iterator[str]:
    """Say where the start lies, and when the next window comes, as far as that helps with this notice."""
    kind = story.kind
    if kind in {Kind.COMPLETED, Kind.CANCELED, Kind.END_OF_SUPPORT, Kind.NEWS}:
        return
    if standing.lacks:
        yield "It has no window for this kind of maintenance: AKS picks the time."
        return
    if not standing.governed:
        return
    has_start = kind in _UNDER_WAY or (kind is not Kind.FAILED and story.planned is not None)
    if has_start:
        yield _place(story, standing, frame)
    if standing.next is not None and not (standing.window and kind in _COMING | {Kind.STARTED}):
        yield _next(story, standing.next, standing, frame)


def _place(story: Story, standing: Standing, frame: Frame) -> str:
    """Say whether the start lies inside a window."""
    verb = "It started" if story.kind in _UNDER_WAY else "The planned start lies"
    window = standing.window
    if window is None:
        if _is_vague(standing):
            return f"{verb} outside the windows expected; how AKS counts such windows is not documented."
        return f"{verb} outside your windows: {OUTSIDE}"
    where = f"{verb} {'probably ' if window.approximate else ''}inside your window {shown(window, standing)}"
    if story.kind is not Kind.STILL_RUNNING:
        return f"{where}."
    passed = frame.as_of >= window.end
    return f"{where}, which {'ended' if passed else 'ends'} {time_phrases.away(window.end, frame.as_of)}."


def _next(story: Story, span: Span, standing: Standing, frame: Frame) -> str:
    """Say when the next window comes."""
    approximate = "probably " if span.approximate else ""
    when = f"{approximate}{shown(span, standing, frame.as_of)}, {time_phrases.away(span.start, frame.as_of)}"
    if expected(story):
        why = (
            " The time is approximate: AKS does not document how it counts such windows."
            if span.approximate
            else ""
        )
        return f"The next window for this kind of maintenance is {when}: the start is expected then.{why}"
    return f"The next window for this kind of maintenance is {when}."


def _facts(standing: Standing, frame: Frame) -> Iterator[Fact]:
    named = (
        ("Kubernetes version", standing.version),
        ("Upgrade channel", standing.channel),
        ("Node OS channel", standing.os_channel),
    )
    yield from (Fact(label, value) for label, value in named if value)
    yield Fact("As of", time_phrases.both(standing.read, frame.zone))


def _is_vague(standing: Standing) -> bool:
    """Tell whether a window may lie where none was reckoned."""
    return standing.next is None or standing.next.approximate


def _about(story: Story) -> str:
    standing = story.standing
    return "about " if standing and standing.next and standing.next.approximate else ""


def _offset(standing: Standing) -> str:
    if not standing.offset:
        return "UTC"
    size = timedelta(minutes=abs(standing.offset)) // timedelta(minutes=1)
    return f"UTC{_MINUS if standing.offset < 0 else '+'}{size // 60:02}:{size % 60:02}"
