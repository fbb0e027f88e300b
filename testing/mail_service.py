"""What a stand-in mail service knows and decides: mails, operations, modes, faults. No HTTP here.

It keeps to what is known of Azure Communication Services' Email: a mail is an operation, named by the sender
(`Operation-Id`), and can be asked about. What the real service does with an operation id that it has seen
before is not documented, so the stand-in has two modes and the product must hold its promises under both.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from enum import StrEnum
from typing import Any

import msgspec

from testing.services.stand_in import Reply

MAX_RECIPIENTS = 50
MAX_BYTES = 10 * 1024 * 1024


class OperationIdMode(StrEnum):
    """What happens to a second request under an operation id that is known already."""

    HONOURS = "honour"
    """The identical request is answered again and sends nothing; another body is a 400 (API guidelines)."""
    IGNORES = "ignore"
    """It is sent again. Only asking about the operation first keeps a mail from going out twice."""


class ReceivedMail(msgspec.Struct, frozen=True):
    """A mail that left, once for each time that it left. `body` is the request as JSON."""

    operation_id: str
    body: dict[str, Any]
    sha256: str

    @property
    def subject(self) -> str:
        """The subject line."""
        return str(self.body["content"]["subject"])

    @property
    def to(self) -> tuple[str, ...]:
        """The addresses in `To`."""
        return tuple(str(one["address"]) for one in self.body["recipients"]["to"])


class MailService:
    """Mails and operations, safe to use from many threads."""

    def __init__(self, mode: OperationIdMode = OperationIdMode.HONOURS) -> None:
        self.mode = mode
        self._lock = threading.Lock()
        self._mails: list[ReceivedMail] = []
        self._operations: dict[str, dict[str, Any]] = {}

    @property
    def mails(self) -> list[ReceivedMail]:
        """Everything that left, in order."""
        with self._lock:
            return list(self._mails)

    def accept(self, operation_id: str, body: bytes) -> Reply:
        """Take a mail, unless it is malformed or its operation is known."""
        complaint = malformed(body)
        if complaint is not None:
            return complaint
        mail = ReceivedMail(operation_id, json.loads(body), hashlib.sha256(body).hexdigest())
        with self._lock:
            known = [one for one in self._mails if one.operation_id == operation_id]
            if known and self.mode is OperationIdMode.HONOURS:
                if known[0].sha256 != mail.sha256:
                    return error(400, "BadRequest", "The operation id was used for a different request.")
            else:
                self._mails.append(mail)
                done = {"id": operation_id, "status": "Succeeded", "error": None}
                self._operations.setdefault(operation_id, done)
        return Reply(202, {"id": operation_id, "status": "Running", "error": None})

    def ask(self, operation_id: str) -> Reply:
        """Return truthfully what became of an operation."""
        with self._lock:
            operation = self._operations.get(operation_id)
        if operation is None:
            words = f"Couldn't find a record with the messageID: {operation_id}"
            return error(404, "NotFound", f"Requested message could not be located. {words}")
        return Reply(200, operation)

    def end(self, operation_id: str, status: str, code: str = "") -> None:
        """Decide what is said of an operation from now on, such as `Running`, or `Failed` with a code."""
        failure = {"code": code, "message": f"The mail failed: {code}"} if code else None
        with self._lock:
            self._operations[operation_id] = {"id": operation_id, "status": status, "error": failure}


def error(status: int, code: str, message: str) -> Reply:
    """Put an error the way the service does."""
    return Reply(status, {"error": {"code": code, "message": message}}, {"x-ms-error-code": code})


def malformed(body: bytes) -> Reply | None:
    """Return what the service would not take: too large, no JSON, something missing, too many recipients."""
    if len(body) > MAX_BYTES:
        return error(413, "RequestEntityTooLarge", "The request is larger than 10 MB.")
    try:
        message = json.loads(body)
        given = [message["senderAddress"], message["content"]["subject"]]
        recipients = message["recipients"]
        addresses = [one["address"] for name in ("to", "cc", "bcc") for one in recipients.get(name, ())]
        to = recipients["to"]
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        return error(400, "BadRequest", f"The request is malformed: {problem!r}")
    if not to or not all(given):
        return error(400, "BadRequest", "A sender, a subject and a recipient are required.")
    if len(addresses) > MAX_RECIPIENTS:
        return error(400, "BadRequest", f"More than {MAX_RECIPIENTS} recipients.")
    wrong = [one for one in addresses if not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", str(one))]
    if wrong:
        return error(400, "InvalidEmailAddress", f"Invalid format for email address: {wrong[0]}")
    if any(not isinstance(value, str) or not value for value in message.get("headers", {}).values()):
        return error(400, "BadRequest", "A header's value must be text and not empty.")
    return None
