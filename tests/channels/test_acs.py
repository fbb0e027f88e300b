"""The mailer for Azure Communication Services: its real SDK, over HTTP, against the stand-in endpoint."""

from __future__ import annotations

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from socketserver import StreamRequestHandler, TCPServer
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import pytest
import requests
from azure.communication.email._api_versions import DEFAULT_VERSION
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError

from shared.channels.email.acs import API_VERSION, AcsMailer
from shared.channels.email.endpoint import parse_connection_string
from shared.channels.outcomes import (
    Accepted,
    OperationState,
    OperationStatus,
    Outcome,
    Refused,
    Throttled,
    Timeouts,
    Unavailable,
    Unknown,
)
from shared.channels.retry_after import MAX_PAUSE_SECONDS
from testing.mail_endpoint import KEY, Fault, MailEndpoint, Moment, OperationIdMode
from testing.samples.email import EMAIL, OPERATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testing.services.stand_in import Got

SENDER = "aks@example.com"
PATIENT = Timeouts(connect=5, read=20)
HASTY = Timeouts(connect=5, read=0.05)
"""For requests that get no answer: how long it waits is of no consequence."""


@pytest.fixture
def endpoint() -> Iterator[MailEndpoint]:
    """Return a mail service that honours operation ids."""
    with MailEndpoint() as running:
        yield running


@pytest.fixture
def mailer(endpoint: MailEndpoint) -> Iterator[AcsMailer]:
    """Return a mailer that knows its key."""
    made = AcsMailer(*_key(endpoint), SENDER)
    yield made
    made.close()


def _key(endpoint: MailEndpoint) -> tuple[str, AzureKeyCredential]:
    url, key = parse_connection_string(endpoint.connection_string)
    return url, AzureKeyCredential(key)


def send(mailer: AcsMailer, operation_id: str = OPERATION, timeouts: Timeouts = PATIENT) -> Outcome:
    """Send the email."""
    return mailer.send(EMAIL, operation_id, timeouts)


def test_accepted(endpoint: MailEndpoint, mailer: AcsMailer) -> None:
    """A 202 is Accepted, after one request that carries the operation id."""
    assert send(mailer) == Accepted()
    (post,) = endpoint.posts
    assert post.operation_id == OPERATION
    assert [mail.operation_id for mail in endpoint.mails] == [OPERATION]
    assert endpoint.questions == []  # no polling


def test_body(endpoint: MailEndpoint, mailer: AcsMailer) -> None:
    """The whole email travels: recipients, bodies, headers with the Message-ID, attachments; no tracking."""
    send(mailer)
    assert endpoint.mails[0].body == {
        "senderAddress": SENDER,
        "content": {"subject": EMAIL.subject, "plainText": EMAIL.text, "html": EMAIL.html},
        "recipients": {
            "to": [
                {"address": "ann@example.com"},
                {"address": "bob@example.com", "displayName": "Bob Builder"},
            ],
            "cc": [{"address": "carl@example.com"}],
        },
        "replyTo": [{"address": "platform@example.com"}],
        "headers": {
            "Message-ID": EMAIL.message_id,
            "References": "<maintenance-1@example.com>",
            "Auto-Submitted": "auto-generated",
        },
        "attachments": [
            {
                "name": EMAIL.attachments[0].name,
                "contentType": EMAIL.attachments[0].content_type,
                "contentInBase64": base64.b64encode(b"BEGIN:VCALENDAR\r\n").decode(),
            }
        ],
        "userEngagementTrackingDisabled": True,
    }


def test_same_bytes(endpoint: MailEndpoint) -> None:
    """The same email is the same bytes whoever sends it: else a repeat would look like another mail."""
    for _ in range(2):
        mailer = AcsMailer(*_key(endpoint), SENDER)
        assert send(mailer) == Accepted()
        mailer.close()
    first, second = endpoint.posts
    assert first.body == second.body
    assert len(endpoint.mails) == 1


