"""Sending one leased mail and settling what became of it: one POST, and something to do about each outcome.

The caller owns the mail's lease. Whatever happens here, the mail is afterwards settled, free for a later
attempt, or left to its lease: in doubt, to be asked about before anything else is done with it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from enum import StrEnum
from threading import RLock
from typing import TYPE_CHECKING, Protocol, TypeVar, assert_never

import msgspec

from shared import ids, keys
from shared.audience import DEFAULT_AUDIENCE
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
from shared.delivery import limiter
from shared.notices.kinds import ABOUT_MAIL, Decision, Kind
from shared.notices.records import Mail, Notice, SentMail
from shared.store import codec
from shared.store.protocol import MAX_MEMBERS, GateChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from shared.audience import Audience
    from shared.channels.email.email import Email
    from shared.channels.limits import Limits
    from shared.channels.outcomes import Mailer
    from shared.clock import Clock
    from shared.notices.records import MailItem, Row
    from shared.store.protocol import Store
    from shared.store.reader import Reader
    from shared.store.rows import MailRow, SendGate


log = logging.getLogger("notifier")

T = TypeVar("T")

MAX_ATTEMPTS = 8
MAX_CONNECT = 5.0
MAX_READ = 30.0
FIRST_BACK_OFF = timedelta(minutes=1)
MAX_BACK_OFF = timedelta(hours=1)
_MAX_ATTEMPTS = 4
_PLENTY = 1_000

MIN_SECONDS = 2.0
"""With less time than this no send is begun."""

MAX_QUEUED = 3.0
"""Seconds to wait for the others of this process: an event is to be recorded in time, mailed or not."""

PAUSE_REMEMBERED = 60.0
"""Seconds for which a process that has seen a pause acts on it without reading it again."""


class SendResult(StrEnum):
    """How an attempt left the mail."""

    SETTLED = "settled"
    IN_DOUBT = "in doubt"
    """In doubt: its lease runs out, then the mail service is asked."""
    PAUSED = "paused"
    """The mail service takes no mail for now: stop sending."""


class Composer(Protocol):
    """Makes emails. All of it is pure, and may raise what it likes: then the mail goes out plain."""

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> Email:
        """Make the email of a frozen mail."""
        ...

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> Email:
        """Make it without anything that could go wrong."""
        ...

    def ordered(self, members: tuple[MailItem, ...], rows: Mapping[str, Row]) -> tuple[MailItem, ...]:
        """Put members into the order of a digest."""
        ...

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> int:
        """Return how many of a mail's first members fit whole into one email."""
        ...


class RateLimited(Exception):  # noqa: N818 - says what is the matter
    """The limits of the mail service leave no room for another mail now."""


