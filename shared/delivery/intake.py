"""Intake: an event in, its row and what follows from it recorded, a failure mailed at once.

Once the transaction is through, the event is safe, and Event Grid is told so. Nothing after it raises: what
could not be mailed here, the sweep mails.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict, deque
from functools import partial
from itertools import groupby
from threading import Lock, Thread
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from shared import ids, keys
from shared.audience import Destination
from shared.clusters.lookup import OFF
from shared.decision_log import log_decision
from shared.delivery.limiter import RateLimited
from shared.delivery.rejection import reject
from shared.events.cluster_event import version_id
from shared.events.envelope import named, parse
from shared.events.model import ClusterNews, Event, Ignored, Item, Rejected
from shared.notices import correlation
from shared.notices.kinds import FAILURES, URGENT, Decision, Kind
from shared.notices.planning import Plan, escalations, needs_history, plan
from shared.notices.records import (
    Mail,
    MailItem,
    Notice,
    StoredEvent,
    frozen_history,
    upgrade_of,
)
from shared.store.reader import Reader
from shared.store.table import MAX_OPERATIONS, TableUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from datetime import datetime, timedelta

    from shared.clock import Clock
    from shared.clusters.lookup import Lookup
    from shared.clusters.runs import RunLookup
    from shared.delivery.grouping import Grouping
    from shared.delivery.limiter import Limiter
    from shared.delivery.sender import Sender
    from shared.notices.planning import Watch
    from shared.routes import Routes
    from shared.store.protocol import Recording, Store
    from shared.store.rows import MailRow

log = logging.getLogger("notifier")

ANSWER_WITHIN = 25.0
"""Seconds by which a delivery is answered; Event Grid waits 30 and then delivers again."""

MAX_AT_ONCE = 3
"""Failures sent at once, per audience, target and GROUP_INTERVAL, by one process; more wait for the sweep."""

_IN_TIME_FOR_CLUSTERS = 20.0
"""Seconds left that it takes to ask for a cluster's windows, too: recording comes first."""

_MAX_ATTEMPTS = 3
_MAX_MARKS = 4
"""Rows that recording a failure writes beside notices, mails and gates: the event, its marks."""


class Reception(msgspec.Struct, frozen=True):
    """How an event came, and how it is treated for that: as `Intake.record` says."""

    via: str = ""
    audiences: tuple[str, ...] | None = None
    is_told: bool = True
    at_once: bool = True


PUSHED = Reception()
"""By Event Grid."""
LATER = Reception(at_once=False)
"""By Event Grid, and kept for the sweep."""


