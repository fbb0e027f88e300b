"""The ledger: what came in, what was told to whom and why, what waits, what was rejected.

All times are UTC. Ids may be cut short, as the tables have them.
"""

from __future__ import annotations

import logging
import re
import sys
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NoReturn
from uuid import uuid4

import msgspec
import typer

from ops import ledger_details, ledger_tables, storage, surroundings, terminal
from ops.ledger_json import as_object, entry
from ops.ledger_query import Clusters, choose
from shared import keys
from shared.durations import duration
from shared.setting_reader import SettingsError
from shared.store import blobs, codec
from shared.store.ledger import Ledger, ResendRefused
from shared.store.table import TableError
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from shared.clock import Clock
    from shared.notices.records import SentMail
    from shared.store.table import BrowsableTable

_FEW = 5
_MANY = 20
_MIN_CHARACTERS = 4
"""Characters of an id."""

_HINTS = {
    "not authorized": "the roles are Storage Table Data Reader, and Contributor for what writes",
    "retrieve a token": "az login gives you an identity that is found",
}

_DEVELOPMENT_PORT = "10002"
"""Azurite's, where `make run` starts it."""
_HERE = re.compile(r"host='(127\.0\.0\.1|localhost)', port=(\d+)")


class NotDoneError(Exception):
    """What was asked for cannot be done. The message is a sentence that says why."""


class What(StrEnum):
    """What the ledger holds."""

    EVENTS = "events"
    SENT = "sent"
    WORK = "work"
    REJECTED = "rejected"


def _since(value: str) -> str:
    try:
        duration(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r} {error}") from None
    return value


Since = Annotated[str, typer.Option(callback=_since, metavar="7d", help="How far back.")]


def list_(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    what: Annotated[What | None, typer.Argument(help="One of them; else a few of each.")] = None,
    cluster: Annotated[
        str, typer.Option(metavar="GLOB", help="By name, or, with a slash, by resource ID.")
    ] = "",
    since: Since = "7d",
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Rows of each (20, or 5; of JSON all).")
    ] = None,
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """List what came in, was told, waits or was rejected.

    The latest comes first. Duplicates leave no row: the app's log has them.
    """
    if cluster and what is What.REJECTED:
        raise typer.BadParameter("rejected input is of no cluster", param_hint="--cluster")
    with opened(context, account, table) as ledger:
        now = surroundings.of(context).clock.now()
        wanted = [what] if what else [each for each in What if not cluster or each is not What.REJECTED]
        clusters = Clusters(ledger)
        entries = choose(ledger, wanted, now - duration(since), cluster, clusters)
        if terminal.is_json(output, as_json=as_json):
            terminal.print_json(as_object(entries, limit))
            return
        print(
            ledger_tables.lists(
                entries,
                clusters,
                since=f"the last {since}",
                now=now,
                limit=limit or (_MANY if what else _FEW),
            )
        )


def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="KEY|EVENT_ID|OPERATION_ID")],
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
    raw: Annotated[bool, typer.Option("--raw", help="What was received, byte for byte.")] = False,
) -> None:
    """Show one entry of the ledger, whole. Exit code 1: there is no such entry, or several."""
    with opened(context, account, table) as ledger:
        key = one(ledger, name)
        if raw:
            _raw(ledger, key)
        elif terminal.is_json(output, as_json=as_json):
            terminal.print_json(entry(ledger, key) or _gone(key))
        else:
            print(_shown(ledger, key, surroundings.of(context).clock.now()))


def resend(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="OPERATION_ID")],
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Tell again what a mail told.

    To the same audience, as of now, under a new id that names the old one. The next sweep sends it. A mail
    that still waits, or whose repetition does, is not resent: exit code 1.
    """
    is_json = terminal.is_json(output, as_json=as_json)
    if is_json and not yes:
        raise typer.BadParameter("JSON is for programs, which nobody can ask", param_hint="--yes")
    with opened(context, account, table) as ledger:
        _resend(ledger, name, surroundings.of(context).clock, yes=yes, is_json=is_json)


@contextmanager
def opened(context: typer.Context, account: str, table: str) -> Iterator[Ledger]:
    """Open the ledger of the settings, or of an account; what goes wrong inside is an error of one line."""
    with opened_table(context, account, table) as found:
        yield Ledger(found)


@contextmanager
def opened_table(context: typer.Context, account: str, table: str) -> Iterator[BrowsableTable]:
    """Open the table of the settings, or of an account; what goes wrong inside is an error of one line."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)  # a row that cannot be read is a line
    with telling(), surroundings.of(context).open_table(storage.location(account, table)) as found:
        yield found


