"""What the app remembers of itself: where a bounded run stopped, what it has seen, what it has told.

Each row is one value, as compressed JSON under `meta:{what}[:{id}]`; written over, and never removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from shared import keys
from shared.store.blobs import MAX_CHUNKS, pack, unpack
from shared.store.table import Conflict, Operation, TableUnavailable, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.store.table import Table

_Value = TypeVar("_Value", bound=msgspec.Struct)

_NO_CHUNKS = {f"raw{index}": b"" for index in range(MAX_CHUNKS)}
_TOGETHER = 4
"""Rows in one transaction, which is at most 4 MiB, a row at most 1 MiB."""
_MAX_ATTEMPTS = 5


class Meta:
    """The rows of what the app remembers. Who writes last, wins: runs of a timer do not overlap."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, key: str, form: type[_Value]) -> _Value:
        """Return a value; what it is without anything known, where there is none. One round trip."""
        row = self._table.get(key)
        return msgspec.json.decode(unpack(row.values), type=form) if row else form()

    def load_all(self, prefix: str, form: type[_Value]) -> dict[str, _Value]:
        """Return the values under a prefix by their keys. A round trip for each page."""
        found: dict[str, _Value] = {}
        first = prefix
        while first:
            page = self._table.query(first, prefix + keys.AFTER)
            found |= {row.key: msgspec.json.decode(unpack(row.values), type=form) for row in page.rows}
            first = keys.following(page.last) if page.more else ""
        return found

    def save(self, values: Mapping[str, msgspec.Struct], known: frozenset[str] = frozenset()) -> None:
        """Write values; `known` are the keys of those that are there. A round trip for each four."""
        rows = [
            Operation(
                Verb.MERGE if key in known else Verb.INSERT,
                key,
                # Chunks of a longer value before it would stay behind.
                {"kind": "meta", **_NO_CHUNKS, **pack(msgspec.json.encode(value).decode())},
            )
            for key, value in values.items()
        ]
        for start in range(0, len(rows), _TOGETHER):
            self._write(rows[start : start + _TOGETHER])

    def _write(self, rows: list[Operation]) -> None:
        for _ in range(len(rows) + _MAX_ATTEMPTS):
            try:
                self._table.commit(rows)
            except Conflict as conflict:
                wrong = rows[conflict.index]
                verb = Verb.INSERT if wrong.verb is Verb.MERGE else Verb.MERGE
                rows[conflict.index] = msgspec.structs.replace(wrong, verb=verb)
            else:
                return
        raise TableUnavailable("others keep writing what the app remembers")
