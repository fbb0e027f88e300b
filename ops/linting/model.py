"""What there is to check: clusters and shared windows, as far as rules look at them."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from shared.events.model import Cluster
from shared.maintenance import Configuration, ConfigurationError, SharedWindow


class Origin(Enum):
    """Where a cluster was read from, which decides in whose words a fix is said."""

    AZURE = "azure"
    """JSON of Azure Resource Manager or of az: a fix is a command."""
    TERRAFORM = "terraform"
    """A Terraform plan: a fix is a change of the block."""
    TEMPLATE = "template"
    """An ARM template, or Bicep built into one: a fix is a change of the resource."""


class Malformed(msgspec.Struct, frozen=True):
    """A configuration or shared window that cannot be understood: its name, its JSON, what is wrong."""

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
    settings_known: bool = True
    """Whether maxSurge that is not said is known to be unset, instead of not known yet."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A pod disruption budget. `selector` is its JSON as text, empty where it selects nothing by itself."""

    namespace: str
    name: str
    selector: str = ""
    allowed: int | None = None
    expected: int | None = None


class ListedCluster(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster and what belongs to it. The channels are in lower case; None is: not known.

    A shared window stands here like a cluster without a name, with its schedule as the only configuration.
    """

    name: str = ""
    cluster: Cluster | None = None
    location: str = ""
    channel: str | None = None
    os_channel: str | None = None
    power: str = ""
    """In lower case: `running`, `stopped`, or empty where that is not known."""
    is_complete: bool = False
    """Whether the configurations are known to be all that the cluster has."""
    configurations: tuple[Configuration, ...] = ()
    malformed: tuple[Malformed, ...] = ()
    not_known_yet: frozenset[str] = frozenset()
    """Names of configurations that are there, and whose schedule a plan does not know yet."""
    pools: tuple[Pool, ...] = ()
    budgets: tuple[Budget, ...] = ()
    shared: SharedWindow | None = None
    """The shared window that stands here in place of a cluster."""
    windows: tuple[SharedWindow, ...] = ()
    """The shared windows that the configurations are linked to, as far as they were listed."""
    origin: Origin = Origin.AZURE
    address: str = ""
    """Where the cluster stands in a plan or template: `module.aks.azurerm_kubernetes_cluster.main`."""
    addresses: dict[str, str] = {}
    """The same for configurations that are resources of their own, by name."""
    file: str = ""
    """The input, as named on the command line."""
    files: dict[str, str] = {}
    """The same for what belongs to the cluster, by its name, where several inputs tell of one cluster."""

    def configuration(self, name: str) -> Configuration | None:
        """Return the configuration of this name."""
        return next((found for found in self.configurations if found.name == name), None)

    def with_configurations_of(self, other: ListedCluster) -> ListedCluster:
        """Return the cluster with what belongs to another one besides, where both are the same."""
        return msgspec.structs.replace(
            self,
            configurations=self.configurations + other.configurations,
            malformed=self.malformed + other.malformed,
            not_known_yet=self.not_known_yet | other.not_known_yet,
            addresses={**self.addresses, **other.addresses},
        )

    def has(self, name: str) -> bool:
        """Return whether there is a configuration of this name, understood or not."""
        return (
            self.configuration(name) is not None
            or name in self.not_known_yet
            or any(found.name == name for found in self.malformed)
        )

    def shared_window(self, configuration: Configuration) -> SharedWindow | None:
        """Return the shared window that a configuration is linked to, where it was listed."""
        key = configuration.window_id.lower()
        return next((found for found in self.windows if found.key == key), None) if key else None


class Listing(msgspec.Struct, frozen=True):
    """What was read: clusters, shared windows, and a sentence about each thing that could not be read."""

    clusters: tuple[ListedCluster, ...] = ()
    shared: tuple[ListedCluster, ...] = ()
    unread: tuple[str, ...] = ()

    def users(self, key: str) -> list[ListedCluster]:
        """Return the clusters whose configurations are linked to the shared window with this key."""
        return [
            listed
            for listed in self.clusters
            if any(found.window_id.lower() == key for found in listed.configurations)
        ]
