"""The table of an installation, opened by a person: with their own identity, and never made.

Only the settings of the storage matter here. They are read as the app reads them: from the environment and,
where it lacks them, from local.settings.json.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from local.settings_file import settings_here
from shared import settings
from shared.setting_reader import SettingReader, SettingsError
from shared.store.azure import CONNECT_SECONDS, AzureTable
from shared.store.table import Page, TableMissing
from shared.store.wrapped import WrappedTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from azure.data.tables import TableClient

    from shared.settings import Storage
    from shared.store.table import BrowsableTable, Operation, Stored

READ_SECONDS = 30
"""The app gives up sooner, for Event Grid waits for it; a person would rather wait."""

Account = Annotated[
    str,
    typer.Option("--account", metavar="URL", help="A storage account's table endpoint, with your identity."),
]
Table = Annotated[str, typer.Option("--table", metavar="NAME", help="The table's name.")]
"""Options of every command that reads the storage."""

_URI = "NOTIFIER_STORAGE__tableServiceUri"


def location(account: str, table: str) -> Storage:
    """Return where the table is: as given, or by the settings. Raises SettingsError, SettingsFileError."""
    return read_location(settings_here() if not account or not table else os.environ, account, table)


def read_location(environment: Mapping[str, str], account: str, table: str) -> Storage:
    """Return where the table is; what is given wins. Raises SettingsError."""
    asked = dict(environment)
    if account:
        asked |= {_URI: account, "NOTIFIER_STORAGE": ""}
    if table:
        asked["NOTIFIER_TABLE"] = table
    try:
        return settings.storage(SettingReader(asked))
    except SettingsError as error:
        said = str(error)
        raise SettingsError(said.replace(f"Setting {_URI}", "--account") if account else said) from None


@contextmanager
def opened(storage: Storage) -> Iterator[BrowsableTable]:
    """Open a table: by connection string, or with the identity of whoever is at the keyboard."""
    from azure.data.tables import TableClient

    options: dict[str, Any] = {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
    if storage.connection_string:
        client = TableClient.from_connection_string(
            storage.connection_string, table_name=storage.table, **options
        )
    else:
        from azure.identity import DefaultAzureCredential

        client = TableClient(storage.uri, storage.table, credential=DefaultAzureCredential(), **options)
    with client:
        yield _Table(client)


class _Table(WrappedTable):
    """A table that may not be there yet: it holds nothing then, and is made where something is written."""

    def __init__(self, client: TableClient) -> None:
        super().__init__(AzureTable(client, create=False))
        self._made = AzureTable(client)

    def get(self, key: str) -> Stored | None:
        try:
            return super().get(key)
        except TableMissing:
            return None

    def commit(self, operations: Sequence[Operation]) -> list[str]:
        return self._made.commit(operations)

    def _page(self, read: Callable[[], Page]) -> Page:
        try:
            return super()._page(read)
        except TableMissing:
            return Page((), datetime.now(UTC))
