"""Company: what goes out together, and what is looked at when; as nights with much mail have shown."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.channels.outcomes import Accepted, Throttled
from testing.samples.payloads import event, scheduled
from testing.world import NOW, World

if TYPE_CHECKING:
    from shared.channels.outcomes import Outcome


def test_young_notice_goes_along() -> None:
    """A notice that has not waited long enough goes along with one that has."""
    world = World(GROUP_WAIT="30s", EMAIL_PER_HOUR="1000")
    world.take(event("Started", NOW, name="a", cluster="prod-a"))
    world.clock.forward(seconds=25)
    world.take(event("Started", world.clock.now(), name="b", cluster="prod-b"))
    world.sweep(seconds=10)
    assert len(world.mailer.arrived) == 1
    assert "prod-b" in world.mailer.arrived[0][1].text
    world.settle_down()
    assert len(world.mailer.arrived) == 1


def test_what_comes_while_a_sweep_goes_on_is_told_in_full() -> None:
    """A sweep that reads anew what there is to tell reads anew, too, what that tells of."""
    world = World(GROUP_WAIT="0s", GROUP_INTERVAL="0s", STILL_RUNNING_AFTER="0s", NOT_STARTED_AFTER="0s")
    world.take(scheduled(NOW, timedelta(days=3), name="reminded", cluster="reminded"))
    world.settle_down(30)
    world.clock.forward(hours=47, minutes=29, seconds=30)
    world.mailer.script.append(Throttled(1, "busy"))
    world.take(event("Failed", world.clock.now()))

    def meanwhile(*_: object) -> Outcome:
        world.take(event("Completed", world.clock.now()))
        return Accepted()

    world.mailer.script.append(meanwhile)
    world.sweep(minutes=1)  # the failure goes out, and its end comes; a reminder falls due
    (ended,) = [subject for subject in world.mailer.subjects if subject.startswith("[Completed]")]
    assert "prod-weu-1" in ended  # else it is the plain mail about what cannot be read


def test_young_notice_does_not_go_alone() -> None:
    """A notice that has not waited long enough waits where no other is due."""
    world = World(GROUP_WAIT="30s")
    world.take(event("Started", NOW))
    sweep = world.sweep(seconds=29)
    assert (sweep.found, len(world.mailer.arrived)) == (0, 0)


def test_what_replaces_goes_at_once() -> None:
    """Later news goes in place of what it replaces, and does not wait for the next mail by itself."""
    world = World(GROUP_WAIT="30s")
    world.take(event("Started", NOW))
    world.clock.forward(seconds=25)
    world.take(event("Completed", world.clock.now()))
    world.sweep(seconds=10)
    assert world.statuses == ["Completed"]


@pytest.mark.parametrize("wait", ["0s", "30s"])
def test_nothing_is_read_for_mail_that_cannot_go(wait: str) -> None:
    """A sweep reads nothing about notices that the mail service's limits leave no room for."""
    routes = json.dumps(
        {
            "audiences": [{"name": name, "to": f"{name}@example.com"} for name in "ab"],
            "routes": [{"match": {"cluster": name}, "audiences": [name]} for name in "ab"],
        }
    )
    world = World(GROUP_WAIT=wait, GROUP_INTERVAL="0s", ROUTES=routes, EMAIL_PER_HOUR="2")
    for name in "ab":
        world.take(event("Started", NOW, name=name, cluster=name))
    world.sweep(minutes=1)
    assert len(world.mailer.arrived) == 1
    world.table.trips.clear()
    assert world.sweep(minutes=1).waiting == 1
    assert world.table.trips == {"query": 1}
    world.sweep(minutes=62)
    assert len(world.mailer.arrived) == 2


@pytest.mark.slow
def test_failures_come_first_however_much_waits() -> None:
    """A failure is told in the first mail, also where more waits than one query brings."""
    world = World()
    for number in range(1_100):
        world.take(event("Started", NOW, name=str(number), cluster=f"prod-{number}"))
    for number in range(4):
        world.take(event("Failed", NOW, name=f"failed {number}", cluster=f"failed-{number}"))
    assert len(world.mailer.arrived) == 3
    world.sweep(minutes=1)
    assert "failed-3" in world.mailer.arrived[3][1].text
    world.settle_down()
    told = {member for _, email in world.mailer.arrived for member in re.findall(r"prod-\d+", email.text)}
    assert len(told) == 1_100
