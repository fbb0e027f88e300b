"""A stand-in for the Email endpoint of Azure Communication Services, over HTTP.

It takes what the real SDK sends (`POST /emails:send`, `GET /emails/operations/{id}`), checks the signature,
keeps every request and every mail, and goes wrong on demand. In a test:

    with MailEndpoint() as endpoint:
        mailer = AcsMailer(endpoint.url, AzureKeyCredential(KEY), "sender@example.com")
        endpoint.script("429", Fault(kind="lost"))       # the next two requests to send
        endpoint.script("500", on="GET")                 # the next question about an operation
        ...
        assert [mail.subject for mail in endpoint.mails] == ["Hello"]

As a process, `python -m testing.mail_endpoint`, its connection string is the first line of output.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import signal
import threading

import msgspec

from testing.mail_service import MailService, OperationIdMode, ReceivedMail, error
from testing.services.stand_in import Fault, Got, Moment, Reply, StandIn

__all__ = ["KEY", "Fault", "Got", "MailEndpoint", "Moment", "OperationIdMode", "ReceivedMail"]

KEY = base64.b64encode(b"a key for tests, and nothing else").decode()


class MailEndpoint(StandIn):
    """See StandIn: a mail service that a mail goes out by, and that can be asked about it."""

    faulty = "POST"

    def __init__(self, mode: OperationIdMode = OperationIdMode.HONOURS) -> None:
        super().__init__()
        self.service = MailService(mode)

    @property
    def connection_string(self) -> str:
        """What `EMAIL_CONNECTION_STRING` takes."""
        return f"endpoint={self.url}/;accesskey={KEY}"

    @property
    def mails(self) -> list[ReceivedMail]:
        """Every mail that left, in order; twice where it left twice."""
        return self.service.mails

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
        if not _is_signed(got):
            return error(401, "Denied", "Denied by the resource provider.")
        if got.method == "GET":
            return self.service.ask(_asked_about(got))
        reply = self.service.accept(got.operation_id, got.body)
        where = {"Operation-Location": f"{self.url}/emails/operations/{got.operation_id}"}
        return msgspec.structs.replace(reply, headers=where) if reply.status == 202 else reply


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
