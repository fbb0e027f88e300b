"""Calls that the app makes of the SDK: taken note of, and made again, bare."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import msgspec
from azure.data.tables import TableClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Transaction = list[tuple[str, dict[str, Any], dict[str, Any]]]
"""What `submit_transaction` takes: the operations, each with its entity and options."""

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_METHODS = ("get_entity", "query_entities", "submit_transaction")


class Call(msgspec.Struct, frozen=True):
    """One call of a `TableClient`, by the name of its method."""

    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


@contextmanager
def noted() -> Iterator[list[Call]]:
    """Take note of every call that is made of a `TableClient` in the block."""
    seen: list[Call] = []
    with ExitStack() as stack:
        for name in _METHODS:
            stack.enter_context(patch.object(TableClient, name, _noting(name, seen)))
        yield seen


def _noting(name: str, seen: list[Call]) -> Callable[..., Any]:
    method = getattr(TableClient, name)

    def noting(self: TableClient, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the SDK's own
        if name == "submit_transaction":
            arguments = ([_whole(*operation) for operation in arguments[0]],)
        seen.append(Call(name, arguments, options))
        return method(self, *arguments, **options)

    return noting


def _whole(
    verb: str, entity: dict[str, Any], options: dict[str, Any] | None = None
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return verb, entity, options or {}


@contextmanager
def captured() -> Iterator[list[Transaction]]:
    """Take note of every transaction that is submitted in the block; given when it ends."""
    transactions: list[Transaction] = []
    with noted() as seen:
        yield transactions
    transactions += [call.arguments[0] for call in seen if call.method == "submit_transaction"]


def renewed(transactions: Iterable[Transaction]) -> list[Transaction]:
    """Give the same transactions with other keys, as long as before, so that their rows are new."""
    return [
        [
            (verb, {**entity, "RowKey": _GUID.sub(lambda _: str(uuid4()), entity["RowKey"])}, options)
            for verb, entity, options in transaction
        ]
        for transaction in transactions
    ]


def repeatable(calls: Iterable[Call]) -> list[Call]:
    """Give calls that can be made again: reads as they were, and of each transaction one of as many inserts.

    What was deleted or merged is inserted, too, and all of it under keys that the app never looks at: rows of
    the same size, though not quite the same work for the service.
    """
    made = []
    for call in calls:
        if call.method != "submit_transaction":
            made.append(call)
            continue
        inserts: Transaction = [
            ("create", {**entity, "RowKey": f"again:{entity['RowKey']}.{uuid4()}"}, {})
            for _, entity, _ in call.arguments[0]
        ]
        made.append(msgspec.structs.replace(call, arguments=(inserts,)))
    return made


def make(client: TableClient, calls: Sequence[Call]) -> None:
    """Make the calls, one after the other, and take from each query its first page."""
    for call in calls:
        answer = getattr(client, call.method)(*call.arguments, **call.options)
        if call.method == "query_entities":
            list(next(answer.by_page(), ()))
