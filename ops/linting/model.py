"""What there is to check: clusters, as far as rules look at them, with what belongs to them."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.events.model import Cluster
from shared.maintenance import Configuration, ConfigurationError


class Malformed(msgspec.Struct, frozen=True):
    """A configuration that cannot be understood: its name, its JSON, and what is wrong with it."""

    name: str
    body: dict[str, Any]
    error: ConfigurationError


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A node pool, as far as rules look at it. None is: not said."""

    name: str
    mode: str = ""
    os: str = ""
    sku: str = ""
    size: str = ""
    count: int | None = None
    max_surge: str | None = None
    max_unavailable: str | None = None
    drain_minutes: int | None = None
    soak_minutes: int | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A pod disruption budget. `selector` is its JSON as text, empty where it selects nothing by itself."""

    namespace: str
    name: str
    selector: str = ""
    allowed: int | None = None
    expected: int | None = None


class ListedCluster(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster and what belongs to it. The channels are in lower case; None is: not known."""

    name: str = ""
    cluster: Cluster | None = None
    location: str = ""
    channel: str | None = None
    os_channel: str | None = None
    is_complete: bool = False
    """Whether the configurations are known to be all that the cluster has."""
    configurations: tuple[Configuration, ...] = ()
    malformed: tuple[Malformed, ...] = ()
    pools: tuple[Pool, ...] = ()
    budgets: tuple[Budget, ...] = ()

    def configuration(self, name: str) -> Configuration | None:
        """Give the configuration of this name."""
        return next((found for found in self.configurations if found.name == name), None)

    def has(self, name: str) -> bool:
        """Tell whether there is a configuration of this name, understood or not."""
        return self.configuration(name) is not None or any(found.name == name for found in self.malformed)