class Sender:
    """Renders a mail, hands it to the mailer once, and settles the outcome. Thread-safe."""

    def __init__(
        self,
        *,
        store: Store,
        mailer: Mailer,
        composer: Composer,
        audiences: Mapping[str, Audience],
        clock: Clock,
        lease: timedelta,
        limits: Limits | None = None,
    ) -> None:
        self._store = store
        self._mailer = mailer
        self._composer = composer
        self._audiences = audiences
        self._clock = clock
        self._lease = lease
        # A quarter each for taking the lease, a token, connecting and reading: together within the lease.
        self._quarter = lease.total_seconds() / 4
        self._timeouts = Timeouts(min(MAX_CONNECT, self._quarter), min(MAX_READ, self._quarter))
        self._limits = limits
        self._gate: SendGate | None = None
        self._gate_seen = 0.0
        self._turn = RLock()

    def see(self, gate: SendGate | None) -> None:
        """Take note of the gate as stored; None where it is not known."""
        with self._turn:
            self._gate, self._gate_seen = gate, self._clock.monotonic()

    def paused(self) -> bool:
        """Return whether a pause is in force, as far as this process has heard of one in the last minute."""
        gate = self._gate
        if gate is None or self._clock.monotonic() - self._gate_seen > PAUSE_REMEMBERED:
            return False
        return gate.until > self._clock.now()

    def lease(
        self, commit: Callable[[SendGate | None], tuple[T, SendGate | None]], *, urgent: bool, number: int = 1
    ) -> T:
        """Make a commit that leases mails to be sent now, and count them with it, by all instances.

        `commit` takes the gate to write, and gives its result and the gate as written. Where no limits are
        set nothing is counted. Raises RateLimited where the limits leave none, a pause holds, or others keep
        coming first.
        """
        if self._limits is None:
            result, _ = commit(None)
            return result
        if not self._turn.acquire(timeout=MAX_QUEUED):
            raise RateLimited
        try:
            began = self._clock.monotonic()
            for _ in range(_MAX_ATTEMPTS):
                gate = self._gate or self._store.gate()
                now = self._clock.now()
                if self._room(gate, now, urgent=urgent) < number:
                    raise RateLimited
                counted = msgspec.structs.replace(gate, sends=limiter.counted(gate.sends, now, number))
                try:
                    result, written = commit(counted)
                except GateChanged:
                    self.see(None)
                    if self._clock.monotonic() - began > MAX_QUEUED:
                        break
                    continue
                self.see(written)
                return result
        finally:
            self._turn.release()
        raise RateLimited

    def room(self, *, urgent: bool = True) -> int:
        """Return how many mails may go at once, as far as this process knows."""
        if self._limits is None:
            return _PLENTY
        if not self._turn.acquire(timeout=MAX_QUEUED):
            return 0
        try:
            gate = self._gate or self._store.gate()
            self.see(gate)
            return self._room(gate, self._clock.now(), urgent=urgent)
        finally:
            self._turn.release()

    def _room(self, gate: SendGate, now: datetime, *, urgent: bool) -> int:
        """Return how many mails may go at once by a gate: none while it is shut."""
        if self._limits is None or gate.until > now:
            return 0
        return limiter.room(gate.sends, self._limits, now, urgent=urgent)

    def audience(self, name: str) -> Audience:
        """Return an audience by its id; one that is not configured any more falls to the default audience."""
        first = next(iter(self._audiences.values()))
        return self._audiences.get(name) or self._audiences.get(DEFAULT_AUDIENCE, first)

    def ordered(self, members: tuple[MailItem, ...], reader: Reader) -> tuple[MailItem, ...]:
        """Put members into the order in which a digest tells them, failures first."""
        if len(members) == 1:
            return members
        try:
            return self._composer.ordered(members, reader.rows_named(members))
        except Exception:
            log.exception("members stay in the order in which they fell due")
            return members

    def first_fitting(
        self, members: tuple[MailItem, ...], audience: str, as_of: datetime, reader: Reader
    ) -> tuple[MailItem, ...]:
        """Return the first members that fit whole into one mail, and into its row: at least one."""
        part = members[:MAX_MEMBERS]
        while len(part) > 1 and not codec.fits(part):
            part = part[: max(1, len(part) * 3 // 4)]
        if len(part) == 1:
            return part
        mail = Mail(operation_id="", audience=audience, as_of=as_of, members=part)
        try:
            fit = self._composer.count_fitting(mail, reader.rows_of(mail), self.audience(audience))
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
        email = self._render(row.mail, rows)
        timeouts = self._in_time(since, until)
        if timeouts is None:
            log.warning("mail %s is left unsent: too little time", row.mail.operation_id)
            return SendResult.IN_DOUBT
        outcome = self._mailer.send(email, row.mail.operation_id, timeouts)
        match outcome:
            case Accepted(refused):
                return self._settle(row, "sent", email=email, refused=refused)
            case Throttled(retry_after, reason):
                self._pause_until(self._clock.now() + timedelta(seconds=retry_after), reason)
                self._store.free(row)
                return SendResult.PAUSED
            case Unavailable(reason) | Gone(reason):
                log.error("the mail service takes no mail: %s", reason)
                self._back_off(reason)
                self._store.free(row)
                return SendResult.PAUSED
            case Refused(reason):
                return self._refused(row, reason, email, timeouts)
            case Postponed(reason):
                log.warning("mail %s is not taken for now: %s", row.mail.operation_id, reason)
                return SendResult.IN_DOUBT
            case Unknown(reason):
                log.warning("mail %s is in doubt: %s", row.mail.operation_id, reason)
                return SendResult.IN_DOUBT
            case _:
                assert_never(outcome)

    def recover(
        self,
        row: MailRow,
        rows: Callable[[], Mapping[str, Row]],
        *,
        attempted_before: bool,
        since: float,
    ) -> SendResult:
        """Go on with a mail just taken over: ask first, where it was attempted before.

        `rows` reads what rendering needs, if it comes to that; `since` is as for `send`. Raises
        TableUnavailable.
        """
        answer = self._ask(row, self._timeouts) if attempted_before else None
        if answer is not None:
            match answer.state:
                case OperationState.ACCEPTED:
                    return self._settle(row, "sent", why=f"the mail service, when asked: {answer.detail}")
                case OperationState.FAILED:
                    return self._settle(row, "failed", why=f"the mail service gave up: {answer.detail}")
                case OperationState.NO_ANSWER:
                    level = logging.ERROR if row.turns >= MAX_ATTEMPTS else logging.WARNING
                    log.log(level, "no answer about mail %s: %s", row.mail.operation_id, answer.detail)
                    self._store.leave(row)
                    return SendResult.IN_DOUBT
                case OperationState.NEVER_SEEN:
                    pass
        if row.refused:
            return self._give_up_refused(row, row.refused, email=None)
        if row.attempts > MAX_ATTEMPTS:
            return self._settle(row, "failed", why=f"{MAX_ATTEMPTS} attempts brought no answer")
        return self.send(row, rows(), since=since)

    def term(self, row: MailRow) -> timedelta:
        """Return how long the lease of a mail lasts: longer with each turn, so that attempts span hours."""
        return min(self._lease * (1 << min(row.turns, 10)), max(self._lease, MAX_BACK_OFF))

    def _render(self, mail: Mail, rows: Mapping[str, Row]) -> Email:
        audience = self.audience(mail.audience)
        try:
            return self._composer.compose(mail, rows, audience)
        except Exception as error:
            log.exception("mail %s goes out plain: it could not be rendered", mail.operation_id)
            return self._composer.compose_plain(mail, rows, audience, f"{type(error).__name__}: {error}")

    def _in_time(self, since: float, until: float | None) -> Timeouts | None:
        """Return the timeouts for a send that begins now; None where it should not begin any more."""
        now = self._clock.monotonic()
        if now - since > self._quarter:
            return None
        if until is None:
            return self._timeouts
        left = until - now
        if left < MIN_SECONDS:
            return None
        connect = min(self._timeouts.connect, left / 3)
        return Timeouts(connect, min(self._timeouts.read, left - connect))

    def _ask(self, row: MailRow, timeouts: Timeouts) -> OperationStatus | None:
        if not self._mailer.can_answer:
            return None
        return self._mailer.status_of(row.mail.operation_id, timeouts)

    def _refused(self, row: MailRow, reason: str, email: Email, timeouts: Timeouts) -> SendResult:
        """Deal with a refusal. The service is asked before it is believed: it refuses some repeats, too."""
        answer = self._ask(row, timeouts)
        if answer is not None:
            if answer.state is OperationState.ACCEPTED:
                return self._settle(row, "sent", email=email, why="taken before; the repeat was refused")
            if answer.state is OperationState.FAILED:
                return self._settle(row, "failed", email=email, why=answer.detail)
        if row.doubt or (answer is not None and answer.state is OperationState.NO_ANSWER):
            self._store.refuse(row, reason)
            return SendResult.IN_DOUBT
        return self._give_up_refused(row, reason, email)

    def _give_up_refused(self, row: MailRow, reason: str, email: Email | None) -> SendResult:
        mail = row.mail
        if row.doubt:
            return self._settle(row, "failed", email=email, why=f"unconfirmed: {reason}")
        if len(mail.members) == 1:
            return self._settle(row, "failed", email=email, why=reason)
        now = self._clock.now()
        singles = [single(mail, member) for member in mail.members]
        dissolved = self._sent(row, "dissolved", email=email, why=reason)
        if self._store.dissolve(row, dissolved, singles, now):
            log.error("mail %s was refused and goes out in %s: %s", mail.operation_id, len(singles), reason)
        return SendResult.SETTLED

    def _settle(
        self,
        row: MailRow,
        state: str,
        *,
        email: Email | None = None,
        why: str = "",
        refused: Iterable[str] = (),
    ) -> SendResult:
        sent = self._sent(row, state, email=email, why=why, refused=refused)
        tell = None
        if state == "failed":
            log.error("mail %s failed: %s", row.mail.operation_id, why)
            # A mail that tells of failed mail and fails itself is logged, and that is the end of it.
            if not all(member.kind in ABOUT_MAIL for member in row.mail.members):
                tell = undelivered(sent.key)
        if not self._store.settle(row, sent, tell):
            log.warning("mail %s was settled by another instance", row.mail.operation_id)
        elif state == "sent":
            for member in row.mail.members:
                log_decision(Decision.SENT, member.key, notice=member.kind, mail=row.mail.operation_id)
            if sent.refused:
                log.error("mail %s was refused for %s", row.mail.operation_id, ", ".join(sent.refused))
        return SendResult.SETTLED

    def _sent(
        self,
        row: MailRow,
        state: str,
        *,
        email: Email | None,
        why: str,
        refused: Iterable[str] = (),
    ) -> SentMail:
        audience = self.audience(row.mail.audience)
        return SentMail(
            key=keys.sent(row.mail.operation_id),
            state=state,
            audience=row.mail.audience,
            at=self._clock.now(),
            subject=email.subject if email else "",
            to=email.to + email.cc if email else audience.to + audience.cc,
            why=why,
            refused=tuple(refused),
            attempts=row.attempts,
            members=row.mail.members,
            repeats=row.mail.repeats,
        )

    def _pause_until(self, until: datetime, reason: str, strikes: int = 0) -> None:
        log_decision(Decision.PAUSED, keys.PAUSE, level=logging.WARNING, until=until.isoformat(), why=reason)
        with self._turn:
            self.see(self._store.pause(until, reason, self._gate or self._store.gate(), strikes))

    def _back_off(self, reason: str) -> None:
        """Pause for a minute, and twice as long each time in a row, up to an hour."""
        now = self._clock.now()
        last = self._gate
        strikes = 0
        if last is not None and last.strikes and now - last.until < 2 * MAX_BACK_OFF:
            strikes = last.strikes
        length = min(FIRST_BACK_OFF * (1 << min(strikes, 10)), MAX_BACK_OFF)
        self._pause_until(now + length, reason, strikes + 1)


def single(mail: Mail, member: MailItem) -> Mail:
    """Make the mail that tells one member of a mail by itself."""
    operation_id = ids.operation_id([member.notice_id(mail.audience), mail.operation_id])
    return msgspec.structs.replace(mail, operation_id=operation_id, members=(member,))


def undelivered(sent_key: str) -> Notice:
    """Make the notice that tells the default audience of a mail that failed."""
    id_ = ids.notice_id(sent_key, Kind.UNDELIVERED, "", DEFAULT_AUDIENCE)
    return Notice(id_, Kind.UNDELIVERED, sent_key, DEFAULT_AUDIENCE)
