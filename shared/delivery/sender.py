"""Sending one leased mail: one POST, and what follows from each outcome and each answer.

The caller owns the mail's lease. Whatever happens here, the mail is afterwards settled, free for a later
attempt, or left to its lease: in doubt, to be asked about before anything else is done with it.

It is long because it is one table: each outcome and each answer, and what follows from it.
"""

from __future__ import annotations

import logging
from copy import copy
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

import msgspec

from shared.audience import EMAIL_CHANNEL
from shared.channels.channel import Drafting, Switchable, Temper, Threading
from shared.channels.outcomes import (
    Accepted,
    Gone,
    OperationState,
    OperationStatus,
    Postponed,
    Refused,
    Throttled,
    Timeouts,
    Unavailable,
    Unknown,
)
from shared.delivery.limiter import MAX_BACK_OFF
from shared.delivery.settler import SendResult, thread_of
from shared.notices.kinds import ACTIONABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.channels.channel import Channel, Message
    from shared.channels.outcomes import Outcome
    from shared.clock import Clock
    from shared.delivery.composer import Composer
    from shared.delivery.limiter import Limiter
    from shared.delivery.settler import Settler
    from shared.notices.records import Mail, Row
    from shared.store.protocol import Store
    from shared.store.rows import MailRow


log = logging.getLogger("notifier")

MAX_ATTEMPTS = 8
MAX_CONNECT_SECONDS = 5.0
MAX_READ_SECONDS = 30.0

MIN_SEND_SECONDS = 2.0
"""With less time than this no send is begun."""


