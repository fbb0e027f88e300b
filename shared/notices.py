"""What there is to tell: kinds of notices, and which of them an event gives rise to. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared import ids
from shared.clusters.standing import Standing  # noqa: TC001 - msgspec reads the annotations
from shared.events import Event, Status, Upgrade
from shared.store import keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.routes import Lead

SAME_START = timedelta(minutes=15)
"""Two starts this close are the same start: AKS announces a maintenance 7 days and again 24 hours ahead."""

REPEAT_AFTER = timedelta(hours=12)
"""A second announcement whose start is still unknown counts as a reminder when it comes this much later."""

FAILED_AGAIN_AFTER = timedelta(hours=1)
"""A Failed this much later than the one before is another failure, not a repeated delivery."""

_END = datetime.max.replace(tzinfo=UTC)

ENDS = frozenset({Status.COMPLETED, Status.CANCELED, Status.FAILED})
BEGUN = ENDS | {Status.STARTED}


class Kind(StrEnum):
    """What a notice tells."""

    SCHEDULED = "scheduled"
    RESCHEDULED = "rescheduled"
    REMINDER = "reminder"
    STARTED = "started"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"
    END_OF_SUPPORT = "end-of-support"
    NOT_STARTED = "not-started"
    """AKS has not reported a start of what it had scheduled."""
    STILL_RUNNING = "still-running"
    """AKS has not reported an end of what it had started."""
    NEWS = "news"
    """An event whose status is new to us, told plainly."""
    REJECTED = "rejected"
    """Input that could not be understood; for the default audience."""
    UNDELIVERED = "undelivered"
    """A mail that could not be sent; for the default audience."""
    UNREACHABLE = "unreachable"
    """An address that a mail was sent to and did not reach; for the default audience."""


ABOUT_MAIL = frozenset({Kind.UNDELIVERED, Kind.UNREACHABLE})
"""Notices about mail. A mail of nothing else that fails is not told of in turn."""

_KIND = {
    Status.SCHEDULED: Kind.SCHEDULED,
    Status.STARTED: Kind.STARTED,
    Status.COMPLETED: Kind.COMPLETED,
    Status.CANCELED: Kind.CANCELED,
    Status.FAILED: Kind.FAILED,
}


class Decision(StrEnum):
    """Why something was or was not told. Logged with the eventId, and stored with the event."""

    NEW = "new"
    RESCHEDULED = "rescheduled"
    REPEATED = "repeated"
    """Announced again, the start still unknown: told as a reminder."""
    FAILED_AGAIN = "failed-again"
    DUPLICATE = "duplicate"
    STALE = "stale"
    """Older than what is known already: kept, not told."""
    SUPERSEDED = "superseded"
    """Overtaken by later news of the same maintenance before it was told."""
    DUE = "due"
    """A check that was still true at its hour: told."""
    GROUPED = "grouped"
    SENT = "sent"
    PAUSED = "paused"
    UNROUTED = "unrouted"
    IGNORED = "ignored"
    REJECTED = "rejected"


class Recorded(msgspec.Struct, frozen=True):
    """An event as stored: its row's key, what was read, and what was decided when it came."""

    key: str
    event: Event
    decision: str = Decision.NEW
    revision: int = 0
    readable: bool = True
    """Whether the row could be read whole. If not, the event holds what its key and plain columns tell."""


class Check(msgspec.Struct, frozen=True):
    """Something to look at when its time comes: is it still true? Then it becomes notices."""

    id: str
    kind: Kind
    key: str
    """The event row it follows from."""
    due: datetime
    lead: str = ""


class Notice(msgspec.Struct, frozen=True):
    """Something to tell one audience. `key` is the row it tells of."""

    id: str
    kind: Kind
    key: str
    audience: str
    lead: str = ""


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A notice inside a frozen mail, with the keys of all rows that telling it may read."""

    kind: Kind
    key: str
    history: tuple[str, ...] = ()
    lead: str = ""
    standing: Standing | None = None
    """What is known of the cluster and its windows, as of when the mail was frozen."""

    def notice_id(self, audience: str) -> str:
        """Give the id of the notice that this member was."""
        return ids.notice_id(self.key, self.kind, self.lead, audience)


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail, frozen: it renders to the same bytes at any time on any machine.

    Relative times follow from `as_of`; rendering reads the rows that the members name and no others.
    """

    operation_id: str
    audience: str
    as_of: datetime
    members: tuple[Member, ...]
    repeats: str = ""
    """The operation id of the mail that an operator had sent again by this one."""


class RejectedInput(msgspec.Struct, frozen=True):
    """Input that could not be understood, as stored."""

    key: str
    reason: str
    raw: str
    received: datetime


class Report(msgspec.Struct, frozen=True, array_like=True):
    """A delivery report: what became of a mail for one recipient, in the mail service's words."""

    recipient: str
    status: str
    detail: str = ""


