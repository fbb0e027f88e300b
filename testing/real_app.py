"""The app as its users run it: local host as a process, Azurite, the real SDKs, a stand-in mail service."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from azure.data.tables import TableClient

from shared.store import codec
from shared.store.azure import AzureTable
from testing.fault_proxy import FaultProxy
from testing.mail_endpoint import KEY, MailEndpoint, OperationIdMode
from testing.processes import Azurite, Host, connection_string

if TYPE_CHECKING:
    from collections import Counter

    from shared.notices.records import SentMail
    from shared.store.table import Page
    from testing.mail_endpoint import ReceivedMail

SETTINGS = {
    "EMAIL_FROM": "aks@example.com",
    "EMAIL_TO": "ops@example.com",
    "SWEEP_SCHEDULE": "0 0 0 1 1 *",
    "REMINDER_GAP": "0s",
    "GROUP_WAIT": "1s",
    "GROUP_INTERVAL": "1s",
    "LEASE": "40s",
    # Counted all the same; the usual limits would stretch GROUP_INTERVAL to a minute.
    "EMAIL_PER_MINUTE": "1000000",
    "EMAIL_PER_HOUR": "1000000",
}


class RealWorld:
    """A table of its own on a running Azurite, a mail endpoint, a proxy before each, and hosts to start."""

    def __init__(
        self, azurite: Azurite, mode: OperationIdMode = OperationIdMode.HONOURS, **settings: str
    ) -> None:
        self.endpoint = MailEndpoint(mode)
        self.table_proxy = FaultProxy(azurite.endpoint)
        self.table_name = f"t{uuid.uuid4().hex}"
        self._settings = settings
        self._stack = ExitStack()
        self._client = TableClient.from_connection_string(azurite.connection_string, self.table_name)
        self.table = AzureTable(self._client)

    def __enter__(self) -> Self:
        self._stack.enter_context(self.endpoint)
        self._stack.enter_context(self.table_proxy)
        self.mail_proxy = self._stack.enter_context(FaultProxy(self.endpoint.url))
        self._stack.callback(self._client.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def host(self, **settings: str) -> Host:
        """Return a host, to be started."""
        return Host({**self.settings, **settings})

    @property
    def settings(self) -> dict[str, str]:
        """What a host is started with; its table and its mail go through the proxies."""
        return {
            "NOTIFIER_STORAGE": connection_string(self.table_proxy.url),
            "NOTIFIER_TABLE": self.table_name,
            "EMAIL_CONNECTION_STRING": f"endpoint={self.mail_proxy.url}/;accesskey={KEY}",
            **SETTINGS,
            **self._settings,
        }

    def rows(self, prefix: str) -> Page:
        """Return the rows under a prefix, past the proxy."""
        return self.table.query(prefix, prefix + "~")

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of the rows under a prefix."""
        return [row.key for row in self.rows(prefix).rows]

    @property
    def fates(self) -> list[SentMail]:
        """What became of all mails."""
        return [codec.sent(row) for row in self.rows("sent:").rows]

    @property
    def mails(self) -> list[ReceivedMail]:
        """The mails that arrived."""
        return self.endpoint.mails

    def told(self) -> Counter[str]:
        """Count what the mails that arrived have told, by kind of notice and row."""
        from collections import Counter

        fates = {fate.key: fate for fate in self.fates}
        return Counter(
            f"{member.kind} {member.key} {member.lead}".strip()
            for mail in self.mails
            for member in fates[f"sent:{mail.operation_id}"].members
        )
