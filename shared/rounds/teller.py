"""How a run tells what it observed: by the intake that events go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared.audience import DEFAULT_AUDIENCE
from shared.events.model import Event, Subscription, Upgrade
from shared.notices.records import VIA_RESOURCE_GRAPH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.delivery.intake import Intake
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

    def audiences_of(
        self,
        kind: Kind,
        about: ClusterInfo | Subscription,
        now: datetime,
        upgrade: Upgrade = Upgrade.UNKNOWN,
    ) -> tuple[str, ...]:
        """Return the audiences that hear of something about a cluster, or a subscription, by the routes."""
        known = None if isinstance(about, Subscription) else about
        event = Event(
            event_id=kind,
            status="Observed",
            subject=about if isinstance(about, Subscription) else about.cluster,
            time=now,
            updated=now,
            region=known.location if known else "",
            upgrade=upgrade,
            news=kind,
            tags=known.all_tags() if known and self.routes.tags else {},
        )
        return self.routes.audiences_for(event, kind)

    def tell_operator(self, event: Event) -> Decision:
        """Record an observation for the default audience. Raises TableUnavailable."""
        return self.tell(event, audiences=(self.routes.audience(DEFAULT_AUDIENCE).id,))
