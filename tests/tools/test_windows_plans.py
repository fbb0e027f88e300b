"""What is linted before it is applied: Terraform plans, ARM templates, and Bicep built into them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ops.linting import lint, parsing, reading
from ops.linting.expressions import Scope
from ops.linting.unknown import UNKNOWN
from shared.maintenance import AUTO_UPGRADE, DEFAULT, NODE_OS
from shared.maintenance.configuration import Daily, MaintenanceWindow, TimeInWeek, Weekly

if TYPE_CHECKING:
    from ops.linting.model import ListedCluster

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FIXTURES = Path(__file__).parents[1] / "fixtures" / "windows" / "plans"
WEEKLY = {"frequency": "Weekly", "interval": 1, "duration": 8, "day_of_week": "Sunday", "start_time": "01:00"}
SUBSCRIPTION = "00000000-0000-4000-8000-00000000000a"
ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/a"


def resource(address: str, values: dict[str, Any], mode: str = "managed") -> dict[str, Any]:
    """Make a resource as it is planned."""
    return {
        "address": address,
        "mode": mode,
        "type": address.rsplit(".", 2)[-2],
        "name": address.rpartition(".")[2],
        "values": values,
    }


def plan(*resources: dict[str, Any], unknown: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    """Make a plan as `terraform show -json` prints it; modules are those that the addresses name."""
    root: dict[str, Any] = {"resources": []}
    for item in resources:
        words = item["address"].split(".")
        module, path = root, ""
        for place in range(0, len(words) - 2, 2):
            path = ".".join(words[: place + 2])
            children = module.setdefault("child_modules", [])
            found = next((child for child in children if child["address"] == path), None)
            if found is None:
                found = {"address": path, "resources": []}
                children.append(found)
            module = found
        module["resources"].append(item)
    changes = [
        {
            "address": item["address"],
            "change": {"actions": ["create"], "after_unknown": (unknown or {}).get(item["address"], {})},
        }
        for item in resources
    ]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.8",
        "planned_values": {"root_module": root},
        "resource_changes": changes,
        **rest,
    }


def cluster(address: str = "azurerm_kubernetes_cluster.main", **values: Any) -> dict[str, Any]:
    """Make a cluster of azurerm that breaks no rule, but for the changes."""
    return resource(
        address,
        {
            "name": "shop",
            "location": "eastasia",
            "automatic_upgrade_channel": "patch",
            "node_os_upgrade_channel": "NodeImage",
            "default_node_pool": [
                {"name": "sys", "node_count": 3, "upgrade_settings": [{"max_surge": "33%"}]}
            ],
            "maintenance_window": [],
            "maintenance_window_auto_upgrade": [WEEKLY],
            "maintenance_window_node_os": [{**WEEKLY, "start_time": "12:00"}],
            **values,
        },
    )


def only(body: Any) -> ListedCluster:
    """Read a plan or template with one cluster."""
    (listed,) = reading.read(body).clusters
    return listed


def rules(body: Any) -> dict[str, str]:
    """Lint; return what is found, by rule and part."""
    return {f"{found.rule} {found.part}".strip(): found.fix for found in lint(reading.read(body), NOW)}


def test_cluster_of_azurerm_is_read() -> None:
    """The windows, channels and pools of an azurerm cluster are read as AKS will get them."""
    dates = {"start": "2026-12-20T00:00:00Z", "end": "2027-01-03T00:00:00Z"}
    older = {"allowed": [{"day": "Sunday", "hours": [1, 2, 3, 4]}], "not_allowed": []}
    found = only(
        plan(
            cluster(
                maintenance_window=[older],
                maintenance_window_auto_upgrade=[
                    {**WEEKLY, "start_date": "2026-12-06T00:00:00Z", "not_allowed": [dates]}
                ],
                maintenance_window_node_os=[
                    {"frequency": "Daily", "interval": 1, "duration": 4, "utc_offset": "+02:00"}
                ],
            )
        )
    )
    windows = {each.name: each.window for each in found.configurations}
    auto, node, default = windows[AUTO_UPGRADE], windows[NODE_OS], windows[DEFAULT]
    assert isinstance(auto, MaintenanceWindow)
    assert isinstance(node, MaintenanceWindow)
    assert isinstance(default, TimeInWeek)
    assert (auto.schedule, str(auto.start_date)) == (Weekly(1, 6), "2026-12-06")
    assert [(str(span.start), str(span.end)) for span in auto.not_allowed_dates] == [
        ("2026-12-20", "2027-01-03")
    ]
    assert node.schedule == Daily(1)
    assert [hour % 24 for hour in default.hours] == [1, 2, 3, 4]
    assert (found.name, found.channel, found.os_channel, found.address) == (
        "shop",
        "patch",
        "nodeimage",
        "azurerm_kubernetes_cluster.main",
    )
    assert [pool.max_surge for pool in found.pools] == ["33%"]


def test_faultless_plan_has_no_findings() -> None:
    """A plan that keeps all advice is left in peace, in azurerm's words of versions 3 and 4."""
    assert rules(plan(cluster())) == {}
    old: dict[str, Any] = {"automatic_upgrade_channel": None, "node_os_upgrade_channel": None}
    names: dict[str, Any] = {"automatic_channel_upgrade": "patch", "node_os_channel_upgrade": "NodeImage"}
    assert rules(plan(cluster(**old, **names))) == {}


