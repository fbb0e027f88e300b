"""Reconcile: what Azure Resource Graph has recorded, held against what Event Grid brought.

Each row goes through the reader and the insert of pushed events, so that one that came both ways is there
once, whichever came first. A run is bounded; the next one goes on where it stopped. What a subscription's
rows were is remembered, so that a row that has not changed costs no request.

With a subscription's first run its history comes; it is over once its rows were read to their end.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from shared import keys
from shared.events import graph_row
from shared.events.model import Event, Installation, Rejected, Status, Subscription
from shared.events.observation import Coverage, Missed, Unreadable, observed
from shared.notices.kinds import Decision, Kind
from shared.notices.records import VIA_RESOURCE_GRAPH
from shared.rounds import subscriptions
from shared.rounds.worth import is_worth_telling
from shared.sources.arm import ArmError
from shared.sources.resource_graph import Scope, Throttled, scopes
from shared.store.table import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shared.clock import Clock
    from shared.delivery.intake import Intake
    from shared.rounds.subscriptions import Watched
    from shared.rounds.telling import Teller
    from shared.sources.resource_graph import ResourceGraph
    from shared.store.meta import Meta

log = logging.getLogger("notifier")

GRACE = timedelta(minutes=30)
"""A row is left alone for so long: Event Grid may still be bringing it."""

SECONDS = 150.0
"""After so long no further row is taken: the host ends a function after five minutes."""

RECENT = timedelta(hours=24)
"""Where the last whole reading is no older, the rows of the last 36 hours are all that can be new."""

_AT_ONCE = 8
"""Maintenances recorded side by side."""

_MAX_SEEN = 50_000
"""Rows remembered of a subscription; what is beyond that is looked up again."""

_MARK = 16
_EXAMPLES = 10
_WEEK = timedelta(days=8)
_RUN = keys.RECONCILED
_RECORDED_FIRST = (Status.STARTED.lower(), Status.COMPLETED.lower())


class SubscriptionState(msgspec.Struct, omit_defaults=True):
    """What is remembered of a subscription."""

    id: str = ""
    first: datetime | None = None
    """When its history had been read to its end."""
    seen: str = ""
    """The marks of its rows, one after the other."""
    is_unreadable: bool = False
    """Whether the operator was told so, and nothing could be read since."""


class RunState(msgspec.Struct, omit_defaults=True):
    """What is remembered of the runs."""

    last: datetime | None = None
    """When the last run ended."""
    whole: datetime | None = None
    """When the last run that read everything began."""
    resume: str = ""
    """The subscription where the last run stopped."""
    missed: int = 0
    """Events that the last whole run found missed."""
    is_told: bool = False
    """Whether the operator knows that events are missed, and every run has found some since."""
    counts: dict[str, int] = {}
    """Events found missed, by the time of the run, of the last days."""
    unreadable_groups: tuple[str, ...] = ()


class Result(msgspec.Struct):
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

    def summary(self) -> str:
        """Return the numbers as one line, for the log."""
        counts = {name: value for name, value in msgspec.structs.asdict(self).items() if value}
        return "reconcile: " + ", ".join(f"{name}={value}" for name, value in counts.items())


class _Row(msgspec.Struct, frozen=True):
    mark: str
    own: datetime | None
    body: dict[str, Any]


class _Taken(msgspec.Struct):
    """What came of some rows."""

    marks: list[str] = []
    new: list[Event] = []
    unreadable: list[str] = []
    failed: int = 0
    is_cut: bool = False


class Reconcile:
    """One run: make it anew for each."""

    def __init__(
        self,
        *,
        graph: ResourceGraph,
        meta: Meta,
        intake: Intake,
        teller: Teller,
        clock: Clock,
        watched: Watched,
    ) -> None:
        self._graph = graph
        self._meta = meta
        self._intake = intake
        self._teller = teller
        self._clock = clock
        self._watched = watched
        self._began = clock.monotonic()
        self._now = clock.now()
        self._run = RunState()
        self._states: dict[str, SubscriptionState] = {}
        self._result = Result()
        self._missed: list[Event] = []
        self.subscriptions: tuple[str, ...] = ()
        """Those that can be read, once the run is over."""

    def run(self) -> Result:
        """Do it, and log what came of it. Raises TableUnavailable where nothing is remembered."""
        stored = self._meta.load_all(f"{_RUN}:", SubscriptionState)
        self._states = {state.id: state for state in stored.values()}
        self._run = self._meta.load(_RUN, RunState)
        is_first_ever = self._run.last is None
        names = self._readable()
        self.subscriptions = tuple(sorted(names))
        self._result.subscriptions = len(names)
        if not is_first_ever:
            self._tell_new(names)
        self._read(self.subscriptions)
        self._finish()
        log.info(self._result.summary())
        return self._result

    # Subscriptions

    def _readable(self) -> dict[str, str]:
        """Return the subscriptions that are looked after, with names; tell those that cannot be read."""
        found = subscriptions.read(self._graph, self._watched)
        for trouble in found.troubles:
            self._trouble(trouble)
        for subscription, is_readable in found.asked.items():
            self._note_subscription(subscription, is_readable=is_readable)
        for group, is_readable in found.groups.items():
            self._note_group(group, is_readable=is_readable)
        return found.names

    def _note_subscription(self, subscription: str, *, is_readable: bool) -> None:
        state = self._state(subscription)
        if state.is_unreadable != is_readable:
            return
        state.is_unreadable = not is_readable
        if not is_readable:
            self._result.unreadable += 1
            self._tell_unreadable(
                Subscription(subscription), Unreadable(what="subscription", why="it is not in the answer")
            )
        self._save(subscription)

    def _note_group(self, group: str, *, is_readable: bool) -> None:
        told = self._run.unreadable_groups
        if is_readable:
            self._run.unreadable_groups = tuple(one for one in told if one != group)
        elif group not in told:
            self._run.unreadable_groups = (*told, group)
            self._result.unreadable += 1
            self._tell_unreadable(
                Installation(),
                Unreadable(what="management group", name=group, why="no subscription is in it"),
            )

    def _tell_new(self, names: Mapping[str, str]) -> None:
        """Tell the operator of subscriptions that have come below a management group."""
        new = [one for one in names if one not in self._states and one not in self._watched.subscriptions]
        if not new:
            return
        covered: set[str] = set()
        try:
            for scope in scopes(new):
                covered |= {
                    str(row.get("subscriptionId", "")).lower()
                    for row in self._graph.rows("event_topics", scope)
                }
        except ArmError as error:
            self._trouble(f"system topics cannot be listed: {error}")
        said = tuple(
            f"Subscription {names[one] or one} ({one}) is new. "
            + (
                "A system topic brings its events."
                if one in covered
                else "No system topic brings its events."
            )
            for one in new
        )
        self._teller.tell_operator(
            observed(
                Kind.COVERAGE,
                Coverage(subscriptions=said),
                subject=Installation(),
                id=f"new subscriptions {' '.join(sorted(new))}",
                time=self._now,
                description=said[0],
            )
        )

    def _tell_unreadable(self, subject: Subscription | Installation, facts: Unreadable) -> None:
        what = subject.subscription or facts.name
        log.error("the %s %s cannot be read: %s", facts.what, what, facts.why)
        self._teller.tell_operator(
            observed(
                Kind.UNREADABLE,
                facts,
                subject=subject,
                id=f"unreadable {facts.what} {what} {self._now.isoformat()}",
                time=self._now,
                description=f"the {facts.what} {what} cannot be read",
            )
        )

    # Rows

    def _read(self, watched: Sequence[str]) -> None:
        """Read the rows of all subscriptions, from where the last run stopped."""
        start = next((at for at, one in enumerate(watched) if one >= self._run.resume), 0)
        in_turn = [*watched[start:], *watched[:start]]
        self._run.resume = ""
        is_recent = self._run.whole is not None and self._now - self._run.whole <= RECENT
        for some in scopes(in_turn):
            recent = [one for one in some.subscriptions if is_recent and self._state(one).first]
            whole = [one for one in some.subscriptions if one not in recent]
            for name, those in (("recent_scheduled_events", recent), ("scheduled_events", whole)):
                if those and not self._read_some(name, Scope(tuple(those))):
                    return

    def _read_some(self, name: str, scope: Scope) -> bool:
        """Read the rows of some subscriptions; False where the run has to end."""
        left = set(scope.subscriptions)
        error: ArmError | None = None
        for subscription, bodies, problem in _by_subscription(self._graph.rows(name, scope)):
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
            if isinstance(error, Throttled):
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
        state = self._state(subscription)
        seen = _marks(state.seen)
        rows: dict[str, list[_Row]] = defaultdict(list)
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
            rows[graph_row.event_id(body)].append(_Row(mark, own, body))
        is_first = state.first is None
        taken = self._record_all(rows.values(), is_first=is_first)
        self._result.recorded += len(taken.new)
        self._result.failed += taken.failed
        if not is_first:
            self._missed += taken.new
        if taken.unreadable:
            self._tell_rows(subscription, taken.unreadable)
        done = seen | set(taken.marks)
        kept = [mark for mark in there if mark in done]
        if keeps or not is_whole:
            kept = [*(mark for mark in seen if mark not in set(kept)), *kept]
        before = (state.seen, state.first)
        state.seen = "".join(kept[-_MAX_SEEN:]) if set(kept) != seen else state.seen
        is_done = is_whole and not taken.is_cut
        if is_first and is_done and not taken.failed:
            state.first = self._now
        if before != (state.seen, state.first):
            self._save(subscription)
        self._result.is_whole &= is_done
        return not taken.is_cut

    def _record_all(self, maintenances: Iterable[Sequence[_Row]], *, is_first: bool) -> _Taken:
        taken = _Taken()

        def one(rows: Sequence[_Row]) -> _Taken:
            return self._record(rows, is_first=is_first)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for part in pool.map(one, maintenances):
                taken.marks += part.marks
                taken.new += part.new
                taken.unreadable += part.unreadable
                taken.failed += part.failed
                taken.is_cut |= part.is_cut
        return taken

    def _record(self, rows: Sequence[_Row], *, is_first: bool) -> _Taken:
        """Record the rows of one maintenance, what is only recorded first: then the others know of it."""
        taken = _Taken()
        for row in sorted(rows, key=_in_turn):
            if self._is_late():
                taken.is_cut = True
                break
            try:
                self._record_row(row, taken, is_first=is_first)
            except TableError as error:
                taken.failed += 1
                log.warning("row %s is left for the next run: %s", row.mark, error)
        return taken

    def _record_row(self, row: _Row, taken: _Taken, *, is_first: bool) -> None:
        for item in graph_row.read(row.body, self._now):
            if isinstance(item.reading, Event):
                event = item.reading
                is_told = is_worth_telling(event, row.own, self._now, is_first=is_first)
                decision = self._intake.record(
                    event, item.raw, via=VIA_RESOURCE_GRAPH, is_told=is_told, at_once=False
                )
                if decision not in {Decision.DUPLICATE, Decision.REJECTED}:
                    taken.new.append(event)
            elif isinstance(item.reading, Rejected):
                taken.unreadable.append(f"{str(row.body.get('id'))[:300]}: {item.reading.reason}")
        taken.marks.append(row.mark)

    def _tell_rows(self, subscription: str, rows: Sequence[str]) -> None:
        self._result.unreadable += len(rows)
        log.error("%s rows of subscription %s cannot be read: %s", len(rows), subscription, rows[0])
        facts = Unreadable(what="rows", rows=tuple(rows[:_EXAMPLES]), count=len(rows))
        self._teller.tell_operator(
            observed(
                Kind.UNREADABLE,
                facts,
                subject=Subscription(subscription),
                id=f"unreadable rows {' '.join(sorted(rows))}",
                time=self._now,
                description=f"{len(rows)} rows of subscription {subscription} cannot be read",
            )
        )

    # The end

    def _finish(self) -> None:
        run, missed = self._run, len(self._missed)
        self._result.missed = missed
        if missed and run.missed:
            log.warning("missed-events: %s in two runs in a row that Event Grid did not bring", missed)
            if not run.is_told:
                run.is_told = True
                self._tell_missed(missed + run.missed)
        if self._result.is_whole:
            run.is_told &= bool(missed)
            run.missed, run.whole = missed, self._now
        recent = {
            at: count for at, count in run.counts.items() if self._now - datetime.fromisoformat(at) < _WEEK
        }
        run.counts = {**recent, self._now.isoformat(): missed} if missed else recent
        run.last = self._now
        self._meta.save({_RUN: run})

    def _tell_missed(self, count: int) -> None:
        examples = tuple(f"{event.subject.name}: {event.status}" for event in self._missed[:_EXAMPLES])
        where = tuple(dict.fromkeys(event.subject.subscription for event in self._missed))
        self._teller.tell_operator(
            observed(
                Kind.MISSED_EVENTS,
                Missed(count=count, subscriptions=where, examples=examples),
                subject=Installation(),
                id=f"missed events {self._now.isoformat()}",
                time=self._now,
                description=f"{count} events did not come by Event Grid",
            )
        )

    def _state(self, subscription: str) -> SubscriptionState:
        return self._states.setdefault(subscription, SubscriptionState(id=subscription))

    def _save(self, subscription: str) -> None:
        self._meta.save({f"{_RUN}:{subscription}": self._states[subscription]})

    def _stop_at(self, subscription: str) -> None:
        self._run.resume = subscription
        self._result.is_whole = False
        log.warning("reconcile: stopped at subscription %s; the next run goes on there", subscription)

    def _trouble(self, what: str) -> None:
        self._result.failed += 1
        self._result.is_whole = False
        log.error("reconcile: %s", what)

    def _is_late(self) -> bool:
        return self._clock.monotonic() - self._began > SECONDS


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


def _marks(seen: str) -> set[str]:
    return {seen[at : at + _MARK] for at in range(0, len(seen), _MARK)}


def _in_turn(row: _Row) -> tuple[bool, str, str]:
    status = graph_row.status(row.body)
    return (status.lower() not in _RECORDED_FIRST, row.own.isoformat() if row.own else "", row.mark)
