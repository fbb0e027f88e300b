"""The maintenance windows to be expected that no notice covers yet. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared.clusters.schedule import FRESH
from shared.events.model import Cluster, Upgrade
from shared.maintenance import Window, governing, occurrences
from shared.maintenance.configuration import GOVERNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.maintenance.inventory import ClusterInfo
    from shared.pages.maintenance_state import MaintenanceState

HORIZON = timedelta(days=90)


class ExpectedWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A window in which a cluster's maintenance may come, and for which kinds of it."""

    cluster: Cluster
    name: str
    """The configuration's."""
    upgrade: Upgrade
    window: Window
    stamp: datetime
    """When what it says was so: the configuration's last change, else the window's start."""
    region: str = ""


def expected(
    known: ClusterInfo, found: Sequence[MaintenanceState], now: datetime
) -> Iterator[ExpectedWindow]:
    """Yield a cluster's windows that begin within the horizon, a running one among them, by kind.

    Left out are those that a notice covers: of the same kind or an unknown one, begun or planned inside.
    """
    if now - known.read > FRESH:
        return
    for upgrade in GOVERNS:
        configuration = governing(known.configurations, upgrade)
        if configuration is None:
            continue
        told = [
            one.start for one in found if one.start is not None and one.upgrade in {upgrade, Upgrade.UNKNOWN}
        ]
        for window in occurrences(configuration, now, now + HORIZON):
            if not any(window.start <= start < window.end for start in told):
                yield ExpectedWindow(
                    cluster=known.cluster,
                    name=configuration.name,
                    upgrade=upgrade,
                    window=window,
                    stamp=configuration.changed or window.start,
                    region=known.location.replace(" ", "").lower(),
                )