def test_plan_is_mended_by_changing_the_block() -> None:
    """A fix for a plan names the block, and what is to stand in it."""
    found = rules(
        plan(
            cluster(
                "module.aks.azurerm_kubernetes_cluster.main",
                maintenance_window_node_os=[{**WEEKLY, "interval": 2}],
            )
        )
    )
    assert found["node-image-cadence aksManagedNodeOSUpgradeSchedule"] == (
        'module.aks.azurerm_kubernetes_cluster.main: set maintenance_window_node_os { frequency = "Weekly"; '
        'interval = 1; day_of_week = "Sunday"; duration = 8; start_time = "01:00"; utc_offset = "+00:00" }'
    )
    off = rules(plan(cluster(node_os_upgrade_channel="None", maintenance_window_node_os=[])))
    assert 'set node_os_upgrade_channel = "NodeImage"' in off["no-node-os-upgrade"]


def test_wrong_plan_is_told() -> None:
    """A window that AKS would refuse is an error in the plan, before it is applied."""
    short = {**WEEKLY, "duration": 2}
    assert "short-window aksManagedAutoUpgradeSchedule" in rules(
        plan(cluster(maintenance_window_auto_upgrade=[short]))
    )
    assert "no-auto-upgrade-window aksManagedAutoUpgradeSchedule" in rules(
        plan(cluster(maintenance_window_auto_upgrade=[]))
    )


@pytest.mark.parametrize(
    "unknown",
    [
        {"maintenance_window_auto_upgrade": True},
        {"maintenance_window_auto_upgrade": [{"start_time": True}]},
        {"automatic_upgrade_channel": True},
        {"node_os_upgrade_channel": True, "maintenance_window_node_os": [{"interval": True}]},
        {"default_node_pool": [{"upgrade_settings": True}]},
    ],
)
def test_what_is_not_known_yet_raises_nothing(unknown: dict[str, Any]) -> None:
    """What only applying the plan will tell is neither missing nor wrong."""
    values: dict[str, Any] = {name: None if said is True else [{}] for name, said in unknown.items()}
    if "default_node_pool" in values:
        values["default_node_pool"] = [{"name": "sys"}]
    found = rules(plan(cluster(**values), unknown={"azurerm_kubernetes_cluster.main": unknown}))
    assert found == {}


