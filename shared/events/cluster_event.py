"""Reading the events of a cluster's own topic: `Microsoft.ContainerService.*`.

A cluster's own topic tells of what the subscription's does not: that pools are replaced node by node, whoever
began it, and that new versions are there. It gives no reasons and no dates, and its events bear no eventId;
so an event is told from others by what it is about. Opting in is connecting such a topic.

Types and data: https://learn.microsoft.com/azure/event-grid/event-schema-aks
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared import timestamps
from shared.events.model import ClusterNews, EndOfSupport, Event, Status, UnreadableEventError, Upgrade
from shared.events.scheduled_event import find_cluster, mapping, short_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.events.model import Cluster

_PREFIX = "microsoft.containerservice."
_ROLLING = {
    "nodepoolrollingstarted": ClusterNews.ROLLING_STARTED,
    "nodepoolrollingsucceeded": ClusterNews.ROLLING_SUCCEEDED,
    "nodepoolrollingfailed": ClusterNews.ROLLING_FAILED,
}
_SUPPORT = {"clustersupportending": "ClusterSupportEnding", "clustersupportended": "ClusterSupportEnded"}
_NEW_VERSION = "newkubernetesversionavailable"
_VERSIONS = (
    "latestsupportedkubernetesversion",
    "lateststablekubernetesversion",
    "lowestminorkubernetesversion",
    "latestpreviewkubernetesversion",
)
SOURCE = "ClusterTopic"
"""What stands as an event's source: which of two topics told of the end of support."""


def is_one(type_: str) -> bool:
    """Return whether this module reads events of a type."""
    name = type_.lower().removeprefix(_PREFIX)
    return type_.lower().startswith(_PREFIX) and (
        name in _ROLLING or name in _SUPPORT or name == _NEW_VERSION
    )


def read(envelope: Mapping[str, Any], type_: str, received: datetime) -> Event:
    """Return the event that an envelope holds. Raises UnreadableEventError with the reason."""
    name = type_.lower().removeprefix(_PREFIX)
    # The subject is the bare name; the topic, or the source, is the cluster.
    where = [short_text(envelope.get(key), 2_048) for key in ("source", "topic", "subject")]
    cluster = find_cluster(where)
    if cluster is None:
        raise UnreadableEventError("names no AKS cluster: neither source nor topic holds its ID")
    data = mapping(envelope.get("data"))
    time = timestamps.parse(envelope.get("time")) or timestamps.parse(envelope.get("eventtime")) or received
    facts: dict[str, Any] = {
        "subject": cluster,
        "time": time,
        "updated": time,
        "envelope_id": short_text(envelope.get("id")),
        "source": SOURCE,
        "description": type_.rpartition(".")[2],
    }
    if name in _ROLLING:
        return _rolling(name, data, facts, cluster, time)
    if name in _SUPPORT:
        version = short_text(data.get("kubernetesversion"))
        return Event(
            **{**facts, "description": _SUPPORT[name]},
            event_id=f"support {cluster.key} {version}",
            status=Status.SCHEDULED,
            upgrade=Upgrade.END_OF_SUPPORT,
            end_of_support=EndOfSupport(version=version),
        )
    versions = tuple(short_text(data.get(key), 32) for key in _VERSIONS)
    if not any(versions):
        raise UnreadableEventError("names no version")
    return Event(
        **facts,
        event_id=version_id(f"subscription {cluster.subscription.lower()}", versions),
        status="NewKubernetesVersionAvailable",
        news=ClusterNews.NEW_VERSION,
        versions=versions,
    )


def _rolling(
    name: str, data: Mapping[str, Any], facts: dict[str, Any], cluster: Cluster, time: datetime
) -> Event:
    """Return an event of a pool. Delivered again, under another id even, it is the same within its minute."""
    news = _ROLLING[name]
    pool = short_text(data.get("nodepoolname"), 64)
    return Event(
        **facts,
        event_id=f"{news} {cluster.key} {pool.lower()} {time:%Y-%m-%dT%H:%M}",
        status=facts["description"],
        pools=(pool,) if pool else (),
        news=news,
    )


def version_id(region: str, versions: tuple[str, ...]) -> str:
    """Return what makes news of versions the same news, from however many clusters of a region it comes."""
    return f"versions {region} {' '.join(version or '-' for version in versions)}"
