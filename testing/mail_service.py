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
from typing import Any, Literal

import msgspec

On = Literal["send", "ask"]
"""What kind of request: one that sends a mail, one that asks about an operation."""

MAX_RECIPIENTS = 50
MAX_BYTES = 10 * 1024 * 1024


class OperationIdMode(StrEnum):
    """What happens to a second request under an operation id that is known already."""

    HONOURS = "honour"
    """The identical request is answered again and sends nothing; another body is a 400 (API guidelines)."""
    IGNORES = "ignore"
    """It is sent again. Only asking about the operation first keeps a mail from going out twice."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong with one request. Without any argument nothing does.

    `kind` is one of:

    * a status such as `"500"`, `"429"`, `"401"`: answered with it, the mail not taken
    * `"drop"`: the connection is cut, the mail not taken
    * `"lost"`: the mail is taken, the connection cut before an answer
    * `"accept"` and a status, such as `"accept500"`: the mail is taken, the answer says otherwise
    * `""`: nothing but the delays

    `retry_after` is sent as it stands (seconds or an HTTP date), `code` and `message` go into the error's
    body.
    `delay_before` and `delay_after` are seconds to wait before the mail is taken and before the answer.
    """

    kind: str = ""
    retry_after: str | None = None
    code: str = ""
    message: str = ""
    delay_before: float = 0
    delay_after: float = 0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(accept)?[1-5]\d\d|drop|lost|", self.kind):
            raise ValueError(f"{self.kind!r} is no fault")

    @property
    def accepts(self) -> bool:
        """Return whether the mail is taken all the same."""
        return self.kind in {"", "lost"} or self.kind.startswith("accept")

    @property
    def cuts(self) -> bool:
        """Return whether the connection is cut instead of answered."""
        return self.kind in {"drop", "lost"}

    @property
    def status(self) -> int | None:
        """The status to answer with, where it is not the one that the request deserves."""
        digits = self.kind.removeprefix("accept")
        return int(digits) if digits.isdigit() else None


class Moment(StrEnum):
    """Where a hook is called, in the thread that serves the request. It may block, and it may kill."""

    BEFORE = "before"
    """A request to send has arrived; nothing was taken yet."""
    AFTER = "after"
    """The mail was taken, or refused; the answer is still to be given."""
    ASKED = "asked"
    """A question about an operation has arrived."""


class Request(msgspec.Struct, frozen=True):
    """A request as it came. `taken` says whether the mail in it was taken (or had been before)."""

    method: str
    path: str
    operation_id: str
    headers: dict[str, str]
    body: bytes = b""
    taken: bool = False


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


class Reply(msgspec.Struct, frozen=True):
    """An answer: the status, the body as JSON, further headers."""

    status: int
    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


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


def error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    """Put an error the way the service does."""
    return Reply(status, {"error": {"code": code, "message": message}}, (("x-ms-error-code", code), *headers))


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