def test_version(endpoint: MailEndpoint, mailer: AcsMailer) -> None:
    """Sending and asking use the API version that the SDK was made for."""
    assert API_VERSION == DEFAULT_VERSION
    send(mailer)
    mailer.status_of(OPERATION, PATIENT)
    assert {request.query for request in endpoint.requests} == {f"api-version={API_VERSION}"}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        *[(status, Refused) for status in ("400", "413", "422")],
        *[(status, Unavailable) for status in ("401", "402", "403", "404", "405", "407", "410")],
        *[(status, Unknown) for status in ("302", "307", "408", "409", "412", "418", "425")],
        *[(status, Unknown) for status in ("500", "502", "503", "504", "accept500", "accept409")],
        ("drop", Unknown),
        ("lost", Unknown),
        ("429", Throttled),
    ],
)
def test_outcomes(endpoint: MailEndpoint, mailer: AcsMailer, fault: str, expected: type[Outcome]) -> None:
    """What the endpoint does is told apart as the protocol needs it, and is never tried twice."""
    endpoint.script(Fault(kind=fault, message="Not now."))
    outcome = send(mailer)
    assert type(outcome) is expected
    assert len(endpoint.posts) == 1
    if fault not in {"drop", "lost"}:
        assert "Not now." in outcome.reason  # type: ignore[union-attr]


@pytest.mark.parametrize("status", ["400", "408", "500", "503"])
def test_retry_after_elsewhere(endpoint: MailEndpoint, mailer: AcsMailer, status: str) -> None:
    """A Retry-After on anything but a 429 makes nobody wait or try again, and is no throttling."""
    endpoint.script(Fault(kind=status, retry_after="3600"))
    assert type(send(mailer)) is (Refused if status == "400" else Unknown)
    assert len(endpoint.posts) == 1


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (Fault(kind="429", retry_after="7"), 7),
        (Fault(kind="429", retry_after="0"), 1),
        (Fault(kind="429", retry_after="999999999"), MAX_PAUSE_SECONDS),
        (Fault(kind="429", message="Please try again after 3636 seconds."), 3636),
        (Fault(kind="429", retry_after="soon", message="Please try again after 9 seconds."), 9),
        (Fault(kind="429"), 60),
        (Fault(kind="429", retry_after="-5"), 60),
    ],
)
def test_throttled(endpoint: MailEndpoint, mailer: AcsMailer, fault: Fault, seconds: float) -> None:
    """A 429 says how long to wait: in its header, or else in words, or else it is a minute."""
    endpoint.script(fault)
    outcome = send(mailer)
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after == seconds
    assert outcome.reason.startswith("429 TooManyRequests")


def test_throttled_until(endpoint: MailEndpoint, mailer: AcsMailer) -> None:
    """A date in Retry-After counts from the service's own clock."""
    until = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    endpoint.script(Fault(kind="429", retry_after=until))
    outcome = send(mailer)
    assert isinstance(outcome, Throttled)
    assert 500 < outcome.retry_after <= 600


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("DomainNotLinked", "The specified domain has not been linked.", Unavailable),
        ("InvalidSenderUserName", "Please use a username from the list of valid usernames.", Unavailable),
        ("BadRequest", "Request body validation error. See property 'senderAddress'", Unavailable),
        ("DomainNotVerified", "The domain has not been verified.", Unavailable),
        ("UnsupportedApiVersion", "The resource does not support this version.", Unavailable),
        ("SubscriptionDisabled", "The subscription is disabled.", Unavailable),
        ("EmailDroppedAllRecipientsSuppressed", "All recipients were suppressed.", Refused),
        ("InvalidEmailAddress", "Invalid format for email address: the.sender@x", Refused),
    ],
)
def test_refused_sender(
    endpoint: MailEndpoint, mailer: AcsMailer, code: str, message: str, expected: type[Outcome]
) -> None:
    """What is wrong with the sender concerns all mail, whatever the status; code or words name it."""
    endpoint.script(Fault(kind="400", code=code, message=message))
    assert type(send(mailer)) is expected


def test_wrong_key(endpoint: MailEndpoint) -> None:
    """A wrong key is Unavailable: the mail waits until it is fixed."""
    mailer = AcsMailer(endpoint.url, AzureKeyCredential(base64.b64encode(b"wrong").decode()), SENDER)
    assert send(mailer) == Unavailable("401 Denied: Denied by the resource provider.")
    assert mailer.status_of(OPERATION, PATIENT).state is OperationState.NO_ANSWER
    mailer.close()
    assert endpoint.mails == []


def test_nobody_there() -> None:
    """Without an answer nobody can say: Unknown, and no answer to a question either."""
    mailer = AcsMailer("http://127.0.0.1:1", AzureKeyCredential(KEY), SENDER)
    assert isinstance(send(mailer), Unknown)
    assert mailer.status_of(OPERATION, PATIENT).state is OperationState.NO_ANSWER
    mailer.close()


