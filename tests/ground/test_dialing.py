"""Connections: they stand in time or not at all, and lead where they may."""

from __future__ import annotations

import socket
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
import requests

from shared.channels.email.email import Email
from shared.channels.email.smtp import SmtpMailer
from shared.channels.eventgrid.topic import Topic
from shared.channels.http import Door, NothingSentError
from shared.channels.outcomes import Timeouts, Unavailable, Unknown
from shared.connections import session
from shared.dialing import dial
from testing.arm_endpoint import Tokens
from testing.world import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = Timeouts(0.3, 20)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Let look-ups hang until the end of the test."""
    over = Event()
    real = socket.getaddrinfo

    def hang(*asked: Any, **more: Any) -> Any:
        assert over.wait(60)
        return real("127.0.0.1", *asked[1:], **more)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield over
    over.set()


@pytest.mark.slow
@pytest.mark.timeout(15)
def test_a_look_up_that_hangs(hanging: Event) -> None:
    """A name that is not looked up in time is not waited for: surely nothing was sent."""
    with pytest.raises(NothingSentError, match="not looked up in time"):
        Door(allows_loopback=True).send("POST", "https://hangs.example/secret", SHORT, headers={})
    with session() as line, pytest.raises(requests.ConnectTimeout):
        line.get("https://hangs.example/", timeout=(SHORT.connect, SHORT.read))
    topic = Topic("https://hangs.example/api/events", Tokens())
    event = {"specversion": "1.0", "id": "1", "type": "a", "source": "b", "data": {}}
    assert isinstance(topic.publish(event, Timeouts(0.3, 0.3)), Unknown)
    mailer = SmtpMailer("smtp://hangs.example:25", "", "aks@example.com")
    mail = Email(to=("a@example.com",), subject="a", html="b", text="c", message_id="<d@e>", date=NOW)
    assert isinstance(mailer.send(mail, "an operation", SHORT), Unavailable)


def test_addresses_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one of a host's addresses takes nothing the next one may; all are checked before any is tried."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with dial("several.example", port, 5) as made:
            assert made.getpeername() == ("127.0.0.1", port)
        seen: list[str] = []

        def check(address: str) -> None:
            seen.append(address)
            if address == "127.0.0.1":
                raise PermissionError

        with pytest.raises(PermissionError):
            dial("several.example", port, 5, check=check)
        assert seen == ["127.0.0.2", "127.0.0.1"]
