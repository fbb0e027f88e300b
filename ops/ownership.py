"""Whose table it is, shown and handed over."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from ops import ledger, storage, terminal
from shared.store.codec import text
from shared.store.ledger import Ledger
from shared.store.ownership import hand_over, owner
from shared.store.rows import MailRow
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.store.ownership import TableOwner
    from shared.store.table import BrowsableTable

_APP = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}")
"""The name of an app in Azure."""


def table(
    context: typer.Context,
    account: storage.Account = "",
    name: storage.Table = "",
    to: Annotated[
        str, typer.Option("--hand-over", metavar="APP", help="Make it the table of this function app.")
    ] = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show which app the table belongs to, or hand it over.

    Mails in doubt are counted, too. An app whose table it is not refuses to work. Stop the old app first: a
    process that has asked already goes on. Exit code 0: done. 1: not handed over. 2: the storage cannot be
    read.
    """
    if to and not _APP.fullmatch(to):
        raise typer.BadParameter(f"{to!r} is not the name of a function app", param_hint="--hand-over")
    is_json = terminal.is_json(output, as_json=as_json)
    if is_json and to and not yes:
        raise typer.BadParameter("JSON is for programs, which nobody can ask", param_hint="--yes")
    with ledger.opened_table(context, account, name) as opened:
        called = storage.location(account, name).table
        known = owner(opened)
        if not is_json:
            since = f" since {known.since:%Y-%m-%d %H:%M} UTC" if known.since else ""
            print(f"The table {called} belongs to {line(known.name) or 'nobody'}{since}.")
        if to:
            if not yes and not terminal.is_confirmed(f"Hand it over to {to}?"):
                raise ledger.NotDoneError(terminal.NOT_CONFIRMED)
            if not hand_over(opened, to, known):
                raise ledger.NotDoneError("It changed hands at this moment: look again.")
            known = owner(opened)
        if is_json:
            terminal.print_json(_as_object(called, known, in_doubt(opened)))
        else:
            print(f"It belongs to {to} now." if to else _doubts(in_doubt(opened)))


def in_doubt(opened: BrowsableTable) -> Counter[str]:
    """Return how many mails a mail service may have taken that has not answered, by its name."""
    rows = (row for row in Ledger(opened).work() if isinstance(row, MailRow))
    bound = (row.mail.bound for row in rows if row.is_in_doubt)
    return Counter(each.service for each in bound if each and each.service)


def _as_object(name: str, known: TableOwner, doubts: Mapping[str, int]) -> dict[str, object]:
    since = text(known.since) if known.since else None
    return {"table": name, "owner": known.name or None, "since": since, "inDoubt": dict(doubts)}


def _doubts(found: Mapping[str, int]) -> str:
    """Return whether the mail service before a switch is still needed."""
    if not found:
        return "No mail is in doubt: EMAIL_PREVIOUS can go."
    listed = ", ".join(f"{number} at {line(service)}" for service, number in sorted(found.items()))
    return f"Mails in doubt: {listed}. EMAIL_PREVIOUS has to stay as long as it names one of these."
