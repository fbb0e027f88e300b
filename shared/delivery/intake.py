"""Intake: a delivery of Event Grid in, each of its events recorded, and answered in time."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.decision_log import log_decision
from shared.delivery.limiter import Burst
from shared.delivery.recorder import Reception, Recorder, log_event
from shared.delivery.rejection import reject
from shared.events.envelope import named, parse
from shared.events.model import Cluster, DeliveredItem, Event, Ignored, Rejected
from shared.notices.kinds import Decision
from shared.notices.planning import plan
from shared.store.bounded import BoundedTable
from shared.store.inbox import Several
from shared.store.protocol import Store
from shared.store.table import TableError, TableUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.delivery.parts import DeliveryParts
    from shared.notices.planning import Plan, Watch
    from shared.store.table import BrowsableTable

log = logging.getLogger("notifier")

ANSWER_SECONDS = 28.0
"""Within so long a delivery is answered, settling included; Event Grid waits 30 and then delivers again."""

SEND_SECONDS = 25.0
"""Within so long every send has ended."""

FRESH = timedelta(minutes=2)
"""How old an event is that comes without delay, and how much a clock may be off unnoticed for one event."""


class Intake:
    """Takes deliveries of Event Grid, and events that came another way. Thread-safe."""

    def __init__(self, parts: DeliveryParts, table: BrowsableTable, *, gap: timedelta, watch: Watch) -> None:
        self._parts = parts
        self._table = table
        self._plan = partial(plan, leads=parts.routes.all_leads(), gap=gap, watch=watch)
        self._burst = Burst(parts.clock)

    def take(self, text: str) -> list[Decision]:
        """Take one delivery: an event, or an array of them; return the decision about each.

        Raises TableUnavailable if an event could not be recorded, so that Event Grid delivers again; the
        others of the delivery are recorded all the same, and are duplicates then.
        """
        delivery = self._delivery()
        decisions: list[Decision] = []
        unavailable: TableUnavailable | None = None
        items = parse(text, self._parts.clock.now())
        for _, (item, *others) in groupby(items, key=attrgetter("place")):
            if not delivery.has_time:
                unavailable = TableUnavailable("out of time: the rest of the delivery has to come again")
                break
            try:
                decisions.append(delivery.spread([item, *others]) if others else delivery.take(item))
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
        instead of those that the routes say. An event that is not `is_told` is recorded only; one that is
        not `at_once` waits to be grouped, even a failure. Raises TableUnavailable if it could not be
        recorded: then it has to come again.
        """
        only = None if audiences is None else tuple(audiences)
        return self._delivery().record(event, raw, Reception(via, only, is_told, at_once))

    def record_one(self, item: DeliveredItem) -> Decision:
        """Record an event for one of the clusters that it names. What is to be told waits for the sweep.

        Raises TableUnavailable.
        """
        return self._delivery().take(item, at_once=False)

    def _delivery(self) -> _Delivery:
        return _Delivery(self._parts, self._table, self._plan, self._burst)


class _Delivery:
    """One delivery, and how long it may take."""

    def __init__(
        self, parts: DeliveryParts, table: BrowsableTable, plan: Callable[..., Plan], burst: Burst
    ) -> None:
        began = parts.clock.monotonic()
        self._table = BoundedTable(table, parts.clock, began + ANSWER_SECONDS)
        self._store = Store(self._table)
        self._clock = parts.clock
        sender = parts.sender.over(self._store)
        self._recorder = Recorder(
            msgspec.structs.replace(parts, store=self._store, sender=sender, limiter=sender.limiter),
            plan=plan,
            burst=burst,
            has_time_for=self._table.has_time_for,
            send_by=began + SEND_SECONDS,
            answer_by=began + ANSWER_SECONDS,
        )

    @property
    def has_time(self) -> bool:
        """Whether there is time for anything more."""
        return self._table.has_time_for(1)

    def spread(self, items: Sequence[DeliveredItem]) -> Decision:
        """Take an event that names several clusters, an item for each.

        Failures are told at once, as many as one transaction holds. All else is kept for the next sweep, in
        one transaction, however many they are.
        """
        events, raw = [item.reading for item in items if isinstance(item.reading, Event)], items[0].raw
        self._listen(events[0])
        several = Several(named(raw) or raw, raw, len(events))
        try:
            decision = self._recorder.record_failures(events, raw, several)
        except Exception:  # if they were recorded all the same, they are known by now
            log.exception("failures are left to the sweep, which records one by one")
            decision = None
        if decision is None:
            decision = Decision.NEW if self._store.spread(several, self._clock.now()) else Decision.DUPLICATE
        return log_event(decision, events[0], keys.told_of_spread(keys.digest(several.name)))

    def _listen(self, event: Event) -> None:
        """Ask the table for the time where this machine's clock, before any answer, is in doubt.

        What is made of the event would be due by it. An event is minutes old, as a rule.
        """
        if not self._clock.has_heard and abs(self._clock.now() - event.time) >= FRESH:
            self._store.listen()

    def take(self, item: DeliveredItem, *, at_once: bool = True) -> Decision:
        match item.reading:
            case Ignored(reason, envelope_id):
                log_decision(Decision.IGNORED, envelope_id, why=reason)
                self._leave_trace(item.raw, reason)
                return Decision.IGNORED
            case Rejected(reason):
                return reject(self._store, item.raw, reason, self._clock.now())
            case Event() as event:
                return self.record(event, item.raw, Reception(at_once=at_once))

    def _leave_trace(self, raw: str, reason: str) -> None:
        """Write down that news of a cluster were ignored, for whoever asks. Raises nothing."""
        cluster = Cluster.parse(raw)
        if cluster is None:
            return
        try:
            self._store.ignored(cluster.key, reason, self._clock.now())
        except TableError:
            log.exception("that news of a cluster were ignored could not be written down")

    def record(self, event: Event, raw: str, reception: Reception) -> Decision:
        self._listen(event)
        try:
            return self._recorder.record(event, raw, reception)
        except TableUnavailable:
            raise
        except Exception as error:
            # Delivered again it would fail again: kept and told, as what cannot be understood is.
            log.exception("an event could not be recorded")
            return reject(self._store, raw, f"could not be recorded: {error!r}", self._clock.now())
