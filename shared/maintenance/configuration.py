"""What a maintenance configuration says, as values: the schedule, the window, and when there is to be none.

Names and limits are those of `Microsoft.ContainerService/managedClusters/maintenanceConfigurations`, API
version 2025-10-01, and of shared windows. Everything is frozen and survives msgspec's JSON.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT = "default"
"""Governs the weekly releases of AKS: control plane components and add-ons."""

AUTO_UPGRADE = "aksManagedAutoUpgradeSchedule"
"""Governs the cluster's auto-upgrade channel."""

NODE_OS = "aksManagedNodeOSUpgradeSchedule"
"""Governs the node OS auto-upgrade channel."""

NAMES = (DEFAULT, AUTO_UPGRADE, NODE_OS)
"""The only names that AKS takes (Azure/ARO-HCP#3260 has its refusal of any other)."""

GOVERNS = {
    Upgrade.KUBERNETES: AUTO_UPGRADE,
    Upgrade.NODE_OS: NODE_OS,
    Upgrade.WEEKLY_RELEASE: DEFAULT,
}
"""Which configuration governs which kind of maintenance. No window governs the other kinds."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

HOURS_IN_A_WEEK = 7 * 24

MIN_WINDOW_HOURS, MAX_WINDOW_HOURS = 4, 24
"""The limits of durationHours."""

CERTAIN_DAYS = 28
"""Every month has this many days. What AKS does about later ones in shorter months is not documented."""


class Doubt(StrEnum):
    """Why a window is approximate: what AKS does not document, or what it does not heed."""

    INTERVAL = "AKS documents no example of how it counts an interval above 1 from startDate"
    SHORT_MONTH = "not every month has this day, and what AKS does then is not documented"
    BLACKOUT = "a time without maintenance covers a part of it"
    RARE_DEFAULT = "AKS has ignored a default that is rarer than weekly since June 2025 (Azure/AKS#5050)"
    UNKNOWN_NAME = "AKS knows no configuration of this name"
    OLDER_FORM = "timeInWeek is documented for default alone"


class WeekIndex(StrEnum):
    """Which of a month's Mondays, Tuesdays, ... is meant."""

    FIRST = "First"
    SECOND = "Second"
    THIRD = "Third"
    FOURTH = "Fourth"
    LAST = "Last"


class Daily(msgspec.Struct, frozen=True, tag="daily"):
    """Every so many days."""

    interval: int


class Weekly(msgspec.Struct, frozen=True, tag="weekly"):
    """Every so many weeks on this day; Monday is 0."""

    interval: int
    weekday: int


class AbsoluteMonthly(msgspec.Struct, frozen=True, tag="absoluteMonthly"):
    """Every so many months on this day of the month, 1 to 31."""

    interval: int
    day: int


class RelativeMonthly(msgspec.Struct, frozen=True, tag="relativeMonthly"):
    """Every so many months on its first, ... last of this day of the week; Monday is 0."""

    interval: int
    week: WeekIndex
    weekday: int


Schedule = Daily | Weekly | AbsoluteMonthly | RelativeMonthly


class DateSpan(msgspec.Struct, frozen=True):
    """Days without maintenance, by the window's own offset from UTC. The end is inclusive."""

    start: date
    end: date


class TimeSpan(msgspec.Struct, frozen=True):
    """A time without maintenance, in UTC. The end is exclusive."""

    start: datetime
    end: datetime


class MaintenanceWindow(msgspec.Struct, frozen=True, kw_only=True, tag="maintenanceWindow"):
    """A recurring window. Its time and its dates are local to `utc_offset`, which knows no summer time."""

    schedule: Schedule
    duration: timedelta
    start_time: time
    utc_offset: timedelta = timedelta(0)
    start_date: date | None = None
    """The window is inactive before this date, and its intervals are counted from it."""
    not_allowed_dates: tuple[DateSpan, ...] = ()


