"""Reconcile: what Azure Resource Graph has recorded, held against what Event Grid brought.

Each row goes through the reader and the insert of pushed events, so that one that came both ways is there
once, whichever came first. A run is bounded; the next one goes on where it stopped. What a subscription's
rows were is remembered, so that a row that has not changed costs no request.

With a subscription's first run its history comes; it is over once its rows were read to their end.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.events import graph_row
from shared.rounds.counts import Counts
from shared.rounds.operator_news import OperatorNews
from shared.rounds.reconcile_memory import ReconcileMemory
from shared.rounds.row_recorder import Row, RowRecorder
from shared.rounds.subscription_watch import SubscriptionWatch
from shared.sources.arm import ArmError
from shared.sources.resource_graph import GraphThrottled, Scope, scopes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.events.model import Event
    from shared.rounds.parts import RoundParts
    from shared.rounds.subscriptions import Watched

log = logging.getLogger("notifier")

GRACE = timedelta(minutes=30)
"""A row is left alone for so long: Event Grid may still be bringing it."""

RUN_SECONDS = 150.0
"""After so long no further row is taken: the host ends a function after five minutes."""

RECENT = timedelta(hours=24)
"""Where the last whole reading is no older, the rows of the last 36 hours are all that can be new."""


class ReconcileResult(Counts):
    """What a run did, in numbers."""

    subscriptions: int = 0
    rows: int = 0
    recorded: int = 0
    missed: int = 0
    waiting: int = 0
    """Rows that are too young."""
    unreadable: int = 0
    failed: int = 0
    """Questions, and rows, that could not be seen to."""
    is_whole: bool = True


class Reconcile:
    """One run: make it anew for each."""

    def __init__(self, parts: RoundParts, watched: Watched) -> None:
        self._parts = parts
        self._watched = watched
        self._began = parts.clock.monotonic()
        self._now = parts.clock.now()
        self._news = OperatorNews(parts.teller, parts.ledger, self._now)
        self._recorder = RowRecorder(parts.intake, self._now, self._is_late)
        self._result = ReconcileResult()
        self._missed: list[Event] = []
        self.subscriptions: tuple[str, ...] = ()
        """Those that can be read, once the run is over."""

    def run(self) -> ReconcileResult:
        """Do it, and log what came of it. Raises TableUnavailable where nothing is remembered."""
        self._memory = ReconcileMemory(self._parts.meta)
        is_first_ever = self._memory.run.last is None
        watch = SubscriptionWatch(self._parts.graph, self._watched, self._memory, self._news)
        found = watch.look()
        for trouble in found.troubles:
            self._trouble(trouble)
        self.subscriptions = tuple(sorted(found.names))
        self._result.subscriptions = len(found.names)
        if not is_first_ever:
            try:
                watch.tell_new(found.names)
            except ArmError as error:
                self._trouble(f"system topics cannot be listed: {error}")
        self._read(self.subscriptions)
        self._finish()
        log.info("%s", self._result.summary("reconcile"))
        return self._result

    def _read(self, watched: Sequence[str]) -> None:
        """Read the rows of all subscriptions, from where the last run stopped."""
        run = self._memory.run
        start = next((at for at, one in enumerate(watched) if one >= run.resume), 0)
        in_turn = [*watched[start:], *watched[:start]]
        run.resume = ""
        is_recent = run.whole is not None and self._now - run.whole <= RECENT
        for some in scopes(in_turn):
            recent = [one for one in some.subscriptions if is_recent and self._memory.of(one).first]
            whole = [one for one in some.subscriptions if one not in recent]
            for name, those in (("recent_scheduled_events", recent), ("scheduled_events", whole)):
                if those and not self._read_some(name, Scope(tuple(those))):
                    return

    def _read_some(self, name: str, scope: Scope) -> bool:
        """Read the rows of some subscriptions; False where the run has to end."""
        left = set(scope.subscriptions)
        error: ArmError | None = None
        for subscription, bodies, problem in _by_subscription(self._parts.graph.rows(name, scope)):
            error = problem
            if not subscription:
                continue
            if self._is_late():
                self._stop_at(subscription)
                return False
            # Of the one at which the rows broke off nobody knows whether it is all.
            is_whole = problem is None
            left -= {subscription} if is_whole else set()
            if not self._take(subscription, bodies, is_whole=is_whole, keeps=name != "scheduled_events"):
                self._stop_at(subscription)
                return False
        if error is not None:
            self._trouble(str(error))
            if isinstance(error, GraphThrottled):
                self._stop_at(min(left, default=""))
                return False
            return True
        for subscription in left:  # read to the end, though there was nothing
            self._take(subscription, [], is_whole=True, keeps=name != "scheduled_events")
        return True

    def _take(
        self, subscription: str, bodies: Sequence[dict[str, Any]], *, is_whole: bool, keeps: bool
    ) -> bool:
        """Record what is new among a subscription's rows; False where time was up before all were."""
        state = self._memory.of(subscription)
        seen = state.marks()
        rows: dict[str, list[Row]] = defaultdict(list)
        there: list[str] = []
        for body in bodies:
            self._result.rows += 1
            mark, own = graph_row.mark(body), graph_row.own_time(body, self._now)
            there.append(mark)
            if mark in seen:
                continue
            if own is not None and self._now - own < GRACE:
                self._result.waiting += 1
                continue
            rows[graph_row.event_id(body)].append(Row(mark, own, body))
        is_first = state.first is None
        taken = self._recorder.record(rows.values(), is_first=is_first)
        self._result.recorded += len(taken.new)
        self._result.failed += taken.failed
        if not is_first:
            self._missed += taken.new
        if taken.unreadable:
            self._news.unreadable_rows(subscription, taken.unreadable)
        done = seen | set(taken.marks)
        kept = [mark for mark in there if mark in done]
        if keeps or not is_whole:
            kept = [*(mark for mark in seen if mark not in set(kept)), *kept]
        before = (state.seen, state.first)
        if set(kept) != seen:
            state.remember(kept)
        is_done = is_whole and not taken.is_cut
        if is_first and is_done and not taken.failed:
            state.first = self._now
        if before != (state.seen, state.first):
            self._memory.save(subscription)
        self._result.is_whole &= is_done
        return not taken.is_cut

    def _finish(self) -> None:
        run, missed = self._memory.run, len(self._missed)
        self._result.missed, self._result.unreadable = missed, self._news.unreadable
        if missed and run.missed:
            log.warning("missed-events: %s in two runs in a row that Event Grid did not bring", missed)
            if not run.is_told:
                run.is_told = True
                self._news.missed(missed + run.missed, self._missed)
        run.end(missed, self._now, is_whole=self._result.is_whole)
        self._memory.save_run()

    def _stop_at(self, subscription: str) -> None:
        self._memory.run.resume = subscription
        self._result.is_whole = False
        log.warning("reconcile: stopped at subscription %s; the next run goes on there", subscription)

    def _trouble(self, what: str) -> None:
        self._result.failed += 1
        self._result.is_whole = False
        log.error("reconcile: %s", what)

    def _is_late(self) -> bool:
        return self._parts.clock.monotonic() - self._began > RUN_SECONDS


def _by_subscription(
    rows: Iterator[dict[str, Any]],
) -> Iterator[tuple[str, list[dict[str, Any]], ArmError | None]]:
    """Yield a subscription's rows together; with the last of them the error that broke the reading off."""
    here, found = "", list[dict[str, Any]]()
    error: ArmError | None = None
    try:
        for row in rows:
            subscription = str(row.get("subscriptionId", "")).lower()
            if subscription != here and found:
                yield here, found, None
                found = []
            here = subscription
            found.append(row)
    except ArmError as problem:
        error = problem
    yield here, found, error
