"""An Event Grid topic as a channel: CloudEvents, published with the app's identity. See Channel."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.audience import Target
from shared.channels import target_fields
from shared.channels.channel import Temper
from shared.channels.events_channel import EventsChannel
from shared.channels.registration import Registration
from shared.web_addresses import web_address

if TYPE_CHECKING:
    from shared.channels.context import ChannelContext
    from shared.channels.eventgrid.topic import Topic
    from shared.channels.json_message import JsonMessage
    from shared.channels.outcomes import Outcome, Timeouts
    from shared.routes.document import Field

NAME = "eventgrid"

_PATH = "/api/events"


def read_targets(field: Field) -> tuple[Target, ...]:
    """Read `eventgrid: https://…/api/events`, `eventgrid: $NAME`, or a list of them."""
    return target_fields.targets(field, "a topic's endpoint", _target)


def _target(field: Field) -> Target:
    if target_fields.is_name(field):
        name = target_fields.secret(field, "a topic's endpoint")
        return Target(NAME, f"${name}", secrets=(name,))
    address = target_fields.address(field)
    try:
        return Target(NAME, _endpoint(address))
    except ValueError as error:
        raise field.fault(f"what stands here {error}") from None


def check_secret(target: Target, name: str, value: str, *, allows_loopback: bool) -> None:  # noqa: ARG001
    """Raise ValueError where a value is not a topic's endpoint."""
    _endpoint(web_address(value, allows_loopback=allows_loopback))


def _endpoint(address: str) -> str:
    """Return a topic's endpoint, without a slash at its end. Raises ValueError for another address."""
    parts = urlsplit(address)
    if parts.scheme != "https" or parts.path.rstrip("/").lower() != _PATH or parts.query or parts.fragment:
        raise ValueError(f"is not a topic's endpoint, which is https and ends in {_PATH}")
    return address.rstrip("/")


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
                endpoint = _endpoint(self.secret()) if self.target.secrets else self.target.id
                self._topic = Topic(endpoint, self.context.credential())
        return self._topic.publish(message.content, timeouts)


REGISTRATION = Registration(
    EventGridChannel,
    read_targets,
    check_secret,
    "https://example.westeurope-1.eventgrid.azure.net/api/events",
)
