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
from datetime import timedelta  # noqa: TC003 - msgspec reads the annotations
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from shared import ids
from shared.decisions import decided
from shared.notices import Decision, Kind, Mail, Member, Notice, SentMail, overtaken, still_true
from shared.sending import NoRoom, Reader, Went
from shared.store import codec, keys
from shared.store.table import TableUnavailable
from shared.store.transactions import MOST_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shared.clock import Clock
    from shared.routes import Audience
    from shared.sending import Sender
    from shared.store.codec import AudienceRow, CheckRow, MailRow, NoticeRow
    from shared.store.transactions import Due, Store

log = logging.getLogger("notifier")

SECONDS = 45.0
"""No new mail is begun after this much of a sweep: the timer fires every minute."""

_MOST_ROUNDS = 20
_MOST_HISTORY = 16
"""Rows of one maintenance that a mail may tell from: more than any has been seen to have."""

_DROPPED_AT_ONCE = 100


class Grouping(msgspec.Struct, frozen=True):
    """How long a notice waits for company, and how often an audience is mailed. No wait: no grouping."""

    wait: timedelta
    interval: timedelta


class Sweep(msgspec.Struct):
    """What a sweep did, in numbers."""

    found: int = 0
    checked: int = 0
    superseded: int = 0
    sent: int = 0
    waiting: int = 0
    paused: bool = False


class _StopSending(Exception):  # noqa: N818 - a signal within this module
    """The mail service takes no mail for now, or time is up."""


