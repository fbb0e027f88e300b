"""Alerts are promises: each one's query, as deployed, is run over the lines that the app really logs.

It fires in the situation that it is about, and nowhere else: not in another's, not in a quiet hour. The
engine is duckdb-kql; the rows have columns of a workspace's AppTraces and AppRequests.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import duckdb
import duckdb_kql
import pytest

from shared.channels.channel import Temper
from shared.channels.outcomes import Gone, Refused, Throttled, Unavailable
from testing.asking_world import TABLE, asking
from testing.samples import graph_rows
from testing.samples.payloads import event
from testing.scripted_channel import ScriptedChannels
from testing.world import World
from tests.infra import deployments, policy
from tests.infra.kql import findings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.channels.outcomes import Outcome

pytestmark = pytest.mark.slow

QUERIES = {
    alert: rule["properties"]["criteria"]["allOf"][0]["query"]
    for alert, rule in policy.log_rules(deployments.read(deployments.texts()["asks"])).items()
}
ROUTES = "{audiences: [{name: shop, scripted: [chat]}], routes: [{audiences: [shop]}]}"
LEVELS = {logging.DEBUG: 0, logging.INFO: 1, logging.WARNING: 2, logging.ERROR: 3, logging.CRITICAL: 4}
"""Application Insights' severity of what the worker logs."""


class Hour:
    """An hour of the app: what it logs goes to AppTraces, what it runs to AppRequests."""

    def __init__(
        self,
        caplog: pytest.LogCaptureFixture,
        world: World | None = None,
        *,
        reconciles: bool = True,
        **settings: str,
    ) -> None:
        self.world = world or World(**settings)
        self._caplog = caplog
        caplog.set_level(logging.INFO)
        self._log = duckdb.connect()
        self._log.execute("create table AppTraces(Message varchar, SeverityLevel int, OperationName varchar)")
        self._log.execute("create table AppRequests(Name varchar, Success boolean)")
        if reconciles:
            self.run("reconcile", lambda: None)

    def run(self, name: str, body: Callable[[], object]) -> None:
        """Run a function as the host does: its lines and its end are recorded, an exception as a failure."""
        self._caplog.clear()
        succeeded = True
        try:
            body()
        except ZeroDivisionError:
            succeeded = False
        rows = [(one.getMessage(), LEVELS[one.levelno], name) for one in self._caplog.records]
        for row in rows:
            self._log.execute("insert into AppTraces values (?, ?, ?)", row)
        self._log.execute("insert into AppRequests values (?, ?)", (name, succeeded))

    def take(self, text: str) -> None:
        """Let an event come in."""
        self.run("maintenance_events", lambda: self.world.notifier.intake.take(text))

    def sweep(self, minutes: int = 1) -> None:
        """Let a minute pass after the other, and sweep after each."""
        for _ in range(minutes):
            self.world.clock.forward(minutes=1)
            self.run("due_notices", lambda: self.world.notifier.sweep(past_due=False))

    def fail(self, *outcomes: Outcome) -> None:
        """Let a failure come in while the mail service answers so."""
        self.world.mailer.script.extend(outcomes)
        self.take(event("Failed", self.world.clock.now(), name="maintenance"))

    @property
    def fired(self) -> set[str]:
        """The alerts whose query gives a row."""
        return {alert for alert, query in QUERIES.items() if duckdb_kql.query(self._log, query).fetchall()}


def test_quiet_hour(caplog: pytest.LogCaptureFixture) -> None:
    """An hour in which maintenance is announced, starts and ends, and is told of, is no alert."""
    hour = Hour(caplog)
    for status in ("Scheduled", "Started", "Completed"):
        hour.take(event(status, hour.world.clock.now(), name="maintenance"))
        hour.sweep(20)
    assert len(hour.world.mailer.arrived) == 3
    assert hour.fired == set()


def test_failure_told(caplog: pytest.LogCaptureFixture) -> None:
    """A failed upgrade that is told of is news, no alert."""
    hour = Hour(caplog)
    hour.fail()
    hour.sweep(5)
    assert hour.fired == set()


