"""What handling adds on further paths: a Scheduled, a duplicate, and a failure that is mailed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from azure.communication.email import EmailClient
from azure.core.credentials import AzureKeyCredential

from bench import app, calls
from bench.figures import Figure, in_turns, millis
from shared.channels.email.acs import API_VERSION
from shared.channels.email.endpoint import parse_connection_string
from testing.child_process import ChildProcess, environment
from testing.processes import ROOT
from testing.samples.payloads import event, scheduled

if TYPE_CHECKING:
    from azure.data.tables import TableClient

    from bench.calls import Call

TURNS = 120

SAMPLES = 4
"""Events whose calls are taken note of, to be made again."""

TABLE = "paths"
"""A table of its own: Azurite's queries take longer the more is stored, which would hide what is ours."""

SETTINGS = {
    "NOTIFIER_TABLE": TABLE,
    "EMAIL_FOLDER": "",
    "EMAIL_PER_MINUTE": "1000000",
    "EMAIL_PER_HOUR": "1000000",
    "GROUP_INTERVAL": "0s",
}
"""Without an interval, every failure is mailed at once: the fourth within one would go into a digest."""

_SIGN = "endpoint="


class Path(msgspec.Struct, frozen=True):
    """A path through the handler: its event, anew for every call, and the calls it makes of the SDKs."""

    name: str
    what: str
    text: Callable[[], str]
    methods: tuple[str, ...]
    known: bool = False
    """Whether the event is known already."""


class MailService(ChildProcess):
    """The stand-in for the mail service as a process, which shares no interpreter with what is measured."""

    def start(self) -> None:
        """Start it and wait until it has said where it is."""
        self._spawn([sys.executable, "-m", "testing.mail_endpoint"], environment({}), ROOT)
        self._wait_for(lambda output: _SIGN in output and output.endswith("\n"), "The mail service")

    @property
    def connection_string(self) -> str:
        """What `EMAIL_CONNECTION_STRING` takes."""
        return self.output().strip()


def paths() -> list[Path]:
    """Return the paths in the order in which they are shown."""
    return [
        Path("scheduled", "a new Scheduled", _scheduled, ("query_entities", "submit_transaction")),
        Path("duplicate", "a duplicate", _started, ("submit_transaction", "get_entity"), known=True),
        Path(
            "failed",
            "a failure, mailed at once",
            _failed,
            ("query_entities", "submit_transaction", "begin_send", "submit_transaction"),
        ),
    ]


def figures(endpoint: str) -> list[Figure]:
    """Compare each path with its bare calls."""
    with MailService() as service:
        url, key = parse_connection_string(service.connection_string)
        given = app.settings(endpoint, EMAIL_CONNECTION_STRING=service.connection_string, **SETTINGS)
        with (
            app.loaded(given) as functions,
            app.bare(endpoint, table=TABLE) as client,
            EmailClient(url, AzureKeyCredential(key), api_version=API_VERSION) as mail,
        ):
            functions["due_notices"](app.TIMER)  # makes the table
            take = functions["maintenance_events"]
            return [_compare(path, take, client, mail) for path in paths()]


def _compare(path: Path, take: Callable[[str], object], client: TableClient, mail: EmailClient) -> Figure:
    take(path.text())  # the first mail opens the mailer, and makes the row of the pause
    made = [_noted(path, take) for _ in range(SAMPLES)]
    texts = [text for text, _ in made] if path.known else [path.text() for _ in range(TURNS + 1)]
    again = [seen if path.known else calls.anew(seen) for _, seen in _repeated(made, TURNS + 1)]
    pair = in_turns(
        lambda number: take(texts[number % len(texts)]),
        lambda number: calls.make(client, again[number], mail),
        turns=TURNS,
    )
    return Figure(
        f"handling.{path.name}",
        f"{path.what}, on the loopback",
        pair.ratio,
        floor="the same SDK calls, bare",
        ours=millis(pair.ours),
        bare=millis(pair.bare),
    )


def _repeated(made: list[tuple[str, list[Call]]], number: int) -> list[tuple[str, list[Call]]]:
    return [made[place % len(made)] for place in range(number)]


def _noted(path: Path, take: Callable[[str], object]) -> tuple[str, list[Call]]:
    """Let an event be taken; give it, and the calls that were made."""
    text = path.text()
    if path.known:
        take(text)
    with calls.noted() as seen:
        take(text)
    found = tuple(call.method for call in seen)
    assert found == path.methods, found
    return text, list(seen)


def _started() -> str:
    return event("Started", datetime.now(UTC), **app.of_its_own())


def _failed() -> str:
    return event("Failed", datetime.now(UTC), **app.of_its_own())


def _scheduled() -> str:
    return scheduled(datetime.now(UTC), timedelta(days=9), **app.of_its_own())
