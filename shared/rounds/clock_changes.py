"""Windows that are about to move against people's clocks: told a week ahead, once a change and audience.

The offset of a window from UTC is fixed, and clocks are not (Azure/AKS#4670). Whose clocks count says the
audience: those of its own zone, else of `TIME_ZONE`.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from shared.events.observation import ClockMove, MovedWindow
from shared.maintenance import next_window
from shared.maintenance.clock_changes import clock_changes
from shared.maintenance.configuration import Daily, MaintenanceWindow
from shared.notices.kinds import Decision, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from shared.maintenance.clock_changes import ClockChange
    from shared.maintenance.inventory import ClusterInfo
    from shared.rounds.teller import Teller

AHEAD = timedelta(days=7)
_FRESH = timedelta(days=7)
"""Windows that were read longer ago may well be others by now."""

_MAX_LISTED = 40


def tell(teller: Teller, clusters: Iterable[ClusterInfo], now: datetime) -> int:
    """Tell each audience whose clocks change within a week which windows move; return how many were told.

    Raises TableUnavailable.
    """
    by_audience: dict[str, list[ClusterInfo]] = defaultdict(list)
    for known in clusters:
        if known.configurations and now - (known.windows_read or known.read) <= _FRESH:
            for audience in teller.audiences_of(Kind.CLOCK_CHANGE, known, now):
                by_audience[audience].append(known)
    changes: dict[str, list[ClockChange]] = {}
    told = 0
    for audience, those in by_audience.items():
        zone = teller.routes.audience(audience).time_zone
        if zone not in changes:
            changes[zone] = clock_changes(ZoneInfo(zone), now, 1)
        for change in changes[zone]:
            moved = [window for known in those for window in _moved(known, change)]
            if moved and change.at - now <= AHEAD:
                told += _tell(teller, audience, zone, change, moved, now) is Decision.NEW
    return told


def _moved(known: ClusterInfo, change: ClockChange) -> Iterator[MovedWindow]:
    """Yield the windows of a cluster that come after a change."""
    for configuration in known.configurations:
        if configuration.unheeded is None and configuration.window is not None:
            window = next_window(configuration, change.at)
            if window is not None:
                schedule = configuration.window
                yield MovedWindow(
                    cluster=known.cluster.name,
                    subscription=known.subscription_name,
                    configuration=configuration.name,
                    start=window.start,
                    is_daily=isinstance(schedule, MaintenanceWindow) and isinstance(schedule.schedule, Daily),
                )


def _tell(  # noqa: PLR0917 - what one notice is made of
    teller: Teller,
    audience: str,
    zone: str,
    change: ClockChange,
    moved: Sequence[MovedWindow],
    now: datetime,
) -> Decision:
    facts = ClockMove(
        zone=zone,
        at=change.at,
        before=change.before // timedelta(minutes=1),
        after=change.after // timedelta(minutes=1),
        windows=tuple(moved[:_MAX_LISTED]),
        count=len(moved),
        clusters=len({(window.subscription, window.cluster) for window in moved}),
    )
    day = change.at.date().isoformat()
    return teller.announce(
        Kind.CLOCK_CHANGE,
        facts,
        f"clock change {zone} {day} for {audience}",
        now,
        f"the clocks of {zone} change on {day}",
        (audience,),
    )
