"""What mends a finding in a Terraform plan or a template: a change of the block, made where it is written.

A plan or template knows the addresses of its resources, but not the lines of the files that they come from.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ops.linting import window_json
from ops.linting.model import Origin
from shared.maintenance import AUTO_UPGRADE, DEFAULT, NODE_OS
from shared.maintenance.configuration import (
    WEEKDAYS,
    AbsoluteMonthly,
    RelativeMonthly,
    Weekly,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.linting.model import ListedCluster
    from shared.maintenance import SharedWindow
    from shared.maintenance.configuration import MaintenanceWindow

_BLOCKS = {AUTO_UPGRADE: "maintenance_window_auto_upgrade", NODE_OS: "maintenance_window_node_os"}

_ATTRIBUTES = {
    "auto_upgrade_channel": ("automatic_upgrade_channel", "autoUpgradeProfile.upgradeChannel"),
    "node_os_upgrade_channel": ("node_os_upgrade_channel", "autoUpgradeProfile.nodeOSUpgradeChannel"),
    "max_surge": ("upgrade_settings.max_surge", "upgradeSettings.maxSurge"),
    "max_unavailable": ("upgrade_settings.max_unavailable", "upgradeSettings.maxUnavailable"),
    "drain_timeout": (
        "upgrade_settings.drain_timeout_in_minutes",
        "upgradeSettings.drainTimeoutInMinutes",
    ),
    "node_soak_duration": (
        "upgrade_settings.node_soak_duration_in_minutes",
        "upgradeSettings.nodeSoakDurationInMinutes",
    ),
}
"""Options of az, in the words of azurerm 4 and of ARM."""

_NUMBERS = frozenset({"drain_timeout", "node_soak_duration"})


def cluster(listed: ListedCluster, options: Mapping[str, str]) -> str:
    """Change a cluster's own attributes."""
    return f"{listed.address}: set {_assignments(listed, options)}"


def pool(listed: ListedCluster, name: str, options: Mapping[str, str]) -> str:
    """Change a node pool."""
    return f"{listed.address}: in node pool {name} set {_assignments(listed, options)}"


def configuration(listed: ListedCluster, name: str, window: MaintenanceWindow) -> str:
    """Set a maintenance configuration to this window."""
    own = listed.addresses.get(name, "")
    if own and not own.startswith("azurerm_") and ".azurerm_" not in own:
        return f"{own}: set {_body('properties.maintenanceWindow', window)}"
    if _is_azurerm(listed):
        if name == DEFAULT:
            return f"{listed.address}: set {_allowed(window)}"
        return f"{listed.address}: set {_hcl(_BLOCKS.get(name, name), window)}"
    body = _body("properties.maintenanceWindow", window)
    return f"{listed.address}: add maintenanceConfigurations/{name}, and set {body}"


def renamed(listed: ListedCluster, name: str, right: str) -> str:
    """Return the sentence that asks for a configuration's right name."""
    return f"{listed.addresses.get(name) or listed.address}: name it {right} instead of {name or 'nothing'}"


def removed(listed: ListedCluster, name: str) -> str:
    """Take a configuration out."""
    return (
        f"{listed.addresses.get(name) or listed.address}: remove the configuration {name or 'without a name'}"
    )


def shared(listed: ListedCluster, window: SharedWindow, schedule: MaintenanceWindow) -> str:
    """Set a shared window to this schedule."""
    return f"{listed.address or window.id or window.name}: set {_body('properties', schedule)}"


def _is_azurerm(listed: ListedCluster) -> bool:
    return listed.origin is Origin.TERRAFORM and "azurerm_kubernetes_cluster" in listed.address


def _assignments(listed: ListedCluster, options: Mapping[str, str]) -> str:
    is_hcl = _is_azurerm(listed)
    sets = []
    for name, value in options.items():
        attribute = _ATTRIBUTES[name][0 if is_hcl else 1]
        shown = value if name in _NUMBERS else json.dumps(value)
        sets.append(f"{attribute} = {shown}" if is_hcl else f"{attribute} to {shown}")
    return ", ".join(sets)


def _body(path: str, window: MaintenanceWindow) -> str:
    return f"{path} to {json.dumps(window_json.as_json(window))}"


def _hcl(block: str, window: MaintenanceWindow) -> str:
    said = window_json.as_json(window)
    kind = type(window.schedule).__name__
    fields: dict[str, Any] = {"frequency": kind, "interval": window.schedule.interval}
    match window.schedule:
        case Weekly(_, weekday):
            fields["day_of_week"] = WEEKDAYS[weekday]
        case AbsoluteMonthly(_, day):
            fields["day_of_month"] = day
        case RelativeMonthly(_, week, weekday):
            fields |= {"week_index": str(week), "day_of_week": WEEKDAYS[weekday]}
    fields |= {
        "duration": said["durationHours"],
        "start_time": said["startTime"],
        "utc_offset": said["utcOffset"],
    }
    if window.start_date:
        fields["start_date"] = f"{window.start_date}T00:00:00Z"
    spans = [
        f'not_allowed {{ start = "{span.start}T00:00:00Z", end = "{span.end}T00:00:00Z" }}'
        for span in window.not_allowed_dates
    ]
    inside = [f"{key} = {json.dumps(value)}" for key, value in fields.items()] + spans
    return f"{block} {{ {'; '.join(inside)} }}"


def _allowed(window: MaintenanceWindow) -> str:
    """Return a weekly window as hours of `maintenance_window`, the only form that azurerm has for default."""
    first = window.start_time.hour
    weekday = getattr(window.schedule, "weekday", 6)
    hours = window.duration.total_seconds() // 3600
    by_day: dict[int, list[int]] = {}
    for hour in range(first, first + int(hours)):
        by_day.setdefault((weekday + hour // 24) % 7, []).append(hour % 24)
    blocks = [f'allowed {{ day = "{WEEKDAYS[day]}"; hours = {hours} }}' for day, hours in by_day.items()]
    return f"maintenance_window {{ {'; '.join(blocks)} }}"