def test_no_sweep(caplog: pytest.LogCaptureFixture) -> None:
    """An hour without a sweep is no-sweep; one in which each fails is failed-executions, too."""
    hour = Hour(caplog)
    hour.take(event("Started", hour.world.clock.now()))
    assert hour.fired == {"no-sweep"}
    hour.run("due_notices", lambda: 1 // 0)
    assert hour.fired == {"no-sweep", "failed-executions"}


def test_no_reconcile(caplog: pytest.LogCaptureFixture) -> None:
    """Hours without a run of reconcile that went well are no-reconcile."""
    hour = Hour(caplog, reconciles=False)
    hour.sweep()
    assert hour.fired == {"no-reconcile"}


def test_missed_events(caplog: pytest.LogCaptureFixture) -> None:
    """Missed events in two runs in a row are missed-events; in one alone they are none."""
    with asking() as world:
        hour = Hour(caplog, world)
        hour.sweep()
        hour.run("reconcile", world.reconcile)
        for number, fired in enumerate((set(), {"missed-events"})):
            missed = graph_rows.row("Started", world.clock.now(), name=f"missed {number}")
            world.azure.graph.add(TABLE, missed)
            world.clock.forward(hours=1)
            hour.run("reconcile", world.reconcile)
            assert hour.fired == fired


def test_failed_executions(caplog: pytest.LogCaptureFixture) -> None:
    """A function that raises is failed-executions alone."""
    hour = Hour(caplog)
    hour.sweep()
    hour.run("maintenance_events", lambda: 1 // 0)
    assert hour.fired == {"failed-executions"}


def test_rejected_input(caplog: pytest.LogCaptureFixture) -> None:
    """Input that cannot be understood is rejected-input alone."""
    hour = Hour(caplog)
    hour.take('{"hello": "world"}')
    hour.sweep()
    assert hour.fired == {"rejected-input"}


def test_work_waiting(caplog: pytest.LogCaptureFixture) -> None:
    """Work that waits for longer than half an hour is work-waiting; for less it is not."""
    hour = Hour(caplog)
    hour.fail(Throttled(7200, "429"))
    hour.sweep(25)
    assert hour.fired == set()
    hour.sweep(10)
    assert hour.fired == {"work-waiting"}


@pytest.mark.parametrize("why", ["401: Denied", "403: Forbidden", "404: gone"])
def test_mail_refused(why: str, caplog: pytest.LogCaptureFixture) -> None:
    """A mail service that takes no mail is mail-refused alone."""
    hour = Hour(caplog)
    hour.fail(Unavailable(why))
    hour.sweep()
    assert hour.fired == {"mail-refused"}


def test_one_mail_refused(caplog: pytest.LogCaptureFixture) -> None:
    """A mail that the service refuses is mail-refused alone."""
    hour = Hour(caplog)
    hour.fail(Refused("400: no such recipient"))
    hour.sweep()
    assert hour.fired == {"mail-refused"}


def test_throttled(caplog: pytest.LogCaptureFixture) -> None:
    """A mail service that asks to wait is no alert: it is waited for."""
    hour = Hour(caplog)
    hour.fail(Throttled(60, "429"))
    hour.sweep(3)
    assert hour.fired == set()
    assert len(hour.world.mailer.arrived) == 1


@pytest.mark.parametrize(
    ("outcome", "fired"),
    [
        (Unavailable("401: Denied"), {"channel-paused"}),
        (Unavailable("404: no such hook"), {"channel-paused"}),
        (Gone("410: archived"), {"channel-paused"}),
        (Throttled(60, "429"), set()),
    ],
)
def test_channel_paused(outcome: Outcome, fired: set[str], caplog: pytest.LogCaptureFixture) -> None:
    """Another channel's service that takes nothing is channel-paused alone; one that asks to wait is none."""
    channels = ScriptedChannels(Temper.COLLAPSES)
    channels.script["chat"].append(outcome)
    hour = Hour(caplog, World(None, channels, ROUTES=ROUTES))
    hour.fail()
    hour.sweep(3)
    assert hour.fired == fired


def test_queries_are_kql() -> None:
    """Microsoft's own parser finds nothing wrong with any query: syntax, names, types."""
    assert findings("workspace", *QUERIES.values()) == [[]] * len(QUERIES)


@pytest.mark.parametrize("wrong", ["AppTraces | were Message has 'x'", "AppTraces | where Mesage has 'x'"])
def test_parser_finds_what_is_wrong(wrong: str) -> None:
    """A wrong operator and a wrong column are found."""
    assert findings("workspace", wrong) != [[]]


def test_every_alert_is_tried() -> None:
    """Each alert about the log has a situation here."""
    assert set(QUERIES) == policy.LOG_ALERTS | policy.RECONCILE_ALERTS == {
        "failed-executions", "no-sweep", "rejected-input", "work-waiting", "mail-refused", "missed-events",
        "no-reconcile", "channel-paused",
    }  # fmt: skip
