"""What a Flex Consumption app takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.infra.bicep import Code
from tests.infra.questions import expect, settings_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.bicep import Infra

REJECTED_SETTINGS = {
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED",
    "ENABLE_ORYX_BUILD",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTOVERVNET",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_DNS_SERVER",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
    "WEBSITE_NODE_DEFAULT_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_SKIP_CONTENTSHARE_VALIDATION",
    "WEBSITE_TIME_ZONE",
    "WEBSITE_VNET_ROUTE_ALL",
}
"""Application settings that Flex Consumption rejects, or has something else for."""


TAKEN_SITE_CONFIG = {"minTlsVersion", "http20Enabled"}
"""siteConfig properties that are known to pass; Flex Consumption rejects many, such as ftpsState."""


HOST_SETTINGS = {
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "PYTHON_THREADPOOL_THREAD_COUNT",
}


def app(infra: Infra) -> Iterator[str]:
    """Check that the app is one for Flex Consumption, with an identity, and nothing that Flex rejects."""
    template = infra["app/function.bicep"]
    plan = template.only("Microsoft.Web/serverfarms")
    yield from expect(
        plan,
        {
            "sku.name": "FC1",
            "sku.tier": "FlexConsumption",
            "kind": "functionapp",
            "properties.reserved": True,
        },
    )
    site = template.only("Microsoft.Web/sites")
    config = "properties.functionAppConfig"
    yield from expect(
        site,
        {
            "kind": "functionapp,linux",
            "identity.type": "UserAssigned",
            "identity.userAssignedIdentities": {"'${identityId}'": {}},
            "properties.httpsOnly": True,
            "properties.siteConfig.minTlsVersion": "1.2",
            "properties.keyVaultReferenceIdentity": Code("identityId"),
            f"{config}.deployment.storage.type": "blobContainer",
            f"{config}.deployment.storage.authentication.type": "UserAssignedIdentity",
            f"{config}.deployment.storage.authentication.userAssignedIdentityResourceId": Code("identityId"),
            f"{config}.runtime.name": "python",
            f"{config}.runtime.version": Code("pythonVersion"),
            f"{config}.scaleAndConcurrency.instanceMemoryMB": Code("instanceMemoryMB"),
            f"{config}.scaleAndConcurrency.maximumInstanceCount": Code("maximumInstanceCount"),
        },
    )
    site_config = site.at("properties.siteConfig")
    for name in set(site_config if isinstance(site_config, dict) else {}) - TAKEN_SITE_CONFIG:
        yield f"siteConfig.{name} is not known to pass on Flex Consumption"
    if infra["main.bicep"].parameters["pythonVersion"].default != "3.13":
        yield "Python is not 3.13 by default"
    host = template.variables.get("hostSettings")
    host = host if isinstance(host, dict) else {}
    given = {*host, *settings_of(infra)}
    yield from (f"Flex Consumption rejects the setting {name}" for name in given & REJECTED_SETTINGS)
    yield from (f"the host's setting {name} is missing" for name in HOST_SETTINGS - set(host))
    yield from (f"the host's setting {name} is not known here" for name in set(host) - HOST_SETTINGS)
    if host.get("AzureWebJobsStorage__credential") != "managedidentity":
        yield "the host does not reach its storage with the identity"
    if "Authorization=AAD" not in shown(host.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING")):
        yield "telemetry is not sent with the identity"
    applied = template.only("Microsoft.Web/sites/config")
    yield from expect(applied, {"name": "appsettings", "properties": Code("union(settings, hostSettings)")})
