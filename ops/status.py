"""How the app is: whether it sweeps, what waits, whether it may send, what it sent last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from ops import ledger, storage, surroundings, terminal
from shared import keys
from shared.pages.publisher import SILENT_AFTER
from shared.store.codec import text
from shared.store.ledger import Ledger
from shared.store.present import PresentState
from shared.store.rows import CheckRow, SendGate
from shared.text import line

if TYPE_CHECKING:
    from shared.store.table import BrowsableTable

LATE = timedelta(minutes=30)
"""What has been due for so long ought to have been done."""

_LOOK_BACK = timedelta(days=30)


def status(
    context: typer.Context,
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Show whether the app is well.

    Exit code 0: it is, or there is no table yet. 1: no sweep in the last ten minutes, something is late, or a
    pause holds. 2: the storage cannot be read.
    """
    with ledger.opened_table(context, account, table) as rows:
        found = _status(rows, surroundings.of(context).clock.now())
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json(found)
    else:
        print("\n".join(_lines(found)))
    raise typer.Exit(terminal.NO if found["faults"] else 0)


def _status(rows: BrowsableTable, now: datetime) -> dict[str, Any]:
    book = Ledger(rows)
    swept, _ = PresentState(rows).swept()
    work = list(book.work())
    due = [row for row in work if not isinstance(row, SendGate) and keys.due_of(row.key) <= now]
    oldest = min((keys.due_of(row.key) for row in due), default=None)
    paused = [row for row in work if isinstance(row, SendGate) and row.until > now]
    last: dict[str, datetime] = {}
    for mail in book.mails(now - _LOOK_BACK):
        channel = mail.target.partition(":")[0] or "email"
        if mail.state == "sent" and mail.at > last.get(channel, mail.at - timedelta(1)):
            last[channel] = mail.at
    faults = []
    if swept is None and (work or last):
        faults.append("No sweep has gone well yet.")
    elif swept is not None and now - swept > SILENT_AFTER:
        faults.append(f"No sweep since {swept:%Y-%m-%d %H:%M} UTC.")
    if oldest is not None and now - oldest > LATE:
        faults.append(f"Work has been due since {oldest:%Y-%m-%d %H:%M} UTC.")
    faults += [
        f"{_channel(gate)} is paused until {gate.until:%Y-%m-%d %H:%M} UTC: {line(gate.reason)}."
        for gate in paused
    ]
    return {
        "well": not faults,
        "faults": faults,
        "lastSweep": text(swept) if swept else None,
        "due": len(due),
        "dueSince": text(oldest) if oldest else None,
        "later": sum(isinstance(row, CheckRow) for row in work if row not in due),
        "paused": [
            {"channel": _channel(gate), "until": text(gate.until), "reason": gate.reason} for gate in paused
        ],
        "lastMessage": {channel: text(at) for channel, at in sorted(last.items())},
    }


def _lines(found: dict[str, Any]) -> list[str]:
    lines = ["Well." if found["well"] else "Not well:", *(f"  {fault}" for fault in found["faults"])]
    swept = (
        f"{_moment(found['lastSweep'])} (written down every five minutes)"
        if found["lastSweep"]
        else "none yet"
    )
    lines.append(f"Last sweep: {swept}")
    since = f", since {_moment(found['dueSince'])}" if found["dueSince"] else ""
    lines.append(f"Due now: {found['due']}{since}. Checks for later: {found['later']}.")
    lines += [f"Last message by {channel}: {_moment(at)}" for channel, at in found["lastMessage"].items()]
    return lines if found["lastMessage"] else [*lines, "No message in the last 30 days."]


def _moment(written: str) -> str:
    return f"{datetime.fromisoformat(written):%Y-%m-%d %H:%M} UTC"


def _channel(gate: SendGate) -> str:
    return gate.target.partition(":")[0] or "email"
