"""Reading the facts out of a failure's words: names, figures, addresses.

Most are found by the same kind of pattern that the catalogue uses: the words in front of the fact. A few
stand before their words, or in an Azure resource ID; those have expressions of their own. It is long
because it is one list: each fact, and the words that it is known by.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from shared.failures.facts import accepted
from shared.failures.patterns import Needed, Pattern
from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHERE = """
evicting pod {namespace}/{pod} failed
evicting pod {pod}
evicting pods/"{pod}" -n "{namespace}"
evicting pod "{pod}" in namespace "{namespace}"
error when waiting for pod "{pod}" in namespace "{namespace}"
error when waiting for pod "{pod}" terminating
pods "{pod}" not found
pods "{pod}" is forbidden
pod "{pod}" is forbidden
evict pod {namespace}/{pod} as
evict pod {namespace}/{pod}:
for pod {namespace}/{pod}:
pods/{pod} in namespace {namespace}
too many req pod {pod} on node {node}
usually a pdb): {pod}
blocked by pdb {pdb}
pdb {namespace}/{pdb} has max
pdb {namespace}/{pdb} has min
has minavailable({min_available}) >= expectedpods({expected_pods})
the disruption budget {pdb} needs {min_available} healthy pods and has {current_healthy} currently
poddisruptionbudget "{pdb}"
poddisruptionbudget '{pdb}'
pod disruption budget "{pdb}"
pod disruption budget '{pdb}'
(minavailable: {min_available})
(currenthealthy: {current_healthy})
(expectedpods: {expected_pods})
with {unready} unready pod
failed calling webhook "{webhook}"
admission webhook "{webhook}" denied
not in running status: {system_pods}
usage has been detected on api {api}
recently seen at: {last_seen}
will be removed in {removed_in}
drain node {node} failed
drain node {node} timed
drain node {node} did
node {node} is not
node "{node}" is not
node {node} not ready
node {node} status is now
vm '{machine}' did not
os provisioning for vm '{machine}' failed
allowed on vm '{machine}' since
encountered by vm '{machine}'
extension '{extension}' in failed state
vm '{machine}' has not
drain of {node} did
kubernetes version {version} to {target_version}
agent pool version from {version} to {target_version} is
is on version {version}
node pool version {pool_version}
control plane version {control_plane_version}
available upgrades: [{available_versions}
platform image '{image}'
node image version "{node_image}"
configurationversion '{configuration_version}'
changing property '{property}'
changing property "{property}"
with '{disk_type}' storage account type
exceeding approved {quota_family} cores quota
exceeding approved {quota_family} quota
left for location {region}. left regional vcpu quota {remaining}, requested quota {need}
left regional vcpu quota {remaining}, requested quota {need}
for location {region}.
subscription level {quota_family} family vcpu quota for region {region} has
quota for region {region} has been reached
in location '{region}'
is not available in {region} region
for family {quota_family} for region {region}
for family {quota_family}.
quota limits of {quota_family}.
quota limit of {quota_family}.
location: {region}
location '{region}'
heavy usage in region {region}
is not available in region "{region}"
current limit: {limit}
maximum allowed: {limit}
current usage: {usage}
current in use: {usage}
additional required: {need}
additional requested: {need}
vcpu quota requested {need}
, remaining {remaining}
new limit required: {new_limit}
cannot create more than {limit} public ip
cannot create more than {limit} standard sku public ip
requested vm size {vm_size}
zone(s) {zones} for
zone(s) * for resource {pool} is not
zone(s) * for resource '{pool}' is not
vm size {vm_size} in zone {zones}.
vm size of {vm_size} is not
failed for capacity restrictions: {vm_size}'
supported zones for location * are {supported_zones}
constraints applied are: - {constraints}
constraints applied are: {constraints}
message='{subnet} with address prefix
message="{subnet} with address prefix
with address prefix {prefix}
virtual network {missing_resource} is in
is in {vnet_state} state. it needs
pre-allocated ips {addresses_needed} exceeds ips available {addresses_available} in
in subnet cidr {prefix}, subnet name {subnet}.
pre-allocated ips {addresses_needed} exceeds ips available {addresses_available} in subnet cidr {prefix}
operation because resource {busy_resource} used by resource
operation because resource {busy_resource} is not
resource is in {resource_state} state
last operation that updated/is updating the resource is {network_operation}.
subnet '{subnet}'
subnet "{subnet}"
subnet {subnet} with address prefix
subnet {subnet} is in use by
subnet {subnet} referenced by resource
specified service cidr {service_cidr} is
existing subnet cidr {subnet_cidr}
allocated ports {outbound_ports} is
total node count {node_count} requires {ports_needed} ports
but only {ports_available} ports
given {outbound_ips} outbound
resource {missing_resource} referenced by
referenced by resource {referenced_by} was
link virtual network with '{dns_zone}' and '{other_zone}'
nc: connect to {host} port
binaries from {host}
could not reach api server at {api_server}
api server ip: {api_server}
curl: ({curl_error})
mount "//{storage_account}.file.core.
dial tcp: lookup {host} on
dial tcp: lookup {host}: no such
processing extension '{extension}'
for vm extension '{extension}'
failure for vmextension '{extension}'
vm extension '{extension}'
provisioning of vm extension {extension} has
expected: {expected}, actual: {actual}
the client '{client_id}'
with object id '{object_id}'
have authorization to perform action '{action}'
not have permission to perform action '{action}' on the linked scope(s) '{scope}'
not have permission to perform action '{action}'
not have permission to perform action(s) '{action}'
doesn't have permission to perform action '{action}'
deny assignment with name '{deny_assignment}'
not have permission to perform action(s) '{action}' on the linked scope(s) '{scope}'
doesn't have permission to perform action '{action}' on the linked scope(s) '{scope}'
not have permission to perform action '{action}' at scope '{scope}'
has permission to perform action '{action}' on scope '{scope}'; however, the access is denied
over scope '{scope}'
linked scope(s) '{scope}'
secret added to app '{app_id}'
keys for app '{app_id}'
private dns zone {scope}
private endpoint connection {busy_resource} is not
not allowed for action {action}
policyassignment.name: {policy}
policyassignment.id: {policy_id}
"policyassignment":{"name":"{policy}"
policyassignmentid: {policy_id}
/policyassignments/{policy}
disallowed by policy. reasons: '{policy_reason}.'
disallowed by policy. reasons: '{policy_reason}'
resource '{refused_resource}' was disallowed
resource group '{locked_group}' under subscription
resource group '{locked_group}' is locked
are locked: '{locked_scope}'
the scope '{locked_scope}' cannot perform
use namespace '{provider}'
because the '{feature}' feature is not
feature '{feature}' is not registered
feature {feature} is not registered
application with identifier '{app_id}'
service principal clientid: {app_id}
servicemesh revision {mesh_revision} is
service mesh revision {mesh_revision} is not
compatible with cluster version {target_version}
version {version} is not supported
images/*/versions/{image_version} is not
pull image "{container_image}"
pulling image "{container_image}"
validatingadmissionpolicy '{admission_policy}'
exceeded quota: {resource_quota}, requested
permission on key vault {vault}
permission on key vault '{vault}'
for key vault {vault}
for key vault '{vault}'
key vault resource '{vault}'
disk encryption set '{disk_encryption_set}'
workspace info. resource id: {workspace}
resource group '{missing_group}' could not be found
another operation ({operation})
another agentpool operation ({operation})
is in progress on agent pool ({pool})
operation with id {operation_id}
operation started at '{operation_start}'
provisioning state({provisioning_state})
try again after '{wait_seconds}' seconds
retry again in {wait_seconds} seconds
retry-after: {wait_seconds}
node pool '{pool}'
agent pool name "{pool}"
agent pool name: "{pool}"
agent pool name '{pool}'
agent pool name: {pool}
agent pool "{pool}"
agent pool {pool} failed
of pool {pool} failed
of pool {pool} also failed
updating pool "{pool}"
upgrading pool "{pool}"
for agent pool {pool}.
node pool {pool} failed
node pool {pool}:
orchestrator version "*" is not available for node pool "{pool}"
agentpoolprofile:{pool}
agentpoolprofile '{pool}'
agentpool: {pool}
nodepool: {pool}
node pool "{pool}"
nodepool '{pool}'
agent pool '{pool}'
agentpool '{pool}'
agent pool ({pool})
for agent pool {pool} is not
issued on '{pool}'
scale-up failed for group {pool}:
scale node pool {pool}'
retriable: {retriable}
correlation id: {correlation_id}
operation id: {own_operation_id}
operationid: {own_operation_id}
correlationid: {correlation_id}
cse error: {windows_error}
""".strip().splitlines()

_PATTERNS = Needed((Pattern(where), None) for where in _WHERE)

_NODE = re.compile(
    r"\b(?P<node>aks-(?P<pool>[a-z][a-z0-9]{0,11})-\d{4,12}-(?:vmss[0-9a-z]{1,12}|\d{1,5}))\b(?!_)",
    re.IGNORECASE,
)
_SCALE_SET = re.compile(
    r"\b(?P<scale_set>aks-(?P<pool>[a-z][a-z0-9]{0,11})-\d{4,12}-vmss)(?:_\d{1,6})?\b(?![0-9a-z])",
    re.IGNORECASE,
)
_VAULT = re.compile(r"(?P<vault>https://[a-z0-9-]{3,24}\.vault\.azure\.net(?:/[\w./-]*\w)?/?)", re.IGNORECASE)
_REGISTRY = re.compile(r"image \\?\"(?P<registry>[a-z0-9-]{1,60}(?:\.[a-z0-9-]{1,60}){1,5})/", re.IGNORECASE)
_OWNED_POD = re.compile(
    r"(?<![^\s:(\[])(?P<namespace>[a-z0-9-]{1,63})/(?P<pod>[a-z0-9.-]{1,253}) blocked by pdb ", re.IGNORECASE
)
_IDS = re.compile(r"/subscriptions/[\w.()/-]{8,600}", re.IGNORECASE)
_IN_ID = (
    ("node_resource_group", re.compile(r"/resourcegroups/(mc_[\w.()-]+)", re.IGNORECASE)),
    ("vnet_group", re.compile(r"/resourcegroups/([\w.()-]+)/.*/virtualnetworks/", re.IGNORECASE)),
    ("vnet", re.compile(r"/virtualnetworks/([\w.-]+)", re.IGNORECASE)),
    ("subnet", re.compile(r"/subnets/([\w.-]+)", re.IGNORECASE)),
    ("subnet_id", re.compile(r"(/subscriptions/.*/subnets/[\w.-]+)", re.IGNORECASE)),
    ("vault", re.compile(r"/microsoft\.keyvault/vaults/([\w-]+)", re.IGNORECASE)),
    ("pool", re.compile(r"/agentpools/([\w-]+)", re.IGNORECASE)),
    ("scale_set", re.compile(r"/virtualmachinescalesets/([\w-]+)", re.IGNORECASE)),
)
_VM_SIZE = re.compile(r"\b(?P<vm_size>Standard_[A-Z]{1,3}\d[A-Za-z0-9_]{0,30})\b")
_FORMS = (
    ("blocked by pdb", _OWNED_POD),
    ("aks-", _NODE),
    ("-vmss", _SCALE_SET),
    ("standard_", _VM_SIZE),
    (".vault.azure.net", _VAULT),
    ("pull", _REGISTRY),
)
_OFFERED = re.compile(
    r"\b(?:available|allowed|supported|offered|valid) (?:vm |virtual machine )?(?:sizes|skus)\b[^.;]*\Z"
    r"|\bsizes? available\b[^.;]*\Z",
    re.IGNORECASE,
)
"""Words before sizes that the message offers instead."""

_MAX_IDS = 20
_MAX_FORMS = 8


def read(text: str) -> dict[str, str]:
    """Find the facts in one failure's words; of several values for a fact, the first."""
    # Patterns see a line break as a blank, the forms of values see where the line ends.
    flat = text.replace("\n", " ")
    lowered = lower(flat)
    found: dict[str, str] = {}
    for name, value in (*_by_form(flat, lowered), *_by_words(text, lowered), *_in_ids(flat, lowered)):
        if name not in found:
            value = accepted(name, value)  # noqa: PLW2901
            if value:
                found[name] = value
    return found


def _by_form(flat: str, lowered: str) -> Iterator[tuple[str, str]]:
    """Find what is known by how it looks: pods with their namespace, nodes, sizes."""
    for needs, expression in _FORMS:
        if needs not in lowered:
            continue
        for match in islice(expression.finditer(flat), _MAX_FORMS):
            if expression is _VM_SIZE and _OFFERED.search(flat, max(match.start() - 200, 0), match.start()):
                continue
            yield from match.groupdict().items()
            break


def _by_words(text: str, lowered: str) -> Iterator[tuple[str, str]]:
    for pattern, _ in _PATTERNS.may_be_in(lowered):
        for match in pattern.find(text, lowered):
            yield from match.facts.items()
            break


def _in_ids(flat: str, lowered: str) -> Iterator[tuple[str, str]]:
    if "/subscriptions/" not in lowered:
        return
    for identifier in islice(_IDS.finditer(flat), _MAX_IDS):
        for name, expression in _IN_ID:
            match = expression.search(identifier.group())
            if match:
                yield name, match[1]
