"""Staggered starts for windows that start together in one subscription.

AKS's documentation warns that many clusters with the same window can be throttled by Azure Resource Manager,
so that their upgrades fail. What is moved, is moved as little as can be: by an hour where there is room, else
by less, within four hours and within its own day, so that a night's window stays in its night. Followed
together, the proposals leave no two windows of a subscription with the same start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ops.linting.schedules import renewed
from shared.maintenance import Configuration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ops.linting.model import ListedCluster
    from ops.linting.rule import LintContext
    from shared.maintenance.configuration import MaintenanceWindow

_STEPS = (60, 30, 15, 5, 1)
"""Minutes between two starts: as many as there is room for."""

_NEAR_MINUTES = 4 * 60
_DAY_MINUTES = 24 * 60


def propose(context: LintContext) -> dict[tuple[str, str], MaintenanceWindow]:
    """Return a new window for every configuration that starts together with one listed before it.

    The key is the cluster's key and the configuration's name. A cluster's own windows that start together are
    parted only where another cluster starts then, too.
    """
    found: dict[tuple[str, str], MaintenanceWindow] = {}
    for listed in context.clusters:
        if listed.cluster is None:
            continue
        for configuration in listed.configurations:
            if first_shared(listed, configuration, context) is None:
                continue
            occupied = context.occupied[listed.cluster.subscription.lower()]
            moved, starts = _free(configuration, occupied, context)
            occupied |= starts
            found[listed.cluster.key, configuration.name] = moved
    return found


def apart(
    listed: ListedCluster, name: str, window: MaintenanceWindow, context: LintContext
) -> MaintenanceWindow:
    """Return a new window of a cluster, moved where it would start together with another one."""
    if listed.cluster is None:
        return window
    occupied = context.occupied.setdefault(listed.cluster.subscription.lower(), set())
    configuration = Configuration(name=name, window=window)
    starts = set(context.coming_starts(configuration))
    if starts & occupied:
        window, starts = _free(configuration, occupied, context)
    occupied |= starts
    return window


def first_shared(
    listed: ListedCluster, configuration: Configuration, context: LintContext
) -> tuple[datetime, list[str]] | None:
    """Return the first start that is shared with something listed before, and the clusters that share it."""
    assert listed.cluster is not None
    for start in context.coming_starts(configuration):
        together = context.starts[listed.cluster.subscription.lower(), start]
        names = list(dict.fromkeys(other.name for other, _ in together))
        is_first = together[0][0] is listed and together[0][1] is configuration
        if len(names) > 1 and not is_first:
            return start, [name for name in names if name != listed.name]
    return None


def _free(
    configuration: Configuration, occupied: set[datetime], context: LintContext
) -> tuple[MaintenanceWindow, set[datetime]]:
    """Return the window, moved to where it starts with no other, and its starts."""
    window = renewed(configuration)
    for minutes in _moves(window):
        moment = window.start_time.hour * 60 + window.start_time.minute + minutes
        moved = msgspec.structs.replace(
            window, start_time=window.start_time.replace(hour=moment // 60, minute=moment % 60)
        )
        starts = set(context.coming_starts(msgspec.structs.replace(configuration, window=moved)))
        if not starts & occupied:
            return moved, starts
    return window, set()  # 1,440 windows a day, a minute apart: no subscription holds so many clusters


def _moves(window: MaintenanceWindow) -> Iterator[int]:
    """Yield minutes to move a window by, the best first, all within its own day."""
    now = window.start_time.hour * 60 + window.start_time.minute
    near = [
        sign * minutes
        for step in _STEPS
        for sign in (1, -1)
        for minutes in range(step, _NEAR_MINUTES + 1, step)
        if 0 <= now + sign * minutes < _DAY_MINUTES
    ]
    yield from near
    yield from (minutes - now for minutes in range(_DAY_MINUTES))
