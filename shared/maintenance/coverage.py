"""Which clusters are never announced, or never heard of, and why. Pure.

AKS announces maintenance only where an upgrade channel works and has its window; the app hears of it only
where a system topic brings the events of the subscription, or of the cluster.

https://learn.microsoft.com/azure/aks/aks-communication-manager
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Upgrade
from shared.maintenance.configuration import AUTO_UPGRADE, NAMES, NODE_OS, governing
from shared.maintenance.support_calendar import is_over, minor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from shared.maintenance.inventory import ClusterInfo

_IDLE = frozenset({"", "none"})
_NODE_OS = frozenset({"securitypatch", "nodeimage"})
"""Channels by which AKS upgrades the node OS itself; Unmanaged leaves it to the OS, and nobody tells."""


class ReasonId(StrEnum):
    """Why a cluster is not covered; others rely on these words."""

    NO_CHANNEL = "no-channel"
    NO_WINDOW = "no-window"
    IGNORED_NAME = "ignored-name"
    NOT_SUBSCRIBED = "not-subscribed"
    SUPPORT_OVER = "support-over"


class Reason(msgspec.Struct, frozen=True):
    """Why a cluster is not covered, and in words."""

    id: ReasonId
    sentence: str


def channels(known: ClusterInfo) -> tuple[tuple[Upgrade, str], ...]:
    """Return what AKS upgrades by itself on a cluster, and the configuration that each needs."""
    found = []
    if known.channel.lower() not in _IDLE:
        found.append((Upgrade.KUBERNETES, AUTO_UPGRADE))
    if known.os_channel.lower() in _NODE_OS:
        found.append((Upgrade.NODE_OS, NODE_OS))
    return tuple(found)


def reasons(known: ClusterInfo, *, heard: Collection[str], today: date) -> tuple[Reason, ...]:
    """Return why nobody would hear of a cluster's maintenance; nothing where it is covered.

    `heard` are subscriptions, and ids of clusters in lower case, from which events come.
    """
    return (*_unannounced(known), *_unheard(known, heard), *_unsupported(known, today))


def is_sure(known: ClusterInfo) -> bool:
    """Return whether the windows of a cluster are known, so that one that is missing is."""
    return known.is_complete or not channels(known)


def _unannounced(known: ClusterInfo) -> Iterator[Reason]:
    working = channels(known)
    if not working:
        yield Reason(
            ReasonId.NO_CHANNEL,
            "It has no channel by which AKS upgrades it: neither for Kubernetes nor for the node OS.",
        )
        return
    if not known.is_complete or any(governing(known.configurations, upgrade) for upgrade, _ in working):
        return
    names = " or ".join(name for _, name in working)
    yield Reason(ReasonId.NO_WINDOW, f"No working channel has its maintenance window: {names}.")
    ignored = [found.name for found in known.configurations if found.name not in NAMES]
    if ignored:
        yield Reason(
            ReasonId.IGNORED_NAME,
            f"AKS knows no configuration of the name {', '.join(ignored)}, and ignores it.",
        )


def _unheard(known: ClusterInfo, heard: Collection[str]) -> Iterator[Reason]:
    if not {known.cluster.subscription.lower(), known.cluster.key} & set(heard):
        yield Reason(
            ReasonId.NOT_SUBSCRIBED,
            "No event was ever heard from its subscription, and no system topic brings its events.",
        )


def _unsupported(known: ClusterInfo, today: date) -> Iterator[Reason]:
    if is_over(known.version, known.support_plan, today):
        yield Reason(ReasonId.SUPPORT_OVER, f"Kubernetes {minor(known.version)} is out of support.")
