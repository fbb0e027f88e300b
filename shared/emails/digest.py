"""Mails about several things at once: counts first, failures on top, every cluster named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.emails import failed, portal, times, wording
from shared.emails.story import tell
from shared.emails.view import Digest, Group, Item, Tone
from shared.notices import Kind, RejectedInput, SentMail

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from shared.emails.story import Story
    from shared.emails.view import Frame, Room
    from shared.notices import Member, Row

_ORDER = {
    Kind.FAILED: ("failed", "Failed", Tone.FAILED),
    Kind.UNDELIVERED: ("undelivered", "Mails that could not be sent", Tone.FAILED),
    Kind.REJECTED: ("not understood", "Events that could not be read", Tone.WARNING),
    Kind.STARTED: ("started", "Started", Tone.RUNNING),
    Kind.REMINDER: ("due soon", "Reminders", Tone.WARNING),
    Kind.RESCHEDULED: ("rescheduled", "Rescheduled", Tone.PLANNED),
    Kind.SCHEDULED: ("scheduled", "Scheduled", Tone.PLANNED),
    Kind.END_OF_SUPPORT: ("end of support", "End of support", Tone.WARNING),
    Kind.NEWS: ("other", "Other news", Tone.QUIET),
    Kind.CANCELED: ("canceled", "Canceled", Tone.QUIET),
    Kind.COMPLETED: ("completed", "Completed", Tone.DONE),
}
"""In the order of the mail: what kind, as counted, as headed, how it looks."""

_Entry = tuple[str, Item]
"""What an item sorts by within its group, and the item."""


def digest(members: Sequence[Member], rows: Mapping[str, Row], frame: Frame) -> Digest:
    """Tell all of them, whole; `within` makes it fit."""
    entries: dict[Kind, list[_Entry]] = {}
    clusters: dict[str, str] = {}
    for member in members:
        row = rows[member.key]
        if isinstance(row, RejectedInput):
            entry = _rejected(row)
        elif isinstance(row, SentMail):
            entry = _undelivered(row)
        else:
            story = tell(member, rows)
            clusters.setdefault(story.event.cluster.key, story.event.cluster.name)
            entry = _item(story, frame)
        entries.setdefault(member.kind, []).append(entry)
    groups = tuple(_group(kind, entries[kind]) for kind in _ORDER if kind in entries)
    counts = [f"{len(entries[kind])} {_ORDER[kind][0]}" for kind in _ORDER if kind in entries]
    words = ", ".join(counts)
    named = list(dict.fromkeys(item.cluster for group in groups for item in group.items if item.group))
    return Digest(
        status=words,
        tone=groups[0].tone,
        subject=("AKS maintenance", *([_clusters(clusters.values())] if clusters else [])),
        preheader=f"{words}: {', '.join(named[:10])}{' …' if len(named) > 10 else ''}",  # noqa: PLR2004
        headline="AKS maintenance" + (f" on {_clusters(clusters.values())}" if clusters else ""),
        counts=tuple(counts),
        groups=groups,
        notes=wording.notes(frame),
    )


def _clusters(names: Collection[str]) -> str:
    return next(iter(names)) if len(names) == 1 else f"{len(names)} clusters"


def within(whole: Digest, room: Room) -> Digest:
    """Give the digest with fewer commands and items: the rest is told by name only."""
    groups: list[Group] = []
    items, commands = room.items, room.commands
    for group in whole.groups:
        shown: list[Item] = []
        for item in group.items[: max(items, 0)]:
            commands -= bool(item.command)
            kept = item if commands >= 0 else replace(item, command="")
            shown.append(kept)
        items -= len(shown)
        more = tuple(dict.fromkeys(item.cluster for item in group.items[len(shown) :]))
        left = len(group.items) - len(shown)
        groups.append(Group(heading=group.heading, tone=group.tone, items=tuple(shown), more=more, left=left))
    return replace(whole, groups=tuple(groups))


def _group(kind: Kind, entries: Iterable[_Entry]) -> Group:
    _, heading, tone = _ORDER[kind]
    ordered = sorted(
        entries, key=lambda entry: (entry[0], entry[1].cluster.lower(), entry[1].group, entry[1].what)
    )
    return Group(heading=heading, tone=tone, items=tuple(item for _, item in ordered))


def _item(story: Story, frame: Frame) -> _Entry:
    event = story.event
    what, when, title, order = wording.WHAT[story.upgrade], "", "", story.started or event.updated
    command = ""
    match story.kind:
        case Kind.SCHEDULED | Kind.RESCHEDULED | Kind.REMINDER:
            order = story.planned or _LAST
            when = _start(story.planned, frame)
            if story.kind is Kind.RESCHEDULED and story.before:
                title = f"was to start {times.brief(story.before)}"
        case Kind.END_OF_SUPPORT:
            facts = event.end_of_support
            what = f"Kubernetes {facts.version}" if facts and facts.version else "Kubernetes version"
            if facts and facts.date:
                order = facts.date
                days = times.days_away(facts.date.date(), frame.as_of)
                when = (
                    f"{'ended' if days < 0 else 'ends'} {times.day(facts.date.date())}, {times.in_days(days)}"
                )
        case _:
            when = times.brief_both(event.updated, frame.zone)
            if story.took is not None and story.kind is not Kind.STARTED:
                when += f", after {times.span(story.took)}"
            title, command = _outcome(story)
    return order.isoformat(), Item(
        cluster=event.cluster.name,
        group=event.cluster.resource_group,
        url=portal.cluster(frame.look.portal, event.cluster),
        what=what,
        when=when,
        title=title,
        command=command,
    )


_LAST = datetime.max.replace(tzinfo=UTC)
"""Where starts that are not known are sorted."""


def _start(start: datetime | None, frame: Frame) -> str:
    if start is None:
        return wording.WINDOW
    return f"{times.brief_both(start, frame.zone)}, {times.away(start, frame.as_of)}"


def _outcome(story: Story) -> tuple[str, str]:
    """Give what there is to say of what has happened, and a command where one is called for."""
    if story.kind is Kind.FAILED:
        first, *others = failed.explain(story).findings
        command = next((step.command for step in first.steps if step.command), "")
        return first.title + (f", and {len(others)} more" if others else ""), command
    if story.kind is Kind.COMPLETED and story.failures:
        return "recovered after a failure", ""
    if story.kind is Kind.CANCELED and story.planned:
        return f"was to start {times.brief(story.planned)}", ""
    if story.kind is Kind.NEWS:
        return f"status “{story.event.status}”", ""
    return "", ""


def _rejected(row: RejectedInput) -> _Entry:
    size = len(row.raw.encode("utf-8", "surrogatepass"))
    return row.received.isoformat(), Item(
        cluster=row.key, what=f"{size:,} bytes", when=times.brief(row.received), title=row.reason
    )


def _undelivered(row: SentMail) -> _Entry:
    return row.at.isoformat(), Item(
        cluster=row.subject or row.key,
        what=f"to {', '.join(row.to) or row.audience}",
        when=times.brief(row.at),
        title=row.why,
    )
