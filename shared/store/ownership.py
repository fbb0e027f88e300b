"""Whose a table is: two apps that share one by mistake would tell each other's news to their own people.

The owner is the app's name in Azure, WEBSITE_SITE_NAME, which is unique there. Without one, as on a
workstation, nothing is claimed and nothing is checked.
"""

from __future__ import annotations

import time
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import msgspec

from shared import keys
from shared.store.table import Conflict, Operation, TableUnavailable, Verb
from shared.store.wrapped import WrappedTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.store.table import BrowsableTable

_T = TypeVar("_T")


class ForeignTable(TableUnavailable):
    """The table belongs to another app. The message is a sentence that names both."""


class TableOwner(msgspec.Struct, frozen=True):
    """Whose a table is, since when, and the etag to write it over; no name where it is nobody's."""

    name: str = ""
    since: datetime | None = None
    etag: str = ""


def owner(table: BrowsableTable) -> TableOwner:
    """Return whose a table is. One round trip. Raises TableUnavailable."""
    page = table.query(keys.OWNER, keys.following(keys.OWNER), 1)
    for row in page.rows:
        return TableOwner(str(row.values.get("owner", "")), row.timestamp, row.etag)
    return TableOwner()


def hand_over(table: BrowsableTable, name: str, before: TableOwner) -> bool:
    """Make a table another app's, unless it has changed hands meanwhile. One round trip."""
    verb = Verb.MERGE if before.etag else Verb.INSERT
    try:
        table.commit([Operation(verb, keys.OWNER, {"kind": "meta", "owner": name}, before.etag)])
    except Conflict:
        return False
    return True


class OwnedTable(WrappedTable):
    """Passes everything on to a table as long as that is ours; a table that is nobody's becomes ours.

    It asks once, at the first use: at a start the roles that it takes to ask may still be spreading. Where
    the table is another app's it asks each time, for it may be handed over. Thread-safe.
    """

    def __init__(self, table: BrowsableTable, name: str, app: str) -> None:
        super().__init__(table)
        self._name = name
        self._app = app
        self._is_ours = False
        self._failed: tuple[float, TableUnavailable | None] = (0.0, None)
        self._lock = Lock()

    def _step(self, step: Callable[[], _T]) -> _T:
        if not self._is_ours:
            self._claim_once(time.monotonic())
        return step()

    def _claim_once(self, came: float) -> None:
        """Ask whose the table is, unless another thread has, since a moment of the monotonic clock."""
        with self._lock:
            failed_at, failure = self._failed
            if self._is_ours:
                return
            if failure is not None and failed_at >= came:
                raise type(failure)(*failure.args)
            try:
                self._is_ours = self._claim()
            except TableUnavailable as error:
                self._failed = time.monotonic(), error
                raise

    def _claim(self) -> bool:
        """Return True where the table is ours, maybe from now on. Raises ForeignTable, TableUnavailable."""
        known = owner(self._table)
        if not known.name:
            if hand_over(self._table, self._app, known):
                return True
            known = owner(self._table)  # somebody was faster: another instance of ours, as a rule
        if known.name.lower() != self._app.lower():
            raise ForeignTable(
                f"The table {self._name} belongs to the app {known.name}, and this one is {self._app}: give"
                " each its own (NOTIFIER_TABLE), or hand the table over (./notifier table --hand-over)."
            )
        return True
