"""One partition of Table Storage, in three verbs: get, query, commit.

    TableError             something went wrong with the table
    ├── Conflict           a commit was refused as a whole: a row was there already, gone, or changed
    ├── TableRefused       what was asked for is impossible, and will be tomorrow: too large, malformed
    └── TableUnavailable   no answer that tells: whether a commit took place is open

Every write is a transaction, so that there is one kind of failure to reason about. A Conflict may be the
caller's own earlier write: a request whose answer was lost is made once more. Callers put a token into what
they write, new for every invocation, and read it back to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from shared import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


PARTITION = "aks"
MAX_OPERATIONS = 100
MAX_ROWS = 1_000
MAX_STEP_SECONDS = 12.0
"""A step takes at most so long, its one retry included."""


class TableError(Exception):
    """Something went wrong with the table."""


class Conflict(TableError):  # noqa: N818 - the field's word
    """A commit was refused as a whole; `index` is the operation that could not be."""

    def __init__(self, index: int) -> None:
        super().__init__(f"operation {index} conflicts with what is stored")
        self.index = index


class TableRefused(TableError):  # noqa: N818 - says what happened
    """The table cannot do this, now or ever."""


class TableUnavailable(TableError):  # noqa: N818 - reads as what it is
    """The table gave no answer that tells: try again later."""


class TableMissing(TableUnavailable):
    """There is no table, and none is to be made."""


class Verb(StrEnum):
    """What an operation does. Merge, replace and delete ask for the row, and for its etag if one is given."""

    INSERT = "insert"
    MERGE = "merge"
    UPSERT = "upsert"
    """Merge, or insert where there is no such row: it conflicts with nothing."""
    REPLACE = "replace"
    """As merge, but a property that is not given is removed."""
    DELETE = "delete"


class Operation(msgspec.Struct, frozen=True):
    """One operation of a transaction. Without an etag, merge and delete take the row in any state."""

    verb: Verb
    key: str
    values: Mapping[str, Any] = {}
    etag: str = ""


class Stored(msgspec.Struct, frozen=True):
    """A row as stored, with the etag for the next conditional write and the server's time of the last one."""

    key: str
    values: Mapping[str, Any]
    etag: str
    timestamp: datetime


class Page(msgspec.Struct, frozen=True):
    """Rows in order of their keys, the server's time when it answered, and whether there are more."""

    rows: tuple[Stored, ...]
    server_time: datetime
    more: bool = False
    last: str = ""
    """The key up to which the page has read, where there is more."""


class Table(Protocol):
    """What the store needs of a table."""

    def get(self, key: str) -> Stored | None:
        """Read one row. One round trip. Raises TableUnavailable."""

    def query(self, first: str, last: str, limit: int = MAX_ROWS) -> Page:
        """Read rows with `first <= key < last` in order, at most `limit`. One round trip.

        Raises TableUnavailable.
        """

    def untouched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """Read the keys of rows that nothing was written to since a time, without their values.

        One round trip for each page that the service makes of what it skips. Raises TableUnavailable.
        """

    def commit(self, operations: Sequence[Operation]) -> list[str]:
        """Do all operations or none; return each one's new etag. One round trip.

        Raises Conflict if a row to insert exists, or one to merge or delete is missing or has changed;
        TableUnavailable if it is not known whether it took place.
        """


class BrowsableTable(Table, Protocol):
    """What a look inside needs besides."""

    def touched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """Read rows that something was written to since a time.

        One round trip for each page that the service makes of what it skips. Raises TableUnavailable.
        """


def scan(read: Callable[[str], Page], first: str) -> Iterator[Page]:
    """Yield the pages of a range of keys; `read` reads the one that begins at a key."""
    while first:
        page = read(first)
        yield page
        first = keys.following(page.last) if page.more else ""


def mine(table: Table, key: str, token: str) -> Stored | None:
    """Return a row after a conflict over it, where it was the caller's own write that came first."""
    row = table.get(key)
    return row if row is not None and row.values.get("token") == token else None
