"""What reconcile costs: requests and seconds, with 3,000 clusters in 40 subscriptions."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from bench.figures import Figure, Section
from shared.rounds.reconcile import RUN_SECONDS
from shared.rounds.subscriptions import Watched
from testing.asking_world import TABLE, asking
from testing.samples.graph_rows import row
from testing.samples.payloads import guid

if TYPE_CHECKING:
    from testing.asking_world import AskingWorld

CLUSTERS, SUBSCRIPTIONS = 3_000, 40

_TEXT = f"""\
Resource Graph is a stand-in over HTTP that runs what it is asked, a thousand rows an answer; the table is one
in this process. {CLUSTERS:,} clusters in {SUBSCRIPTIONS} subscriptions have a notice each. The first run
records them all; an hour later nothing has changed. The times are in parts of the {RUN_SECONDS:.0f} s
after which a run takes no further row."""


def measure() -> Section:
    """Return what the first run costs, and one that finds nothing new."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    ids = tuple(guid(f"subscription {number}") for number in range(SUBSCRIPTIONS))
    with asking(Watched(ids)) as world:
        for number, id_ in enumerate(ids):
            world.azure.add_subscription(id_, f"Subscription {number}")
        ended = world.clock.now() - timedelta(hours=5)
        rows = (
            row("Completed", ended, name=f"m{one}", cluster=f"c{one}", subscription=ids[one % len(ids)])
            for one in range(CLUSTERS)
        )
        world.azure.graph.add(TABLE, *rows)
        first, _, _ = _run(world)
        world.clock.forward(hours=1)
        quiet, questions, trips = _run(world)
    return Section(
        "Asking",
        _TEXT,
        (
            _time("first", f"the first run, which records {CLUSTERS:,} notices", first),
            _time("quiet", "a run that finds nothing new", quiet),
            Figure("asking.questions", "questions to Resource Graph of such a run", questions, target=10),
            Figure("asking.trips", "round trips to the table of such a run", trips, target=3),
        ),
    )


def _run(world: AskingWorld) -> tuple[float, int, int]:
    """Reconcile; return the seconds, the questions and the round trips that it took."""
    asked = len(world.azure.questions)
    world.table.trips.clear()
    began = time.perf_counter()
    world.reconcile()
    seconds = time.perf_counter() - began
    return seconds, len(world.azure.questions) - asked, sum(world.table.trips.values())


def _time(name: str, what: str, seconds: float) -> Figure:
    return Figure(
        f"asking.{name}",
        what,
        seconds / RUN_SECONDS,
        floor="what a run may take",
        ours=f"{seconds:.1f} s",
        bare=f"{RUN_SECONDS:.0f} s",
        target=1.0,
        compared=False,
    )
