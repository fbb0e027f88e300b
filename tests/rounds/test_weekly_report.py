"""The weekly report: its content is proof of life."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.rounds.weekly_report import report
from shared.store.ledger import Ledger
from shared.store.present import PresentState
from testing.arm_endpoint import cluster
from testing.asking_world import TABLE, AskingWorld, asking
from testing.samples.graph_rows import row
from testing.samples.payloads import SUBSCRIPTION, event, scheduled

ROUTES = """
audiences:
  - {name: Management, to: management@example.com, report: true}
  - {name: Shop, to: shop@example.com}
routes:
  - {audiences: Shop}
"""


def a_week(world: AskingWorld) -> None:
    """Let a week pass: one completed, one failed, one coming, one upgraded by hand, one missed event."""
    for name in ("done", "broken", "coming", "by-hand"):
        world.azure.add(cluster(name, currentKubernetesVersion="1.36.1"), [])
    world.read()
    world.reconcile()
    world.take(event("Completed", world.clock.now(), name="a", cluster="done"))
    world.take(event("Failed", world.clock.now(), name="b", cluster="broken"))
    world.take(scheduled(world.clock.now(), timedelta(days=9), name="c", cluster="coming"))
    missed = row("Started", world.clock.now(), name="d", cluster="done")
    world.azure.graph.add(TABLE, missed)
    world.azure.graph.remove("resources", cluster("by-hand")["id"])
    world.azure.add(cluster("by-hand", currentKubernetesVersion="1.36.2"), [])
    world.read(days=1)
    world.reconcile()
    world.settle_down(8)
    world.mailer.arrived.clear()


def tell(world: AskingWorld, **after: float) -> bool:
    """Let time pass, and make the report."""
    world.clock.forward(**after)
    present, ledger = PresentState(world.table), Ledger(world.table)
    return report(world.meta, present, ledger, world.teller, world.clock.now())


@pytest.mark.slow
def test_report() -> None:
    """It says what is coming, happened, is open, uncovered, changed by hand, and how the app is doing."""
    with asking(CLUSTERS=SUBSCRIPTION, ROUTES=ROUTES, EMAIL_TO="ops@example.com") as world:
        assert PresentState(world.table).pulse().reconciled is None
        a_week(world)
        assert PresentState(world.table).pulse().reconciled  # what the status page shows
        assert tell(world, days=1)
        world.settle_down(6)
        reports = [email for _, email in world.mailer.arrived if "Weekly report" in email.subject]
        assert sorted(email.to for email in reports) == [("management@example.com",), ("ops@example.com",)]
        text = reports[0].text
        for said in (
            "coming · Node OS upgrade",
            "broken",
            "Completed",
            "Kubernetes 1.36.1 → 1.36.2",
            "No working channel has its maintenance window",
            "4 clusters in 1 subscription",
            "Events missed: 1",
            "Last reconcile",
            "Silenced: 0",
        ):
            assert said in text, said


def test_a_repeated_run_sends_nothing() -> None:
    """Within the hour a report is that of the run before; a week later it is another."""
    with asking(CLUSTERS=SUBSCRIPTION) as world:
        assert [tell(world), tell(world, minutes=59), tell(world, days=7)] == [True, False, True]
        world.settle_down(8)
        assert world.told.count("report") >= 1
