"""The tables of a stand-in of Azure Resource Graph: an engine runs the queries that it is asked.

    tables = GraphTables()
    tables.add("resources", {"id": "/subscriptions/…", "type": "…", "subscriptionId": "…", "properties": {…}})
    tables.run("resources | where type =~ '…' | project id | order by id asc", subscriptions={"…"})

The engine is duckdb-kql; rows have the columns that every table of Resource Graph has.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import datetime
from functools import cache
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any

import duckdb
import duckdb_kql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TEXTS = ("id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId", "managedBy")
OBJECTS = ("sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation")
TABLES = (
    "resources",
    "resourcecontainers",
    "containerserviceeventresources",
    "aksresources",
    "servicehealthresources",
)

_AGO = re.compile(r"\bago\(([^)]*)\)")


class QueryError(ValueError):
    """The engine does not take a query: a column, a table or a word that it does not know."""


class GraphTables:
    """Rows by table. Thread-safe."""

    def __init__(self) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._engine = duckdb.connect()
        self._fresh: set[str] = set()
        self._answers: dict[tuple[str, frozenset[str] | None], list[dict[str, Any]]] = {}
        self._lock = Lock()
        self.now: Callable[[], datetime] | None = None
        """What `ago` goes by; without it, the machine's clock."""

    def add(self, table: str, *rows: dict[str, Any]) -> None:
        """Add rows to a table; what they do not say is empty, or follows from their id."""
        assert table in TABLES, table
        with self._lock:
            self._rows[table] += ({**_told_by(row["id"]), **row} for row in rows)
            self._fresh.discard(table)
            self._answers.clear()

    def remove(self, table: str, *ids: str) -> None:
        """Remove the rows of these ids, whatever their case."""
        gone = {id_.lower() for id_ in ids}
        with self._lock:
            self._rows[table] = [row for row in self._rows[table] if row["id"].lower() not in gone]
            self._fresh.discard(table)
            self._answers.clear()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table, whole."""
        return list(self._rows[table])

    def run(self, query: str, subscriptions: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query over these subscriptions, or over all. Raises QueryError."""
        scope = None if subscriptions is None else frozenset(one.lower() for one in subscriptions)
        if self.now is not None:
            query = _AGO.sub(f"(datetime({self.now():%Y-%m-%dT%H:%M:%SZ}) - \\1)", query)
        with self._lock:
            if (query, scope) not in self._answers:
                self._answers[query, scope] = self._run(query, scope)
            return self._answers[query, scope]

    def _run(self, query: str, scope: frozenset[str] | None) -> list[dict[str, Any]]:
        for table in set(TABLES) - self._fresh:
            self._load(table)
        names = "" if scope is None else ", ".join(f"'{one}'" for one in sorted(scope)) or "''"
        where = f" where lower(subscriptionId) in ({names})" if names else ""
        for table in TABLES:
            self._engine.execute(f"create or replace view {table} as select * from all_{table}{where}")
        try:
            answer = duckdb_kql.query(self._engine, query)
            columns = [(name, str(kind)) for name, kind, *_ in answer.description]
            found = answer.fetchall()
        except Exception as error:
            raise QueryError(str(error)) from error
        return [
            {name: _value(value, kind) for (name, kind), value in zip(columns, row, strict=True)}
            for row in found
        ]

    def _load(self, table: str) -> None:
        columns = ", ".join([f"{name} varchar" for name in TEXTS] + [f"{name} json" for name in OBJECTS])
        self._engine.execute(f"create or replace table all_{table}({columns})")
        rows = self._rows[table]
        lists: list[list[str | None]] = [[str(row.get(name) or "") for row in rows] for name in TEXTS]
        lists += [[_json(row.get(name)) for row in rows] for name in OBJECTS]
        places = ", ".join(["unnest(?::varchar[])"] * len(lists))
        self._engine.execute(f"insert into all_{table} select {places}", lists)
        self._fresh.add(table)


@cache
def _told_by(id_: str) -> dict[str, str]:
    parts = id_.split("/")
    after = {before.lower(): part for before, part in pairwise(parts)}
    return {
        "name": parts[-1],
        "subscriptionId": after.get("subscriptions", "").lower(),
        "resourceGroup": after.get("resourcegroups", "").lower(),
    }


def _json(value: object) -> str | None:
    # Without white space, as the service writes it: the Communication Manager's queries look for `","`.
    return None if value is None else json.dumps(value, separators=(",", ":"))


def _value(value: Any, kind: str) -> Any:
    if kind == "JSON" and isinstance(value, str):
        return json.loads(value)
    return value.isoformat() + "Z" if isinstance(value, datetime) else value
