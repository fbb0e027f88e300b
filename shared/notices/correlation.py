"""What two topics tell of the same thing: which of the two events is left out. Pure.

Nothing ties an event of a cluster's own topic to one of the subscription's: cluster, kind and time have to
do. They only ever keep something back, and never a failure.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared import keys
from shared.events.cluster_event import SOURCE
from shared.events.model import ClusterNews, Status

if TYPE_CHECKING:
    from shared.events.model import Cluster, Event
    from shared.notices.records import StoredEvent

ROLLING_AFTER = timedelta(hours=1)
"""A pool that begins to roll so soon after its cluster's maintenance began is part of it."""

SUPPORT_WITHIN = timedelta(days=6)
"""Notices of the end of support come a week apart at the least: these two are the same one."""

_STARTED, _SUPPORT, _SUPPORT_OF_TOPIC = "started", "support", "support-topic"
_FAILED = "failed"
_BY_STATUS = {str(Status.STARTED): _STARTED, str(Status.FAILED): _FAILED}
_END = datetime.max.replace(tzinfo=UTC)

FAILED_WITHIN = timedelta(hours=24)
"""A failure that an event told so long before a state was seen is likely that state's."""

_SLACK = timedelta(minutes=5)
"""Events are delivered in no order, and clocks differ."""


def marks(recorded: StoredEvent) -> tuple[str, ...]:
    """Return the keys by which an event is found again by its cluster and time."""
    event = recorded.event
    what = _BY_STATUS.get(event.status) or _support(event)
    return (keys.told_of_cluster(what, event.subject.key, event.time, recorded.key),) if what else ()


def failed_since(cluster: Cluster, since: datetime) -> tuple[str, str]:
    """Return the range of marks in which a cluster's failures stand that events told since a time."""
    first = keys.told_of_cluster_since(_FAILED, cluster.key, since)
    return first, keys.told_of_cluster_since(_FAILED, cluster.key, _END)


def begun_since(cluster: Cluster, since: datetime) -> tuple[str, str]:
    """Return the range of marks in which a cluster's maintenances stand that began since a time."""
    first = keys.told_of_cluster_since(_STARTED, cluster.key, since)
    return first, keys.told_of_cluster_since(_STARTED, cluster.key, _END)


def told_before(event: Event) -> tuple[str, str] | None:
    """Return the range of marks in which the other topic's event stands, if it tells of the same thing."""
    if event.news == ClusterNews.ROLLING_STARTED:
        return _range(_STARTED, event, ROLLING_AFTER)
    if event.end_of_support is not None:
        other = _SUPPORT if event.source == SOURCE else _SUPPORT_OF_TOPIC
        return _range(other, event, SUPPORT_WITHIN)
    return None


def _support(event: Event) -> str:
    if event.end_of_support is None:
        return ""
    return _SUPPORT_OF_TOPIC if event.source == SOURCE else _SUPPORT


def _range(what: str, event: Event, within: timedelta) -> tuple[str, str]:
    first = keys.told_of_cluster_since(what, event.subject.key, event.time - within)
    return first, keys.told_of_cluster_since(what, event.subject.key, event.time + _SLACK)
