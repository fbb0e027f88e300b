"""How one goes back after an upgrade, and until when (azure/aks/roll-back-node-pool-version)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.events.model import Upgrade
from shared.messages import commands
from shared.messages.view import Section, Step

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext

OPEN_FOR = timedelta(days=7)
"""After the upgrade of a node pool."""


def section(story: MaintenanceHistory, frame: RenderContext) -> tuple[Section, ...]:
    """Return how to go back. It needs automatic upgrades off, so AKS Automatic has no way."""
    snapshot = story.snapshot
    if story.upgrade not in {Upgrade.KUBERNETES, Upgrade.NODE_OS} or (snapshot and snapshot.is_automatic):
        return ()
    channel = "--auto-upgrade-channel none --node-os-upgrade-channel None"
    pool = story.pools[0] if len(story.pools) == 1 else "<pool>"
    of_pool = f"-n {commands.quoted(pool)}"
    back = "version and image" if story.upgrade is Upgrade.KUBERNETES else "image"
    return (
        Section(
            heading="To go back",
            paragraphs=(
                f"Until {frame.here(story.event.updated + OPEN_FOR)} a node pool can be rolled back to its "
                f"previous {back} (Azure CLI 2.88 or later). The control plane stays as it is."
                + ("" if snapshot else " AKS Automatic has no rollback."),
            ),
            steps=(
                Step(
                    "Turn automatic upgrades off first: AKS refuses a rollback else, or upgrades again.",
                    f"{commands.aks('update', story.cluster)} {channel}",
                ),
                Step(
                    "Check what the pool can go back to; an empty answer means nothing.",
                    commands.aks("nodepool get-rollback-versions", story.cluster, "--cluster-name")
                    + f" {of_pool}",
                ),
                Step(
                    "Roll the pool back.",
                    commands.aks("nodepool rollback", story.cluster, "--cluster-name") + f" {of_pool}",
                ),
            ),
        ),
    )
