"""Sweeps, with nothing due and with 100 due, beside a point read, while more and more rows are stored."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from bench import app, calls, history
from bench.figures import SWEEP_TARGET, Figure, Pair, Plot, Section, in_turns, millis
from shared import keys, settings
from shared.app import Notifier, open_table
from shared.channels.outcomes import Accepted, OperationState, OperationStatus
from shared.clock import TableClock
from shared.store.table import PARTITION
from shared.store.timed import TimedTable
from testing.processes import Azurite
from testing.samples.payloads import event
from testing.world import email_channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.data.tables import TableClient

    from shared.channels.email.email import Email
    from shared.channels.outcomes import Outcome, Timeouts
    from shared.store.table import BrowsableTable, Page

STORED = (1_000, 10_000, 100_000)

DUE = 100

AUDIENCES = 10

CALLS = 1 + AUDIENCES + DUE + 2 * AUDIENCES

TURNS = 15

CPU_CALLS = 15

DUE_TURNS = 4

_TEXT = f"""\
The sweep of the app, on a table that holds history: rows as large as those of events and sent mails. A
point read is `get_entity` of one of them, in turns with the sweep; the ratio is the median of {TURNS}
turns' ratios.

{DUE} due are {DUE} notices of as many events, for {AUDIENCES} audiences, which leave as {AUDIENCES} grouped
mails, each rendered and handed to a mailer that takes it at once: a query, {AUDIENCES} rows of audiences,
{DUE} histories, and two transactions for each mail. The second floor is those {CALLS} calls made again with
the SDK alone, with inserts in place of deletes and merges.

**What is the emulator's.** Azurite finds a row by its key in an index, but looks at every row of the table
for a query, whatever the filter says. So an empty sweep takes longer the more is stored, and so does the
same query made bare, the second floor; histories are queries, too. Ratios to a point read, and
those of {DUE} due where more than {STORED[0]:,} rows are stored, are therefore shown, but not compared with
the baseline. What is ours does not grow: one round trip, no row brought along, and against the bare query
the same ratio at {STORED[0]:,} rows as at {STORED[-1]:,}. Table Storage itself keeps a partition in order of
its row keys, and the filter names the partition and a range of keys, which its documentation calls a
range query: a seek, not a scan. That could not be measured here."""


class PutForward:
    """The machine's clock, put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """See Clock."""
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        """See Clock."""
        return time.monotonic()

    def forward(self, by: timedelta) -> None:
        """Put it forward."""
        self.ahead += by


class PutForwardTable(TimedTable):
    """A table whose answers bear the time of a clock that is put forward: what is due follows them."""

    def __init__(self, table: BrowsableTable, clock: PutForward) -> None:
        super().__init__(table, TableClock(clock))
        self._machine = clock

    def _heard(self, page: Page) -> Page:
        return msgspec.structs.replace(page, server_time=page.server_time + self._machine.ahead)


class Taking:
    """A mailer that takes every mail at once."""

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:  # noqa: ARG002
        """See Mailer."""
        return Accepted()

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:  # noqa: ARG002
        """See Mailer."""
        return OperationStatus(OperationState.ACCEPTED)


class _Level:
    """The table with so many rows stored, and what was measured at it."""

    def __init__(self, client: TableClient, notifier: Notifier, clock: PutForward, key: str) -> None:
        self._client = client
        self._notifier = notifier
        self._clock = clock
        self._key = key

    def point(self, _: int) -> None:
        """Read one row."""
        self._client.get_entity(PARTITION, self._key, retry_total=0)

    def query(self, _: int) -> None:
        """Ask what the sweep asks, bare."""
        until = keys.work_until(self._clock.now() + timedelta(seconds=30))
        found: Any = self._client.query_entities(
            "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last",
            parameters={"partition": PARTITION, "first": keys.GATE, "last": until},
            results_per_page=1_000,
            retry_total=0,
        )
        assert not list(next(found.by_page(), ()))

    def empty(self, _: int) -> None:
        """Sweep with nothing due."""
        assert self._notifier.delivery.sweep().found == 0

    def noted(self) -> list[calls.Call]:
        """Let notices fall due and sweep; return the calls that the sweep makes."""
        self._fall_due()
        with calls.noted() as seen:
            self._sweep()
        return seen

    def due(self, turn: int, made: list[calls.Call]) -> tuple[float, float]:
        """Let notices fall due and sweep; give its seconds, and those of the calls of another, made bare.

        The sweep goes first in every other turn.
        """
        again = calls.repeatable(made)
        self._fall_due()
        if turn % 2:
            swept = _seconds(self._sweep)
            return swept, _seconds(lambda: calls.make(self._client, again))
        bare = _seconds(lambda: calls.make(self._client, again))
        return _seconds(self._sweep), bare

    def _fall_due(self) -> None:
        for number in range(DUE):
            name = f"team-{number % AUDIENCES}-{number}"
            text = event("Started", datetime.now(UTC), name=uuid4().hex, cluster=name)
            self._notifier.intake.take(text)
        self._clock.forward(timedelta(minutes=6))

    def _sweep(self) -> None:
        sweep = self._notifier.delivery.sweep()
        assert (sweep.found, sweep.settled) == (DUE, AUDIENCES), sweep


