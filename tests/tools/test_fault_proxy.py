"""The proxy that other tests inject faults with, one rule a test."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import time
import typing
from urllib.parse import urlsplit

import pytest
import werkzeug
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.data.tables import TableClient, TableServiceClient

from testing.fault_proxy import CUT, Delay, Fault, FaultProxy, Phase, Reply, Request, at
from testing.processes import ROOT, Azurite, connection_string

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_httpserver import HTTPServer

pytestmark = pytest.mark.slow


def answer(request: werkzeug.Request) -> werkzeug.Response:
    """Answer with what came; the path and the method pick the form."""
    if request.method == "DELETE":
        return werkzeug.Response(status=204)
    body = b"*" * 42 if request.method == "HEAD" else request.get_data()
    # Without a length it goes in chunks.
    given = (body[n : n + 1] for n in range(len(body))) if request.path == "/chunks" else body
    return werkzeug.Response(given, headers={"X-Host": request.headers["Host"]})


@pytest.fixture
def echo(httpserver: HTTPServer) -> str:
    """Return the URL of a server that echoes."""
    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    return httpserver.url_for("").rstrip("/")


@pytest.fixture
def connect() -> Iterator[Callable[[FaultProxy], http.client.HTTPConnection]]:
    """Open connections to a proxy that are closed after the test."""
    opened: list[http.client.HTTPConnection] = []

    def open_one(proxy: FaultProxy) -> http.client.HTTPConnection:
        opened.append(http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=20))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


Connect = typing.Callable[[FaultProxy], http.client.HTTPConnection]


def test_forwards(echo: str, connect: Connect) -> None:
    """Requests go through with their bodies in either framing, over one kept connection, `Host` unchanged."""
    with FaultProxy(echo) as proxy:
        client = connect(proxy)
        client.connect()
        connected = client.sock
        for path in ("/plain", "/chunks"):
            for chunked in (False, True):
                body = iter([b"some", b"thing"]) if chunked else b"something"
                client.request("POST", path, body, encode_chunked=chunked)
                response = client.getresponse()
                assert (response.status, response.read()) == (200, b"something")
                assert response.getheader("X-Host") == urlsplit(proxy.url).netloc
        assert client.sock is connected
    assert [(each.number, each.path, each.body) for each in proxy.requests] == [
        (1, "/plain", b"something"),
        (2, "/plain", b"something"),
        (3, "/chunks", b"something"),
        (4, "/chunks", b"something"),
    ]


def test_no_body(echo: str, connect: Connect) -> None:
    """HEAD keeps the length of the body that does not come; 204 has none; the connection stays in step."""
    with FaultProxy(echo) as proxy:
        client = connect(proxy)
        for _ in range(2):
            client.request("HEAD", "/x?y=%20z")
            response = client.getresponse()
            assert (response.read(), response.getheader("Content-Length")) == (b"", "42")
            client.request("DELETE", "/x")
            response = client.getresponse()
            assert (response.status, response.read()) == (204, b"")
        assert [(each.method, each.path, each.status) for each in proxy.requests[:2]] == [
            ("HEAD", "/x?y=%20z", 200),
            ("DELETE", "/x", 204),
        ]


def test_clear(echo: str, connect: Connect) -> None:
    """After `clear` the numbers begin with 1 again."""
    with FaultProxy(echo) as proxy:
        client = connect(proxy)
        for _ in range(2):
            client.request("DELETE", "/x")
            client.getresponse().read()
            assert [each.number for each in proxy.requests] == [1]
            proxy.clear()


def test_cut(echo: str, connect: Connect) -> None:
    """A cut closes the connection without an answer; later requests are served."""
    for phase, status in ((Phase.BEFORE, None), (Phase.AFTER, 200)):
        with FaultProxy(echo, at(1, phase, CUT)) as proxy:
            client = connect(proxy)
            client.request("POST", "/x", b"1")
            with pytest.raises(http.client.RemoteDisconnected):
                client.getresponse()
            client.close()
            client.request("POST", "/x", b"2")
            assert client.getresponse().read() == b"2"
            assert proxy.requests[0].status == status


def test_reply(echo: str, connect: Connect) -> None:
    """A reply takes the place of upstream's; before, upstream never sees the request."""
    reply = Reply(503, {"Retry-After": "7"}, b"busy")
    for phase, status in ((Phase.BEFORE, None), (Phase.AFTER, 200)):
        with FaultProxy(echo, at(1, phase, reply)) as proxy:
            client = connect(proxy)
            client.request("POST", "/x", b"1")
            response = client.getresponse()
            assert (response.status, response.getheader("Retry-After"), response.read()) == (
                503,
                "7",
                b"busy",
            )
            assert proxy.requests[0].status == status


