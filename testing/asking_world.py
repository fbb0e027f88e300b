"""A whole notifier, and a stand-in of Azure that it asks over HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.rounds import fleet_runs
from shared.rounds.daily import DailyFindings
from shared.rounds.failed_states import FailedStates
from shared.rounds.inventory import Inventory, InventoryReading
from shared.rounds.reconcile import Reconcile, ReconcileResult
from shared.rounds.subscriptions import Watched
from shared.rounds.teller import Teller
from shared.sources.arm import Arm
from shared.sources.resource_graph import ResourceGraph
from shared.store.ledger import Ledger
from shared.store.meta import Meta
from shared.store.present import PresentState
from testing.arm_endpoint import ArmEndpoint, Tokens
from testing.samples.payloads import SUBSCRIPTION
from testing.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "containerserviceeventresources"


class AskingWorld(World):
    """A notifier that asks. The time moves on by itself where throttling is waited for."""

    def __init__(self, azure: ArmEndpoint, watched: Watched | None = None, /, **settings: str) -> None:
        super().__init__(None, **settings)
        self.azure = azure
        self.watched = watched or Watched((SUBSCRIPTION,))
        self.arm = Arm(Tokens(), azure.url)
        self.meta = Meta(self.table)
        azure.monotonic = self.clock.monotonic
        azure.graph.now = self.clock.now

    @property
    def graph(self) -> ResourceGraph:
        """Resource Graph, for one run."""
        return ResourceGraph(self.arm, lambda seconds: self.clock.forward(seconds=seconds))

    @property
    def teller(self) -> Teller:
        """What runs tell by."""
        return Teller(self.notifier.intake, self.config.routes)

    def reconcile(self, **after: float) -> ReconcileResult:
        """Let time pass, and reconcile."""
        self.clock.forward(**after)
        return self.a_run().run()

    def a_run(self) -> Reconcile:
        """Make one run."""
        return Reconcile(
            graph=self.graph,
            meta=self.meta,
            ledger=Ledger(self.table),
            intake=self.notifier.intake,
            teller=self.teller,
            clock=self.clock,
            watched=self.watched,
        )

    def look_for_failed_states(self, **after: float) -> int:
        """Let time pass, and look for clusters in Failed state."""
        self.clock.forward(**after)
        looking = FailedStates(
            graph=self.graph,
            arm=self.arm,
            meta=self.meta,
            store=self.notifier.store,
            teller=self.teller,
            clock=self.clock,
        )
        return looking.run(self.watched.subscriptions)

    def poll_fleets(self, **after: float) -> fleet_runs.PollResult:
        """Let time pass, and look at the update runs of fleets."""
        self.clock.forward(**after)
        polling = fleet_runs.FleetRuns(
            graph=self.graph,
            arm=self.arm,
            meta=self.meta,
            store=self.notifier.store,
            intake=self.notifier.intake,
            clock=self.clock,
            knows_clusters=True,
            reminds_of_gates=bool(self.config.watch.gate_reminder),
        )
        return polling.run(self.watched.subscriptions)

    def read(self, *, with_advisories: bool = False, **after: float) -> InventoryReading:
        """Let time pass, and do the daily reading with what follows from it."""
        self.clock.forward(**after)
        graph, present = self.graph, PresentState(self.table)
        reading = Inventory(
            graph=graph,
            arm=self.arm,
            meta=self.meta,
            store=self.notifier.store,
            ledger=Ledger(self.table),
            clock=self.clock,
            watched=self.watched,
        ).run()
        DailyFindings(
            arm=self.arm,
            graph=graph,
            meta=self.meta,
            present=present,
            teller=self.teller,
            clock=self.clock,
        ).run(reading, with_advisories=with_advisories)
        return reading

    @property
    def told(self) -> list[str]:
        """What was told, as headers of mails say it, in order."""
        return [dict(email.headers)["X-AKS-Notice"] for _, email in self.mailer.arrived]


@contextmanager
def asking(watched: Watched | None = None, **settings: str) -> Iterator[AskingWorld]:
    """Serve a stand-in, and start a notifier that asks it."""
    with ArmEndpoint() as azure:
        azure.add_subscription(SUBSCRIPTION, "Shop (production)")
        world = AskingWorld(azure, watched, **settings)
        with world.arm:
            yield world