class TimeInWeek(msgspec.Struct, frozen=True, tag="timeInWeek"):
    """The older form: hours of the week in UTC, Monday 00:00 is 0, in order and each once."""

    hours: tuple[int, ...]

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """The hours as runs of first hour and length, in order; one that passes Sunday midnight is one run.

        Where every hour is allowed there is no end to find: then it is one run for each week.
        """
        if len(self.hours) == HOURS_IN_A_WEEK:
            return ((0, HOURS_IN_A_WEEK),)
        allowed = frozenset(self.hours)
        found: list[tuple[int, int]] = []
        for hour in self.hours:
            if (hour - 1) % HOURS_IN_A_WEEK not in allowed:
                length = 1
                while (hour + length) % HOURS_IN_A_WEEK in allowed:
                    length += 1
                found.append((hour, length))
        return tuple(found)


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """One maintenance configuration of a cluster.

    `name` is one of NAMES, spelled as there, or, where AKS has one that is new to us, as sent; it and `id`
    are empty where the JSON is a body as one would send it. `window` is None where the configuration holds
    no schedule: nothing was set, or the schedule lives in the shared window that `window_id` names.
    """

    name: str = ""
    id: str = ""
    window: MaintenanceWindow | TimeInWeek | None
    not_allowed_time: tuple[TimeSpan, ...] = ()
    created: datetime | None = None
    changed: datetime | None = None
    window_id: str = ""
    """The resource ID of the shared window that the schedule is derived from (preview of 2026)."""

    @property
    def utc_offset(self) -> timedelta:
        """How far the window's local time lies from UTC; the older form is in UTC."""
        return self.window.utc_offset if isinstance(self.window, MaintenanceWindow) else timedelta(0)

    @property
    def zone(self) -> timezone:
        """The same as a time zone."""
        return timezone(self.utc_offset)

    @property
    def unheeded(self) -> Doubt | None:
        """Why AKS does not heed this configuration, whatever its dates; None where it does."""
        if self.name and self.name not in NAMES:
            return Doubt.UNKNOWN_NAME
        if isinstance(self.window, TimeInWeek):
            return Doubt.OLDER_FORM if self.name in {AUTO_UPGRADE, NODE_OS} else None
        is_rare = self.window is not None and not is_weekly(self.window.schedule)
        return Doubt.RARE_DEFAULT if self.name == DEFAULT and is_rare else None


def is_weekly(schedule: Schedule) -> bool:
    """Return whether windows come once a week or more often, whatever the days."""
    return isinstance(schedule, Daily) or schedule == Weekly(1, getattr(schedule, "weekday", 0))


class SharedWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A shared maintenance window: `Microsoft.ContainerService/maintenanceWindows`, API 2026-04-02-preview.

    Maintenance configurations of any number of clusters are linked to it by their maintenanceWindowId.
    """

    id: str
    name: str
    window: MaintenanceWindow
    location: str = ""
    tags: dict[str, str] = {}
    created: datetime | None = None
    changed: datetime | None = None

    @property
    def key(self) -> str:
        """Return what tells shared windows apart: the ID, whose case means nothing."""
        return self.id.lower()

    def configuration(self) -> Configuration:
        """Return the schedule as a configuration under the shared window's own name."""
        return Configuration(window=self.window, id=self.id, created=self.created, changed=self.changed)


def linked(configuration: Configuration, shared: Mapping[str, SharedWindow]) -> Configuration:
    """Return the configuration with the schedule of the shared window that it is linked to.

    `shared` is keyed by the shared windows' keys. A configuration without a link, or whose shared window is
    not among them, is returned as it is: then the schedule that AKS computed into it counts, if there is one.
    """
    found = shared.get(configuration.window_id.lower()) if configuration.window_id else None
    if found is None:
        return configuration
    return msgspec.structs.replace(
        configuration, window=found.window, created=found.created, changed=found.changed
    )


def governing(configurations: Iterable[Configuration], upgrade: Upgrade) -> Configuration | None:
    """Return the configuration that governs this kind of maintenance; None where there is none for it.

    A configuration that AKS does not heed, or that holds no schedule, governs nothing; one that is linked to
    a shared window does, even where that window is not known.
    """
    name = GOVERNS.get(upgrade)
    if name is None:
        return None
    found = next((configuration for configuration in configurations if configuration.name == name), None)
    if found is None or found.unheeded or (found.window is None and not found.window_id):
        return None
    return found
