"""Reading clusters as `az aks show` or `list` prints them, with what belongs to them attached.

A cluster object may carry `maintenanceConfigurations` (as `az aks maintenanceconfiguration list` prints them,
or as ARM does) and `podDisruptionBudgets` (as `kubectl get pdb -A -o json` does). Configurations may also
come without a cluster; their id, where they have one, says whose they are. Of a cluster only what a rule asks
for is read, and what is not there counts as not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ops.linting.listing import Budget, ListedCluster, Malformed, Pool
from shared.events.model import Cluster
from shared.maintenance import ConfigurationError, parse
from shared.maintenance.configuration import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.maintenance import Configuration

_MARKS_OF_A_CLUSTER = frozenset(
    {
        "maintenanceConfigurations",
        "autoUpgradeProfile",
        "agentPoolProfiles",
        "podDisruptionBudgets",
        "dnsPrefix",
    }
)
_MARKS_OF_A_CONFIGURATION = frozenset({"maintenanceWindow", "timeInWeek", "notAllowedTime"})
_NAMES = frozenset(name.lower() for name in NAMES)


class ListingError(ValueError):
    """The input is neither clusters nor maintenance configurations. The message says which part is not."""


def read(body: object) -> list[ListedCluster]:
    """Read decoded JSON: a cluster, a configuration, or a list (or ARM's `value`) of either or both.

    Configurations are put with their clusters. A malformed one is kept as such, so that the others can be
    checked. Raises ListingError for anything else.
    """
    items = body.get("value", body) if isinstance(body, dict) else body
    clusters: dict[str, ListedCluster] = {}
    for place, item in enumerate(items if isinstance(items, list) else [items]):
        where = f"item {place + 1}: " if isinstance(items, list) else ""
        listed = _read(item, where)
        key = listed.cluster.key if listed.cluster else listed.name.lower()
        clusters[key] = _joined(clusters[key], listed) if key in clusters else listed
    return list(clusters.values())


def join(listings: Iterable[Iterable[ListedCluster]]) -> list[ListedCluster]:
    """Put together what several files say about the same clusters. What has no id stays by itself."""
    clusters: dict[object, ListedCluster] = {}
    for listed in (cluster for listing in listings for cluster in listing):
        key = listed.cluster.key if listed.cluster else object()
        clusters[key] = _joined(clusters[key], listed) if key in clusters else listed
    return list(clusters.values())


def _joined(one: ListedCluster, other: ListedCluster) -> ListedCluster:
    return ListedCluster(
        name=one.name,
        cluster=one.cluster,
        location=one.location or other.location,
        channel=other.channel if one.channel is None else one.channel,
        os_channel=other.os_channel if one.os_channel is None else one.os_channel,
        is_complete=one.is_complete or other.is_complete,
        configurations=_latest(one, other),
        malformed=one.malformed + other.malformed,
        pools=one.pools or other.pools,
        budgets=one.budgets or other.budgets,
    )


def _latest(one: ListedCluster, other: ListedCluster) -> tuple[Configuration, ...]:
    """Put configurations together; a cluster has one of each name, and the last word on it counts."""
    both = one.configurations + other.configurations
    if one.cluster is None:
        return both
    return tuple({configuration.name: configuration for configuration in both}.values())


def _read(item: object, where: str) -> ListedCluster:
    if not isinstance(item, dict):
        raise ListingError(f"{where}expected a cluster or a maintenance configuration, found {_kind(item)}")
    said = item["properties"] if isinstance(item.get("properties"), dict) else {}
    id_ = _text(item, "id")
    keys = item.keys() | said.keys()
    if keys & _MARKS_OF_A_CONFIGURATION or "/maintenanceconfigurations/" in id_.lower():
        return _of_configurations(id_, [item])
    if keys & _MARKS_OF_A_CLUSTER:
        return _cluster(item, said)
    if _text(item, "name").lower() in _NAMES:
        return _of_configurations(id_, [item])
    raise ListingError(f"{where}neither a cluster (az aks show) nor a maintenance configuration")


def _of_configurations(id_: str, bodies: Iterable[dict[str, Any]]) -> ListedCluster:
    good, bad = [], []
    for body in bodies:
        try:
            good.append(parse(body))
        except ConfigurationError as error:
            bad.append(Malformed(_text(body, "name"), body, error))
    cluster = Cluster.parse(id_)
    return ListedCluster(
        name=cluster.name if cluster else "",
        cluster=cluster,
        configurations=tuple(good),
        malformed=tuple(bad),
    )


def _cluster(item: Mapping[str, Any], said: Mapping[str, Any]) -> ListedCluster:
    facts = {**item, **said}
    id_ = _text(item, "id")
    attached = facts.get("maintenanceConfigurations")
    attached = attached.get("value") if isinstance(attached, dict) else attached
    own = _of_configurations(id_, _objects(attached))
    channel, os_channel = _channels(facts)
    budgets = facts.get("podDisruptionBudgets")
    return msgspec.structs.replace(
        own,
        name=own.name or _text(item, "name"),
        location=_text(item, "location").replace(" ", "").lower(),
        channel=channel,
        os_channel=os_channel,
        is_complete=isinstance(attached, list),
        pools=tuple(_pool(pool) for pool in _objects(facts.get("agentPoolProfiles"))),
        budgets=tuple(
            _budget(budget)
            for budget in _objects(budgets.get("items") if isinstance(budgets, dict) else budgets)
        ),
    )


def _channels(facts: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Read the two channels; None is not known.

    A profile that does not name the cluster's channel means none. The node OS channel has a default that
    changed with the API version.
    """
    if "autoUpgradeProfile" not in facts:
        return None, None
    # The documentation prints both nodeOSUpgradeChannel and nodeOsUpgradeChannel.
    profile = {key.lower(): value for key, value in _object(facts["autoUpgradeProfile"]).items()}
    os_channel = _text(profile, "nodeosupgradechannel").lower()
    return _text(profile, "upgradechannel").lower() or "none", os_channel or None


def _pool(pool: Mapping[str, Any]) -> Pool:
    settings = _object(pool.get("upgradeSettings"))
    return Pool(
        name=_text(pool, "name"),
        mode=_text(pool, "mode"),
        os=_text(pool, "osType"),
        sku=_text(pool, "osSku") or _text(pool, "osSKU"),
        size=_text(pool, "vmSize"),
        count=_whole(pool, "count"),
        max_surge=_text(settings, "maxSurge") or None,
        max_unavailable=_text(settings, "maxUnavailable") or None,
        drain_minutes=_whole(settings, "drainTimeoutInMinutes"),
        soak_minutes=_whole(settings, "nodeSoakDurationInMinutes"),
    )


def _budget(budget: Mapping[str, Any]) -> Budget:
    about, status = _object(budget.get("metadata")), _object(budget.get("status"))
    selector = _object(_object(budget.get("spec")).get("selector"))
    return Budget(
        namespace=_text(about, "namespace") or "default",
        name=_text(about, "name"),
        selector=msgspec.json.encode(selector, order="deterministic").decode() if selector else "",
        allowed=_whole(status, "disruptionsAllowed"),
        expected=_whole(status, "expectedPods"),
    )


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(facts: Mapping[str, Any], key: str) -> str:
    value = facts.get(key)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _whole(facts: Mapping[str, Any], key: str) -> int | None:
    value = facts.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _kind(value: object) -> str:
    return {type(None): "null", list: "an array", str: "a text"}.get(type(value), str(value)[:40])
