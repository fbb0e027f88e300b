"""The app as a worker of the Functions host has it, in this process, and the SDK's bare calls beside it."""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient
from requests.adapters import HTTPAdapter

from local.functions import MODULE, load
from shared.store.azure import CONNECT_SECONDS, READ_SECONDS
from testing.mail_endpoint import MailEndpoint
from testing.processes import Azurite, connection_string
from testing.samples.payloads import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from testing.processes import Host

SETTINGS = {
    "EMAIL_FOLDER": "out/bench/mail",
    "EMAIL_FROM": "aks@example.com",
    "EMAIL_TO": "ops@example.com",
    "SWEEP_SCHEDULE": "0 * * * * *",
}

TABLE = "bench"

TIMER = '{"IsPastDue": false}'


def settings(endpoint: str, **more: str) -> dict[str, str]:
    """Return the environment of an app whose table is in this account of an Azurite."""
    return {"NOTIFIER_STORAGE": connection_string(endpoint), "NOTIFIER_TABLE": TABLE, **SETTINGS, **more}


@contextmanager
def loaded(environment: Mapping[str, str]) -> Iterator[dict[str, Callable[[str], object]]]:
    """Import `function_app` anew, as a worker would; give each function by its name, to be run with a text.

    The log is written as in a worker, at INFO, and goes nowhere.
    """
    root, before = logging.getLogger(), sys.modules.pop(MODULE, None)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, patch.dict(os.environ, environment):
        handler, level = logging.StreamHandler(nowhere), root.level
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            yield {function.name: function.run for function in load()}
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
            sys.modules.pop(MODULE, None)
            if before is not None:
                sys.modules[MODULE] = before


@contextmanager
def around(**more: str) -> Iterator[tuple[TableClient, MailEndpoint, dict[str, str]]]:
    """Serve a table, which is made, and a mail service; give both, and the environment of an app by them."""
    with (
        Azurite() as azurite,
        MailEndpoint() as endpoint,
        TableClient.from_connection_string(azurite.connection_string, TABLE) as client,
    ):
        client.create_table()
        mail = {"EMAIL_CONNECTION_STRING": endpoint.connection_string, "EMAIL_FOLDER": ""}
        yield client, endpoint, settings(azurite.endpoint, **mail, **more)


def deliver(host: Host, text: str) -> None:
    """Deliver as Event Grid does: again, until it is taken."""
    while host.post_event(text).status != HTTPStatus.ACCEPTED:
        time.sleep(0.1)


def started(number: int = 1) -> list[str]:
    """Write so many Started events, each of a maintenance, and of a cluster, of its own."""
    return [event("Started", datetime.now(UTC), **of_its_own()) for _ in range(number)]


def of_its_own() -> dict[str, str]:
    """Return what makes the next event one of a new maintenance of a new cluster.

    All of one cluster would fill that cluster's row, into which each event's news are merged, and on one side
    only: a call made again bare knows no row.
    """
    name = uuid4().hex
    return {"name": name, "cluster": f"prod-{name[:6]}"}


def bare(endpoint: str, *, table: str = TABLE, connections: int = 1) -> TableClient:
    """Return a client as the SDK makes it, with the app's timeouts.

    The SDK keeps ten connections; for more calls at once than one, the client may keep `connections`.
    """
    options: dict[str, Any] = {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
    if connections > 1:
        session = requests.Session()
        session.mount("http://", HTTPAdapter(pool_maxsize=connections))
        options["transport"] = RequestsTransport(session=session, **options)
    return TableClient.from_connection_string(connection_string(endpoint), table, **options)
