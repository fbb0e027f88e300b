"""Clusters as Azure Resource Manager or `az aks` describe them, as far as mails say something of them.

The shape is the one that `./notifier lint` takes: clusters with `maintenanceConfigurations`
attached, or configurations whose id says whose they are; one, a list of them, or a list under `value`. What
cannot be understood is named and left out, and the rest is read.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shared.decoding import as_list, as_object
from shared.events.model import Cluster
from shared.maintenance import (
    Configuration,
    ConfigurationError,
    SharedWindow,
    is_shared,
    linked,
    parse,
    parse_shared,
)
from shared.snapshot import PoolFacts
from shared.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_BEHIND = re.compile(r"(/maintenanceconfigurations/[^/]+)?/?", re.IGNORECASE)
_MAX_CHARACTERS = 64
_MAX_TAG_CHARACTERS = 256
_MAX_TAGS = 50
_MAX_SOAK_MINUTES = 7 * 24 * 60


class Change(msgspec.Struct, frozen=True, array_like=True):
    """A version that became another one between two readings."""

    read: datetime
    what: str
    """`Kubernetes`, or `node image of` a pool."""
    before: str
    after: str


class ClusterInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a cluster, and since when. What was not said is empty."""

    cluster: Cluster
    read: datetime
    location: str = ""
    version: str = ""
    channel: str = ""
    """The upgrade channel: none, patch, stable, rapid, node-image."""
    os_channel: str = ""
    """The node OS upgrade channel: None, Unmanaged, SecurityPatch, NodeImage."""
    configurations: tuple[Configuration, ...] = ()
    is_complete: bool = False
    """Whether these are all the configurations that the cluster has."""
    sku: str = ""
    """sku.name: `Base`, or `Automatic`."""
    pools: tuple[PoolFacts, ...] | None = None
    """None where nothing was said of the node pools."""
    sharers: dict[str, tuple[str, ...]] = {}
    """Names of other clusters on the shared windows that its configurations are linked to, by the window."""
    has_namesake: bool = False
    """Whether another cluster has its name: then kubectl needs a context of its own for each."""
    windows_read: datetime | None = None
    """When the configurations were read, where that is longer ago than the rest."""
    subscription_name: str = ""
    tags: dict[str, str] = {}
    group_tags: dict[str, str] = {}
    """Of its resource group."""
    tier: str = ""
    support_plan: str = ""
    """`KubernetesOfficial`, or `AKSLongTermSupport`."""
    state: str = ""
    """The provisioning state."""
    power: str = ""
    """`Running` or `Stopped`."""
    images: dict[str, str] = {}
    """The versions of the node images, by pool: `AKSUbuntu-2204gen2containerd-202611.13.0`."""
    changes: tuple[Change, ...] = ()
    """The last ones."""

    def all_tags(self) -> dict[str, str]:
        """Return the tags by their names in lower case; the cluster's own beat those of its group."""
        both = (*self.group_tags.items(), *self.tags.items())
        return {name.lower(): value for name, value in both}


class ParsedClusters(msgspec.Struct):
    """What was read, and a sentence about each thing that could not be."""

    clusters: list[ClusterInfo]
    errors: list[str]


def identity(resource_id: object) -> Cluster | None:
    """Return the cluster that a resource ID names, or that a configuration's ID belongs to."""
    if not isinstance(resource_id, str) or not resource_id.isprintable():
        return None
    cluster = Cluster.parse(resource_id)
    if cluster is None or not resource_id.lower().startswith(cluster.key) or set(cluster.name) & set("?#"):
        return None
    return cluster if _BEHIND.fullmatch(resource_id[len(cluster.id) :]) else None


def read(body: object, now: datetime) -> ParsedClusters:
    """Read decoded JSON, as said at `now`."""
    items = body.get("value", body) if isinstance(body, dict) else body
    found: dict[str, ClusterInfo] = {}
    shared: dict[str, SharedWindow] = {}
    reading = ParsedClusters([], [])
    for item in items if isinstance(items, list) else [items]:
        if is_shared(item):
            _shared(item, shared, reading.errors)
            continue
        facts = as_object(item)
        cluster = identity(facts.get("id"))
        if cluster is None:
            reading.errors.append(f"neither a cluster nor one's configuration, by its id: {str(item)[:80]!r}")
            continue
        known = _read(facts, cluster, now, reading.errors)
        found[cluster.key] = _joined(found[cluster.key], known) if cluster.key in found else known
    reading.clusters += (_linked(known, shared) for known in found.values())
    return reading


def _shared(item: object, shared: dict[str, SharedWindow], errors: list[str]) -> None:
    try:
        window = parse_shared(item)
    except ConfigurationError as error:
        name = _text(as_object(item).get("name"))
        errors.append(f"shared maintenance window {name or 'without a name'}: {error}")
    else:
        shared[window.key] = window


def _linked(known: ClusterInfo, shared: Mapping[str, SharedWindow]) -> ClusterInfo:
    """Return a cluster whose linked configurations have the schedules of their shared windows."""
    configurations = tuple(linked(found, shared) for found in known.configurations)
    return msgspec.structs.replace(known, configurations=configurations)


