"""Our own rules for what is deployed: each looks at all deployments, and says what is wrong in sentences.

They read the committed snapshots, so they hold wherever the tests run, with a compiler or without. `RULES`
has them all, by name; the seeded defects show that each finds what it is there for. Longer than most modules,
since it is one list: a rule after the other.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from shared.delivery import reports
from shared.events import fleet_gate, scheduled_event
from tests.infra import code
from tests.infra.deployments import ROLES, at, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.infra.deployments import Deployment, Resource

    Rule = Callable[[dict[str, Deployment]], Iterator[str]]

ROLE_IDS = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "09976791-48a7-449e-bb21-39d1a415f350": "Communication and Email Service Owner",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "d5a91429-5739-47e2-a06b-3470a27159e7": "EventGrid Data Sender",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
}
"""Azure's built-in roles: the ids are the same everywhere."""

BASE_GRANTS = [
    ("Storage Blob Data Owner", "id-app", "storageAccounts"),
    ("Storage Table Data Contributor", "id-app", "storageAccounts"),
    ("Monitoring Metrics Publisher", "id-app", "components"),
    ("Storage Blob Data Contributor", "id-eventgrid", "event-dead-letter"),
]
"""Role, identity, and what it is given on, in every deployment of the app."""

GLOBAL = {
    "Microsoft.Communication/communicationServices",
    "Microsoft.Communication/emailServices",
    "Microsoft.Communication/emailServices/domains",
    "Microsoft.EventGrid/systemTopics",
    "Microsoft.Insights/actionGroups",
    "Microsoft.Insights/metricAlerts",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
}

REJECTED_SETTINGS = {
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "ENABLE_ORYX_BUILD",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTOVERVNET",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
    "WEBSITE_VNET_ROUTE_ALL",
}
"""Application settings that Flex Consumption rejects, or has something else for."""

HOST_SETTINGS = {
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "PYTHON_THREADPOOL_THREAD_COUNT",
}

LOG_ALERTS = {
    "failed-executions",
    "no-sweep",
    "rejected-input",
    "work-waiting",
    "channel-paused",
    "mail-refused",
}
RECONCILE_ALERTS = {"missed-events", "no-reconcile"}
"""Where the app asks about subscriptions."""
WINDOWS = {"no-sweep": "PT1H", "missed-events": "PT2H", "no-reconcile": "PT3H"}
"""How far back an alert about the log looks; the others a quarter of an hour."""
METRICS = {
    "dead-lettered": ("DeadLetteredCount", 0),
    "dropped": ("DroppedEventCount", 0),
    "delivery-failing": ("DeliveryAttemptFailCount", 2),
    "unmatched": ("UnmatchedEventCount", 0),
}

FEATURES: dict[str, dict[str, int]] = {
    "asks": {ROLES: 2, "Microsoft.Insights/scheduledQueryRules": 2},
    "asks-management-group": {"Microsoft.Insights/scheduledQueryRules": 2},
    "smtp-own-secret": {},
    "smtp-open": {},
    "smtp-vault": {
        "Microsoft.KeyVault/vaults": 1,
        "Microsoft.KeyVault/vaults/secrets": 1,
        ROLES: 1,
    },
    "private-network": {
        "Microsoft.KeyVault/vaults": 1,
        "Microsoft.KeyVault/vaults/secrets": 1,
        ROLES: 1,
        "Microsoft.Network/virtualNetworks": 1,
        "Microsoft.Network/privateDnsZones": 3,
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks": 3,
        "Microsoft.Network/privateEndpoints": 3,
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": 3,
    },
    "graph": {ROLES: 1},
    "fleets": {
        "Microsoft.EventGrid/systemTopics": 1,
        "Microsoft.Insights/diagnosticSettings": 1,
        "Microsoft.Insights/metricAlerts": 3,
        ROLES: 2,
    },
    "acs-new": {
        "Microsoft.Communication/communicationServices": 1,
        "Microsoft.Communication/emailServices": 1,
        "Microsoft.Communication/emailServices/domains": 1,
        "Microsoft.EventGrid/systemTopics": 1,
        "Microsoft.Insights/diagnosticSettings": 1,
        "Microsoft.Insights/metricAlerts": 3,
        ROLES: 1,
    },
}
"""What a way to deploy makes beyond the least, no-mail, and nothing else."""


_WAYS = ("EMAIL_ENDPOINT", "EMAIL_SMTP_URL", "EMAIL_GRAPH_MAILBOX", "EMAIL_FOLDER")


