"""The sweep: whatever has fallen due becomes notices, mails, and emails that have left.

    checks   -> are they still true? then notices, for the audiences of that moment
    mails    -> free, or their lease run out: taken over, asked about, sent
    notices  -> grouped by audience, frozen into one mail, sent

A sweep may meet another one, on another instance or after a crash, at any point: every step is a transaction
that only one of them can make.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from shared import ids, keys
from shared.clusters.lookup import OFF
from shared.decision_log import log_decision
from shared.delivery import limiter
from shared.delivery.limiter import RateLimited
from shared.delivery.sender import SendResult
from shared.durations import ahead
from shared.events.envelope import parse
from shared.notices.kinds import ENDS, URGENT, Decision, Kind, kind_of
from shared.notices.planning import NO_WATCH, escalated_to, next_check, overtaken, redundant, still_true
from shared.notices.records import Mail, MailItem, Notice, SentMail, StoredEvent, frozen_history, upgrade_of
from shared.store.protocol import MAX_MEMBERS
from shared.store.reader import Reader
from shared.store.rows import LONG_AGO
from shared.store.table import MAX_OPERATIONS, TableUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from shared.audience import Destination
    from shared.clock import TableClock
    from shared.clusters.lookup import Lookup
    from shared.clusters.runs import RunLookup
    from shared.delivery.grouping import Grouping
    from shared.delivery.limiter import Limiter
    from shared.delivery.sender import Sender
    from shared.events.model import Item
    from shared.notices.planning import Watch
    from shared.notices.records import Check
    from shared.routes import Routes
    from shared.store.protocol import Due, Store
    from shared.store.rows import AudienceRow, CheckRow, MailRow, NoticeRow, SpreadRow


log = logging.getLogger("notifier")

SECONDS = 45.0
"""No new mail is begun after this much of a sweep: the timer fires every minute."""

APART = 60
"""Seconds that clocks may be apart before it is worth a warning."""

MAX_LOOKAHEAD = timedelta(minutes=5)
"""How much longer a notice may have to wait and still go along with others."""

_MAX_ROUNDS = 20


class SweepResult(msgspec.Struct):
    """What a sweep did, in numbers."""

    found: int = 0
    checked: int = 0
    superseded: int = 0
    settled: int = 0
    waiting: int = 0
    paused: bool = False
    oldest: int = 0
    """By how many seconds the oldest work that still waits is overdue: an alert looks at it."""
    ahead: int = 0
    """By how many seconds this machine's clock is ahead of the table's."""


class _StopSending(Exception):  # noqa: N818 - a signal within this module
    """Time is up."""


class Sweeper:
    """Sweeps the store. One call at a time; several processes may sweep at once."""

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        limiter: Limiter,
        routes: Routes,
        clock: TableClock,
        grouping: Grouping,
        clusters: Lookup = OFF,
        record_one: Callable[[Item], Decision],
        watch: Watch = NO_WATCH,
        runs: RunLookup | None = None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._limiter = limiter
        self._routes = routes
        self._clock = clock
        self._watch = watch
        self._runs = runs
        self._grouping = grouping
        everybody = [
            (audience, target.key) for audience in routes.audiences.values() for target in audience.targets
        ]
        self._company = min(max(grouping.of(*one).wait for one in everybody), MAX_LOOKAHEAD)
        self._sharing = Counter(target for _, target in everybody)
        self._clusters = clusters
        self._record_one = record_one
        self._last: dict[Destination, datetime] = {}
        self._stopped: set[str] = set()
        """Targets that take no mail for the rest of this sweep."""

    def sweep(self) -> SweepResult:
        """Do everything that is due. Raises TableUnavailable; what was not done by then is still due.

        One round trip where nothing is due, however many rows are stored.
        """
        sweep = SweepResult()
        started = self._clock.monotonic()
        self._stopped.clear()
        first = keys.GATE
        made = 0
        sending = True
        notices: list[NoticeRow] = []
        lookahead: list[NoticeRow] = []
        suspects: list[tuple[Due, MailRow]] = []
        for _ in range(_MAX_ROUNDS):
            due = self._store.due(self._clock.now(), first, self._company)
            sweep.found += len(due.checks) + len(due.notices) + len(due.mails)
            try:
                if first == keys.GATE:
                    self._compare_clocks(sweep)
                    self._limiter.see(due.gates)
                    self._stopped |= {gate.target for gate in due.gates if gate.until > due.server_time}
                if sending:
                    self._recover(due, [row for row in due.mails if not row.suspected], started, sweep)
            except _StopSending:
                sending = False
                self._wait(sweep, due.mails)
            suspects += [(due, row) for row in due.mails if row.suspected]
            made += self._spread(due.spreads, started) + self._check(due.checks, started, sweep)
            notices += due.notices
            lookahead += due.upcoming
            if due.more:
                first = due.next
            elif made and sending:
                # Checks have become notices: these go together with what waits already.
                first, made, notices, lookahead, suspects = keys.GATE, 0, [], [], []
            else:
                break
        if sending:
            self._send_batches(notices, lookahead, started, sweep)
            self._send_suspects(suspects, started, sweep)
        else:
            self._wait(sweep, notices)
        sweep.paused = bool(self._stopped)
        return sweep

    def _compare_clocks(self, sweep: SweepResult) -> None:
        """Warn, once a sweep, where this machine's clock is not the table's."""
        ahead = round(self._clock.ahead())
        if abs(ahead) >= APART and not sweep.ahead:
            log.warning("the clock of this machine is %s seconds ahead of the table's, which counts", ahead)
        sweep.ahead = ahead

    def _wait(self, sweep: SweepResult, rows: Iterable[NoticeRow | MailRow]) -> None:
        """Count what waits, and how long the oldest of it has."""
        now = self._clock.now()
        for row in rows:
            sweep.waiting += 1
            sweep.oldest = max(sweep.oldest, int((now - keys.due_of(row.key)).total_seconds()))

    # Checks

    def _check(self, checks: Sequence[CheckRow], started: float, sweep: SweepResult) -> int:
        """Turn checks into notices, or drop them; tell how many notices came of it."""
        reader = Reader(self._store)
        made = 0
        now = self._clock.now()
        # After an outage several reminders of one start may be due at once: the last of them says it all.
        last: dict[str, timedelta] = {}
        for row in checks:
            if row.check.kind is Kind.REMINDER:
                lead = ahead(row.check.lead)
                last[row.check.key] = min(lead, last.get(row.check.key, lead))
        for row in checks:
            if self._clock.monotonic() - started > SECONDS:
                break
            check = row.check
            history = reader.history(check.key)
            if any(known.key == check.key and not known.readable for known in history):
                continue  # whether it is true cannot be told: it stays until it can
            true = still_true(check, history, now)
            if check.kind is Kind.REMINDER and ahead(check.lead) > last[check.key]:
                true = False
            notices = [
                Notice(
                    ids.notice_id(check.key, check.kind, check.lead, to.audience, to.target),
                    check.kind,
                    check.key,
                    to.audience,
                    check.lead,
                    to.target,
                )
                for to in (self._told(check, reader) if true else ())
            ]
            told = reader.row(check.key)
            following = (
                next_check(check, told.event, self._watch, now)
                if true and isinstance(told, StoredEvent)
                else ()
            )
            if not self._store.resolve(row, notices, now, following):
                continue  # another instance was faster
            sweep.checked += 1
            made += len(notices)
            decision = Decision.DUE if true else Decision.SUPERSEDED
            log_decision(decision, check.key, check=check.kind, lead=check.lead)
        return made

    def _spread(self, rows: Sequence[SpreadRow], started: float) -> int:
        """Record events for each of the clusters that they name; tell for how many it was new.

        What a third of a sweep does not suffice for is left to the next.
        """
        made = 0
        for row in rows:
            items = parse(row.raw, row.received)
            for number, item in enumerate(items[row.done :], row.done):
                if self._clock.monotonic() - started > SECONDS / 3:
                    self._store.spread_on(row, number)
                    return made
                made += self._record_one(item) is not Decision.DUPLICATE
            self._store.spread_over(row)
        return made

    # Mails

    def _send_suspects(
        self, suspects: Sequence[tuple[Due, MailRow]], started: float, sweep: SweepResult
    ) -> None:
        """Try again what may be the only mail that is refused, after all others: they tell whether it is."""
        try:
            for due, row in suspects:
                self._recover(due, [row], started, sweep)
        except _StopSending:
            pass

    def _recover(self, due: Due, mails: Sequence[MailRow], started: float, sweep: SweepResult) -> None:
        """Take over the mails that nobody is sending, failures first."""
        reader = Reader(self._store)
        for row in sorted(mails, key=_failures_first):
            if row.leased and due.server_time - row.timestamp < self._sender.term(row):
                self._wait(sweep, [row])
                continue
            if row.mail.target in self._stopped:
                self._wait(sweep, [row])
                continue
            self._in_time(started)
            since = self._clock.monotonic()
            token = uuid4().hex
            with _alone(row.key):
                for attempt in self._limiter.attempts(
                    {row.mail.target: 1}, urgent=_is_urgent(row.mail.members)
                ):
                    with attempt as gates:
                        taken, attempt.written = self._store.take_over(row, token, gates)
                if taken is None:
                    continue  # another instance was faster
                rows = partial(reader.rows_of, taken.mail)
                went = self._sender.recover(taken, rows, attempted_before=bool(row.token), since=since)
                self._count(went, taken.mail.target, sweep)

    # Notices

    def _send_batches(
        self, rows: Iterable[NoticeRow], lookahead: Iterable[NoticeRow], started: float, sweep: SweepResult
    ) -> None:
        """Mail what waits, audience by audience: failures first, then who has waited longest.

        `company` are notices that have not waited long enough for company yet: where there is some, they go
        with it. Left behind, they would wait for the next mail, and what they say may have replaced others.
        """
        reader = Reader(self._store)
        batches: dict[Destination, list[NoticeRow]] = {}
        for row in rows:
            batches.setdefault(self._destination(row), []).append(row)
        for row in lookahead:
            waiting = batches.get(self._destination(row))
            if waiting is not None:
                waiting.append(row)
        left = sorted(batches.items(), key=_by_urgency, reverse=True)
        try:
            while left:
                self._in_time(started)
                to, waiting = left[-1]
                self._send_batch(to, waiting, reader, started=started, sweep=sweep)
                left.pop()
        except _StopSending:
            self._wait(sweep, [row for _, waiting in left for row in waiting])

    def _destination(self, row: NoticeRow) -> Destination:
        return self._routes.destination(row.notice.audience, row.notice.target)

    def _send_batch(
        self,
        to: Destination,
        waiting: Sequence[NoticeRow],
        reader: Reader,
        *,
        started: float,
        sweep: SweepResult,
    ) -> None:
        """Mail what waits for one audience on one target, if it is its turn."""
        if to.target in self._stopped:
            self._wait(sweep, waiting)
            return
        grouping = self._grouping.of(self._routes.audience(to.audience), to.target)
        if not grouping.wait:
            for row in sorted(waiting, key=_is_no_failure):
                self._in_time(started)
                if to.target in self._stopped or not self._limiter.room(
                    to.target, urgent=_has_failure([row])
                ):
                    self._wait(sweep, [row])
                    continue
                with _alone(row.key):
                    self._mail(to, [row], None, reader, started=started, sweep=sweep)
            return
        interval = grouping.interval
        if not _has_failure(waiting):
            limits = self._limiter.limits.get(to.target)
            interval = limiter.stretched(interval, self._sharing[to.target], limits)
        # Whether it can go is asked before anything is read: in a storm most audiences wait at most sweeps.
        if self._is_early(to, interval) or not self._limiter.room(to.target, urgent=_has_failure(waiting)):
            self._wait(sweep, waiting)
            return
        last = self._store.audience(to.audience, to.target)
        self._last[to] = last.last or LONG_AGO
        if self._is_early(to, interval):
            self._wait(sweep, waiting)
            return
        with _alone(last.key):
            self._mail(to, waiting, last, reader, started=started, sweep=sweep)

    def _mail(
        self,
        to: Destination,
        rows: Sequence[NoticeRow],
        touch: AudienceRow | None,
        reader: Reader,
        *,
        started: float,
        sweep: SweepResult,
    ) -> None:
        """Freeze one mail out of the notices of one audience, or as many as it takes, and send them.

        The parts of what does not fit into one mail count as one for the audience's interval.
        """
        told: dict[MailItem, list[NoticeRow]] = {}
        pointless: list[NoticeRow] = []
        double = redundant(row.notice for row in rows)
        for row in sorted(rows, key=_is_no_failure):
            if self._clock.monotonic() - started > SECONDS:
                break
            member = None if row.notice.id in double else self._member(row.notice, reader)
            if member is None:
                log_decision(
                    Decision.SUPERSEDED, row.notice.key, notice=row.notice.kind, audience=to.audience
                )
                pointless.append(row)
            else:
                told.setdefault(member, []).append(row)
        sweep.superseded += len(pointless)
        members = self._sender.ordered(tuple(told), to.target, reader)
        while members and to.target not in self._stopped:
            self._in_time(started)
            part = self._sender.first_fitting(members, to, self._clock.now(), reader)
            # Two notices may be one member; what is told of a member takes all of its notices along.
            while len(part) > 1 and sum(len(told[member]) for member in part) > MAX_MEMBERS:
                part = part[:-1]
            members = members[len(part) :]
            rows_of_part = [row for member in part for row in told[member]][:MAX_MEMBERS]
            rest = pointless[: MAX_MEMBERS - len(rows_of_part)]
            pointless = pointless[len(rest) :]
            since = self._clock.monotonic()
            frozen, touch = self._freeze(to, part, [*rows_of_part, *rest], touch)
            if frozen is None:
                return  # another instance was faster
            for row in rows_of_part:
                log_decision(
                    Decision.GROUPED,
                    row.notice.key,
                    notice=row.notice.kind,
                    mail=frozen.mail.operation_id,
                )
            went = self._sender.send(frozen, reader.rows_of(frozen.mail), since=since)
            self._count(went, to.target, sweep)
        self._wait(sweep, [row for member in members for row in told[member]])
        for start in range(0, len(pointless), MAX_OPERATIONS):
            self._store.drop(pointless[start : start + MAX_OPERATIONS])

    def _freeze(
        self,
        to: Destination,
        members: tuple[MailItem, ...],
        rows: Sequence[NoticeRow],
        touch: AudienceRow | None,
    ) -> tuple[MailRow | None, AudienceRow | None]:
        """Freeze one mail; give it, leased, and the audience's row as written."""
        now = self._clock.now()
        operation_id = ids.operation_id(member.notice_id(to.audience, to.target) for member in members)
        mail = Mail(
            operation_id=operation_id, audience=to.audience, target=to.target, as_of=now, members=members
        )
        freeze = partial(self._store.freeze, mail, rows, audience=touch, now=now, token=uuid4().hex)
        for attempt in self._limiter.attempts({to.target: 1}, urgent=_is_urgent(members)):
            with attempt as gates:
                frozen = freeze(gates=gates)
                attempt.written = frozen.gates
        if frozen.mail is not None and touch is not None:
            self._last[to] = now
        return frozen.mail, frozen.audience

    def _told(self, check: Check, reader: Reader) -> tuple[Destination, ...]:
        """Return who hears, at this moment, of what a check has come to, and where."""
        row = reader.row(check.key)
        if to := escalated_to(check.lead):
            audiences: tuple[str, ...] = (self._routes.audience(to).id,)
        elif isinstance(row, StoredEvent):
            told = msgspec.structs.replace(
                row.event, upgrade=upgrade_of(row.event, reader.history(check.key))
            )
            told = self._clusters.tagged(told, reader)
            audiences = self._routes.audiences_for(told, check.kind, check.lead)
        else:
            audiences = tuple(self._routes.audiences)  # it cannot be read: better all than nobody
        return self._routes.destinations(audiences, check.kind)

    def _member(self, notice: Notice, reader: Reader) -> MailItem | None:
        """Return what a mail tells of a notice; None where there is nothing to tell any more."""
        if notice.kind in self._routes.quiet:
            return None
        if notice.kind is Kind.UNDELIVERED:
            row = reader.row(notice.key)
            if isinstance(row, SentMail) and row.state == "sent":
                return None  # it was delivered after all
        if not notice.key.startswith("event:"):
            return MailItem(notice.kind, notice.key, (), notice.lead)
        history = reader.history(notice.key)
        if overtaken(notice.kind, notice.key, history, self._clock.now()) and self._is_replaced(
            notice, history, reader
        ):
            return None
        snapshot = self._clusters.snapshot(notice.kind, notice.key, history, reader, self._clock.now())
        told = next((row for row in history if row.key == notice.key), None)
        return MailItem(
            notice.kind,
            notice.key,
            frozen_history(history, notice.key),
            notice.lead,
            snapshot=snapshot,
            part=self._runs.part(told, notice.kind, notice.audience) if self._runs and told else None,
        )

    def _is_replaced(self, notice: Notice, history: Sequence[StoredEvent], reader: Reader) -> bool:
        """Return whether the audience hears of what has overtaken a notice.

        An announcement is pointless once it is over, whoever hears of that; that something has started is
        news to those who never hear of its end.
        """
        if notice.kind is not Kind.STARTED:
            return True
        ends = [self._clusters.tagged(row.event, reader) for row in history if row.event.status in ENDS]
        return any(notice.audience in self._routes.audiences_for(end, kind_of(end)) for end in ends)

    def _is_early(self, to: Destination, interval: timedelta) -> bool:
        """Return whether an audience was mailed less than an interval ago; a time ahead of ours is none."""
        return timedelta() <= self._clock.now() - self._last.get(to, LONG_AGO) < interval

    def _count(self, went: SendResult, target: str, sweep: SweepResult) -> None:
        if went is SendResult.PAUSED:
            self._stopped.add(target)
            sweep.waiting += 1
        sweep.settled += went is SendResult.SETTLED
        sweep.waiting += went is SendResult.IN_DOUBT

    def _in_time(self, started: float) -> None:
        if self._clock.monotonic() - started > SECONDS:
            raise _StopSending


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Keep what goes wrong with one mail from the others. A table that does not answer concerns them all."""
    try:
        yield
    except (_StopSending, TableUnavailable):
        raise
    except RateLimited:
        log.info("%s: waits, the limits of the mail service leave no room", what)
    except Exception:
        log.exception("%s: left for the next sweep", what)


def _failures_first(row: MailRow) -> tuple[bool, str]:
    return (not _is_urgent(row.mail.members), row.key)


def _by_urgency(item: tuple[Destination, list[NoticeRow]]) -> tuple[bool, str]:
    """Sort failures first, then by what has waited longest."""
    _, rows = item
    return (not _has_failure(rows), rows[0].key)


def _is_no_failure(row: NoticeRow) -> bool:
    return row.notice.kind not in URGENT


def _has_failure(rows: Iterable[NoticeRow]) -> bool:
    return any(row.notice.kind in URGENT for row in rows)


def _is_urgent(members: Iterable[MailItem]) -> bool:
    return any(member.kind in URGENT for member in members)


def summary(sweep: SweepResult) -> str:
    """Write a sweep's numbers as one line, for the log."""
    counts = {field: value for field, value in msgspec.structs.asdict(sweep).items() if value}
    return "sweep: " + (", ".join(f"{field}={value}" for field, value in counts.items()) or "nothing due")
