"""Rows of release 0.1 in a table of today, and the app started on them.

Whatever is imported from the app for the fixtures of `tests/fixtures/rows` is imported here.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.app import Notifier
from shared.channels.channel import Temper
from shared.channels.email.mime import message_bytes
from shared.channels.outcomes import OperationState, OperationStatus
from shared.settings import load
from shared.store import blobs
from shared.store.ledger import Ledger
from shared.store.table import Operation, Verb
from testing.memory_table import MemoryTable
from testing.world import ScriptedMailer, StoppedClock, email_channel
from tests.fixtures.rows import form

if TYPE_CHECKING:
    from shared.channels.channel import Channel
    from shared.channels.outcomes import Timeouts
    from shared.delivery.progress import SweepResult
    from shared.store.table import BrowsableTable

FOLDER = Path(__file__).parents[1] / "fixtures" / "rows"
_ALL = ("", "~")


@cache
def tables() -> dict[str, Any]:
    """Return what the fixtures hold, by the name of the table."""
    found: dict[str, Any] = json.loads((FOLDER / "kinds.json").read_text())
    return found | {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in ("working", "paused")}


class MailService(ScriptedMailer):
    """A mail service that remembers what it took from release 0.1."""

    def __init__(self, old: dict[str, Any]) -> None:
        super().__init__()
        self._taken = set(old["taken"])

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """See Mailer."""
        if operation_id in self._taken:
            return OperationStatus(OperationState.ACCEPTED, "Running")
        return super().status_of(operation_id, timeouts)


class Old:
    """The app of today on a table of release 0.1, all of whose times are moved by a shift.

    By default the table is one in memory, where each row's Timestamp is as old as it was; another one gives
    the rows Timestamps of its own.
    """

    def __init__(
        self,
        name: str,
        *,
        shift: timedelta = timedelta(),
        table: BrowsableTable | None = None,
        **settings: str,
    ) -> None:
        self.content = tables()[name]
        self.shift = shift
        rows = sorted(self.content["rows"], key=lambda row: (row["timestamp"], row["key"]))
        self.clock = StoppedClock(self._time(rows[0]["timestamp"]))
        self.table = table or MemoryTable(self.clock.now)
        for row in rows:
            self._until(row["timestamp"])
            values = form.decoded(row["values"], shift)
            if "sends" in values:  # counted by numbers of ten seconds each
                moved = int(shift.total_seconds()) // 10
                sends = {int(bucket) + moved: sent for bucket, sent in json.loads(values["sends"]).items()}
                values["sends"] = json.dumps(sends)
            self.table.commit([Operation(Verb.INSERT, form.shifted(row["key"], shift), values)])
        self._until(self.content["now"])
        self.service = MailService(self.content)
        self.config = load(self.content["environment"] | settings)
        # Release 0.1 repeated whatever it could not ask about.
        temper = Temper.ASKABLE if self.content["canAnswer"] else Temper.COLLAPSES
        channels: dict[str, Channel] = {"": email_channel(self.config, self.service, temper)}
        self.notifier = Notifier(self.config, self.table, channels, self.clock)
        self._before = self._plain()

    def _time(self, text: str) -> datetime:
        return datetime.fromisoformat(text) + self.shift

    def _until(self, text: str) -> None:
        self.clock.forward(seconds=(self._time(text) - self.clock.now()).total_seconds())

    def _plain(self) -> dict[str, dict[str, Any]]:
        return {row.key: form.encoded(row.values) for row in self.table.query(*_ALL).rows}

    def sweep(self, **after: float) -> SweepResult:
        """Let time pass, and sweep."""
        self.clock.forward(**after)
        return self.notifier.delivery.sweep()

    def mails(self, *, whole: bool = False) -> list[dict[str, Any]]:
        """Return the mails that have been sent since, as the fixtures have them."""
        return [
            form.mail(id_, email, message_bytes(email, id_, self.config.mail.sender), whole=whole)
            for id_, email in self.service.arrived
        ]

    def changes(self) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """Return the rows written since, and the keys of those removed, with their times shifted back."""
        written, gone = form.changes(self._before, self._plain())
        back = -self.shift
        return (
            {form.shifted(key, back): form.decoded(values, back) for key, values in written.items()},
            sorted(form.shifted(key, back) for key in gone),
        )

    def deliver(self, key: str) -> list[str]:
        """Deliver the event of a row once more; return what is decided."""
        return [decision.value for decision in self.notifier.intake.take(self.raw(key))]

    def raw(self, key: str) -> str:
        """Return the event of a row, as it was sent."""
        row = self.table.get(key)
        assert row is not None
        return blobs.unpack(row.values)

    def shown(self) -> int:
        """Return how many rows an operator is shown of what there is to see."""
        ledger, ever = Ledger(self.table), datetime.fromisoformat("1970-01-01T00:00:00Z")
        found = (ledger.events(ever), ledger.mails(ever), ledger.rejections(ever), ledger.work())
        return sum(1 for rows in found for _ in rows)


def sent_text(values: dict[str, Any]) -> str:
    """Return the event in a row's values, as it was sent: its compressed bytes depend on Python's zlib."""
    return blobs.unpack(form.decoded(values))


def event_row(raw: str, received: datetime) -> dict[str, dict[str, Any]]:
    """Return the rows of events, by their keys, that today's app writes for a delivery to an empty table."""
    clock = StoppedClock(received)
    table = MemoryTable(clock.now)
    environment = tables()["paused"]["environment"]
    config = load(environment)
    Notifier(config, table, {"": email_channel(config, ScriptedMailer())}, clock).intake.take(raw)
    return {row.key: form.encoded(row.values) for row in table.query("event:", "event:~").rows}
