"""Reading clusters as `az aks show` or `list` prints them, with what belongs to them attached.

A cluster object may carry `maintenanceConfigurations` (as `az aks maintenanceconfiguration list` prints them,
or as ARM does) and `podDisruptionBudgets` (as `kubectl get pdb -A -o json` does). Configurations may also
come without a cluster; their id, where they have one, says whose they are. Shared windows (`az aks
maintenancewindow list`) may stand among them. Of a cluster only what a rule asks for is read, and what is not
there counts as not known. Terraform plans and ARM templates have readers of their own, and give the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ops.linting import joining
from ops.linting.model import Budget, ListedCluster, Listing, Malformed, Pool
from shared.events.model import Cluster
from shared.maintenance import ConfigurationError, is_shared, parse, parse_shared
from shared.maintenance.configuration import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_MARKS_OF_A_CLUSTER = frozenset(
    {
        "maintenanceConfigurations",
        "autoUpgradeProfile",
        "agentPoolProfiles",
        "podDisruptionBudgets",
        "dnsPrefix",
    }
)
_OF_OTHERS = "/providers/microsoft.maintenance/"
_MARKS_OF_A_CONFIGURATION = frozenset(
    {"maintenanceWindow", "timeInWeek", "notAllowedTime", "maintenanceWindowId"}
)
_NAMES = {name.lower(): name for name in NAMES}


class ListingError(ValueError):
    """The input is neither clusters nor maintenance configurations. The message says which part is not."""


def listing(body: object) -> Listing:
    """Return what decoded JSON lists: clusters, configurations, shared windows, one or a list of any of them.

    What cannot be read is kept with its reason. Raises ListingError where nothing can be read.
    """
    items = body.get("value", body) if isinstance(body, dict) else body
    clusters: dict[str, ListedCluster] = {}
    shared: dict[str, ListedCluster] = {}
    unread = []
    for place, item in enumerate(items if isinstance(items, list) else [items]):
        try:
            listed = _read(item)
        except ListingError as error:
            unread.append(f"item {place + 1}: {error}" if isinstance(items, list) else str(error))
            continue
        if is_shared(item):
            shared[joining.shared_key(listed)] = listed
        else:
            key = listed.cluster.key if listed.cluster else listed.name.lower()
            clusters[key] = joining.joined(clusters[key], listed) if key in clusters else listed
    if unread and not clusters and not shared:
        raise ListingError(unread[0])
    return Listing(tuple(clusters.values()), tuple(shared.values()), tuple(unread))


def _read(item: object) -> ListedCluster:
    if not isinstance(item, dict):
        raise ListingError(f"expected a cluster or a maintenance configuration, found {_kind(item)}")
    said = item["properties"] if isinstance(item.get("properties"), dict) else {}
    id_ = _text(item, "id")
    keys = item.keys() | said.keys()
    if _OF_OTHERS in f"{id_}/".lower():
        raise ListingError("a maintenance configuration of Azure Maintenance (machines), not of AKS")
    if is_shared(item):
        return shared_window(item)
    if keys & _MARKS_OF_A_CONFIGURATION or "/maintenanceconfigurations/" in id_.lower():
        return of_configurations(id_, [item])
    if keys & _MARKS_OF_A_CLUSTER or Cluster.parse(id_):
        return cluster(item)
    if _text(item, "name").lower() in _NAMES:
        return of_configurations(id_, [item])
    raise ListingError("neither a cluster (az aks show) nor a maintenance configuration nor a shared window")


def shared_window(body: dict[str, Any]) -> ListedCluster:
    """Read a shared window, to stand like a cluster whose only configuration is its schedule."""
    try:
        found = parse_shared(body)
    except ConfigurationError as error:
        return ListedCluster(malformed=(Malformed(_text(body, "name"), body, error),))
    region = found.location.replace(" ", "").lower()
    return ListedCluster(location=region, shared=found, configurations=(found.configuration(),))


def of_configurations(id_: str, bodies: Iterable[dict[str, Any]]) -> ListedCluster:
    """Read configurations of the cluster that this ID, or that of a configuration, names."""
    good, bad = [], []
    for body in bodies:
        try:
            good.append(parse(body))
        except ConfigurationError as error:
            bad.append(Malformed(_name(body), body, error))
    cluster = Cluster.parse(id_)
    return ListedCluster(
        name=cluster.name if cluster else "",
        cluster=cluster,
        configurations=tuple(good),
        malformed=tuple(bad),
    )


def cluster(item: Mapping[str, Any]) -> ListedCluster:
    """Read a cluster, wrapped as ARM does or flat as az does, with what is attached to it."""
    facts = {**item, **_object(item.get("properties"))}
    attached = facts.get("maintenanceConfigurations")
    attached = attached.get("value") if isinstance(attached, dict) else attached
    own = of_configurations(_text(item, "id"), _objects(attached))
    channel, os_channel = _channels(facts)
    budgets = facts.get("podDisruptionBudgets")
    return msgspec.structs.replace(
        own,
        name=own.name or _text(item, "name"),
        location=_text(item, "location").replace(" ", "").lower(),
        channel=channel,
        os_channel=os_channel,
        power=_text(_object(facts.get("powerState")), "code").lower(),
        is_complete=isinstance(attached, list),
        pools=tuple(_pool(pool) for pool in _objects(facts.get("agentPoolProfiles"))),
        budgets=tuple(
            _budget(budget)
            for budget in _objects(budgets.get("items") if isinstance(budgets, dict) else budgets)
        ),
    )


def _name(body: Mapping[str, Any]) -> str:
    """Return a configuration's name, spelled as AKS does where it is one of its names."""
    name = _text(body, "name") or _text(body, "id").rpartition("/maintenanceConfigurations/")[2]
    return _NAMES.get(name.lower(), name)


def _channels(facts: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Read the two channels; None is not known.

    A profile that does not name the cluster's channel means none. The node OS channel has a default that
    changed with the API version.
    """
    if "autoUpgradeProfile" not in facts:
        return None, None
    # The documentation prints both nodeOSUpgradeChannel and nodeOsUpgradeChannel.
    profile: dict[str, Any] = {
        key.lower(): value for key, value in _object(facts["autoUpgradeProfile"]).items()
    }
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
