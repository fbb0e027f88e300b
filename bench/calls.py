"""Calls that the app makes of the SDK: taken note of, and made again, bare."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import msgspec
from azure.communication.email import EmailClient
from azure.data.tables import TableClient, TableTransactionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Transaction = list[tuple[str, dict[str, Any], dict[str, Any]]]
"""What `submit_transaction` takes: the operations, each with its entity and options."""

CONFLICT = 409

_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")
"""A GUID or a hash in a key: what makes a row that of one maintenance, or of one cluster."""

_METHODS: dict[type, tuple[str, ...]] = {
    TableClient: ("get_entity", "query_entities", "submit_transaction"),
    EmailClient: ("begin_send",),
}


class Call(msgspec.Struct, frozen=True):
    """One call of a client, by the name of its method, which only one kind of client has."""

    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


@contextmanager
def noted() -> Iterator[list[Call]]:
    """Take note of every call that is made of a table's client, or of a mail service's, in the block."""
    seen: list[Call] = []
    with ExitStack() as stack:
        for kind, names in _METHODS.items():
            for name in names:
                stack.enter_context(patch.object(kind, name, _noting(kind, name, seen)))
        yield seen


def _noting(kind: type, name: str, seen: list[Call]) -> Callable[..., Any]:
    method = getattr(kind, name)

    def noting(self: object, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the SDK's own
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
    """Return the same transactions with other keys, as long as before, so that their rows are new."""
    return [
        [
            (verb, {**entity, "RowKey": _renewed(entity["RowKey"])}, options)
            for verb, entity, options in transaction
        ]
        for transaction in transactions
    ]


def _renewed(key: str) -> str:
    """Return another key of the same form: every name in it is another."""
    return _NAME.sub(lambda match: _another(match[0]), key)


def _another(name: str) -> str:
    """Return another name of the same form."""
    return str(uuid4()) if "-" in name else uuid4().hex * 2


def repeatable(calls: Iterable[Call]) -> list[Call]:
    """Return the calls that can be made again: reads as they were, a transaction as one of as many inserts.

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


def anew(calls: Iterable[Call]) -> list[Call]:
    """Return the calls of an event again for another one: each name in a key is another, everywhere the same.

    What they delete is what they have inserted before, in whatever state. A row that the app has one of, of
    which it knows the state, is left alone: another takes its place. Hooks of the app's own stay behind.
    """
    known: dict[str, str] = {}

    def other(text: str) -> str:
        return _NAME.sub(lambda match: known.setdefault(match[0], _another(match[0])), text)

    def operation(verb: str, entity: dict[str, Any], _: object) -> tuple[str, dict[str, Any], dict[str, Any]]:
        key = entity["RowKey"]
        if _NAME.search(key):
            return verb, {**entity, "RowKey": other(key)}, {"mode": "merge"} if verb == "update" else {}
        return "upsert", {**entity, "RowKey": f"again:{key}"}, {"mode": "merge"}

    made = []
    for call in calls:
        options = {name: value for name, value in call.options.items() if not name.endswith("_hook")}
        arguments = call.arguments
        if call.method == "submit_transaction":
            arguments = ([operation(*one) for one in arguments[0]],)
        elif call.method == "query_entities":
            options["parameters"] = {name: other(text) for name, text in options["parameters"].items()}
        elif call.method == "begin_send":
            options["operation_id"] = other(options["operation_id"])
        made.append(msgspec.structs.replace(call, arguments=arguments, options=options))
    return made


def make(client: TableClient, calls: Sequence[Call], mail: EmailClient | None = None) -> None:
    """Make the calls, one after the other, and take from each query its first page.

    A transaction that is refused is an answer, too.
    """
    for call in calls:
        if call.method == "begin_send":
            assert mail is not None
            mail.begin_send(*call.arguments, **call.options).result()
            continue
        try:
            answer = getattr(client, call.method)(*call.arguments, **call.options)
        except TableTransactionError as error:
            if error.status_code != CONFLICT:
                raise
            continue
        if call.method == "query_entities":
            list(next(answer.by_page(), ()))