@contextmanager
def telling() -> Iterator[None]:
    """Make an error of one line, and its exit code, of what goes wrong inside."""
    try:
        yield
    except (NotDoneError, ResendRefused) as error:
        raise terminal.refused(error, terminal.NO) from None
    except (TableError, SettingsError, ValueError) as error:
        if "Connection refused" in str(error) and (address := _HERE.search(str(error))):
            hint = "; make run starts one" if address[2] == _DEVELOPMENT_PORT else ""
            raise terminal.refused(f"no storage is running at {address[1]}:{address[2]}{hint}") from None
        hints = [hint for sign, hint in _HINTS.items() if sign in str(error)]
        raise terminal.refused(": ".join([str(error).rstrip("."), *hints])) from None


def _shown(ledger: Ledger, key: str, now: datetime) -> str:
    if key.startswith("event:"):
        return ledger_details.maintenance(ledger, keys.history_of(key), key, now)
    row = ledger.row(key)
    if row is None:
        _gone(key)
    match row.values.get("kind"):
        case "sent":
            return ledger_details.outcome(ledger, codec.sent(row))
        case "mail":
            return ledger_details.waiting_mail(ledger, codec.mail_row(row))
    return ledger_details.plain(row)


def _gone(key: str) -> NoReturn:
    raise NotDoneError(f"{key} has gone at this moment.")


def _raw(ledger: Ledger, key: str) -> None:
    if key.startswith("event:") and key.endswith(":"):
        events = [received.key for received in ledger.history(key)]
        if len(events) > 1:
            raise NotDoneError(f"There are several, ask for one of them: {', '.join(events)}")
        key = events[0]
    row = ledger.row(key)
    if row is None or "raw0" not in row.values:
        raise NotDoneError(f"{key} holds nothing that was received.")
    raw = blobs.unpack_bytes(row.values)
    sys.stdout.flush()
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()
    if len(raw) < row.values["size"]:
        terminal.complain(f"only the first {len(raw)} of {row.values['size']} bytes are kept")


def one(ledger: Ledger, name: str) -> str:
    """Find the one key that a name stands for; for several events of one maintenance, their prefix."""
    if len(name) < _MIN_CHARACTERS:
        raise NotDoneError(f"{name!r} is too short for an id.")
    found = ledger.find(name)
    if found == [name]:
        return name
    prefixes = [keys.history_of(key) if key.startswith("event:") else key for key in found]
    settled = {key.removeprefix("sent:") for key in prefixes if key.startswith("sent:")}
    # A mail that is settled may for a moment wait as well.
    waits = {key for key in prefixes if key.startswith("work:")}
    subjects = set(prefixes) - {key for key in waits if key.rpartition(":")[2] in settled}
    if len(subjects) == 1:
        (subject,) = subjects
        full = [key for key in found if key == name or len(found) == 1]
        return full[0] if full and subject.startswith("event:") else subject
    if subjects:
        shown = ", ".join(sorted(subjects)[:10])
        raise NotDoneError(f"There are {len(subjects)} entries of this name: {shown}")
    raise NotDoneError(f"There is no entry {name!r}.")


def _resend(ledger: Ledger, name: str, clock: Clock, *, yes: bool, is_json: bool) -> None:
    sent = _settled(ledger, name)
    resend = ledger.resending(sent, clock.now())
    operation_id = resend.mail.operation_id
    if not is_json:
        print(ledger_details.outcome(ledger, sent), end="\n\n")
        print(
            f"A new mail, {operation_id}, will tell audience {line(sent.audience)} the same,\n"
            "as of now, at the addresses that it has by then. The next sweep sends it."
        )
    if not yes and not terminal.is_confirmed("Resend it?"):
        raise NotDoneError(terminal.NOT_CONFIRMED)
    mail = msgspec.structs.replace(resend.mail, as_of=clock.now())
    ledger.resend(msgspec.structs.replace(resend, mail=mail), uuid4().hex)
    if is_json:
        facts = {"operationId": operation_id, "repeats": mail.repeats, "audience": mail.audience}
        terminal.print_json(facts)
    else:
        print(f"It waits to be sent: {operation_id}")


def _settled(ledger: Ledger, name: str) -> SentMail:
    """Find the mail to be resent. Raises NotDoneError; ResendRefused where it still waits."""
    key = one(ledger, name)
    row = ledger.row(key) if not key.startswith("event:") else None
    kind = row.values.get("kind") if row else ""
    if row is not None and kind == "sent":
        return codec.sent(row)
    if kind == "mail":
        raise ResendRefused(f"It is waiting to be sent ({key}): the sweep sends it.")
    raise NotDoneError(f"{key} is no mail.")
