"""Watchdogs: what AKS does not report is told, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from testing.samples.payloads import event, scheduled
from testing.world import NOW, World

START = NOW + timedelta(hours=2)
RUNNING, OVERDUE = "STILL RUNNING, NO END REPORTED", "OVERDUE, NO START REPORTED"


def _hours(world: World, hours: int) -> None:
    for _ in range(hours * 4):
        world.sweep(minutes=15)


def test_start_that_is_not_reported_is_told() -> None:
    """A maintenance of which no start is reported within NOT_STARTED_AFTER gives one notice."""
    world = World(NOT_STARTED_AFTER="24h")
    world.take(scheduled(NOW, START))
    _hours(world, 25)
    assert world.statuses == ["Scheduled"]
    _hours(world, 48)
    assert len(world.mailer.arrived) == 2
    assert "has not reported a start" in world.mailer.arrived[1][1].text


def test_end_that_is_not_reported_is_told() -> None:
    """A maintenance of which no end is reported within STILL_RUNNING_AFTER gives one notice."""
    world = World(STILL_RUNNING_AFTER="12h")
    world.take(event("Started", NOW))
    _hours(world, 11)
    assert world.statuses == ["Started"]
    _hours(world, 24)
    assert len(world.mailer.arrived) == 2
    assert "still" in world.mailer.subjects[1].lower()


@pytest.mark.parametrize("status", ["Started", "Completed", "Canceled", "Failed"])
def test_reported_start_calls_the_watchdog_off(status: str) -> None:
    """Whatever is reported of the maintenance, its start was no secret: nothing is told of it."""
    world = World(STILL_RUNNING_AFTER="0s")
    world.take(scheduled(NOW, START))
    world.take(event(status, START))
    _hours(world, 48)
    assert not any("reported" in subject for subject in world.mailer.subjects)


@pytest.mark.parametrize("status", ["Completed", "Canceled", "Failed"])
def test_reported_end_calls_the_watchdog_off(status: str) -> None:
    """A maintenance that has ended, however it did, is not still running."""
    world = World()
    world.take(event("Started", NOW))
    world.take(event(status, NOW))
    _hours(world, 48)
    assert not any("running" in subject.lower() for subject in world.mailer.subjects)


def test_reschedule_moves_the_watchdog() -> None:
    """After a reschedule the start is missed at its new time, not at the old one."""
    world = World(NOT_STARTED_AFTER="24h", REMINDER_LEADS="24h", REMINDER_GAP="6h")
    world.take(scheduled(NOW, START))
    world.settle_down()
    world.take(scheduled(world.clock.now(), START + timedelta(days=2)))
    _hours(world, 72)
    assert world.statuses == ["Scheduled", "Rescheduled", "Reminder"]
    _hours(world, 6)
    assert len(world.mailer.arrived) == 4


def test_zero_turns_a_watchdog_off() -> None:
    """With 0s nobody watches."""
    world = World(NOT_STARTED_AFTER="0s", STILL_RUNNING_AFTER="0s")
    world.take(scheduled(NOW, START, name="a"))
    world.take(event("Started", NOW, name="b"))
    _hours(world, 72)
    assert sorted(world.statuses[:1]) != []
    assert world.table.keys("work:2") == []


def test_start_at_the_end_of_the_calendar_is_watched_by_nobody() -> None:
    """A start in the year 9999 has nothing after it, and breaks nothing."""
    world = World()
    assert world.take(scheduled(NOW, datetime(9999, 12, 31, 23, 59, tzinfo=UTC))) == "new"


@pytest.mark.parametrize(
    ("late", "told", "end"),
    [
        (event("Started", NOW - timedelta(hours=13)), RUNNING, event("Completed", NOW)),
        (event("Started", NOW - timedelta(days=300)), RUNNING, event("Failed", NOW)),
        (scheduled(NOW - timedelta(days=3), NOW - timedelta(hours=25)), OVERDUE, event("Started", NOW)),
        (scheduled(NOW - timedelta(days=90), NOW - timedelta(days=80)), OVERDUE, event("Canceled", NOW)),
    ],
)
def test_watchdog_whose_hour_has_passed(late: str, told: str, end: str) -> None:
    """News so late that its watchdog's hour has passed is told of at once, unless what follows is known."""
    world = World()
    world.take(late)
    _hours(world, 1)
    assert sum(told in email.text for _, email in world.mailer.arrived) == 1
    known = World()
    known.take(late)
    known.take(end)
    _hours(known, 1)
    assert not any(told in email.text for _, email in known.mailer.arrived)
