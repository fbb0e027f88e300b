"""Reading an ARM template, or Bicep built into one (`az bicep build`): the clusters and windows it makes.

Expressions are evaluated as far as they can be without Azure: parameters by their defaults, variables, and
the functions that names and schedules are made of. What cannot be known before the deployment is left out and
raises nothing. Nested deployments are followed with the parameters that they are given.

The format: https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ops.linting import parsing
from ops.linting.expressions import Scope
from ops.linting.model import ListedCluster, Listing, Origin
from ops.linting.unknown import UNKNOWN, holds_unknown, without_unknown
from shared.maintenance import AUTO_UPGRADE, DEFAULT, NODE_OS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CLUSTER = "microsoft.containerservice/managedclusters"
_CONFIGURATION = f"{_CLUSTER}/maintenanceconfigurations"
_WINDOW = "microsoft.containerservice/maintenancewindows"
_DEPLOYMENT = "microsoft.resources/deployments"
_MAX_DEPTH = 10
_MAX_COPIES = 800
"""Resource Manager's own limit of iterations."""


class _Resource(msgspec.Struct, frozen=True):
    """A resource of the template, evaluated; what is not known is UNKNOWN in it."""

    type: str
    name: str
    """With the names of its parents: `cluster/configuration`."""
    group: str
    """The deployment that it is in: the names of two deployments have nothing to do with each other."""
    body: dict[str, Any]


def is_one(body: object) -> bool:
    """Return whether decoded JSON is an ARM template."""
    if not isinstance(body, dict) or "resources" not in body:
        return False
    schema = body.get("$schema")
    return (isinstance(schema, str) and "deploymentTemplate" in schema) or "contentVersion" in body


def read(body: Any) -> Listing:  # noqa: ANN401 - decoded JSON
    """Read a template. Raises ListingError where there is nothing about AKS in it."""
    resources = list(_resources(body, Scope.of(body, {}), "", _MAX_DEPTH))
    clusters = {found.name.lower(): _cluster(found) for found in resources if found.type == _CLUSTER}
    shared = [_shared(found) for found in resources if found.type == _WINDOW]
    for found in resources:
        if found.type != _CONFIGURATION:
            continue
        parent, _, name = found.name.rpartition("/")
        listed = _configuration(found, name)
        key = parent.lower()
        if key in clusters:
            clusters[key] = clusters[key].with_configurations_of(listed)
        else:
            clusters[key] = msgspec.structs.replace(listed, name=parent)
    if not clusters and not shared:
        raise parsing.ListingError("a template without a cluster or maintenance configuration of AKS")
    return Listing(tuple(clusters.values()), tuple(shared))


def _resources(template: Mapping[str, Any], scope: Scope, group: str, depth: int) -> Iterator[_Resource]:
    said = template.get("resources")
    # With symbolic names (languageVersion 2.0) resources are an object instead of a list.
    items = said.values() if isinstance(said, dict) else said if isinstance(said, list) else []
    for item in items:
        if isinstance(item, dict) and not item.get("existing"):
            for inside in _copies(item, scope):
                yield from _resource(item, inside, ("", ""), group, depth)


def _copies(item: Mapping[str, Any], scope: Scope) -> Iterator[Scope]:
    """Yield the scope of each iteration of a resource; where their number is not known, of none."""
    copy = item.get("copy")
    if not isinstance(copy, dict):
        yield scope
        return
    count = scope.value(copy.get("count"))
    if isinstance(count, int) and not isinstance(count, bool):
        name = str(copy.get("name", ""))
        for index in range(min(count, _MAX_COPIES)):
            yield scope.iteration(name, index)


def _resource(
    item: Mapping[str, Any], scope: Scope, parent: tuple[str, str], group: str, depth: int
) -> Iterator[_Resource]:
    condition = scope.value(item.get("condition", True))
    if condition is not True and str(condition).lower() != "true":
        return
    type_, name = str(item.get("type", "")).lower(), scope.text(item.get("name"))
    if parent[0]:  # a child inside its parent says only the last part of both
        type_ = type_ if type_.startswith(parent[0]) else f"{parent[0]}/{type_}"
        name = f"{parent[1]}/{name}"
    if type_ == _DEPLOYMENT:
        yield from _nested(item, scope, f"{group}/{name}", depth - 1)
    elif type_ in {_CLUSTER, _CONFIGURATION, _WINDOW}:
        known = ("location", "tags", "properties", "sku")
        body = {key: scope.value(item[key]) for key in known if key in item}
        yield _Resource(type_, name, group, body)
    children = item.get("resources")
    for child in children if isinstance(children, list) else []:
        if isinstance(child, dict):
            for inside in _copies(child, scope):
                yield from _resource(child, inside, (type_, name), group, depth)


def _nested(item: Mapping[str, Any], scope: Scope, group: str, depth: int) -> Iterator[_Resource]:
    properties = item.get("properties")
    template = properties.get("template") if isinstance(properties, dict) else None
    if not depth or not isinstance(properties, dict) or not isinstance(template, dict):
        return
    options = properties.get("expressionEvaluationOptions")
    is_inner = isinstance(options, dict) and str(options.get("scope", "")).lower() == "inner"
    if not is_inner:
        yield from _resources(template, scope, group, depth)
        return
    given = properties.get("parameters")
    values = {
        name: scope.value(said["value"]) if isinstance(said, dict) and "value" in said else UNKNOWN
        for name, said in (given.items() if isinstance(given, dict) else ())
    }
    yield from _resources(template, Scope.of(template, values), group, depth)


def _cluster(found: _Resource) -> ListedCluster:
    properties = found.body.get("properties")
    profile = properties.get("autoUpgradeProfile") if isinstance(properties, dict) else None
    is_open = UNKNOWN in (properties, profile)
    listed = parsing.cluster({**without_unknown(found.body), "name": found.name})
    said = profile if isinstance(profile, dict) else {}
    is_silent = isinstance(properties, dict) and "autoUpgradeProfile" not in properties
    channel = "none" if is_silent else listed.channel
    return msgspec.structs.replace(
        listed,
        channel=None if is_open or said.get("upgradeChannel") is UNKNOWN else channel,
        os_channel=None if is_open or said.get("nodeOSUpgradeChannel") is UNKNOWN else listed.os_channel,
        is_complete=True,
        origin=Origin.TEMPLATE,
        address=f"managedClusters {found.name}",
    )


def _configuration(found: _Resource, name: str) -> ListedCluster:
    spelled = {each.lower(): each for each in (DEFAULT, AUTO_UPGRADE, NODE_OS)}.get(name.lower(), name)
    is_open = holds_unknown(found.body.get("properties"))
    bodies = [] if is_open else [{**without_unknown(found.body), "name": spelled}]
    own = parsing.of_configurations("", bodies)
    return msgspec.structs.replace(
        own,
        not_known_yet=frozenset({spelled}) if is_open else frozenset(),
        origin=Origin.TEMPLATE,
        address=f"maintenanceConfigurations {found.name}",
        addresses={spelled: f"maintenanceConfigurations {found.name}"},
    )


def _shared(found: _Resource) -> ListedCluster:
    body = {**without_unknown(found.body), "name": found.name}
    is_open = holds_unknown(found.body.get("properties"))
    listed = ListedCluster() if is_open else parsing.shared_window({**body, "type": _WINDOW})
    return msgspec.structs.replace(listed, origin=Origin.TEMPLATE, address=f"maintenanceWindows {found.name}")
