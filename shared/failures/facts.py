"""The facts that a failure may carry: what each is called, how it looks, what stands for it when unknown.

A value that does not look like its kind is not used: a pod's name is an RFC 1123 name, whatever is sent.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.text import GUID, searchable


class FactKind(NamedTuple):
    """A kind of fact."""

    label: str
    """What it is called beside its value; empty for what the email shows elsewhere."""
    words: str
    """What a sentence says where the value is not known."""
    form: re.Pattern[str]
    """What a value looks like, whole."""


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_DNS = _form(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_NODE = _form(r"(?=[a-z.]*[\d-])[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_LABEL = _form(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_POOL = _form(r"[a-z][a-z0-9]{0,11}")
_ID = _form(r"/subscriptions/[\w.()/-]{1,500}[\w()]")
_BUSY = _form(r"/subscriptions/[\w.()/-]{1,500}[\w()]|[a-z0-9_][\w.-]{0,88}")
_NAME = _form(r"[a-z0-9_](?:[\w.()-]{0,88}[\w)])?")
_WORD = _form(r"[a-z][a-z0-9_]{1,79}")
_PROPERTY = _form(r"[a-z][a-z0-9_]{0,60}(?:\.[a-z][a-z0-9_]{0,60}){0,8}")
_NUMBER = _form(r"\d{1,12}")
_VERSION = _form(r"v?\d{1,4}\.\d{1,8}(?:\.\d{1,8}){0,2}")
_CIDR = _form(r"[0-9a-f.:]{3,39}/\d{1,3}")
_ACTION = _form(r"[a-z][a-z0-9.]{2,60}(?:/[a-z0-9*_-]{1,60}){1,8}")
_HOST = _form(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::\d{1,5})?")
_POLICY_ID = _form(
    r"/(?:subscriptions|providers/microsoft\.management/managementgroups)/[\w.()/-]{1,500}[\w()]"
)
_IMAGE = _form(r"[a-z0-9](?:[\w./:@-]{0,250}[a-z0-9])?")
_VAULT = _form(
    r"https://[a-z0-9.-]{3,100}(?::\d{1,5})?(?:/[\w./~%-]{0,200}[\w/])?/?|[a-z][a-z0-9-]{1,22}[a-z0-9]"
)
_PHRASE = _form(r"[^\s\"'<>\[\]{}\\`$;](?:[^\n\r\"'<>\[\]{}\\`$;]{0,118}[^\s\"'<>\[\]{}\\`$;.,:])?")
_REASON = _form(r"[^\n\r\"'<>\[\]{}\\`$;]{2,200}[^\n\r\"'<>\[\]{}\\`$;.]")
_TIME = _form(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?(?:Z| ?\+0000(?: UTC)?)?")
_ZONES = _form(r"'?[a-z0-9]'?(?:, ?'?[a-z0-9]'?){0,8}")
_API = _form(r"[a-z0-9](?:[a-z0-9./-]{1,200}[a-z0-9])")

FACTS: dict[str, FactKind] = {
    # What the event says.
    "cluster": FactKind("", "the cluster", _form(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")),
    "resource_group": FactKind("", "the resource group", _form(r"[\w(](?:[\w.()-]{0,88}[\w()-])?")),
    "subscription": FactKind("", "the subscription", GUID),
    "region": FactKind("Region", "the region", _form(r"[a-z][a-z0-9]{2,40}")),
    "cluster_id": FactKind("", "the cluster", _ID),
    # Kubernetes.
    "node": FactKind("Node", "a node", _NODE),
    "pool": FactKind("Node pool", "a node pool", _POOL),
    "pod": FactKind("Pod", "a pod", _DNS),
    "namespace": FactKind("Namespace", "its namespace", _LABEL),
    "holder": FactKind("Pod that holds the volume", "another pod", _DNS),
    "pdb": FactKind("Pod Disruption Budget", "a Pod Disruption Budget", _DNS),
    "min_available": FactKind("Must stay available", "some", _NUMBER),
    "current_healthy": FactKind("Healthy now", "some", _NUMBER),
    "expected_pods": FactKind("Pods expected", "some", _NUMBER),
    "machine": FactKind("Machine", "a new machine", _form(r"[a-z0-9][\w.-]{1,80}")),
    "resource_quota": FactKind("ResourceQuota", "a ResourceQuota", _DNS),
    "admission_policy": FactKind("Admission policy", "a policy", _DNS),
    "container_image": FactKind("Container image", "an image", _IMAGE),
    "registry": FactKind("Registry", "the registry", _HOST),
    "unready": FactKind("Pods not ready", "some pods", _NUMBER),
    "webhook": FactKind("Webhook", "an admission webhook", _DNS),
    "system_pods": FactKind(
        "Pods not running", "system pods", _form(r"[a-z0-9][a-z0-9.-]*(?:, ?[a-z0-9.-]+)*(?<![.-])")
    ),
    "api": FactKind("Deprecated API", "a Kubernetes API", _API),
    "last_seen": FactKind("Last used", "recently", _TIME),
    "removed_in": FactKind("Removed in", "the new version", _VERSION),
    # Versions and images.
    "version": FactKind("Version", "its present version", _VERSION),
    "target_version": FactKind("Target version", "the new version", _VERSION),
    "pool_version": FactKind("Version of the node pool", "an older version", _VERSION),
    "control_plane_version": FactKind("Version of the control plane", "a newer version", _VERSION),
    "available_versions": FactKind("Versions on offer", "other versions", _form(r"[\d.]+(?:,? [\d.]+)*")),
    "image_version": FactKind("Version of the image", "of a version", _form(r"[\w.-]{3,60}")),
    "mesh_revision": FactKind("Mesh revision", "a revision", _form(r"asm-\d{1,3}-\d{1,4}|[a-z][\w.-]{1,40}")),
    "image": FactKind("Image", "the image", _form(r"[\w.-]+(?::[\w.-]+){0,4}")),
    "node_image": FactKind("Node image", "the node image", _form(r"AKS[\w.-]{3,100}")),
    "configuration_version": FactKind("Configuration version", "its configuration", _VERSION),
    "parameter": FactKind("Parameter", "a parameter", _form(r"[a-z][\w.]{2,120}")),
    "property": FactKind("Property", "a property", _PROPERTY),
    "disk_type": FactKind("Disk type", "this disk type", _WORD),
    # Quota, capacity.
    "quota_family": FactKind("Quota", "the vCPU quota", _form(r"[a-z][\w .-]{1,60}\w")),
    "limit": FactKind("Limit", "the limit", _NUMBER),
    "usage": FactKind("In use", "almost all", _NUMBER),
    "need": FactKind("Needed on top", "more", _NUMBER),
    "remaining": FactKind("Left", "less", _NUMBER),
    "new_limit": FactKind("Limit needed", "a higher limit", _NUMBER),
    "vm_size": FactKind("VM size", "the VM size", _form(r"(?:Standard|Basic)_[a-z0-9_]{1,40}")),
    "zones": FactKind("Zone", "the zone", _ZONES),
    "supported_zones": FactKind("Zones on offer", "other zones", _ZONES),
    "constraints": FactKind("Constraints", "several constraints", _form(r"[\w(][\w\s().,-]{2,400}[\w)]")),
    # Network.
    "subnet": FactKind("Subnet", "the subnet", _NAME),
    "subnet_id": FactKind("Subnet ID", "the subnet", _ID),
    "vnet": FactKind("Virtual network", "the virtual network", _NAME),
    "vnet_group": FactKind("Resource group of the network", "its resource group", _NAME),
    "vnet_state": FactKind("State of the network", "another state", _WORD),
    "prefix": FactKind("Address range", "its address range", _CIDR),
    "service_cidr": FactKind("Service CIDR", "the service address range", _CIDR),
    "subnet_cidr": FactKind("CIDR of the subnet", "a subnet's address range", _CIDR),
    "addresses_needed": FactKind("Addresses needed", "more addresses", _NUMBER),
    "addresses_available": FactKind("Addresses available", "fewer addresses", _NUMBER),
    "busy_resource": FactKind("Resource", "a network resource", _BUSY),
    "resource_state": FactKind("State of the resource", "another state", _WORD),
    "network_operation": FactKind("Operation there", "an operation", _WORD),
    "outbound_ports": FactKind("Outbound ports per node", "the configured outbound ports", _NUMBER),
    "node_count": FactKind("Nodes", "the nodes", _NUMBER),
    "ports_needed": FactKind("Ports needed", "more ports", _NUMBER),
    "ports_available": FactKind("Ports available", "fewer ports", _NUMBER),
    "outbound_ips": FactKind("Outbound IP addresses", "the present", _NUMBER),
    "missing_resource": FactKind("Missing resource", "a resource", _ID),
    "referenced_by": FactKind("Needed by", "another resource", _ID),
    "dns_zone": FactKind("Private DNS zone", "a private DNS zone", _DNS),
    "other_zone": FactKind("Zone linked already", "another zone", _DNS),
    "host": FactKind("Endpoint", "a required endpoint", _HOST),
    "api_server": FactKind("API server", "the API server", _HOST),
    "load_balancer": FactKind("Load balancer", "the load balancer", _NAME),
    # Node bootstrap.
    "exit_code": FactKind("Exit code", "an exit code", _NUMBER),
    "exit_meaning": FactKind("Which means", "an error that is not in the table", _PHRASE),
    "windows_error": FactKind("Windows error", "an error", _form(r"WINDOWS_CSE_\w{3,80}")),
    "extension": FactKind("VM extension", "a VM extension", _form(r"[\w.-]{2,80}")),
    "curl_error": FactKind("Error of curl", "an error", _NUMBER),
    "mount_error": FactKind("Error of mount", "an error", _NUMBER),
    "storage_account": FactKind("Storage account", "the storage account", _form(r"[a-z0-9]{3,24}")),
    "expected": FactKind("Expected", "all", _NUMBER),
    "actual": FactKind("Ready", "fewer", _NUMBER),
    # Permissions, policies, locks.
    "client_id": FactKind("Client ID", "the identity", GUID),
    "object_id": FactKind("Object ID", "the cluster's identity", GUID),
    "action": FactKind("Missing permission", "an action", _ACTION),
    "scope": FactKind("Scope", "a resource", _ID),
    "app_id": FactKind("Application", "the service principal", GUID),
    "deny_assignment": FactKind("Deny assignment", "a deny assignment", _PHRASE),
    "feature": FactKind("Feature", "a feature", _form(r"[A-Za-z][\w.]{2,60}(?:/[\w.-]{2,80})?")),
    "policy": FactKind("Policy assignment", "an Azure Policy", _PHRASE),
    "policy_id": FactKind("Assignment ID", "the assignment", _POLICY_ID),
    "policy_reason": FactKind("Reason of the policy", "a rule", _REASON),
    "refused_resource": FactKind("Refused resource", "a resource", _PHRASE),
    "locked_group": FactKind("Locked resource group", "the node resource group", _NAME),
    "locked_scope": FactKind("Locked scope", "a scope", _ID),
    "provider": FactKind("Resource provider", "a resource provider", _form(r"[a-z]+(?:\.[a-z0-9]+){1,4}")),
    "vault": FactKind("Key vault", "the key vault", _VAULT),
    "disk_encryption_set": FactKind("Disk encryption set", "the disk encryption set", _NAME),
    "workspace": FactKind("Workspace", "the Log Analytics workspace", _ID),
    "missing_group": FactKind("Missing resource group", "its resource group", _NAME),
    # Operations.
    "operation": FactKind("Running operation", "another operation", _PHRASE),
    "operation_id": FactKind("Operation ID", "another operation", _form(r"[0-9a-f-]{8,64}")),
    "operation_start": FactKind("Started", "earlier", _TIME),
    "provisioning_state": FactKind("Provisioning state", "another state", _WORD),
    "wait_seconds": FactKind("Wait (seconds)", "a while", _NUMBER),
    "node_resource_group": FactKind("Node resource group", "the node resource group", _NAME),
    "scale_set": FactKind("Scale set", "the scale set", _NAME),
    "retriable": FactKind("Retriable, says AKS", "unknown", _form(r"true|false")),
    "own_operation_id": FactKind("Operation ID (for support)", "the operation ID", GUID),
    "update_run": FactKind("Update run", "an update run", _NAME),
    "member": FactKind("Member", "a member cluster", _NAME),
    "correlation_id": FactKind("Correlation ID", "the correlation ID", GUID),
    # Ours.
    "code": FactKind("", "no code", _form(r"[\w.-]{2,80}")),
}

_KUBERNETES_NAMES = frozenset(
    {"node", "pool", "pod", "namespace", "pdb", "webhook", "resource_quota", "admission_policy"}
)
_MAX_VALUE_CHARACTERS = 300
_PLACEHOLDERS = frozenset({"null", "none", "n/a"})
_NEXT_KEY = re.compile(r"\s+(?:code|details|message|target)\Z", re.IGNORECASE)
"""What stands beside a list in JSON, and is no item of it."""


def words(name: str) -> str:
    """Return what a sentence says where the fact is not known."""
    return FACTS[name].words if name in FACTS else f"the {name.replace('_', ' ')}"


def label(name: str) -> str:
    """Return what the fact is called beside its value."""
    return FACTS[name].label if name in FACTS else name.replace("_", " ").capitalize()


def accepted(name: str, value: str) -> str:
    """Return a value as it is used: one line, no control characters; empty if it does not look right."""
    value = searchable(value[: _MAX_VALUE_CHARACTERS * 4])[:_MAX_VALUE_CHARACTERS]
    fact = FACTS.get(name)
    if name == "constraints":
        # A list in the words of the message, whose bullets are gone or not.
        value = _NEXT_KEY.sub("", value.removeprefix("- ")).replace(" - ", ", ")
    if fact and fact.form is _ZONES:
        value = value.replace("'", "")
    if fact and not fact.form.fullmatch(value):
        return ""
    if value.lower() in _PLACEHOLDERS:
        return ""
    return value.lower() if name in _KUBERNETES_NAMES else value
