"""Intake: an event in, its row and what follows from it recorded, a failure mailed at once.

Once the transaction is through, the event is safe, and Event Grid is told so. Nothing after it raises: what
could not be mailed here, the sweep mails.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from shared import ids, keys
from shared.audience import DEFAULT_AUDIENCE
from shared.clusters.lookup import OFF
from shared.decision_log import log_decision
from shared.delivery.sender import RateLimited
from shared.events.cluster_event import version_id
from shared.events.envelope import parse
from shared.events.model import ClusterNews, Event, Ignored, Item, Rejected
from shared.notices import correlation
from shared.notices.kinds import URGENT, Decision, Kind
from shared.notices.planning import Plan, needs_history, plan
from shared.notices.records import (
    Mail,
    MailItem,
    Notice,
    RejectedInput,
    StoredEvent,
    frozen_history,
    upgrade_of,
)
from shared.store.reader import Reader
from shared.store.table import TableUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from shared.clock import Clock
    from shared.clusters.lookup import Lookup
    from shared.delivery.grouping import Grouping
    from shared.delivery.sender import Sender
    from shared.notices.planning import Watch
    from shared.routes import Routes
    from shared.store.protocol import Recording, Store
    from shared.store.rows import MailRow, SendGate

log = logging.getLogger("notifier")

ANSWER_WITHIN = 25.0
"""Seconds by which a delivery is answered; Event Grid waits 30 and then delivers again."""

MAX_AT_ONCE = 3
"""Failures mailed at once, per audience and GROUP_INTERVAL, by one process; more go as one digest."""

_IN_TIME_FOR_CLUSTERS = 20.0
"""Seconds left that it takes to ask for a cluster's windows, too: recording comes first."""

_MAX_ATTEMPTS = 3


