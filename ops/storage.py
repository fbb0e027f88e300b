"""The table of an installation, opened by a person: with their own identity, and never made.

Only the settings of the storage matter here. They are read as the app reads them: from the environment and,
where it lacks them, from local.settings.json.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from local.settings_file import apply_settings
from shared import settings
from shared.setting_reader import SettingReader, SettingsError
from shared.store.azure import CONNECT_SECONDS, AzureTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.settings import Storage

READ_SECONDS = 30
"""The app gives up sooner, for Event Grid waits for it; a person would rather wait."""

_URI = "NOTIFIER_STORAGE__tableServiceUri"


def location(account: str, table: str) -> Storage:
    """Return where the table is: as given, or by the settings. Raises SettingsError, SettingsFileError."""
    environment = dict(os.environ)
    if not account or not table:
        apply_settings(None, environment)
    return read_location(environment, account, table)


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
def opened(storage: Storage) -> Iterator[AzureTable]:
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
        yield AzureTable(client, create=False)
