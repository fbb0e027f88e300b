"""PagerDuty's Events API v2: alerts that open and close by their keys, and changes."""

from __future__ import annotations

import json
from typing import Any

from testing.services.stand_in import Got, Reply, StandIn

KEY = "0123456789abcdef0123456789abcdef"

MAX_BYTES = 512_000
"""https://developer.pagerduty.com/docs/send-alert-event"""


class PagerDuty(StandIn):
    """See StandIn. `alerts` are the events of each alert, by key and how often it has been opened."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = {KEY}
        """Of the integrations that there are."""
        self.pages: list[str] = []
        """Keys, each time that somebody was paged."""
        self.open: set[str] = set()
        self.log: list[tuple[str, str]] = []
        """Action and key of every event that was taken, in order; what is dropped is among them."""
        self.changes: list[dict[str, Any]] = []

    def answer(self, got: Got) -> Reply:
        """Take an event."""
        content = json.loads(got.body)
        errors = [] if content.get("routing_key") in self.keys else ["Invalid routing key"]
        payload = content.get("payload", {})
        if got.path == "/v2/change/enqueue":
            if not payload.get("summary"):
                errors.append("'payload.summary' is missing or blank")
            if not errors:
                self.changes.append(content)
            return _reply(errors)
        assert got.path == "/v2/enqueue", got.path
        action, key = content.get("event_action"), content.get("dedup_key", "")
        if action not in {"trigger", "acknowledge", "resolve"} or len(key) > 255:
            errors.append("Event object is invalid")
        if action == "trigger" and not (
            0 < len(payload.get("summary", "")) <= 1_024
            and payload.get("source")
            and payload.get("severity") in {"critical", "error", "warning", "info"}
        ):
            errors.append("'payload' is missing or invalid")
        if errors:
            return _reply(errors)
        self.log.append((action, key))
        if action == "trigger" and key not in self.open:
            self.open.add(key)
            self.pages.append(key)
        elif action == "resolve":
            self.open.discard(key)
        return _reply([])


def _reply(errors: list[str]) -> Reply:
    if errors:
        return Reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})
    return Reply(202, {"status": "success", "message": "Event processed", "dedup_key": "-"})
