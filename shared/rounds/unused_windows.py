"""Windows that passed without a word of AKS, though there was something to upgrade to.

Each window is looked at once, by the run after its end, and only if it began after the first reading.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from shared.events.model import Upgrade
from shared.events.observation import UnusedWindow, observed
from shared.maintenance import coverage, governing, occurrences
from shared.maintenance.support_calendar import is_released, minor
from shared.notices.kinds import Kind
from shared.sources.arm import ArmError
from shared.sources.upgrades import latest_image, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime

    from shared.maintenance import Configuration, Window
    from shared.maintenance.inventory import ClusterInfo
    from shared.notices.records import StoredEvent
    from shared.rounds.parts import RoundParts

log = logging.getLogger("notifier")

RUN_SECONDS = 60.0
"""After so long no further upgrade profile is asked for."""

AFTER = timedelta(hours=1)
"""How long after a window AKS may still report what began in it."""

ANNOUNCED_BEFORE = timedelta(days=8)
"""An announcement without a start may be of any window of the days that follow it."""

_SHORT = timedelta(hours=4)
_MAX_WINDOWS = 400


class UnusedWindows:
    """Looks at the windows that have passed since the last run."""

    def __init__(self, parts: RoundParts, first: datetime, before: datetime) -> None:
        """`first` is when the first reading ended, `before` when the last run was."""
        self._parts = parts
        self._now = parts.clock.now()
        self._began = parts.clock.monotonic()
        self._first = first
        self._before = before
        self._newest: dict[str, tuple[int, ...]] = {}
        """The newest minor version that clusters of a region run."""

    def run(self, clusters: Sequence[tuple[ClusterInfo, Sequence[StoredEvent]]]) -> int:
        """Tell of each cluster's unused windows; return their number. Raises TableUnavailable."""
        told = 0
        self._newest = _newest((known for known, _ in clusters), self._now.date())
        for known, news in clusters:
            for upgrade, name in coverage.channels(known):
                found = governing(known.configurations, upgrade)
                window = self._passed(found) if found else None
                if window is None or _is_heard(news, window):
                    continue
                if self._parts.clock.monotonic() - self._began > RUN_SECONDS:
                    log.warning("unused windows: time is up, and not all are looked at")
                    return told
                told += self._tell(known, upgrade, name, window)
        return told

    def _passed(self, found: Configuration) -> Window | None:
        """Return the last window that has ended since the last run, and began after the first reading."""
        start = max(self._first, self._before - timedelta(days=2))
        coming = takewhile(lambda window: window.end + AFTER <= self._now, occurrences(found, start))
        passed = [
            window
            for window in islice(coming, _MAX_WINDOWS)
            if window.start > self._first and window.end + AFTER > self._before
        ]
        return passed[-1] if passed else None

    def _tell(self, known: ClusterInfo, upgrade: Upgrade, name: str, window: Window) -> int:
        try:
            current, available = self._offered(known, upgrade)
        except ArmError as error:
            log.warning("what %s could be upgraded to is not known: %s", known.cluster.id, error)
            return 0
        if not available:
            return 0
        facts = UnusedWindow(
            configuration=name,
            start=window.start,
            end=window.end,
            current=current,
            available=available,
            reasons=tuple(_reasons(known, window)),
        )
        self._parts.teller.tell(
            observed(
                Kind.NOTHING_HAPPENED,
                facts,
                subject=known.cluster,
                id=f"unused window {known.cluster.key} {name} {window.start.isoformat()}",
                time=window.end,
                region=known.location,
                description="a window passed, and nothing happened",
            )
        )
        return 1

    def _offered(self, known: ClusterInfo, upgrade: Upgrade) -> tuple[str, str]:
        """Return what runs, and what the channel would have taken; empty where there is nothing."""
        if upgrade is Upgrade.KUBERNETES and known.channel.lower() != "node-image":
            offered = versions(self._parts.arm, known.cluster)
            newest = max((_minor(one) for one in offered), default=())
            newest = max(newest, self._newest.get(known.location.lower(), ()))
            taken = (one for one in offered if _takes(known, one, newest))
            return known.version, max(taken, key=_parts, default="")
        for pool, image in known.images.items():
            latest = latest_image(self._parts.arm, known.cluster, pool)
            if latest and latest != image:
                return image, latest
        return "", ""


def _newest(clusters: Iterable[ClusterInfo], today: date) -> dict[str, tuple[int, ...]]:
    """Return the newest minor version, previews left out, that clusters of each region run."""
    found: dict[str, tuple[int, ...]] = {}
    for known in clusters:
        if is_released(known.version, today):
            region = known.location.lower()
            found[region] = max(found.get(region, ()), _minor(known.version))
    return found


def _takes(known: ClusterInfo, version: str, newest: tuple[int, ...]) -> bool:
    """Return whether a channel surely takes a version.

    `rapid` takes any, all take a patch of what runs, and `stable` what is older than the newest minor version
    (https://learn.microsoft.com/azure/aks/auto-upgrade-cluster, 2026-06-26). No profile says which that is:
    it is at least `newest`, so that what `stable` takes is at times passed over, and never made up.
    """
    if _parts(version) <= _parts(known.version):
        return False
    match known.channel.lower():
        case "rapid":
            return True
        case "stable" if _minor(version) < newest:
            return True
        case _:
            return minor(version) == minor(known.version)


def _minor(version: str) -> tuple[int, ...]:
    return _parts(minor(version))


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split(".") if part.isdecimal())


def _is_heard(news: Iterable[StoredEvent], window: Window) -> bool:
    """Return whether AKS said anything of a window: announced it, or reported something in it."""
    for row in news:
        event = row.event
        if event.end_of_support is not None or event.news:
            continue
        moment = event.start or event.updated
        if window.start - AFTER <= moment <= window.end + AFTER:
            return True
        if event.start is None and window.start - ANNOUNCED_BEFORE <= event.time <= window.end:
            return True
    return False


def _reasons(known: ClusterInfo, window: Window) -> Iterator[str]:
    if known.power.lower() == "stopped":
        yield "The cluster is stopped."
    if known.state.lower() == "failed":
        yield "The cluster is in Failed state, which keeps upgrades from starting."
    if window.end - window.start < _SHORT:
        yield "The window is shorter than four hours, the least that AKS wants."
    if known.os_channel.lower() == "unmanaged":
        yield "The node OS channel is Unmanaged: the OS patches itself, and AKS replaces no image."
