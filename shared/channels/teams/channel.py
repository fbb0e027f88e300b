"""Teams as a channel: cards to one workflow's webhook. See Channel."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.audience import Target
from shared.channels import target_fields
from shared.channels.chat_channel import ChatChannel
from shared.channels.limits import Limits
from shared.channels.outcomes import Throttled
from shared.channels.pace import Pace
from shared.channels.registration import Registration
from shared.web_addresses import web_address

if TYPE_CHECKING:
    from shared.channels.chat_form import ChatForm
    from shared.channels.context import ChannelContext
    from shared.channels.json_message import JsonMessage
    from shared.channels.outcomes import Outcome, Timeouts
    from shared.routes.document import Field

NAME = "teams"

_PER_SECOND = 4
"""https://learn.microsoft.com/connectors/teams/"""

_CONNECTORS = ("webhook.office.com", "outlook.office.com", "outlook.office365.com")


def read_targets(field: Field) -> tuple[Target, ...]:
    """Read `teams: $NAME`, or a list of them."""
    return target_fields.targets(field, "$NAME", _target)


def _target(field: Field) -> Target:
    name = target_fields.secret(field, "a workflow's address")
    return Target(NAME, f"${name}", secrets=(name,))


def check_secret(target: Target, name: str, value: str, *, allows_loopback: bool) -> None:  # noqa: ARG001
    """Raise ValueError where a value is not a workflow's address."""
    web_address(value, allows_loopback=allows_loopback)
    host = urlsplit(value).hostname or ""
    if any(host == one or host.endswith(f".{one}") for one in _CONNECTORS):
        raise ValueError(
            "is the address of an Office 365 connector, and those are gone: make a workflow (in the channel: "
            "Workflows, “Post to a channel when a webhook request is received”), and take its address"
        )


class TeamsChannel(ChatChannel):
    """See Channel."""

    name = NAME
    limits: Limits | None = Limits(_PER_SECOND * 60, _PER_SECOND * 3_600)

    def __init__(self, target: Target, context: ChannelContext) -> None:
        super().__init__(target, context)
        self._pace = Pace(1 / _PER_SECOND)

    def form(self) -> ChatForm:
        """See ChatChannel."""
        from shared.channels.teams.form import FORM

        return FORM

    def send(self, message: JsonMessage, operation_id: str, timeouts: Timeouts) -> Outcome:  # noqa: ARG002
        """See Channel."""
        from shared.channels.teams import webhook

        turn = self._pace.turn(timeouts)
        if isinstance(turn, Throttled):
            return turn
        return webhook.post(self.context.door(), self.secret(), message.body, turn)


REGISTRATION = Registration(TeamsChannel, read_targets, check_secret, "$TEAMS")
