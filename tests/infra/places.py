"""Where resources are, of which type and version, and how large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import durations
from shared.settings.load import MIN_LEASE
from tests.infra.bicep import Code
from tests.infra.questions import made, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.bicep import Infra, Value

VERSIONS = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Communication/communicationServices": "2025-05-01",
    "Microsoft.Communication/emailServices": "2025-05-01",
    "Microsoft.Communication/emailServices/domains": "2025-05-01",
    "Microsoft.EventGrid/systemTopics": "2025-02-15",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": "2025-02-15",
    "Microsoft.EventGrid/topics": "2025-02-15",
    "Microsoft.EventGrid/topics/eventSubscriptions": "2025-02-15",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.KeyVault/vaults": "2024-11-01",
    "Microsoft.KeyVault/vaults/secrets": "2024-11-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2024-11-30",
    "Microsoft.OperationalInsights/workspaces": "2025-02-01",
    "Microsoft.Resources/resourceGroups": "2025-04-01",
    "Microsoft.Storage/storageAccounts": "2025-01-01",
    "Microsoft.Storage/storageAccounts/blobServices": "2025-01-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2025-01-01",
    "Microsoft.Storage/storageAccounts/managementPolicies": "2025-01-01",
    "Microsoft.Storage/storageAccounts/tableServices": "2025-01-01",
    "Microsoft.Storage/storageAccounts/tableServices/tables": "2025-01-01",
    "Microsoft.Web/serverfarms": "2024-11-01",
    "Microsoft.Web/sites": "2024-11-01",
    "Microsoft.Web/sites/config": "2024-11-01",
}
"""Resource types as Azure spells them, each with the version whose properties were checked."""


GLOBAL = {
    "Microsoft.Communication/communicationServices",
    "Microsoft.Communication/emailServices",
    "Microsoft.Communication/emailServices/domains",
    "Microsoft.EventGrid/systemTopics",
    "Microsoft.Insights/actionGroups",
    "Microsoft.Insights/metricAlerts",
}
REGIONAL = {
    "Microsoft.EventGrid/topics",
    "Microsoft.Insights/components",
    "Microsoft.Insights/scheduledQueryRules",
    "Microsoft.KeyVault/vaults",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Web/serverfarms",
    "Microsoft.Web/sites",
}


def versions(infra: Infra) -> Iterator[str]:
    """Check that every resource is of a type and version that was looked at."""
    for path, template in infra.items():
        for resource in template.resources:
            wanted = VERSIONS.get(resource.kind)
            if wanted is None:
                yield f"{path}: {resource.symbol}: {resource.kind} is not a type that is known here"
            elif resource.version != wanted:
                yield f"{path}: {resource.symbol}: {resource.kind}@{resource.version} instead of {wanted}"


def locations(infra: Infra) -> Iterator[str]:
    """Check that what is global is global, and everything else is where the deployment is."""
    for path, _, resource in made(infra):
        location = resource.body.get("location")
        wanted: Value = None
        if resource.kind in GLOBAL:
            wanted = "global"
        elif resource.kind in REGIONAL:
            wanted = Code("location")
        if location != wanted:
            yield f"{path}: {resource.symbol}: location is {shown(location)}, not {shown(wanted)}"
        takes_tags = resource.kind in GLOBAL | REGIONAL
        if takes_tags and "tags" not in resource.body:
            yield f"{path}: {resource.symbol} has no tags"
    for path, template in infra.items():
        default = template.parameters["location"].default if "location" in template.parameters else None
        if default is not None:
            yield f"{path}: the parameter location has a default"


MAX_DEPLOYMENT = 64
MAX_ENVIRONMENT = 40
"""Characters that Azure allows in the name of a deployment, and we in that of an environment."""


NAMES = {"storage": {"accountName": "st${token}"}, "vault": {"vaultName": "kv-${token}"}}
"""Names for which Azure allows 24 characters, of storage accounts no hyphens."""

WAITS = {"app": ("roles", "sender"), "topicAlerts": ("topic",)}
"""What has to be there before, though no output of it is read."""


def limits(infra: Infra) -> Iterator[str]:
    """Check that the size is what Flex Consumption offers, and what the cost on paper presumes."""
    parameters = infra["main.bicep"].parameters
    wanted = {"instanceMemoryMB": 2048, "maximumInstanceCount": 40, "waitingAlertMinutes": 30}
    for name, value in wanted.items():
        if parameters[name].default != value:
            yield f"{name} is {shown(parameters[name].default)} by default, not {value}"
    text = infra["app/function.bicep"].text
    if "alwaysReady" in text:
        yield "instances that are always ready cost some 21 dollars a month"
    if durations.duration(str(parameters["lease"].default)) < MIN_LEASE:
        yield "the lease is too short"


def arrangement(infra: Infra) -> Iterator[str]:
    """Check that names are what Azure allows, and that nothing starts before what it needs."""
    for path in ("main.bicep", "eventing.bicep"):
        if infra[path].parameters["environmentName"].notes.get("maxLength") != str(MAX_ENVIRONMENT):
            yield f"{path}: an environment's name may have {MAX_ENVIRONMENT} characters"
        for module in infra[path].modules:
            name = shown(module.body.get("name")).strip("'")
            if len(name.replace("${environmentName}", "e" * MAX_ENVIRONMENT)) > MAX_DEPLOYMENT:
                yield f"{path}: {module.symbol}: {name} is too long for a deployment"
    for module in infra["main.bicep"].modules:
        for name, allowed in NAMES.get(module.symbol, {}).items():
            if shown(module.at(f"params.{name}")).strip("'") != allowed:
                yield f"{module.symbol}: Azure may not allow the {name}"
        first: Value = [Code(symbol) for symbol in WAITS.get(module.symbol, ())]
        if first and module.body.get("dependsOn") != first:
            yield f"main.bicep: {module.symbol} does not wait for {shown(first)}"
