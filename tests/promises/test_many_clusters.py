"""An event that names several clusters is told of each, by its own routes, in one mail an audience."""

from __future__ import annotations

import json
import re

import pytest

from testing.samples.payloads import event, scheduled
from testing.world import NOW, World

QUIET = {"NOT_STARTED_AFTER": "0s", "STILL_RUNNING_AFTER": "0s"}
ROUTES = """\
audiences:
  - {name: b, to: b@example.com}
routes:
  - {match: {cluster: "other-*"}, audiences: b}
  - {audiences: default}
"""


def naming(text: str, number: int) -> str:
    """Let an event name so many clusters more."""
    body = json.loads(text)
    properties = body["data"]["resourceInfo"]["properties"]
    first = properties["resources"][0]
    properties["resources"] = [first, *(first.replace("first", f"other-{n}") for n in range(number))]
    return json.dumps(body)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 60, 500])
@pytest.mark.parametrize("status", ["Failed", "Started", "Completed"])
def test_each_cluster_is_told(status: str, number: int) -> None:
    """Each cluster is told to whom its routes say, all of an audience's in one mail where that holds them."""
    world = World(ROUTES=ROUTES, **QUIET)
    text = naming(event(status, NOW, cluster="first"), number)
    world.table.trips.clear()
    assert world.take(text) == "new"
    if status != "Failed":
        assert world.table.trips == {"commit": 1}
    world.settle_down(40)
    assert world.take(text) == "duplicate"
    world.settle_down(3)
    mine = [email for _, email in world.mailer.arrived if email.to == ("ops@example.com",)]
    theirs = [email for _, email in world.mailer.arrived if email.to == ("b@example.com",)]
    assert len(mine) == 1
    assert "first" in mine[0].text
    assert "other-" not in mine[0].text
    told = set(re.findall(r"other-\d+", " ".join(email.text for email in theirs)))
    assert all(f"other-{n}" in told for n in range(number))
    assert len(theirs) <= 1 + number // 40
    assert len(world.table.keys("event:")) == number + 1
    assert world.table.keys("work:2") == []


@pytest.mark.parametrize(("number", "at_once"), [(1, 1), (19, 19), (200, 19)])
def test_failures_are_told_at_once(number: int, at_once: int) -> None:
    """Each audience hears at once, in one mail, of the failures that a transaction holds."""
    world = World(ROUTES=ROUTES, EMAIL_PER_MINUTE="30", EMAIL_PER_HOUR="100", **QUIET)
    text = naming(event("Failed", NOW, cluster="first"), number)
    world.take(event("Failed", NOW, name="the gate is known by then"))
    world.table.trips.clear()
    world.mailer.arrived.clear()
    assert world.take(text) == "new"
    told = {email.to[0]: set(re.findall(r"first|other-\d+", email.text)) for _, email in world.mailer.arrived}
    assert len(world.mailer.arrived) == len(told) == 2
    assert told["ops@example.com"] == {"first"}
    assert len(told["b@example.com"]) >= at_once
    # The histories, side by side; the transaction; what became of each mail.
    assert world.table.trips["commit"] == 3
    assert world.table.trips["query"] <= at_once + 5
    assert world.take(text) == "duplicate"


@pytest.mark.slow
def test_failures_that_are_large() -> None:
    """Of failures too large for one transaction together, those that it holds are told at once."""
    world = World(**QUIET)
    world.take(naming(event("Failed", NOW, cluster="first", details="x" * 700_000), 9))
    (_, email), *others = world.mailer.arrived
    assert not others
    assert "4 FAILED" in email.text
    world.settle_down()
    assert len(world.table.keys("event:")) == 10


def test_failures_that_are_messages_of_their_own() -> None:
    """Where nothing is grouped three failures go at once, and the others at the next sweep."""
    world = World(GROUP_WAIT="0s", **QUIET)
    world.take(naming(event("Failed", NOW, cluster="first"), 4))
    assert len(world.mailer.arrived) == 3
    world.sweep(minutes=1)
    assert len({email.subject for _, email in world.mailer.arrived}) == len(world.mailer.arrived) == 5


def test_failures_of_which_one_is_known() -> None:
    """A cluster that was told of before is not told of again beside the others."""
    world = World(**QUIET)
    text = event("Failed", NOW, cluster="first")
    world.take(text)
    more = json.loads(naming(text, 2))
    more["id"] = "another"
    assert world.take(json.dumps(more)) == "new"
    world.settle_down()
    first, second = (email for _, email in world.mailer.arrived)
    assert "first" in first.text
    assert "2 FAILED" in second.text
    assert all(f"other-{n}" in second.text for n in range(2))


def test_what_takes_long_goes_on_in_the_next_sweep() -> None:
    """Each sweep gets further, however slow the table is, and what it had done counts."""
    world = World(ROUTES=ROUTES, **QUIET)
    world.take(naming(event("Started", NOW, cluster="first"), 30))
    commit = world.table.commit

    def slow(operations: object) -> list[str]:
        world.clock.forward(seconds=3)
        return commit(operations)  # type: ignore[arg-type]

    world.table.commit = slow  # type: ignore[method-assign]
    found = [0]
    while found[-1] < 31:
        world.sweep(minutes=1)
        found.append(len(world.table.keys("event:")))
        assert found[-1] > found[-2]
    assert len(found) > 4


def test_reminders_of_each() -> None:
    """Of each cluster that an announcement names its audience is reminded, of all of them in one mail."""
    world = World(ROUTES=ROUTES, REMINDER_LEADS="24h", **QUIET)
    world.take(naming(scheduled(NOW, NOW.replace(day=25), cluster="first"), 2))
    for _ in range(24 * 5):
        world.sweep(hours=1)
    told = [email for _, email in world.mailer.arrived if email.to == ("b@example.com",)]
    assert [all(f"other-{n}" in email.text for n in range(2)) for email in told] == [True, True]
