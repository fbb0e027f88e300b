"""What the channels have in common that are sent CloudEvents. See Channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channels.json_channel import JsonChannel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.channels.json_message import JsonMessage
    from shared.notices.records import Mail, Row


class EventsChannel(JsonChannel):
    """One target that is sent CloudEvents."""

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> JsonMessage:
        """See Channel."""
        return self._message(mail, rows, audience, "")

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> JsonMessage:
        """See Channel."""
        return self._message(mail, rows, audience, f"In plain form, as words could not be made: {why}")

    def _message(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, plain: str) -> JsonMessage:
        from shared.channels import cloud_event
        from shared.channels.json_message import JsonMessage

        event = cloud_event.cloud_event(mail, rows, audience, self.branding, plain=plain)
        subject = f"{event['subject']}: {event['data']['headline']}"
        return JsonMessage(subject=subject, recipients=(self.target.label,), content=event)
