"""A lane: what a sweep has for one target. Lanes run side by side, so that no target waits for another.

    mails    -> free, or their lease run out: taken over, asked about, sent; or thawed into their notices
    notices  -> grouped by audience, frozen into one mail, sent

Audiences take turns, a mail each, so that a long backlog of one does not keep the others. Each mail is sent
as soon as what it tells has been read: a lane that had work has less of it afterwards, however slow all is.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from shared.decision_log import log_decision
from shared.delivery.batch import Batch
from shared.delivery.progress import alone, maintenance
from shared.notices.kinds import URGENT, Decision
from shared.store.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.audience import Destination
    from shared.delivery.parts import DeliveryParts
    from shared.delivery.progress import Progress, Turns
    from shared.delivery.work import Work
    from shared.notices.records import Mail
    from shared.store.rows import MailRow, NoticeRow

RECOVERY_SECONDS = 30.0
"""So much of a sweep is for mails left over: they do not keep what is new."""

MAX_FROZEN = timedelta(hours=1)
"""A mail that was frozen longer ago, and that surely nobody has taken, is told as things are now."""


class Lane:
    """What a sweep has for one target, and how far it has come with it. Runs once, in one thread."""

    def __init__(
        self,
        target: str,
        parts: DeliveryParts,
        turns: Turns,
        progress: Progress,
        work: Work,
        *,
        read: Callable[[], Work],
        is_outdated: bool,
    ) -> None:
        """`read` reads the work anew, where there is more of it than in `work`: then it `is_outdated`."""
        self.progress = progress
        self._target = target
        self._parts = parts
        self._turns = turns
        self._work = work
        self._read = read
        self._is_outdated = is_outdated
        self._reader = Reader(parts.store)

    def run(self) -> None:
        """Send what there is, as far as time and the target's limits go. Raises TableUnavailable."""
        progress = self.progress
        mails = [row for row in self._work.mails if row.mail.target == self._target]
        if progress.result.paused:
            progress.wait(mails)
            progress.wait(row for rows in self._notices().values() for row in rows)
            return
        progress.unsettled = {maintenance(member.key) for row in mails for member in row.mail.members}
        for row in sorted(mails, key=_urgent_first):
            if not row.suspected:
                self._recover(row)
        batches = self._batches()
        while batches:
            batch = batches.popleft()
            if progress.result.paused or progress.is_late():
                batch.cut_short()
            elif batch.send():
                batches.append(batch)
        # What may be the only mail that is refused goes after all others: they tell whether it is.
        for row in mails:
            if row.suspected:
                self._recover(row)

    def _recover(self, row: MailRow) -> None:
        """Go on with a mail that nobody is sending."""
        progress, sender = self.progress, self._parts.sender
        is_leased = row.leased and self._work.server_time - row.timestamp < sender.term(row)
        if is_leased or progress.result.paused or progress.is_late(RECOVERY_SECONDS):
            progress.wait([row])
            return
        with alone(row.key):
            if self._is_stale(row.mail) and not (row.is_in_doubt or row.refused or row.may_repeat):
                self._thaw(row)
            else:
                self._take_over(row)

    def _take_over(self, row: MailRow) -> None:
        parts = self._parts
        # It will be rendered: where reading is slow, before it is leased.
        if not row.is_in_doubt or row.turns > 1:
            self._reader.rows_of(row.mail)
        since, token = parts.clock.monotonic(), uuid4().hex
        bound = parts.composer.bound(row.mail)
        is_urgent = not URGENT.isdisjoint(member.kind for member in row.mail.members)
        for attempt in parts.limiter.attempts({self._target: 1}, urgent=is_urgent):
            with attempt as gates:
                taken, attempt.written = parts.store.take_over(row, bound, token, gates)
        if taken is None:
            return  # another instance was faster
        rows = partial(self._reader.rows_of, taken.mail)
        went = parts.sender.recover(taken, rows, attempted_before=bool(row.token), since=since)
        self.progress.count(went, taken.mail)

    def _is_stale(self, mail: Mail) -> bool:
        """Return whether a mail is told anew; what an operator or a refusal made of another mail stays."""
        is_gone = self._parts.routes.destination(mail.audience, mail.target).target != mail.target
        is_old = self._work.server_time - mail.as_of > MAX_FROZEN
        return (is_gone or is_old) and mail.operation_id == mail.usual_id

    def _thaw(self, row: MailRow) -> None:
        """Put a mail's notices in its place: they are told as things are now."""
        thawed = self._parts.store.thaw(row, self._parts.clock.now())
        if not thawed:
            return  # another instance was faster
        self.progress.result.thawed += 1
        for one in thawed:
            notice = one.notice
            log_decision(Decision.THAWED, notice.key, notice=notice.kind, mail=row.mail.operation_id)
        self._is_outdated = True

    def _notices(self) -> dict[Destination, list[NoticeRow]]:
        return {to: rows for to, rows in self._work.notices.items() if to.target == self._target}

    def _batches(self) -> deque[Batch]:
        """Return what waits, audience by audience: failures first, then who has waited longest.

        Who has had a turn in the last sweep, and not enough of it, comes after who may have had none.
        """
        if self._is_outdated:
            self._work, self._reader = self._read(), Reader(self._parts.store)  # what it tells of, too
        parts, turns, reader, progress = self._parts, self._turns, self._reader, self.progress
        return deque(
            Batch(to, rows, parts, turns=turns, reader=reader, progress=progress, read=self._read)
            for to, rows in sorted(self._notices().items(), key=self._order)
        )

    def _order(self, item: tuple[Destination, list[NoticeRow]]) -> tuple[bool, bool, str]:
        to, rows = item
        is_routine = URGENT.isdisjoint(row.notice.kind for row in rows)
        return is_routine, to in self._turns.unfinished, rows[0].key


def _urgent_first(row: MailRow) -> tuple[bool, str]:
    return URGENT.isdisjoint(member.kind for member in row.mail.members), row.key
