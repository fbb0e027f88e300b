"""An Event Grid topic as a channel: CloudEvents, published with the app's identity. See Channel."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.audience import Target
from shared.channels import target_fields
from shared.channels.channel import Temper
from shared.channels.events_channel import EventsChannel

if TYPE_CHECKING:
    from shared.channels.context import ChannelContext
    from shared.channels.eventgrid.topic import Topic
    from shared.channels.json_message import JsonMessage
    from shared.channels.outcomes import Outcome, Timeouts
    from shared.routes.document import Field

NAME = "eventgrid"

_PATH = "/api/events"


def read_targets(field: Field) -> tuple[Target, ...]:
    """Read `eventgrid: https://…/api/events`, or a list of such."""
    found: dict[str, Target] = {}
    for one in target_fields.each(field, "a topic's endpoint"):
        address = target_fields.address(one)
        parts = urlsplit(address)
        if parts.scheme != "https" or parts.path.rstrip("/").lower() != _PATH or parts.query:
            raise one.fault(f"expected a topic's endpoint, which is https and ends in {_PATH}")
        found[address] = Target(NAME, address)
    return tuple(found.values())


def open_channel(target: Target, context: ChannelContext) -> EventGridChannel:
    """Return the channel for a target. No round trip."""
    return EventGridChannel(target, context)


class EventGridChannel(EventsChannel):
    """See Channel. A repeat is a second event with the same id: it collapses where it is consumed."""

    name = NAME
    temper = Temper.COLLAPSES

    def __init__(self, target: Target, context: ChannelContext) -> None:
        super().__init__(target, context)
        self._topic: Topic | None = None
        self._lock = Lock()

    def send(self, message: JsonMessage, operation_id: str, timeouts: Timeouts) -> Outcome:  # noqa: ARG002
        """See Channel."""
        from shared.channels.eventgrid.topic import Topic

        with self._lock:
            if self._topic is None:
                self._topic = Topic(self.target.id, self.context.credential())
        return self._topic.publish(message.content, timeouts)
