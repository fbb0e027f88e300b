"""Sending one leased mail and settling what became of it: one POST, and something to do about each outcome.

The caller owns the mail's lease. Whatever happens here, the mail is afterwards settled, free for a later
attempt, or left to its lease: in doubt, to be asked about before anything else is done with it.

It is long because it is one table: each outcome and each answer, and what follows from it.
"""

from __future__ import annotations

import logging
from copy import copy
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

import msgspec

from shared import ids, keys
from shared.audience import EMAIL_CHANNEL, default_notice
from shared.channels.channel import Choosy, Drafting, Switchable, Temper, Threading
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
from shared.decision_log import log_decision
from shared.delivery.limiter import MAX_BACK_OFF
from shared.notices.kinds import ABOUT_MAIL, ACTIONABLE, Decision, Kind
from shared.notices.records import Mail, SentMail
from shared.store import codec
from shared.store.protocol import MAX_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from shared.audience import Audience, Destination
    from shared.channels.channel import Channel, Message
    from shared.channels.outcomes import Outcome
    from shared.clock import Clock
    from shared.delivery.limiter import Limiter
    from shared.notices.records import Binding, MailItem, Row
    from shared.routes import Routes
    from shared.store.protocol import Store
    from shared.store.reader import Reader
    from shared.store.rows import MailRow


log = logging.getLogger("notifier")

MAX_ATTEMPTS = 8
MAX_CONNECT_SECONDS = 5.0
MAX_READ_SECONDS = 30.0

MIN_SEND_SECONDS = 2.0
"""With less time than this no send is begun."""


class SendResult(StrEnum):
    """How an attempt left the mail."""

    SETTLED = "settled"
    IN_DOUBT = "in doubt"
    """In doubt: its lease runs out, then the mail service is asked."""
    PAUSED = "paused"
    """The mail service takes no mail for now: stop sending."""


