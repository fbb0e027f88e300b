"""What intake and sweep work with, put together once."""

from __future__ import annotations

import msgspec

from shared.clock import TableClock
from shared.clusters.lookup import Lookup
from shared.clusters.runs import RunLookup
from shared.delivery.composer import Composer
from shared.delivery.grouping import Grouping
from shared.delivery.limiter import Limiter
from shared.delivery.sender import Sender
from shared.routes import Routes
from shared.store.protocol import Store


class DeliveryParts(msgspec.Struct, frozen=True, kw_only=True):
    """What intake and sweep work with."""

    store: Store
    composer: Composer
    sender: Sender
    limiter: Limiter
    routes: Routes
    clock: TableClock
    grouping: Grouping
    clusters: Lookup
    runs: RunLookup