class Intake:
    """Takes deliveries of Event Grid. Thread-safe."""

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        routes: Routes,
        clock: Clock,
        grouping: Grouping,
        gap: timedelta,
        watch: Watch,
        clusters: Lookup = OFF,
    ) -> None:
        self._store = store
        self._sender = sender
        self._routes = routes
        self._clock = clock
        self._grouping = grouping
        self._leads = routes.all_leads()
        self._gap = gap
        self._watch = watch
        self._clusters = clusters
        self._at_once: dict[str, deque[float]] = defaultdict(deque)
        self._lock = Lock()

    def take(self, text: str) -> list[Decision]:
        """Take one delivery: an event, or an array of them; give the decision about each.

        Raises TableUnavailable if an event could not be recorded, so that Event Grid delivers again; the
        others of the delivery are recorded all the same, and are duplicates then.
        """
        deadline = self._clock.monotonic() + ANSWER_WITHIN
        decisions: list[Decision] = []
        unavailable: TableUnavailable | None = None
        for item in parse(text, self._clock.now()):
            if self._clock.monotonic() > deadline:
                unavailable = TableUnavailable("out of time: the rest of the delivery has to come again")
                break
            try:
                decisions.append(self._take(item, deadline))
            except TableUnavailable as error:
                unavailable = error
        if unavailable is not None:
            raise unavailable
        return decisions

    def _take(self, item: Item, deadline: float) -> Decision:
        match item.reading:
            case Ignored(reason, envelope_id):
                log_decision(Decision.IGNORED, envelope_id, why=reason)
                return Decision.IGNORED
            case Rejected(reason):
                return self._reject(item.raw, reason)
            case Event() as event:
                try:
                    return self._record_news(event, item.raw, deadline)
                except TableUnavailable:
                    raise
                except Exception as error:
                    # Delivered again it would fail again: kept and told, as what cannot be understood is.
                    log.exception("an event could not be recorded")
                    return self._reject(item.raw, f"could not be recorded: {error!r}")

    def _record_news(self, event: Event, raw: str, deadline: float) -> Decision:
        """Record an event; news of versions once for each audience, from however many clusters they come."""
        if event.news != ClusterNews.NEW_VERSION:
            return self._record(event, raw, deadline)
        region = self._clusters.region(event, Reader(self._store))
        if region:
            id_ = version_id(f"region {region}", event.versions)
            event = msgspec.structs.replace(event, region=region, event_id=id_)
        audiences = self._routes.audiences_for(event, Kind.NEW_VERSION)
        decisions = [
            self._record(
                msgspec.structs.replace(event, event_id=f"{event.event_id} for {audience}"),
                raw,
                deadline,
                only=audience,
            )
            for audience in audiences
        ]
        if not decisions:
            return self._record(event, raw, deadline)
        return next((decision for decision in decisions if decision is Decision.NEW), decisions[0])

    def _is_told_elsewhere(self, event: Event) -> bool:
        """Return whether the other topic has told the same of an event's cluster. At most one round trip."""
        found = correlation.told_before(event)
        return found is not None and self._store.marked(*found)

    def _record(self, event: Event, raw: str, deadline: float, only: str = "") -> Decision:
        is_told = self._is_told_elsewhere(event)
        for _ in range(_MAX_ATTEMPTS):
            prefix = keys.history(event.event_id)
            history = self._store.history(prefix) if needs_history(event) else ()
            now = self._clock.now()
            if event.time > now:  # a clock that is ahead: later news would look stale beside it
                event = msgspec.structs.replace(event, time=now)
            planned = plan(event, history, leads=self._leads, gap=self._gap, watch=self._watch, now=now)
            if planned.key is None:
                return self._decided(planned.decision, event, prefix)
            recorded = StoredEvent(planned.key, event, planned.decision, planned.revision)
            if is_told:
                planned = msgspec.structs.replace(planned, decision=Decision.SUPERSEDED, kind=None)
                recorded = msgspec.structs.replace(recorded, decision=Decision.SUPERSEDED)
            audiences = (only,) if only else self._hearing(event, planned, history)
            urgent = self._urgent(audiences) if planned.kind in URGENT else []
            clusters = self._clusters if deadline - self._clock.monotonic() > _IN_TIME_FOR_CLUSTERS else OFF
            reader, known = Reader(self._store), [*history, recorded]
            planned = clusters.watched(planned, recorded, known, reader, now)
            mails = [
                self._urgent_mail(planned.kind, recorded, known, audience, clusters, reader)
                for audience in urgent
                if planned.kind is not None
            ]
            marks = correlation.marks(recorded)
            record = partial(self._store.record, recorded, raw, now=now, token=uuid4().hex, marks=marks)
            since = self._clock.monotonic()
            recording = self._commit(record, planned, audiences, mails)
            if recording.is_new:
                self._decided(planned.decision, event, recorded.key)
                for row in recording.mails:
                    self._count(row.mail.audience)
                    self._send(row, known, since, deadline)
                return planned.decision
            if not needs_history(event):
                return self._decided(Decision.DUPLICATE, event, recorded.key)
            # Another instance recorded something of this maintenance in between: decide again.
        raise TableUnavailable("others keep recording the same maintenance")

    def _hearing(self, event: Event, planned: Plan, history: Sequence[StoredEvent]) -> tuple[str, ...]:
        """Return the audiences that hear of an event; that there are none by mistake is worth a warning."""
        if planned.kind is None:
            return ()
        told = msgspec.structs.replace(event, upgrade=upgrade_of(event, history))
        audiences = self._routes.audiences_for(told, planned.kind)
        if not audiences and not self._routes.is_routed(told):
            key = planned.key or event.event_id
            log_decision(Decision.UNROUTED, key, level=logging.WARNING, cluster=event.subject.id)
        return audiences

    def _commit(
        self,
        record: Callable[..., Recording],
        planned: Plan,
        audiences: Sequence[str],
        mails: Sequence[Mail],
    ) -> Recording:
        """Record what is planned: with these mails to be sent at once, or else, without room, as notices."""

        def commit(gate: SendGate | None) -> tuple[Recording, SendGate | None]:
            notices = self._notices(planned, audiences, but=[mail.audience for mail in mails])
            recording = record(notices=notices, checks=planned.checks, mails=mails, gate=gate)
            return recording, recording.gate

        if mails:
            try:
                return self._sender.lease(commit, urgent=True, number=len(mails))
            except RateLimited:
                pass
        return record(notices=self._notices(planned, audiences, but=()), checks=planned.checks)

    def _urgent(self, audiences: Sequence[str]) -> list[str]:
        """Return the audiences that a failure may be mailed to at once."""
        if self._sender.paused():
            return []
        room = self._sender.room()
        urgent: list[str] = []
        for audience in audiences:
            if len(urgent) < room and self._may_send(audience):
                urgent.append(audience)
        return urgent

    def _urgent_mail(  # noqa: PLR0917 - what one mail is made of
        self,
        kind: Kind,
        recorded: StoredEvent,
        history: Sequence[StoredEvent],
        audience: str,
        clusters: Lookup,
        reader: Reader,
    ) -> Mail:
        """Freeze the mail that tells one audience of what cannot wait: a failure, a gate."""
        key, now = recorded.key, self._clock.now()
        snapshot = clusters.snapshot(kind, key, history, reader, now)
        member = MailItem(kind, key, frozen_history(history, key), snapshot=snapshot)
        return Mail(
            operation_id=ids.operation_id([member.notice_id(audience)]),
            audience=audience,
            as_of=now,
            members=(member,),
        )

    def _notices(
        self, planned: Plan, audiences: Sequence[str], but: Sequence[str]
    ) -> list[tuple[Notice, datetime]]:
        """Make the notices, each with the time that it has waited long enough for company."""
        if planned.kind is None or planned.key is None:
            return []
        now = self._clock.now()
        kind, key = planned.kind, planned.key
        return [
            (
                Notice(ids.notice_id(key, kind, "", audience), kind, key, audience),
                now + self._grouping.of(self._sender.audience(audience)).wait,
            )
            for audience in audiences
            if audience not in but
        ]

    def _may_send(self, audience: str) -> bool:
        """Return whether one more failure may go to an audience at once."""
        interval = self._grouping.of(self._sender.audience(audience)).interval
        horizon = self._clock.monotonic() - interval.total_seconds()
        with self._lock:
            recent = self._at_once[audience]
            while recent and recent[0] <= horizon:
                recent.popleft()
            return len(recent) < MAX_AT_ONCE

    def _count(self, audience: str) -> None:
        with self._lock:
            self._at_once[audience].append(self._clock.monotonic())

    def _send(self, row: MailRow, rows: Sequence[StoredEvent], since: float, deadline: float) -> None:
        """Mail a failure now. Whatever goes wrong, its row is there, and the sweep goes on with it."""
        named = {key for member in row.mail.members for key in (member.key, *member.history)}
        known = {stored.key: stored for stored in rows if stored.key in named}
        try:
            self._sender.send(row, known, since=since, until=deadline)
        except Exception:
            log.exception("mail %s was not sent at once; the sweep will see to it", row.mail.operation_id)

    def _reject(self, raw: str, reason: str) -> Decision:
        rejected = RejectedInput(keys.rejected(raw), reason, raw, self._clock.now())
        id_ = ids.notice_id(rejected.key, Kind.REJECTED, "", DEFAULT_AUDIENCE)
        new = self._store.reject(rejected, Notice(id_, Kind.REJECTED, rejected.key, DEFAULT_AUDIENCE))
        decision = Decision.REJECTED if new else Decision.DUPLICATE
        log_decision(decision, rejected.key, level=logging.ERROR, why=reason, size=len(raw))
        return decision

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