class Sender:
    """Renders a mail, hands it to the mailer once, and settles the outcome. Thread-safe."""

    def __init__(
        self,
        *,
        store: Store,
        channels: Mapping[str, Channel],
        limiter: Limiter,
        routes: Routes,
        clock: Clock,
        lease: timedelta,
        bind: Callable[[Audience], Binding],
    ) -> None:
        """`bind` returns what a mail to an audience is bound to, as things are now."""
        self.store = store
        self._channels = channels
        self.limiter = limiter
        self._routes = routes
        self._clock = clock
        self._lease = lease
        self._back: set[str] = set()
        """Targets that are not noted as gone, as far as this process knows."""
        self._bind = bind
        # A quarter each for taking the lease, a token, connecting and reading: together within the lease.
        self._quarter = lease.total_seconds() / 4
        self._timeouts = Timeouts(
            min(MAX_CONNECT_SECONDS, self._quarter), min(MAX_READ_SECONDS, self._quarter)
        )

    def over(self, store: Store) -> Sender:
        """Return this sender over another store of the same rows."""
        other = copy(self)
        other.store = store
        other.limiter = self.limiter.over(store)
        return other

    def bound(self, mail: Mail) -> Mail:
        """Return a mail with what it is bound to if it is handed over now."""
        bound = self._bind(self._routes.audience(mail.audience))
        channel = self._channels.get(mail.target)
        if isinstance(channel, Switchable):
            bound = msgspec.structs.replace(bound, service=channel.service)
        return msgspec.structs.replace(mail, bound=bound)

    def ordered(self, members: tuple[MailItem, ...], target: str, reader: Reader) -> tuple[MailItem, ...]:
        """Put members into the order in which a digest tells them, failures first."""
        if len(members) == 1:
            return members
        try:
            return self._channels[target].ordered(members, reader.rows_named(members))
        except Exception:
            log.exception("members stay in the order in which they fell due")
            return members

    def tells(self, member: MailItem, to: Destination, reader: Reader) -> bool:
        """Return whether there is anything to send of a notice on its target."""
        channel: object = self._channels.get(to.target)
        if not isinstance(channel, Choosy):
            return True
        return channel.tells(member, reader.rows_named([member]), self._routes.audience(to.audience))

    def first_fitting(
        self, members: tuple[MailItem, ...], to: Destination, as_of: datetime, reader: Reader
    ) -> tuple[MailItem, ...]:
        """Return the first members that fit whole into one mail, and into its row: at least one."""
        part = members[:MAX_MEMBERS]
        while len(part) > 1 and not codec.fits(part):
            part = part[: max(1, len(part) * 3 // 4)]
        if len(part) == 1:
            return part
        mail = Mail(operation_id="", audience=to.audience, target=to.target, as_of=as_of, members=part)
        audience = self._routes.audience(to.audience)
        try:
            fit = self._channels[to.target].count_fitting(mail, reader.rows_of(mail), audience)
        except Exception:
            log.exception("a digest cannot be measured; it goes out as it is")
            return part
        return part[: max(1, fit)]

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
            return self._settle(row, "failed", why=f"the target {row.mail.target} is not configured any more")
        message = self._render(channel, row, rows)
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
            first = self.store.first_message(thread) if (thread := _thread(row.mail)) else ""
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
                self._is_back(row.mail.target)
                repeat = _is_repeat(row, channel)
                return self._accepted(row, is_repeat=repeat, message=message, refused=refused, id_=outcome.id)
            case Throttled(retry_after, reason):
                until_time = self._clock.now() + timedelta(seconds=retry_after)
                self.limiter.pause_until(row.mail.target, until_time, reason)
                self.store.free(row)
                return SendResult.PAUSED
            case Gone(reason):
                log.error("channel %s is gone: %s", channel.name, reason)
                self.limiter.back_off(row.mail.target, reason)
                self._tell_gone(row, reason, message)
                self.store.free(row)
                return SendResult.PAUSED
            case Unavailable(reason, of_this_mail):
                if of_this_mail is not None and self._is_alone(row):
                    return self._settle_alone(row, of_this_mail, message)
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
                return self._postponed(row, reason)
            case Unknown(reason):
                log.warning("mail %s is in doubt: %s", row.mail.operation_id, reason)
                return SendResult.IN_DOUBT
            case _:
                assert_never(outcome)

    def _with(self, target: str, account: str) -> set[str]:
        """Return a target, and all others that are reached by the same account, where there is one."""
        same = {
            key for key, one in self._channels.items() if account and getattr(one, "account", "") == account
        }
        return {target, *same}

    def _tell_gone(self, row: MailRow, reason: str, message: Message) -> None:
        """Tell the default audience once that a target is gone, by email, until it is back."""
        now = self._clock.now()
        sent = self._sent(row, "gone", message=message, why=reason)
        gone = msgspec.structs.replace(sent, key=keys.target_gone(row.mail.target))
        since = codec.text(now)  # another time is another notice
        self.store.target_gone(gone, default_notice(Kind.TARGET_GONE, gone.key, since))
        self._back.discard(row.mail.target)

    def _is_back(self, target: str) -> None:
        """Forget that a target was gone, where that may have been noted. Once for each process."""
        if self.limiter.was_refused(target) and target not in self._back:
            self.store.target_back(target)
            self._back.add(target)

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
            return self._give_up_refused(row, row.refused, message=None)
        if row.attempts > MAX_ATTEMPTS:
            return self._settle(row, "failed", why=f"{MAX_ATTEMPTS} attempts brought no answer")
        if channel and channel.temper is Temper.BLIND and row.doubt and not _is_actionable(row.mail):
            return self._settle(row, "doubtful", why="no answer came, and it is not sent twice")
        return self.send(row, rows(), since=since)

    def _switch(
        self, row: MailRow, rows: Callable[[], Mapping[str, Row]], since: float, *, may_repeat: bool
    ) -> SendResult:
        """Send by the service of now what the one before it never saw, or cannot be asked about any more."""
        rebound = self.store.rebind(row, self.bound(row.mail), may_repeat=may_repeat or row.may_repeat)
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
                return self._accepted(row, is_repeat=row.may_repeat, why=why)
            case OperationState.FAILED:
                return self._settle(row, "failed", why=f"the mail service gave up: {answer.detail}")
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

    def _render(self, channel: Channel, row: MailRow, rows: Mapping[str, Row]) -> Message:
        audience = self._routes.audience(row.mail.audience)
        bound = row.mail.bound
        if bound is not None:
            audience = msgspec.structs.replace(
                audience, to=bound.to, cc=bound.cc, reply_to=bound.reply_to, time_zone=bound.time_zone
            )
        mail = msgspec.structs.replace(row.mail, is_repeat=_is_repeat(row, channel))
        try:
            return channel.compose(mail, rows, audience)
        except Exception as error:
            log.exception("mail %s goes out plain: it could not be rendered", mail.operation_id)
            return channel.compose_plain(mail, rows, audience, f"{type(error).__name__}: {error}")

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
                return self._accepted(row, is_repeat=row.may_repeat, message=message, why=why)
            if answer.state is OperationState.FAILED:
                return self._settle(row, "failed", message=message, why=answer.detail)
        if row.doubt or (answer is not None and answer.state is OperationState.NO_ANSWER):
            self.store.refuse(row, reason)
            return SendResult.IN_DOUBT
        return self._give_up_refused(row, reason, message)

    def _is_alone(self, row: MailRow) -> bool:
        """Return whether the service has taken another mail since it began to refuse this one."""
        return row.suspected is not None and self.store.has_sent(row.mail.target, row.suspected)

    def _settle_alone(self, row: MailRow, outcome: Postponed | Refused, message: Message) -> SendResult:
        """Deal with a refusal of this mail alone."""
        if isinstance(outcome, Postponed):
            return self._postponed(row, outcome.reason)
        if outcome.of_recipients:
            return self._settle(row, "failed", message=message, why=outcome.reason)
        return self._give_up_refused(row, outcome.reason, message)

    def _postponed(self, row: MailRow, reason: str) -> SendResult:
        log.warning("mail %s is not taken for now: %s", row.mail.operation_id, reason)
        self.store.postpone(row, reason)
        return SendResult.IN_DOUBT

    def _give_up_refused(self, row: MailRow, reason: str, message: Message | None) -> SendResult:
        mail = row.mail
        if row.doubt:
            return self._settle(row, "failed", message=message, why=f"unconfirmed: {reason}")
        if len(mail.members) == 1:
            return self._settle(row, "failed", message=message, why=reason)
        now = self._clock.now()
        singles = [single(mail, member) for member in mail.members]
        dissolved = self._sent(row, "dissolved", message=message, why=reason)
        if self.store.dissolve(row, dissolved, singles, now):
            log.error("mail %s was refused and goes out in %s: %s", mail.operation_id, len(singles), reason)
        return SendResult.SETTLED

    def _accepted(
        self,
        row: MailRow,
        *,
        is_repeat: bool,
        message: Message | None = None,
        why: str = "",
        refused: Iterable[str] = (),
        id_: str = "",
    ) -> SendResult:
        """Settle a mail that a service took: as doubtful where it said that it may be a repeat."""
        state = "doubtful" if is_repeat else "sent"
        why = why or ("it may have arrived twice: an earlier attempt brought no answer" if is_repeat else "")
        return self._settle(row, state, message=message, why=why, refused=refused, id_=id_, is_accepted=True)

    def _settle(
        self,
        row: MailRow,
        state: str,
        *,
        message: Message | None = None,
        why: str = "",
        refused: Iterable[str] = (),
        id_: str = "",
        is_accepted: bool = False,
    ) -> SendResult:
        sent = self._sent(row, state, message=message, why=why, refused=refused)
        tell = None
        if state == "failed":
            log.error("mail %s failed: %s", row.mail.operation_id, why)
            # A mail that tells of failed mail and fails itself is logged, and that is the end of it.
            if not all(member.kind in ABOUT_MAIL for member in row.mail.members):
                tell = default_notice(Kind.UNDELIVERED, sent.key)
        thread = _thread(row.mail) if id_ else ""
        first = (thread, id_) if thread else None
        if not self.store.settle(row, sent, tell, first=first, is_accepted=is_accepted):
            log.warning("mail %s was settled by another instance", row.mail.operation_id)
        elif is_accepted:
            for member in row.mail.members:
                log_decision(Decision.SENT, member.key, notice=member.kind, mail=row.mail.operation_id)
            if sent.refused:
                log.error("mail %s was refused for %s", row.mail.operation_id, ", ".join(sent.refused))
        return SendResult.SETTLED

    def _sent(
        self, row: MailRow, state: str, *, message: Message | None, why: str, refused: Iterable[str] = ()
    ) -> SentMail:
        return SentMail(
            key=keys.sent(row.mail.operation_id),
            state=state,
            audience=row.mail.audience,
            target=row.mail.target,
            at=self._clock.now(),
            subject=message.subject if message else "",
            to=message.recipients if message else self._meant(row.mail),
            why=why,
            refused=tuple(refused),
            attempts=row.attempts,
            members=row.mail.members,
            repeats=row.mail.repeats,
        )

    def _meant(self, mail: Mail) -> tuple[str, ...]:
        """Return whom a mail is for of which no message was composed."""
        audience = self._routes.audience(mail.audience)
        if not mail.target:
            return mail.bound.recipients if mail.bound else audience.to + audience.cc
        target = audience.target(mail.target)
        return (target.label if target else mail.target,)


def _thread(mail: Mail) -> str:
    """Return the key of the row that names the first message of a mail's maintenance; none for a digest."""
    first, *others = mail.members
    is_event = first.key.startswith("event:")
    return keys.thread(mail.target, first.conversation) if is_event and not others else ""


def single(mail: Mail, member: MailItem) -> Mail:
    """Return the mail that tells one member of a mail by itself."""
    notice_id = member.notice_id(mail.audience, mail.target)
    operation_id = ids.operation_id([notice_id, mail.operation_id])
    return msgspec.structs.replace(mail, operation_id=operation_id, members=(member,))


def _is_repeat(row: MailRow, channel: Channel) -> bool:
    """Return whether a mail may have arrived before, with nobody who could say so."""
    return row.may_repeat or (row.doubt and channel.temper is Temper.BLIND)


def _is_actionable(mail: Mail) -> bool:
    """Return whether somebody may have to act on a mail: a digest goes by its most urgent member."""
    return any(member.kind in ACTIONABLE for member in mail.members)
