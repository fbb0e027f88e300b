"""What the channels have in common that lead into a chat. See Channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shared.channels.channel import Temper
from shared.channels.json_channel import JsonChannel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.channels.json_message import JsonMessage
    from shared.messages.branding import Branding
    from shared.notices.records import Mail, Row


class Composer(Protocol):
    """The module that makes the messages of one chat; importing it costs, so it is asked for when needed."""

    def compose(
        self, mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Branding, *, recipient: str
    ) -> JsonMessage:
        """Make the message of a frozen mail."""
        ...

    def compose_plain(
        self,
        mail: Mail,
        rows: Mapping[str, Row],
        audience: Audience,
        look: Branding,
        why: str,
        *,
        recipient: str,
    ) -> JsonMessage:
        """Make the message that goes out when composing raised."""
        ...

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Branding) -> int:
        """Return how many of a mail's first members fit whole into one message."""
        ...


class ChatChannel(JsonChannel):
    """One target in a chat: several things share a message, and nobody can be asked what became of one."""

    temper = Temper.BLIND
    is_grouped = True

    def composer(self) -> Composer:
        """Return what makes the messages."""
        raise NotImplementedError

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> JsonMessage:
        """See Channel."""
        return self.composer().compose(mail, rows, audience, self.look, recipient=self.target.label)

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> JsonMessage:
        """See Channel."""
        return self.composer().compose_plain(
            mail, rows, audience, self.look, why, recipient=self.target.label
        )

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> int:
        """See Channel."""
        return self.composer().count_fitting(mail, rows, audience, self.look)
