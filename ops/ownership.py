"""Whose table it is, shown and handed over."""

from __future__ import annotations

import logging
import re
import sys
from typing import Annotated

import typer

from local.settings_file import SettingsFileError
from ops import storage
from shared.setting_reader import SettingsError
from shared.store.ownership import hand_over, owner
from shared.store.table import TableError
from shared.text import line

_APP = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}")
"""The name of an app in Azure."""

NOT_DONE = 1
UNREADABLE = 2


def table(
    account: Annotated[str, typer.Option(metavar="URL", help="A storage account's table endpoint.")] = "",
    name: Annotated[str, typer.Option("--table", metavar="NAME", help="The table's name.")] = "",
    to: Annotated[
        str, typer.Option("--hand-over", metavar="APP", help="Make it the table of this function app.")
    ] = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show which function app the table belongs to, or hand it over to another.

    An app whose table it is not refuses to work. Stop the old app first: a process that has asked already
    goes on. Exit code 0: done. 1: not handed over. 2: the storage cannot be read.
    """
    if to and not _APP.fullmatch(to):
        raise typer.BadParameter(f"{to!r} is not the name of a function app")
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    try:
        place = storage.location(account, name)
        with storage.opened(place) as opened:
            known = owner(opened)
            since = f" since {known.since:%Y-%m-%d %H:%M} UTC" if known.since else ""
            print(f"The table {place.table} belongs to {line(known.name) or 'nobody'}{since}.")
            if not to:
                return
            if not yes and not typer.confirm(f"Hand it over to {to}?", default=False):
                raise typer.Exit(NOT_DONE)
            if not hand_over(opened, to, known):
                _complain("It changed hands at this moment: look again.")
                raise typer.Exit(NOT_DONE)
            print(f"It belongs to {to} now.")
    except (TableError, SettingsError, SettingsFileError, ValueError) as error:
        _complain(str(error))
        raise typer.Exit(UNREADABLE) from None


def _complain(words: str) -> None:
    print(line(words), file=sys.stderr)
