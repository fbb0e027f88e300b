"""A workflow of Teams: it answers 202 to whatever comes, and what it cannot post fails behind that."""

from __future__ import annotations

import json

from testing.services.stand_in import Got, Reply, StandIn

MAX_BYTES = 28 * 1024
PATH = "/workflows/0a1b/triggers/manual/paths/invoke?api-version=2016-06-01&sig=a-secret-signature"


class Teams(StandIn):
    """See StandIn. `posted` are the cards that people see, `failed` what went wrong in the flow's runs."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: list[str] = []
        self.posted: list[dict[str, object]] = []

    @property
    def webhook(self) -> str:
        """The address that the workflow was given."""
        return self.url + PATH

    def answer(self, got: Got) -> Reply:
        """Queue a run."""
        problem, card = self._run(got.body)
        if problem:
            self.failed.append(problem)
        else:
            self.posted.append(card)
        return Reply(202)

    def _run(self, body: bytes) -> tuple[str, dict[str, object]]:
        if len(body) > MAX_BYTES:
            return "Request Entity too large", {}
        try:
            attachments = json.loads(body)["attachments"]
            card: dict[str, object] = attachments[0]["content"]
        except (ValueError, LookupError, TypeError):
            return "Property 'type' must be 'AdaptiveCard'", {}
        if card.get("type") != "AdaptiveCard":
            return "Property 'type' must be 'AdaptiveCard'", {}
        return "", card
