"""A webhook as a channel: signed CloudEvents to one address. See Channel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared.audience import Target
from shared.channels import target_fields
from shared.channels.channel import Temper
from shared.channels.events_channel import EventsChannel
from shared.channels.registration import Registration
from shared.web_addresses import web_address

if TYPE_CHECKING:
    from shared.channels.json_message import JsonMessage
    from shared.channels.outcomes import Outcome, Timeouts
    from shared.routes.document import Field

NAME = "webhook"

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def read_targets(field: Field) -> tuple[Target, ...]:
    """Read `webhook: {url, secret}`, or a list of them; `url` may be a $NAME, too."""
    return target_fields.targets(field, "a mapping of url and secret", _target)


def _target(field: Field) -> Target:
    entries = field.mapping(("url", "secret"))
    url = field.required(entries, "url")
    secret = target_fields.secret(field.required(entries, "secret"), "the signing secret")
    if not target_fields.is_name(url):
        return Target(NAME, target_fields.address(url), secrets=(secret,))
    name = target_fields.secret(url, "the webhook's address")
    return Target(NAME, f"${name}", secrets=(secret, name))


def check_secret(target: Target, name: str, value: str, *, allows_loopback: bool) -> None:
    """Raise ValueError where a value is not what the target needs."""
    from shared.channels.webhook import signature

    if name == target.secrets[0]:
        signature.keys_of(value)
    else:
        web_address(value, allows_loopback=allows_loopback)


class WebhookChannel(EventsChannel):
    """See Channel."""

    name = NAME
    temper = Temper.COLLAPSES

    def send(self, message: JsonMessage, operation_id: str, timeouts: Timeouts) -> Outcome:
        """See Channel."""
        from shared.channels import answers
        from shared.channels.http import HttpResponse
        from shared.channels.webhook import signature

        body, secret = message.body, self.secret()
        url = self.secret(1) if self.target.id.startswith("$") else self.target.id
        # The time is that of this attempt: consumers refuse what is signed long ago.
        headers = signature.headers(secret, operation_id, int(time.time()), body)
        answer = answers.post(
            self.context.door(),
            url,
            body,
            timeouts,
            {"Content-Type": CONTENT_TYPE, **headers},
            secrets=tuple(secret.split()),
        )
        return answers.outcome(answer) if isinstance(answer, HttpResponse) else answer


REGISTRATION = Registration(
    WebhookChannel,
    read_targets,
    check_secret,
    "{url: https://example.com/hooks/aks, secret: $WEBHOOK_SECRET}",
)
