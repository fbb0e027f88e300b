"""Recording one event: decided, stored with what follows from it, and, if it is a failure, told at once.

Once the transaction is through, the event is safe. Nothing after it raises: what could not be sent here, the
sweep sends. One walk from an event to its mails, which is why it is one module.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from shared import ids, keys
from shared.audience import Destination, notices_for
from shared.clusters.lookup import OFF
from shared.decision_log import log_decision
from shared.delivery.limiter import RateLimited
from shared.events.cluster_event import version_id
from shared.events.model import ClusterNews, Event
from shared.notices import correlation
from shared.notices.gates import turn
from shared.notices.kinds import FAILURES, URGENT, Decision, Kind
from shared.notices.planning import Plan, escalations, needs_history
from shared.notices.records import Mail, MailItem, Notice, StoredEvent, frozen_history, upgrade_of
from shared.store.reader import Reader
from shared.store.table import MAX_OPERATIONS, TableUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from datetime import datetime, timedelta

    from shared.clusters.lookup import Lookup
    from shared.delivery.limiter import Burst
    from shared.delivery.parts import Parts
    from shared.store.inbox import Recording
    from shared.store.rows import MailRow

log = logging.getLogger("notifier")

_STEPS_TO_SEND = 3
"""Round trips that a failure takes which is sent at once: its gate, its recording, its settling."""

_MAX_ATTEMPTS = 3
_MAX_MARKS = 6
"""Rows that recording writes beside notices, mails and gates: the event, its marks, its cluster, a check."""


class Reception(msgspec.Struct, frozen=True):
    """How an event came, by default from Event Grid, and how it is treated for that: see `Intake.record`."""

    via: str = ""
    audiences: tuple[str, ...] | None = None
    is_told: bool = True
    at_once: bool = True


class Recorder:
    """Records the events of one delivery.

    `plan` decides what an event is. `has_time_for` says whether so many round trips would end in time;
    sends end by `send_by`, and the delivery is answered by `answer_by`, on the monotonic clock.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        plan: Callable[..., Plan],
        burst: Burst,
        has_time_for: Callable[[int], bool],
        send_by: float,
        answer_by: float,
    ) -> None:
        self._parts = parts
        self._plan = plan
        self._burst = burst
        self._has_time_for = has_time_for
        self._send_by = send_by
        self._answer_by = answer_by

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
        is_told_elsewhere = self._is_told_elsewhere(event)
        for _ in range(_MAX_ATTEMPTS):
            prefix = keys.history(event.event_id)
            history = self._parts.store.history(prefix) if needs_history(event) else ()
            now = self._parts.clock.now()
            if event.time > now:  # a clock that is ahead: later news would look stale beside it
                event = msgspec.structs.replace(event, time=now)
            planned = self._plan(event, history, now=now)
            if planned.key is None:
                return log_event(planned.decision, event, prefix)
            key = planned.key
            if is_told_elsewhere:
                planned = msgspec.structs.replace(planned, decision=Decision.SUPERSEDED, kind=None)
            elif not reception.is_told and planned.kind is not None:
                planned = msgspec.structs.replace(planned, decision=Decision.RECORDED, kind=None)
            recorded = StoredEvent(key, event, planned.decision, planned.revision, reception.via)
            reader, known = Reader(self._parts.store), [*history, recorded]
            told = self._told(event, planned, history, reception.audiences, reader)
            if planned.kind in FAILURES:
                more = escalations(planned.kind, key, self._delays(told), now)
                planned = msgspec.structs.replace(planned, checks=(*planned.checks, *more))
            # What is sent at once may have to read a gate, is recorded, and settled.
            is_urgent = reception.at_once and planned.kind in URGENT and self._has_time_for(_STEPS_TO_SEND)
            urgent = self._urgent(told) if is_urgent else []
            has_time = self._has_time_for(1 + _STEPS_TO_SEND if urgent else 2)
            clusters = self._parts.clusters if has_time else OFF
            planned = clusters.watched(planned, recorded, known, reader, now)
            mails = [
                self._urgent_mail(planned.kind, recorded, known, to, clusters, reader)
                for to in urgent
                if planned.kind is not None
            ]
            marks = [*correlation.marks(recorded), *turn(event, history)]
            marks += self._traces(planned, recorded, told)
            record = partial(self._parts.store.record, recorded, raw, now=now, token=uuid4().hex, marks=marks)
            since = self._parts.clock.monotonic()
            recording = self._commit(record, planned, told, mails)
            if recording.is_new:
                log_event(planned.decision, event, recorded.key)
                self._send_all(recording.mails, known, since)
                return planned.decision
            if not needs_history(event):
                return log_event(Decision.DUPLICATE, event, recorded.key)
            # Another instance recorded something of this maintenance in between: decide again.
        raise TableUnavailable("others keep recording the same maintenance")

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

    def _commit(
        self,
        record: Callable[..., Recording],
        planned: Plan,
        told: Sequence[Destination],
        mails: Sequence[Mail],
    ) -> Recording:
        """Record what is planned: with these mails to be sent at once, or else, without room, as notices."""
        if mails:
            numbers = Counter(mail.target for mail in mails)
            notices = self._notices(planned, told, but={_destination(mail) for mail in mails})
            try:
                for attempt in self._parts.limiter.attempts(numbers, urgent=True):
                    with attempt as gates:
                        recording = record(notices=notices, checks=planned.checks, mails=mails, gates=gates)
                        attempt.written = recording.gates
            except RateLimited:
                pass
            else:
                return recording
        return record(notices=self._notices(planned, told), checks=planned.checks)

    def _urgent(self, told: Sequence[Destination]) -> list[Destination]:
        """Return where a failure may be sent at once."""
        urgent: list[Destination] = []
        # What is recorded with it, and a gate for each target, have to fit into one transaction.
        gates = MAX_OPERATIONS - len(told) - _MAX_MARKS
        room: dict[str, int] = {}
        for to in told:
            if to.target not in room:
                is_open = len(room) < gates and self._parts.limiter.is_open(to.target)
                room[to.target] = self._parts.limiter.room(to.target) if is_open else 0
            if room[to.target] > 0 and self._burst.has_room(to, self._interval(to)):
                room[to.target] -= 1
                urgent.append(to)
        return urgent

    def _urgent_mail(  # noqa: PLR0917 - what one mail is made of
        self,
        kind: Kind,
        recorded: StoredEvent,
        history: Sequence[StoredEvent],
        to: Destination,
        clusters: Lookup,
        reader: Reader,
    ) -> Mail:
        """Freeze the mail that tells one audience, on one target, of what cannot wait: a failure, a gate."""
        key, now = recorded.key, self._parts.clock.now()
        snapshot = clusters.snapshot(kind, key, history, reader, now)
        part = self._parts.runs.part(recorded, kind, to.audience)
        member = MailItem(kind, key, frozen_history(history, key), snapshot=snapshot, part=part)
        operation_id = ids.operation_id([member.notice_id(to.audience, to.target)])
        mail = Mail(
            operation_id=operation_id, audience=to.audience, target=to.target, as_of=now, members=(member,)
        )
        return self._parts.sender.bound(mail)

    def _notices(
        self, planned: Plan, told: Sequence[Destination], but: Container[Destination] = ()
    ) -> list[tuple[Notice, datetime]]:
        """Make the notices, each with the time that it has waited long enough for company."""
        if planned.kind is None or planned.key is None:
            return []
        now = self._parts.clock.now()
        grouping, routes = self._parts.grouping, self._parts.routes
        return [
            (notice, now + grouping.of(routes.audience(notice.audience), notice.target).wait)
            for notice in notices_for(told, planned.kind, planned.key)
            if Destination(notice.audience, notice.target) not in but
        ]

    def _interval(self, to: Destination) -> timedelta:
        return self._parts.grouping.of(self._parts.routes.audience(to.audience)).interval

    def _send_all(self, mails: Sequence[MailRow], rows: Sequence[StoredEvent], since: float) -> None:
        """Send failures now, side by side where their targets differ: one that hangs delays no other."""
        by_target: dict[str, list[MailRow]] = defaultdict(list)
        for row in mails:
            self._burst.count(_destination(row.mail))
            by_target[row.mail.target].append(row)

        def send(lane: list[MailRow]) -> None:
            for row in lane:
                self._send(row, rows, since)

        if len(by_target) == 1:
            send(*by_target.values())
            return
        threads = [Thread(target=send, args=(lane,), daemon=True) for lane in by_target.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, self._answer_by - self._parts.clock.monotonic()))

    def _send(self, row: MailRow, rows: Sequence[StoredEvent], since: float) -> None:
        """Send a failure now. Whatever goes wrong, its row is there, and the sweep goes on with it."""
        named = {key for member in row.mail.members for key in (member.key, *member.history)}
        known = {stored.key: stored for stored in rows if stored.key in named}
        try:
            self._parts.sender.send(row, known, since=since, until=self._send_by)
        except Exception:
            log.exception("mail %s was not sent at once; the sweep will see to it", row.mail.operation_id)


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


def _destination(mail: Mail) -> Destination:
    return Destination(mail.audience, mail.target)