def measure() -> Section:
    """Sweep the table at each of its sizes."""
    figures: list[Figure] = []
    names = ("sweep, 100 due", "sweep, nothing due", "the same query, bare", "point read")
    lines: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    with Azurite() as azurite, ExitStack() as stack:
        client = stack.enter_context(app.bare(azurite.endpoint))
        clock = PutForward()
        notifier = _notifier(azurite.endpoint, clock)
        notifier.delivery.sweep()  # makes the table
        rows = history.samples(notifier.intake)
        clock.forward(timedelta(minutes=6))
        notifier.delivery.sweep()  # tells of the event that the rows are copied from
        for size in STORED:
            stored = len(list(client.list_entities(select=["RowKey"])))
            key = history.fill(client, rows, size - stored)
            level = _Level(client, notifier, clock, key)
            empty = in_turns(level.empty, level.point, turns=TURNS, calls=4)
            query = in_turns(level.empty, level.query, turns=TURNS, calls=4)
            cpu = in_turns(level.empty, level.query, turns=9, calls=CPU_CALLS, clock=time.process_time)
            full, again = _full(level)
            for name, seconds in zip(names, (full.ours, query.ours, query.bare, empty.bare), strict=True):
                lines[name].append((size, seconds * 1_000))
            figures += _figures(size, empty, query, cpu, full, again)
    plot = Plot("sweeping", "A sweep over stored rows", "rows stored", "ms", lines=lines, log=True)
    return Section("Sweeps", _TEXT, tuple(figures), plots=(plot,))


def _full(level: _Level) -> tuple[Pair, Pair]:
    """Compare sweeps of 100 due with point reads, made before and after each, and with their calls, bare."""
    made, found = level.noted(), []
    for turn in range(DUE_TURNS):
        before = [_seconds(lambda: level.point(0)) for _ in range(15)]
        took, bare = level.due(turn, made)
        read = median([*before, *(_seconds(lambda: level.point(0)) for _ in range(15))])
        found.append((took, read, bare))
    took, read, bare = (median(column) for column in zip(*found, strict=True))
    return (
        Pair(took, read, median(one / point for one, point, _ in found)),
        Pair(took, bare, median(one / again for one, _, again in found)),
    )


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _figures(size: int, *pairs: Pair) -> list[Figure]:
    """Return the figures of one size.

    Ratios to a point read say more of Azurite than of the sweep, and so do sweeps with something due where
    much is stored, as the time that Azurite takes is on both sides: these are only shown.
    """
    rows = f"{size:,} rows stored"
    point, query, calls_bare = "a point read", "the same query, bare", "its calls, bare"
    sides = [
        ("empty", f"a sweep with nothing due, {rows}", point, None),
        ("query", f"a sweep with nothing due, {rows}", query, SWEEP_TARGET),
        ("cpu", f"the same, CPU of this process, {rows}", query, SWEEP_TARGET),
        ("due", f"a sweep with {DUE} due, {rows}", point, None),
        ("calls", f"a sweep with {DUE} due, {rows}", calls_bare, None),
    ]
    return [
        Figure(
            f"sweeping.{name}-{size}",
            what,
            pair.ratio,
            floor=floor,
            ours=millis(pair.ours),
            bare=millis(pair.bare),
            target=target,
            compared=floor != point and (floor != calls_bare or size == STORED[0]),
        )
        for (name, what, floor, target), pair in zip(sides, pairs, strict=True)
    ]


def _notifier(endpoint: str, clock: PutForward) -> Notifier:
    teams = [f'{{"name": "team-{n}", "to": "team-{n}@example.com"}}' for n in range(AUDIENCES)]
    routes = [
        f'{{"match": {{"cluster": "team-{n}-*"}}, "audiences": ["team-{n}"]}}' for n in range(AUDIENCES)
    ]
    text = f'{{"audiences": [{", ".join(teams)}], "routes": [{", ".join(routes)}]}}'
    config = settings.load(app.settings(endpoint, ROUTES=text))
    table = PutForwardTable(open_table(config), clock)
    return Notifier(config, table, {"": email_channel(config, Taking())}, clock)
