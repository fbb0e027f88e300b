"""What every table promises to the protocol: one suite, run against each of them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shared import keys
from shared.notices.kinds import Decision
from shared.store.table import MAX_OPERATIONS, Conflict, Operation, Page, Table, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOSTILE = "\x00\r\n\t\x7f\u2028\ufffe \"'\\<&>{}[]/?#% \U0001f600 \u00e9"


def insert(key: str, values: Mapping[str, Any] | None = None) -> Operation:
    """Make an insert."""
    return Operation(Verb.INSERT, key, values or {"n": 1})


def merge(key: str, values: Mapping[str, Any], etag: str = "") -> Operation:
    """Make a merge."""
    return Operation(Verb.MERGE, key, values, etag)


def delete(key: str, etag: str = "") -> Operation:
    """Make a delete."""
    return Operation(Verb.DELETE, key, etag=etag)


def values(table: Table, key: str) -> dict[str, Any] | None:
    """Read a row's values."""
    row = table.get(key)
    return None if row is None else dict(row.values)


def all_keys(table: Table) -> list[str]:
    """Read all keys."""
    return [row.key for row in table.query("", "~").rows]


def conflict(table: Table, *operations: Operation) -> int:
    """Commit what is to be refused; give the index of the operation that is."""
    before = {row.key: (row.values, row.etag) for row in table.query("", "~").rows}
    with pytest.raises(Conflict) as caught:
        table.commit(operations)
    assert {row.key: (row.values, row.etag) for row in table.query("", "~").rows} == before
    return caught.value.index


