"""The clock: what is decided by the time of day is decided by the table's, whatever an instance's says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.channels.outcomes import Throttled
from testing.memory_table import MemoryTable
from testing.samples.payloads import event, scheduled
from testing.world import NOW, StoppedClock, World

if TYPE_CHECKING:
    from shared.app import Notifier

QUIET = {"NOT_STARTED_AFTER": "0s", "STILL_RUNNING_AFTER": "0s"}
OFF = [timedelta(minutes=-5), timedelta(minutes=5), timedelta(days=-400), timedelta(days=30)]


def off(world: World, by: timedelta) -> Notifier:
    """Start an instance on the same table whose clock is off, and stands still."""
    return world.instance(StoppedClock(world.clock.now() + by))


def _minutes(world: World, minutes: int, step: int = 5) -> None:
    for _ in range(0, minutes, step):
        world.sweep(minutes=step)


@pytest.mark.parametrize("by", OFF, ids=str)
def test_reschedule_is_none_the_staler(by: timedelta) -> None:
    """A reschedule taken by an instance whose clock is off is one, and its reminder goes out in time."""
    world = World(**QUIET)
    world.take(scheduled(NOW, NOW + timedelta(days=2)))
    world.clock.forward(minutes=3)
    (decision,) = off(world, by).intake.take(scheduled(world.clock.now(), NOW + timedelta(days=2, hours=9)))
    assert decision == "rescheduled"
    _minutes(world, 60 * 34, 15)
    assert world.statuses == ["Rescheduled", "Reminder"]
    late = world.mailer.arrived[1][1].date - NOW - timedelta(days=1, hours=9)
    assert timedelta(0) <= late < timedelta(minutes=30)


@pytest.mark.parametrize("by", OFF, ids=str)
def test_sweep_finds_what_is_due(by: timedelta) -> None:
    """A sweep finds what is due by the table's clock: no reminder is lost or early, no notice forgotten."""
    world = World(**QUIET)
    world.take(scheduled(NOW, NOW + timedelta(days=3)))
    world.clock.forward(minutes=2)
    off(world, by).delivery.sweep()
    assert world.statuses == ["Scheduled"]
    _minutes(world, 60 * 72, 15)
    assert world.statuses == ["Scheduled", "Reminder"]


@pytest.mark.parametrize("by", OFF, ids=str)
def test_pause_lasts_as_long_as_was_said(by: timedelta) -> None:
    """A pause that such an instance notes ends when the mail service said, and a lease when it is over."""
    world = World(EMAIL_PER_MINUTE="30", EMAIL_PER_HOUR="100", **QUIET)
    world.mailer.script.append(Throttled(600, "429"))
    off(world, by).intake.take(event("Failed", NOW))
    _minutes(world, 9, 1)
    assert world.mailer.arrived == []
    _minutes(world, 3, 1)
    assert len(world.mailer.arrived) == 1


@pytest.mark.parametrize("by", OFF, ids=str)
def test_sends_are_counted_where_they_were(by: timedelta) -> None:
    """Sends that such an instance counts use up the hour that they were made in, and no other."""
    world = World(EMAIL_PER_MINUTE="5", EMAIL_PER_HOUR="10", GROUP_INTERVAL="0s", **QUIET)
    far = off(world, by)
    for number in range(12):
        far.intake.take(event("Failed", NOW, name=f"e{number}", cluster=f"c{number}"))
        world.clock.forward(seconds=80)
        far.delivery.sweep()
    assert len(world.mailer.arrived) <= 10
    world.take(event("Started", world.clock.now(), name="now", cluster="now"))
    _minutes(world, 120)
    assert any("now" in email.subject or "now" in email.text.split() for _, email in world.mailer.arrived)


@pytest.mark.parametrize("by", [-86_400, -60, -59, 59, 60, 300])
def test_clock_that_is_off_is_logged(by: int, caplog: pytest.LogCaptureFixture) -> None:
    """Clocks a minute apart or more are a warning with the seconds, once a sweep."""
    world = World()
    world.take(scheduled(NOW, NOW + timedelta(hours=1)))
    world.clock.forward(minutes=2)
    off(world, timedelta(seconds=by)).delivery.sweep()
    lines = [record.getMessage() for record in caplog.records if "clock" in record.getMessage()]
    assert len(lines) == (abs(by) >= 60)
    assert all(f" {by} seconds" in line for line in lines)


@pytest.mark.parametrize("by", OFF, ids=str)
@pytest.mark.parametrize("status", ["Started", "Completed"])
def test_first_event_of_a_process(by: timedelta, status: str) -> None:
    """The first event that a process takes is told in time, too, whatever its clock says until then."""
    world = World(**QUIET)
    off(world, by).intake.take(event(status, NOW))
    _minutes(world, 2, 1)
    assert len(world.mailer.arrived) == 1


def test_clock_may_jump_under_way() -> None:
    """Each answer's own date decides what it lists as due, however the table's clock jumps between them."""
    clock = StoppedClock()
    jumping = StoppedClock()
    world = World(MemoryTable(jumping.now), **QUIET)
    world.clock = clock
    world.notifier = world.instance()
    world.take(scheduled(NOW, NOW + timedelta(days=3)))
    jumping.forward(minutes=2)
    world.notifier.delivery.sweep()
    assert len(world.mailer.arrived) == 1
    jumping.forward(days=2, minutes=1)
    world.notifier.delivery.sweep()
    jumping.forward(minutes=6)
    world.notifier.delivery.sweep()
    assert len(world.mailer.arrived) == 2


def test_due_times_are_whole_seconds() -> None:
    """What is made within a second is due for a sweep that follows at once: dates have no fraction."""
    world = World(GROUP_WAIT="0s")
    world.clock.forward(seconds=0.9)
    world.take(event("Started", world.clock.now()))
    world.notifier.delivery.sweep()
    assert len(world.mailer.arrived) == 1
