"""The facts that a failure may carry: what each is called, how it looks, what stands for it when unknown.

A value that does not look like its kind is not used: a pod's name is an RFC 1123 name, whatever is sent.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.text import GUID, searchable


class Fact(NamedTuple):
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

FACTS: dict[str, Fact] = {
    # What the event says.
    "cluster": Fact("", "the cluster", _form(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")),
    "resource_group": Fact("", "the resource group", _form(r"[\w(](?:[\w.()-]{0,88}[\w()-])?")),
    "subscription": Fact("", "the subscription", GUID),
    "region": Fact("Region", "the region", _form(r"[a-z][a-z0-9]{2,40}")),
    "cluster_id": Fact("", "the cluster", _ID),
    # Kubernetes.
    "node": Fact("Node", "a node", _NODE),
    "pool": Fact("Node pool", "a node pool", _POOL),
    "pod": Fact("Pod", "a pod", _DNS),
    "namespace": Fact("Namespace", "its namespace", _LABEL),
    "holder": Fact("Pod that holds the volume", "another pod", _DNS),
    "pdb": Fact("Pod Disruption Budget", "a Pod Disruption Budget", _DNS),
    "min_available": Fact("Must stay available", "some", _NUMBER),
    "current_healthy": Fact("Healthy now", "some", _NUMBER),
    "expected_pods": Fact("Pods expected", "some", _NUMBER),
    "machine": Fact("Machine", "a new machine", _form(r"[a-z0-9][\w.-]{1,80}")),
    "resource_quota": Fact("ResourceQuota", "a ResourceQuota", _DNS),
    "admission_policy": Fact("Admission policy", "a policy", _DNS),
    "container_image": Fact("Container image", "an image", _IMAGE),
    "registry": Fact("Registry", "the registry", _HOST),
    "unready": Fact("Pods not ready", "some pods", _NUMBER),
    "webhook": Fact("Webhook", "an admission webhook", _DNS),
    "system_pods": Fact(
        "Pods not running", "system pods", _form(r"[a-z0-9][a-z0-9.-]*(?:, ?[a-z0-9.-]+)*(?<![.-])")
    ),
    "api": Fact("Deprecated API", "a Kubernetes API", _API),
    "last_seen": Fact("Last used", "recently", _TIME),
    "removed_in": Fact("Removed in", "the new version", _VERSION),
    # Versions and images.
    "version": Fact("Version", "its present version", _VERSION),
    "target_version": Fact("Target version", "the new version", _VERSION),
    "pool_version": Fact("Version of the node pool", "an older version", _VERSION),
    "control_plane_version": Fact("Version of the control plane", "a newer version", _VERSION),
    "available_versions": Fact("Versions on offer", "other versions", _form(r"[\d.]+(?:,? [\d.]+)*")),
    "image_version": Fact("Version of the image", "of a version", _form(r"[\w.-]{3,60}")),
    "mesh_revision": Fact("Mesh revision", "a revision", _form(r"asm-\d{1,3}-\d{1,4}|[a-z][\w.-]{1,40}")),
    "image": Fact("Image", "the image", _form(r"[\w.-]+(?::[\w.-]+){0,4}")),
    "node_image": Fact("Node image", "the node image", _form(r"AKS[\w.-]{3,100}")),
    "configuration_version": Fact("Configuration version", "its configuration", _VERSION),
    "parameter": Fact("Parameter", "a parameter", _form(r"[a-z][\w.]{2,120}")),
    "property": Fact("Property", "a property", _PROPERTY),
    "disk_type": Fact("Disk type", "this disk type", _WORD),
    # Quota, capacity.
    "quota_family": Fact("Quota", "the vCPU quota", _form(r"[a-z][\w .-]{1,60}\w")),
    "limit": Fact("Limit", "the limit", _NUMBER),
    "usage": Fact("In use", "almost all", _NUMBER),
    "need": Fact("Needed on top", "more", _NUMBER),
    "remaining": Fact("Left", "less", _NUMBER),
    "new_limit": Fact("Limit needed", "a higher limit", _NUMBER),
    "vm_size": Fact("VM size", "the VM size", _form(r"(?:Standard|Basic)_[a-z0-9_]{1,40}")),
    "zones": Fact("Zone", "the zone", _ZONES),
    "supported_zones": Fact("Zones on offer", "other zones", _ZONES),
    "constraints": Fact("Constraints", "several constraints", _form(r"[\w(][\w\s().,-]{2,400}[\w)]")),
    # Network.
    "subnet": Fact("Subnet", "the subnet", _NAME),
    "subnet_id": Fact("Subnet ID", "the subnet", _ID),
    "vnet": Fact("Virtual network", "the virtual network", _NAME),
    "vnet_group": Fact("Resource group of the network", "its resource group", _NAME),
    "vnet_state": Fact("State of the network", "another state", _WORD),
    "prefix": Fact("Address range", "its address range", _CIDR),
    "service_cidr": Fact("Service CIDR", "the service address range", _CIDR),
    "subnet_cidr": Fact("CIDR of the subnet", "a subnet's address range", _CIDR),
    "addresses_needed": Fact("Addresses needed", "more addresses", _NUMBER),
    "addresses_available": Fact("Addresses available", "fewer addresses", _NUMBER),
    "busy_resource": Fact("Resource", "a network resource", _BUSY),
    "resource_state": Fact("State of the resource", "another state", _WORD),
    "network_operation": Fact("Operation there", "an operation", _WORD),
    "outbound_ports": Fact("Outbound ports per node", "the configured outbound ports", _NUMBER),
    "node_count": Fact("Nodes", "the nodes", _NUMBER),
    "ports_needed": Fact("Ports needed", "more ports", _NUMBER),
    "ports_available": Fact("Ports available", "fewer ports", _NUMBER),
    "outbound_ips": Fact("Outbound IP addresses", "the present", _NUMBER),
    "missing_resource": Fact("Missing resource", "a resource", _ID),
    "referenced_by": Fact("Needed by", "another resource", _ID),
    "dns_zone": Fact("Private DNS zone", "a private DNS zone", _DNS),
    "other_zone": Fact("Zone linked already", "another zone", _DNS),
    "host": Fact("Endpoint", "a required endpoint", _HOST),
    "api_server": Fact("API server", "the API server", _HOST),
    "load_balancer": Fact("Load balancer", "the load balancer", _NAME),
    # Node bootstrap.
    "exit_code": Fact("Exit code", "an exit code", _NUMBER),
    "exit_meaning": Fact("Which means", "an error that is not in the table", _PHRASE),
    "windows_error": Fact("Windows error", "an error", _form(r"WINDOWS_CSE_\w{3,80}")),
    "extension": Fact("VM extension", "a VM extension", _form(r"[\w.-]{2,80}")),
    "curl_error": Fact("Error of curl", "an error", _NUMBER),
    "expected": Fact("Expected", "all", _NUMBER),
    "actual": Fact("Ready", "fewer", _NUMBER),
    # Permissions, policies, locks.
    "client_id": Fact("Client ID", "the identity", GUID),
    "object_id": Fact("Object ID", "the cluster's identity", GUID),
    "action": Fact("Missing permission", "an action", _ACTION),
    "scope": Fact("Scope", "a resource", _ID),
    "app_id": Fact("Application", "the service principal", GUID),
    "deny_assignment": Fact("Deny assignment", "a deny assignment", _PHRASE),
    "feature": Fact("Feature", "a feature", _form(r"[A-Za-z][\w.]{2,60}(?:/[\w.-]{2,80})?")),
    "policy": Fact("Policy assignment", "an Azure Policy", _PHRASE),
    "policy_id": Fact("Assignment ID", "the assignment", _POLICY_ID),
    "policy_reason": Fact("Reason of the policy", "a rule", _REASON),
    "refused_resource": Fact("Refused resource", "a resource", _PHRASE),
    "locked_group": Fact("Locked resource group", "the node resource group", _NAME),
    "locked_scope": Fact("Locked scope", "a scope", _ID),
    "provider": Fact("Resource provider", "a resource provider", _form(r"[a-z]+(?:\.[a-z0-9]+){1,4}")),
    "vault": Fact("Key vault", "the key vault", _VAULT),
    "disk_encryption_set": Fact("Disk encryption set", "the disk encryption set", _NAME),
    "workspace": Fact("Workspace", "the Log Analytics workspace", _ID),
    "missing_group": Fact("Missing resource group", "its resource group", _NAME),
    # Operations.
    "operation": Fact("Running operation", "another operation", _PHRASE),
    "operation_id": Fact("Operation ID", "another operation", _form(r"[0-9a-f-]{8,64}")),
    "operation_start": Fact("Started", "earlier", _TIME),
    "provisioning_state": Fact("Provisioning state", "another state", _WORD),
    "wait_seconds": Fact("Wait (seconds)", "a while", _NUMBER),
    "node_resource_group": Fact("Node resource group", "the node resource group", _NAME),
    "scale_set": Fact("Scale set", "the scale set", _NAME),
    "retriable": Fact("Retriable, says AKS", "unknown", _form(r"true|false")),
    "own_operation_id": Fact("Operation ID (for support)", "the operation ID", GUID),
    "update_run": Fact("Update run", "an update run", _NAME),
    "member": Fact("Member", "a member cluster", _NAME),
    "correlation_id": Fact("Correlation ID", "the correlation ID", GUID),
    # Ours.
    "code": Fact("", "no code", _form(r"[\w.-]{2,80}")),
}

_KUBERNETES_NAMES = frozenset(
    {"node", "pool", "pod", "namespace", "pdb", "webhook", "resource_quota", "admission_policy"}
)
_MAX_VALUE_CHARACTERS = 300
_PLACEHOLDERS = frozenset({"null", "none", "n/a"})
_NEXT_KEY = re.compile(r"\s+(?:code|details|message|target)\Z", re.IGNORECASE)
"""What stands beside a list in JSON, and is none of its items."""


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
