"""Slack as a channel: messages to one channel by a bot's token, or to one incoming webhook. See Channel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from shared.audience import Target
from shared.channels import target_fields
from shared.channels.chat_channel import ChatChannel
from shared.channels.limits import Limits
from shared.channels.outcomes import Accepted, Refused, Throttled, Timeouts, Unavailable
from shared.channels.pace import Pace
from shared.channels.registration import Registration
from shared.web_addresses import web_address

if TYPE_CHECKING:
    from shared.channels.chat_form import ChatForm
    from shared.channels.context import ChannelContext
    from shared.channels.json_message import JsonMessage
    from shared.channels.outcomes import Outcome
    from shared.routes.document import Field

NAME = "slack"

_CHANNEL = re.compile(r"[CGD][A-Z0-9]{6,20}")
_TOKEN = re.compile(r"xox[a-z]?[A-Za-z0-9.-]*-[A-Za-z0-9-]+")


def read_targets(field: Field) -> tuple[Target, ...]:
    """Read `slack: $NAME` (an incoming webhook), `slack: {channel, token}`, or a list of them."""
    return target_fields.targets(field, "$NAME, or a mapping of channel and token", _target)


def _target(field: Field) -> Target:
    if isinstance(field.value, dict):
        return _bot(field)
    name = target_fields.secret(field, "an incoming webhook's address")
    return Target(NAME, f"${name}", secrets=(name,))


def _bot(field: Field) -> Target:
    entries = field.mapping(("channel", "token"))
    channel = field.required(entries, "channel")
    id_ = channel.text("a channel's id such as C0123456789")
    if not _CHANNEL.fullmatch(id_):
        raise channel.expected("a channel's id such as C0123456789 (its name changes, its id does not)")
    token = field.required(entries, "token")
    return Target(NAME, id_, secrets=(target_fields.secret(token, "a bot's token"),))


def check_secret(target: Target, name: str, value: str, *, allows_loopback: bool) -> None:  # noqa: ARG001
    """Raise ValueError where a value is not what the target needs."""
    if target.id.startswith("$"):
        web_address(value, allows_loopback=allows_loopback)
    elif not _TOKEN.fullmatch(value):
        raise ValueError("is not a token such as xoxb-…")


class SlackChannel(ChatChannel):
    """See Channel."""

    name = NAME
    limits: Limits | None = Limits(60, 3_600)
    """A message a second and channel: https://docs.slack.dev/apis/web-api/rate-limits"""

    def __init__(self, target: Target, context: ChannelContext) -> None:
        super().__init__(target, context)
        self._pace = Pace(1)
        self._is_webhook = target.id.startswith("$")
        self.account = "" if self._is_webhook else f"{NAME} ${target.secrets[0]}"

    def form(self) -> ChatForm:
        """See ChatChannel."""
        from shared.channels.slack.form import FORM

        return FORM

    def wire(self, message: JsonMessage, operation_id: str) -> dict[str, Any]:
        """See JsonChannel: the metadata names the notice, for who looks it up there."""
        if self._is_webhook:
            return message.content
        metadata = {"event_type": "aks_maintenance", "event_payload": {"notice": operation_id}}
        return {"channel": self.target.id, **message.content, "metadata": metadata}

    def send(self, message: JsonMessage, operation_id: str, timeouts: Timeouts) -> Outcome:
        """See Channel."""
        return self.send_after(message, operation_id, timeouts, "")

    def send_after(self, message: JsonMessage, operation_id: str, timeouts: Timeouts, first: str) -> Outcome:
        """See Threading: a reply, a failure for all to see; and the first message shows how things are now.

        Of an update run, which is many things, each message stays. That the first could not be edited
        changes nothing: what is told stands in the reply.
        """
        from shared.channels.slack import api

        turn = self._pace.turn(timeouts)
        if isinstance(turn, Throttled):
            return turn
        timeouts = turn
        door = self.context.door()
        if self._is_webhook:
            return api.post_webhook(door, self.secret(), message.body, timeouts)
        content = self.wire(message, operation_id)
        if first:
            content |= {"thread_ts": first, "reply_broadcast": message.is_urgent}
            timeouts = Timeouts(timeouts.connect / 2, timeouts.read / 2)
        base = self.context.settings.endpoints.slack
        posted = api.call(door, f"{base}/chat.postMessage", self.secret(), content, timeouts)
        if first and isinstance(posted, api.NoThread):
            # It is not there any more, or is closed to replies: this one is the first from now on.
            first, content = "", self.wire(message, operation_id)
            posted = api.call(door, f"{base}/chat.postMessage", self.secret(), content, timeouts)
        if isinstance(posted, api.NoThread):
            return Refused(posted.reason)
        if isinstance(posted, Unavailable) and posted.account:
            return replace(posted, account=self.account)
        if not isinstance(posted, api.Posted):
            return posted
        if first and not message.is_aside:
            edited = {"channel": self.target.id, "ts": first, **message.content}
            api.call(door, f"{base}/chat.update", self.secret(), edited, timeouts)
        return Accepted(said=f"ok, ts {posted.ts}", id="" if first else posted.ts)


REGISTRATION = Registration(
    SlackChannel, read_targets, check_secret, "{channel: C0123456789, token: $SLACK_TOKEN}"
)
