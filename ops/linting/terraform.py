"""Reading a Terraform plan as `terraform show -json` prints it: azurerm 3 and 4, and azapi.

What is planned counts (`planned_values`, or `values` of a state): what will be deleted is not there.
What is not known before it is applied is left out, and raises nothing. A block of azurerm becomes the JSON
that the provider sends to AKS, so that there is one reader of limits for all inputs.

It is long because each block of a provider has a function that writes it as JSON, side by side.

The format: https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from ops.linting import parsing
from ops.linting.model import ListedCluster, Listing, Origin, Pool
from ops.linting.unknown import UNKNOWN, holds_unknown, without_unknown
from shared.maintenance import AUTO_UPGRADE, DEFAULT, NODE_OS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CLUSTER = "microsoft.containerservice/managedclusters"
_CONFIGURATION = f"{_CLUSTER}/maintenanceconfigurations"
_WINDOW = "microsoft.containerservice/maintenancewindows"
_INDEX = re.compile(r"\[[^\]]*\]")
_MAX_STEPS = 20
"""References that are followed through modules; a plan has no circles, a made-up one may."""

_FREQUENCIES = {
    "daily": "daily",
    "weekly": "weekly",
    "absolutemonthly": "absoluteMonthly",
    "relativemonthly": "relativeMonthly",
}
_INTERVALS = {
    "daily": "intervalDays",
    "weekly": "intervalWeeks",
    "absoluteMonthly": "intervalMonths",
    "relativeMonthly": "intervalMonths",
}


class _Resource(msgspec.Struct, frozen=True):
    """A managed resource as it is planned."""

    address: str
    module: str
    """`module.a.module.b`, empty for the root."""
    type: str
    values: dict[str, Any]

    @property
    def place(self) -> str:
        """The address without the indices of count and for_each."""
        return _INDEX.sub("", self.address)


def is_one(body: object) -> bool:
    """Return whether decoded JSON is a plan or a state of Terraform, or of OpenTofu."""
    return isinstance(body, dict) and "format_version" in body and _root(body) is not None


def read(body: Any) -> Listing:  # noqa: ANN401 - decoded JSON
    """Read a plan. Raises ListingError where there is nothing about AKS in it."""
    unknown = {
        change.get("address"): _object(change.get("change")).get("after_unknown")
        for change in _objects(body.get("resource_changes"))
    }
    resources = list(_resources(_root(body) or {}, "", unknown))
    clusters = {found.address: listed for found in resources if (listed := _cluster(found)) is not None}
    shared = [_shared(found) for found in resources if _type(found) == _WINDOW]
    references = _References(body)
    for found in resources:
        if found.type == "azurerm_kubernetes_cluster_node_pool":
            owner = _owner(found, "kubernetes_cluster_id", clusters, references)
            if owner:
                pools = (*clusters[owner].pools, _pool(found.values, "User"))
                clusters[owner] = msgspec.structs.replace(clusters[owner], pools=pools)
        elif _type(found) == _CONFIGURATION:
            listed = _configuration(found)
            owner = _owner(found, "parent_id", clusters, references)
            key = owner or found.address
            clusters[key] = clusters[key].with_configurations_of(listed) if owner else listed
    if not clusters and not shared:
        raise parsing.ListingError("a Terraform plan without a cluster or maintenance configuration of AKS")
    return Listing(tuple(clusters.values()), tuple(shared))


def _root(body: Mapping[str, Any]) -> dict[str, Any] | None:
    for name in ("planned_values", "values"):
        if isinstance(body.get(name), dict):
            return _object(body[name].get("root_module"))
    return None


def _resources(module: dict[str, Any], path: str, unknown: Mapping[Any, Any]) -> Iterator[_Resource]:
    for item in _objects(module.get("resources")):
        address = item.get("address")
        if item.get("mode", "managed") == "managed" and isinstance(address, str):
            values = _marked(_object(item.get("values")), unknown.get(address))
            yield _Resource(address, path, str(item.get("type")), values if isinstance(values, dict) else {})
    for child in _objects(module.get("child_modules")):
        yield from _resources(child, str(child.get("address", "")), unknown)


def _marked(values: Any, unknown: Any) -> Any:  # noqa: ANN401 - decoded JSON
    """Return the values with UNKNOWN where they are known after the plan is applied."""
    if unknown is True:
        return UNKNOWN
    if isinstance(unknown, dict):
        known = values if isinstance(values, dict) else {}
        return known | {key: _marked(known.get(key), said) for key, said in unknown.items() if said}
    if isinstance(unknown, list) and isinstance(values, list):
        longer = unknown + [None] * (len(values) - len(unknown))
        return [_marked(value, said) for value, said in zip(values, longer, strict=False)]
    return values


def _type(found: _Resource) -> str:
    """Return what an azapi resource is, in lower case and without its API version; else nothing."""
    said = found.values.get("type")
    is_azapi = found.type in {"azapi_resource", "azapi_update_resource"}
    return said.partition("@")[0].lower() if is_azapi and isinstance(said, str) else ""


def _cluster(found: _Resource) -> ListedCluster | None:
    if found.type == "azurerm_kubernetes_cluster":
        return _azurerm(found)
    if _type(found) == _CLUSTER:
        return _azapi(found)
    return None


def _azurerm(found: _Resource) -> ListedCluster:
    values = found.values
    bodies, not_known = {}, set()
    for name, block, convert in (
        (DEFAULT, "maintenance_window", _older),
        (AUTO_UPGRADE, "maintenance_window_auto_upgrade", _window),
        (NODE_OS, "maintenance_window_node_os", _window),
    ):
        said = values.get(block)
        if holds_unknown(said):
            not_known.add(name)
        elif said:
            bodies[name] = {"name": name, **convert(_first(said))}
    own = parsing.of_configurations(_known_text(values.get("id")), bodies.values())
    pools = tuple(_pool(pool, "System") for pool in _objects(values.get("default_node_pool")))
    return msgspec.structs.replace(
        own,
        name=own.name or _known_text(values.get("name")),
        location=_known_text(values.get("location")).replace(" ", "").lower(),
        # azurerm 4 and 3; what is not set is none, which AKS takes for the cluster's channel alone.
        channel=_channel(values, ("automatic_upgrade_channel", "automatic_channel_upgrade"), "none"),
        os_channel=_channel(values, ("node_os_upgrade_channel", "node_os_channel_upgrade"), None),
        is_complete=True,
        not_known_yet=frozenset(not_known),
        pools=pools,
        origin=Origin.TERRAFORM,
        address=found.address,
    )


def _channel(values: Mapping[str, Any], names: tuple[str, ...], unset: str | None) -> str | None:
    said = next((values[name] for name in names if values.get(name)), None)
    if said is UNKNOWN:
        return None
    return said.lower() if isinstance(said, str) else unset


def _window(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return what azurerm sends for `maintenance_window_auto_upgrade` and `..._node_os`."""
    said = str(block.get("frequency"))
    kind = _FREQUENCIES.get(said.lower(), said)
    schedule = {_INTERVALS.get(kind, "interval"): block.get("interval")}
    if kind in {"weekly", "relativeMonthly"}:
        schedule["dayOfWeek"] = block.get("day_of_week") or None
    if kind == "relativeMonthly":
        schedule["weekIndex"] = block.get("week_index") or None
    if kind == "absoluteMonthly":
        schedule["dayOfMonth"] = block.get("day_of_month")
    window = {
        "schedule": {kind: schedule},
        "durationHours": block.get("duration"),
        "startTime": block.get("start_time") or "00:00",
        "utcOffset": block.get("utc_offset") or None,
        "startDate": _day(block.get("start_date")),
        "notAllowedDates": [
            {"start": _day(span.get("start")), "end": _day(span.get("end"))}
            for span in _objects(block.get("not_allowed"))
        ],
    }
    return {"maintenanceWindow": window}


