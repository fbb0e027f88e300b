"""What handling an event adds to the calls of the SDK that it cannot do without."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench import app, calls, paths
from bench.figures import HANDLING_TARGET, Figure, Section, in_turns, millis
from bench.relay import Relay
from testing.processes import Azurite

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.data.tables import TableClient

TURNS = {"loopback": 300, "latency": 120}
CALLS = 2

_TEXT = f"""\
`maintenance_events` takes a Started event of a maintenance that is new, from the text of the delivery to the
return of the function, log lines included. The floor is what it makes of the SDK: `submit_transaction` of the
very same rows, under other keys, with the same options on a client of the same kind. Each event is of a
cluster of its own, so that all rows are new on both sides: news of one cluster alone would fill that
cluster's row, which Azurite writes anew each time, and the floor has no such row. The two are measured in
turns of {CALLS} calls in one process; the ratio is the median of the turns' ratios ({TURNS["loopback"]} turns
on the loopback, {TURNS["latency"]} with 10 ms more for each request). Azurite's time is on both sides, so the
ratio of the client's CPU time is the strictest of the three.

Further paths, on the loopback, each beside the SDK calls that it makes, bare, in {paths.TURNS} turns of one
call: a new Scheduled reads its history and plans its reminders; a duplicate is refused by the table, and
reads what is stored; a failure reads its history and is mailed at once, through the SDK of Azure
Communication Services, to a stand-in that accepts at once, in a process of its own. What the floor of a
failure has not got is the mail itself: its reason explained, and the mail rendered."""


def measure() -> Section:
    """Compare the handler with the bare calls, near the table and 10 ms away from it."""
    with Azurite() as azurite, Relay(azurite.endpoint) as relay:
        figures = (
            *_compare("loopback", "an event handled, on the loopback", azurite.endpoint),
            *_compare("latency", "an event handled, 10 ms from the table", relay.endpoint),
            *paths.figures(azurite.endpoint),
        )
    return Section("Handling an event", _TEXT, figures)


def _compare(name: str, what: str, endpoint: str) -> list[Figure]:
    turns = TURNS[name]
    with ExitStack() as stack:
        functions = stack.enter_context(app.loaded(app.settings(endpoint)))
        client = stack.enter_context(app.bare(endpoint))
        ours, bare = sides(functions["maintenance_events"], client, (turns + 1) * CALLS)
        wall = in_turns(ours, bare, turns=turns, calls=CALLS)
        figures = [
            Figure(
                f"handling.{name}",
                what,
                wall.ratio,
                floor="the same SDK calls, bare",
                ours=millis(wall.ours),
                bare=millis(wall.bare),
                target=HANDLING_TARGET,
            )
        ]
        if name == "loopback":
            ours, bare = sides(functions["maintenance_events"], client, (turns + 1) * CALLS)
            cpu = in_turns(ours, bare, turns=turns, calls=CALLS, clock=time.process_time)
            figures.append(
                Figure(
                    "handling.cpu",
                    "the same, CPU of this process only",
                    cpu.ratio,
                    floor="the same SDK calls, bare",
                    ours=millis(cpu.ours),
                    bare=millis(cpu.bare),
                )
            )
    return figures


def sides(
    take: Callable[[str], object], client: TableClient, number: int
) -> tuple[Callable[[int], object], Callable[[int], object]]:
    """Return the two sides, to be called with numbers below `number`: an event taken, and its bare calls."""
    with calls.captured() as seen:
        for text in app.started(8):
            take(text)
    assert len(seen) >= 8, "an event is one transaction, and at first one more for the table that is missing"
    texts = app.started(number)
    transactions = calls.renewed([seen[-1 - place % 8] for place in range(number)])

    def ours(place: int) -> None:
        take(texts[place])

    def bare(place: int) -> None:
        client.submit_transaction(transactions[place], retry_total=0)

    return ours, bare
