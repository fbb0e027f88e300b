"""The stand-in mail endpoint itself: other tests are only as good as what it does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from testing.mail_endpoint import KEY, Fault, MailEndpoint, Moment, OperationIdMode, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
OPERATION = "11111111-2222-5333-8444-555555555555"
SIGNED = "x-ms-date;host;x-ms-content-sha256"
MAIL: dict[str, Any] = {
    "senderAddress": "aks@example.com",
    "content": {"subject": "Hello", "plainText": "Hi", "html": "<p>Hi"},
    "recipients": {"to": [{"address": "ann@example.com"}]},
}


@pytest.fixture
def endpoint() -> Iterator[MailEndpoint]:
    """Return an endpoint that honours operation ids."""
    with MailEndpoint() as running:
        yield running


def call(
    url: str, method: str, path: str, body: bytes = b"", *, key: str = KEY, operation_id: str = OPERATION
) -> tuple[int, Any, dict[str, str]]:
    """Make a signed request without the SDK; the answer's status, body and headers."""
    host = urlsplit(url).netloc
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    date = "Fri, 20 Nov 2026 21:42:45 GMT"
    text = f"{method}\n{path}\n{date};{host};{digest}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(key), text.encode(), "sha256")).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-content-sha256": digest,
        "Authorization": f"HMAC-SHA256 SignedHeaders={SIGNED}&Signature={signature}",
    }
    if operation_id:
        headers["Operation-Id"] = operation_id
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), dict(answer.headers)
    finally:
        connection.close()


def post(
    endpoint: MailEndpoint, mail: dict[str, Any] = MAIL, *, key: str = KEY, operation_id: str = OPERATION
) -> int:
    """Send a mail; the status."""
    path = "/emails:send?api-version=2025-09-01"
    body = json.dumps(mail).encode()
    return call(endpoint.url, "POST", path, body, key=key, operation_id=operation_id)[0]


def ask(endpoint: MailEndpoint, operation_id: str = OPERATION) -> tuple[int, Any]:
    """Ask about an operation."""
    path = f"/emails/operations/{operation_id}?api-version=2025-09-01"
    return call(endpoint.url, "GET", path)[:2]


def test_mail(endpoint: MailEndpoint) -> None:
    """A mail that was taken is kept with its operation id, and the operation is known."""
    assert ask(endpoint)[0] == 404
    assert post(endpoint) == 202
    (mail,) = endpoint.mails
    assert (mail.operation_id, mail.subject, mail.to) == (OPERATION, "Hello", ("ann@example.com",))
    assert ask(endpoint) == (200, {"id": OPERATION, "status": "Succeeded", "error": None})
    (request,) = endpoint.posts
    assert request.taken
    assert json.loads(request.body) == MAIL


def test_no_operation_id(endpoint: MailEndpoint) -> None:
    """Without an operation id the service makes one up, so that a repeat is another mail."""
    post(endpoint, operation_id="")
    post(endpoint, operation_id="")
    first, second = endpoint.mails
    assert first.operation_id != second.operation_id


def test_honours() -> None:
    """One mode: the identical request again sends nothing, another body under the same id is a 400."""
    with MailEndpoint(mode=OperationIdMode.HONOURS) as endpoint:
        assert [post(endpoint), post(endpoint)] == [202, 202]
        assert post(endpoint, MAIL | {"replyTo": []}) == 400
        assert len(endpoint.mails) == 1


def test_ignores() -> None:
    """The other mode: every request sends, and what is said of the operation is true."""
    with MailEndpoint(mode=OperationIdMode.IGNORES) as endpoint:
        assert [post(endpoint), post(endpoint)] == [202, 202]
        assert len(endpoint.mails) == 2
        assert ask(endpoint)[1]["status"] == "Succeeded"


def test_signature(endpoint: MailEndpoint) -> None:
    """A request under another key is a 401, and neither taken nor answered."""
    wrong = base64.b64encode(b"wrong").decode()
    assert post(endpoint, key=wrong) == 401
    assert endpoint.mails == []
    assert call(endpoint.url, "GET", f"/emails/operations/{OPERATION}?api-version=1", key=wrong)[0] == 401


@pytest.mark.parametrize(
    ("mail", "status"),
    [
        ({}, 400),
        (MAIL | {"recipients": {"to": []}}, 400),
        (MAIL | {"recipients": {"to": [{"address": "Ann <ann@example.com>"}]}}, 400),
        (MAIL | {"recipients": {"to": [{"address": f"a{number}@example.com"} for number in range(51)]}}, 400),
        (MAIL | {"headers": {"X-Empty": ""}}, 400),
        (MAIL | {"content": {"subject": "", "html": ""}}, 400),
        (MAIL | {"attachments": [{"contentInBase64": "A" * 10_500_000}]}, 413),
    ],
)
def test_malformed(endpoint: MailEndpoint, mail: dict[str, Any], status: int) -> None:
    """What the service would not take is refused."""
    assert post(endpoint, mail) == status
    assert endpoint.mails == []


