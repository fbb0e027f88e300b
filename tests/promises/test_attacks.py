"""Attacks that held when they were tried: each is kept as what it tried."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from testing.samples.payloads import event, scheduled
from testing.world import NOW, World

QUIET = {"STILL_RUNNING_AFTER": "0s", "NOT_STARTED_AFTER": "0s"}


def _days(world: World, days: int, step: int = 30) -> None:
    for _ in range(days * 24 * 60 // step):
        world.sweep(minutes=step)


def _reminders(world: World) -> int:
    return sum(subject.startswith("[Reminder") for subject in world.mailer.subjects)


def test_other_casing_is_the_same() -> None:
    """An eventId and a status in another casing are the same event."""
    world = World(**QUIET)
    body = json.loads(event("Failed", NOW))
    assert world.take(json.dumps(body)) == "new"
    properties = body["data"]["resourceInfo"]["properties"]
    properties |= {"eventId": properties["eventId"].upper(), "eventStatus": "FAILED"}
    assert world.take(json.dumps(body)) == "duplicate"


def test_start_that_moves_there_and_back() -> None:
    """A start that is moved and moved back is reminded of once a lead."""
    world = World(**QUIET)
    for start in (9, 10, 9):
        world.clock.forward(minutes=60)
        world.take(scheduled(world.clock.now(), NOW + timedelta(days=start)))
    _days(world, 11)
    assert _reminders(world) == 2


def test_start_in_two_years() -> None:
    """A start in two years, on 29 February, is reminded of, housekeeping or not."""
    world = World(**QUIET)
    start = datetime(2028, 2, 29, 2, 30, tzinfo=UTC)
    world.take(scheduled(NOW, start))
    world.sweep(minutes=2)
    world.clock.forward(days=(start - NOW).days - 8)
    world.notifier.remove_expired()
    _days(world, 9)
    assert _reminders(world) == 2


@pytest.mark.parametrize("number", [4, 8])
def test_many_at_the_same_moment(number: int) -> None:
    """One failure delivered by 32 threads to several instances, and swept by all of them, is told once."""
    world = World(**QUIET)
    instances = [world.instance() for _ in range(number)]
    text = event("Failed", NOW)
    decisions: list[str] = []
    threads = [
        threading.Thread(target=lambda one=one: decisions.extend(one.intake.take(text)))
        for one in instances * (32 // number)
    ]
    threads += [threading.Thread(target=one.delivery.sweep) for one in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.settle_down()
    assert Counter(decisions)["new"] == 1
    assert len(world.mailer.arrived) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"id": ' + "9" * 100_000 + "}",
        '{"type":"a","type":"b"}',
        '{"id": NaN}',
        '{"a":' * 50_000 + "1" + "}" * 50_000,
    ],
    ids=["brackets", "a huge number", "a key twice", "NaN", "objects"],
)
def test_json_that_is_a_trap(text: str) -> None:
    """JSON that is nested, huge or ambiguous costs little and is decided on."""
    began = time.process_time()
    assert World(**QUIET).take(text) in {"rejected", "ignored"}
    assert time.process_time() - began < 5