class TableContract:
    """The promises of `shared.store.table.Table`. A subclass gives the fixture `table`, empty."""

    # Insert and get

    def test_nothing_there(self, table: Table) -> None:
        """A row that is not there is None."""
        assert table.get("event:1") is None

    def test_insert(self, table: Table) -> None:
        """What was inserted is read back, with the etag that the commit gave."""
        (etag,) = table.commit([insert("a", {"n": 1, "t": "x"})])
        row = table.get("a")
        assert row is not None
        assert (row.key, row.values, row.etag) == ("a", {"n": 1, "t": "x"}, etag)
        assert etag

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "text",
            HOSTILE,
            "x" * 32_767,
            "2026-11-20T09:00:00Z",
            "0001-01-01T00:00:00Z",
            "true",
            "12",
            0,
            -1,
            2**31 - 1,
            True,
            False,
            b"\x00\xff",
            bytes(range(256)) * 256,
        ],
        ids=lambda value: f"{type(value).__name__}-{len(value) if isinstance(value, str | bytes) else value}",
    )
    def test_values(self, table: Table, value: Any) -> None:
        """Texts, numbers, booleans and bytes come back as what they were; texts are never taken for times."""
        table.commit([insert("a", {"value": value})])
        read = values(table, "a")
        assert read == {"value": value}
        assert type(read["value"]) is type(value)
        assert table.query("a", "b").rows[0].values == read

    def test_named_values(self, table: Table) -> None:
        """A named value is stored as its text."""
        table.commit([insert("a", {"decision": Decision.NEW})])
        assert values(table, "a") == {"decision": "new"}

    def test_whole_row(self, table: Table) -> None:
        """A row with 15 full chunks, as the largest event has, is read back by key and by query."""
        chunks = {f"raw{index}": bytes([index]) * 65_536 for index in range(15)}
        table.commit([insert("a", chunks)])
        assert values(table, "a") == chunks
        assert table.query("a", "b").rows[0].values == chunks

    def test_characters_of_keys(self, table: Table) -> None:
        """Keys of all characters that keys may hold name rows of their own."""
        named = ["Az09:.-", "az09:.-", "a:b", "a.b", "a-b", "x" * 512]
        table.commit([insert(key) for key in named])
        assert all(table.get(key) is not None for key in named)
        assert sorted(all_keys(table)) == sorted(named)

    def test_insert_twice(self, table: Table) -> None:
        """A row that is there cannot be inserted: this is the dedupe."""
        table.commit([insert("a", {"n": 1})])
        assert conflict(table, insert("a", {"n": 2})) == 0
        assert values(table, "a") == {"n": 1}

    # Merge

    def test_merge(self, table: Table) -> None:
        """A merge changes the values that it names, keeps the others, and gives a new etag."""
        (before,) = table.commit([insert("a", {"n": 1, "t": "x"})])
        (after,) = table.commit([merge("a", {"n": 2, "more": True})])
        assert values(table, "a") == {"n": 2, "t": "x", "more": True}
        assert after != before
        row = table.get("a")
        assert row is not None
        assert row.etag == after

    def test_merge_with_etag(self, table: Table) -> None:
        """With the row's etag a merge is done, with an older one it is refused."""
        (first,) = table.commit([insert("a", {"n": 1})])
        (second,) = table.commit([merge("a", {"n": 2}, first)])
        assert conflict(table, merge("a", {"n": 3}, first)) == 0
        table.commit([merge("a", {"n": 4}, second)])
        assert values(table, "a") == {"n": 4}

    def test_merge_of_nothing(self, table: Table) -> None:
        """A row that is not there cannot be merged, with or without an etag, and does not come into being."""
        assert conflict(table, merge("a", {"n": 1})) == 0
        (etag,) = table.commit([insert("b")])
        assert conflict(table, merge("a", {"n": 1}, etag)) == 0

    def test_same_values(self, table: Table) -> None:
        """A merge that changes nothing still gives a new etag: taking over a lease counts."""
        (first,) = table.commit([insert("a", {"n": 1})])
        (second,) = table.commit([merge("a", {"n": 1}, first)])
        assert second != first
        assert conflict(table, merge("a", {"n": 1}, first)) == 0

    # Delete

    def test_delete(self, table: Table) -> None:
        """A row that was deleted is gone."""
        table.commit([insert("a")])
        table.commit([delete("a")])
        assert table.get("a") is None
        assert all_keys(table) == []

    def test_delete_with_etag(self, table: Table) -> None:
        """With the row's etag a delete is done, with an older one it is refused."""
        (first,) = table.commit([insert("a")])
        (second,) = table.commit([merge("a", {"n": 2})])
        assert conflict(table, delete("a", first)) == 0
        table.commit([delete("a", second)])
        assert table.get("a") is None

    def test_delete_of_nothing(self, table: Table) -> None:
        """A row that is not there cannot be deleted: someone else was faster."""
        assert conflict(table, delete("a")) == 0
        (etag,) = table.commit([insert("a")])
        table.commit([delete("a")])
        assert conflict(table, delete("a", etag)) == 0

    def test_inserted_anew(self, table: Table) -> None:
        """A row that was deleted can be inserted anew, and the old etag is not its own."""
        (old,) = table.commit([insert("a", {"n": 1, "t": "x"})])
        table.commit([delete("a")])
        (new,) = table.commit([insert("a", {"n": 2})])
        assert new != old
        assert conflict(table, delete("a", old)) == 0
        assert values(table, "a") == {"n": 2}

    # Transactions

    def test_all_verbs_at_once(self, table: Table) -> None:
        """One commit inserts, merges and deletes, and gives an etag for each in order."""
        first, second = table.commit([insert("a"), insert("b")])
        etags = table.commit([merge("a", {"n": 2}, first), delete("b", second), insert("c")])
        assert len(etags) == 3
        assert [row.etag for row in table.query("", "~").rows] == [etags[0], etags[2]]
        assert all_keys(table) == ["a", "c"]

    @pytest.mark.parametrize("at", [0, 1, 9, 10, 42, 99])
    @pytest.mark.parametrize("how", ["there", "gone", "changed"])
    def test_all_or_nothing(self, table: Table, at: int, how: str) -> None:
        """Where one operation of a hundred is refused none is done, and the conflict says which it was."""
        (old,) = table.commit([insert("there")])
        table.commit([merge("there", {"n": 2})])
        operations = [insert(f"k{index}") for index in range(MAX_OPERATIONS)]
        operations[at] = {
            "there": insert("there"),
            "gone": delete("gone"),
            "changed": merge("there", {"n": 3}, old),
        }[how]
        assert conflict(table, *operations) == at
        assert all_keys(table) == ["there"]

    def test_first_of_several(self, table: Table) -> None:
        """Where several operations are to be refused, the conflict is the first of them."""
        table.commit([insert("b"), insert("c")])
        assert conflict(table, insert("a"), insert("b"), insert("c"), delete("d")) == 1

    def test_hundred_operations(self, table: Table) -> None:
        """A hundred operations are one commit; more, or none, are the caller's mistake."""
        assert len(table.commit([insert(f"k{index:03d}") for index in range(100)])) == 100
        assert len(all_keys(table)) == 100
        with pytest.raises(AssertionError):
            table.commit([insert(f"x{index:03d}") for index in range(101)])
        with pytest.raises(AssertionError):
            table.commit([])
        assert len(all_keys(table)) == 100

    def test_large_transaction(self, table: Table) -> None:
        """An event of a megabyte and its work are one commit."""
        chunks = {f"raw{index}": bytes([index]) * 65_536 for index in range(15)}
        table.commit([insert("event:1", chunks), *(insert(f"work:{index}") for index in range(10))])
        assert len(all_keys(table)) == 11

    def test_race(self, table: Table) -> None:
        """Of many who insert the same row at once, one does and the others meet a conflict."""
        conflicts: list[int] = []

        def attempt(number: int) -> int | None:
            try:
                table.commit([insert("a", {"winner": number}), insert(f"b{number}")])
            except Conflict as error:
                conflicts.append(error.index)
                return None
            return number

        with ThreadPoolExecutor(8) as pool:
            winners = [number for number in pool.map(attempt, range(16)) if number is not None]
        assert len(winners) == 1
        assert conflicts == [0] * 15
        assert values(table, "a") == {"winner": winners[0]}
        assert all_keys(table) == ["a", f"b{winners[0]}"]

    def test_race_for_a_lease(self, table: Table) -> None:
        """Of many who take over the same state of a row at once, one does."""
        (etag,) = table.commit([insert("a")])

        def attempt(number: int) -> bool:
            try:
                table.commit([merge("a", {"token": number}, etag)])
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(16))) == 1

    # Query

    def test_range(self, table: Table) -> None:
        """A query gives the rows from the first key on, up to but without the last, in order."""
        table.commit([insert(key) for key in ("e", "b", "d", "a", "c")])
        assert [row.key for row in table.query("b", "d").rows] == ["b", "c"]
        assert table.query("x", "z").rows == ()
        assert table.query("d", "b").rows == ()

    def test_order(self, table: Table) -> None:
        """Rows come in the order of their keys as text, upper case before lower, however written."""
        named = ["work:0", "work:2026-11-20T09:00:00.000000Z:a", "work:2026-11-20T09:00:00.000001Z:0"]
        named += [
            "Z",
            "a",
            "a:",
            "a-",
            "a.",
            "aA",
            "a0",
            "event:1:Failed",
            "event:1:Failed:1",
            "event:1:Scheduled",
        ]
        table.commit([insert(key) for key in reversed(named)])
        assert all_keys(table) == sorted(named)

    def test_prefixes(self, table: Table) -> None:
        """What is under a prefix is found by the range that the keys make of it, and nothing else."""
        mine, other = keys.history("00000000-0000-0000-0000-000000000001"), keys.history("x")
        table.commit(
            [insert(f"{prefix}{rest}") for prefix in (mine, other) for rest in ("Failed", "Started:1")]
        )
        assert [row.key for row in table.query(mine, mine + keys.AFTER).rows] == [
            f"{mine}Failed",
            f"{mine}Started:1",
        ]

    def test_due_work(self, table: Table) -> None:
        """The query for due work gives the pause first, then what has fallen due, and nothing else."""
        now = datetime(2026, 11, 20, 9, 0, 0, 500, tzinfo=UTC)
        due = [keys.work(now - timedelta(days=1), "z"), keys.work(now, "a")]
        later = keys.work(now + timedelta(microseconds=1), "0")
        table.commit([insert(key) for key in (later, *due, keys.GATE, "sent:1", "event:1:Failed")])
        assert [row.key for row in table.query(keys.GATE, keys.work_until(now)).rows] == [keys.GATE, *due]

    def test_limit(self, table: Table) -> None:
        """A query gives no more rows than asked for, and says whether there are more."""
        table.commit([insert(key) for key in "abcde"])
        page = table.query("a", "z", 2)
        assert [row.key for row in page.rows] == ["a", "b"]
        assert page.more
        assert not table.query("a", "z", 6).more
        assert not table.query("x", "z", 2).more

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
    def test_paging(self, table: Table, limit: int) -> None:
        """Page after page, each from the key that follows the last, every row comes once."""
        named = ["a", "a:1", "a:1:0", "b", "b-", "c"]
        table.commit([insert(key) for key in named])
        read = list(self._pages(table, limit))
        assert [row.key for page in read for row in page.rows] == named
        assert all(len(page.rows) <= limit for page in read)

    def test_many_rows(self, table: Table) -> None:
        """A query without a limit gives a thousand rows, and the rest from there."""
        for start in range(0, 1_100, 100):
            table.commit([insert(f"k{index:04d}") for index in range(start, start + 100)])
        page = table.query("k", "l")
        assert len(page.rows) == 1_000
        assert page.more
        rest = table.query(keys.following(page.rows[-1].key), "l")
        assert [row.key for row in rest.rows] == [f"k{index:04d}" for index in range(1_000, 1_100)]
        assert not rest.more

    def _pages(self, table: Table, limit: int) -> Iterable[Page]:
        first = "a"
        while True:
            page = table.query(first, "z", limit)
            yield page
            if not page.more or not page.rows:
                return
            first = keys.following(page.rows[-1].key)

    # The server's clock

    def test_server_time(self, table: Table) -> None:
        """A query tells the server's time, in UTC and whole seconds, also where it finds nothing."""
        page = table.query("a", "z")
        assert page.rows == ()
        assert page.server_time.tzinfo is UTC
        assert page.server_time.microsecond == 0

    def test_timestamps(self, table: Table) -> None:
        """A row carries the server's time of its last write, never later than the server's time when read."""
        table.commit([insert("a"), insert("b")])
        first = table.get("a")
        table.commit([merge("a", {"n": 2})])
        page = table.query("a", "b")
        (second,) = page.rows
        assert first is not None
        assert first.timestamp <= second.timestamp
        assert first.timestamp.utcoffset() == timedelta()
        assert second.timestamp - page.server_time < timedelta(seconds=1)

    def test_etags_are_opaque(self, table: Table) -> None:
        """An etag fits into an If-Match header."""
        (etag,) = table.commit([insert("a")])
        assert re.fullmatch(r'(W/)?"[^"\s]+"', etag)