class Sender:
    """Hands a mail to its channel once, and does what follows from the outcome. Thread-safe."""

    def __init__(
        self,
        *,
        store: Store,
        channels: Mapping[str, Channel],
        composer: Composer,
        settler: Settler,
        limiter: Limiter,
        clock: Clock,
        lease: timedelta,
    ) -> None:
        """`channels` are by the targets' keys; the settler is over the same store."""
        self.store = store
        self._channels = channels
        self._composer = composer
        self.settler = settler
        self.limiter = limiter
        self._clock = clock
        self._lease = lease
        # A quarter each for taking the lease, a token, connecting and reading: together within the lease.
        self._quarter = lease.total_seconds() / 4
        self._timeouts = Timeouts(
            min(MAX_CONNECT_SECONDS, self._quarter), min(MAX_READ_SECONDS, self._quarter)
        )

    def over(self, store: Store) -> Sender:
        """Return this sender over another store of the same rows."""
        other = copy(self)
        other.store = store
        other.settler = self.settler.over(store)
        other.limiter = self.limiter.over(store)
        return other

    def send(
        self, row: MailRow, rows: Mapping[str, Row], *, since: float, until: float | None = None
    ) -> SendResult:
        """Send a mail whose lease the caller holds, and settle the outcome.

        `since` and `until` are by the monotonic clock. `since` is when the lease was asked for: where too
        much of it is gone, the mail is left to it unsent, and where no send could end by `until`, likewise.
        Raises TableUnavailable where the outcome could not be written down: it will be asked for.
        """
        channel = self._channels.get(row.mail.target)
        if channel is None:
            return self.settler.settle(
                row, "failed", why=f"the target {row.mail.target} is not configured any more"
            )
        mail = msgspec.structs.replace(row.mail, is_repeat=_is_repeat(row, channel))
        message = self._composer.compose(mail, rows)
        timeouts = self._in_time(since, until)
        if timeouts is None:
            log.warning("mail %s is left unsent: too little time", row.mail.operation_id)
            self.store.free(row)  # a lease that runs out would read as a doubt, and as an attempt
            return SendResult.IN_DOUBT
        row, outcome = self._hand_over(row, channel, message, timeouts)
        return self._dealt_with(outcome, row, channel, message, timeouts)

    def _hand_over(
        self, row: MailRow, channel: Channel, message: Message, timeouts: Timeouts
    ) -> tuple[MailRow, Outcome]:
        """Hand a message over once; return the row as it stands then, and what became of it.

        By a draft it takes two requests, with half of the time each; the draft's id is kept in between.
        """
        if isinstance(channel, Threading):
            first = self.store.first_message(thread) if (thread := thread_of(row.mail)) else ""
            return row, channel.send_after(message, row.mail.operation_id, timeouts, first)
        if not isinstance(channel, Drafting):
            return row, channel.send(message, row.mail.operation_id, timeouts)
        half = Timeouts(timeouts.connect / 2, timeouts.read / 2)
        if not row.draft:
            made = channel.draft(message, row.mail.operation_id, half)
            if not isinstance(made, str):
                return row, made
            kept = self.store.keep_draft(row, made)
            if kept is None:
                return row, Unknown("another instance has the mail by now")
            row = kept
        return row, channel.send_draft(row.draft, half)

    def _dealt_with(
        self, outcome: Outcome, row: MailRow, channel: Channel, message: Message, timeouts: Timeouts
    ) -> SendResult:
        """Settle what became of a message, or leave it to its lease."""
        match outcome:
            case Accepted(refused):
                self._note_back(row.mail.target)
                repeat = _is_repeat(row, channel)
                return self.settler.accepted(
                    row, is_repeat=repeat, message=message, refused=refused, id_=outcome.id
                )
            case Throttled(retry_after, reason):
                until_time = self._clock.now() + timedelta(seconds=retry_after)
                self.limiter.pause_until(row.mail.target, until_time, reason)
                self.store.free(row)
                return SendResult.PAUSED
            case Gone(reason):
                log.error("channel %s is gone: %s", channel.name, reason)
                self.limiter.back_off(row.mail.target, reason)
                self.settler.target_gone(row, reason, message)
                self.store.free(row)
                return SendResult.PAUSED
            case Unavailable(reason, of_this_mail):
                if of_this_mail is not None and self.settler.is_alone(row):
                    return self.settler.refused_alone(row, of_this_mail, message)
                if channel.name == EMAIL_CHANNEL:
                    log.error("the mail service takes no mail: %s", reason)
                else:
                    log.error("channel %s takes no messages: %s", channel.name, reason)
                for target in self._with(row.mail.target, outcome.account):
                    self.limiter.back_off(target, reason)
                since_now = row.suspected or self._clock.now()
                self.store.free(row, suspected=since_now if of_this_mail is not None else None)
                return SendResult.PAUSED
            case Refused(reason):
                return self._refused(row, reason, channel, message, timeouts)
            case Postponed(reason):
                return self.settler.postponed(row, reason)
            case Unknown(reason):
                log.warning("mail %s is in doubt: %s", row.mail.operation_id, reason)
                return SendResult.IN_DOUBT
            case _:
                assert_never(outcome)

    def _note_back(self, target: str) -> None:
        """Forget that a target was gone, where that may have been noted."""
        if self.limiter.was_refused(target):
            self.settler.target_back(target)

    def _with(self, target: str, account: str) -> set[str]:
        """Return a target, and all others that are reached by the same account, where there is one."""
        same = {
            key for key, one in self._channels.items() if account and getattr(one, "account", "") == account
        }
        return {target, *same}

    def recover(
        self, row: MailRow, rows: Callable[[], Mapping[str, Row]], *, attempted_before: bool, since: float
    ) -> SendResult:
        """Go on with a mail just taken over: where it was attempted before, as its channel's temper says.

        `rows` reads what rendering needs, if it comes to that; `since` is as for `send`. Raises
        TableUnavailable.
        """
        channel = self._channels.get(row.mail.target)
        if isinstance(channel, Switchable) and row.doubt:
            service = row.mail.bound.service if row.mail.bound else ""
            if service != channel.service:
                answer = channel.ask_former(service, row.mail.operation_id, self._timeouts)
                done = self._answered(row, answer)
                if done is not None:
                    return done
                if service:
                    return self._switch(row, rows, since, may_repeat=answer is None)
        answer = self._ask(row, channel, self._timeouts) if attempted_before and channel else None
        done = self._answered(row, answer)
        if done is not None:
            return done
        if row.refused:
            return self.settler.give_up_refused(row, row.refused, message=None)
        if row.attempts > MAX_ATTEMPTS:
            return self.settler.settle(row, "failed", why=f"{MAX_ATTEMPTS} attempts brought no answer")
        if channel and channel.temper is Temper.BLIND and row.doubt and not _is_actionable(row.mail):
            return self.settler.settle(row, "doubtful", why="no answer came, and it is not sent twice")
        return self.send(row, rows(), since=since)

    def _switch(
        self, row: MailRow, rows: Callable[[], Mapping[str, Row]], since: float, *, may_repeat: bool
    ) -> SendResult:
        """Send by the service of now what the one before it never saw, or cannot be asked about any more."""
        rebound = self.store.rebind(
            row, self._composer.bound(row.mail), may_repeat=may_repeat or row.may_repeat
        )
        if rebound is None:
            return SendResult.IN_DOUBT  # another instance was faster
        return self.send(rebound, rows(), since=since)

    def _answered(self, row: MailRow, answer: OperationStatus | None) -> SendResult | None:
        """Act on what a service says of a mail; None where it does not know it, or was not asked."""
        if answer is None:
            return None
        match answer.state:
            case OperationState.ACCEPTED:
                why = f"the mail service, when asked: {answer.detail}"
                return self.settler.accepted(row, is_repeat=row.may_repeat, why=why)
            case OperationState.FAILED:
                return self.settler.settle(row, "failed", why=f"the mail service gave up: {answer.detail}")
            case OperationState.NO_ANSWER:
                level = logging.ERROR if row.turns >= MAX_ATTEMPTS else logging.WARNING
                log.log(level, "no answer about mail %s: %s", row.mail.operation_id, answer.detail)
                self.store.leave(row)
                return SendResult.IN_DOUBT
            case OperationState.NEVER_SEEN:
                return None

    def term(self, row: MailRow) -> timedelta:
        """Return how long the lease of a mail lasts: longer with each turn, so that attempts span hours."""
        return min(self._lease * (1 << min(row.turns, 10)), max(self._lease, MAX_BACK_OFF))

    def _in_time(self, since: float, until: float | None) -> Timeouts | None:
        """Return the timeouts for a send that begins now; None where it should not begin any more."""
        now = self._clock.monotonic()
        if now - since > self._quarter:
            return None
        if until is None:
            return self._timeouts
        left = until - now
        if left < MIN_SEND_SECONDS:
            return None
        connect = min(self._timeouts.connect, left / 3)
        return Timeouts(connect, min(self._timeouts.read, left - connect))

    def _ask(self, row: MailRow, channel: Channel, timeouts: Timeouts) -> OperationStatus | None:
        if channel.temper is not Temper.ASKABLE:
            return None
        if isinstance(channel, Drafting):
            if not row.draft:
                return OperationStatus(OperationState.NEVER_SEEN, "no draft was kept")
            return channel.ask(row.draft, timeouts)
        return channel.ask(row.mail.operation_id, timeouts)

    def _refused(
        self, row: MailRow, reason: str, channel: Channel, message: Message, timeouts: Timeouts
    ) -> SendResult:
        """Deal with a refusal. The service is asked before it is believed: it refuses some repeats, too."""
        answer = self._ask(row, channel, timeouts)
        if answer is not None:
            if answer.state is OperationState.ACCEPTED:
                why = "taken before; the repeat was refused"
                return self.settler.accepted(row, is_repeat=row.may_repeat, message=message, why=why)
            if answer.state is OperationState.FAILED:
                return self.settler.settle(row, "failed", message=message, why=answer.detail)
        if row.doubt or (answer is not None and answer.state is OperationState.NO_ANSWER):
            self.store.refuse(row, reason)
            return SendResult.IN_DOUBT
        return self.settler.give_up_refused(row, reason, message)


def _is_repeat(row: MailRow, channel: Channel) -> bool:
    """Return whether a mail may have arrived before, with nobody who could say so."""
    return row.may_repeat or (row.doubt and channel.temper is Temper.BLIND)


def _is_actionable(mail: Mail) -> bool:
    """Return whether somebody may have to act on a mail: a digest goes by its most urgent member."""
    return any(member.kind in ACTIONABLE for member in mail.members)
