"""A rule, what it looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ops.linting.model import ListedCluster
from shared.maintenance import Configuration, occurrences
from shared.maintenance.configuration import DateSpan, MaintenanceWindow
from shared.routes.freezes import Freeze

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
    """AKS refuses or ignores it."""
    WARNING = "warning"
    """AKS advises against it."""
    INFO = "info"
    """Good to know."""


class LintContext(msgspec.Struct, frozen=True, dict=True):
    """All that a rule may look at besides the cluster itself: the others, in order, the time, and plans."""

    clusters: Sequence[ListedCluster]
    now: datetime
    time_zone: ZoneInfo | None = None
    """The team's local time; None where that of a cluster's region counts."""
    freezes: Sequence[Freeze] = ()
    propose: Callable[[Any], dict[tuple[str, str], MaintenanceWindow]] | None = None
    """Takes this context, and makes the proposals of windows that keep apart."""

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

    @cached_property
    def occupied(self) -> dict[str, set[datetime]]:
        """The starts of a subscription's windows, to which those of proposed windows are added."""
        found: dict[str, set[datetime]] = {}
        for subscription, start in self.starts:
            found.setdefault(subscription, set()).add(start)
        return found

    @cached_property
    def proposals(self) -> dict[tuple[str, str], MaintenanceWindow]:
        """The staggered windows that are proposed, by the cluster's key and the configuration's name."""
        return self.propose(self) if self.propose else {}

    def kept(self, listed: ListedCluster, window: MaintenanceWindow) -> MaintenanceWindow:
        """Return a window with the freezes to come that are for a cluster among its not-allowed dates."""
        spans = [
            DateSpan(*freeze.days(window.utc_offset))
            for freeze in self.freezes
            if freeze.end > self.now and freeze.is_for_cluster(listed.cluster, listed.name, listed.location)
        ]
        return msgspec.structs.replace(window, not_allowed_dates=(*window.not_allowed_dates, *spans))

    def coming_starts(self, configuration: Configuration) -> Iterator[datetime]:
        """Yield when the windows to come start, up to the horizon; of what AKS does not heed, nothing."""
        if configuration.unheeded:
            return iter(())
        coming = occurrences(configuration, self.now, self.now + HORIZON)
        return (window.start for window in coming if window.start >= self.now)


class Problem(msgspec.Struct, frozen=True):
    """Where a rule is broken: which part of the cluster, what is wrong there, what mends it."""

    part: str
    what: str
    mend: str
    severity: Severity | None = None
    """Where it differs from the rule's."""


class Rule(msgspec.Struct, frozen=True):
    """Something that AKS requires or advises, and a check for it."""

    id: str
    severity: Severity
    why: str
    source: str
    check: Callable[[ListedCluster, LintContext], Iterator[Problem]]
    is_about_schedule: bool = False
    """Whether a problem with a shared schedule is the shared window's, and not each cluster's."""


class LintFinding(msgspec.Struct, frozen=True):
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
    file: str = ""
    """The input that the cluster was read from; not part of the JSON."""
    address: str = ""
    """Where in that input, for a plan or a template; not part of the JSON."""
