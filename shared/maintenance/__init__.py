"""A cluster's maintenance windows: its configurations read, and the windows that follow from them. Pure.

    configuration   what a maintenance configuration says, as values
    parsing         from the JSON of Azure Resource Manager or of `az aks maintenanceconfiguration`
    recurrence      the days on which a schedule falls, by arithmetic
    occurrences     the windows in UTC: `occurrences`, `next_window`, `window_at`

Windows are what AKS is asked to keep to, not what it promises: maintenance is best effort, what has started
runs on past a window's end, and urgent work may come at any time.
"""

from shared.maintenance.configuration import (
    AUTO_UPGRADE,
    DEFAULT,
    NODE_OS,
    Configuration,
    Doubt,
    SharedWindow,
    governing,
    linked,
)
from shared.maintenance.occurrences import Window, next_window, occurrences, window_at
from shared.maintenance.parsing import ConfigurationError, is_shared, parse, parse_shared

__all__ = [
    "AUTO_UPGRADE",
    "DEFAULT",
    "NODE_OS",
    "Configuration",
    "ConfigurationError",
    "Doubt",
    "SharedWindow",
    "Window",
    "governing",
    "is_shared",
    "linked",
    "next_window",
    "occurrences",
    "parse",
    "parse_shared",
    "window_at",
]
