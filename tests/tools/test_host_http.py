"""How the local host serves functions that answer HTTP, one rule a test."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from local.functions import Function, LoadError
from local.http_functions import HttpFunctions, route_prefix
from testing.apps import App
from testing.processes import Host, ProcessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

FUNCTIONS = """
@app.route("pages/{token}/calendar.ics", methods=["GET"])
def calendar(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"for {req.route_params['token']}", mimetype="text/calendar")

@app.route("echo/{id:int}", methods=["POST", "PUT"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    told = {"method": req.method, "query": dict(req.params), "id": req.route_params["id"],
            "colour": req.headers["X-Colour"], "body": req.get_json(), "url": req.url}
    return func.HttpResponse(json.dumps(told), status_code=201, mimetype="application/json",
                             headers={"X-Kind": "echo"})

@app.route("files/{*path}")
def files(req: func.HttpRequest) -> str:
    return req.route_params.get("path", "the root")

@app.route("maybe/{name?}")
def maybe(req: func.HttpRequest) -> str:
    return req.route_params.get("name", "nobody")

@app.route()
def plain(req):
    return func.HttpResponse(b"\\xff", status_code=202, mimetype="image/png")

@app.route("wrong")
def wrong(req: func.HttpRequest) -> str:
    raise RuntimeError("a secret")

@app.route("odd")
def odd(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code="no number")

@app.route("nothing")
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Serve them without a prefix, for all tests of this file."""
    folder = tmp_path_factory.mktemp("web")
    app = App(folder, FUNCTIONS)
    (folder / "host.json").write_text('{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}')
    with Host(app.settings, app=folder) as host:
        yield host


def ask(host: Host, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str, bytes]:
    """Return the status, the type and the body of the answer."""
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    answer = (response.status, response.getheader("Content-Type", ""), response.read())
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/pages/Abc%20D/calendar.ics", (200, "text/calendar; charset=utf-8", b"for Abc D")),
        ("/Pages/x/CALENDAR.ics", (200, "text/calendar; charset=utf-8", b"for x")),
        ("/files/a/b.txt", (200, "text/plain; charset=utf-8", b"a/b.txt")),
        ("/files", (200, "text/plain; charset=utf-8", b"the root")),
        ("/maybe/me", (200, "text/plain; charset=utf-8", b"me")),
        ("/maybe", (200, "text/plain; charset=utf-8", b"nobody")),
        ("/plain", (202, "image/png", b"\xff")),
        ("/nothing", (204, "text/plain; charset=utf-8", b"")),
        ("/pages/a/b/calendar.ics", (404, "text/plain; charset=utf-8", b"")),
        ("/echo/1", (404, "text/plain; charset=utf-8", b"")),
        ("/", (404, "text/plain; charset=utf-8", b"")),
    ],
)
def test_routes(host: Host, path: str, answer: tuple[int, str, bytes]) -> None:
    """A route has places, optional ones and a rest, no case, and only its methods; others are 404."""
    assert ask(host, "GET", path) == answer


def test_request(host: Host) -> None:
    """The function gets the library's request: method, URL, query, headers, route and body."""
    status, kind, body = ask(host, "PUT", "/echo/7?a=1&b=%C3%A9", "[1]", X_Colour="red")
    assert (status, kind) == (201, "application/json")
    told = json.loads(body)
    assert told == {
        "method": "PUT",
        "query": {"a": "1", "b": "é"},
        "id": "7",
        "colour": "red",
        "body": [1],
        "url": told["url"],
    }
    assert told["url"].startswith(f"{host.url}/echo/7?a=1")
    assert ask(host, "PUT", "/echo/x", "[1]", X_Colour="red")[0] == 404


def test_connections_are_kept(host: Host) -> None:
    """One connection takes request after request, whatever their bodies; a broken body ends it."""
    address = urlsplit(host.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=20)
    with contextlib.closing(connection):
        connection.connect()
        kept = connection.sock
        for method, path, status in (
            ("GET", "/maybe", 200),
            ("POST", "/nobody", 404),
            ("HEAD", "/maybe", 200),
            ("GET", "/nothing", 204),
            ("PUT", "/wrong", 500),
        ):
            connection.request(method, path, iter([b"a", b"b"]) if method == "POST" else None)
            response = connection.getresponse()
            response.read()
            assert (response.status, connection.sock) == (status, kept)
        for header in (("Transfer-Encoding", "chunked"), ("Content-Length", "-3"), ("Content-Length", "x")):
            connection.putrequest("POST", "/echo/1")
            connection.putheader(*header)
            connection.endheaders(b"xyz\r\n")
            assert (connection.getresponse().status, connection.sock) == (400, None)


def test_who_asks_first_may_go_on(host: Host) -> None:
    """A client that waits to be told before it sends a body is told at once."""
    address = urlsplit(host.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(
            b"GET /maybe HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"x")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_failure(host: Host) -> None:
    """A function that fails, or whose result is no answer, is a 500; the exception is in the log alone."""
    assert ask(host, "GET", "/wrong")[::2] == (500, b"Exception while executing function: wrong")
    assert ask(host, "GET", "/odd")[::2] == (500, b"ValueError")
    assert "RuntimeError: a secret" in host.output()
    assert "GET /odd? could not be answered" in host.output()


def test_urls_at_start(host: Host) -> None:
    """The start prints the URL of each."""
    assert f"  calendar: {host.url}/pages/{{token}}/calendar.ics\n" in host.output()


def test_default_prefix(tmp_path: Path) -> None:
    """Where host.json says nothing of a prefix it is `api`; what is no JSON stops the start."""
    app = App(tmp_path, FUNCTIONS)
    with Host(app.settings, app=tmp_path) as host:
        assert ask(host, "GET", "/api/maybe/me")[0] == 200
        assert ask(host, "GET", "/maybe/me")[0] == 404
    (tmp_path / "host.json").write_text("[")
    with pytest.raises(ProcessError, match=r"host\.json cannot be read"), Host(app.settings, app=tmp_path):
        pass


@pytest.mark.parametrize("route", ["a/{b:regex(x)}", "a/{b", "a/b}", "a/{b:date}"])
def test_unknown_routes(route: str) -> None:
    """A route that this host cannot read stops the start, and is named."""

    def invoke(function: Function, data: object) -> Future[object]:
        raise NotImplementedError

    function = Function("page", {"type": "httpTrigger", "route": route}, str, str)
    with pytest.raises(LoadError, match="Function 'page': "):
        HttpFunctions([function], invoke, "")


def test_prefix(tmp_path: Path) -> None:
    """A prefix is taken with its slashes or without."""
    (tmp_path / "host.json").write_text('{"extensions": {"http": {"routePrefix": "/team/"}}}')
    assert route_prefix(tmp_path) == "team"
