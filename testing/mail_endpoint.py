"""A stand-in for the Email endpoint of Azure Communication Services, over HTTP.

It takes what the real SDK sends (`POST /emails:send`, `GET /emails/operations/{id}`), checks the signature,
keeps every request and every mail, and goes wrong on demand. In a test:

    with MailEndpoint() as endpoint:
        mailer = AcsMailer(endpoint.url, AzureKeyCredential(KEY), "sender@example.com")
        endpoint.script("429", Fault(kind="lost"))       # the next two requests to send
        endpoint.script("500", on="GET")                 # the next question about an operation
        ...
        assert [mail.subject for mail in endpoint.mails] == ["Hello"]

What the real service does with an operation id that it has seen before is not documented, so the stand-in has
two modes and the product must hold its promises under both.

As a process, `python -m testing.mail_endpoint`, its connection string is the first line of output.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import signal
import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from testing.services.stand_in import Fault, Got, Moment, Reply, StandIn

if TYPE_CHECKING:
    import ssl

__all__ = ["KEY", "Fault", "Got", "MailEndpoint", "Moment", "OperationIdMode", "ReceivedMail"]

KEY = base64.b64encode(b"a key for tests, and nothing else").decode()

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


class MailEndpoint(StandIn):
    """See StandIn: a mail service that a mail goes out by, and that can be asked about it.

    Over https it takes any token, as from an identity; over http it wants the key's signature.
    """

    faulty = "POST"

    def __init__(
        self, mode: OperationIdMode = OperationIdMode.HONOURS, *, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(ssl_context=ssl_context)
        self.mode = mode
        self._takes_tokens = ssl_context is not None
        self._mails: list[ReceivedMail] = []
        self._operations: dict[str, dict[str, Any]] = {}

    @property
    def connection_string(self) -> str:
        """What `EMAIL_CONNECTION_STRING` takes."""
        return f"endpoint={self.url}/;accesskey={KEY}"

    @property
    def mails(self) -> list[ReceivedMail]:
        """Every mail that left, in order; twice where it left twice."""
        with self._lock:
            return list(self._mails)

    @property
    def posts(self) -> list[Got]:
        """Every request to send."""
        return [request for request in self.requests if request.method == "POST"]

    @property
    def questions(self) -> list[str]:
        """The operation that each question was about."""
        return [_asked_about(request) for request in self.requests if request.method == "GET"]

    def is_taken(self, got: Got, reply: Reply) -> bool:
        """Return whether an answer means that a mail was taken, now or before."""
        return reply.status == 202

    def refusal(self, status: int, fault: Fault) -> Reply:
        """Put a scripted status the way the service does."""
        code = fault.code or {429: "TooManyRequests", 401: "Denied"}.get(status, "Scripted")
        return error(status, code, fault.message or f"Scripted: {fault.kind}.")

    def answer(self, got: Got) -> Reply:
        """Take a mail, or say what became of it."""
        if "api-version=" not in got.query:
            return error(400, "MissingApiVersionParameter", f"{got.path} needs an api-version.")
        has_token = self._takes_tokens and got.headers.get("authorization", "").startswith("Bearer ")
        if not has_token and not _is_signed(got):
            return error(401, "Denied", "Denied by the resource provider.")
        return self.ask(_asked_about(got)) if got.method == "GET" else self._accept(got)

    def ask(self, operation_id: str) -> Reply:
        """Return truthfully what became of an operation."""
        if operation := self._operations.get(operation_id):
            return Reply(200, operation)
        words = f"Couldn't find a record with the messageID: {operation_id}"
        return error(404, "NotFound", f"Requested message could not be located. {words}")

    def end(self, operation_id: str, status: str, code: str = "") -> None:
        """Decide what is said of an operation from now on, such as `Running`, or `Failed` with a code."""
        failure = {"code": code, "message": f"The mail failed: {code}"} if code else None
        self._operations[operation_id] = {"id": operation_id, "status": status, "error": failure}

    def _accept(self, got: Got) -> Reply:
        """Take a mail, unless it is malformed or its operation is known."""
        if complaint := malformed(got.body):
            return complaint
        id_ = got.operation_id
        known = [one for one in self._mails if one.operation_id == id_]
        mail = ReceivedMail(id_, json.loads(got.body), hashlib.sha256(got.body).hexdigest())
        if not known or self.mode is OperationIdMode.IGNORES:
            self._mails.append(mail)
            self._operations.setdefault(id_, {"id": id_, "status": "Succeeded", "error": None})
        elif known[0].sha256 != mail.sha256:
            return error(400, "BadRequest", "The operation id was used for a different request.")
        where = {"Operation-Location": f"{self.url}/emails/operations/{id_}"}
        return Reply(202, {"id": id_, "status": "Running", "error": None}, where)


def _asked_about(got: Got) -> str:
    return got.path.rpartition("/")[2]


def _is_signed(got: Got) -> bool:
    """Return whether a request bears a signature under the key.

    What is signed: learn.microsoft.com/azure/communication-services/tutorials/hmac-header-tutorial
    """
    digest = base64.b64encode(hashlib.sha256(got.body).digest()).decode()
    signed = f"{got.headers.get('x-ms-date')};{got.headers.get('host')};{digest}"
    text = f"{got.method}\n{got.path}?{got.query}\n{signed}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), "sha256")).decode()
    expected = f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
    is_whole = digest == got.headers.get("x-ms-content-sha256")
    return is_whole and hmac.compare_digest(got.headers.get("authorization", ""), expected)


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


def main() -> None:
    """Serve until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with MailEndpoint() as endpoint:
        print(endpoint.connection_string, flush=True)  # noqa: T201 - the interface to whoever started it
        stop.wait()


if __name__ == "__main__":
    main()
