"""Backlogs: whatever has piled up, and however slow the table is, each sweep leaves less of it."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from shared.store.reader import THREADS
from shared.store.table import TableUnavailable
from testing.memory_table import MemoryTable
from testing.moving import MovingClock
from testing.samples.payloads import event, scheduled
from testing.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.table import Operation

QUIET = {"NOT_STARTED_AFTER": "0s", "STILL_RUNNING_AFTER": "0s"}


class SlowTable(MemoryTable):
    """Takes so many seconds of the clock for each round trip."""

    def __init__(self, clock: MovingClock) -> None:
        super().__init__(clock.now)
        self.takes = 0.0

        def wait(_: object) -> None:
            clock.forward(seconds=self.takes)

        self.before = self.asked = wait


def slow_world(takes: float = 0.0, **settings: str) -> tuple[World, SlowTable, MovingClock]:
    """Return a world with a clock that its table moves."""
    clock = MovingClock(NOW)
    table = SlowTable(clock)
    world = World(table, **QUIET, **settings)
    world.clock, world.notifier = clock, world.instance(clock)
    table.takes = takes
    return world, table, clock


def _routes(teams: int) -> str:
    names = [f"t{number}" for number in range(teams)]
    return json.dumps(
        {
            "audiences": [{"name": name, "to": f"{name}@example.com"} for name in names],
            "routes": [{"match": {"cluster": f"{name}-*"}, "audiences": [name]} for name in names],
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize(("number", "takes"), [(2_300, 0.02), (100, 0.5), (12, 12.0)])
def test_each_sweep_leaves_less(number: int, takes: float) -> None:
    """A sweep sends what it has read, mail by mail, and the next goes on; no audience waits for another's."""
    world, table, clock = slow_world(ROUTES=_routes(1), GROUP_INTERVAL="5m")
    for one in range(number):
        world.take(event("Started", NOW, name=f"e{one}", cluster=f"c{one}"))
    world.take(event("Started", NOW, name="other", cluster="t0-1"))
    clock.forward(seconds=31)
    table.takes = takes
    left = [len(table.keys("work:2"))]
    while left[-1]:
        before = clock.now()
        world.notifier.delivery.sweep()
        left.append(len(table.keys("work:2")))
        assert left[-1] < left[-2]
        is_other_told = any("t0@example.com" in email.to for _, email in world.mailer.arrived)
        assert is_other_told or len(left) < 3
        clock.until(before + timedelta(minutes=1))


def test_histories_are_read_side_by_side() -> None:
    """What a digest tells of is read by several readers at once, each history once."""
    together = Barrier(THREADS, timeout=60)

    world = World(None, **QUIET)
    for number in range(2 * THREADS):
        world.take(event("Started", NOW, name=str(number)))
    world.table.asked = lambda first: first.startswith("event:") and together.wait()
    world.table.trips.clear()
    world.sweep(seconds=40)
    assert len(world.mailer.arrived) == 1
    assert world.table.trips == {"query": 1 + 2 * THREADS, "get": 1, "commit": 2}


@pytest.mark.parametrize("takes", [2.0, 5.0, 9.0, 12.0])
@pytest.mark.parametrize("status", ["Failed", "Started", "Scheduled", "{}"])
def test_delivery_is_answered_in_time(takes: float, status: str) -> None:
    """However slow storage is, a delivery is answered within 28 s, and what it brought is told in the end."""
    limits = {
        "EMAIL_PER_MINUTE": "30",
        "EMAIL_PER_HOUR": "100",
        "CLUSTERS": "0" * 8 + "-0000-0000-0000-" + "0" * 12,
    }
    world, table, clock = slow_world(takes, **limits)
    text = status if status == "{}" else scheduled(NOW, None) if status == "Scheduled" else event(status, NOW)
    assert world.take(text) in {"new", "rejected"}
    assert clock.monotonic() <= 28
    table.takes = 0.0
    world.settle_down(5)
    assert len(world.mailer.arrived) == 1


@pytest.mark.parametrize("status", ["Failed", "Started"])
def test_write_whose_answer_was_lost(status: str) -> None:
    """A write that took place, and whose answer was lost, costs no more time than there is."""
    world, table, clock = slow_world(12.0, EMAIL_PER_HOUR="100")
    wait = table.before

    def lose(operations: Sequence[Operation]) -> None:
        table.before = lambda _: None
        table.commit(operations)  # and once more, as after no answer
        table.before = wait
        wait(operations)

    table.before = lose
    with suppress(TableUnavailable):
        world.take(event(status, NOW))
    assert clock.monotonic() <= 28
    table.takes = 0.0
    assert world.take(event(status, NOW)) == "duplicate"
    world.settle_down(5)
    assert len(world.mailer.arrived) == 1
