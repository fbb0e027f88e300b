"""Who speaks in a failure's words: a code or a number means something only together with its owner.

`TooManyRequests` is a budget where Kubernetes says it of an eviction, a limit of the registry's tier where a
node pulls an image, and throttling where Azure Resource Manager says it. The words nearly always tell: the
provider in a path or a `Dependency:`, the name of the extension, the client that made the call.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property

from shared.failures.text import lower


class Speaker(StrEnum):
    """Whose words they are."""

    AKS = "aks"
    """The resource provider: Microsoft.ContainerService."""
    COMPUTE = "compute"
    NETWORK = "network"
    ARM = "resource-manager"
    ENTRA = "entra"
    EXTENSION = "extension"
    """A VM extension other than the node's bootstrap: monitoring, Defender, Key Vault."""
    LINUX = "linux-bootstrap"
    WINDOWS = "windows-bootstrap"
    KUBERNETES = "kubernetes"
    """The cluster's API server, or what asks it."""
    WEBHOOK = "webhook"
    REGISTRY = "registry"
    NODE = "node"
    """Kubelet, container runtime, operating system."""
    CLIENT = "client"
    """The tool that waits for AKS: Terraform, a pipeline, the command line."""


_EXTENSION = re.compile(
    r"(?:processing extension|handler for vm extension type|for vm extension|vmextension"
    r"|of vm extension|(?<=\s)extension)"
    r"\s{1,2}[\"'\u2018\u2019(]{1,2}([\w.-]{2,80})"
    r"|provisioning of vm extension ([\w.-]{2,80})"
    r"|extension with publisher '[\w.-]{2,80}'(?:,| and) type '([\w.-]{2,80})",
    re.IGNORECASE,
)
_OWN_EXTENSION = re.compile(r"(?:vmss|windows)?cse(?:\b|[-_])|.*[-_.]cse\b|(?:compute)?aks", re.IGNORECASE)

# In the order in which they are believed: the special before the general. All in small letters.
_MARKS: tuple[tuple[Speaker, tuple[str, ...]], ...] = (
    (
        Speaker.REGISTRY,
        (
            "pull image",
            "pulling image",
            "pull and unpack image",
            "toomanyrequests:",
            "acr/skus",
            "errimagepull",
            "imagepullbackoff",
            "httpreadseeker",
            "failed to resolve reference",
            "pull rate limit",
            "failed to fetch oauth token",
        ),
    ),
    (
        Speaker.WINDOWS,
        (
            "windows_cse",
            "windows cse",
            "vmextensioncsewindows",
            "customscriptextension",
            "failed because it returned a non-zero exit code",
            "c:\\azuredata",
        ),
    ),
    (
        Speaker.LINUX,
        (
            "vmsscse",
            "extension 'cse-",
            "vmextensioncselinux",
            "cluster-provision",
            "enable failed: failed to execute command",
            "cse failed with",
            "cse exit",
        ),
    ),
    (Speaker.WEBHOOK, ("calling webhook", "admission webhook", "call webhook")),
    (Speaker.ENTRA, ("aadsts", "adal: ", "login.microsoftonline.com", "refresh the token")),
    (
        Speaker.KUBERNETES,
        (
            "evicting",
            "eviction",
            "cannot evict",
            "disruption budget",
            "blocked by pdb",
            " is forbidden: ",
            "etcdserver",
            "the server is currently unable",
            "client rate limiter",
            "apiserver",
            "nodes are available",
            "the server has received too many requests",
        ),
    ),
    (Speaker.NODE, ("kubelet", "containerd", "cni plugin", "networkready", "container runtime")),
    (
        Speaker.NETWORK,
        (
            "dependency: microsoft.network",
            "on this or dependent resource",
            "networkclient#",
            "putsubnetoperation",
            "putloadbalanceroperation",
            "putvirtualnetworkoperation",
            "putnetworksecuritygroupoperation",
            "putroutetableoperation",
            "putpublicipaddressoperation",
            "putnetworkinterface",
        ),
    ),
    (
        Speaker.AKS,
        (
            "managed cluster",
            "managedcluster",
            "container service",
            "agentpoolprofile",
            "agentpool operation",
            "agent pool operation",
            "aks-pending-operation",
            "containerservice.",
            "aks/throttling",
            "serviceprincipalprofile",
            "linuxprofile",
            "windowsprofile",
            "networkprofile",
            "apiserveraccessprofile",
            "dnsprefix",
            "another operation (",
        ),
    ),
    (
        Speaker.COMPUTE,
        (
            "dependency: microsoft.compute",
            "highcostget",
            "vmscaleset",
            "virtualmachinescaleset",
            "imagereference",
            "platformfaultdomaincount",
            "storageprofile",
            "osprofile",
            "allocation failed",
            "dedicated host",
            "providers/microsoft.compute/locations",
        ),
    ),
    (
        Speaker.ARM,
        (
            "groupsclient#",
            "deploymentsclient#",
            "for subscription '",
            "received for this subscription",
            "template deployment",
            "time interval",
            "backend storage limit",
        ),
    ),
    (Speaker.CLIENT, ("future#waitforcompletion", "context has been cancelled")),
)
_NETWORK_OPERATION = re.compile(
    r"providers/microsoft\.network/locations/[\w-]{1,40}/operations", re.IGNORECASE
)
_NETWORK_CLIENT = re.compile(r"network\.\w{3,60}client#", re.IGNORECASE)


def extensions_in(text: str) -> list[str]:
    """Return the names of the VM extensions that a text speaks of, AKS's own bootstrap left out."""
    if "extension" not in lower(text):
        return []
    names = (match[1] or match[2] or match[3] for match in _EXTENSION.finditer(text))
    return [name for name in dict.fromkeys(names) if not _OWN_EXTENSION.match(name)]


def speakers_in(text: str, lowered: str) -> list[Speaker]:
    """Return who speaks in a text, the most special first; empty where the words do not tell."""
    found = [speaker for speaker, marks in _MARKS if any(mark in lowered for mark in marks)]
    if "microsoft.network" in lowered and Speaker.NETWORK not in found and _NETWORK_OPERATION.search(lowered):
        found.insert(0, Speaker.NETWORK)
    if "client#" in lowered and Speaker.NETWORK not in found and _NETWORK_CLIENT.search(lowered):
        found.append(Speaker.NETWORK)
    if extensions_in(text):
        found.insert(0, Speaker.EXTENSION)
    return found


class Speakers:
    """Who speaks in a text, or where that does not tell, in the words around it; found out when asked."""

    def __init__(self, text: str, around: str) -> None:
        self._texts = (text, around)

    @cached_property
    def found(self) -> list[Speaker]:
        """The speakers, the most special first."""
        text, around = self._texts
        return speakers_in(text, lower(text)) or (speakers_in(around, lower(around)) if around else [])
