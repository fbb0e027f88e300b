"""The table in memory keeps the promises of the real one, and counts round trips."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.store.table import Conflict, Table
from testing.memory_table import MemoryTable
from tests.store.table_contract import TableContract, insert

NOW = datetime(2026, 11, 20, 9, 0, 0, 123_456, tzinfo=UTC)


class TestMemoryTable(TableContract):
    """The contract, in memory."""

    @pytest.fixture
    def table(self) -> Table:
        """Return an empty table."""
        return MemoryTable(lambda: NOW)


def test_round_trips() -> None:
    """Every get, query and commit counts as one round trip, whether it comes to something or not."""
    table = MemoryTable(lambda: NOW)
    table.get("a")
    table.query("a", "z")
    table.commit([insert("a"), insert("b")])
    with pytest.raises(Conflict):
        table.commit([insert("a")])
    assert table.trips == {"get": 1, "query": 1, "commit": 2}
    assert table.keys("") == ["a", "b"]
    assert table.trips.total() == 4


def test_clock_is_the_servers() -> None:
    """Timestamps and the server's time follow the clock that was given."""
    table = MemoryTable(lambda: NOW)
    table.commit([insert("a")])
    page = table.query("a", "b")
    assert page.rows[0].timestamp == NOW
    assert page.server_time == NOW.replace(microsecond=0)


def test_a_row_twice() -> None:
    """One row in two operations of a commit is the caller's mistake, as it is with Table Storage."""
    with pytest.raises(AssertionError):
        MemoryTable(lambda: NOW).commit([insert("a"), insert("a")])
