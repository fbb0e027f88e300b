"""What an event gives rise to, given what is known: a decision, a kind of notice, later checks. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import ids
from shared.events.model import Event, Status
from shared.events.run import RUN_ENDS, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.durations import Lead

from shared.notices import gates
from shared.notices.kinds import BEGUN, Decision, Kind, kind_of
from shared.notices.records import Check, StoredEvent, latest_announcement

SAME_START = timedelta(minutes=15)
"""Two starts this close are the same start: AKS announces a maintenance 7 days and again 24 hours ahead."""

REPEAT_AFTER = timedelta(hours=12)
"""A second announcement whose start is still unknown counts as a reminder when it comes this much later."""

NOTICES_APART = timedelta(days=6)
"""Notices of the end of support come a week apart at the least."""

ESCALATED = "escalated:"
"""How the lead of a failure begins that is told to another audience as well, whose id follows."""

FAILED_AGAIN_AFTER = timedelta(hours=1)
"""A Failed this much later than the one before is another failure, not a repeated delivery."""

_END = datetime.max.replace(tzinfo=UTC)


class Watch(msgspec.Struct, frozen=True):
    """What is looked at again, and when; never where nobody watches."""

    not_started_after: timedelta = timedelta()
    """How long AKS may take to report a start that was due."""
    still_running_after: timedelta = timedelta()
    """How long it may take to report an end."""
    gate_reminder: timedelta = timedelta()
    """How long a gate waits until people are reminded."""
    polled: frozenset[str] = frozenset()
    """Subscriptions, in lower case, of fleets whose runs are known: their end ends the reminders."""


NO_WATCH = Watch()


class Plan(msgspec.Struct, frozen=True):
    """What an event gives rise to. `key` is None where nothing new is to be recorded."""

    decision: Decision
    key: str | None = None
    kind: Kind | None = None
    revision: int = 0
    checks: tuple[Check, ...] = ()


def needs_history(event: Event) -> bool:
    """Return whether what to do with an event depends on what came before it.

    For all others inserting the row is decision enough, and costs one round trip.
    """
    if event.run is not None:  # the end of a run is told with what has happened in it
        return event.run.gate is not None or event.status in RUN_ENDS
    if event.end_of_support is not None:
        return not event.envelope_id
    return event.status in {Status.SCHEDULED, Status.FAILED}


def plan(
    event: Event,
    history: Sequence[StoredEvent],
    *,
    leads: Iterable[Lead],
    gap: timedelta,
    now: datetime,
    watch: Watch = NO_WATCH,
) -> Plan:
    """Decide what an event is, given what is stored of its eventId, and what follows from it."""
    if event.run is not None and event.run.gate is not None:
        return _plan_gate(event, history, watch=watch, now=now)
    if event.run is not None and any(row.key == event.row_key() for row in history):
        return Plan(Decision.DUPLICATE)
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
        key = event.row_key()
        checks = _watchdog(Kind.STILL_RUNNING, key, event.updated, watch.still_running_after, now)
        return Plan(Decision.NEW, key, Kind.STARTED, checks=checks)
    if event.end_of_support is not None and any(_is_same_notice(event, row.event) for row in history):
        return Plan(Decision.DUPLICATE)
    return Plan(Decision.NEW, event.row_key(), kind_of(event))


def _is_same_notice(event: Event, known: Event) -> bool:
    """Return whether two events are one notice, of which one was asked for: it has no id of its own."""
    if event.envelope_id and known.envelope_id:
        return False
    if event.end_of_support is not None:
        return event.description == known.description and abs(event.time - known.time) < NOTICES_APART
    if event.start is None or known.start is None:
        return event.start is known.start and abs(event.time - known.time) < REPEAT_AFTER
    return abs(event.start - known.start) <= SAME_START


def _plan_scheduled(event: Event, history: Sequence[StoredEvent]) -> Plan:
    announced = [row for row in history if row.event.status == Status.SCHEDULED]
    revision = 1 + max((row.revision for row in announced), default=-1)
    key = event.row_key(revision)
    if any(row.event.envelope_id == event.envelope_id != "" for row in announced):
        return Plan(Decision.DUPLICATE)
    if any(_is_same_notice(event, row.event) for row in announced):
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


def _plan_failed(event: Event, history: Sequence[StoredEvent]) -> Plan:
    failed = [row for row in history if row.event.status == Status.FAILED]
    if not failed:
        return Plan(Decision.NEW, event.row_key(), Kind.FAILED)
    last = max(failed, key=lambda row: row.revision)
    is_same = any(row.event.envelope_id == event.envelope_id != "" for row in failed)
    # A time that one of them does not give itself cannot tell them apart, where one was asked for.
    is_sure = bool(event.envelope_id and last.event.envelope_id) or (
        event.updates_itself and last.event.updates_itself
    )
    if not is_same and is_sure and event.updated - last.event.updated >= FAILED_AGAIN_AFTER:
        revision = last.revision + 1
        return Plan(Decision.FAILED_AGAIN, event.row_key(revision), Kind.FAILED, revision)
    return Plan(Decision.DUPLICATE)


def _plan_gate(event: Event, history: Sequence[StoredEvent], *, watch: Watch, now: datetime) -> Plan:
    decision, revision = gates.decide(event, history)
    if decision is Decision.DUPLICATE:
        return Plan(decision)
    key = event.row_key(revision)
    if decision is not Decision.NEW:
        return Plan(decision, key, revision=revision)
    checks: tuple[Check, ...] = ()
    if event.status == RunStatus.GATE_PENDING:
        checks = gates.reminder(event, key, 1, watch.gate_reminder, now)
    return Plan(decision, key, kind_of(event), revision, checks)


def next_check(check: Check, event: Event, watch: Watch, now: datetime) -> tuple[Check, ...]:
    """Return the check that follows one that was true: of a gate that still waits, the next reminder."""
    number = int(check.lead) + 1 if check.kind is Kind.GATE and check.lead.isdecimal() else 0
    is_known = event.subject.subscription.lower() in watch.polled
    if not number or (number > gates.MAX_REMINDERS and not is_known):
        return ()
    return gates.reminder(event, check.key, number, watch.gate_reminder, now)


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
    """Make the check that what is due to follow has followed: at once where its hour has passed already.

    News that comes late (an outage, Event Grid's retries, a replay) is watched like any other; where it was
    followed meanwhile, the check finds that out.
    """
    # A time near the end of the calendar has nothing after it.
    if since is None or not after or since > _END - after:
        return ()
    return (Check(ids.check_id(key, kind, ""), kind, key, max(since + after, now)),)


def escalations(
    kind: Kind, key: str, delays: Iterable[tuple[str, timedelta]], now: datetime
) -> tuple[Check, ...]:
    """Make the checks that a failure was resolved; `delays` are whom it is told then, and after how long.

    One for each of whom it is told, at the earliest of the times: it is told there once.
    """
    earliest: dict[str, timedelta] = {}
    for to, after in delays:
        earliest[to] = min(after, earliest.get(to, after))
    leads = {f"{ESCALATED}{to}": after for to, after in earliest.items()}
    return tuple(
        Check(ids.check_id(key, kind, lead), kind, key, now + after, lead) for lead, after in leads.items()
    )


def escalated_to(lead: str) -> str:
    """Return the audience that a check, or a notice, of a failure is escalated to; empty where it is not."""
    return lead.removeprefix(ESCALATED) if lead.startswith(ESCALATED) else ""
