"""Rules about the upgrade channels and the windows that go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ops.linting import commands
from ops.linting.rule import AUTO_UPGRADES, NODE_IMAGES, PLANNED, Problem, Rule, Severity
from ops.linting.schedules import RECOMMENDED, SUNDAY
from shared.maintenance import AUTO_UPGRADE, NODE_OS
from shared.maintenance.configuration import (
    AbsoluteMonthly,
    Configuration,
    Daily,
    MaintenanceWindow,
    RelativeMonthly,
    Weekly,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.linting.listing import ListedCluster
    from ops.linting.rule import Around

NODE_IMAGE, SECURITY_PATCH = "nodeimage", "securitypatch"
LEGACY = "node-image"
NO_CHANNEL = frozenset({"none", "unmanaged"})


def no_auto_upgrade_window(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find an auto-upgrade channel without its window."""
    if listed.is_complete and listed.channel not in {None, "none"} and not listed.has(AUTO_UPGRADE):
        mend = commands.put(listed, AUTO_UPGRADE, RECOMMENDED, around.now)
        yield Problem(AUTO_UPGRADE, f"missing; the auto-upgrade channel is {listed.channel}", mend)


def no_node_os_window(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find a node OS channel without its window."""
    if listed.is_complete and listed.os_channel in {NODE_IMAGE, SECURITY_PATCH} and not listed.has(NODE_OS):
        mend = commands.put(listed, NODE_OS, RECOMMENDED, around.now)
        yield Problem(NODE_OS, f"missing; the node OS channel is {listed.os_channel}", mend)


def window_without_channel(listed: ListedCluster, _: Around) -> Iterator[Problem]:
    """Find windows whose channel is off."""
    if listed.channel == "none" and listed.has(AUTO_UPGRADE):
        mend = commands.update(listed, auto_upgrade_channel="patch")
        yield Problem(AUTO_UPGRADE, "the auto-upgrade channel is none", mend)
    if listed.os_channel in NO_CHANNEL and listed.has(NODE_OS):
        mend = commands.update(listed, node_os_upgrade_channel="NodeImage")
        yield Problem(NODE_OS, f"the node OS channel is {listed.os_channel}", mend)


def node_image_cadence(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find NodeImage with windows further apart than a week."""
    if listed.os_channel == NODE_IMAGE:
        yield from _slower_than_weekly(listed, around)


def security_patch_cadence(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find SecurityPatch with windows further apart than a week."""
    if listed.os_channel == SECURITY_PATCH:
        yield from _slower_than_weekly(listed, around)


def auto_upgrade_cadence(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    """Find auto-upgrade windows further apart than a month; not where the channel is off anyway."""
    found = listed.configuration(AUTO_UPGRADE)
    if found and isinstance(found.window, MaintenanceWindow) and listed.channel != "none":
        schedule = found.window.schedule
        if isinstance(schedule, AbsoluteMonthly | RelativeMonthly) and schedule.interval > 1:
            monthly = msgspec.structs.replace(schedule, interval=1)
            window = msgspec.structs.replace(found.window, schedule=monthly)
            mend = commands.put(listed, found.name, window, around.now)
            yield Problem(found.name, f"a window every {schedule.interval} months", mend)


def legacy_channel(listed: ListedCluster, _: Around) -> Iterator[Problem]:
    """Find the auto-upgrade channel node-image."""
    if listed.channel == LEGACY:
        mend = commands.update(listed, auto_upgrade_channel="none", node_os_upgrade_channel="NodeImage")
        yield Problem("", "the auto-upgrade channel is node-image", mend)


def _slower_than_weekly(listed: ListedCluster, around: Around) -> Iterator[Problem]:
    found = listed.configuration(NODE_OS)
    rhythm = _rhythm(found) if found else ""
    if found and rhythm and isinstance(found.window, MaintenanceWindow):
        schedule = found.window.schedule
        weekday = schedule.weekday if isinstance(schedule, Weekly | RelativeMonthly) else SUNDAY
        window = msgspec.structs.replace(found.window, schedule=Weekly(1, weekday))
        yield Problem(found.name, rhythm, commands.put(listed, found.name, window, around.now))


def _rhythm(found: Configuration) -> str:
    """Say how far apart the windows are; empty where that is a week or less."""
    match found.window:
        case MaintenanceWindow(schedule=Daily()):
            return ""
        case MaintenanceWindow(schedule=Weekly(interval=interval)):
            return f"a window every {interval} weeks" if interval > 1 else ""
        case MaintenanceWindow(schedule=schedule):
            return "a window every month" if schedule.interval == 1 else f"every {schedule.interval} months"
        case _:
            return ""


RULES = (
    Rule(
        "no-auto-upgrade-window",
        Severity.WARNING,
        "Without aksManagedAutoUpgradeSchedule a cluster is upgraded at random times (fallback schedule).",
        PLANNED,
        no_auto_upgrade_window,
    ),
    Rule(
        "no-node-os-window",
        Severity.WARNING,
        "Without aksManagedNodeOSUpgradeSchedule nodes are upgraded at random times (fallback schedule).",
        PLANNED,
        no_node_os_window,
    ),
    Rule(
        "window-without-channel",
        Severity.INFO,
        "A window enables no upgrades: it has no effect while its channel is off, and AKS announces nothing.",
        PLANNED,
        window_without_channel,
    ),
    Rule(
        "node-image-cadence",
        Severity.WARNING,
        "A new node image is shipped every week: with the NodeImage channel windows should be weekly.",
        PLANNED,
        node_image_cadence,
    ),
    Rule(
        "security-patch-cadence",
        Severity.INFO,
        "Security patches come faster than weekly: with the SecurityPatch channel windows can be daily, and "
        "should be weekly at least.",
        NODE_IMAGES,
        security_patch_cadence,
    ),
    Rule(
        "auto-upgrade-cadence",
        Severity.WARNING,
        "A monthly cadence at least keeps a cluster within the N-2 support policy.",
        PLANNED,
        auto_upgrade_cadence,
    ),
    Rule(
        "legacy-channel",
        Severity.WARNING,
        "The auto-upgrade channel node-image is legacy and should no longer be used; the node OS channel "
        "NodeImage takes its place.",
        AUTO_UPGRADES,
        legacy_channel,
    ),
)
