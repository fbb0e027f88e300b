"""What a cluster, or a pool of it, could be upgraded to: its upgrade profiles.

https://learn.microsoft.com/rest/api/aks/managed-clusters/get-upgrade-profile
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.decoding import as_list, as_object
from shared.sources.arm import API_VERSION

if TYPE_CHECKING:
    from shared.events.model import Cluster
    from shared.sources.arm import Arm


def versions(arm: Arm, cluster: Cluster) -> tuple[str, ...]:
    """Return the versions of Kubernetes that a cluster could go to, previews left out. Raises ArmError."""
    body = arm.get(f"{quote(cluster.id)}/upgradeProfiles/default", API_VERSION)
    offered = as_object(as_object(body.get("properties")).get("controlPlaneProfile")).get("upgrades")
    return tuple(
        str(one["kubernetesVersion"])
        for one in as_list(offered)
        if isinstance(one, dict) and one.get("kubernetesVersion") and not one.get("isPreview")
    )


def latest_image(arm: Arm, cluster: Cluster, pool: str) -> str:
    """Return the newest node image that a pool could have; empty where none is said. Raises ArmError."""
    path = f"{quote(cluster.id)}/agentPools/{quote(pool)}/upgradeProfiles/default"
    image = as_object(arm.get(path, API_VERSION).get("properties")).get("latestNodeImageVersion")
    return image if isinstance(image, str) else ""
