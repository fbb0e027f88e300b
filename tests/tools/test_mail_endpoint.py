"""The stand-in mail endpoint itself: other tests are only as good as what it does."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from azure.communication.email import EmailClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ServiceResponseError

from testing.mail_endpoint import KEY, Fault, Got, MailEndpoint, Moment, OperationIdMode
from testing.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATION = "11111111-2222-5333-8444-555555555555"
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


def post(url: str, mail: dict[str, Any] = MAIL, operation_id: str = OPERATION) -> int:
    """Send a mail by the SDK, once; the status, 0 where the connection was cut."""
    with EmailClient(url, AzureKeyCredential(KEY), retry_total=0) as client:
        try:
            client.begin_send(mail, operation_id=operation_id, polling=False)
        except HttpResponseError as error:
            return error.status_code or 0
        except ServiceResponseError:
            return 0
    return 202


def state(endpoint: MailEndpoint) -> str:
    """Return what is said of the operation; empty where it is not known."""
    return str(endpoint.ask(OPERATION).body.get("status", ""))


def test_modes() -> None:
    """One mode answers the identical request again and refuses another; the other sends again."""
    with MailEndpoint(OperationIdMode.HONOURS) as honours, MailEndpoint(OperationIdMode.IGNORES) as ignores:
        for endpoint, mails in ((honours, 1), (ignores, 2)):
            assert [post(endpoint.url) for _ in range(2)] == [202, 202]
            assert len(endpoint.mails) == mails
            assert state(endpoint) == "Succeeded"
        assert post(honours.url, MAIL | {"replyTo": []}) == 400


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"recipients": {"to": []}}, 400),
        ({"recipients": {"to": [{"address": "Ann <ann@example.com>"}]}}, 400),
        ({"recipients": {"to": [{"address": f"a{number}@example.com"} for number in range(51)]}}, 400),
        ({"headers": {"X-Empty": ""}}, 400),
        ({"content": {"subject": "", "html": ""}}, 400),
        ({"attachments": [{"contentInBase64": "A" * 10_500_000}]}, 413),
    ],
)
def test_malformed(endpoint: MailEndpoint, wrong: dict[str, Any], status: int) -> None:
    """What the service would not take is refused."""
    assert post(endpoint.url, MAIL | wrong) == status
    assert endpoint.mails == []


@pytest.mark.parametrize(
    ("kind", "status", "taken"),
    [
        ("400", 400, 0),
        ("429", 429, 0),
        ("503", 503, 0),
        ("drop", 0, 0),
        ("lost", 0, 1),
        ("accept500", 500, 1),
    ],
)
def test_faults(endpoint: MailEndpoint, kind: str, status: int, taken: int) -> None:
    """A fault takes the mail or not, whatever it says; scripted ones come first, then `fault_for`."""
    endpoint.script(kind)
    endpoint.fault_for = lambda request: Fault(kind="418") if request.operation_id == OPERATION else None
    assert post(endpoint.url) == status
    assert len(endpoint.mails) == taken
    assert [request.taken for request in endpoint.posts] == [bool(taken)]
    assert bool(state(endpoint)) == bool(taken)
    assert post(endpoint.url) == 418
    assert post(endpoint.url, operation_id="other") == 202


def test_unknown_fault() -> None:
    """A fault that does not exist is refused where it is scripted."""
    with pytest.raises(ValueError, match="'lots' is no fault"):
        Fault(kind="lots")


@pytest.mark.slow
@pytest.mark.parametrize("moment", Moment)
def test_hook_kills(endpoint: MailEndpoint, moment: Moment) -> None:
    """A hook can kill the sender exactly there: its request has arrived, and is taken all the same."""
    script = "import sys; from tests.tools.test_mail_endpoint import post; post(sys.argv[1])"
    sender = subprocess.Popen([sys.executable, "-c", script, endpoint.url], cwd=ROOT)
    seen: list[tuple[Moment, bool, int]] = []
    after = threading.Event()

    def kill(now: Moment, request: Got) -> None:
        seen.append((now, request.taken, len(endpoint.mails)))
        if now is moment:
            sender.kill()
            sender.wait()
        if now is Moment.AFTER:
            after.set()

    endpoint.hook = kill
    assert sender.wait() == -signal.SIGKILL
    assert after.wait(30)
    assert seen == [(Moment.BEFORE, False, 0), (Moment.AFTER, True, 1)]


def test_end_waits_for_no_delay() -> None:
    """The end of the endpoint cuts a delay short; the mail was taken before it."""
    waiting = threading.Event()
    with MailEndpoint() as endpoint:
        endpoint.hook = lambda moment, _: waiting.set() if moment is Moment.AFTER else None
        endpoint.script(Fault(delay_after=600))
        thread = threading.Thread(target=post, args=(endpoint.url,))
        thread.start()
        assert waiting.wait(30)
        assert len(endpoint.mails) == 1
    thread.join(30)
    assert not thread.is_alive()