def _read(item: Mapping[str, Any], cluster: Cluster, now: datetime, errors: list[str]) -> ClusterInfo:
    if "/maintenanceconfigurations/" in item["id"].lower():
        return ClusterInfo(cluster=cluster, read=now, configurations=tuple(_parsed([item], cluster, errors)))
    facts = {**item, **as_object(item.get("properties"))}
    attached = facts.get("maintenanceConfigurations")
    attached = attached.get("value") if isinstance(attached, dict) else attached
    bodies = as_list(attached)
    configurations = tuple(_parsed(bodies, cluster, errors))
    pools = facts.get("agentPoolProfiles")
    # The documentation prints both nodeOSUpgradeChannel and nodeOsUpgradeChannel.
    profile = {key.lower(): value for key, value in as_object(facts.get("autoUpgradeProfile")).items()}
    return ClusterInfo(
        cluster=cluster,
        read=now,
        location=_text(facts.get("location")),
        version=_text(facts.get("currentKubernetesVersion")) or _text(facts.get("kubernetesVersion")),
        channel=_text(profile.get("upgradechannel")),
        os_channel=_text(profile.get("nodeosupgradechannel")),
        configurations=configurations,
        is_complete=isinstance(attached, list) and len(configurations) == len(bodies),
        sku=_text(as_object(facts.get("sku")).get("name")),
        pools=tuple(map(_pool, pools)) if isinstance(pools, list) else None,
        subscription_name=_text(facts.get("subscriptionName"), _MAX_TAG_CHARACTERS),
        tags=_tags(facts.get("tags")),
        group_tags=_tags(facts.get("groupTags")),
        tier=_text(as_object(facts.get("sku")).get("tier")),
        support_plan=_text(facts.get("supportPlan")),
        state=_text(facts.get("provisioningState")),
        power=_text(as_object(facts.get("powerState")).get("code")),
        images=_images(pools),
    )


def _pool(body: object) -> PoolFacts:
    facts = as_object(body)
    facts = {**facts, **as_object(facts.get("properties"))}
    rolling, blue_green = (
        as_object(facts.get("upgradeSettings")),
        as_object(facts.get("upgradeSettingsBlueGreen")),
    )
    soak = blue_green.get("finalSoakDurationInMinutes")
    return PoolFacts(
        name=_text(facts.get("name")),
        strategy=_text(facts.get("upgradeStrategy")),
        final_soak=soak if isinstance(soak, int) and 0 <= soak <= _MAX_SOAK_MINUTES else 0,
        undrainable=_text(rolling.get("undrainableNodeBehavior")),
    )


def with_relations(clusters: Iterable[ClusterInfo]) -> list[ClusterInfo]:
    """Return the clusters, each with the others on its shared windows, and whether another has its name."""
    clusters = list(clusters)
    users: dict[str, list[Cluster]] = {}
    names = Counter(known.cluster.name.lower() for known in clusters)
    for known in clusters:
        for window in {found.window_id.lower() for found in known.configurations if found.window_id}:
            users.setdefault(window, []).append(known.cluster)
    return [
        msgspec.structs.replace(
            known,
            has_namesake=names[known.cluster.name.lower()] > 1,
            sharers={
                window: tuple(sorted(other.name for other in users[window] if other.key != known.cluster.key))
                for window in sorted({found.window_id.lower() for found in known.configurations} - {""})
            },
        )
        for known in clusters
    ]


def _parsed(bodies: list[Any], cluster: Cluster, errors: list[str]) -> Iterator[Configuration]:
    for body in bodies:
        try:
            # The id says no more than the name does, which is read from it where it is missing.
            yield msgspec.structs.replace(parse(body), id="")
        except ConfigurationError as error:
            name = _text(as_object(body).get("name"))
            errors.append(f"{cluster.id}: maintenance configuration {name or 'without a name'}: {error}")


def _joined(one: ClusterInfo, other: ClusterInfo) -> ClusterInfo:
    """Put together what is said of a cluster and of its configurations; the last word counts."""
    said = other if other.version or other.is_complete else one
    configurations = {found.name: found for found in (*one.configurations, *other.configurations)}
    return msgspec.structs.replace(said, configurations=tuple(configurations.values()))


def _images(pools: object) -> dict[str, str]:
    facts = map(as_object, as_list(pools))
    images = {_text(pool.get("name")): _text(pool.get("nodeImageVersion")) for pool in facts}
    return {name: image for name, image in images.items() if name and image}


def _tags(value: object) -> dict[str, str]:
    """Take tags: at most fifty, as many as a resource has, with names that can be stored."""
    pairs = list(as_object(value).items())[:_MAX_TAGS]
    read_ = {_text(name, _MAX_TAG_CHARACTERS): _text(given, _MAX_TAG_CHARACTERS) for name, given in pairs}
    return {name: given for name, given in read_.items() if name}


def _text(value: object, limit: int = _MAX_CHARACTERS) -> str:
    return printable(value, limit)
