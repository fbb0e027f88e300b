"""Slack: the Web API, which answers 200 whatever happens, and incoming webhooks.

`chat.postMessage` and `chat.update`, with the limits of blocks, channels that are there or not, and threads.
"""

from __future__ import annotations

import json
from typing import Any

from testing.services.stand_in import Got, Reply, StandIn

TOKEN = "xoxb-a-token-for-tests"
CHANNEL = "C0123456789"
WEBHOOK = "/services/T0000/B0000/a-secret-path"

_MAX_CHARACTERS = 13_200


class Slack(StandIn):
    """See StandIn. `messages` are what people see, by their time."""

    def __init__(self) -> None:
        super().__init__()
        self.channels = {CHANNEL: ""}
        """By id: empty, or the word for what is the matter with it."""
        self.token = TOKEN
        self.refusals: list[str] = []
        """Words for the next calls' failures, with 200."""
        self.messages: dict[str, dict[str, Any]] = {}

    @property
    def api(self) -> str:
        """What `SLACK_ENDPOINT` takes."""
        return f"{self.url}/api"

    @property
    def webhook(self) -> str:
        """An incoming webhook's address."""
        return self.url + WEBHOOK

    def is_taken(self, got: Got, reply: Reply) -> bool:
        """Return whether an answer means that a message was taken."""
        return reply.status < 400 and (isinstance(reply.body, str) or reply.body["ok"])

    def answer(self, got: Got) -> Reply:
        """Answer a call, or a webhook."""
        content = json.loads(got.body)
        if got.path == WEBHOOK:
            word = self._problem(content, CHANNEL)
            status = {"no_service": 404, "channel_is_archived": 410}.get(word, 400 if word else 200)
            if not word:
                self._post(content, CHANNEL)
            return Reply(status, word or "ok")
        channel = content.get("channel", "")
        word = self.refusals.pop(0) if self.refusals else ""
        if got.headers.get("authorization") != f"Bearer {self.token}":
            word = "invalid_auth"
        word = word or self._problem(content, channel)
        if word == "ratelimited":
            return Reply(429, {"ok": False, "error": word}, {"Retry-After": "7"})
        if word:
            return Reply(200, {"ok": False, "error": word})
        if got.path == "/api/chat.update":
            if content.get("ts") not in self.messages:
                return Reply(200, {"ok": False, "error": "message_not_found"})
            self.messages[content["ts"]] |= content
            return Reply(200, {"ok": True, "channel": channel, "ts": content["ts"]})
        assert got.path == "/api/chat.postMessage", got.path
        if content.get("thread_ts") not in {None, *self.messages}:
            return Reply(200, {"ok": False, "error": "thread_not_found"})
        return Reply(200, {"ok": True, "channel": channel, "ts": self._post(content, channel)})

    def _post(self, content: dict[str, Any], channel: str) -> str:
        ts = f"{1_796_000_000 + len(self.messages)}.000100"
        self.messages[ts] = {**content, "channel": channel}
        return ts

    def _problem(self, content: dict[str, Any], channel: str) -> str:
        if channel not in self.channels:
            return "channel_not_found"
        blocks = content.get("blocks", [])
        if not content.get("text") and not blocks:
            return "no_text"
        if len(blocks) > 50 or any(not is_block(block) for block in blocks):
            return "invalid_blocks"
        if len(json.dumps(blocks, ensure_ascii=False)) > 4 * _MAX_CHARACTERS:
            return "msg_blocks_too_long"
        return self.channels[channel]


def is_block(block: dict[str, Any]) -> bool:
    """Return whether Slack takes a block of one of the kinds that we send."""
    match block["type"]:
        case "header":
            return block["text"]["type"] == "plain_text" and 0 < len(block["text"]["text"]) <= 150
        case "section":
            texts = [*([block["text"]] if "text" in block else []), *block.get("fields", [])]
            return 0 < len(texts) <= 11 and all(0 < len(text["text"]) <= 3_000 for text in texts)
        case "context" | "rich_text":
            return bool(block["elements"])
    return False