def test_what_is_deleted_is_left_out() -> None:
    """A resource that the plan deletes is not linted."""
    gone = cluster(maintenance_window_auto_upgrade=[{**WEEKLY, "duration": 1}])
    body = plan(cluster("azurerm_kubernetes_cluster.other"))
    body["resource_changes"].append(
        {"address": gone["address"], "change": {"actions": ["delete"], "before": gone["values"]}}
    )
    assert rules(body) == {}
    with pytest.raises(parsing.ListingError, match="without a cluster"):
        reading.read(plan(resource("azurerm_resource_group.rg", {"name": "rg"})))


def azapi(address: str, kind: str, body: Any, **values: Any) -> dict[str, Any]:
    """Make a resource of azapi."""
    return resource(
        address, {"type": f"Microsoft.ContainerService/{kind}@2025-05-01", "body": body, **values}
    )


BODY = {
    "properties": {
        "maintenanceWindow": {
            "schedule": {"weekly": {"intervalWeeks": 2, "dayOfWeek": "Sunday"}},
            "durationHours": 4,
            "startTime": "01:00",
        }
    }
}


@pytest.mark.parametrize("body", [BODY, json.dumps(BODY)], ids=["object", "text"])
def test_configuration_of_azapi_belongs_to_its_cluster(body: Any) -> None:
    """A configuration of azapi, its body object or text, is put with its cluster, through modules."""
    windows = azapi(
        "module.w.azapi_resource.node", "managedClusters/maintenanceConfigurations", body, name=NODE_OS
    )
    configuration = {
        "root_module": {
            "module_calls": {
                "w": {
                    "expressions": {"cluster_id": {"references": ["azurerm_kubernetes_cluster.main.id"]}},
                    "module": {
                        "resources": [
                            {
                                "address": "azapi_resource.node",
                                "expressions": {"parent_id": {"references": ["var.cluster_id"]}},
                            }
                        ]
                    },
                }
            }
        }
    }
    parent = {"module.w.azapi_resource.node": {"parent_id": True}}
    whole = plan(cluster(maintenance_window_node_os=[]), windows, unknown=parent, configuration=configuration)
    found = rules(whole)
    assert found["node-image-cadence aksManagedNodeOSUpgradeSchedule"].startswith(
        "module.w.azapi_resource.node: set properties.maintenanceWindow to {"
    )
    assert not any(key.startswith("no-node-os") for key in found)


def test_cluster_and_shared_window_of_azapi() -> None:
    """A cluster and a shared window of azapi are read; a known parent_id is link enough."""
    shared = ID.replace("managedClusters/a", "maintenanceWindows/w")
    profile = {"upgradeChannel": "patch", "nodeOSUpgradeChannel": "NodeImage"}
    listing = reading.read(
        plan(
            azapi(
                "azapi_resource.aks",
                "managedClusters",
                {"properties": {"autoUpgradeProfile": profile}},
                id=ID,
                name="a",
            ),
            azapi(
                "azapi_resource.auto",
                "managedClusters/maintenanceConfigurations",
                {"properties": {"maintenanceWindowId": shared}},
                name=AUTO_UPGRADE,
                parent_id=ID,
            ),
            azapi(
                "azapi_resource.w",
                "maintenanceWindows",
                {"properties": BODY["properties"]["maintenanceWindow"]},
                id=shared,
                name="w",
                location="eastus",
            ),
        )
    )
    (listed,) = listing.clusters
    assert listed.cluster is not None
    assert listed.channel == "patch"
    found = listed.configuration(AUTO_UPGRADE)
    assert found is not None
    assert isinstance(found.window, MaintenanceWindow)
    assert found.window.schedule == Weekly(2, 6)
    assert [each.name for each in listing.users(shared.lower())] == ["a"]


