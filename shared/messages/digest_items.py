"""What a digest says of each thing it tells: the entry, and by what it is sorted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Cluster, Status
from shared.messages import (
    commands,
    escalation,
    failed,
    failed_state,
    fleet_run,
    freezes,
    late,
    of_no_cluster,
    of_run,
    phrases,
    portal,
    run_view,
    time_phrases,
    unreachable,
    window_facts,
)
from shared.messages.history import read_history
from shared.messages.run_history import is_of_a_run, read_run
from shared.messages.view import Item
from shared.notices.kinds import Kind, following
from shared.notices.records import RejectedInput, SentMail, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.messages.history import MaintenanceHistory
    from shared.messages.run_history import RunHistory
    from shared.messages.view import RenderContext
    from shared.notices.records import MailItem, Row

LAST = datetime.max.replace(tzinfo=UTC)
"""Where things whose time is not known are sorted."""

_BY_START = following(Status.SCHEDULED)
"""Sorted by the start that AKS has planned; the others by when they happened."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An item and what it is grouped and sorted by."""

    kind: Kind
    order: datetime
    item: Item
    reason: str = ""
    """Why it failed; part of the item's title."""
    besides: str = ""
    """What the title says besides the reason."""
    common: str = ""
    """The item's command with placeholders for what is the cluster's own."""


def entry(member: MailItem, rows: Mapping[str, Row], frame: RenderContext) -> Entry:
    """Return what there is to say of a member. Raises `LookupError` if the row it tells of is missing."""
    row = rows[member.key]
    if isinstance(row, RejectedInput):
        return Entry(kind=member.kind, order=when(member, rows), item=_rejected(row, frame))
    if isinstance(row, SentMail):
        is_unreachable = member.kind is Kind.UNREACHABLE
        item = _unreachable(member, row, frame) if is_unreachable else _undelivered(row, frame)
        return Entry(kind=member.kind, order=when(member, rows), item=item)
    if of_no_cluster.tells(member.kind):
        return Entry(
            kind=member.kind,
            order=when(member, rows),
            item=of_no_cluster.item(member.kind, row.event, frame),
        )
    if is_of_a_run(row):
        run = read_run(member, rows)
        item = _of_run(run, frame)
        if member.kind is not Kind.MEMBER_FAILED:
            return Entry(kind=member.kind, order=run.event.updated, item=item)
        return _explained(fleet_run.as_maintenance(run), item, frame, kind=member.kind)
    story = read_history(member, rows)
    item = _item(story, frame)
    if story.kind is not Kind.FAILED and not (story.kind is Kind.FAILED_STATE and story.event.details):
        return Entry(kind=story.kind, order=_when(story), item=item)
    return _explained(story, item, frame, kind=story.kind)


def _explained(story: MaintenanceHistory, item: Item, frame: RenderContext, *, kind: Kind) -> Entry:
    """Return the entry of a failure, with its reason."""
    brief = failed.in_brief(story, frame)
    besides = f"and {brief.others} more" if brief.others else ""
    title = brief.title + (f", {besides}" if besides else "")
    item = msgspec.structs.replace(item, title=title, command=commands.together(brief.command, story.cluster))
    return Entry(
        kind=kind,
        order=_when(story),
        item=item,
        reason=brief.title,
        besides=besides,
        common=commands.together(brief.command, None),
    )


def when(member: MailItem, rows: Mapping[str, Row]) -> datetime:
    """Return the time that a member is sorted by; the last of all where its row is missing."""
    match rows.get(member.key):
        case RejectedInput(received=received):
            return received
        case SentMail(at=at):
            return at
        case StoredEvent(event=event) if event.run is not None or of_no_cluster.tells(member.kind):
            return event.updated
        case StoredEvent():
            return _when(read_history(member, rows))
    return LAST


def _when(story: MaintenanceHistory) -> datetime:
    if story.kind in _BY_START:
        return story.planned or window_facts.expected(story) or LAST
    facts = story.event.end_of_support
    if story.kind is Kind.END_OF_SUPPORT and facts and facts.date:
        return facts.date
    return story.event.updated


