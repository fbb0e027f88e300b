"""The ledger: what came in, what was told to whom and why, what waits, what was rejected.

    python -m ops.ledger list [events|work|sent|rejected] [--cluster GLOB] [--since 7d] [--limit N] [--json]
    python -m ops.ledger show KEY|EVENT_ID|OPERATION_ID [--raw]
    python -m ops.ledger resend OPERATION_ID [--yes]

The storage is that of the app's settings, from the environment and, where it lacks them, from
local.settings.json; or `--account https://NAME.table.core.windows.net [--table NAME]`. Without a connection
string it is read with your own identity, such as that of `az login`: Storage Table Data Reader is enough for
list and show, resend wants Storage Table Data Contributor. Ids may be cut short, as the tables have them.
All times are UTC. Duplicates and ignored events leave no row: the app's log has them.

resend puts a new mail into work that tells the same to the same audience, as of now, and names the one that
it repeats; the next sweep sends it. A mail that still waits, or whose repetition does, is not resent.

Exit code 0: done. 1: there is no such entry, or several; the mail is not to be resent, or that was not
confirmed. 2: the storage cannot be read, or the settings or the command line are wrong.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from local.settings_file import SettingsFileError
from ops import ledger_details, ledger_tables, storage
from ops.entries import Clusters, choose
from ops.ledger_json import as_json
from shared import keys
from shared.clock import SystemClock
from shared.durations import duration
from shared.setting_reader import SettingsError
from shared.store import blobs, codec
from shared.store.ledger import Ledger, ResendRefused
from shared.store.table import TableError
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.clock import Clock
    from shared.notices.records import SentMail

NOT_DONE = 1
UNREADABLE = 2
"""Exit codes; the second is argparse's own for a wrong command line."""

_WHAT = ("events", "sent", "work", "rejected")
_FEW = 5
_MANY = 20
_MIN = 4
"""Characters of an id."""

_HINTS = {
    "not authorized": "the roles are Storage Table Data Reader, and Contributor for resend",
    "retrieve a token": "az login gives you an identity that is found",
}


class NotDoneError(Exception):
    """What was asked for cannot be done. The message is a sentence that says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; give the exit code."""
    chosen = parser().parse_args(arguments)
    # Rows that cannot be read are worth a line; what the SDK has to say comes as an exception.
    logging.basicConfig(format="ops.ledger: %(message)s", level=logging.WARNING)
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    try:
        place = storage.location(chosen.account, chosen.table)
        with storage.opened(place) as table:
            code = run(chosen, Ledger(table), SystemClock())
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read this has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (NotDoneError, ResendRefused) as error:
        return _complain(str(error), NOT_DONE)
    except (TableError, SettingsError, SettingsFileError, ValueError) as error:
        hints = [hint for sign, hint in _HINTS.items() if sign in str(error)]
        return _complain(": ".join([str(error).rstrip("."), *hints]), UNREADABLE)
    return code


def run(chosen: argparse.Namespace, ledger: Ledger, clock: Clock) -> int:
    """Do what was asked for; give the exit code. Raises NotDoneError, ResendRefused, TableError."""
    if chosen.command == "list":
        return _list(chosen, ledger, clock.now())
    if chosen.command == "show":
        return _show(chosen, ledger, clock.now())
    return _resend(chosen, ledger, clock)


