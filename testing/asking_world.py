"""A whole notifier, and a stand-in of Azure that it asks over HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.rounds import fleet_runs
from shared.rounds.daily import DailyFindings
from shared.rounds.failed_states import FailedStates
from shared.rounds.inventory_reading import Inventory, InventoryReading
from shared.rounds.reconcile import Reconcile, ReconcileResult
from shared.rounds.subscriptions import Watched
from shared.sources.arm import Arm
from shared.sources.resource_graph import ResourceGraph
from shared.store.meta import Meta
from testing.arm_endpoint import ArmEndpoint, Tokens
from testing.samples.payloads import SUBSCRIPTION
from testing.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.rounds.parts import RoundParts
    from shared.rounds.teller import Teller

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
    def parts(self) -> RoundParts:
        """What one run works with."""
        return self.notifier.round_parts(self.arm)._replace(graph=self.graph, clock=self.clock)

    @property
    def teller(self) -> Teller:
        """What runs tell by."""
        return self.parts.teller

    def reconcile(self, **after: float) -> ReconcileResult:
        """Let time pass, and reconcile."""
        self.clock.forward(**after)
        return self.a_run().run()

    def a_run(self) -> Reconcile:
        """Make one run."""
        return Reconcile(self.parts, self.watched)

    def look_for_failed_states(self, **after: float) -> int:
        """Let time pass, and look for clusters in Failed state."""
        self.clock.forward(**after)
        return FailedStates(self.parts).run(self.watched.subscriptions)

    def poll_fleets(self, **after: float) -> fleet_runs.PollResult:
        """Let time pass, and look at the update runs of fleets."""
        self.clock.forward(**after)
        reminds = bool(self.config.watch.gate_reminder)
        polling = fleet_runs.FleetRuns(self.parts, knows_clusters=True, reminds_of_gates=reminds)
        return polling.run(self.watched.subscriptions)

    def read(self, *, with_advisories: bool = False, **after: float) -> InventoryReading:
        """Let time pass, and do the daily reading with what follows from it."""
        self.clock.forward(**after)
        parts = self.parts
        reading = Inventory(parts, self.watched).run()
        DailyFindings(parts).run(reading, with_advisories=with_advisories)
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
