"""Mails about several things at once: counts first, failures on top, every cluster named.

Clusters that fail for the same reason stand together under it: in a storm that is what the reader has to
know, and what to run is said once where it is the same for all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import digest_items, phrases
from shared.messages.presentation import RANK, presentation
from shared.messages.view import Digest, Group, Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shared.messages.digest_items import Entry
    from shared.messages.presentation import Tone
    from shared.messages.view import RenderContext, SizeBudget
    from shared.notices.kinds import Kind
    from shared.notices.records import MailItem, Row

_SAME = 3
"""So many that fail for the same reason stand together under it."""

_MAX_NAMED = 10

_ROOM_FOR_COUNTS = 80
"""Characters of a subject."""


def ordered(members: Iterable[MailItem], rows: Mapping[str, Row]) -> tuple[MailItem, ...]:
    """Sort members as a digest tells them: failures first, then group by group, the earliest start first.

    Members whose rows are missing come last in their group.
    """
    return tuple(
        sorted(members, key=lambda member: (RANK[member.kind], digest_items.when(member, rows), member.key))
    )


def entries(members: Sequence[MailItem], rows: Mapping[str, Row], frame: RenderContext) -> tuple[Entry, ...]:
    """Return what there is to say of each member, in the same order."""
    return tuple(digest_items.entry(member, rows, frame) for member in members)


def digest(told: Sequence[Entry], frame: RenderContext) -> Digest:
    """Tell all of them, whole; `within` makes it fit."""
    by_kind: dict[Kind, list[Entry]] = defaultdict(list)
    for entry in told:
        by_kind[entry.kind].append(entry)
    kinds = sorted(by_kind, key=RANK.__getitem__)
    groups = tuple(group for kind in kinds for group in _groups(kind, by_kind[kind]))
    counts = tuple(f"{len(by_kind[kind])} {presentation(kind).counted}" for kind in kinds)
    clusters = _clusters([entry.item for entry in told])
    return Digest(
        status=_brief(counts, len(told)),
        tone=groups[0].tone,
        subject=("AKS maintenance", *([clusters] if clusters else [])),
        preheader=_preheader(groups),
        headline="AKS maintenance" + (f" on {clusters}" if clusters else ""),
        counts=counts,
        groups=groups,
        banner=phrases.shadow(frame.audience, frame.look),
        notes=phrases.notes(frame),
    )


def trimmed(whole: Digest, room: SizeBudget) -> Digest:
    """Return the digest with fewer commands and items: the rest is told by name only."""
    groups: list[Group] = []
    left, commands = room.items, room.commands
    for group in whole.groups:
        shown: list[Item] = []
        commands -= bool(group.command)
        common = group.command if commands >= 0 else ""
        for item in group.items[: max(left, 0)]:
            commands -= bool(item.command)
            kept = item if commands >= 0 else replace(item, command="")
            shown.append(kept)
        left -= len(shown)
        more = tuple(dict.fromkeys(item.cluster for item in group.items[len(shown) :]))
        groups.append(
            replace(
                group,
                items=tuple(shown),
                command=common,
                more=more,
                left=len(group.items) - len(shown),
            )
        )
    return replace(whole, groups=tuple(groups))


def _groups(kind: Kind, told: Iterable[Entry]) -> Iterator[Group]:
    """Make the groups of a kind: those that share a reason first, the most of them first."""
    heading, tone = presentation(kind).heading, presentation(kind).tone
    told = _sorted(told)
    if len(told) >= _SAME and not any(entry.reason for entry in told):
        yield _of_one_kind(heading, tone, told)
        return
    shared: dict[str, list[Entry]] = defaultdict(list)
    for entry in told:
        shared[entry.reason].append(entry)
    alone = shared.pop("", [])
    for reason, those in sorted(shared.items(), key=lambda one: (-len(one[1]), one[0])):
        if len(those) < _SAME:
            alone += those
        else:
            yield _of_one_reason(f"{heading}: {reason}", tone, those)
    if alone:
        some_shared = any(len(those) >= _SAME for those in shared.values())
        yield Group(
            heading=f"{heading} for other reasons" if some_shared else heading,
            tone=tone,
            items=tuple(entry.item for entry in _sorted(alone)),
        )


def _of_one_kind(heading: str, tone: Tone, told: Sequence[Entry]) -> Group:
    """Make a group, saying in its heading what all of them are about, where that is the same for all."""
    shown = tuple(entry.item for entry in told)
    what = {item.what for item in shown}
    if len(what) > 1 or not all(item.url and item.when for item in shown):
        return Group(heading=heading, tone=tone, items=shown)
    return Group(
        heading=f"{heading}: {what.pop()} · {_clusters(shown)}",
        tone=tone,
        items=tuple(replace(item, what="") for item in shown),
    )


def _of_one_reason(heading: str, tone: Tone, told: Sequence[Entry]) -> Group:
    commands = {entry.common for entry in told}
    same = commands.pop() if len(commands) == 1 else ""
    shown = tuple(
        replace(entry.item, title=entry.besides, command="" if same else entry.item.command) for entry in told
    )
    return Group(heading=f"{heading} · {_clusters(shown)}", tone=tone, items=shown, command=same)


def _sorted(told: Iterable[Entry]) -> list[Entry]:
    return sorted(
        told,
        key=lambda entry: (entry.order, entry.item.cluster.lower(), entry.item.group, entry.item.what),
    )


def _clusters(told: Iterable[Item]) -> str:
    """Name the cluster, or count them, fleets apart; nothing where none is told of."""
    named = {item.url.lower(): item for item in told if item.url}
    if len(named) == 1:
        return next(iter(named.values())).cluster
    counts = Counter(item.sort for item in named.values())
    return " and ".join(f"{count} {sort}{'s' * (count > 1)}" for sort, count in sorted(counts.items()))


def _brief(counts: Sequence[str], told: int) -> str:
    """Return the counts as far as a subject has room, the most urgent first, and how many more there are."""
    whole = ", ".join(counts)
    if len(whole) <= _ROOM_FOR_COUNTS:
        return whole
    shown: list[str] = []
    left = told
    for count in counts:
        if len(", ".join((*shown, count, f"{told} more"))) > _ROOM_FOR_COUNTS:
            break
        shown.append(count)
        left -= int(count.split(" ", 1)[0])
    return ", ".join((*shown, f"{left} more"))


def _preheader(groups: Iterable[Group]) -> str:
    """Name what the mail is about, most urgent first: the subject has the counts already."""
    parts: list[str] = []
    room = _MAX_NAMED
    for group in groups:
        names = list(dict.fromkeys(item.cluster for item in group.items if item.url))
        if names and room > 0:
            some = ", ".join(names[:room]) + (" …" if len(names) > room else "")
            parts.append(f"{group.heading}: {some}")
            room -= len(names)
    return "; ".join(parts)