def test_built_bicep_is_read() -> None:
    """Modules, loops, defaults and format() are worked out; what a parameter leaves open raises nothing."""
    listing = reading.read(json.loads((FIXTURES / "bicep-build.json").read_text("utf-8")), "main.json")
    clusters = {listed.name: listed for listed in listing.clusters}
    assert clusters.keys() == {"shop-prod", "shop-other"}
    prod = clusters["shop-prod"]
    assert (prod.channel, prod.os_channel) == ("stable", "nodeimage")
    assert [found.name for found in prod.configurations] == [AUTO_UPGRADE]
    assert prod.not_known_yet == {NODE_OS}
    found = {(one.rule, one.cluster) for one in lint(listing, NOW)}
    assert found == {
        ("short-month", "shop-prod"),
        ("unknown-configuration", "shop-other"),
        ("short-month", "shop-other"),
    }


def template(resources: Any, **rest: Any) -> dict[str, Any]:
    """Make an ARM template."""
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    return {"$schema": schema, "contentVersion": "1.0.0.0", "resources": resources, **rest}


def test_template_with_symbolic_names_and_children() -> None:
    """Symbolic names, children inside their parents, conditions and parameters are read as Azure does."""
    child = {"type": "maintenanceConfigurations", "name": NODE_OS, "properties": BODY["properties"]}
    parent = {
        "type": "Microsoft.ContainerService/managedClusters",
        "name": "[concat(parameters('n'), '-', variables('v').tail)]",
        "properties": {"autoUpgradeProfile": {"upgradeChannel": "[if(parameters('on'), 'patch', 'none')]"}},
        "resources": [child],
    }
    off = {**parent, "name": "off", "condition": "[not(parameters('on'))]"}
    body = template(
        {"aks": parent, "off": off},
        languageVersion="2.0",
        parameters={"n": {"type": "string", "defaultValue": "shop"}, "on": {"defaultValue": True}},
        variables={"v": {"tail": "[toUpper('b')]"}},
    )
    found = only(body)
    assert (found.name, found.channel) == ("shop-B", "patch")
    assert [each.name for each in found.configurations] == [NODE_OS]


def test_template_that_leaves_all_open_raises_nothing() -> None:
    """Parameters without defaults, in names and values, are no findings."""
    aks = {
        "type": "Microsoft.ContainerService/managedClusters",
        "name": "[parameters('n')]",
        "properties": {
            "autoUpgradeProfile": {
                "upgradeChannel": "[parameters('c')]",
                "nodeOSUpgradeChannel": "[parameters('c')]",
            }
        },
    }
    window = {
        "type": "Microsoft.ContainerService/managedClusters/maintenanceConfigurations",
        "name": f"[concat(parameters('n'), '/{AUTO_UPGRADE}')]",
        "properties": {"maintenanceWindow": "[parameters('w')]"},
    }
    assert rules(template([aks, window], parameters={"n": {}, "c": {}, "w": {}})) == {}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[format('{0}/{1:D2}', 'a', 7)]", "a/7"),
        ("[[not an expression]", "[not an expression]"),
        ("[concat('it''s', ' ', string(1))]", "it's 1"),
        ("[createObject('a', createArray(1, 2)).a[1]]", 2),
        ("[if(equals(1, 2), 'x', 'y')]", "y"),
        ("[coalesce(null(), 'b')]", "b"),
        ("[resourceGroup().location]", UNKNOWN),
        ("[concat('a', reference('b').c)]", UNKNOWN),
        ("[unheardOf('a')]", UNKNOWN),
        ("[format('{9}', 'a')]", UNKNOWN),
        ("[concat('a'", "[concat('a'"),
        ("[(]", UNKNOWN),
        ("[]", UNKNOWN),
        ("[variables('circle')]", UNKNOWN),
        ("[range(0, 100000000000)[5]]", UNKNOWN),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    """An expression is worked out, or it is not known; it never fails, whatever it says."""
    scope = Scope.of({"variables": {"circle": "[variables('circle')]"}}, {})
    assert scope.value(expression) == value


@pytest.mark.slow
def test_deeply_nested_expression_ends() -> None:
    """An expression of a hundred thousand brackets is not known."""
    assert Scope.of({}, {}).value(f"[{'not(' * 100_000}true(){')' * 100_000}]") is UNKNOWN