def test_delay(echo: str, connect: Connect) -> None:
    """A delay holds the request or the answer up, and then goes on."""
    for phase in Phase:
        with FaultProxy(echo, at(1, phase, Delay(0.15))) as proxy:
            client = connect(proxy)
            started = time.monotonic()
            client.request("POST", "/x", b"1")
            assert client.getresponse().read() == b"1"
            assert time.monotonic() - started >= 0.15


def test_end_during_a_delay(echo: str, connect: Connect) -> None:
    """The end of the block does not wait for a delay: the connection is cut."""
    with FaultProxy(echo, at(1, Phase.BEFORE, Delay(3_600))) as proxy:
        client = connect(proxy)
        client.request("POST", "/x", b"1")
        while not proxy.requests:
            time.sleep(0.01)
    with pytest.raises(ConnectionError):
        client.getresponse()


def test_end_while_upstream_is_silent(connect: Connect) -> None:
    """Nor does it wait for an upstream that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with FaultProxy(f"http://127.0.0.1:{silent.getsockname()[1]}") as proxy:
            client = connect(proxy)
            client.request("POST", "/x", b"1")
            upstream, _ = silent.accept()
        upstream.close()
        with pytest.raises(ConnectionError):
            client.getresponse()


def test_upstream_is_away(connect: Connect) -> None:
    """If upstream cannot be reached, the client's connection is cut."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with FaultProxy(f"http://127.0.0.1:{port}") as proxy:
        client = connect(proxy)
        client.request("POST", "/x", b"1")
        with pytest.raises(http.client.RemoteDisconnected):
            client.getresponse()


def test_hook_that_fails(echo: str, connect: Connect) -> None:
    """What a hook raises, an assertion for example, fails the test at the end of the block."""

    def hook(n: int, phase: Phase, request: Request) -> Fault | None:
        raise LookupError(f"{n} {phase.name} {request.path}")

    def use() -> None:
        with FaultProxy(echo, hook) as proxy:
            client = connect(proxy)
            client.request("POST", "/x", b"1")
            with pytest.raises(http.client.RemoteDisconnected):
                client.getresponse()

    with pytest.raises(LookupError, match="1 BEFORE /x"):
        use()


def test_hook_sees_both_phases(echo: str, connect: Connect) -> None:
    """The hook sees each request twice, and upstream's status the second time."""
    seen: list[tuple[int, Phase, int | None]] = []

    def hook(n: int, phase: Phase, request: Request) -> Fault | None:
        seen.append((n, phase, request.status))
        return None

    with FaultProxy(echo) as proxy:
        proxy.on_request = hook
        client = connect(proxy)
        for _ in range(2):
            client.request("DELETE", "/x")
            client.getresponse().read()
    assert seen == [
        (1, Phase.BEFORE, None),
        (1, Phase.AFTER, 204),
        (2, Phase.BEFORE, None),
        (2, Phase.AFTER, 204),
    ]


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    """Start Azurite once for this file."""
    with Azurite() as azurite:
        yield azurite


