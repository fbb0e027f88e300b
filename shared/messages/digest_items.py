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
from shared.messages.presentation import presentation
from shared.messages.run_history import is_of_a_run, read_run
from shared.messages.view import DigestItem, DigestRow
from shared.notices.kinds import Kind, following
from shared.notices.records import RejectedInput, SentMail, StoredEvent
from shared.text import clip, line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.events.model import Event
    from shared.messages.history import MaintenanceHistory
    from shared.messages.run_history import RunHistory
    from shared.messages.view import RenderContext
    from shared.notices.records import MailItem, Row

_MAX_DETAILS_CHARACTERS = 80

LAST = datetime.max.replace(tzinfo=UTC)
"""Where things whose time is not known are sorted."""

_BY_START = following(Status.SCHEDULED)
"""Sorted by the start that AKS has planned; the others by when they happened."""


class DigestEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An item, what it is grouped and sorted by, and its row of the table."""

    kind: Kind
    order: datetime
    item: DigestItem
    listed: DigestRow
    reason: str = ""
    """Why it failed; part of the item's title."""
    besides: str = ""
    """What the title says besides the reason."""
    names: str = ""
    """What blocks."""
    step: str = ""
    common: str = ""
    """The item's command with placeholders for what is the cluster's own."""


def entry(member: MailItem, rows: Mapping[str, Row], frame: RenderContext) -> DigestEntry:
    """Return what there is to say of a member. Raises `LookupError` if the row it tells of is missing."""
    row, kind = rows[member.key], member.kind
    if isinstance(row, RejectedInput):
        return _entry(kind, row.received, _rejected(row, frame), frame)
    if isinstance(row, SentMail):
        is_unreachable = kind is Kind.UNREACHABLE
        item = _unreachable(member, row, frame) if is_unreachable else _undelivered(row, rows, frame)
        return _entry(kind, row.at, item, frame)
    if of_no_cluster.tells(kind):
        return _entry(kind, row.event.updated, of_no_cluster.item(kind, row.event, frame), frame)
    if is_of_a_run(row):
        run = read_run(member, rows)
        item = _of_run(run, frame)
        if kind is Kind.MEMBER_FAILED:
            return _explained(fleet_run.as_maintenance(run), item, frame, kind=kind)
        return _entry(kind, run.event.updated, item, frame, run.event)
    story = read_history(member, rows)
    item = _item(story, frame)
    if kind is Kind.FAILED or (kind is Kind.FAILED_STATE and story.event.details):
        return _explained(story, item, frame, kind=kind)
    return _entry(kind, _when(story), item, frame, story.event)


def _explained(
    story: MaintenanceHistory, item: DigestItem, frame: RenderContext, *, kind: Kind
) -> DigestEntry:
    """Return the entry of a failure, with its reason."""
    brief = failed.in_brief(story, frame)
    besides = f"and {brief.others} more" if brief.others else ""
    names = ", ".join(brief.names[:1])
    context = story.context
    if not context and story.cluster.name in frame.namesakes:
        context = commands.own_context(story.cluster)
    of_a_run = item.title if story.part or kind is Kind.MEMBER_FAILED else ""
    title = ", ".join(part for part in (brief.title, names, besides, of_a_run) if part)
    item = msgspec.structs.replace(
        item, title=title, command=commands.together(brief.command, story.cluster, context)
    )
    return msgspec.structs.replace(
        _entry(kind, _when(story), item, frame, story.event),
        reason=brief.title,
        besides=besides,
        names=names,
        step=brief.step,
        common=commands.together(brief.command, None),
    )


def _entry(
    kind: Kind, time: datetime, item: DigestItem, frame: RenderContext, event: Event | None = None
) -> DigestEntry:
    """Return an entry without a reason; `event` is that of a cluster or an update run."""
    is_known = time < LAST
    listed = DigestRow(
        cluster=item.cluster,
        resource_group=event.subject.resource_group if event else "",
        subscription=event.subject.subscription if event else "",
        kind=kind,
        status=event.status if event else "",
        time_utc=f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if is_known else "",
        time_local=time.astimezone(frame.zone).isoformat(timespec="seconds") if is_known else "",
        reason=item.title or (item.what if not event else ""),
    )
    return DigestEntry(kind=kind, order=time, item=item, listed=listed)


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


