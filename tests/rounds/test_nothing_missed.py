"""Nothing missed: what Microsoft's own alert rules would have mailed, the notifier has told or recorded.

The two queries of the Communication Manager's page are the oracle, run by the engine over the same rows.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.events.model import Status
from shared.rounds.subscriptions import Watched
from shared.store.ledger import Ledger
from shared.store.rows import LONG_AGO
from testing.asking_world import TABLE, asking
from testing.samples.graph_rows import row
from testing.samples.payloads import event, guid

if TYPE_CHECKING:
    from testing.asking_world import AskingWorld

QUERIES = sorted((Path(__file__).parents[1] / "fixtures" / "communication_manager").glob("*.kql"))
STATUSES = ("Scheduled", "Started", "Completed", "Failed", "Canceled")
TOLD = {Status.SCHEDULED, Status.FAILED}
"""Of the statuses that the queries return, those that are told; the others are recorded."""


def published(world: AskingWorld) -> list[dict[str, Any]]:
    """Return what the page's queries give, of any cluster."""
    one = "/subscriptions/subid/resourcegroups/rgname/providers/Microsoft.ContainerService/managedClusters/"
    texts = [path.read_text("utf-8").replace(f"{one}clustername", "/managedClusters/") for path in QUERIES]
    return [found for text in texts for found in world.azure.graph.run(text)]


def keys_told(world: AskingWorld) -> Counter[str]:
    """Return how often each event's row is told of: by notices that wait, and by mails that have left."""
    waiting = [row.values for row in world.table.query("work:", "work;", 100_000).rows]
    told = Counter(values["of"] for values in waiting if values["kind"] == "notice")
    for mail in Ledger(world.table).mails(LONG_AGO):
        told.update(member.key for member in mail.members)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_what_microsoft_would_have_mailed_is_told_once(seed: int) -> None:
    """3,000 clusters in 40 subscriptions, events withheld, pushed before or after: each is there once."""
    chance = random.Random(seed)
    ids = [guid(f"subscription {number}") for number in range(40)]
    with asking(Watched(tuple(ids)), GROUP_WAIT="1h") as world:
        for id_ in ids:
            world.azure.add_subscription(id_, f"Subscription {id_[:8]}")
        world.reconcile()
        world.clock.forward(hours=2)
        rows: list[dict[str, Any]] = []
        pushed: list[tuple[bool, str]] = []
        for number in range(3_000):
            status, kind = chance.choice(STATUSES), chance.choice(("K8sVersionUpgrade", "NodeOSUpgrade"))
            time = world.clock.now() - timedelta(minutes=chance.randint(1, 180))
            start = {"startTime": world.clock.now() + timedelta(days=3)} if status == "Scheduled" else {}
            about: dict[str, Any] = {"name": f"m{number}", "cluster": f"c{number}", **start}
            rows.append(row(status, time, subscription=ids[number % 40], kind=kind, **about))
            if chance.random() < 0.5:
                pushed.append((chance.random() < 0.5, event(status, time, details=kind, **about)))
        world.azure.graph.add(TABLE, *rows)
        for text in (text for is_early, text in pushed if is_early):
            world.take(text)
        result = world.reconcile()
        for text in (text for is_early, text in pushed if not is_early):
            world.take(text)
        oracle = [
            found["properties"]["eventId"]
            for found in published(world)
            if world.clock.now() - timedelta(minutes=30) >= moment(found)
        ]
        stored = {found.event.event_id: found for found in world.notifier.store.history("event:")}
        assert len(oracle) > 500
        assert set(oracle) <= stored.keys()
        assert result.is_whole
        assert result.missed > 500
        told = keys_told(world)
        assert max(told.values()) == 1
        assert {stored[id_].key for id_ in oracle if stored[id_].event.status in TOLD} <= told.keys()
        world.table.trips.clear()
        asked = len(world.azure.questions)
        again = world.reconcile(minutes=1)
        assert again.rows >= 3_000
        assert sum(world.table.trips.values()) <= 50 + 2 * again.recorded
        assert len(world.azure.questions) - asked <= 8


def moment(found: dict[str, Any]) -> datetime:
    """Return the time of a row of the queries."""
    return datetime.fromisoformat(found["eventTime"])
