"""A channel: what makes a message of a frozen mail, and sends it to one target."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.channels.limits import Limits
    from shared.channels.outcomes import OperationStatus, Outcome, Timeouts
    from shared.notices.records import Mail, MailItem, Row


class Temper(StrEnum):
    """What a channel's service does about a message that comes twice: it decides what a doubt leads to."""

    COLLAPSES = "collapses"
    """It takes a repeat under the same id for the same message: send again."""
    ASKABLE = "askable"
    """It says what became of an operation: ask first."""
    BLIND = "blind"
    """It can neither be asked nor tell a repeat: repeat only what surely did not arrive."""


class Message(Protocol):
    """Something to send, as a channel made it: what is written down of it afterwards."""

    @property
    def subject(self) -> str:
        """What it is about, in a line."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom it goes to, as people know them."""


@runtime_checkable
class Drafting(Protocol):
    """A channel whose messages become drafts first: its id is kept on the row, and then it is sent by its id.

    Such a channel is ASKABLE, and is asked by the draft's id.
    """

    def draft(self, message: Any, operation_id: str, timeouts: Timeouts) -> str | Outcome:  # noqa: ANN401
        """Make a draft; return its id, or why there is none. One that nobody keeps the id of hurts nobody."""

    def send_draft(self, draft_id: str, timeouts: Timeouts) -> Outcome:
        """Send a draft, with one request and no retry."""


@runtime_checkable
class Threading(Protocol):
    """A channel whose messages about one maintenance follow a first one."""

    def send_after(self, message: Any, operation_id: str, timeouts: Timeouts, first: str) -> Outcome:  # noqa: ANN401
        """Send a message that follows the first, named by its service's id; without one it is the first.

        What was accepted says its own id, so that others can follow it.
        """


@runtime_checkable
class Choosy(Protocol):
    """A channel that leaves out some notices, because of what was told there before."""

    def tells(self, member: MailItem, rows: Mapping[str, Row], audience: Audience) -> bool:
        """Return whether there is anything to send of a notice; `rows` are those that it names."""


class Channel(Protocol):
    """One target of one channel. Making messages is pure, and may raise: then `compose_plain` is asked.

    `rows` are those that the frozen mail names, by key; `mail.as_of` is the only clock. A mail that
    `is_repeat` says that it may have come before.
    """

    name: str
    temper: Temper
    limits: Limits | None
    is_grouped: bool
    """Whether notices may be grouped; if not, each is a message of its own."""

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> Message:
        """Return the message of a frozen mail."""

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> Message:
        """Return it without anything that could go wrong; `why` says what did."""

    def ordered(self, members: tuple[MailItem, ...], rows: Mapping[str, Row]) -> tuple[MailItem, ...]:
        """Return members in the order in which a digest tells them."""

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> int:
        """Return how many of a mail's first members fit whole into one message."""

    def send(self, message: Any, operation_id: str, timeouts: Timeouts) -> Outcome:  # noqa: ANN401 - its own
        """Hand over a message that this channel made, with one request and no retry."""

    def ask(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """Ask what became of an operation; only where the temper is ASKABLE."""


@runtime_checkable
class Switchable(Channel, Protocol):
    """A channel whose service may be another one tomorrow, while mails are in doubt at this one."""

    service: str
    """What tells the service from others, in the rows of mails that it may have taken."""

    def ask_former(self, service: str, operation_id: str, timeouts: Timeouts) -> OperationStatus | None:
        """Ask the service of a name what became of an operation; None where it cannot be asked any more.

        An empty name is that of the service before the last switch.
        """
