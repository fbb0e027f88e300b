"""How a run tells what it observed: by the intake that events go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared.audience import DEFAULT_AUDIENCE
from shared.notices.records import VIA_RESOURCE_GRAPH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.delivery.intake import Intake
    from shared.events.model import Event
    from shared.maintenance.inventory import ClusterInfo
    from shared.notices.kinds import Decision, Kind
    from shared.routes import Routes


class Teller:
    """Records observations: for whom the routes say, or for the operator."""

    def __init__(self, intake: Intake, routes: Routes) -> None:
        self._intake = intake
        self.routes = routes

    def tell(self, event: Event, *, audiences: Sequence[str] | None = None, is_told: bool = True) -> Decision:
        """Record an observation, and tell it once. Raises TableUnavailable."""
        raw = msgspec.json.encode(event.facts).decode()
        return self._intake.record(
            event, raw, via=VIA_RESOURCE_GRAPH, audiences=audiences, is_told=is_told, at_once=False
        )

    def audiences_of(self, event: Event, kind: Kind, known: ClusterInfo | None) -> tuple[str, ...]:
        """Return the audiences that hear of something about a cluster, or a subscription, by the routes."""
        if known is not None and self.routes.tags:
            event = msgspec.structs.replace(event, tags=known.all_tags())
        return self.routes.audiences_for(event, kind)

    def tell_operator(self, event: Event) -> Decision:
        """Record an observation for the default audience. Raises TableUnavailable."""
        return self.tell(event, audiences=(self.routes.audience(DEFAULT_AUDIENCE).id,))
