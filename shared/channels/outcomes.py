"""What can become of a send, whatever the service, and what each mail service offers: `Mailer`.

An outcome is a value, not an exception, because the protocol has something to do about each:

    Accepted      the service took the mail: it is on its way
    Throttled     refused for now, with a time; the mail was not taken
    Unavailable   refused for a reason that concerns all mail (credentials, resource, no connection made);
                  the mail was not taken
    Gone          the target is not there any more (an archived channel, a deleted webhook); it was not taken
    Postponed     refused for now, for a reason of this mail alone; the mail was not taken
    Refused       this mail is unacceptable and will be tomorrow (malformed, too large, no valid recipient)
    Unknown       no answer that tells: the mail may be on its way

A mailer never raises for what a mail service does; what it does raise is a bug.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from shared.channels.email.email import Email


class Accepted(msgspec.Struct, frozen=True):
    """The service took the mail; `refused` are recipients that it did not take it for, `said` its answer."""

    refused: tuple[str, ...] = ()
    said: str = ""
    id: str = ""
    """The service's own name for the message, where others may follow it."""


class Throttled(msgspec.Struct, frozen=True):
    """The service takes no mail for `retry_after` seconds."""

    retry_after: float
    reason: str


class Gone(msgspec.Struct, frozen=True):
    """The target is not there any more, until somebody fixes it."""

    reason: str


class Postponed(msgspec.Struct, frozen=True):
    """The service does not take this mail for now, but may take others: a full mailbox, greylisting."""

    reason: str


class Refused(msgspec.Struct, frozen=True):
    """The service does not take this mail."""

    reason: str
    of_recipients: bool = False
    """Whether its recipients are what is not taken: its members would fare no better one by one."""


class Unavailable(msgspec.Struct, frozen=True):
    """The service takes no mail at all for now, for a reason that people may have to fix.

    `of_this_mail` is what it would be where the service takes another mail meanwhile: its words fit this mail
    alone, too. `account` names what other targets are reached by as well, where it concerns them.
    """

    reason: str
    of_this_mail: Postponed | Refused | None = None
    account: str = ""


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can say whether the service took the mail, except perhaps the service itself, when asked."""

    reason: str


Outcome = Accepted | Throttled | Unavailable | Gone | Postponed | Refused | Unknown


class OperationState(StrEnum):
    """What a mail service says of an operation it was asked about."""

    ACCEPTED = "accepted"
    """Taken: running, not started yet, or done."""
    FAILED = "failed"
    """Taken, and then failed or canceled."""
    NEVER_SEEN = "never-seen"
    NO_ANSWER = "no-answer"
    """The question got no clear answer, or the service cannot be asked."""


class OperationStatus(msgspec.Struct, frozen=True):
    """What a mail service says of an operation, and in which words."""

    state: OperationState
    detail: str = ""


class Timeouts(msgspec.Struct, frozen=True):
    """How long one request may take, in seconds: to connect, and between reads."""

    connect: float
    read: float


class Mailer(Protocol):
    """A mail service."""

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:
        """Hand over one email under an operation id, with one request and no retry."""

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """Ask what became of an operation, where the service's temper is ASKABLE."""
