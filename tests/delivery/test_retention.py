"""Housekeeping: history that is old enough goes, and nothing that is still needed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.delivery.retention import remove_expired
from testing.memory_table import MemoryTable
from testing.samples.payloads import event, guid, scheduled
from testing.world import NOW, World

KEEP = timedelta(days=100)


def _tidy(world: World, keep: timedelta = KEEP) -> int:
    return remove_expired(world.notifier.store, keep)


def test_old_history_goes() -> None:
    """Events, sent mails, rejected input and marks older than the retention are removed."""
    world = World()
    world.take(event("Failed", NOW))
    world.take("{}")
    world.settle_down()
    world.clock.forward(days=99)
    assert _tidy(world) == 0
    world.clock.forward(days=2)
    assert _tidy(world) == len(["event", "told", "rejected", "sent", "sent", "told", "audience"])
    assert world.table.keys() == []


def test_history_in_use_stays() -> None:
    """The history of a maintenance that something still has to be told of stays, however old it is."""
    world = World()
    world.take(scheduled(NOW, timedelta(days=160), name="far"))
    world.take(event("Deferred", NOW, name="far"))
    world.take(event("Completed", NOW, name="done"))
    world.settle_down()
    world.clock.forward(days=101)
    _tidy(world)
    assert {key.split(":")[1] for key in world.table.keys("event:")} == {guid("far")}
    assert len(world.table.keys("event:")) == 2
    for _ in range(62):
        world.sweep(days=1)
    assert any("[Reminder]" in subject for subject in world.mailer.subjects)


@pytest.mark.parametrize("text", [event("Failed", NOW), "{}", scheduled(NOW, timedelta(days=2))])
def test_what_dedupes_outlives_every_replay(text: str) -> None:
    """However short the retention, what is replayed from a dead letter after 91 days is not told again."""
    world = World(STILL_RUNNING_AFTER="0s")
    world.take(text)
    for _ in range(91):
        world.clock.forward(days=1)
        world.notifier.delivery.sweep()
        _tidy(world, timedelta(days=30))
    told = len(world.mailer.arrived)
    assert world.take(text) in {"duplicate", "stale"}
    world.settle_down()
    assert len(world.mailer.arrived) == told


def test_age_is_the_tables() -> None:
    """What an instance's clock says has no part in what is old."""
    far = World(MemoryTable(lambda: NOW))
    far.take(event("Failed", NOW))
    far.clock.forward(days=900)
    assert _tidy(far) == 0


def test_work_is_never_removed() -> None:
    """A row of work is never removed, however old."""
    world = World()
    world.take(event("Started", NOW))
    work = world.table.keys("work:")
    world.clock.forward(days=1_000)
    _tidy(world)
    assert world.table.keys("work:") == work


def test_many_rows_go_in_batches() -> None:
    """Rows are removed in transactions of up to a hundred."""
    world = World()
    for number in range(250):
        world.take(event("Completed", NOW, name=str(number)))
    world.settle_down(60)
    world.clock.forward(days=101)
    world.table.trips.clear()
    assert _tidy(world) > 250
    assert world.table.trips["commit"] <= 8
    assert world.table.keys("event:") == []
