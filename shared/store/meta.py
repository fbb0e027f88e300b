"""What the app remembers of itself: where a bounded run stopped, what it has seen, what it has told.

Each row is one value, as compressed JSON under `meta:{what}[:{id}]`; written over, and never removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from shared import decoding, keys
from shared.store.blobs import MAX_CHUNKS, pack, unpack
from shared.store.table import Operation, Verb, scan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.store.table import Table

_Value = TypeVar("_Value", bound=msgspec.Struct)

_NO_CHUNKS = {f"raw{index}": b"" for index in range(MAX_CHUNKS)}
_BATCH_ROWS = 4
"""Rows in one transaction, which is at most 4 MiB, a row at most 1 MiB."""


class Meta:
    """The rows of what the app remembers. Who writes last, wins: runs of a timer do not overlap."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, key: str, form: type[_Value]) -> _Value:
        """Return a value; its form's defaults where the table holds no value. One round trip."""
        row = self._table.get(key)
        return decoding.from_json(unpack(row.values), form) if row else form()

    def load_all(self, prefix: str, form: type[_Value]) -> dict[str, _Value]:
        """Return the values under a prefix by their keys. A round trip for each page."""
        found: dict[str, _Value] = {}
        for page in scan(lambda first: self._table.query(first, prefix + keys.AFTER), prefix):
            found |= {row.key: decoding.from_json(unpack(row.values), form) for row in page.rows}
        return found

    def save(self, values: Mapping[str, msgspec.Struct]) -> None:
        """Write values, over what was there. A round trip for each four."""
        rows = [
            # Chunks of a longer value before it would stay behind.
            Operation(
                Verb.UPSERT,
                key,
                {"kind": "meta", **_NO_CHUNKS, **pack(msgspec.json.encode(value).decode())},
            )
            for key, value in values.items()
        ]
        for start in range(0, len(rows), _BATCH_ROWS):
            self._table.commit(rows[start : start + _BATCH_ROWS])
