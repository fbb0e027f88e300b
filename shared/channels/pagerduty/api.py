"""Handing an event to PagerDuty: 202 says that it was taken, 400 that it never will be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.channels import answers
from shared.channels.http import HttpResponse
from shared.channels.outcomes import Gone, Outcome, Refused

if TYPE_CHECKING:
    from shared.channels.http import Door
    from shared.channels.outcomes import Timeouts

ALERTS = "/v2/enqueue"
CHANGES = "/v2/change/enqueue"


def enqueue(door: Door, base: str, key: str, content: dict[str, Any], timeouts: Timeouts) -> Outcome:
    """Send one event under an integration's key, with one request and no retry."""
    url = base + (ALERTS if "event_action" in content else CHANGES)
    body = msgspec.json.encode({"routing_key": key, **content})
    answer = answers.post(door, url, body, timeouts, {"Content-Type": "application/json"}, secrets=(key,))
    if not isinstance(answer, HttpResponse):
        return answer
    made = answers.outcome(answer)
    if isinstance(made, Refused) and "routing" in made.reason.lower():
        return Gone(made.reason)  # the integration's key, not this event, is what it does not take
    return made