class Intake:
    """Takes deliveries of Event Grid. Thread-safe."""

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        limiter: Limiter,
        routes: Routes,
        clock: Clock,
        grouping: Grouping,
        gap: timedelta,
        watch: Watch,
        clusters: Lookup = OFF,
        runs: RunLookup | None = None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._limiter = limiter
        self._routes = routes
        self._clock = clock
        self._grouping = grouping
        self._leads = routes.all_leads()
        self._gap = gap
        self._watch = watch
        self._clusters = clusters
        self._runs = runs
        self._at_once: dict[Destination, deque[float]] = defaultdict(deque)
        self._lock = Lock()

    def take(self, text: str) -> list[Decision]:
        """Take one delivery: an event, or an array of them; give the decision about each.

        Raises TableUnavailable if an event could not be recorded, so that Event Grid delivers again; the
        others of the delivery are recorded all the same, and are duplicates then.
        """
        deadline = self._clock.monotonic() + ANSWER_WITHIN
        decisions: list[Decision] = []
        unavailable: TableUnavailable | None = None
        # What was read out of one event has one text: one item for each cluster that it names.
        for _, (item, *others) in groupby(parse(text, self._clock.now()), key=lambda item: id(item.raw)):
            if self._clock.monotonic() > deadline:
                unavailable = TableUnavailable("out of time: the rest of the delivery has to come again")
                break
            try:
                decisions.append(self._spread(item) if others else self._take(item, deadline))
            except TableUnavailable as error:
                unavailable = error
        if unavailable is not None:
            raise unavailable
        return decisions

    def record(
        self,
        event: Event,
        raw: str,
        *,
        via: str = "",
        audiences: Sequence[str] | None = None,
        is_told: bool = True,
        at_once: bool = True,
    ) -> Decision:
        """Take an event that came by another way than Event Grid; return the decision about it.

        `raw` is what it was read from, and `via` names the way; both are kept with it. `audiences` hear of it
        instead of those that the routes say. What is not `is_told` is recorded only, and what is not
        `at_once` waits for company, be it a failure. Raises TableUnavailable if it could not be recorded:
        then it has to come again.
        """
        reception = Reception(via, None if audiences is None else tuple(audiences), is_told, at_once)
        return self._accept(event, raw, self._clock.monotonic() + ANSWER_WITHIN, reception)

    def record_one(self, item: Item) -> Decision:
        """Record an event for one of the clusters that it names. What is to be told waits for the sweep.

        Raises TableUnavailable.
        """
        return self._take(item, self._clock.monotonic() + ANSWER_WITHIN, at_once=False)

    def _spread(self, item: Item) -> Decision:
        """Keep an event that names several clusters for the next sweep, in one transaction, however many."""
        name = named(item.raw) or item.raw
        new = self._store.spread(name, item.raw, self._clock.now())
        decision = Decision.NEW if new else Decision.DUPLICATE
        assert isinstance(item.reading, Event)
        return self._decided(decision, item.reading, keys.told_of_spread(keys.digest(name)))

    def _take(self, item: Item, deadline: float, *, at_once: bool = True) -> Decision:
        match item.reading:
            case Ignored(reason, envelope_id):
                log_decision(Decision.IGNORED, envelope_id, why=reason)
                return Decision.IGNORED
            case Rejected(reason):
                return self._reject(item.raw, reason)
            case Event() as event:
                return self._accept(event, item.raw, deadline, PUSHED if at_once else LATER)

    def _accept(self, event: Event, raw: str, deadline: float, reception: Reception) -> Decision:
        try:
            return self._record_news(event, raw, deadline, reception)
        except TableUnavailable:
            raise
        except Exception as error:
            # Delivered again it would fail again: kept and told, as what cannot be understood is.
            log.exception("an event could not be recorded")
            return self._reject(raw, f"could not be recorded: {error!r}")

    def _record_news(self, event: Event, raw: str, deadline: float, reception: Reception) -> Decision:
        """Record an event; news of versions once for each audience, from however many clusters they come."""
        if event.news != ClusterNews.NEW_VERSION:
            return self._record(event, raw, deadline, reception)
        region = self._clusters.region(event, Reader(self._store))
        if region:
            id_ = version_id(f"region {region}", event.versions)
            event = msgspec.structs.replace(event, region=region, event_id=id_)
        tagged = self._clusters.tagged(event, Reader(self._store))
        audiences = self._routes.audiences_for(tagged, Kind.NEW_VERSION)
        decisions = [
            self._record(
                msgspec.structs.replace(event, event_id=f"{event.event_id} for {audience}"),
                raw,
                deadline,
                msgspec.structs.replace(reception, audiences=(audience,)),
            )
            for audience in audiences
        ]
        if not decisions:
            return self._record(event, raw, deadline, reception)
        return next((decision for decision in decisions if decision is Decision.NEW), decisions[0])

    def _is_told_elsewhere(self, event: Event) -> bool:
        """Return whether the other topic has told the same of an event's cluster. At most one round trip."""
        found = correlation.told_before(event)
        return found is not None and self._store.marked(*found)

    def _record(self, event: Event, raw: str, deadline: float, reception: Reception) -> Decision:
        is_told_elsewhere = self._is_told_elsewhere(event)
        for _ in range(_MAX_ATTEMPTS):
            prefix = keys.history(event.event_id)
            history = self._store.history(prefix) if needs_history(event) else ()
            now = self._clock.now()
            if event.time > now:  # a clock that is ahead: later news would look stale beside it
                event = msgspec.structs.replace(event, time=now)
            planned = plan(event, history, leads=self._leads, gap=self._gap, watch=self._watch, now=now)
            key = planned.key
            if key is None:
                return self._decided(planned.decision, event, prefix)
            if is_told_elsewhere:
                planned = msgspec.structs.replace(planned, decision=Decision.SUPERSEDED, kind=None)
            elif not reception.is_told and planned.kind is not None:
                planned = msgspec.structs.replace(planned, decision=Decision.RECORDED, kind=None)
            recorded = StoredEvent(key, event, planned.decision, planned.revision, reception.via)
            reader, known = Reader(self._store), [*history, recorded]
            told = self._told(event, planned, history, reception.audiences, reader)
            if planned.kind in FAILURES:
                more = escalations(planned.kind, key, self._delays(told), now)
                planned = msgspec.structs.replace(planned, checks=(*planned.checks, *more))
            urgent = self._urgent(told) if planned.kind in URGENT and reception.at_once else []
            clusters = self._clusters if deadline - self._clock.monotonic() > _IN_TIME_FOR_CLUSTERS else OFF
            planned = clusters.watched(planned, recorded, known, reader, now)
            mails = [
                self._urgent_mail(planned.kind, recorded, known, to, clusters, reader)
                for to in urgent
                if planned.kind is not None
            ]
            marks = correlation.marks(recorded)
            record = partial(self._store.record, recorded, raw, now=now, token=uuid4().hex, marks=marks)
            since = self._clock.monotonic()
            recording = self._commit(record, planned, told, mails)
            if recording.is_new:
                self._decided(planned.decision, event, recorded.key)
                self._send_all(recording.mails, known, since, deadline)
                return planned.decision
            if not needs_history(event):
                return self._decided(Decision.DUPLICATE, event, recorded.key)
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
            return self._routes.destinations(only, planned.kind)
        told = msgspec.structs.replace(event, upgrade=upgrade_of(event, history))
        told = self._clusters.tagged(told, reader)
        audiences = self._routes.audiences_for(told, planned.kind)
        if not audiences and not self._routes.is_routed(told):
            key = planned.key or event.event_id
            log_decision(Decision.UNROUTED, key, level=logging.WARNING, cluster=event.subject.id)
        return self._routes.destinations(audiences, planned.kind)

    def _delays(self, told: Sequence[Destination]) -> list[tuple[str, timedelta]]:
        """Return whom a failure is told as well that nothing resolves, and after how long."""
        hear = {to.audience for to in told}
        audiences = [self._routes.audiences[name] for name in sorted(hear)]
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
                for attempt in self._limiter.attempts(numbers, urgent=True):
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
                is_open = len(room) < gates and not self._limiter.paused(to.target)
                room[to.target] = self._limiter.room(to.target) if is_open else 0
            if room[to.target] > 0 and self._may_send(to):
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
        key, now = recorded.key, self._clock.now()
        snapshot = clusters.snapshot(kind, key, history, reader, now)
        part = self._runs.part(recorded, kind, to.audience) if self._runs else None
        member = MailItem(kind, key, frozen_history(history, key), snapshot=snapshot, part=part)
        return Mail(
            operation_id=ids.operation_id([member.notice_id(to.audience, to.target)]),
            audience=to.audience,
            target=to.target,
            as_of=now,
            members=(member,),
        )

    def _notices(
        self, planned: Plan, told: Sequence[Destination], but: Container[Destination] = ()
    ) -> list[tuple[Notice, datetime]]:
        """Make the notices, each with the time that it has waited long enough for company."""
        if planned.kind is None or planned.key is None:
            return []
        now = self._clock.now()
        kind, key = planned.kind, planned.key
        return [
            (
                Notice(
                    ids.notice_id(key, kind, "", to.audience, to.target),
                    kind,
                    key,
                    to.audience,
                    target=to.target,
                ),
                now + self._grouping.of(self._routes.audience(to.audience), to.target).wait,
            )
            for to in told
            if to not in but
        ]

    def _may_send(self, to: Destination) -> bool:
        """Return whether one more failure may be sent there at once."""
        interval = self._grouping.of(self._routes.audience(to.audience)).interval
        horizon = self._clock.monotonic() - interval.total_seconds()
        with self._lock:
            recent = self._at_once[to]
            while recent and recent[0] <= horizon:
                recent.popleft()
            return len(recent) < MAX_AT_ONCE

    def _send_all(
        self, mails: Sequence[MailRow], rows: Sequence[StoredEvent], since: float, deadline: float
    ) -> None:
        """Send failures now, side by side where their targets differ: one that hangs delays no other."""
        by_target: dict[str, list[MailRow]] = defaultdict(list)
        for row in mails:
            with self._lock:
                self._at_once[_destination(row.mail)].append(self._clock.monotonic())
            by_target[row.mail.target].append(row)

        def send(lane: list[MailRow]) -> None:
            for row in lane:
                self._send(row, rows, since, deadline)

        if len(by_target) == 1:
            send(*by_target.values())
            return
        threads = [Thread(target=send, args=(lane,), daemon=True) for lane in by_target.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - self._clock.monotonic()))

    def _send(self, row: MailRow, rows: Sequence[StoredEvent], since: float, deadline: float) -> None:
        """Send a failure now. Whatever goes wrong, its row is there, and the sweep goes on with it."""
        named = {key for member in row.mail.members for key in (member.key, *member.history)}
        known = {stored.key: stored for stored in rows if stored.key in named}
        try:
            self._sender.send(row, known, since=since, until=deadline)
        except Exception:
            log.exception("mail %s was not sent at once; the sweep will see to it", row.mail.operation_id)

    def _reject(self, raw: str, reason: str) -> Decision:
        return reject(self._store, raw, reason, self._clock.now())

    def _decided(self, decision: Decision, event: Event, key: str) -> Decision:
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