def _item(story: MaintenanceHistory, frame: RenderContext) -> DigestItem:
    event = story.event
    what, time, is_time = phrases.what(story), frame.short(event.updated), True
    match story.kind:
        case Kind.SCHEDULED | Kind.RESCHEDULED | Kind.REMINDER:
            is_time = story.planned is not None
            time = window_facts.tail(story, frame) or "next window"
            time = frame.short(story.planned) if story.planned else time
        case Kind.NOT_STARTED:
            due = frame.short(story.planned) if story.planned else phrases.WINDOW
            time, is_time = f"was due {due}", False
        case Kind.STILL_RUNNING:
            time, is_time = f"started {frame.away(event.updated)}", False
        case Kind.END_OF_SUPPORT:
            facts = event.end_of_support
            what = f"Kubernetes {facts.version}" if facts and facts.version else "Kubernetes version"
            time, is_time = "", False
            if facts and facts.date:
                days = time_phrases.days_away(facts.date.date(), frame.as_of)
                ends = "ended" if days < 0 else "ends"
                time = f"{ends} {time_phrases.day(facts.date.date())}, {time_phrases.in_days(days)}"
        case Kind.ROLLING_STARTED | Kind.ROLLING_SUCCEEDED | Kind.ROLLING_FAILED:
            what = f"Node pool {', '.join(event.pools)}" if event.pools else "Node pool"
        case Kind.FAILED_STATE | Kind.RECOVERED:
            what = failed_state.what(story)
        case Kind.NOTHING_HAPPENED:
            what = "Nothing happened"
        case Kind.NEW_VERSION:
            what = f"Kubernetes {next(filter(None, event.versions), 'version')}"
    time += f", {late.WORDS}" if late.is_late(story) else ""
    time += f", {escalation.WORDS}" if escalation.is_escalated(story) else ""
    return DigestItem(
        cluster=story.cluster.name,
        group=story.cluster.resource_group,
        url=portal.resource(frame.branding.portal, story.cluster),
        what=what,
        when=time,
        is_time=is_time,
        title=_title(story, frame),
    )


def _title(story: MaintenanceHistory, frame: RenderContext) -> str:
    if freeze := freezes.planned_into(story, frame):
        return freezes.words(freeze)
    if story.kind is Kind.RESCHEDULED and story.before:
        return f"was to start {frame.short(story.before)}"
    if story.kind is Kind.COMPLETED and story.failures:
        return "recovered after a failure"
    if story.kind is Kind.CANCELED and story.planned:
        return f"was to start {frame.short(story.planned)}"
    if story.part:
        return of_run.words(story.part, story.kind)
    if window_facts.is_outside(story):
        return "outside your windows"
    if story.kind is Kind.NEWS:
        said = clip(line(story.event.details), _MAX_DETAILS_CHARACTERS)
        return f"status “{story.event.status}”" + (f": {said}" if said else "")
    return ""


def _of_run(story: RunHistory, frame: RenderContext) -> DigestItem:
    gate, cluster = story.run.gate, Cluster.parse(story.run.member_id)
    profile = story.run.profile
    what = f"Auto-upgrade profile {profile}" if profile else f"Update run {story.name}"
    step = run_view.at_gate(story.run, gate) if gate else run_view.place(story.run)
    asks = story.kind is Kind.GATE and gate is not None and gate.asks_people
    about = cluster or story.fleet
    return DigestItem(
        cluster=about.name,
        sort="cluster" if cluster else "fleet",
        group=about.resource_group,
        url=portal.resource(frame.branding.portal, about),
        what=f"{what}, {step}" if step else what,
        when=frame.short(story.event.updated),
        is_time=True,
        title=gate.title if gate else fleet_run.in_brief(story),
        command=commands.fleet("gate approve", story.fleet, gate.name) if asks and gate else "",
    )


def _rejected(row: RejectedInput, frame: RenderContext) -> DigestItem:
    size = len(row.raw.encode("utf-8", "surrogatepass"))
    received = frame.short(row.received)
    return DigestItem(cluster=row.reason, what=f"{row.key}, {size:,} bytes", when=received)


def _undelivered(row: SentMail, rows: Mapping[str, Row], frame: RenderContext) -> DigestItem:
    about = [rows[member.key] for member in row.members if member.key in rows]
    names = dict.fromkeys(one.event.subject.name for one in about if isinstance(one, StoredEvent))
    kinds = dict.fromkeys(presentation(member.kind).status for member in row.members)
    return DigestItem(
        cluster=", ".join(names) or row.subject or row.key,
        what=f"{', '.join(kinds)}, to {', '.join(row.to) or row.audience}",
        when=frame.short(row.at),
        is_time=True,
        title=row.why,
    )


def _unreachable(member: MailItem, row: SentMail, frame: RenderContext) -> DigestItem:
    reports = unreachable.reports(member, row)
    return DigestItem(
        cluster=", ".join(dict.fromkeys(report.recipient for report in reports)) or row.key,
        what=f"“{row.subject or row.key}”",
        when=f"sent {frame.short(row.at)}",
        title=", ".join(dict.fromkeys(map(unreachable.outcome, reports))),
    )
