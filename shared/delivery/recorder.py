"""Recording events: decided, stored with what follows from them, and, where they are failures, told at once.

Once the transaction is through, they are safe. Nothing after it raises: what could not be sent here, the
sweep sends. It is one module because it is one walk, from the reading of an event to the sending.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from shared import keys
from shared.audience import Destination, notices_for
from shared.clusters.lookup import OFF
from shared.decision_log import log_decision
from shared.delivery.limiter import RateLimited
from shared.delivery.urgent_mails import Decided, UrgentMails
from shared.events.cluster_event import version_id
from shared.events.model import ClusterNews, Event
from shared.notices import correlation
from shared.notices.gates import turn
from shared.notices.kinds import ESCALATING, URGENT, Decision, Kind, kind_of
from shared.notices.planning import Plan, escalations, needs_history
from shared.notices.records import Mail, Notice, StoredEvent, upgrade_of
from shared.store.reader import Reader
from shared.store.table import MAX_OPERATIONS, TableUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from shared.delivery.limiter import Burst
    from shared.delivery.parts import DeliveryParts
    from shared.store.inbox import Recording, Several


_STEPS_TO_SEND = 3
"""Round trips that a failure takes which is sent at once: its gate, its recording, its settling."""

_SKEW = timedelta(minutes=5)
"""So much the clocks of others may be ahead."""

_MAX_ATTEMPTS = 3
_MAX_FAILURES = 24
"""Failures that are recorded together: each takes four rows of a transaction at least."""

_MAX_RAW_CHARACTERS = 3_000_000
"""Characters of raw events that are recorded together: a transaction takes 4 MiB, each row has them all."""

_SPARE_OPERATIONS = 10
"""Rows of a transaction left for gates, and for what goes on with the rest."""


class Reception(msgspec.Struct, frozen=True):
    """How an event came, by default from Event Grid, and how it is treated: see `Intake.record`."""

    via: str = ""
    audiences: tuple[str, ...] | None = None
    is_told: bool = True
    at_once: bool = True


class Recorder:
    """Records the events of one delivery.

    `plan` decides what an event is. `has_time_for` says whether so many round trips would end in time;
    `send_by` and `answer_by` are as for `UrgentMails`.
    """

    def __init__(
        self,
        parts: DeliveryParts,
        *,
        plan: Callable[..., Plan],
        burst: Burst,
        has_time_for: Callable[[int], bool],
        send_by: float,
        answer_by: float,
    ) -> None:
        self._parts = parts
        self._plan = plan
        self._mails = UrgentMails(parts, burst, send_by=send_by, answer_by=answer_by)
        self._has_time_for = has_time_for

    def record(self, event: Event, raw: str, reception: Reception) -> Decision:
        """Record an event; news of versions once for each audience, from however many clusters they come."""
        if event.news != ClusterNews.NEW_VERSION:
            return self._record(event, raw, reception)
        region = self._parts.clusters.region(event, Reader(self._parts.store))
        if region:
            id_ = version_id(f"region {region}", event.versions)
            event = msgspec.structs.replace(event, region=region, event_id=id_)
        tagged = self._parts.clusters.tagged(event, Reader(self._parts.store))
        audiences = self._parts.routes.audiences_for(tagged, Kind.NEW_VERSION)
        decisions = [
            self._record(
                msgspec.structs.replace(event, event_id=f"{event.event_id} for {audience}"),
                raw,
                msgspec.structs.replace(reception, audiences=(audience,), at_once=False),
            )
            for audience in audiences
        ]
        if not decisions:
            return self._record(event, raw, reception)
        return next((decision for decision in decisions if decision is Decision.NEW), decisions[0])

    def _is_told_elsewhere(self, event: Event) -> bool:
        """Return whether the other topic has told the same of an event's cluster. At most one round trip."""
        found = correlation.told_before(event)
        return found is not None and self._parts.store.marked(*found)

    def _record(self, event: Event, raw: str, reception: Reception) -> Decision:
        told_elsewhere = self._is_told_elsewhere(event)
        for _ in range(_MAX_ATTEMPTS):
            reader = Reader(self._parts.store)
            decided = self._decided(event, reception, reader, is_told_elsewhere=told_elsewhere)
            if isinstance(decided, Decision):
                return log_event(decided, event, keys.history(event.event_id))
            if self._commit([decided], raw, reader, at_once=reception.at_once):
                return decided.planned.decision
            if not needs_history(event):
                return log_event(Decision.DUPLICATE, event, decided.recorded.key)
            # Another instance recorded something of this maintenance in between: decide again.
        raise TableUnavailable("others keep recording the same maintenance")

    def record_failures(self, events: Sequence[Event], raw: str, several: Several) -> Decision | None:
        """Record failures that one event brings, and tell them at once, each audience in one mail.

        As many of them as one transaction holds; `several` goes on with the others. Returns None where that
        is not to be done here, or was not: nothing is recorded then. Raises TableUnavailable.
        """
        if kind_of(events[0]) not in ESCALATING or not self._has_time_for(1 + _STEPS_TO_SEND):
            return None
        events = events[: max(1, min(_MAX_FAILURES, _MAX_RAW_CHARACTERS // len(raw)))]
        reader = Reader(self._parts.store)
        reader.fetch(keys.history(event.event_id) for event in events)
        self._parts.clusters.read((event.subject.key for event in events), reader)
        found: list[Decided] = []
        done = 0
        for event in events:
            decided = self._decided(event, Reception(), reader, is_told_elsewhere=False)
            if isinstance(decided, Decision):
                log_event(decided, event, keys.history(event.event_id))
            elif sum(one.rows for one in (*found, decided)) > MAX_OPERATIONS - _SPARE_OPERATIONS:
                break
            else:
                found.append(decided)
                reader.note(decided.recorded)
            done += 1
        if not found:
            return None
        several = msgspec.structs.replace(several, done=done)
        return Decision.NEW if self._commit(found, raw, reader, at_once=True, several=several) else None

    def _decided(
        self, event: Event, reception: Reception, reader: Reader, *, is_told_elsewhere: bool
    ) -> Decided | Decision:
        """Decide what an event is, and who hears of it; or why nothing is to be recorded."""
        history = reader.history(keys.history(event.event_id)) if needs_history(event) else ()
        now = self._parts.clock.now()
        # A clock that is ahead: later news would look stale beside it.
        if event.time > now:
            event = msgspec.structs.replace(event, time=now)
        if event.run is not None and event.updated - now > _SKEW:
            event = msgspec.structs.replace(event, updated=now)
        planned = self._plan(event, history, now=now)
        key = planned.key
        if key is None:
            return planned.decision
        if is_told_elsewhere:
            planned = msgspec.structs.replace(planned, decision=Decision.SUPERSEDED, kind=None)
        elif not reception.is_told and planned.kind is not None:
            planned = msgspec.structs.replace(planned, decision=Decision.RECORDED, kind=None)
        recorded = StoredEvent(key, event, planned.decision, planned.revision, reception.via)
        told = self._told(event, planned, history, reception.audiences, reader)
        if len(told) > 1:
            recorded = msgspec.structs.replace(recorded, told=self._parts.routes.labels(told))
        if planned.kind in ESCALATING:
            more = escalations(planned.kind, key, self._delays(told), now)
            planned = msgspec.structs.replace(planned, checks=(*planned.checks, *more))
        marks = (*correlation.marks(recorded), *turn(event, history), *self._traces(planned, recorded, told))
        return Decided(recorded, planned, history, told, marks)

    def _commit(
        self,
        events: Sequence[Decided],
        raw: str,
        reader: Reader,
        *,
        at_once: bool,
        several: Several | None = None,
    ) -> bool:
        """Record events together, and send what cannot wait; return whether they were new."""
        # What is sent at once may have to read a gate, is recorded, and settled.
        is_urgent = at_once and any(event.planned.kind in URGENT for event in events)
        wanted = self._mails.wanted(events) if is_urgent and self._has_time_for(_STEPS_TO_SEND) else []
        has_time = self._has_time_for(1 + _STEPS_TO_SEND if wanted else 2)
        clusters, now = self._parts.clusters if has_time else OFF, self._parts.clock.now()
        events = [
            msgspec.structs.replace(
                event, planned=clusters.watched(event.planned, event.recorded, event.known, reader, now)
            )
            for event in events
        ]
        mails = [self._mails.freeze(each, clusters, reader) for each in wanted]
        record = partial(
            self._parts.store.record,
            [event.recorded for event in events],
            raw,
            now=now,
            token=uuid4().hex,
            checks=[check for event in events for check in event.planned.checks],
            marks=[mark for event in events for mark in event.marks],
            several=several,
        )
        since = self._parts.clock.monotonic()
        recording = self._counted(record, events, mails)
        if recording.is_new:
            for event in events:
                log_event(event.planned.decision, event.recorded.event, event.recorded.key)
            self._mails.send(recording.mails, events, since)
        return recording.is_new

    def _told(
        self,
        event: Event,
        planned: Plan,
        history: Sequence[StoredEvent],
        only: tuple[str, ...] | None,
        reader: Reader,
    ) -> tuple[Destination, ...]:
        """Return who hears of an event, and where; that nobody does by mistake is worth a warning."""
        if planned.kind is None:
            return ()
        if only is not None:
            return self._parts.routes.destinations(only, planned.kind)
        told = msgspec.structs.replace(event, upgrade=upgrade_of(event, history))
        told = self._parts.clusters.tagged(told, reader)
        audiences = self._parts.routes.audiences_for(told, planned.kind)
        if not audiences and not self._parts.routes.is_routed(told):
            key = planned.key or event.event_id
            log_decision(Decision.UNROUTED, key, level=logging.WARNING, cluster=event.subject.id)
        return self._parts.routes.destinations(audiences, planned.kind)

    def _traces(self, planned: Plan, recorded: StoredEvent, told: Sequence[Destination]) -> Sequence[str]:
        """Return the mark that nobody is told of an event, where somebody might have been."""
        if told or planned.kind is None:
            return ()
        why = "unwanted" if self._parts.routes.is_routed(recorded.event) else "unrouted"
        return (keys.told_of_nobody(recorded.event.subject.key, why, recorded.key),)

    def _delays(self, told: Sequence[Destination]) -> list[tuple[str, timedelta]]:
        """Return whom a failure is told as well that nothing resolves, and after how long."""
        hear = {to.audience for to in told}
        audiences = [self._parts.routes.audience(name) for name in sorted(hear)]
        return [
            (one.escalate_to, one.escalate_after)
            for one in audiences
            if one.escalate_after is not None and one.escalate_to not in hear
        ]

    def _counted(
        self, record: Callable[..., Recording], events: Sequence[Decided], mails: Sequence[Mail]
    ) -> Recording:
        """Record with these mails to be sent at once, or else, without room, as notices."""
        if mails:
            numbers = Counter(mail.target for mail in mails)
            notices = self._notices(events, but=mails)
            try:
                for attempt in self._parts.limiter.attempts(numbers, urgent=True):
                    with attempt as gates:
                        recording = record(notices=notices, mails=mails, gates=gates)
                        attempt.written = recording.gates
            except RateLimited:
                pass
            else:
                return recording
        return record(notices=self._notices(events))

    def _notices(self, events: Sequence[Decided], but: Iterable[Mail] = ()) -> list[tuple[Notice, datetime]]:
        """Return the notices, each with the time that it has waited long enough to be grouped."""
        now = self._parts.clock.now()
        grouping, routes = self._parts.grouping, self._parts.routes
        mailed = {notice.id for mail in but for notice in mail.notices}
        return [
            (notice, now + grouping.of(routes.audience(notice.audience), notice.target).wait)
            for event in events
            if event.planned.kind is not None
            for notice in notices_for(event.told, event.planned.kind, event.recorded.key)
            if notice.id not in mailed
        ]


def log_event(decision: Decision, event: Event, key: str) -> Decision:
    """Log a decision about an event, and return it."""
    log_decision(
        decision,
        key,
        eventId=event.event_id,
        status=event.status,
        cluster=event.subject.name,
        envelope=event.envelope_id,
    )
    return decision
