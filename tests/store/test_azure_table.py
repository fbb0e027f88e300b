"""Table Storage through its SDK, against Azurite: the same contract, and what only a service can show."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from shared import app
from shared.settings import load
from shared.store.azure import AzureTable
from shared.store.table import PARTITION, Conflict, Table, TableRefused, TableUnavailable
from testing.processes import ACCOUNT, connection_string
from testing.world import SETTINGS
from tests.store.table_contract import TableContract, insert, merge, values

if TYPE_CHECKING:
    from testing.processes import Azurite

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def table(client: TableClient) -> Table:
    """Return a table that does not exist yet."""
    return AzureTable(client)


class TestAzureTable(TableContract):
    """The contract, against Azurite."""


# A table that is missing


def exists(client: TableClient) -> bool:
    """Return whether the table is there."""
    try:
        list(client.list_entities())
    except ResourceNotFoundError:
        return False
    return True


def test_missing_table(client: TableClient, table: Table) -> None:
    """Reading a row, a query and a commit each make a table that is missing, and find nothing in it."""
    for step, found in (
        (lambda: table.get("a"), None),
        (lambda: table.query("a", "z").rows, ()),
        (lambda: table.commit([insert("a")]) and values(table, "a"), {"n": 1}),
    ):
        assert not exists(client)
        assert step() == found
        assert exists(client)
        client.delete_table()


def test_missing_table_for_many(table: Table) -> None:
    """Where many find the table missing at once, it is made once and all go on."""
    with ThreadPoolExecutor(8) as pool:
        etags = list(pool.map(lambda number: table.commit([insert(f"k{number}")]), range(16)))
    assert all(etags)
    assert len(table.query("k", "l").rows) == 16


def test_table_deleted_meanwhile(client: TableClient, table: Table) -> None:
    """A table that someone deletes is made anew: the app goes on."""
    table.commit([insert("a")])
    client.delete_table()
    table.commit([insert("b")])
    assert table.get("a") is None
    assert table.get("b") is not None


def test_merge_into_a_missing_table(table: Table) -> None:
    """A row to merge cannot be in a table that is missing: that is a conflict like any other."""
    with pytest.raises(Conflict) as caught:
        table.commit([insert("b"), merge("a", {"n": 1})])
    assert caught.value.index == 1
    assert table.query("a", "z").rows == ()


# What is stored


def test_one_partition(client: TableClient, table: Table) -> None:
    """All rows are in one partition, so that every step can be one transaction."""
    table.commit([insert("a"), insert("b")])
    assert {entity["PartitionKey"] for entity in client.list_entities()} == {PARTITION}


def test_own_columns(client: TableClient, table: Table) -> None:
    """Partition, key and the service's own columns are no values of a row."""
    table.commit([insert("a", {"n": 1})])
    row = table.get("a")
    assert row is not None
    assert row.values == {"n": 1}
    assert client.get_entity(PARTITION, "a") == {"PartitionKey": PARTITION, "RowKey": "a", "n": 1}


def test_timestamp_is_now(table: Table) -> None:
    """Timestamps and the server's time are those of the service: near this machine's here."""
    table.commit([insert("a")])
    page = table.query("a", "b")
    now = datetime.now(UTC)
    assert abs(page.server_time - now) < timedelta(minutes=1)
    assert abs(page.rows[0].timestamp - now) < timedelta(minutes=1)


# What cannot be


def test_too_much_is_not_a_conflict(table: Table) -> None:
    """What the service refuses for another reason than what is stored is no conflict, and final."""
    with pytest.raises(TableRefused):
        table.commit([insert("a", {"data": b"x" * (64 * 1024 + 1)})])
    assert table.get("a") is None


def unreachable() -> AzureTable:
    """Return a table at a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    connection = (
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=eHh4;"
        f"TableEndpoint=http://127.0.0.1:{port}/a;"
    )
    return AzureTable(
        TableClient.from_connection_string(connection, table_name="table", retry_backoff_factor=0)
    )


@pytest.mark.parametrize("step", ["get", "query", "commit"])
def test_no_answer(step: str) -> None:
    """A service that cannot be reached is unavailable, not empty and no conflict."""
    table = unreachable()
    arguments: dict[str, Any] = {"get": ["a"], "query": ["a", "z"], "commit": [[insert("a")]]}
    with pytest.raises(TableUnavailable):
        getattr(table, step)(*arguments[step])


def test_wrong_key(azurite: Azurite) -> None:
    """A service that does not let one in is unavailable, with its words in the message."""
    wrong = azurite.connection_string.replace("AccountKey=E", "AccountKey=F")
    client = TableClient.from_connection_string(wrong, table_name="table")
    with client, pytest.raises(TableUnavailable) as caught:
        AzureTable(client).query("a", "z")
    assert "authenticate" in str(caught.value)
    assert "\n" not in str(caught.value)


class Silent(StreamRequestHandler):
    """Takes a request, and answers nothing until the client is gone."""

    def handle(self) -> None:
        """Read to the end."""
        self.rfile.read()


def test_table_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app's own client waits for the table as long as it says, not for the SDK's five minutes."""
    monkeypatch.setattr(app, "READ_SECONDS", 0.1)
    with ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/{ACCOUNT}"
        config = load(SETTINGS | {"NOTIFIER_STORAGE": connection_string(url)})
        try:
            with pytest.raises(TableUnavailable, match="Read timed out"):
                app.open_table(config).get("work:0")
        finally:
            server.shutdown()
            thread.join()
