"""Where demos play: Azurite, the local host with its timers, and the folder that the emails go to.

What has come of a story is read back from the table and from the folder.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from azure.data.tables import TableClient

from local.interruption import INTERRUPTED
from shared import keys
from shared.audience import DEFAULT_AUDIENCE
from shared.pages import tokens
from shared.store import codec
from shared.store.azure import AzureTable
from shared.store.rows import Token
from shared.store.table import Operation, Verb
from testing.processes import Azurite, Host, ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from shared.notices.records import SentMail
    from shared.store.table import Stored

SETTINGS = {
    "EMAIL_FROM": "aks-notifier@example.com",
    "TIME_ZONE": "Europe/Berlin",
    "SWEEP_SCHEDULE": "* * * * * *",
    "LEASE": "10s",
    "PAGES": "true",
}

PATIENCE_SECONDS = 30.0
"""Seconds to wait for an email before a demo calls it missing."""


class Sandbox:
    """A context manager: what it starts ends with it. The emails and the host's log are in `out`."""

    def __init__(self, out: Path, settings: Mapping[str, str]) -> None:
        self.mail = out / "mail"
        self._log = out / "host.log"
        self._settings = settings
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        shutil.rmtree(self.mail, ignore_errors=True)
        self.mail.mkdir(parents=True)
        print("Starting Azurite and the local host …", flush=True)
        with ExitStack() as stack:
            azurite = stack.enter_context(Azurite())
            settings = {
                "NOTIFIER_STORAGE": azurite.connection_string,
                "EMAIL_FOLDER": str(self.mail),
                **SETTINGS,
                **self._settings,
            }
            self.host = stack.enter_context(Host(settings, timers=True, log=self._log))
            client = TableClient.from_connection_string(azurite.connection_string, "notifier")
            stack.callback(client.close)
            self.table = AzureTable(client)
            self._stack = stack.pop_all()
        say("listening", self.host.url)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def gallery(self) -> Path:
        """The page that shows all emails."""
        return self.mail / "index.html"

    @property
    def page(self) -> Path:
        """The status page, as it was at the end."""
        return self.mail.parent / "status.html"

    def keep_pages(self) -> None:
        """Write the status page and the calendar down, for the host ends with the sandbox."""
        made = tokens.new()
        hashed = tokens.hashed(made)
        values = codec.token_values(Token(hashed, DEFAULT_AUDIENCE, datetime.now(UTC)))
        self.table.commit([Operation(Verb.INSERT, keys.token(hashed), values)])
        for path, file in (("status/{}", self.page), ("calendar/{}.ics", self.page.with_suffix(".ics"))):
            file.write_text(self.host.request("GET", "/" + path.format(made)).text, "utf-8")

    def rows(self, first: str, last: str) -> list[Stored]:
        """Return all rows of a range."""
        found: list[Stored] = []
        while first:
            page = self.table.query(first, last)
            found += page.rows
            first = keys.following(page.last) if page.more else ""
        return found

    def sent(self) -> dict[str, SentMail]:
        """Return what the table says of each mail, by its id."""
        rows = self.rows("sent:", "sent:" + keys.AFTER)
        return {row.key.removeprefix("sent:"): codec.sent(row) for row in rows}

    def written(self) -> set[str]:
        """Return the ids of the mails in the folder."""
        return {path.stem for path in self.mail.glob("*.eml")}

    def undone(self) -> Counter[str]:
        """Count what is still to be done, by kind."""
        return Counter(str(row.values["kind"]) for row in self.rows("work:1", "work;"))


class Narrator:
    """Tells a story in a sandbox, and keeps what is not as it should be."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.wrong: list[str] = []

    def wait(self, known: Container[str], count: int) -> list[str]:
        """Return the subjects of the mails beside the known ones, once there are so many or patience ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            new = [sent for id_, sent in self.sandbox.sent().items() if id_ not in known]
            if len(new) >= count or time.monotonic() > deadline:
                return [sent.subject for sent in sorted(new, key=lambda sent: (sent.at, sent.subject))]
            time.sleep(0.2)

    def complain(self, what: str) -> None:
        """Print, and keep, what is not as it should be."""
        self.wrong.append(what)
        print(f"            ✗  {what}", flush=True)


def say(what: str, came: str) -> None:
    """Print a line of the story."""
    print(f"  {datetime.now(UTC):%H:%M:%S}  {what:<60} {came}", flush=True)


def complain(wrong: list[str]) -> int:
    """Print what was not as it should be; return the exit code."""
    for one in wrong:
        print(f"Not as it should be: {one}")
    return 1 if wrong else 0


def command(program: str, what: str, out: Path, run: Callable[[Path], int]) -> int:
    """Play a story as a command that is told where its emails go; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=what)
    parser.add_argument("--out", type=Path, default=out, help="folder for the emails and the host's log")
    given = parser.parse_args().out.resolve()
    return play(lambda: run(given))


def play(story: Callable[[], int]) -> int:
    """Play a story as a command, which may be interrupted; return the exit code."""
    try:
        return story()
    except KeyboardInterrupt:
        print("\nInterrupted.")
        return INTERRUPTED
    except ProcessError as error:
        print(error, file=sys.stderr)
        return 1
