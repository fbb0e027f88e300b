"""The table in Azure Table Storage, through its SDK."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from azure.data.tables import TableClient

from shared.store.table import (
    MAX_OPERATIONS,
    MAX_ROWS,
    PARTITION,
    Conflict,
    Operation,
    Page,
    Stored,
    TableMissing,
    TableRefused,
    TableUnavailable,
    Verb,
)

_T = TypeVar("_T")
_KEYS = frozenset({"PartitionKey", "RowKey", "Timestamp"})

CONNECT_SECONDS = 2
READ_SECONDS = 4
"""With one retry, a step on the table takes at most MAX_STEP_SECONDS."""

_ONCE: dict[str, Any] = {"retry_total": 0}
"""The SDK's own retries are off: they sleep for as long as the service says, and leave out what broke on its
way. One is made here, at once."""

_SERVER_ERROR = 500
_PASSING = frozenset({408, 429})
_IMPOSSIBLE = frozenset({400, 413})


class AzureTable:
    """A table of Azure Table Storage through its SDK, made on first use if it does not exist.

    `client` decides the credential; without `create` a table that is missing is an error. Thread-safe, as
    the client is.
    """

    def __init__(self, client: TableClient, *, create: bool = True) -> None:
        self._client = client
        self._create = create

    def get(self, key: str) -> Stored | None:
        """See Table."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return self._with_table(lambda: _stored(self._client.get_entity(PARTITION, key, **_ONCE)))
        except ResourceNotFoundError:
            return None

    def query(self, first: str, last: str, limit: int = MAX_ROWS) -> Page:
        """See Table."""
        return self._with_table(lambda: self._query(first, last, limit))

    def untouched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """See Table."""
        return self._with_table(lambda: self._query(first, last, limit, since))

    def touched(self, first: str, last: str, since: datetime, limit: int = MAX_ROWS) -> Page:
        """See BrowsableTable."""
        return self._with_table(lambda: self._query(first, last, limit, touched_since=since))

    def commit(self, operations: Sequence[Operation]) -> list[str]:
        """See Table."""
        # Azurite answers more than 100 operations in a way that breaks the SDK: check here.
        assert 0 < len(operations) <= MAX_OPERATIONS, f"{len(operations)} operations in one transaction"
        return self._with_table(lambda: self._commit(operations))

    def _query(
        self,
        first: str,
        last: str,
        limit: int,
        untouched_since: datetime | None = None,
        touched_since: datetime | None = None,
    ) -> Page:
        headers: dict[str, str] = {}
        condition = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last"
        parameters: dict[str, Any] = {"partition": PARTITION, "first": first, "last": last}
        options: dict[str, Any] = dict(_ONCE)
        if untouched_since is not None:
            condition += " and Timestamp lt @since"
            parameters["since"] = untouched_since
            options["select"] = ["PartitionKey", "RowKey", "Timestamp"]
        if touched_since is not None:
            condition += " and Timestamp ge @since"
            parameters["since"] = touched_since
        pages: Any = self._client.query_entities(
            condition,
            parameters=parameters,
            results_per_page=limit,
            raw_response_hook=lambda response: headers.update(
                {name.lower(): value for name, value in response.http_response.headers.items()}
            ),
            **options,
        ).by_page()
        rows: tuple[Stored, ...] = ()
        for page in pages:
            rows = tuple(_stored(entity) for entity in page)
            if rows:  # the service may give pages that hold nothing before one that does
                break
        more = bool(rows and pages.continuation_token)
        return Page(rows, _server_time(headers), more=more, last=rows[-1].key if more else "")

    def _commit(self, operations: Sequence[Operation]) -> list[str]:
        from azure.data.tables import TableTransactionError

        try:
            results = self._client.submit_transaction(map(_sdk_operation, operations), **_ONCE)
        except TableTransactionError as error:
            code = getattr(error, "error_code", "")
            if error.status_code in {404, 409, 412} and code not in {"TableNotFound", "TableBeingDeleted"}:
                raise Conflict(error.index) from error
            raise
        return [str(result.get("etag", "")) for result in results]

    def _with_table(self, step: Callable[[], _T]) -> _T:
        """Take a step, once more if it brought no clear answer; where the table is missing, make it first."""
        from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError

        def once() -> _T:
            try:
                return step()
            except HttpResponseError as error:
                if not self._create or not _is_missing_table(error):
                    raise
            with suppress(ResourceExistsError):  # another instance was faster
                self._client.create_table(**_ONCE)
            return step()

        with _translated():
            try:
                return once()
            except AzureError as error:
                if _is_clear(error):
                    raise
            return once()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what the SDK raises, a missing row excepted, into TableError."""
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    try:
        yield
    except ResourceNotFoundError as error:
        if _is_missing_table(error):
            raise TableMissing(_words(error)) from error
        raise
    except AzureError as error:
        if getattr(error, "status_code", None) in _IMPOSSIBLE:
            raise TableRefused(_words(error)) from error
        raise TableUnavailable(_words(error)) from error


def _is_clear(error: Exception) -> bool:
    """Return whether an answer came that asking again would not change."""
    status = getattr(error, "status_code", None)
    return status is not None and status < _SERVER_ERROR and status not in _PASSING


def _words(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _is_missing_table(error: Exception) -> bool:
    return str(getattr(error, "error_code", "")).rpartition(".")[2] in {"TableNotFound", "TABLE_NOT_FOUND"}


_VERBS = {
    Verb.INSERT: "create",
    Verb.MERGE: "update",
    Verb.UPSERT: "upsert",
    Verb.REPLACE: "update",
    Verb.DELETE: "delete",
}


def _sdk_operation(operation: Operation) -> Any:  # noqa: ANN401 - the SDK's own union of tuples
    entity = {"PartitionKey": PARTITION, "RowKey": operation.key, **operation.values}
    mode = {Verb.MERGE: "merge", Verb.UPSERT: "merge", Verb.REPLACE: "replace"}.get(operation.verb)
    options: dict[str, Any] = {"mode": mode} if mode else {}
    if operation.etag:
        from azure.core import MatchConditions

        options |= {"etag": operation.etag, "match_condition": MatchConditions.IfNotModified}
    return (_VERBS[operation.verb], entity, options)


def _stored(entity: Any) -> Stored:  # noqa: ANN401 - a TableEntity
    values = {name: value for name, value in entity.items() if name not in _KEYS}
    return Stored(entity["RowKey"], values, entity.metadata["etag"], entity.metadata["timestamp"])


def _server_time(headers: Mapping[str, str]) -> datetime:
    """Take the server's clock from its answer; it tells when a lease has run out, whoever asks."""
    return parsedate_to_datetime(headers["date"]).astimezone(UTC)
