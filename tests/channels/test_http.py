"""The one door for HTTP: where it leads, when it closes, and what it says of what went wrong."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from shared.channels.http import Door, NoAnswerError, NothingSentError
from shared.channels.outcomes import Timeouts
from testing.services.eventgrid import Topic
from testing.services.stand_in import Fault, Got, Reply, StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOOR = Door(allows_loopback=True)
QUICK = Timeouts(0.5, 0.5)


class Echo(StandIn):
    """Answers what `reply` says."""

    reply = Reply(200, "fine", {"X-Case": "any"})

    def answer(self, got: Got) -> Reply:
        """See StandIn."""
        return self.reply


@pytest.fixture
def echo() -> Iterator[Echo]:
    """Serve."""
    with Echo() as made:
        yield made


def test_one_request(echo: Echo) -> None:
    """One call is one request with one answer, its headers in any case, on a connection of its own."""
    answer = DOOR.send("POST", f"{echo.url}/a?b=c", QUICK, headers={"X-Own": "1"}, body=b"hello")
    assert (answer.status, answer.text, answer.headers["x-case"]) == (200, "fine", "any")
    (got,) = echo.requests
    assert (got.path, got.query, got.body, got.headers["x-own"]) == ("/a", "b=c", b"hello", "1")
    assert got.headers["connection"] == "close"


def test_redirects_are_not_followed(echo: Echo) -> None:
    """A redirect is an answer like any other: the body, and what is secret in it, goes nowhere else."""
    echo.reply = Reply(307, "", {"Location": f"{echo.url}/elsewhere"})
    assert DOOR.send("POST", echo.url, QUICK, headers={}, body=b"x").status == 307
    assert len(echo.requests) == 1


def test_a_name_that_leads_to_the_loopback(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the address that a connection leads to, whatever name it was looked up by."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **more: real("127.0.0.1", *rest, **more))
    port = echo.url.rpartition(":")[2]
    with pytest.raises(NothingSentError, match="nothing is sent to"):
        Door(allows_loopback=False).send("POST", f"https://innocent.example:{port}/", QUICK, headers={})
    assert not echo.requests


def test_nothing_was_sent() -> None:
    """Where no connection stands, nothing was sent, and what is said of it holds no path."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/secret?sig=secret"
        with pytest.raises(NothingSentError, match="refused") as refused:
            DOOR.send("POST", url, QUICK, headers={})
    assert "secret" not in str(refused.value)
    with pytest.raises(NothingSentError) as unknown:
        DOOR.send("POST", "https://nowhere.invalid/secret", QUICK, headers={})
    assert "secret" not in str(unknown.value)


@pytest.mark.parametrize("fault", ["lost", "drop"])
def test_no_answer(echo: Echo, fault: str) -> None:
    """A connection that is cut after the request leaves open what became of it."""
    echo.script(fault)
    with pytest.raises(NoAnswerError):
        DOOR.send("POST", f"{echo.url}/secret", QUICK, headers={}, body=b"x")


def test_slow_answer(echo: Echo) -> None:
    """An answer that takes longer than it may is none."""
    echo.script(Fault(delay_after=2))
    with pytest.raises(NoAnswerError):
        DOOR.send("POST", echo.url, Timeouts(0.2, 0.2), headers={}, body=b"x")


@pytest.mark.slow
@pytest.mark.parametrize("then", [b"X-A: b\r\n" * 50, b"Content-Length: 500\r\n\r\n" + b"x" * 500])
def test_one_deadline_for_all_of_it(then: bytes) -> None:
    """An answer that drips, each byte in time, is cut at the deadline of the whole."""
    drip = b"HTTP/1.1 200 OK\r\n" + then
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                for at in range(len(drip)):
                    try:
                        connection.send(drip[at : at + 1])
                    except OSError:
                        return
                    time.sleep(0.05)

        thread = threading.Thread(target=serve)
        thread.start()
        began = time.monotonic()
        with pytest.raises(NoAnswerError, match="too long"):
            DOOR.send("POST", f"http://127.0.0.1:{server.getsockname()[1]}/", Timeouts(0.2, 0.3), headers={})
        assert time.monotonic() - began < 5
        thread.join()


def test_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate is verified, against the bundle of `REQUESTS_CA_BUNDLE` where there is one."""
    with Topic(tmp_path / "ca.pem") as topic:
        with pytest.raises(NothingSentError, match=r"self-signed|unable to get local issuer"):
            DOOR.send("POST", topic.endpoint, QUICK, headers={})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        assert DOOR.send("POST", topic.endpoint, QUICK, headers={}).status == 401


def test_no_netrc(echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .netrc file does not write over an Authorization of ours."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    DOOR.send("POST", echo.url, QUICK, headers={"Authorization": "Bearer mine"})
    assert echo.requests[0].headers["authorization"] == "Bearer mine"