@pytest.fixture
def table(azurite: Azurite, request: pytest.FixtureRequest) -> Iterator[TableClient]:
    """Make a new table, reached without a proxy."""
    name = "t" + "".join(letter for letter in request.node.name if letter.isalnum())
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        service.create_table(name)
        with service.get_table_client(name) as client:
            yield client


def through(proxy: FaultProxy, table: TableClient) -> TableClient:
    """Return the same table behind the proxy, the SDK's retries off."""
    return TableClient.from_connection_string(connection_string(proxy.url), table.table_name, retry_total=0)


def thing(number: int) -> dict[str, object]:
    """Return an entity."""
    return {"PartitionKey": "p", "RowKey": f"{number}:é", "Text": "ü" * 20, "Bytes": b"\x00\xff"}


def count(table: TableClient) -> int:
    """Return how many entities there are."""
    return len(list(table.list_entities()))


def test_azurite_through_the_proxy(azurite: Azurite, table: TableClient) -> None:
    """The real SDK reaches Azurite through the proxy: its signatures hold, transactions are one request."""
    with FaultProxy(azurite.endpoint) as proxy, through(proxy, table) as client:
        client.create_entity(thing(0))
        client.submit_transaction([("create", thing(n)) for n in range(1, 100)])
        assert len(list(client.query_entities("PartitionKey eq @p", parameters={"p": "p"}))) == 100
        assert client.get_entity("p", "1:é")["Bytes"] == b"\x00\xff"
        client.delete_entity("p", "1:é")
    methods = [(each.method, each.batch, each.status) for each in proxy.requests]
    assert methods == [
        ("POST", False, 201),
        ("POST", True, 202),
        ("GET", False, 200),
        ("GET", False, 200),
        ("DELETE", False, 204),
    ]
    assert count(table) == 99


@pytest.mark.parametrize(("phase", "rows"), [(Phase.BEFORE, 0), (Phase.AFTER, 3)], ids=["before", "after"])
def test_cut_transaction(azurite: Azurite, table: TableClient, phase: Phase, rows: int) -> None:
    """A transaction cut before has not happened; one whose answer is lost has; the SDK cannot tell."""
    with FaultProxy(azurite.endpoint, at(1, phase, CUT)) as proxy, through(proxy, table) as client:
        with pytest.raises(ServiceResponseError):
            client.submit_transaction([("create", thing(n)) for n in range(3)])
        assert count(client) == rows


def test_error_instead_of_success(azurite: Azurite, table: TableClient) -> None:
    """An answer may say 503 for a write that has happened."""
    fault = at(1, Phase.AFTER, Reply(503))
    with FaultProxy(azurite.endpoint, fault) as proxy, through(proxy, table) as client:
        with pytest.raises(HttpResponseError) as error:
            client.create_entity(thing(1))
        assert error.value.status_code == 503
        assert count(client) == 1


WRITER = """
import sys
from azure.data.tables import TableClient
with TableClient.from_connection_string(sys.argv[1], sys.argv[2], retry_total=0) as table:
    for number in range(3):
        table.create_entity({"PartitionKey": "p", "RowKey": str(number)})
"""


@pytest.mark.parametrize(("phase", "rows"), [(Phase.BEFORE, 1), (Phase.AFTER, 2)], ids=["before", "after"])
def test_kill_at_a_request(azurite: Azurite, table: TableClient, phase: Phase, rows: int) -> None:
    """A process can be killed at any request, just before upstream sees it or just after it was done."""
    started: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        started[0].kill()  # not started yet when the hook is made

    with FaultProxy(azurite.endpoint, at(2, phase, CUT, then=kill)) as proxy:
        command = [sys.executable, "-c", WRITER, connection_string(proxy.url), table.table_name]
        with subprocess.Popen(command, cwd=ROOT) as writer:
            started.append(writer)
            assert writer.wait(30) == -9
    assert count(table) == rows
    assert len(proxy.requests) == 2
