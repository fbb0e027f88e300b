"""What is closed: storage, logs, mail services, the vault; and where no secret may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.infra.bicep import Code
from tests.infra.questions import all_settings, expect, settings_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.bicep import Infra, Template, Value

_SECRET_NAME = re.compile(
    r"password|secret|accesskey|accountkey|connection_?string|api_?key|token$", re.IGNORECASE
)
_HARMLESS = ("Uri", "Name", "Id")
_TAKES_KEYS = re.compile(r"\blist[A-Z]\w*\s*\(")
_KEY = re.compile(r"AccountKey=|accesskey=|SharedAccessSignature=", re.IGNORECASE)


def storage(infra: Infra) -> Iterator[str]:
    """Check that the account has no keys, no public blobs, and what the app needs made beforehand."""
    template = infra["app/storage.bicep"]
    yield from expect(
        template.only("Microsoft.Storage/storageAccounts"),
        {
            "kind": "StorageV2",
            "properties.allowSharedKeyAccess": False,
            "properties.allowBlobPublicAccess": False,
            "properties.allowCrossTenantReplication": False,
            "properties.defaultToOAuthAuthentication": True,
            "properties.minimumTlsVersion": "TLS1_2",
            "properties.supportsHttpsTrafficOnly": True,
            "properties.networkAcls.defaultAction": "Allow",  # no virtual network: nothing could reach it
        },
    )
    yield from expect(
        infra["eventing/testTopic.bicep"].only("Microsoft.EventGrid/topics"),
        {"properties.disableLocalAuth": True},
    )
    containers = template.of("Microsoft.Storage/storageAccounts/blobServices/containers")
    for container in containers:
        yield from expect(container, {"properties.publicAccess": "None"})
    if len(containers) != 2:
        yield "containers for the package and for dead letters are wanted"
    if not template.of("Microsoft.Storage/storageAccounts/tableServices/tables"):
        yield "the table is not made"
    policy = template.of("Microsoft.Storage/storageAccounts/managementPolicies")
    wanted = ("${deadLetterName}/", "daysAfterModificationGreaterThan: 90")
    if not policy or any(text not in template.text for text in wanted):
        yield "dead letters do not expire"
    account = infra["main.bicep"].parameters["storageSku"]
    if account.default != "Standard_ZRS":
        yield "the account is not zone-redundant by default"


def monitoring(infra: Infra) -> Iterator[str]:
    """Check that logs are reached with Entra ID alone, and cannot cost without end."""
    template = infra["app/monitoring.bicep"]
    yield from expect(
        template.only("Microsoft.OperationalInsights/workspaces"),
        {
            "properties.features.disableLocalAuth": True,
            "properties.sku.name": "PerGB2018",
            "properties.workspaceCapping.dailyQuotaGb": 1,
        },
    )
    yield from expect(
        template.only("Microsoft.Insights/components"),
        {
            "properties.DisableLocalAuth": True,
            "properties.IngestionMode": "LogAnalytics",
            "properties.WorkspaceResourceId": Code("workspace.id"),
        },
    )


def mail(infra: Infra) -> Iterator[str]:
    """Check that mail services are used without keys, and that the choice says which of them ends."""
    provider = infra["main.bicep"].parameters["emailProvider"]
    if not provider.required:
        yield "the way mail leaves is chosen silently"
    if "'acs', 'smtp', 'none'" not in provider.notes.get("allowed", ""):
        yield "the ways mail leaves are acs, smtp and none"
    for path, text in (
        ("main.bicep", provider.notes.get("description", "")),
        ("app/communication.bicep", infra["app/communication.bicep"].text),
    ):
        if "2028-09-30" not in text or "closed to new customers" not in text:
            yield f"{path}: does not say that Communication Services' Email ends"
    template = infra["app/communication.bicep"]
    yield from expect(
        template.only("Microsoft.Communication/communicationServices"),
        {"properties.disableLocalAuth": True, "properties.linkedDomains": [Code("domain.id")]},
    )
    yield from expect(
        template.only("Microsoft.Communication/emailServices/domains"),
        {
            "name": "AzureManagedDomain",
            "properties.domainManagement": "AzureManaged",
            "properties.userEngagementTracking": "Disabled",
        },
    )


def vault(infra: Infra) -> Iterator[str]:
    """Check that the vault is opened by role, and that what is deleted in it can be had back."""
    yield from expect(
        infra["app/vault.bicep"].only("Microsoft.KeyVault/vaults"),
        {
            "properties.enableRbacAuthorization": True,
            "properties.enableSoftDelete": True,
            "properties.enablePurgeProtection": True,
        },
    )


def secrets(infra: Infra) -> Iterator[str]:
    """Check that no key and no secret is in settings, outputs or plain parameters."""
    for path, template in infra.items():
        yield from (f"{path}: {words}" for words in _secrets(template))
        if _TAKES_KEYS.search(template.text) and not path.startswith("eventing/"):
            yield f"{path}: takes keys"
    password = settings_of(infra).get("EMAIL_SMTP_PASSWORD")
    if "@Microsoft.KeyVault(SecretUri=" not in shown(password):
        yield "main.bicep: EMAIL_SMTP_PASSWORD is no Key Vault reference"


def _secrets(template: Template) -> Iterator[str]:
    secure = {name for name, parameter in template.parameters.items() if "secure" in parameter.notes}
    for name, parameter in template.parameters.items():
        if _SECRET_NAME.search(name) and not name.endswith(_HARMLESS) and name not in secure:
            yield f"the parameter {name} is not @secure()"
        if name in secure and parameter.default not in {None, ""}:
            yield f"the parameter {name} has a default"
    for name, value in template.outputs.items():
        if _gives_away(value, secure) or "ConnectionString" in shown(value):
            yield f"the output {name} gives a secret away"
        if _SECRET_NAME.search(name) and not name.endswith(_HARMLESS):
            yield f"the output {name} sounds like a secret"
    for name, value in all_settings(template).items():
        if _gives_away(value, secure):
            yield f"the setting {name} holds a secret"
    for module in template.modules:
        handed = module.body.get("params")
        for name, value in (handed if isinstance(handed, dict) else {}).items():
            if _gives_away(value, secure - {name}):
                yield f"{module.symbol}: {name} is handed a secret"


def _gives_away(value: Value, secure: set[str]) -> bool:
    text = shown(value)
    names = any(re.search(rf"\b{name}\b", text) for name in secure)
    return names or bool(_TAKES_KEYS.search(text)) or bool(_KEY.search(text))
