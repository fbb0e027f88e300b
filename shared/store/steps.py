"""What all steps of the protocol are made with: transactions, gates, and rows that may not be readable.

A conflict may be one's own earlier write whose answer was lost. The token in the row tells: a step that runs
into a conflict reads the row and goes on as if nothing had happened where the token is its own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

import msgspec

from shared import keys
from shared.store import codec
from shared.store.table import BrowsableTable, Conflict, Operation, Stored, TableError, Verb, mine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from shared.notices.records import Notice, StoredEvent
    from shared.store.rows import MailRow, SendGate

log = logging.getLogger("notifier")

_T = TypeVar("_T")


class GateChanged(TableError):  # noqa: N818 - says what happened
    """Another instance has paused a target or sent to it since its gate was read: read it again."""


class Steps:
    """The rows of one table. Every method says how many round trips it takes when nothing goes wrong."""

    def __init__(self, table: BrowsableTable) -> None:
        self.unreadable: set[str] = set()
        """The keys of rows that could not be read."""
        self._table = table

    def _commits(self, operations: Sequence[Operation]) -> bool:
        try:
            self._table.commit(operations)
        except Conflict:
            return False
        return True

    def _commit_counted(
        self, operations: Sequence[Operation], gates: Sequence[SendGate]
    ) -> tuple[list[str], tuple[SendGate, ...]]:
        """Commit, and write gates along with it; they come back as written."""
        try:
            etags = self._table.commit([*operations, *map(gate_operation, gates)])
        except Conflict as conflict:
            if conflict.index >= len(operations):
                raise GateChanged("a gate has moved") from conflict
            raise
        written = zip(gates, etags[len(operations) :], strict=True)
        return etags[: len(operations)], tuple(
            msgspec.structs.replace(gate, etag=etag) for gate, etag in written
        )

    def _own(self, key: str, token: str) -> MailRow | None:
        """After a conflict: the row, where it was the caller's own write that came first."""
        stored = mine(self._table, key, token)
        return codec.mail_row(stored) if stored else None

    def _readable(self, read: Callable[[Stored], _T], rows: Iterable[Stored]) -> Iterator[_T]:
        """Read rows, and leave out those that cannot be read: one bad row never blocks the others."""
        for row in rows:
            try:
                yield read(row)
            except Exception:
                log.exception("row %s cannot be read, and is left as it is", row.key)
                self.unreadable.add(row.key)

    def _recorded(self, row: Stored) -> StoredEvent:
        """Read an event's row, as far as it can be read: what has happened stays known."""
        try:
            return codec.recorded(row)
        except Exception:
            log.exception("row %s cannot be read whole", row.key)
            self.unreadable.add(row.key)
            return codec.recorded_by_key(row)


def notice_operation(notice: Notice, due: datetime) -> Operation:
    """Return what inserts a notice."""
    return Operation(Verb.INSERT, keys.work(due, notice.id), codec.notice_values(notice))


def told_operation(key: str, now: datetime) -> Operation:
    """Return what leaves a mark that says nothing but that something was told, or was there."""
    return Operation(Verb.INSERT, key, {"kind": "told", "at": codec.text(now)})


def gate_operation(gate: SendGate) -> Operation:
    """Return what writes a gate over the one whose etag it bears, or where there was none."""
    verb = Verb.MERGE if gate.etag else Verb.INSERT
    return Operation(verb, keys.gate(gate.target), codec.gate_values(gate), gate.etag)
