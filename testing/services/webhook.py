"""A consumer of webhooks, which checks signatures with the package for that, and keeps one of each id."""

from __future__ import annotations

import json
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from testing.services.stand_in import Got, Reply, StandIn

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwEd5mQ0s1Qj8="


class Hook(StandIn):
    """See StandIn. `events` are those that were understood, by id: a repeat changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.secret = SECRET
        self.events: dict[str, dict[str, Any]] = {}

    @property
    def webhook(self) -> str:
        """Its address."""
        return f"{self.url}/hooks/aks"

    def answer(self, got: Got) -> Reply:
        """Check and keep an event."""
        try:
            Webhook(self.secret).verify(got.body, got.headers)
        except WebhookVerificationError as error:
            return Reply(401, str(error))
        event = json.loads(got.body)
        assert got.headers["webhook-id"] == event["id"]
        self.events.setdefault(event["id"], event)
        return Reply(204)