class Delivery:
    """Sweeps the store. One call at a time; several processes may sweep at once."""

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        audiences: Mapping[str, Audience],
        clock: Clock,
        grouping: Grouping,
    ) -> None:
        self._store = store
        self._sender = sender
        self._audiences = audiences
        self._clock = clock
        self._grouping = grouping

    def sweep(self) -> Sweep:
        """Do everything that is due. Raises TableUnavailable; what was not done by then is still due.

        One round trip where nothing is due, however many rows are stored.
        """
        sweep = Sweep()
        started = self._clock.monotonic()
        first = keys.PAUSE
        made = 0
        sending = True
        for _ in range(_MOST_ROUNDS):
            due = self._store.due(self._clock.now(), first)
            sweep.found += len(due.checks) + len(due.notices) + len(due.mails)
            made += self._check(due.checks, started, sweep)
            try:
                if first == keys.PAUSE:
                    self._see(due)
                if sending:
                    self._recover(due, started, sweep)
                    self._tell(due.notices, started, sweep)
            except _StopSending:
                sending = False
                sweep.paused = self._sender.paused()
            if due.more:
                first = due.next
            elif made and sending:
                first, made = keys.PAUSE, 0  # checks have become notices: tell them in the same sweep
            else:
                break
        return sweep

    def _see(self, due: Due) -> None:
        self._sender.see(due.gate)
        if due.gate.until > due.server_time:
            raise _StopSending

    # Checks

    def _check(self, checks: Sequence[CheckRow], started: float, sweep: Sweep) -> int:
        """Turn checks into notices, or drop them; tell how many notices came of it."""
        reader = Reader(self._store)
        made = 0
        now = self._clock.now()
        for row in checks:
            if self._clock.monotonic() - started > SECONDS:
                break
            check = row.check
            true = still_true(check, reader.history(check.key), now)
            notices = [
                Notice(
                    ids.notice_id(check.key, check.kind, check.lead, audience),
                    check.kind,
                    check.key,
                    audience,
                    check.lead,
                )
                for audience in (self._audiences if true else ())
            ]
            if not self._store.resolve(row, notices, now):
                continue  # another instance was faster
            sweep.checked += 1
            made += len(notices)
            decision = Decision.DUE if true else Decision.SUPERSEDED
            decided(decision, check.key, check=check.kind, lead=check.lead)
        return made

    # Mails

    def _recover(self, due: Due, started: float, sweep: Sweep) -> None:
        """Take over the mails that nobody is sending, failures first."""
        reader = Reader(self._store)
        for row in sorted(due.mails, key=_failures_first):
            if row.leased and due.server_time - row.timestamp < self._sender.term(row):
                sweep.waiting += 1
                continue
            self._in_time(started)
            with _alone(row.key):
                take_over = partial(self._store.take_over, row, uuid4().hex)
                taken = self._sender.lease(take_over, urgent=_is_urgent(row.mail.members))
                if taken is None:
                    continue  # another instance was faster
                rows = partial(reader.rows_of, taken.mail)
                went = self._sender.recover(taken, rows, attempted_before=bool(row.token))
                self._count(went, sweep)

    # Notices

    def _tell(self, rows: Iterable[NoticeRow], started: float, sweep: Sweep) -> None:
        reader = Reader(self._store)
        by_audience: dict[str, list[NoticeRow]] = {}
        for row in rows:
            by_audience.setdefault(self._sender.audience(row.notice.audience).id, []).append(row)
        for audience, waiting in by_audience.items():
            if not self._grouping.wait:
                for row in waiting:
                    self._in_time(started)
                    with _alone(row.key):
                        self._mail(audience, [row], None, reader, sweep)
                continue
            self._in_time(started)
            last = self._store.audience(audience)
            if last.last is not None and self._clock.now() - last.last < self._grouping.interval:
                sweep.waiting += len(waiting)
                continue
            with _alone(last.key):
                self._mail(audience, waiting, last, reader, sweep)

    def _mail(
        self,
        audience: str,
        rows: Sequence[NoticeRow],
        touch: AudienceRow | None,
        reader: Reader,
        sweep: Sweep,
    ) -> None:
        """Freeze one mail out of the notices of one audience, and send it."""
        told: list[NoticeRow] = []
        pointless: list[NoticeRow] = []
        members: list[Member] = []
        for row in rows:
            member = self._member(row.notice, reader)
            if member is None:
                pointless.append(row)
            elif len(members) < MOST_MEMBERS and codec.fits([*members, member]):
                told.append(row)
                members.append(member)
        room = MOST_MEMBERS - len(told)
        for row in pointless:
            decided(Decision.SUPERSEDED, row.notice.key, notice=row.notice.kind, audience=audience)
        sweep.superseded += len(pointless)
        now = self._clock.now()
        if not members:
            for start in range(0, len(pointless), _DROPPED_AT_ONCE):
                self._store.drop(pointless[start : start + _DROPPED_AT_ONCE])
            return
        mail = Mail(
            operation_id=ids.operation_id(row.notice.id for row in told),
            audience=audience,
            as_of=now,
            members=tuple(members),
        )
        freeze = partial(
            self._store.freeze,
            mail,
            [*told, *pointless[:room]],
            audience=touch,
            now=now,
            token=uuid4().hex,
        )
        frozen = self._sender.lease(lambda gate: freeze(gate=gate), urgent=_is_urgent(members))
        if frozen is None:
            return  # another instance was faster
        for row in told:
            decided(Decision.GROUPED, row.notice.key, notice=row.notice.kind, mail=mail.operation_id)
        self._count(self._sender.send(frozen, reader.rows_of(mail)), sweep)

    def _member(self, notice: Notice, reader: Reader) -> Member | None:
        """Give what a mail tells of a notice; None where there is nothing to tell any more."""
        if notice.kind is Kind.UNDELIVERED:
            row = reader.row(notice.key)
            if isinstance(row, SentMail) and row.state == "sent":
                return None  # it was delivered after all
        if not notice.key.startswith("event:"):
            return Member(notice.kind, notice.key, (), notice.lead)
        history = reader.history(notice.key)
        if overtaken(notice.kind, notice.key, history):
            return None
        rows = [row.key for row in history if row.key != notice.key][: _MOST_HISTORY - 1]
        return Member(notice.kind, notice.key, (*rows, notice.key), notice.lead)

    def _count(self, went: Went, sweep: Sweep) -> None:
        if went is Went.PAUSED:
            raise _StopSending
        sweep.sent += went is Went.SETTLED
        sweep.waiting += went is Went.LEFT

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
    except NoRoom:
        log.info("%s: waits, the limits of the mail service leave no room", what)
    except Exception:
        log.exception("%s: left for the next sweep", what)


def _failures_first(row: MailRow) -> tuple[bool, str]:
    return (not _is_urgent(row.mail.members), row.key)


def _is_urgent(members: Iterable[Member]) -> bool:
    return any(member.kind is Kind.FAILED for member in members)


def summary(sweep: Sweep) -> str:
    """Write a sweep's numbers as one line, for the log."""
    counts = Counter({field: value for field, value in msgspec.structs.asdict(sweep).items() if value})
    return "sweep: " + (", ".join(f"{field}={value}" for field, value in counts.items()) or "nothing due")
