"""A pause that an operator sets: nothing is sent before it is over, and all of it waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from local.settings_file import settings_here
from ops import ledger, storage, surroundings, terminal
from ops.preview import routes_of
from shared.durations import duration
from shared.store.codec import text
from shared.store.ledger import Ledger
from shared.store.protocol import Store
from shared.store.rows import SendGate

if TYPE_CHECKING:
    from shared.store.table import BrowsableTable

REASON = "paused by an operator"


def positive(value: str) -> str:
    """Return a duration on the command line back. Raises BadParameter."""
    try:
        if duration(value) > timedelta():
            return value
    except ValueError as error:
        raise typer.BadParameter(f"{value!r} {error}") from None
    raise typer.BadParameter(f"{value!r} is no time at all")


Channel = Annotated[str, typer.Option(metavar="NAME", help="One channel, such as email; else all.")]


def pause(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    length: Annotated[str, typer.Argument(metavar="DURATION", callback=positive, help="As 30m, 2h.")] = "1h",
    channel: Channel = "",
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Let nothing be sent for a while; what is to be told waits.

    A pause that is set already and ends later stays. A running app obeys within a minute.
    """
    with ledger.opened_table(context, account, table) as rows:
        store = Store(rows)
        until = surroundings.of(context).clock.now() + duration(length)
        paused = [(label, store.pause(until, REASON, gate).until) for label, gate in _gates(rows, channel)]
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json([{"channel": label, "until": text(end)} for label, end in paused])
        return
    for label, end in paused:
        print(f"{label}: nothing is sent before {end:%Y-%m-%d %H:%M} UTC.")


def resume(
    context: typer.Context,
    channel: Channel = "",
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """End a pause, whoever has set it.

    What waits goes with the next sweep.
    """
    with ledger.opened_table(context, account, table) as rows:
        store = Store(rows)
        resumed = [
            (label, bool(gate.etag) and store.resume(gate.target)) for label, gate in _gates(rows, channel)
        ]
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json([{"channel": label, "wasPaused": was} for label, was in resumed])
        return
    for label, was in resumed:
        print(f"{label}: {'may send again' if was else 'was not paused'}.")


def _gates(rows: BrowsableTable, channel: str) -> list[tuple[str, SendGate]]:
    """Return the gates of a channel's targets, or of all, with what people call them."""
    targets = routes_of(settings_here()).targets()
    stored = {gate.target: gate for gate in Ledger(rows).work() if isinstance(gate, SendGate)}
    labels = {target.key: target.label for target in targets.values()}
    labels |= {key: key.partition(":")[0] or "email" for key in stored if key not in labels}
    found = [
        (label, stored.get(key, SendGate(target=key)))
        for key, label in labels.items()
        if channel.lower() in {"", (key.partition(":")[0] or "email").lower()}
    ]
    if not found:
        known = ", ".join(sorted({key.partition(":")[0] or "email" for key in labels}))
        raise typer.BadParameter(
            f"{channel!r} is no channel in use: expected one of {known}", param_hint="--channel"
        )
    return found
