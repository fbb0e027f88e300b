"""Microsoft Graph, as far as mail goes: sendMail, drafts, and what is asked of them."""

from __future__ import annotations

import base64
import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from testing.arm_endpoint import TOKEN
from testing.services.stand_in import Got, Reply, StandIn

MAILBOX = "aks@contoso.example"


class Graph(StandIn):
    """See StandIn. `mails` are what left the mailbox, in order; twice where it left twice."""

    def __init__(self, *, takes_any_token: bool = False) -> None:
        super().__init__()
        self._takes_any_token = takes_any_token
        self.drafts: dict[str, bytes] = {}
        self.sent: dict[str, bytes] = {}
        """Drafts that were sent, by id: they stay where they can be asked about."""
        self.mails: list[EmailMessage] = []
        self.is_moving: set[str] = set()
        """Ids of mails that are not found yet among the sent items."""

    def is_taken(self, got: Got, reply: Reply) -> bool:
        """Return whether an answer means that a mail left."""
        return reply.status == 202

    def answer(self, got: Got) -> Reply:
        """Answer a request for the mailbox."""
        if got.headers.get("authorization") != f"Bearer {TOKEN}" and not self._takes_any_token:
            return _error(401, "InvalidAuthenticationToken")
        prefix = f"/v1.0/users/{MAILBOX}/"
        if not got.path.startswith(prefix):
            return _error(404, "ErrorInvalidUser")
        match got.method, got.path.removeprefix(prefix).split("/"):
            case "POST", ["sendMail"]:
                return self._leave(got.body)
            case "POST", ["messages"]:
                id_ = f"AAkALg-{uuid4()}="
                self.drafts[id_] = got.body
                return Reply(201, {"id": id_, "isDraft": True})
            case "POST", ["messages", id_, "send"] if unquote(id_) in self.drafts:
                self.sent[unquote(id_)] = body = self.drafts.pop(unquote(id_))
                return self._leave(body)
            case "GET", ["messages", id_] if unquote(id_) not in self.is_moving:
                assert got.headers["prefer"] == 'IdType="ImmutableId"'
                if unquote(id_) in (*self.drafts, *self.sent):
                    return Reply(200, {"id": id_, "isDraft": unquote(id_) in self.drafts})
        return _error(404, "ErrorItemNotFound")

    def _leave(self, body: bytes) -> Reply:
        try:
            message = message_from_bytes(base64.b64decode(body, validate=True), policy=policy.default)
        except ValueError:
            return _error(400, "ErrorMimeContentInvalidBase64String")
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return Reply(202)


def _error(status: int, code: str) -> Reply:
    body: dict[str, Any] = {"error": {"code": code, "message": f"{code}, as the service words it."}}
    return Reply(status, json.loads(json.dumps(body)))
