"""The proxy that other tests inject faults with, one rule a test."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.data.tables import TableClient

from testing.fault_proxy import CUT, Delay, Fault, FaultProxy, Phase, Reply, Request, at
from testing.processes import ROOT, connection_string

if TYPE_CHECKING:
    from testing.processes import Azurite

pytestmark = pytest.mark.slow


@pytest.fixture
def table(client: TableClient) -> TableClient:
    """Make a new table, reached without a proxy."""
    client.create_table()
    return client


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
    seen = [(each.number, each.method, each.batch, each.status) for each in proxy.requests]
    assert seen == [
        (1, "POST", False, 201),
        (2, "POST", True, 202),
        (3, "GET", False, 200),
        (4, "GET", False, 200),
        (5, "DELETE", False, 204),
    ]
    assert count(table) == 99


@pytest.mark.parametrize(("phase", "rows"), [(Phase.BEFORE, 0), (Phase.AFTER, 3)], ids=["before", "after"])
def test_cut_transaction(azurite: Azurite, table: TableClient, phase: Phase, rows: int) -> None:
    """A transaction cut before has not happened; one whose answer is lost has; the SDK cannot tell."""
    with FaultProxy(azurite.endpoint, at(1, phase, CUT)) as proxy, through(proxy, table) as client:
        with pytest.raises(ServiceResponseError):
            client.submit_transaction([("create", thing(n)) for n in range(3)])
        assert count(client) == rows
        assert proxy.requests[0].status == (202 if rows else None)


@pytest.mark.parametrize(("phase", "rows"), [(Phase.BEFORE, 0), (Phase.AFTER, 1)], ids=["before", "after"])
def test_error_instead_of_success(azurite: Azurite, table: TableClient, phase: Phase, rows: int) -> None:
    """An answer may say 503 for a write that upstream never saw, or for one that has happened."""
    fault = at(1, phase, Reply(503))
    with FaultProxy(azurite.endpoint, fault) as proxy, through(proxy, table) as client:
        with pytest.raises(HttpResponseError) as error:
            client.create_entity(thing(1))
        assert error.value.status_code == 503
        assert count(client) == rows


def test_hook_that_fails(azurite: Azurite, table: TableClient) -> None:
    """What a hook raises, an assertion for example, cuts the connection, and is raised as the block ends."""

    def hook(n: int, phase: Phase, request: Request) -> Fault | None:
        raise LookupError(f"{n} {phase.name} {request.method}")

    def use() -> None:
        with (
            FaultProxy(azurite.endpoint, hook) as proxy,
            through(proxy, table) as client,
            pytest.raises(ServiceResponseError),
        ):
            client.create_entity(thing(1))

    with pytest.raises(LookupError, match="1 BEFORE POST"):
        use()


@pytest.mark.parametrize("fault", [Delay(3_600), None], ids=["a delay", "a silent upstream"])
def test_end_waits_for_nothing(fault: Delay | None) -> None:
    """The end of the block does not wait for a delay, nor for an upstream that never answers."""
    hook = at(1, Phase.BEFORE, fault) if fault else None
    with socket.create_server(("127.0.0.1", 0)) as silent, ExitStack() as stack:
        with FaultProxy(f"http://127.0.0.1:{silent.getsockname()[1]}", hook) as proxy:
            client = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=20)
            stack.callback(client.close)
            client.request("POST", "/x", b"1")
            while not proxy.requests:
                time.sleep(0.01)
            if fault is None:
                stack.enter_context(silent.accept()[0])
        with pytest.raises(ConnectionError):
            client.getresponse()


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