def apps(all_of_them: dict[str, Deployment]) -> Iterator[tuple[str, Deployment]]:
    """Return the deployments that make the app."""
    return ((name, one) for name, one in all_of_them.items() if one.makes_the_app)


def roles(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that everyone may do exactly what is written down here, under a name known beforehand."""
    for name, one in given.items():
        found: Counter[tuple[str, str, str]] = Counter()
        for grant in one.of(ROLES):
            role = grant["properties"]["roleDefinitionId"].rpartition("/")[2]
            principal = re.search(r"/(id-[a-z]+)-", grant["properties"]["principalId"])
            scope = grant["id"].partition("/providers/Microsoft.Authorization/roleAssignments/")[0]
            leaf = scope.rpartition("/")[2] if "/containers/" in scope else scope.split("/")[-2]
            found[ROLE_IDS.get(role, role), principal[1] if principal else "user", leaf] += 1
            if grant["id"].startswith("["):
                yield f"{name}: {grant['id'][:80]} is not known beforehand"
            if grant["properties"].get("principalType") not in {"ServicePrincipal", "User"}:
                yield f"{name}: a new identity may not be found without its principalType"
        wanted = Counter(BASE_GRANTS if one.makes_the_app else [])
        if one.makes_the_app:
            publishes = any(output == "OUT_TOPIC_ENDPOINT" and value for output, value in one.outputs.items())
            wanted[("EventGrid Data Sender", "id-app", "topics")] = int(publishes)
        else:
            wanted[("EventGrid Data Sender", "user", "topics")] = len(one.of("Microsoft.EventGrid/topics"))
        wanted[("Key Vault Secrets User", "id-app", "vaults")] = len(one.of("Microsoft.KeyVault/vaults"))
        if one.settings.get("EMAIL_ENDPOINT"):
            wanted[("Communication and Email Service Owner", "id-app", "communicationServices")] = 1
        read = {setting: _listed(one, setting) for setting in ("CLUSTERS", "SUBSCRIPTIONS", "FLEETS")}
        asked = read["CLUSTERS"] | read["SUBSCRIPTIONS"]
        by_group = any(part.startswith("mg:") for part in asked)
        readable = read["FLEETS"] if by_group else asked | read["FLEETS"]
        wanted[("Reader", "id-app", "subscriptions")] = len(readable)
        yield from (f"{name}: {grant} is not written down" for grant in (found - wanted))
        yield from (f"{name}: {grant} is missing" for grant in (+wanted - found))


def _listed(one: Deployment, setting: str) -> set[str]:
    """Return the parts of a setting that is a list."""
    return {part.strip().lower() for part in one.settings.get(setting, "").split(",") if part.strip()}


def storage(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that the account has no keys, no public blobs, and what the app needs made beforehand."""
    for name, one in apps(given):
        for account in one.of("Microsoft.Storage/storageAccounts"):
            wanted = {
                "kind": "StorageV2",
                "sku.name": "Standard_ZRS",
                "properties.allowSharedKeyAccess": False,
                "properties.allowBlobPublicAccess": False,
                "properties.allowCrossTenantReplication": False,
                "properties.defaultToOAuthAuthentication": True,
                "properties.minimumTlsVersion": "TLS1_2",
                "properties.supportsHttpsTrafficOnly": True,
                "properties.publicNetworkAccess": "Enabled",
                "properties.networkAcls.bypass": "AzureServices",
                "properties.networkAcls.defaultAction": "Deny" if one.is_private else "Allow",
            }
            yield from (f"{name}: {words}" for words in expect(account, wanted))
            if not re.fullmatch(r"[a-z0-9]{3,24}", account["name"]):
                yield f"{name}: {account['name']} is no name of a storage account"
        containers = one.of("Microsoft.Storage/storageAccounts/blobServices/containers")
        for container in containers:
            yield from (
                f"{name}: {words}" for words in expect(container, {"properties.publicAccess": "None"})
            )
        if {container["name"].rpartition("/")[2] for container in containers} != {
            "app-package",
            "event-dead-letter",
        }:
            yield f"{name}: containers for the package and for dead letters are wanted"
        tables = one.of("Microsoft.Storage/storageAccounts/tableServices/tables")
        if [table["name"].rpartition("/")[2] for table in tables] != [one.settings["NOTIFIER_TABLE"]]:
            yield f"{name}: the table is not made"
        for expiry in one.of("Microsoft.Storage/storageAccounts/managementPolicies"):
            (rule,) = expiry["properties"]["policy"]["rules"]
            after = "definition.actions.baseBlob.delete.daysAfterModificationGreaterThan"
            if at(rule, "definition.filters.prefixMatch") != ["event-dead-letter/"] or at(rule, after) != 90:
                yield f"{name}: dead letters do not expire after 90 days"
    for name, one in given.items():
        for topic in one.of("Microsoft.EventGrid/topics"):
            yield from (f"{name}: {words}" for words in expect(topic, {"properties.disableLocalAuth": True}))


def monitoring(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that logs are reached with Entra ID alone, and cannot cost without end."""
    for name, one in apps(given):
        for workspace in one.of("Microsoft.OperationalInsights/workspaces"):
            wanted = {
                "properties.features.disableLocalAuth": True,
                "properties.sku.name": "PerGB2018",
                "properties.workspaceCapping.dailyQuotaGb": 1,
            }
            yield from (f"{name}: {words}" for words in expect(workspace, wanted))
        for component in one.of("Microsoft.Insights/components"):
            wanted = {"properties.DisableLocalAuth": True, "properties.IngestionMode": "LogAnalytics"}
            yield from (f"{name}: {words}" for words in expect(component, wanted))


def mail(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that the app is given exactly one way for mail to leave, with a sender, and without a key."""
    for name, one in apps(given):
        ways = [way for way in _WAYS if one.settings[way]]
        if len(ways) != 1 or not (one.settings["EMAIL_FROM"] or one.settings["EMAIL_GRAPH_MAILBOX"]):
            yield f"{name}: mail leaves by {ways}, from {one.settings['EMAIL_FROM']!r}"
        for service in one.of("Microsoft.Communication/communicationServices"):
            yield from (
                f"{name}: {words}" for words in expect(service, {"properties.disableLocalAuth": True})
            )
        for domain in one.of("Microsoft.Communication/emailServices/domains"):
            wanted = {
                "properties.domainManagement": "AzureManaged",
                "properties.userEngagementTracking": "Disabled",
            }
            yield from (f"{name}: {words}" for words in expect(domain, wanted))
            if not domain["name"].endswith("/AzureManagedDomain"):
                yield f"{name}: the managed domain's name is AzureManagedDomain"


def vault(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that the vault is opened by role, and that what is deleted in it can be had back."""
    for name, one in given.items():
        for made in one.of("Microsoft.KeyVault/vaults"):
            wanted = {
                "properties.enableRbacAuthorization": True,
                "properties.enableSoftDelete": True,
                "properties.enablePurgeProtection": True,
                "properties.networkAcls.bypass": "AzureServices",
                "properties.networkAcls.defaultAction": "Deny" if one.is_private else "Allow",
            }
            yield from (f"{name}: {words}" for words in expect(made, wanted))
            if len(made["name"]) > 24:
                yield f"{name}: {made['name']} is too long for a vault"


def secrets(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that secrets stand in a vault alone: no settings, no outputs, no other resource has one."""
    for name, one in given.items():
        for setting, value in one.settings.items():
            is_secret = setting.endswith("PASSWORD") and value
            if is_secret and "@Microsoft.KeyVault(SecretUri=" not in value:
                yield f"{name}: {setting} is no Key Vault reference"
            if re.search(r"parameters\(|AccountKey=|accesskey=", value, re.IGNORECASE):
                yield f"{name}: {setting} holds a secret"
        for output, value in one.outputs.items():
            if re.search(r"listKeys|parameters\(|ConnectionString", str(value), re.IGNORECASE):
                yield f"{name}: the output {output} gives a secret away"
        for resource in one.resources:
            if resource["type"] != "Microsoft.KeyVault/vaults/secrets" and re.search(
                r"parameters\('(smtpPassword|secretValues)'\)", str(resource)
            ):
                yield f"{name}: {resource['name']} is handed the password"
            takes_keys = "listKeys(" in str(resource)
            if takes_keys and not resource["type"].endswith("eventSubscriptions"):
                yield f"{name}: {resource['name']} takes keys"


def app(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that the app is one for Flex Consumption, with an identity, and nothing that Flex rejects."""
    for name, one in apps(given):
        (plan,), (site,) = one.of("Microsoft.Web/serverfarms"), one.of("Microsoft.Web/sites")
        wanted = {
            "sku.name": "FC1",
            "sku.tier": "FlexConsumption",
            "kind": "functionapp",
            "properties.reserved": True,
        }
        yield from (f"{name}: {words}" for words in expect(plan, wanted))
        config = "properties.functionAppConfig"
        wanted = {
            "kind": "functionapp,linux",
            "identity.type": "UserAssigned",
            "properties.httpsOnly": True,
            "properties.siteConfig": {"minTlsVersion": "1.2", "http20Enabled": True},
            f"{config}.deployment.storage.type": "blobContainer",
            f"{config}.deployment.storage.authentication.type": "UserAssignedIdentity",
            f"{config}.runtime": {"name": "python", "version": "3.13"},
            f"{config}.scaleAndConcurrency": {"instanceMemoryMB": 2048, "maximumInstanceCount": 40},
            "tags.azd-service-name": "notifier",
        }
        yield from (f"{name}: {words}" for words in expect(site, wanted))
        (identity,) = (at(site, "identity.userAssignedIdentities") or {"": None}).keys()
        users = (
            at(site, "properties.keyVaultReferenceIdentity"),
            at(site, f"{config}.deployment.storage.authentication.userAssignedIdentityResourceId"),
        )
        if set(users) != {identity} or "/id-app-" not in identity:
            yield f"{name}: the app does not use its one identity everywhere"
        subnet = at(site, "properties.virtualNetworkSubnetId")
        if (subnet is not None) != one.is_private:
            yield f"{name}: the app's subnet is {subnet}"
        settings = one.settings
        yield from (f"{name}: Flex rejects {setting}" for setting in set(settings) & REJECTED_SETTINGS)
        yield from (f"{name}: the host's {setting} is missing" for setting in HOST_SETTINGS - set(settings))
        if settings.get("AzureWebJobsStorage__credential") != "managedidentity":
            yield f"{name}: the host does not reach its storage with the identity"
        if "Authorization=AAD" not in settings.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", ""):
            yield f"{name}: telemetry is not sent with the identity"


def application_settings(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that the app gets the settings that it reads, and by default the README's defaults."""
    wanted = code.settings_read() - code.LOCAL_ONLY - code.BY_SECRET_NAME
    for name, one in apps(given):
        found = set(one.settings) - HOST_SETTINGS - one.secret_settings
        yield from (f"{name}: the setting {setting} is missing" for setting in wanted - found)
        yield from (f"{name}: nothing reads the setting {setting}" for setting in found - wanted)
        switches = [setting for setting, value in one.settings.items() if value in {"True", "False", "false"}]
        yield from (f"{name}: {setting} is written as ARM does" for setting in switches)
    least = given["no-mail"].settings
    for setting, default in code.settings_in_readme().items():
        if default and least.get(setting, default) not in {default, ""}:
            yield f"{setting} defaults to {least[setting]!r} here, and to {default!r} in the README"


def locations(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that what is global is global, all else is where the deployment is, and both are tagged."""
    for name, one in given.items():
        for resource in one.resources:
            where = resource.get("location")
            if where is None:
                continue
            if _is_of_cluster(resource):
                # Where its cluster is, which Azure alone knows.
                where = "global" if "managedClusters/" in where and ".location" in where else f"not {where}"
            if (where == "global") != (resource["type"] in GLOBAL) or where not in {"global", "westeurope"}:
                yield f"{name}: {resource['name']} is in {where}"
            if at(resource, "tags.azd-env-name") != "prod":
                yield f"{name}: {resource['name']} has no tag"


def _is_of_cluster(resource: Resource) -> bool:
    return bool(resource["type"] == "Microsoft.EventGrid/systemTopics") and str(resource["name"]).startswith(
        "evgt-cluster-"
    )


def topics(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that topics and event types are spelled as Azure and the code spell them."""
    kinds = {
        "evgt-aks": (
            "microsoft.resourcenotifications.containerserviceeventresources",
            r"/subscriptions/[0-9a-f-]+",
        ),
        "evgt-fleet": ("Microsoft.ResourceNotifications.AKSResources", r"/subscriptions/[0-9a-f-]+"),
        "evgt-email": ("Microsoft.Communication.CommunicationServices", r".*/communicationServices/acs-.*"),
        "evgt-cluster": (
            "Microsoft.ContainerService.ManagedClusters",
            r"/subscriptions/[0-9a-f-]+/resourceGroups/[\w-]+/providers/Microsoft.*/managedClusters/[\w-]+",
        ),
    }
    for name, one in given.items():
        for topic in one.of("Microsoft.EventGrid/systemTopics"):
            kind, source = kinds["-".join(topic["name"].split("-")[:2])]
            if topic["properties"]["topicType"] != kind or not re.fullmatch(
                source, topic["properties"]["source"]
            ):
                yield f"{name}: {topic['name']} is {topic['properties']}"
            if at(topic, "identity.type") != "UserAssigned" or "/id-eventgrid-" not in str(topic["identity"]):
                yield f"{name}: {topic['name']} has not the identity for dead letters"


GATE_EVENTS = [f"{fleet_gate.EVENT_TYPE}{verb}" for verb in ("Created", "Updated", "Deleted")]
CLUSTER_EVENTS = [
    f"Microsoft.ContainerService.{name}"
    for name in (
        "ClusterSupportEnded",
        "ClusterSupportEnding",
        "NewKubernetesVersionAvailable",
        "NodePoolRollingFailed",
        "NodePoolRollingStarted",
        "NodePoolRollingSucceeded",
    )
]


def event_subscriptions(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that all events come, for a day, to functions that there are, and are else put aside."""
    triggered = {name for name, kind in code.functions().items() if kind == "event_grid_trigger"}
    for name, one in given.items():
        for made in one.of("Microsoft.EventGrid/systemTopics/eventSubscriptions"):
            wanted = {
                "properties.eventDeliverySchema": "CloudEventSchemaV1_0",
                "properties.retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
            }
            yield from (f"{name}: {words}" for words in expect(made, wanted))
            function = _function(made)
            types = at(made, "properties.filter.includedEventTypes")
            of_cluster = "/evgt-cluster-" in made["name"] or made["name"].startswith("evgt-cluster-")
            events = {
                "maintenance_events": (
                    [CLUSTER_EVENTS] if of_cluster else [[scheduled_event.EVENT_TYPE], GATE_EVENTS]
                ),
                "email_reports": ([reports.EVENT_TYPE],),
            }
            if function not in triggered or types not in events.get(function, ()):
                yield f"{name}: {types} goes to {function}"
            if set(made["properties"]["filter"]) != {"includedEventTypes", "isSubjectCaseSensitive"}:
                yield f"{name}: a filter may lose what is new to us"
            letters = at(made, "properties.deadLetterWithResourceIdentity")
            is_elsewhere = "/resourceGroups/rg-prod-events/" in made["id"]
            shared = name == "events-webhook" and not is_elsewhere
            if shared != (letters is None):
                yield f"{name}: {made['name']} has {'no ' if letters is None else ''}dead letters"
            container = at(letters or {}, "deadLetterDestination.properties.blobContainerName")
            if letters is not None and container != "event-dead-letter":
                yield f"{name}: dead letters go to {container}"
            if not re.search(r"/aks-maintenance-notifier-[a-z0-9]{13}$", made["name"]):
                yield f"{name}: environments that share a topic would take each other's {made['name']}"


def _function(made: Resource) -> str:
    destination = made["properties"]["destination"]
    text = str(destination["properties"].get("resourceId") or destination["properties"].get("endpointUrl"))
    found = re.search(r"/functions/(\w+)$|/runtime/webhooks/EventGrid\?.*', '(\w+)', listKeys", text)
    return (found[1] or found[2]) if found else text


def alerts(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that everything that can go wrong is told by Azure Monitor, from the first time on."""
    for name, one in given.items():
        for group in one.of("Microsoft.Insights/actionGroups"):
            if set(group["properties"]) != {"groupShortName", "enabled", "emailReceivers"}:
                yield f"{name}: the action group does more than send mail by itself"
            if len(group["properties"]["groupShortName"]) > 12 or group["properties"]["enabled"] is not True:
                yield f"{name}: the action group is {group['properties']}"
        on_metrics = one.of("Microsoft.Insights/metricAlerts")
        for rule in [*one.of("Microsoft.Insights/scheduledQueryRules"), *on_metrics]:
            wanted = {"properties.enabled": True, "properties.autoMitigate": True}
            yield from (f"{name}: {words}" for words in expect(rule, wanted))
            if "/actionGroups/ag-" not in str(at(rule, "properties.actions")):
                yield f"{name}: {rule['name']} tells nobody"
            if any(part["operator"] != "GreaterThan" for part in rule["properties"]["criteria"]["allOf"]):
                yield f"{name}: {rule['name']} is about more than a threshold"
        for rule in on_metrics:
            shared = name == "acs-existing" and bool({"aks", "fleet"} & set(rule["name"].split("-")))
            yield from (f"{name}: {rule['name']} {words}" for words in _on_metric(rule, shared=shared))
    for name, one in apps(given):
        asks = any(one.settings.get(setting) for setting in ("CLUSTERS", "SUBSCRIPTIONS"))
        wanted_alerts = LOG_ALERTS | RECONCILE_ALERTS if asks else LOG_ALERTS
        yield from (f"{name}: {words}" for words in _on_log(log_rules(one), wanted_alerts))


def _on_metric(rule: Resource, *, shared: bool) -> Iterator[str]:
    (criterion,) = rule["properties"]["criteria"]["allOf"]
    about = (criterion["metricName"], criterion["threshold"])
    if METRICS.get(criterion["name"]) != about or criterion["timeAggregation"] != "Total":
        yield f"looks at {about}"
    if criterion["metricNamespace"] != "Microsoft.EventGrid/systemTopics":
        yield f"looks at {criterion['metricNamespace']}"
    counted = [
        (part["name"], part["operator"], part["values"][0].rpartition("-")[0])
        for part in criterion.get("dimensions") or []
    ]
    ours = ("EventSubscriptionName", "Include", "aks-maintenance-notifier")
    if counted != [ours] * shared:
        yield f"counts {counted or 'what is not ours'}"


def _on_log(rules: dict[str, Resource], wanted: set[str]) -> Iterator[str]:
    yield from (f"the alert {alert} is missing" for alert in wanted - set(rules))
    yield from (f"the alert {alert} is not known here" for alert in set(rules) - wanted)
    for alert, rule in rules.items():
        yield from expect(rule, {"properties.windowSize": WINDOWS.get(alert, "PT15M")})
        (criterion,) = rule["properties"]["criteria"]["allOf"]
        if criterion["timeAggregation"] != "Count" or criterion["threshold"] != 0:
            yield f"{alert} is not about any row"


def log_rules(one: Deployment) -> dict[str, Resource]:
    """Return the alerts about the log, by the name that their mails show."""
    return {
        rule["name"].rpartition("-")[0]: rule for rule in one.of("Microsoft.Insights/scheduledQueryRules")
    }


def log_queries(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that the alerts look for words that the code writes, and for functions that it has."""
    written = code.logged() | {f"decision={value} " for value in code.decisions()} | {"sweep: "}
    for name, one in apps(given):
        for alert, rule in log_rules(one).items():
            query = rule["properties"]["criteria"]["allOf"][0]["query"]
            for prefix in re.findall(r'startswith "([^"]+)"', query):
                if not any(line.startswith(prefix) for line in written):
                    yield f"{name}: {alert}: nothing writes {prefix!r}"
            for function in re.findall(r'Name == "(\w+)"', query):
                if code.functions().get(function) != "timer_trigger":
                    yield f"{name}: {alert}: there is no timer {function}"


def features(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that a way to deploy adds what it needs to the least, and nothing else."""
    least = Counter(resource["type"] for resource in given["no-mail"].resources)
    for name, wanted in FEATURES.items():
        added = Counter(resource["type"] for resource in given[name].resources)
        added.subtract(least)
        found = {kind: count for kind, count in added.items() if count}
        if found != wanted:
            yield f"{name} adds {found}, not {wanted}"


def network(given: dict[str, Deployment]) -> Iterator[str]:
    """Check that what is closed by network is reached by private endpoints, from a subnet that Flex takes."""
    for name, one in given.items():
        for made in one.of("Microsoft.Network/virtualNetworks"):
            subnets = {subnet["name"]: subnet["properties"] for subnet in made["properties"]["subnets"]}
            delegated = [part["properties"]["serviceName"] for part in subnets["app"].get("delegations", [])]
            if delegated != ["Microsoft.App/environments"]:
                yield f"{name}: the app's subnet is delegated to {delegated}"
            if subnets["private-endpoints"].get("delegations"):
                yield f"{name}: private endpoints are in a delegated subnet"
            groups = [
                group
                for endpoint in one.of("Microsoft.Network/privateEndpoints")
                for link in endpoint["properties"]["privateLinkServiceConnections"]
                for group in link["properties"]["groupIds"]
            ]
            wanted = ["blob", "table"] + ["vault"] * len(one.of("Microsoft.KeyVault/vaults"))
            if sorted(groups) != wanted:
                yield f"{name}: private endpoints lead to {groups}, not to {wanted}"


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        roles,
        storage,
        monitoring,
        mail,
        vault,
        secrets,
        app,
        application_settings,
        locations,
        topics,
        event_subscriptions,
        alerts,
        log_queries,
        features,
        network,
    )
}
