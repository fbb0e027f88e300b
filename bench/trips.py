"""Round trips to the table, path by path: what the design promises, counted on the wire."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from bench import app
from bench.figures import Figure, Section
from testing.fault_proxy import FaultProxy
from testing.processes import Azurite
from testing.samples.payloads import event, scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMISED = {
    "new": ("a new event", 1),
    "scheduled": ("a new Scheduled, which reads its history first", 2),
    "rescheduled": ("a Scheduled that moves the start", 2),
    "stale": ("a Scheduled that comes after Started", 2),
    "duplicate": ("an event that is known", 2),
    "duplicate-scheduled": ("a Scheduled that is known", 1),
    "failed": ("a failure, mailed at once", 3),
    "ignored": ("an event of a cluster whose type is not ours: a trace of it", 1),
    "rejected": ("input that cannot be understood", 1),
    "rejected-more": ("more of it on the same day", 2),
    "rejected-again": ("the same input again", 1),
    "grouped": ("a grouped mail that tells of one event", 5),
    "grouped-ten": ("a grouped mail that tells of ten events", 14),
    "sweep": ("a sweep that finds nothing", 1),
    "housekeeping": ("housekeeping that finds nothing: what is pending, seven kinds of rows, old news", 9),
}
"""The paths: what each is, and the round trips that it may cost."""

SETTINGS = {"GROUP_WAIT": "1s", "GROUP_INTERVAL": "1s", "REMINDER_GAP": "0s"}

_TEXT = """\
Requests to the table, counted by a proxy before it while the app's own functions run. A grouped mail costs
the query that finds it due, its audience's row, one read for each event that it tells of, freezing, and
settling. The counts are the same in every run: one more than the baseline fails."""


def measure() -> Section:
    """Count the round trips of each path."""
    with Azurite() as azurite:
        counts = count(azurite.endpoint)
    return Section(
        "Round trips",
        _TEXT,
        tuple(
            Figure(f"trips.{path}", PROMISED[path][0], number, target=PROMISED[path][1])
            for path, number in counts.items()
        ),
    )


def count(endpoint: str, **settings: str) -> dict[str, int]:
    """Count the round trips of each path, in the order of `PROMISED`, on a table of its own."""
    settings = {**SETTINGS, "NOTIFIER_TABLE": f"t{uuid4().hex}", **settings}
    with FaultProxy(endpoint) as proxy, app.loaded(app.settings(proxy.url) | settings) as functions:
        functions["due_notices"](app.TIMER)  # makes the table
        found = {}
        for path, function, text in _paths():
            if path.startswith("grouped"):
                time.sleep(1.2)
            proxy.clear()
            functions[function](text)
            if path:
                found[path] = len(proxy.requests)
    assert found.keys() == PROMISED.keys()
    return {path: found[path] for path in PROMISED}


def _paths() -> Iterator[tuple[str, str, str]]:
    """Return the paths in the order in which to go them: a name or none, the function, its text."""
    now = datetime.now(UTC)
    take, sweep = "maintenance_events", "due_notices"
    coming = scheduled(now, timedelta(days=9), name="b")
    yield "new", take, event("Started", now, name="a")
    yield "duplicate", take, event("Started", now, name="a", envelope="again")
    yield "grouped", sweep, app.TIMER
    yield "scheduled", take, coming
    yield "duplicate-scheduled", take, coming
    yield "rescheduled", take, scheduled(now + timedelta(seconds=1), timedelta(days=10), name="b")
    yield "stale", take, scheduled(now + timedelta(seconds=1), timedelta(days=9), name="a")
    yield "failed", take, event("Failed", now, name="c")
    yield "ignored", take, event("Started", now).replace("ScheduledEventEmitted", "SomethingElse")
    yield "rejected", take, "{"
    yield "rejected-more", take, "["
    yield "rejected-again", take, "{"
    time.sleep(1.2)
    yield "", sweep, app.TIMER  # what the events before have left to be told
    for number in range(10):
        yield "", take, event("Started", now, name=f"many-{number}")
    yield "grouped-ten", sweep, app.TIMER
    yield "sweep", sweep, app.TIMER
    yield "housekeeping", "housekeeping", app.TIMER
