"""How a run tells what it observed: by the intake that events go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared.audience import DEFAULT_AUDIENCE
from shared.events.model import Event, Installation, Subscription, Upgrade
from shared.events.observation import observed
from shared.notices.records import VIA_RESOURCE_GRAPH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.delivery.intake import Intake
    from shared.events.observation import Form
    from shared.maintenance.inventory import ClusterInfo
    from shared.notices.kinds import Decision, Kind
    from shared.routes import Routes


class Teller:
    """Records observations: for whom the routes say, or for the operator."""

    def __init__(self, intake: Intake, routes: Routes) -> None:
        self._intake = intake
        self.routes = routes

    def tell(self, event: Event, audiences: Sequence[str] | None = None) -> Decision:
        """Record an observation, and tell it once, to these audiences or as the routes say.

        Raises TableUnavailable.
        """
        raw = msgspec.json.encode(event.facts).decode()
        return self._intake.record(event, raw, via=VIA_RESOURCE_GRAPH, audiences=audiences, at_once=False)

    def announce(  # noqa: PLR0917 - what an observation is made of
        self,
        kind: Kind,
        facts: Form,
        id_: str,
        now: datetime,
        description: str,
        audiences: Sequence[str] | None = None,
        subject: Subscription | Installation = Installation(),  # noqa: B008 - frozen
    ) -> Decision:
        """Record an observation that is of no cluster, and tell it once, to these audiences or the operator.

        Raises TableUnavailable.
        """
        event = observed(kind, facts, subject=subject, id=id_, time=now, description=description)
        operator = (self.routes.audience(DEFAULT_AUDIENCE).id,)
        return self.tell(event, operator if audiences is None else audiences)

    def audiences_of(
        self, kind: Kind, about: ClusterInfo | Subscription, now: datetime, upgrade: Upgrade = Upgrade.UNKNOWN
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