def _older(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return what azurerm sends for `maintenance_window`."""
    slots = [
        {"day": allowed.get("day"), "hourSlots": allowed.get("hours")}
        for allowed in _objects(block.get("allowed"))
    ]
    return {
        "timeInWeek": slots or None,
        "notAllowedTime": [
            {"start": span.get("start"), "end": span.get("end")}
            for span in _objects(block.get("not_allowed"))
        ],
    }


def _day(said: object) -> object:
    """Return the date of an RFC 3339 time, which is what azurerm sends."""
    return said[:10] if isinstance(said, str) and "T" in said else said or None


def _pool(values: Mapping[str, Any], mode: str) -> Pool:
    settings = values.get("upgrade_settings")
    is_known = not holds_unknown(settings)
    first = _first(settings) if settings and is_known else {}
    count, drain = values.get("node_count"), first.get("drain_timeout_in_minutes")
    soak = first.get("node_soak_duration_in_minutes")
    return Pool(
        name=_known_text(values.get("name")),
        mode=_known_text(values.get("mode")) or mode,
        os=_known_text(values.get("os_type")) or "Linux",
        sku=_known_text(values.get("os_sku")),
        size=_known_text(values.get("vm_size")),
        count=count if isinstance(count, int) else None,
        max_surge=_known_text(first.get("max_surge")) or None,
        max_unavailable=_known_text(first.get("max_unavailable")) or None,
        drain_minutes=drain if isinstance(drain, int) and drain else None,
        soak_minutes=soak if isinstance(soak, int) else None,
        settings_known=is_known,
    )


def _azapi(found: _Resource) -> ListedCluster:
    body = _body(found)
    item = {**without_unknown(body), "id": found.values.get("id"), "name": found.values.get("name")}
    item["location"] = found.values.get("location") or body.get("location")
    listed = parsing.cluster(without_unknown(item))
    properties = body.get("properties")
    profile = _object(properties).get("autoUpgradeProfile")
    is_open = properties is UNKNOWN or profile is UNKNOWN
    said = _object(profile)
    return msgspec.structs.replace(
        listed,
        channel=None if is_open or said.get("upgradeChannel") is UNKNOWN else listed.channel,
        os_channel=None if is_open or said.get("nodeOSUpgradeChannel") is UNKNOWN else listed.os_channel,
        is_complete=True,
        origin=Origin.TERRAFORM,
        address=found.address,
    )


def _configuration(found: _Resource) -> ListedCluster:
    """Read a maintenance configuration of azapi, to stand by itself or to be attached to its cluster."""
    name, body = found.values.get("name"), _body(found)
    id_ = found.values.get("id") or found.values.get("resource_id")
    parent = found.values.get("parent_id")
    if not isinstance(id_, str) and isinstance(parent, str) and isinstance(name, str):
        id_ = f"{parent}/maintenanceConfigurations/{name}"
    id_ = id_ if isinstance(id_, str) else ""
    name = name if isinstance(name, str) else id_.rpartition("/")[2]
    is_open = holds_unknown(body) or not name
    item = {"id": id_, "name": name, **body}
    own = parsing.of_configurations(id_, [] if is_open else [item])
    spelled = {each.lower(): each for each in (DEFAULT, AUTO_UPGRADE, NODE_OS)}.get(name.lower(), name)
    return msgspec.structs.replace(
        own,
        not_known_yet=frozenset({spelled}) if is_open and name else frozenset(),
        origin=Origin.TERRAFORM,
        address=found.address,
        addresses={spelled: found.address},
    )


def _shared(found: _Resource) -> ListedCluster:
    body = _body(found)
    item = {
        "id": _known_text(found.values.get("id")),
        "name": _known_text(found.values.get("name")),
        "location": _known_text(found.values.get("location")),
        **body,
    }
    listed = ListedCluster() if holds_unknown(body) else parsing.shared_window(item)
    return msgspec.structs.replace(listed, origin=Origin.TERRAFORM, address=found.address)


def _body(found: _Resource) -> dict[str, Any]:
    """Return the body of an azapi resource, which is an object, or, in its first versions, JSON text."""
    body = found.values.get("body")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return {}
    if body is UNKNOWN:
        return {"properties": UNKNOWN}
    return body if isinstance(body, dict) else {}


def _owner(
    found: _Resource, attribute: str, clusters: Mapping[str, ListedCluster], references: _References
) -> str:
    """Return the address of the cluster that a resource belongs to; empty where it is not in the plan."""
    said = found.values.get(attribute)
    if isinstance(said, str) and said:
        key = said.lower()
        for address, listed in clusters.items():
            if listed.cluster is not None and listed.cluster.id.lower() == key:
                return address
    place = references.target(found.place, attribute)
    likely = [address for address in clusters if _INDEX.sub("", address) == place]
    if len(likely) > 1:
        index = _INDEX.findall(found.address)
        likely = [address for address in likely if _INDEX.findall(address) == index]
    return likely[0] if len(likely) == 1 else ""


class _References:
    """What a plan's configuration says about where values come from: attributes of other resources."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._root = _object(_object(body.get("configuration")).get("root_module"))

    def target(self, place: str, attribute: str) -> str:
        """Return the resource that an attribute refers to, as an address without indices; empty if none."""
        *path, kind, name = place.split(".")
        modules = [word for word in path if word != "module"]
        module = self._module(modules)
        for item in _objects(module.get("resources")):
            if item.get("address") == f"{kind}.{name}":
                expression = _object(_object(item.get("expressions")).get(attribute))
                return self._followed(modules, expression, _MAX_STEPS)
        return ""

    def _module(self, modules: list[str]) -> dict[str, Any]:
        found = self._root
        for name in modules:
            found = _object(_object(_object(found.get("module_calls")).get(name)).get("module"))
        return found

    def _followed(self, modules: list[str], expression: Mapping[str, Any], steps: int) -> str:
        references = expression.get("references")
        for reference in references if isinstance(references, list) and steps else []:
            words = _INDEX.sub("", str(reference)).split(".")
            found = ""
            if words[0] == "var" and modules and len(words) > 1:
                call = _object(_object(self._module(modules[:-1]).get("module_calls")).get(modules[-1]))
                said = _object(_object(call.get("expressions")).get(words[1]))
                found = self._followed(modules[:-1], said, steps - 1)
            elif words[0] == "module" and len(words) > 2:  # noqa: PLR2004 - module.name.output
                inner = [*modules, words[1]]
                output = _object(_object(self._module(inner).get("outputs")).get(words[2]))
                found = self._followed(inner, _object(output.get("expression")), steps - 1)
            elif words[0] in {"azurerm_kubernetes_cluster", "azapi_resource"} and len(words) > 1:
                prefix = "".join(f"module.{name}." for name in modules)
                found = f"{prefix}{words[0]}.{words[1]}"
            if found:
                return found
        return ""


def _first(said: object) -> dict[str, Any]:
    """Return a block: the only element of a list, as nested blocks are planned."""
    return _object(said[0]) if isinstance(said, list) and said else _object(said)


def _known_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
