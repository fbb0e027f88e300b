"""Writing down what became of a mail: sent, failed, dissolved into single mails, to be tried again later.

Each step is one transaction, fenced by the mail's row: where another instance was faster, nothing is written.
"""

from __future__ import annotations

import logging
from copy import copy
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared import ids, keys
from shared.audience import default_notice
from shared.channels.outcomes import Postponed
from shared.decision_log import log_decision
from shared.notices.kinds import ABOUT_MAIL, Decision, Kind
from shared.notices.records import Mail, SentMail
from shared.store import codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.channels.channel import Message
    from shared.channels.outcomes import Refused
    from shared.clock import Clock
    from shared.notices.records import MailItem
    from shared.routes import Routes
    from shared.store.protocol import Store
    from shared.store.rows import MailRow


log = logging.getLogger("notifier")


class SendResult(StrEnum):
    """How an attempt left the mail."""

    SETTLED = "settled"
    IN_DOUBT = "in doubt"
    """In doubt: its lease runs out, then the mail service is asked."""
    PAUSED = "paused"
    """The mail service takes no mail for now: stop sending."""


class Settler:
    """Settles mails whose lease the caller holds. Its steps raise TableUnavailable. Thread-safe."""

    def __init__(self, store: Store, routes: Routes, clock: Clock) -> None:
        self.store = store
        self._routes = routes
        self._clock = clock
        self._back: set[str] = set()
        """Targets that are not noted as gone, as far as this process knows."""

    def over(self, store: Store) -> Settler:
        """Return this settler over another store of the same rows."""
        other = copy(self)
        other.store = store
        return other

    def target_gone(self, row: MailRow, reason: str, message: Message) -> None:
        """Tell the default audience once that a target is gone, by email, until it is back."""
        now = self._clock.now()
        sent = self._sent(row, "gone", message=message, why=reason)
        gone = msgspec.structs.replace(sent, key=keys.target_gone(row.mail.target))
        since = codec.text(now)  # another time is another notice
        self.store.target_gone(gone, default_notice(Kind.TARGET_GONE, gone.key, since))
        self._back.discard(row.mail.target)

    def target_back(self, target: str) -> None:
        """Forget that a target was gone, once for each process."""
        if target not in self._back:
            self.store.target_back(target)
            self._back.add(target)

    def is_alone(self, row: MailRow) -> bool:
        """Return whether the service has taken another mail since it began to refuse this one."""
        return row.suspected is not None and self.store.has_sent(row.mail.target, row.suspected)

    def refused_alone(self, row: MailRow, outcome: Postponed | Refused, message: Message) -> SendResult:
        """Deal with a refusal of this mail alone."""
        if isinstance(outcome, Postponed):
            return self.postponed(row, outcome.reason)
        if outcome.of_recipients:
            return self.settle(row, "failed", message=message, why=outcome.reason)
        return self.give_up_refused(row, outcome.reason, message)

    def postponed(self, row: MailRow, reason: str) -> SendResult:
        """Leave a mail that is not taken for now to a later attempt."""
        log.warning("mail %s is not taken for now: %s", row.mail.operation_id, reason)
        self.store.postpone(row, reason)
        return SendResult.IN_DOUBT

    def give_up_refused(self, row: MailRow, reason: str, message: Message | None) -> SendResult:
        """Settle a mail that is refused for good as failed; a digest goes out in single mails instead."""
        mail = row.mail
        if row.doubt:
            return self.settle(row, "failed", message=message, why=f"unconfirmed: {reason}")
        if len(mail.members) == 1:
            return self.settle(row, "failed", message=message, why=reason)
        now = self._clock.now()
        singles = [single(mail, member) for member in mail.members]
        dissolved = self._sent(row, "dissolved", message=message, why=reason)
        if self.store.dissolve(row, dissolved, singles, now):
            log.error("mail %s was refused and goes out in %s: %s", mail.operation_id, len(singles), reason)
        return SendResult.SETTLED

    def accepted(
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
        return self.settle(row, state, message=message, why=why, refused=refused, id_=id_, is_accepted=True)

    def settle(
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
        """Settle a mail in a state of `SentMail`; of one that failed, the default audience is told."""
        sent = self._sent(row, state, message=message, why=why, refused=refused)
        tell = None
        if state == "failed":
            log.error("mail %s failed: %s", row.mail.operation_id, why)
            # A mail that tells of failed mail and fails itself is logged, and that is the end of it.
            if not all(member.kind in ABOUT_MAIL for member in row.mail.members):
                tell = default_notice(Kind.UNDELIVERED, sent.key)
        thread = thread_of(row.mail) if id_ else ""
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


def thread_of(mail: Mail) -> str:
    """Return the key of the row that names the first message of a mail's maintenance; none for a digest."""
    first, *others = mail.members
    is_event = first.key.startswith("event:")
    return keys.thread(mail.target, first.conversation) if is_event and not others else ""


def single(mail: Mail, member: MailItem) -> Mail:
    """Return the mail that tells one member of a mail by itself."""
    notice_id = member.notice_id(mail.audience, mail.target)
    operation_id = ids.operation_id([notice_id, mail.operation_id])
    return msgspec.structs.replace(mail, operation_id=operation_id, members=(member,))