def parser() -> argparse.ArgumentParser:
    """Make the reader of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m ops.ledger", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--account", default="", metavar="URL", help="a storage account's table endpoint")
    place.add_argument("--table", default="", metavar="NAME", help="the table's name")
    commands = made.add_subparsers(required=True, metavar="COMMAND", dest="command")

    list_ = commands.add_parser("list", parents=[place], help="what is stored, the latest first")
    list_.add_argument("what", nargs="?", choices=_WHAT, help="without it: a few of each")
    list_.add_argument("--cluster", default="", metavar="GLOB", help="by name, or, with a slash, resource ID")
    list_.add_argument("--since", default="7d", type=_since, metavar="7d", help="all but work (default 7d)")
    list_.add_argument("--limit", type=_limit, metavar="N", help="rows of each (default 20, or 5; JSON: all)")
    list_.add_argument("--json", action="store_true", help="as an object with an array of each")

    show = commands.add_parser("show", parents=[place], help="one entry, whole")
    show.add_argument("name", metavar="KEY|EVENT_ID|OPERATION_ID")
    show.add_argument("--raw", action="store_true", help="what was received, byte for byte")

    resend = commands.add_parser("resend", parents=[place], help="tell again what a mail told")
    resend.add_argument("name", metavar="OPERATION_ID")
    resend.add_argument("--yes", action="store_true", help="do not ask")
    return made


def _list(chosen: argparse.Namespace, ledger: Ledger, now: datetime) -> int:
    what = [chosen.what] if chosen.what else list(_WHAT)
    if chosen.cluster and chosen.what == "rejected":
        raise ValueError("rejected input is of no cluster: list rejected takes no --cluster")
    if chosen.cluster:
        what = [each for each in what if each != "rejected"]
    clusters = Clusters(ledger)
    entries = choose(ledger, what, now - duration(chosen.since), chosen.cluster, clusters)
    if chosen.json:
        print(as_json(entries, chosen.limit))
        return 0
    limit = chosen.limit or (_MANY if chosen.what else _FEW)
    since = f"the last {chosen.since}"
    print(ledger_tables.lists(entries, clusters, since=since, now=now, limit=limit))
    return 0


def _show(chosen: argparse.Namespace, ledger: Ledger, now: datetime) -> int:
    key = _one(ledger, chosen.name)
    if chosen.raw:
        return _raw(ledger, key)
    if key.startswith("event:"):
        prefix = keys.history_of(key)
        print(ledger_details.maintenance(ledger, prefix, key, now))
        return 0
    row = ledger.row(key)
    if row is None:
        raise NotDoneError(f"{key} has gone at this moment.")
    kind = row.values.get("kind")
    if kind == "sent":
        print(ledger_details.outcome(ledger, codec.sent(row)))
    elif kind == "mail":
        print(ledger_details.waiting_mail(ledger, codec.mail_row(row)))
    else:
        print(ledger_details.plain(row))
    return 0


def _raw(ledger: Ledger, key: str) -> int:
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
        _complain(f"only the first {len(raw)} of {row.values['size']} bytes are kept", 0)
    return 0


def _one(ledger: Ledger, name: str) -> str:
    """Find the one key that a name stands for; for several events of one maintenance, their prefix."""
    if len(name) < _MIN:
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


def _resend(chosen: argparse.Namespace, ledger: Ledger, clock: Clock) -> int:
    sent = _settled(ledger, chosen.name)
    resend = ledger.resending(sent, clock.now())
    operation_id = resend.mail.operation_id
    print(ledger_details.outcome(ledger, sent), end="\n\n")
    print(
        f"A new mail, {operation_id}, will tell audience {line(sent.audience)} the same,\n"
        "as of now, at the addresses that it has by then. The next sweep sends it."
    )
    if not chosen.yes and not _confirmed():
        raise NotDoneError("Not confirmed: nothing was done.")
    mail = msgspec.structs.replace(resend.mail, as_of=clock.now())
    ledger.resend(msgspec.structs.replace(resend, mail=mail), uuid4().hex)
    print(f"It waits to be sent: {operation_id}")
    return 0


def _settled(ledger: Ledger, name: str) -> SentMail:
    """Find the mail to be resent. Raises NotDoneError; ResendRefused where it still waits."""
    key = _one(ledger, name)
    row = ledger.row(key) if not key.startswith("event:") else None
    kind = row.values.get("kind") if row else ""
    if row is not None and kind == "sent":
        return codec.sent(row)
    if kind == "mail":
        raise ResendRefused(f"It is waiting to be sent ({key}): the sweep sends it.")
    raise NotDoneError(f"{key} is no mail.")


def _confirmed() -> bool:
    try:
        return input("Resend it? [y/N] ").strip().lower() in {"y", "yes"}
    except (EOFError, KeyboardInterrupt):
        return False


def _since(value: str) -> str:
    try:
        duration(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{value!r} {error}") from None
    return value


def _limit(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of rows")
    return int(value)


def _complain(words: str, code: int) -> int:
    print(f"ops.ledger: {line(words)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
