"""Rules about the upgrade channels and the windows that go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ops.linting import commands
from ops.linting.rule import AUTO_UPGRADES, NODE_IMAGES, PLANNED, Problem, Rule, Severity
from ops.linting.schedules import SUNDAY, recommended
from ops.linting.staggering import apart
from shared.maintenance import AUTO_UPGRADE, NODE_OS, Configuration
from shared.maintenance.configuration import (
    AbsoluteMonthly,
    Daily,
    MaintenanceWindow,
    RelativeMonthly,
    Weekly,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.linting.model import ListedCluster
    from ops.linting.rule import LintContext

NODE_IMAGE, SECURITY_PATCH = "nodeimage", "securitypatch"
LEGACY = "node-image"
NO_CHANNEL = frozenset({"none", "unmanaged"})


def no_auto_upgrade_window(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find an auto-upgrade channel without its window."""
    if listed.is_complete and listed.channel not in {None, "none"} and not listed.has(AUTO_UPGRADE):
        mend = _add(listed, AUTO_UPGRADE, context)
        yield Problem(AUTO_UPGRADE, f"missing; the auto-upgrade channel is {listed.channel}", mend)


def no_node_os_window(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find a node OS channel without its window."""
    if listed.is_complete and listed.os_channel in {NODE_IMAGE, SECURITY_PATCH} and not listed.has(NODE_OS):
        mend = _add(listed, NODE_OS, context)
        yield Problem(NODE_OS, f"missing; the node OS channel is {listed.os_channel}", mend)


def no_auto_upgrade(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find clusters that nothing upgrades."""
    if listed.channel == "none" and not listed.has(AUTO_UPGRADE):
        what = "the auto-upgrade channel is none: nothing keeps the cluster inside support"
        mend = commands.update(listed, auto_upgrade_channel="patch")
        yield Problem("", what, _both(mend, _add(listed, AUTO_UPGRADE, context)))


def no_node_os_upgrade(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find clusters whose nodes get no security fixes by themselves."""
    if listed.os_channel == "none" and not listed.has(NODE_OS):
        what = "the node OS channel is None: no automatic upgrades, node images get no security fixes"
        mend = commands.update(listed, node_os_upgrade_channel="NodeImage")
        yield Problem("", what, _both(mend, _add(listed, NODE_OS, context)))


def stopped_cluster(listed: ListedCluster, _: LintContext) -> Iterator[Problem]:
    """Find clusters that are stopped, so that their windows pass unused."""
    names = [found.name for found in listed.configurations]
    if listed.power == "stopped" and names:
        yield Problem("", f"stopped: {', '.join(names)} will pass unused", commands.start(listed))


def _add(listed: ListedCluster, name: str, context: LintContext) -> str:
    """Add a window to begin with, where it starts with no other window of the subscription."""
    window = recommended(name, listed.os_channel)
    window = context.kept(listed, apart(listed, name, window, context))
    return commands.put(listed, name, window, context.now)


def _both(one: str, other: str) -> str:
    return f"{one} && {other}" if one.startswith("az ") else f"{one}; {other}"


def window_without_channel(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find windows whose channel is off."""
    if listed.channel == "none" and listed.has(AUTO_UPGRADE):
        mend = commands.update(listed, auto_upgrade_channel="patch")
        monthly = _monthly(listed.configuration(AUTO_UPGRADE))
        if monthly:
            mend = _both(mend, commands.put(listed, AUTO_UPGRADE, monthly, context.now, unlink=True))
        yield Problem(AUTO_UPGRADE, "the auto-upgrade channel is none", mend)
    if listed.os_channel in NO_CHANNEL and listed.has(NODE_OS):
        mend = commands.update(listed, node_os_upgrade_channel="NodeImage")
        weekly = _weekly(listed.configuration(NODE_OS))
        if weekly:
            mend = _both(mend, commands.put(listed, NODE_OS, weekly, context.now, unlink=True))
        yield Problem(NODE_OS, f"the node OS channel is {listed.os_channel}", mend)


def node_image_cadence(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find NodeImage with windows further apart than a week."""
    if listed.os_channel == NODE_IMAGE:
        yield from _slower_than_weekly(listed, context)


def security_patch_cadence(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find SecurityPatch with windows further apart than a week."""
    if listed.os_channel == SECURITY_PATCH:
        yield from _slower_than_weekly(listed, context)


def auto_upgrade_cadence(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    """Find auto-upgrade windows further apart than a month; not where the channel is off anyway."""
    found = listed.configuration(AUTO_UPGRADE)
    monthly = _monthly(found)
    if found and monthly and isinstance(found.window, MaintenanceWindow) and listed.channel != "none":
        mend = commands.put(listed, found.name, monthly, context.now)
        yield Problem(found.name, f"a window every {found.window.schedule.interval} months", mend)


def _monthly(found: Configuration | None) -> MaintenanceWindow | None:
    """Return the window every month, where it is further apart than that."""
    if found and isinstance(found.window, MaintenanceWindow):
        schedule = found.window.schedule
        if isinstance(schedule, AbsoluteMonthly | RelativeMonthly) and schedule.interval > 1:
            return msgspec.structs.replace(
                found.window, schedule=msgspec.structs.replace(schedule, interval=1)
            )
    return None


def _weekly(found: Configuration | None) -> MaintenanceWindow | None:
    """Return the window every week, where it is further apart than that."""
    if found is None or not _rhythm(found) or not isinstance(found.window, MaintenanceWindow):
        return None
    schedule = found.window.schedule
    weekday = schedule.weekday if isinstance(schedule, Weekly | RelativeMonthly) else SUNDAY
    return msgspec.structs.replace(found.window, schedule=Weekly(1, weekday))


def legacy_channel(listed: ListedCluster, _: LintContext) -> Iterator[Problem]:
    """Find the auto-upgrade channel node-image."""
    if listed.channel == LEGACY:
        mend = commands.update(listed, auto_upgrade_channel="none", node_os_upgrade_channel="NodeImage")
        yield Problem("", "the auto-upgrade channel is node-image", mend)


def _slower_than_weekly(listed: ListedCluster, context: LintContext) -> Iterator[Problem]:
    found = listed.configuration(NODE_OS)
    weekly = _weekly(found)
    if found and weekly:
        yield Problem(found.name, _rhythm(found), commands.put(listed, found.name, weekly, context.now))


def _rhythm(found: Configuration) -> str:
    """Return how far apart the windows are; empty where that is a week or less."""
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
        "no-auto-upgrade",
        Severity.INFO,
        "Minor versions leave support after about a year; without a channel every upgrade is up to you.",
        AUTO_UPGRADES,
        no_auto_upgrade,
    ),
    Rule(
        "no-node-os-upgrade",
        Severity.WARNING,
        "With the node OS channel None nodes keep their image, holes and all, until somebody upgrades them.",
        NODE_IMAGES,
        no_node_os_upgrade,
    ),
    Rule(
        "stopped-cluster",
        Severity.INFO,
        "A cluster has to be running when its window begins; otherwise nothing happens in it.",
        PLANNED,
        stopped_cluster,
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
        is_about_schedule=True,
    ),
    Rule(
        "security-patch-cadence",
        Severity.INFO,
        "Security patches come faster than weekly: with the SecurityPatch channel windows can be daily, and "
        "should be weekly at least.",
        NODE_IMAGES,
        security_patch_cadence,
        is_about_schedule=True,
    ),
    Rule(
        "auto-upgrade-cadence",
        Severity.WARNING,
        "A monthly cadence at least keeps a cluster within the N-2 support policy.",
        PLANNED,
        auto_upgrade_cadence,
        is_about_schedule=True,
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
