"""What the channels have in common whose messages are JSON. See Channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.channels.outcomes import OperationState, OperationStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience, Target
    from shared.channels.context import ChannelContext
    from shared.channels.json_message import JsonMessage
    from shared.channels.limits import Limits
    from shared.channels.outcomes import Timeouts
    from shared.notices.records import Mail, MailItem, Row


class JsonChannel:
    """One target. Each message tells one thing, unless a channel says otherwise; nothing can be asked."""

    limits: Limits | None = None
    is_grouped = False
    account = ""
    """What other targets may be reached by as well, such as a token."""

    def __init__(self, target: Target, context: ChannelContext) -> None:
        self.target = target
        self.context = context
        self.branding = context.branding

    def secret(self, number: int = 0) -> str:
        """Return one of the target's secrets."""
        return self.context.settings.secrets[self.target.secrets[number]]

    def wire(self, message: JsonMessage, operation_id: str) -> dict[str, Any]:  # noqa: ARG002 - as others
        """Return what is sent of a message, with the names of secrets in place of these."""
        return message.content

    def ordered(self, members: tuple[MailItem, ...], rows: Mapping[str, Row]) -> tuple[MailItem, ...]:
        """See Channel."""
        from shared.messages import digest

        return digest.ordered(members, rows)

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> int:  # noqa: ARG002
        """See Channel."""
        return 1

    def ask(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:  # noqa: ARG002 - a Channel's
        """See Channel."""
        return OperationStatus(OperationState.NO_ANSWER, "it cannot be asked")
