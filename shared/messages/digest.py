"""Mails about several things at once: the news first, failures on top, every cluster named.

Clusters that fail for the same reason stand together under it, with the step that all of them have in common.
Long lists of routine news are names; the whole is a table that travels with the mail.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import digest_items, phrases, time_phrases, verdicts
from shared.messages.presentation import RANK, Tone, presentation
from shared.messages.view import Digest, DigestGroup, DigestItem
from shared.notices.kinds import Kind
from shared.notices.records import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shared.messages.digest_items import DigestEntry
    from shared.messages.view import RenderContext, SizeBudget
    from shared.notices.records import MailItem, Row

_SAME = 3
"""So many that fail for the same reason stand together under it."""

_ROUTINE = 10
"""More than so many of what is routine are told by name."""

_WITH_COMMANDS = 5
"""So many that fail for reasons of their own are told with a command each."""

_MAX_CAUSES = 4
"""In a headline."""

_LOUD = frozenset({Tone.FAILED, Tone.WARNING})

_SINGLY = (
    "Failures that were mailed one by one before are not counted here: the first few of a storm go out at "
    "once."
)


def ordered(members: Iterable[MailItem], rows: Mapping[str, Row]) -> tuple[MailItem, ...]:
    """Sort members as a digest tells them: failures first, then group by group, the earliest start first.

    Members whose rows are missing come last in their group.
    """
    return tuple(
        sorted(members, key=lambda member: (RANK[member.kind], digest_items.when(member, rows), member.key))
    )


def entries(
    members: Sequence[MailItem], rows: Mapping[str, Row], frame: RenderContext
) -> tuple[DigestEntry, ...]:
    """Return what there is to say of each member, in the same order."""
    about = {row.event.subject for row in rows.values() if isinstance(row, StoredEvent)}
    known = {subject.key: subject.name for subject in about}
    names = Counter(known.values())
    frame = replace(frame, namesakes=frozenset(name for name, count in names.items() if count > 1))
    return tuple(digest_items.entry(member, rows, frame) for member in members)


def digest(told: Sequence[DigestEntry], frame: RenderContext) -> Digest:
    """Return a digest of all members, whole; `trimmed` makes it fit."""
    by_kind: dict[Kind, list[DigestEntry]] = defaultdict(list)
    for entry in _named_apart(told):
        by_kind[entry.kind].append(entry)
    kinds = sorted(by_kind, key=RANK.__getitem__)
    groups = tuple(group for kind in kinds for group in _groups(kind, by_kind[kind]))
    counts = tuple(presentation(kind).count(len(by_kind[kind])) for kind in kinds)
    lead = by_kind[kinds[0]]
    causes = _causes(lead) if any(entry.reason for entry in lead) else ""
    clusters = _clusters([entry.item for entry in (lead if len(lead) == 1 and lead[0].item.url else told)])
    clusters = clusters or phrases.counted(len(told), "item")
    rest = ", ".join(counts[1:])
    notes = (_SINGLY,) if Kind.FAILED in by_kind else ()
    return Digest(
        status=counts[0],
        tone=groups[0].tone,
        subject=tuple(part for part in (clusters, causes, rest) if part),
        preheader=_preheader(groups),
        headline=_headline(lead, told, counts[0], causes),
        counts=counts,
        groups=groups,
        times=time_phrases.clock(frame.zone),
        listing=tuple(entry.listed for entry in told),
        banner=phrases.shadow(frame.audience, frame.branding),
        notes=(*notes, *phrases.notes(frame)),
    )


def trimmed(whole: Digest, budget: SizeBudget) -> Digest:
    """Return the digest with fewer commands and items: the rest is told by name only."""
    groups: list[DigestGroup] = []
    left, commands = budget.items, budget.commands
    for group in whole.groups:
        shown: list[DigestItem] = []
        commands -= bool(group.command)
        common = group.command if commands >= 0 else ""
        for item in group.items[: max(left, 0)]:
            commands -= bool(item.command)
            kept = item if commands >= 0 else replace(item, command="")
            shown.append(kept)
        left -= len(shown)
        more = tuple(dict.fromkeys((*(item.name for item in group.items[len(shown) :]), *group.more)))
        groups.append(
            replace(
                group,
                items=tuple(shown),
                command=common,
                more=more,
                left=group.left + len(group.items) - len(shown),
            )
        )
    return replace(whole, groups=tuple(groups))


def _headline(lead: Sequence[DigestEntry], all_: Sequence[DigestEntry], count: str, causes: str) -> str:
    """Return the news: `13 of 42 clusters failed: 8 budgets, 4 vCPU quota, 1 subnet`; `lead` comes first."""
    those = _clusters([entry.item for entry in lead])
    if causes and lead[0].kind is not Kind.FAILED:
        return f"{count}: {causes}"
    if lead[0].kind is not Kind.FAILED:
        return f"{count} on {those}" if those else f"{count}: {phrases.counted(len(all_), 'item')}"
    clusters = _clusters([entry.item for entry in all_ if entry.item.sort == "cluster"])
    if those != clusters and those.endswith(" clusters"):
        those = f"{those.partition(' ')[0]} of {clusters}"
    return f"{those} failed: {causes}"


def _causes(failed: Sequence[DigestEntry]) -> str:
    """Return why things failed, in few words and counted, the most frequent first; of one, its reason."""
    if len(failed) == 1:
        return verdicts.without_article(failed[0].reason)
    named = verdicts.by_number(Counter(verdicts.cause(entry.reason) for entry in failed))
    shown = [verdicts.counted(cause, count) for cause, count in named[:_MAX_CAUSES]]
    left = sum(count for _, count in named[_MAX_CAUSES:])
    return ", ".join((*shown, phrases.counted(left, "other")) if left else shown)


def _groups(kind: Kind, told: Iterable[DigestEntry]) -> Iterator[DigestGroup]:
    """Return the groups of a kind: those that share a reason first, the most of them first."""
    heading, tone = presentation(kind).heading, presentation(kind).tone
    told = _sorted(told)
    if not any(entry.reason for entry in told):
        yield _of_one_kind(heading, tone, told)
        return
    shared: dict[str, list[DigestEntry]] = defaultdict(list)
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
        items = tuple(entry.item for entry in _sorted(alone))
        if len(items) > _WITH_COMMANDS:
            items = tuple(replace(item, command="") for item in items)
        yield DigestGroup(
            heading=f"{heading} for other reasons" if some_shared else heading, tone=tone, items=items
        )


def _of_one_kind(heading: str, tone: Tone, told: Sequence[DigestEntry]) -> DigestGroup:
    """Return a group; its heading says what is the same for all, and many of what is routine are names."""
    items = tuple(entry.item for entry in told)
    what = {item.what for item in items}
    if len(items) >= _SAME and len(what) == 1 and all(item.url for item in items):
        heading = f"{heading}: {what.pop()} · {_clusters(items)}"
        items = tuple(replace(item, what="") for item in items)
    if len(items) > _ROUTINE and tone not in _LOUD and not any(item.title for item in items):
        return DigestGroup(
            heading=heading, tone=tone, items=(), more=tuple(item.name for item in items), left=len(items)
        )
    return _grouped(heading, tone, items)


def _of_one_reason(heading: str, tone: Tone, told: Sequence[DigestEntry]) -> DigestGroup:
    steps = {entry.step for entry in told}
    same = _common([entry.common for entry in told])
    items = tuple(
        replace(
            entry.item,
            title=", ".join(part for part in (entry.names, entry.besides) if part),
            what="",
            command="",
        )
        for entry in told
    )
    step = steps.pop() if len(steps) == 1 else ""
    return _grouped(f"{heading} · {_clusters(items)}", tone, items, step, same)


def _common(commands: Sequence[str]) -> str:
    """Return what commands have in common, a placeholder for each word that differs; or nothing.

    A shell hands the placeholder on, and nothing is called so: pasted as it is, the command fails.
    """
    rows = [command.split(" ") for command in commands]
    if len({len(row) for row in rows}) > 1:
        return ""
    columns = list(zip(*rows, strict=True))
    if sum(len(set(column)) > 1 for column in columns) > _MAX_PLACEHOLDERS:
        return ""
    return " ".join(column[0] if len(set(column)) == 1 else "'<name>'" for column in columns)


_MAX_PLACEHOLDERS = 3


def _grouped(
    heading: str, tone: Tone, items: tuple[DigestItem, ...], step: str = "", command: str = ""
) -> DigestGroup:
    """Return a group; where all its items are of one day, that day is said in the heading alone."""
    days = {" ".join(item.when.split(" ")[:_DAY]) for item in items}
    if len(items) >= _SAME and len(days) == 1 and all(item.is_time for item in items):
        day = days.pop()
        heading = f"{heading} · {day}"
        items = tuple(replace(item, when=item.when.removeprefix(day).strip(" ,")) for item in items)
    return DigestGroup(heading=heading, tone=tone, items=items, step=step, command=command)


_DAY = 3
"""Words of a day in brief: `Fri 20 Nov`."""


def _named_apart(told: Sequence[DigestEntry]) -> Iterator[DigestEntry]:
    """Yield the entries; the resource group stands only beside clusters that share a name with another.

    The subscription as well, where they share the group's name, too.
    """
    places: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for entry in told:
        for named in ((entry.item.cluster,), (entry.item.cluster, entry.item.group)):
            places[named].add(entry.item.url.lower())
    for entry in told:
        cluster, group = entry.item.cluster, entry.item.group
        if len(places[cluster, group]) > 1:
            group = f"{group}, subscription {entry.listed.subscription}"
        elif len(places[cluster,]) == 1:
            group = ""
        yield replace(entry, item=replace(entry.item, group=group))


def _sorted(told: Iterable[DigestEntry]) -> list[DigestEntry]:
    return sorted(
        told,
        key=lambda entry: (entry.order, entry.item.cluster.lower(), entry.item.group, entry.item.what),
    )


def _clusters(told: Iterable[DigestItem]) -> str:
    """Return the cluster's name, or how many there are, fleets apart; empty without any cluster."""
    named = {item.url.lower(): item for item in told if item.url}
    if len(named) == 1:
        return next(iter(named.values())).cluster
    counts = Counter(item.sort for item in named.values())
    return " and ".join(f"{count} {sort}{'s' * (count > 1)}" for sort, count in sorted(counts.items()))


def _preheader(groups: Iterable[DigestGroup]) -> str:
    """Return the names of clusters to look at, else of all: the subject has the counts already."""
    groups = tuple(groups)
    loud = [group for group in groups if group.tone in _LOUD] or list(groups)
    names = dict.fromkeys(item.cluster for group in loud for item in group.items if item.url)
    return ", ".join(names)
