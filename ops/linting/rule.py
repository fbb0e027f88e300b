"""A rule, what it looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

import msgspec

from ops.linting.listing import ListedCluster
from shared.maintenance import Configuration, occurrences

HORIZON = timedelta(days=184)
"""How far ahead windows are compared: the longest interval is six months."""

_DOCS = "https://learn.microsoft.com/azure/aks"
PLANNED = f"{_DOCS}/planned-maintenance"
AUTO_UPGRADES = f"{_DOCS}/auto-upgrade-cluster"
NODE_IMAGES = f"{_DOCS}/auto-upgrade-node-os-image"
ROLLING = f"{_DOCS}/upgrade-aks-node-pools-rolling"
OPTIONS = f"{_DOCS}/upgrade-options"


class Severity(StrEnum):
    """How bad it is, worst first."""

    ERROR = "error"
    """AKS refuses it, or it cannot work."""
    WARNING = "warning"
    """AKS advises against it."""
    INFO = "info"
    """Good to know."""


class Around(msgspec.Struct, frozen=True, dict=True):
    """All that a rule may look at besides the cluster itself: the others, in order, and the time."""

    clusters: Sequence[ListedCluster]
    now: datetime

    @cached_property
    def starts(self) -> dict[tuple[str, datetime], list[tuple[ListedCluster, Configuration]]]:
        """The windows to come that start at one moment in one subscription, in the order of the clusters."""
        found: dict[tuple[str, datetime], list[tuple[ListedCluster, Configuration]]] = {}
        for listed in self.clusters:
            if listed.cluster is not None:
                for configuration in listed.configurations:
                    for start in self.coming_starts(configuration):
                        key = (listed.cluster.subscription.lower(), start)
                        found.setdefault(key, []).append((listed, configuration))
        return found

    def coming_starts(self, configuration: Configuration) -> Iterator[datetime]:
        """Yield when the windows to come start, up to the horizon."""
        coming = occurrences(configuration, self.now, self.now + HORIZON)
        return (window.start for window in coming if window.start >= self.now)


class Problem(msgspec.Struct, frozen=True):
    """Where a rule is broken: which part of the cluster, what is wrong there, the command that mends it."""

    part: str
    what: str
    mend: str


class Rule(msgspec.Struct, frozen=True):
    """Something that AKS requires or advises, and a check for it."""

    id: str
    severity: Severity
    why: str
    source: str
    check: Callable[[ListedCluster, Around], Iterator[Problem]]


class Finding(msgspec.Struct, frozen=True):
    """A problem with all that is to be said about it."""

    rule: str
    severity: Severity
    cluster: str
    part: str
    """The configuration, node pool or disruption budget; empty for the cluster itself."""
    what: str
    why: str
    source: str
    fix: str