def _item(story: MaintenanceHistory, frame: RenderContext) -> Item:
    event = story.event
    what, time = phrases.WHAT[story.upgrade], ""
    match story.kind:
        case Kind.SCHEDULED | Kind.RESCHEDULED | Kind.REMINDER:
            time = _distant(story.planned, frame) if story.planned else _expected(story, frame)
            freeze = freezes.planned_into(story, frame)
            time += f", {freezes.words(freeze)}" if freeze else ""
        case Kind.NOT_STARTED:
            time = f"was due {_distant(story.planned, frame)}"
        case Kind.STILL_RUNNING:
            time = f"started {_distant(event.updated, frame)}"
        case Kind.END_OF_SUPPORT:
            facts = event.end_of_support
            what = f"Kubernetes {facts.version}" if facts and facts.version else "Kubernetes version"
            if facts and facts.date:
                days = time_phrases.days_away(facts.date.date(), frame.as_of)
                ends = "ended" if days < 0 else "ends"
                time = f"{ends} {time_phrases.day(facts.date.date())}, {time_phrases.in_days(days)}"
        case Kind.ROLLING_STARTED | Kind.ROLLING_SUCCEEDED | Kind.ROLLING_FAILED:
            what = f"Node pool {', '.join(event.pools)}" if event.pools else "Node pool"
            time = time_phrases.brief_both(event.updated, frame.zone, frame.as_of)
        case Kind.FAILED_STATE | Kind.RECOVERED:
            what = failed_state.what(story)
            time = time_phrases.brief_both(event.updated, frame.zone, frame.as_of)
        case Kind.NOTHING_HAPPENED:
            what, time = "Nothing happened", time_phrases.brief_both(event.updated, frame.zone, frame.as_of)
        case Kind.NEW_VERSION:
            what = f"Kubernetes {next(filter(None, event.versions), 'version')}"
            time = time_phrases.brief_both(event.updated, frame.zone, frame.as_of)
        case _:
            time = time_phrases.brief_both(event.updated, frame.zone, frame.as_of)
            if story.took is not None and story.kind is not Kind.STARTED:
                took = "took" if story.kind is Kind.COMPLETED else "after"
                time += f", {took} {time_phrases.span(story.took)}"
    time += f", {late.WORDS}" if late.is_late(story) else ""
    time += f", {escalation.WORDS}" if escalation.is_escalated(story) else ""
    return Item(
        cluster=story.cluster.name,
        group=story.cluster.resource_group,
        url=portal.resource(frame.look.portal, story.cluster),
        what=what,
        when=time,
        title=_title(story, frame),
    )


def _distant(time: datetime | None, frame: RenderContext) -> str:
    if time is None:
        return phrases.WINDOW
    return f"{time_phrases.brief_both(time, frame.zone, frame.as_of)}, {time_phrases.away(time, frame.as_of)}"


def _expected(story: MaintenanceHistory, frame: RenderContext) -> str:
    start = window_facts.expected(story)
    if start is None:
        return phrases.WINDOW
    return f"{window_facts.tail(story, frame)}, {time_phrases.away(start, frame.as_of)}"


def _title(story: MaintenanceHistory, frame: RenderContext) -> str:
    if story.kind is Kind.RESCHEDULED and story.before:
        return f"was to start {time_phrases.brief(story.before, frame.as_of)}"
    if story.kind is Kind.COMPLETED and story.failures:
        return "recovered after a failure"
    if story.kind is Kind.CANCELED and story.planned:
        return f"was to start {time_phrases.brief(story.planned, frame.as_of)}"
    if story.part:
        return of_run.words(story.part)
    if window_facts.is_outside(story):
        return "outside your windows"
    if story.kind is Kind.NEWS:
        return f"status “{story.event.status}”"
    return ""


def _of_run(story: RunHistory, frame: RenderContext) -> Item:
    gate, cluster = story.run.gate, Cluster.parse(story.run.member_id)
    what = (
        f"Update run {story.name}" if not story.run.profile else f"Auto-upgrade profile {story.run.profile}"
    )
    step = f"{run_view.at_gate(story.run, gate)}" if gate else run_view.place(story.run)
    asks = story.kind is Kind.GATE and gate is not None and gate.asks_people
    about = cluster or story.fleet
    return Item(
        cluster=about.name,
        sort="cluster" if cluster else "fleet",
        group=about.resource_group,
        url=portal.resource(frame.look.portal, about),
        what=f"{what}, {step}" if step else what,
        when=time_phrases.brief_both(story.event.updated, frame.zone, frame.as_of),
        title=gate.title if gate else fleet_run.in_brief(story),
        command=commands.fleet("gate approve", story.fleet, gate.name) if asks and gate else "",
    )


def _rejected(row: RejectedInput, frame: RenderContext) -> Item:
    size = len(row.raw.encode("utf-8", "surrogatepass"))
    received = time_phrases.brief(row.received, frame.as_of)
    return Item(cluster=row.reason, what=f"{row.key}, {size:,} bytes", when=received)


def _undelivered(row: SentMail, frame: RenderContext) -> Item:
    return Item(
        cluster=row.subject or row.key,
        what=f"to {', '.join(row.to) or row.audience}",
        when=time_phrases.brief(row.at, frame.as_of),
        title=row.why,
    )


def _unreachable(member: MailItem, row: SentMail, frame: RenderContext) -> Item:
    reports = unreachable.reports(member, row)
    return Item(
        cluster=", ".join(dict.fromkeys(report.recipient for report in reports)) or row.key,
        what=f"“{row.subject or row.key}”",
        when=f"sent {time_phrases.brief(row.at, frame.as_of)}",
        title=", ".join(dict.fromkeys(map(unreachable.outcome, reports))),
    )
