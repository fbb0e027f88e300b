"""Silences: what nobody is to be told for a while."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from local.settings_file import settings_here
from ops import ledger, storage, surroundings, terminal
from ops.pause import positive
from ops.preview import routes_of
from ops.text_table import fitted
from shared import keys
from shared.documents import near
from shared.durations import duration
from shared.notices.kinds import ABOUT_CLUSTERS
from shared.routes.silences import Silence, matcher, read, write
from shared.store import codec
from shared.store.ledger import Ledger
from shared.store.rows import SendGate
from shared.store.table import Conflict, Operation, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.routes import Condition
    from shared.store.table import BrowsableTable

app = typer.Typer(help="What nobody is to be told for a while.", no_args_is_help=True, add_completion=False)

_MAX_SILENCES = 100
"""Silences at a time: each gate bears all of them."""


def _condition(text: str) -> Condition:
    try:
        return matcher(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command("add")
def add(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    match: Annotated[list[str], typer.Option(metavar="FIELD=GLOB", help="As in routes; all have to hold.")],
    comment: Annotated[str, typer.Option(metavar="TEXT", help="Why, for whoever asks.")],
    length: Annotated[str, typer.Option("--for", metavar="8h", help="For how long.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Until when, in ISO 8601.")] = "",
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", metavar="K", help="Kinds of notices; else all but failures.")
    ] = None,
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Silence news that meets all matchers, until a time.

    They are recorded all the same. Failures, and what else is urgent, are silenced by --kind alone.
    """
    if bool(length) == bool(until):
        raise typer.BadParameter("give one of --for and --until", param_hint="--for")
    if not comment.strip():
        raise typer.BadParameter("say why", param_hint="--comment")
    now = surroundings.of(context).clock.now()
    end = now + duration(positive(length)) if length else terminal.moment(until)
    if end <= now:
        raise typer.BadParameter("is over already", param_hint="--until")
    named = tuple(dict.fromkeys(part.strip().lower() for kind in kinds or () for part in kind.split(",")))
    if unknown := [kind for kind in named if kind not in ABOUT_CLUSTERS]:
        known = ", ".join(ABOUT_CLUSTERS)
        raise typer.BadParameter(
            f"{unknown[0]!r} is no kind: expected one of {known}{near(unknown[0], ABOUT_CLUSTERS)}",
            param_hint="--kind",
        )
    made = Silence(
        id=secrets.token_hex(4),
        conditions=tuple(map(_condition, match)),
        kinds=named,
        until=end,
        comment=comment.strip(),
        created=now,
    )
    with ledger.opened_table(context, account, table) as rows:
        _change(
            rows, [*_active(rows, now), made], Operation(Verb.INSERT, keys.silence(made.id), _values(made))
        )
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json(_as_object(made))
    else:
        print(f"Silence {made.id}: {_said(made)}, until {made.until:%Y-%m-%d %H:%M} UTC.")


@app.command("list")
def list_(
    context: typer.Context,
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """List the silences that hold."""
    with ledger.opened_table(context, account, table) as rows:
        found = _active(rows, surroundings.of(context).clock.now())
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json([_as_object(silence) for silence in found])
    elif found:
        cells = [
            (silence.id, f"{silence.until:%Y-%m-%d %H:%M}", _said(silence), silence.comment)
            for silence in found
        ]
        print(fitted(("ID", "UNTIL (UTC)", "WHAT", "COMMENT"), cells))
    else:
        print("No silences.")


@app.command("expire")
def expire(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `silence list` has it.")],
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """End a silence now."""
    now = surroundings.of(context).clock.now()
    with ledger.opened_table(context, account, table) as rows:
        active = _active(rows, now)
        found = [silence for silence in active if silence.id == id_.lower()]
        if not found:
            raise ledger.NotDoneError(f"There is no silence {id_!r}.")
        ended = msgspec.structs.replace(found[0], until=now)
        row = Operation(Verb.UPSERT, keys.silence(ended.id), _values(ended))
        _change(rows, [silence for silence in active if silence.id != ended.id], row)
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json(_as_object(ended))
    else:
        print(f"Ended: {ended.id}.")


def stored(rows: BrowsableTable) -> dict[str, Silence]:
    """Return all silences that are stored, ended ones among them, by their ids."""
    page = rows.query(keys.SILENCES, keys.SILENCES + keys.AFTER)
    found = [silence for row in page.rows for silence in read(str(row.values.get("silence", "")))]
    return {silence.id: silence for silence in found}


def _active(rows: BrowsableTable, now: datetime) -> list[Silence]:
    found = [silence for silence in stored(rows).values() if silence.until > now]
    return sorted(found, key=lambda silence: (silence.until, silence.id))


def _change(rows: BrowsableTable, silences: Sequence[Silence], row: Operation) -> None:
    """Write a silence's row, and all that hold to every gate: so no sweep has to look for them."""
    if len(silences) > _MAX_SILENCES:
        raise ledger.NotDoneError(f"There are {_MAX_SILENCES} silences already: let some expire.")
    text = write(msgspec.structs.replace(silence, comment="") for silence in silences)
    if len(text) > codec.MAX_TEXT_UNITS:
        raise ledger.NotDoneError("The silences are too long together: let some expire.")
    there = {gate.target for gate in Ledger(rows).work() if isinstance(gate, SendGate)}
    targets = {"", *routes_of(settings_here()).targets(), *there}
    try:
        gates = [
            Operation(
                Verb.UPSERT,
                keys.gate(target),
                {"kind": "pause", "silences": text},
            )
            for target in sorted(targets)
        ]
        rows.commit([row, *gates])
    except Conflict:
        raise ledger.NotDoneError("Somebody else has changed it at this moment.") from None


def _values(silence: Silence) -> dict[str, str]:
    return {"kind": "silence", "silence": write([silence]), "until": codec.text(silence.until)}


def _said(silence: Silence) -> str:
    asked = " and ".join(f"{each.field} {' or '.join(each.globs)}" for each in silence.conditions)
    return f"{asked}: {', '.join(silence.kinds) or 'all but failures'}"


def _as_object(silence: Silence) -> dict[str, object]:
    return {
        "id": silence.id,
        "match": {each.field: list(each.globs) for each in silence.conditions},
        "kinds": list(silence.kinds),
        "until": codec.text(silence.until),
        "comment": silence.comment,
        "created": codec.text(silence.created),
    }
