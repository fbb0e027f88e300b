"""What waits for one audience on one target: read, frozen into a mail, and sent, mail by mail."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from shared import ids, keys
from shared.decision_log import log_decision
from shared.delivery import limiter
from shared.delivery.progress import alone, maintenance
from shared.notices.gates import unasked
from shared.notices.kinds import ENDS, URGENT, Decision, Kind, kind_of
from shared.notices.records import Mail, MailItem, SentMail, StoredEvent, frozen_history, upgrade_of
from shared.notices.validity import overtaken, redundant
from shared.store.protocol import MAX_MEMBERS
from shared.store.reader import THREADS
from shared.store.rows import LONG_AGO
from shared.store.table import MAX_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.audience import Destination
    from shared.delivery.parts import DeliveryParts
    from shared.delivery.progress import Progress, Turns
    from shared.delivery.work import Work
    from shared.notices.records import Notice
    from shared.routes.silences import Silence
    from shared.store.reader import Reader
    from shared.store.rows import AudienceRow, MailRow, NoticeRow


class Batch:
    """The notices that wait for one audience on one target. Used by one thread."""

    def __init__(
        self,
        to: Destination,
        rows: Sequence[NoticeRow],
        parts: DeliveryParts,
        *,
        turns: Turns,
        reader: Reader,
        progress: Progress,
        read: Callable[[], Work],
    ) -> None:
        """`read` reads all work anew."""
        self.to = to
        self._parts = parts
        self._turns = turns
        self._reader = reader
        self._progress = progress
        grouping = parts.grouping.of(parts.routes.audience(to.audience), to.target)
        self._interval = grouping.interval
        self._size = MAX_MEMBERS if grouping.wait else 1
        self._is_grouped = bool(grouping.wait)
        self._is_ordered = to.target in parts.grouping.ungrouped
        self._read_work = read
        double = (redundant if grouping.wait else unasked)(row.notice for row in rows)
        self._pointless = [row for row in rows if row.notice.id in double]
        self._unread = deque(_together(row for row in rows if row.notice.id not in double))
        self._count = sum(map(len, self._unread))
        self._read: dict[MailItem, list[NoticeRow]] = {}
        self._touch: AudienceRow | None = None
        self._is_open = False

    def send(self) -> bool:
        """Send one mail of it, if it is the audience's turn; return whether more can be sent now."""
        continues = False
        before = self._count
        if self._may_go():
            with alone(f"{self.to.audience} {self.to.target}".strip()):
                self._read_on()
                if self._read:
                    self._mail()
            continues = self._count < before and not self._progress.result.paused
        if continues and self._count:
            return True
        self._turns.unfinished.discard(self.to)
        self._leave()
        return False

    def cut_short(self) -> None:
        """Leave what is left to the next sweep, which goes on with it at once where this one had begun."""
        if self._is_open:
            self._turns.unfinished.add(self.to)
        self._leave()

    def _leave(self) -> None:
        """Count what has not been told, and delete what has nothing to tell any more."""
        self._progress.wait(row for rows in (*self._read.values(), *self._unread) for row in rows)
        self._progress.result.superseded += len(self._pointless)
        for start in range(0, len(self._pointless), MAX_OPERATIONS):
            self._parts.store.drop(self._pointless[start : start + MAX_OPERATIONS])

    def _may_go(self) -> bool:
        """Return whether a mail may go now; asked before anything is read: in a storm most audiences wait."""
        # What is urgent comes first.
        is_urgent = _has_urgent(rows[0].notice.kind for rows in (*self._read.values(), *_first(self._unread)))
        if not self._parts.limiter.available(self.to.target, urgent=is_urgent):
            return False
        if self._is_open or not self._is_grouped:
            return True
        interval = self._interval
        if not is_urgent:
            limits = self._parts.limiter.limits.get(self.to.target)
            interval = limiter.stretched(interval, self._parts.routes.sharing(self.to.target), limits)
        if self._turns.is_early(self.to, self._parts.clock.now(), interval):
            return False
        self._touch = self._parts.store.audience(self.to.audience, self.to.target)
        self._turns.last[self.to] = self._touch.last or LONG_AGO
        self._is_open = not self._turns.is_early(self.to, self._parts.clock.now(), interval)
        return self._is_open

    def _read_on(self) -> None:
        """Read what the next mail tells of, side by side, as far as the sweep's time goes."""
        while self._unread and len(self._read) < self._size:
            if self._read and self._progress.is_out_of_time():
                break
            number = min(THREADS, self._size - len(self._read), len(self._unread))
            some = [self._unread.popleft() for _ in range(number)]
            if self._is_ordered:
                some = self._in_order(some)
            keys = [rows[0].notice.key for rows in some]
            self._reader.fetch(keys)
            self._parts.clusters.fetch(keys, self._reader)
            for rows in some:
                self._add(rows)

    def _in_order(self, some: list[list[NoticeRow]]) -> list[list[NoticeRow]]:
        """Return what may be told now: an alert that was resolved is not opened again by what is late."""
        early = [rows for rows in some if maintenance(rows[0].notice.key) in self._progress.unsettled]
        for rows in early:
            self._count -= len(rows)
            self._progress.wait(rows)
        return [rows for rows in some if rows not in early]

    def _add(self, rows: list[NoticeRow]) -> None:
        """Take in the notices of one thing, as what a mail tells of it, or as pointless."""
        notice = rows[0].notice
        is_told = False
        with alone(rows[0].key):
            member = self._member(notice)
            silence = self._silence(notice) if member is not None else None
            if silence is not None:
                self._keep_silent(rows, notice, silence)
                self._count -= len(rows)
                return
            if member is not None:
                self._read.setdefault(member, []).extend(rows)
                return
            log_decision(Decision.SUPERSEDED, notice.key, notice=notice.kind, audience=self.to.audience)
            self._pointless += rows
            if notice.kind is Kind.GATE and not notice.lead:
                self._keep_answers(rows)
            is_told = True
        self._count -= len(rows)
        if not is_told:
            self._progress.wait(rows)

    def _keep_answers(self, rows: list[NoticeRow]) -> None:
        """Drop what tells of the answer to a question that is not put here any more.

        The answer may have been recorded after the work was read, and before the history was.
        """
        waiting = self._read_work().notices.get(self.to, [])
        moot = unasked(row.notice for row in (*rows, *waiting))
        known = {row.key for row in self._pointless}
        self._pointless += [row for row in waiting if row.notice.id in moot and row.key not in known]

    def _silence(self, notice: Notice) -> Silence | None:
        """Return the silence that keeps a notice from being told, if any. No round trip."""
        said = self._parts.limiter.silences(self.to.target)
        if not said or not notice.key.startswith("event:"):
            return None
        from shared.routes.silences import read

        history, now = self._reader.history(notice.key), self._parts.clock.now()
        told = next((row.event for row in history if row.key == notice.key), None)
        if told is None:
            return None
        told = msgspec.structs.replace(told, upgrade=upgrade_of(told, history))
        return next((silence for silence in read(said) if silence.covers(told, notice.kind, now)), None)

    def _keep_silent(self, rows: Sequence[NoticeRow], notice: Notice, silence: Silence) -> None:
        """Delete notices that a silence covers, and leave a trace of it."""
        log_decision(Decision.SILENCED, notice.key, notice=notice.kind, silence=silence.id)
        told = self._reader.row(notice.key)
        whose = told.event.subject.key if isinstance(told, StoredEvent) else ""
        values = {
            "kind": "silenced",
            "of": notice.key,
            "what": notice.kind,
            "audience": self.to.audience,
            "silence": silence.id,
            "at": self._parts.clock.now().isoformat(),
        }
        self._parts.store.silence(rows, keys.told_of_silenced(whose, notice.id), values)

    def _mail(self) -> None:
        """Freeze one mail of what has been read, and send it."""
        parts = self._parts
        members = parts.composer.ordered(tuple(self._read), self.to.target, self._reader)
        part = parts.composer.first_fitting(members, self.to, parts.clock.now(), self._reader)
        # Two notices may be one member; what is told of a member takes all of its notices along.
        while len(part) > 1 and sum(len(self._read[member]) for member in part) > MAX_MEMBERS:
            part = part[:-1]
        rows = [row for member in part for row in self._read[member]][:MAX_MEMBERS]
        rest = self._pointless[: MAX_MEMBERS - len(rows)]
        since = parts.clock.monotonic()
        frozen = self._freeze(part, [*rows, *rest])
        if frozen is None:  # another instance was faster
            self._read, self._unread, self._count = {}, deque(), 0
            return
        del self._pointless[: len(rest)]
        self._progress.result.superseded += len(rest)
        for member in part:
            self._count -= len(self._read.pop(member))
        for row in rows:
            notice, id_ = row.notice, frozen.mail.operation_id
            log_decision(Decision.GROUPED, notice.key, notice=notice.kind, mail=id_)
        went = parts.sender.send(frozen, self._reader.rows_of(frozen.mail), since=since)
        self._progress.count(went, frozen.mail)

    def _freeze(self, members: tuple[MailItem, ...], rows: Sequence[NoticeRow]) -> MailRow | None:
        """Freeze one mail; return it, leased, unless another instance was faster."""
        parts, to = self._parts, self.to
        now = parts.clock.now()
        operation_id = ids.operation_id(member.notice_id(to.audience, to.target) for member in members)
        mail = Mail(
            operation_id=operation_id, audience=to.audience, target=to.target, as_of=now, members=members
        )
        mail = parts.composer.bound(mail)
        freeze = partial(parts.store.freeze, mail, rows, audience=self._touch, now=now, token=uuid4().hex)
        is_urgent = _has_urgent(member.kind for member in members)
        for attempt in parts.limiter.attempts({to.target: 1}, urgent=is_urgent):
            with attempt as gates:
                frozen = freeze(gates=gates)
                attempt.written = frozen.gates
        if frozen.mail is not None and self._touch is not None:
            self._turns.last[to] = now
        self._touch = frozen.audience
        return frozen.mail

    def _member(self, notice: Notice) -> MailItem | None:
        """Return what a mail tells of a notice; None where there is nothing to tell any more."""
        reader = self._reader
        if notice.kind in self._parts.routes.quiet:
            return None
        if notice.kind is Kind.UNDELIVERED:
            row = reader.row(notice.key)
            if isinstance(row, SentMail) and row.state != "failed":
                return None  # it was delivered after all
        if not notice.key.startswith("event:"):
            return MailItem(notice.kind, notice.key, (), notice.lead)
        history, now = reader.history(notice.key), self._parts.clock.now()
        if overtaken(notice.kind, notice.key, history, now) and self._is_replaced(notice, history):
            return None
        if notice.default_hears and self.to.audience != notice.audience:
            return None
        snapshot = self._parts.clusters.snapshot(notice.kind, notice.key, history, reader, now)
        known = frozen_history(history, notice.key)
        told = next((row for row in history if row.key == notice.key), None)
        part = self._parts.runs.part(told, notice.kind, notice.audience) if told else None
        member = MailItem(notice.kind, notice.key, known, notice.lead, snapshot=snapshot, part=part)
        return member if self._parts.composer.tells(member, self.to, reader) else None

    def _is_replaced(self, notice: Notice, history: Sequence[StoredEvent]) -> bool:
        """Return whether the audience hears of what has overtaken a notice.

        An announcement is pointless once it is over, whoever hears of that; that something has started is
        news to those who never hear of its end.
        """
        if notice.kind is not Kind.STARTED:
            return True
        routes, clusters = self._parts.routes, self._parts.clusters
        ends = [clusters.tagged(row.event, self._reader) for row in history if row.event.status in ENDS]
        return any(notice.audience in routes.audiences_for(end, kind_of(end)) for end in ends)


def _together(rows: Iterable[NoticeRow]) -> list[list[NoticeRow]]:
    """Return notices, urgent ones first, those of one thing together: audiences that are gone fall to one."""
    found: dict[tuple[Kind, str, str], list[NoticeRow]] = {}
    for row in sorted(rows, key=lambda row: row.notice.kind not in URGENT):
        found.setdefault((row.notice.kind, row.notice.key, row.notice.lead), []).append(row)
    return list(found.values())


def _first(rows: deque[list[NoticeRow]]) -> Iterable[list[NoticeRow]]:
    return (rows[0],) if rows else ()


def _has_urgent(kinds: Iterable[Kind]) -> bool:
    return not URGENT.isdisjoint(kinds)