@pytest.mark.parametrize("fault", [Fault(delay_after=30), Fault(kind="drop", delay_before=30)])
def test_read_timeout(endpoint: MailEndpoint, mailer: AcsMailer, fault: Fault) -> None:
    """An answer that does not come within the read timeout is Unknown, whether the mail was taken or not."""
    endpoint.script(fault)
    outcome = send(mailer, timeouts=HASTY)
    assert isinstance(outcome, Unknown)
    assert "ServiceResponseTimeoutError" in outcome.reason


@contextmanager
def answering(raw: bytes) -> Iterator[str]:
    """Serve one connection with these bytes, whatever it asks, and give the endpoint's URL."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            while (line := self.rfile.readline().lower()) != b"\r\n":
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            self.rfile.read(length)
            self.wfile.write(raw)

    with TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\n{", Accepted),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 6\r\n\r\n<html>", Accepted),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", Accepted),
        (b"HTTP/1.1 202 Accepted\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", Accepted),
        (b'HTTP/1.1 202 Accepted\r\nContent-Length: 19\r\n\r\n{"status":"Failed"}', Unknown),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Unknown),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 6\r\n\r\n<html>", Refused),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 5\r\nContent-Length: 99\r\n\r\n", Throttled),
        (b"HTTP/1.1 ", Unknown),
        (b"nonsense\r\n", Unknown),
    ],
)
def test_odd_answers(raw: bytes, expected: type[Outcome]) -> None:
    """The status is what counts: an answer cut short, or whose body is no JSON, is still that answer."""
    with answering(raw) as url:
        mailer = AcsMailer(url, AzureKeyCredential(KEY), SENDER)
        assert type(send(mailer)) is expected
        mailer.close()


class Identity:
    """An identity that gives a token, or fails, after doing something."""

    def __init__(self, problem: Exception | None = None, first: Callable[[], object] = lambda: None) -> None:
        self._problem, self._first = problem, first

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        """Return a token for the SDK."""
        self._first()
        if self._problem is not None:
            raise self._problem
        return AccessToken("token", 4102444800)


@pytest.mark.parametrize("problem", [ClientAuthenticationError("no identity here"), OSError("no route")])
def test_identity_fails(problem: Exception) -> None:
    """Where the identity gets no token nothing was sent: Unavailable, with its words."""
    mailer = AcsMailer("https://127.0.0.1:9", Identity(problem), SENDER)
    outcome = send(mailer)
    assert isinstance(outcome, Unavailable)
    assert outcome.reason.startswith("nothing was sent")
    assert str(problem) in outcome.reason
    mailer.close()


def test_identity_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the token came so late that the request might outlive its lease, nothing is sent."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    mailer = AcsMailer("https://127.0.0.1:9", Identity(first=lambda: now.__setitem__(0, 60.0)), SENDER)
    assert send(mailer) == Unavailable("nothing was sent: it took too long to get a token")
    mailer.close()


def test_refused_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK sends again with another token, and no answer comes to that, the outcome is unknown."""
    challenge = base64.b64encode(b'{"access_token": {"nbf": {"essential": true}}}').decode()

    def answers() -> Iterator[requests.Response]:
        refused = requests.Response()
        refused.status_code = 401
        refused.headers["WWW-Authenticate"] = f'Bearer error="insufficient_claims", claims="{challenge}"'
        refused.raw = BytesIO(b"")
        yield refused
        raise requests.exceptions.ReadTimeout("no answer in time")

    given = answers()
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", lambda *_, **__: next(given))
    mailer = AcsMailer("https://name.communication.azure.com", Identity(), SENDER)
    assert isinstance(send(mailer), Unknown)
    assert next(given, None) is None


def test_identity_over_http() -> None:
    """An identity with an http endpoint is refused at the start, not at every send."""
    with pytest.raises(ValueError, match="An identity needs an https endpoint"):
        AcsMailer("http://127.0.0.1:9", Identity(), SENDER)


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        ("Succeeded", OperationState.ACCEPTED),
        ("Running", OperationState.ACCEPTED),
        ("NotStarted", OperationState.ACCEPTED),
        ("Failed", OperationState.FAILED),
        ("Canceled", OperationState.FAILED),
        ("Puzzled", OperationState.NO_ANSWER),
    ],
)
def test_ask(endpoint: MailEndpoint, mailer: AcsMailer, status: str, fate: OperationState) -> None:
    """What the service says of an operation is read; a word that is new to us is no answer."""
    send(mailer)
    endpoint.end(
        OPERATION, status, "EmailDroppedAllRecipientsSuppressed" if fate is OperationState.FAILED else ""
    )
    answer = mailer.status_of(OPERATION, PATIENT)
    assert answer.state is fate
    assert status in answer.detail
    assert ("EmailDroppedAllRecipientsSuppressed" in answer.detail) is (fate is OperationState.FAILED)


