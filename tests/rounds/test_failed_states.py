"""Clusters in Failed state without an event: told once, explained, and once more when it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from testing.arm_endpoint import cluster
from testing.asking_world import AskingWorld, asking
from testing.samples.events import REASON
from testing.samples.payloads import SUBSCRIPTION, event

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.insights/eventtypes/management/values"


@pytest.fixture
def world() -> Iterator[AskingWorld]:
    """Return a world whose first reading is over: nothing was failed."""
    with asking() as world:
        world.azure.bodies[LOG] = {"value": []}
        world.look_for_failed_states()
        yield world


def set_state(world: AskingWorld, state: str = "Failed", pool: str = "Succeeded") -> None:
    """Let the cluster be in a state."""
    body = cluster(
        provisioningState=state,
        agentPoolProfiles=[
            {"name": "system", "provisioningState": "Succeeded"},
            {"name": "blue", "provisioningState": pool},
        ],
    )
    world.azure.graph.remove("resources", body["id"])
    world.azure.add(body, [])


def log_failure(world: AskingWorld, **ago: float) -> None:
    """Let the activity log have a failure."""
    entry = {
        "eventTimestamp": (world.clock.now() - timedelta(**ago)).isoformat(),
        "status": {"value": "Failed"},
        "operationName": {"value": "x", "localizedValue": "Create or Update Agent Pool"},
        "properties": {"statusMessage": REASON},
    }
    world.azure.bodies[LOG] = {"value": [entry, {"status": {"value": "Succeeded"}}, None]}


def test_told_at_once_where_the_log_dates_it(world: AskingWorld) -> None:
    """A failure that the activity log dates more than half an hour back is told at once, explained."""
    log_failure(world, minutes=40)
    set_state(world, pool="Failed")
    world.look_for_failed_states(hours=1)
    world.settle_down(3)
    for _ in range(3):
        world.look_for_failed_states(hours=1)
    (told,) = world.mailer.arrived
    assert world.told == ["failed-state"]
    assert "Node pool blue" in told[1].subject
    assert "cart-pdb" in told[1].text
    assert any("agentPools/blue" in unquote(one.query) for one in world.azure.requests)


@pytest.mark.parametrize("broken", [True, False])
def test_told_at_the_second_reading(world: AskingWorld, *, broken: bool) -> None:
    """Without such a date it is told at the second reading in a row, and once more when it is over."""
    if broken:
        world.azure.denied.add(f"subscriptions/{SUBSCRIPTION}/providers")
    set_state(world)
    world.look_for_failed_states(hours=1)
    world.settle_down(3)
    assert world.told == []
    world.look_for_failed_states(hours=1)
    world.settle_down(3)
    set_state(world, "Succeeded")
    world.look_for_failed_states(hours=1)
    world.look_for_failed_states(hours=1)
    world.settle_down(6)
    assert world.told == ["failed-state", "recovered"]


def test_a_state_that_passes_is_not_told(world: AskingWorld) -> None:
    """What is over by the second reading is told neither as failed nor as over."""
    for state in ("Failed", "Updating", "Failed", "Succeeded"):
        set_state(world, state)
        world.look_for_failed_states(hours=1)
    world.settle_down(3)
    assert world.told == []


def test_what_an_event_told_is_not_told_again(world: AskingWorld) -> None:
    """A cluster whose failure came as an event is told of by that alone."""
    world.take(event("Failed", world.clock.now(), details=REASON))
    set_state(world)
    for _ in range(3):
        world.look_for_failed_states(hours=1)
    set_state(world, "Succeeded")
    world.look_for_failed_states(hours=1)
    world.settle_down(6)
    assert world.told == ["failed"]


def test_first_reading_tells_nothing_one_by_one() -> None:
    """What was failed before the first reading of all is not told, nor is it when it is over."""
    with asking() as world:
        for state in ("Failed", "Failed", "Succeeded"):
            set_state(world, state)
            world.look_for_failed_states(hours=1)
        world.settle_down(3)
        assert world.told == []


def test_a_bad_answer_tells_nothing(world: AskingWorld) -> None:
    """Where the states cannot be read, nothing counts as over."""
    log_failure(world, minutes=40)
    set_state(world)
    world.look_for_failed_states(hours=1)
    world.azure.script("403")
    world.look_for_failed_states(hours=1)
    world.settle_down(3)
    assert world.told == ["failed-state"]


def test_quiet_kinds_are_recorded_and_not_told() -> None:
    """A kind of QUIET_KINDS has its row, and no mail."""
    with asking(QUIET_KINDS="failed-state,recovered") as world:
        world.look_for_failed_states()
        log_failure(world, minutes=40)
        set_state(world)
        world.look_for_failed_states(hours=1)
        world.settle_down(3)
        assert world.told == []
        assert len(world.notifier.store.history("event:")) == 1
