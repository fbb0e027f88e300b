"""What a maintenance configuration says, as values: the schedule, the window, and when there is to be none.

Names and limits are those of `Microsoft.ContainerService/managedClusters/maintenanceConfigurations`, API
version 2025-10-01. Everything is frozen and survives msgspec's JSON.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT = "default"
"""Governs the weekly releases of AKS: control plane components and add-ons."""

AUTO_UPGRADE = "aksManagedAutoUpgradeSchedule"
"""Governs the cluster's auto-upgrade channel."""

NODE_OS = "aksManagedNodeOSUpgradeSchedule"
"""Governs the node OS auto-upgrade channel."""

NAMES = (DEFAULT, AUTO_UPGRADE, NODE_OS)

GOVERNS = {
    Upgrade.KUBERNETES: AUTO_UPGRADE,
    Upgrade.NODE_OS: NODE_OS,
    Upgrade.WEEKLY_RELEASE: DEFAULT,
}
"""Which configuration governs which kind of maintenance. No window governs the other kinds."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

HOURS_IN_A_WEEK = 7 * 24

SHORTEST_WINDOW, LONGEST_WINDOW = 4, 24
"""The limits of durationHours."""

CERTAIN_DAYS = 28
"""Every month has this many days. What AKS does about later ones in shorter months is not documented."""


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
    are empty where the JSON is a body as one would send it.
    """

    name: str = ""
    id: str = ""
    window: MaintenanceWindow | TimeInWeek
    not_allowed_time: tuple[TimeSpan, ...] = ()
    created: datetime | None = None
    changed: datetime | None = None

    @property
    def utc_offset(self) -> timedelta:
        """How far the window's local time lies from UTC; the older form is in UTC."""
        return self.window.utc_offset if isinstance(self.window, MaintenanceWindow) else timedelta(0)

    @property
    def zone(self) -> timezone:
        """The same as a time zone."""
        return timezone(self.utc_offset)


def governing(configurations: Iterable[Configuration], upgrade: Upgrade) -> Configuration | None:
    """Return the configuration that governs this kind of maintenance; None where there is none for it."""
    name = GOVERNS.get(upgrade)
    if name is None:
        return None
    return next((configuration for configuration in configurations if configuration.name == name), None)