def test_never_seen(endpoint: MailEndpoint, mailer: AcsMailer) -> None:
    """An operation that the service does not know was never seen."""
    assert mailer.status_of(OPERATION, PATIENT) == OperationStatus(OperationState.NEVER_SEEN, "NotFound")


@pytest.mark.parametrize("fault", ["400", "401", "403", "408", "429", "500", "503", "drop"])
def test_no_answer(endpoint: MailEndpoint, mailer: AcsMailer, fault: str) -> None:
    """Any other end of a question is no answer, and it is not asked again at once."""
    endpoint.script(Fault(kind=fault, retry_after="3600"), on="GET")
    assert mailer.status_of(OPERATION, PATIENT).state is OperationState.NO_ANSWER
    assert len(endpoint.questions) == 1


@pytest.mark.parametrize("mode", list(OperationIdMode))
@pytest.mark.parametrize("fault", ["lost", "accept500", "accept429"])
def test_lost_answer(mode: OperationIdMode, fault: str) -> None:
    """A mail whose answer was lost is found by asking, whatever the service makes of repeats."""
    with MailEndpoint(mode=mode) as endpoint:
        mailer = AcsMailer(*_key(endpoint), SENDER)
        endpoint.script(fault)
        assert send(mailer) != Accepted()
        assert mailer.status_of(OPERATION, PATIENT).state is OperationState.ACCEPTED
        mailer.close()


def test_threads(endpoint: MailEndpoint, mailer: AcsMailer, caplog: pytest.LogCaptureFixture) -> None:
    """32 threads share one mailer: each gets the outcome of its own request, at the same time."""
    together = threading.Barrier(32)

    def meet(moment: Moment, _: Got) -> None:
        if moment is Moment.BEFORE:
            together.wait(30)

    def numbered(request: Got) -> Fault:
        return Fault(kind="429", retry_after=json.loads(request.body)["content"]["subject"])

    endpoint.hook, endpoint.fault_for = meet, numbered

    def run(number: int) -> Outcome:
        email = msgspec.structs.replace(EMAIL, subject=str(number))
        return mailer.send(email, str(uuid4()), PATIENT)

    with ThreadPoolExecutor(32) as pool:
        outcomes = list(pool.map(run, range(1, 33)))
    assert [one.retry_after for one in outcomes if isinstance(one, Throttled)] == list(range(1, 33))
    assert caplog.records == []  # such as a full pool of connections


@pytest.mark.parametrize(
    ("text", "endpoint_url"),
    [
        (f"endpoint=https://n.example.com/;accesskey={KEY}", "https://n.example.com"),
        (f"Endpoint=HTTPS://N.example.com:443;AccessKey={KEY};", "https://n.example.com"),
        (f"accesskey={KEY} ; endpoint=http://127.0.0.1:8931/", "http://127.0.0.1:8931"),
        (f"endpoint=n.example.com;accesskey={KEY}", "https://n.example.com"),
        (f"endpoint=http://[::1]:8931/;accesskey={KEY}", "http://[::1]:8931"),
    ],
)
def test_connection_string(text: str, endpoint_url: str) -> None:
    """A connection string is read in any case and order, and its scheme is kept."""
    assert parse_connection_string(text) == (endpoint_url, KEY)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no endpoint"),
        ("https://n.example.com", "has the form"),
        ("endpoint=https://n.example.com", "has no accesskey"),
        ("endpoint=https://n.example.com;accesskey=", "has no accesskey"),
        (f"accesskey={KEY}", "has no endpoint"),
        ("endpoint=https://n.example.com;accesskey=secret!", "is not base64"),
        (f"endpoint=ftp://n.example.com;accesskey={KEY}", "is not the URL of a resource"),
        (f"endpoint=https://;accesskey={KEY}", "is not the URL of a resource"),
        (f"endpoint=https://n.example.com/emails;accesskey={KEY}", "is not the URL of a resource"),
        (f"endpoint=https://n.example.com:port;accesskey={KEY}", "is not a URL"),
    ],
)
def test_wrong_connection_string(text: str, reason: str) -> None:
    """A wrong connection string is refused with a reason in which the key does not appear."""
    with pytest.raises(ValueError, match=reason) as caught:
        parse_connection_string(text)
    assert KEY not in str(caught.value)
    assert "secret" not in str(caught.value)