@pytest.mark.parametrize("kind", ["400", "401", "403", "404", "408", "413", "429", "500", "503", "drop"])
def test_not_taken(endpoint: MailEndpoint, kind: str) -> None:
    """A plain status, or `drop`, takes nothing; the request after it is served."""
    endpoint.script(kind)
    if kind == "drop":
        with pytest.raises(http.client.RemoteDisconnected):
            post(endpoint)
    else:
        assert post(endpoint) == int(kind)
    assert endpoint.mails == []
    assert [request.taken for request in endpoint.posts] == [False]
    assert ask(endpoint)[0] == 404
    assert post(endpoint) == 202


@pytest.mark.parametrize("kind", ["lost", "accept500"])
def test_taken_all_the_same(endpoint: MailEndpoint, kind: str) -> None:
    """`lost` and `accept500` take the mail and do not say so."""
    endpoint.script(kind)
    if kind == "lost":
        with pytest.raises(http.client.RemoteDisconnected):
            post(endpoint)
    else:
        assert post(endpoint) == 500
    assert len(endpoint.mails) == 1
    assert ask(endpoint)[0] == 200


def test_fault_details(endpoint: MailEndpoint) -> None:
    """A fault brings its Retry-After, code and words; scripted ones come first, then `fault_for`."""
    endpoint.script(Fault(kind="429", retry_after="7", message="Slow down."), "500")
    endpoint.fault_for = lambda request: Fault(kind="418") if request.operation_id == OPERATION else None
    path = "/emails:send?api-version=2025-09-01"
    status, body, headers = call(endpoint.url, "POST", path, json.dumps(MAIL).encode())
    assert (status, headers["Retry-After"]) == (429, "7")
    assert body == {"error": {"code": "TooManyRequests", "message": "Slow down."}}
    assert [post(endpoint), post(endpoint), post(endpoint, operation_id="other")] == [500, 418, 202]


def test_faults_of_questions(endpoint: MailEndpoint) -> None:
    """Questions have faults of their own, and what they answer can be decided."""
    endpoint.script("503", on="ask")
    assert post(endpoint) == 202
    assert ask(endpoint)[0] == 503
    endpoint.end(OPERATION, "Failed", "EmailDropped")
    assert ask(endpoint)[1]["error"]["code"] == "EmailDropped"


def test_unknown_fault() -> None:
    """A fault that does not exist is refused where it is scripted."""
    with pytest.raises(ValueError, match="'lots' is no fault"):
        Fault(kind="lots")


def test_hook(endpoint: MailEndpoint) -> None:
    """The hook is called before a mail is taken and after it was, while its sender waits."""
    seen: list[tuple[Moment, bool, int]] = []
    endpoint.hook = lambda moment, request: seen.append((moment, request.taken, len(endpoint.mails)))
    post(endpoint)
    ask(endpoint)
    assert seen == [(Moment.BEFORE, False, 0), (Moment.AFTER, True, 1), (Moment.ASKED, False, 1)]


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
def test_hook_kills(endpoint: MailEndpoint, moment: Moment) -> None:
    """A hook can kill the sender exactly there: its request has arrived, and is taken all the same."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.tools.test_mail_endpoint import *\n"
        "call(sys.argv[2], 'POST', '/emails:send?api-version=1', json.dumps(MAIL).encode())"
    )
    sender = subprocess.Popen([sys.executable, "-c", script, str(ROOT), endpoint.url])

    after = threading.Event()

    def kill(now: Moment, _: Request) -> None:
        if now is moment:
            sender.kill()
            sender.wait()
        if now is Moment.AFTER:
            after.set()

    endpoint.hook = kill
    assert sender.wait() == -signal.SIGKILL
    assert after.wait(30)
    assert len(endpoint.mails) == 1
    assert ask(endpoint)[0] == 200


def test_delays(endpoint: MailEndpoint) -> None:
    """A slow request waits before its mail is taken or after it, and closing the endpoint cuts it short."""
    waiting = threading.Event()
    endpoint.hook = lambda moment, _: waiting.set() if moment is Moment.AFTER else None
    endpoint.script(Fault(delay_after=600))
    outcomes: list[object] = []

    def slow() -> None:
        try:
            outcomes.append(post(endpoint))
        except OSError as problem:
            outcomes.append(problem)

    thread = threading.Thread(target=slow)
    thread.start()
    assert waiting.wait(30)
    assert len(endpoint.mails) == 1
    assert outcomes == []
    endpoint.close()
    thread.join()
    assert len(outcomes) == 1


def test_process() -> None:
    """As a process it prints its connection string first, and ends when told to."""
    command = [sys.executable, "-m", "testing.mail_endpoint"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        url = running.stdout.readline().partition("=")[2].partition(";")[0]
        path = "/emails:send?api-version=2025-09-01"
        assert call(url, "POST", path, json.dumps(MAIL).encode())[0] == 202
        running.terminate()
        assert running.wait() == 0
