"""The seam of channels: what a channel makes of a frozen mail, and how it hands it over.

A channel turns what is said (`shared.messages`) into a message of its own form, sends it, and says how a
doubt about a send can be cleared: its temper. Outcomes are values, see `shared.channels.outcomes`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
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
    """Something ready to be sent. `recipients` and `subject` are what the ledger keeps of it."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Return whom it goes to, as people know them: never a secret."""
        ...

    @property
    def subject(self) -> str:
        """Return what it is called, on one line."""
        ...


class Channel(Protocol):
    """One way for a mail to reach its audience.

    Composing is pure, and may raise what it likes: then the mail goes out plain. Sending and asking never
    raise for what a service does.
    """

    name: str
    """In lower case; `email` for the first one. Part of the key of its gate."""
    temper: Temper

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> Message:
        """Return the message of a frozen mail."""
        ...

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> Message:
        """Return the message without anything that could go wrong; `why` says what did."""
        ...

    def ordered(self, items: tuple[MailItem, ...], rows: Mapping[str, Row]) -> tuple[MailItem, ...]:
        """Return items in the order of a digest."""
        ...

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> int:
        """Return how many of a mail's first items fit whole into one message."""
        ...

    def send(self, message: Any, operation_id: str, timeouts: Timeouts) -> Outcome:  # noqa: ANN401
        """Hand over one message under an operation id, with one request and no retry."""
        ...

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """Ask what became of an operation; a channel that cannot be asked gives no clear answer."""
        ...
