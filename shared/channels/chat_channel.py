"""What the channels have in common that lead into a chat. See Channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channels.channel import Temper
from shared.channels.json_channel import JsonChannel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.channels.chat_form import ChatForm
    from shared.channels.json_message import JsonMessage
    from shared.notices.records import Mail, Row


class ChatChannel(JsonChannel):
    """One target in a chat: several things share a message, and nobody can be asked what became of one."""

    temper = Temper.BLIND
    is_grouped = True

    def form(self) -> ChatForm:
        """Return what messages look like; importing it costs, so it is asked for when needed."""
        raise NotImplementedError

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> JsonMessage:
        """See Channel."""
        return self.form().compose(mail, rows, audience, self.branding, recipient=self.target.label)

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> JsonMessage:
        """See Channel."""
        return self.form().compose_plain(
            mail, rows, audience, self.branding, why, recipient=self.target.label
        )

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> int:
        """See Channel."""
        return self.form().count_fitting(mail, rows, audience, self.branding)