class SentMail(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a mail, as stored."""

    key: str
    state: str
    """`sent`, `failed` or `dissolved`."""
    audience: str
    at: datetime
    subject: str = ""
    to: tuple[str, ...] = ()
    why: str = ""
    refused: tuple[str, ...] = ()
    """Recipients that the mail service refused."""
    attempts: int = 0
    members: tuple[Member, ...] = ()
    reports: tuple[Report, ...] = ()
    """What the mail service has reported of its recipients since; failures only."""
    repeats: str = ""
    """As in Mail."""


Row = Recorded | RejectedInput | SentMail
"""What a mail may tell of."""


class Watch(msgspec.Struct, frozen=True):
    """How long AKS may take to report a start that was due, and an end; none where nobody watches."""

    not_started_after: timedelta = timedelta()
    still_running_after: timedelta = timedelta()


NO_WATCH = Watch()


class Plan(msgspec.Struct, frozen=True):
    """What an event gives rise to. `key` is None where nothing new is to be recorded."""

    decision: Decision
    key: str | None = None
    kind: Kind | None = None
    revision: int = 0
    checks: tuple[Check, ...] = ()


def upgrade_of(event: Event, history: Iterable[Recorded]) -> Upgrade:
    """Give the kind of maintenance: the event's own, or, where it does not tell, what earlier ones told."""
    known = (row.event.upgrade for row in history if row.event.upgrade is not Upgrade.UNKNOWN)
    return next(known, Upgrade.UNKNOWN) if event.upgrade is Upgrade.UNKNOWN else event.upgrade


def kind_of(event: Event) -> Kind:
    """Give the kind of notice that an event by itself gives rise to."""
    if event.end_of_support is not None:
        return Kind.END_OF_SUPPORT
    return _KIND[Status(event.status)] if event.status in set(Status) else Kind.NEWS


def needs_history(event: Event) -> bool:
    """Tell whether what to do with an event depends on what came before it.

    For all others inserting the row is decision enough, and costs one round trip.
    """
    return event.end_of_support is None and event.status in {Status.SCHEDULED, Status.FAILED}


def plan(
    event: Event,
    history: Sequence[Recorded],
    *,
    leads: Iterable[Lead],
    gap: timedelta,
    now: datetime,
    watch: Watch = NO_WATCH,
) -> Plan:
    """Decide what an event is, given what is stored of its eventId, and what follows from it."""
    if event.status == Status.SCHEDULED and event.end_of_support is None:
        planned = _plan_scheduled(event, history)
        if planned.kind in {Kind.SCHEDULED, Kind.RESCHEDULED} and planned.key is not None:
            checks = _reminders(event, planned.key, leads=leads, gap=gap, now=now)
            checks += _watchdog(Kind.NOT_STARTED, planned.key, event.start, watch.not_started_after, now)
            planned = msgspec.structs.replace(planned, checks=checks)
        return planned
    if event.status == Status.FAILED:
        return _plan_failed(event, history)
    if event.status == Status.STARTED:
        key = keys.event(event)
        checks = _watchdog(Kind.STILL_RUNNING, key, event.updated, watch.still_running_after, now)
        return Plan(Decision.NEW, key, Kind.STARTED, checks=checks)
    return Plan(Decision.NEW, keys.event(event), kind_of(event))


def _plan_scheduled(event: Event, history: Sequence[Recorded]) -> Plan:
    announced = [row for row in history if row.event.status == Status.SCHEDULED]
    revision = 1 + max((row.revision for row in announced), default=-1)
    key = keys.event(event, revision)
    if any(row.event.envelope_id == event.envelope_id != "" for row in announced):
        return Plan(Decision.DUPLICATE)
    if any(row.event.status in BEGUN for row in history):
        return Plan(Decision.STALE, key, revision=revision)
    last = latest_announcement(history)
    if last is None:
        return Plan(Decision.NEW, key, Kind.SCHEDULED, revision)
    if event.time < last.event.time:
        return Plan(Decision.STALE, key, revision=revision)
    before, start = last.event.start, event.start
    if start is None:
        if before is not None and before > event.time:
            return Plan(Decision.DUPLICATE)  # the start that is known still lies ahead
        if before is None:
            if event.time - last.event.time < REPEAT_AFTER:
                return Plan(Decision.DUPLICATE)
            return Plan(Decision.REPEATED, key, Kind.REMINDER, revision)
    elif before is not None and abs(start - before) <= SAME_START:
        return Plan(Decision.DUPLICATE)
    return Plan(Decision.RESCHEDULED, key, Kind.RESCHEDULED, revision)


def _plan_failed(event: Event, history: Sequence[Recorded]) -> Plan:
    failed = [row for row in history if row.event.status == Status.FAILED]
    if not failed:
        return Plan(Decision.NEW, keys.event(event), Kind.FAILED)
    last = max(failed, key=lambda row: row.revision)
    is_same = any(row.event.envelope_id == event.envelope_id != "" for row in failed)
    if not is_same and event.updated - last.event.updated >= FAILED_AGAIN_AFTER:
        revision = last.revision + 1
        return Plan(Decision.FAILED_AGAIN, keys.event(event, revision), Kind.FAILED, revision)
    return Plan(Decision.DUPLICATE)


def _reminders(
    event: Event, key: str, *, leads: Iterable[Lead], gap: timedelta, now: datetime
) -> tuple[Check, ...]:
    """Make the reminders whose hour is still to come and that do not follow the announcement too soon.

    Between reminders each audience keeps the gap by itself: these are the leads of all of them.
    """
    if event.start is None:
        return ()
    dues = [(event.start - lead.ahead, lead) for lead in leads]
    return tuple(
        Check(ids.check_id(key, Kind.REMINDER, lead.label), Kind.REMINDER, key, due, lead.label)
        for due, lead in sorted(dues, key=lambda pair: pair[0])
        if due > now and due - now >= gap
    )


def _watchdog(
    kind: Kind, key: str, since: datetime | None, after: timedelta, now: datetime
) -> tuple[Check, ...]:
    """Make the check that what is due to follow has followed; none where its hour has passed already."""
    # A time near the end of the calendar has nothing after it.
    if since is None or not after or since > _END - after or since + after <= now:
        return ()
    return (Check(ids.check_id(key, kind, ""), kind, key, since + after),)


_MOST_HISTORY = 16
"""Rows of one maintenance that a mail may tell from: more than any has been seen to have."""

_PLANNED = (Kind.RESCHEDULED, Kind.SCHEDULED, Kind.REMINDER)


def frozen_history(history: Iterable[Recorded], key: str) -> tuple[str, ...]:
    """Give the keys of the rows that telling of one of them may read: the latest, itself among them."""
    others = [row for row in history if row.key != key]
    others.sort(key=lambda row: (row.event.time, row.key))
    return (*(row.key for row in others[1 - _MOST_HISTORY :]), key)


def redundant(notices: Iterable[Notice]) -> set[str]:
    """Give the ids of notices that say no more than others that go out with them to the same audience.

    After an outage several may have piled up: of what is planned for one maintenance, its announcement says
    it all, and of several reminders the last.
    """
    best: dict[str, Notice] = {}
    double: set[str] = set()
    for notice in sorted(notices, key=_precedence):
        if notice.kind in _PLANNED and notice.key in best:
            double.add(notice.id)
        elif notice.kind in _PLANNED:
            best[notice.key] = notice
    return double


def _precedence(notice: Notice) -> tuple[int, timedelta]:
    rank = _PLANNED.index(notice.kind) if notice.kind in _PLANNED else len(_PLANNED)
    return rank, ahead(notice.lead)


def ahead(lead: str) -> timedelta:
    """Give how long a lead is; a label that cannot be read any more comes last."""
    from shared.settings import duration

    try:
        return duration(lead) if lead else timedelta()
    except ValueError:
        return timedelta.max


def latest_announcement(history: Iterable[Recorded]) -> Recorded | None:
    """Give the Scheduled event that holds: the last one that was not stale."""
    valid = [
        row
        for row in history
        if row.event.status == Status.SCHEDULED
        and row.event.end_of_support is None
        and row.decision != Decision.STALE
    ]
    return max(valid, key=lambda row: row.revision, default=None)


def still_true(check: Check, history: Sequence[Recorded], now: datetime) -> bool:
    """Tell whether a check's reason still holds.

    A reminder's: the start still lies ahead as planned. A watchdog's: nothing has been reported since.
    """
    statuses = {row.event.status for row in history}
    if check.kind is Kind.STILL_RUNNING:
        return not statuses & ENDS
    if statuses & BEGUN:
        return False
    last = latest_announcement(history)
    if last is None or last.event.start is None or last.key != check.key:
        return False
    return check.kind is Kind.NOT_STARTED or last.event.start > now


def overtaken(kind: Kind, key: str, history: Iterable[Recorded]) -> bool:
    """Tell whether later news of the same maintenance makes a notice pointless.

    The later event brought a notice of its own, in the transaction that recorded it.
    """
    statuses = {row.event.status for row in history}
    if kind in {Kind.SCHEDULED, Kind.RESCHEDULED, Kind.REMINDER, Kind.NOT_STARTED}:
        last = latest_announcement(history)
        return bool(statuses & BEGUN) or (last is not None and last.key != key)
    if kind in {Kind.STARTED, Kind.STILL_RUNNING}:
        return bool(statuses & ENDS)
    return False
