"""What the runs that ask Azure work with: clients, rows, intake and teller, put together for each run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shared.rounds.teller import Teller
from shared.sources.resource_graph import ResourceGraph
from shared.store.ledger import Ledger
from shared.store.meta import Meta
from shared.store.present import PresentState

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.delivery.intake import Intake
    from shared.routes import Routes
    from shared.sources.arm import Arm
    from shared.store.protocol import Store
    from shared.store.table import BrowsableTable


class RoundParts(NamedTuple):
    """What a run that asks Azure works with."""

    arm: Arm
    graph: ResourceGraph
    store: Store
    meta: Meta
    ledger: Ledger
    present: PresentState
    intake: Intake
    teller: Teller
    clock: Clock


def round_parts(  # noqa: PLR0917 - the collaborators
    arm: Arm, store: Store, table: BrowsableTable, intake: Intake, routes: Routes, clock: Clock
) -> RoundParts:
    """Put them together; `table` is that of the store. No round trip."""
    meta, ledger, present = Meta(table), Ledger(table), PresentState(table)
    return RoundParts(
        arm, ResourceGraph(arm), store, meta, ledger, present, intake, Teller(intake, routes), clock
    )
