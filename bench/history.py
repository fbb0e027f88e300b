"""History to store in a table, as much of it as is wanted: rows as large as the app's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bench import calls
from shared.store.table import MAX_OPERATIONS
from testing.samples.payloads import event

if TYPE_CHECKING:
    from azure.data.tables import TableClient

    from shared.delivery.intake import Intake


def samples(intake: Intake) -> list[dict[str, Any]]:
    """Return a row of an event as the app writes it, and one the size of a sent mail's."""
    with calls.captured() as seen:
        intake.take(event("Started", datetime.now(UTC), name=uuid4().hex, cluster="team-0-first"))
    (row, *_) = (entity for _, entity, _ in seen[-1])
    told = {name: value for name, value in row.items() if name not in {"raw0", "facts"}}
    return [row, {**told, "members": "x" * 600, "to": "team-0@example.com"}]


def fill(client: TableClient, rows: list[dict[str, Any]], number: int) -> str:
    """Store so many rows of history more, half of them events; give the key of one."""

    def store(start: int) -> str:
        batch = []
        for place in range(min(MAX_OPERATIONS, number - start)):
            id_ = str(uuid4())
            key = f"sent:{id_}" if place % 2 else f"event:{id_}:Started"
            batch.append(("create", {**rows[place % 2], "RowKey": key}))
        client.submit_transaction(batch, read_timeout=60)  # filling is not what is measured
        return key

    with ThreadPoolExecutor(3) as pool:  # one is made while others are under way
        return list(pool.map(store, range(0, number, MAX_OPERATIONS)))[-1]
