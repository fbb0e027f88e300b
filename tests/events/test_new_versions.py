"""New versions are told once an audience, however many clusters' topics bring them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from testing.arm_endpoint import cluster
from testing.samples.events import NOW
from testing.world import World

if TYPE_CHECKING:
    from pathlib import Path

ROUTES = """
audiences:
  - {name: Shop, to: shop@example.com}
  - {name: Platform, to: platform@example.com}
routes:
  - {audiences: [Platform], continue: true}
  - match: {cluster: "prod-*"}
    audiences: [Shop]
"""
NAMES = ("prod-weu-1", "prod-weu-2", "test-weu-3")


def _world(tmp_path: Path, locations: dict[str, str]) -> World:
    file = tmp_path / "clusters.json"
    file.write_text(
        json.dumps([{**cluster(name), "location": location} for name, location in locations.items()]), "utf-8"
    )
    world = World(None, CLUSTERS=f"@{file}", ROUTES=ROUTES)
    world.notifier.refresh_windows()
    world.settle_down()
    world.mailer.arrived.clear()
    return world


def _said(name: str, number: int, **versions: str) -> str:
    data = {"latestSupportedKubernetesVersion": "1.34.2", "latestStableKubernetesVersion": "1.33.5"}
    event: dict[str, Any] = {
        "id": f"of a test {number}",
        "topic": cluster(name)["id"],
        "subject": name,
        "eventType": "Microsoft.ContainerService.NewKubernetesVersionAvailable",
        "dataVersion": "1",
        "metadataVersion": "1",
        "eventTime": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
        "data": data | versions,
    }
    return json.dumps(event)


def _told(world: World) -> list[str]:
    world.settle_down()
    return sorted(mail.recipients[0] for _, mail in world.mailer.arrived if "ersion" in mail.subject)


def test_new_version_is_told_once_an_audience_of_a_region(tmp_path: Path) -> None:
    """Three clusters of one region bring the same: one mail each audience. Delivered again, none."""
    world = _world(tmp_path, dict.fromkeys(NAMES, "westeurope"))
    for number, name in enumerate(NAMES):
        world.take(_said(name, number))
        world.settle_down(minutes=60)
    assert _told(world) == ["platform@example.com", "shop@example.com"]
    world.take(_said("prod-weu-2", 9))
    assert len(_told(world)) == len({"platform", "shop"})


def test_audience_of_a_cluster_heard_later_is_told_too(tmp_path: Path) -> None:
    """That another audience has been told already does not count for this one."""
    world = _world(tmp_path, dict.fromkeys(NAMES, "westeurope"))
    world.take(_said("test-weu-3", 1))
    assert _told(world) == ["platform@example.com"]
    world.take(_said("prod-weu-1", 2))
    assert _told(world) == ["platform@example.com", "shop@example.com"]


def test_another_region_or_another_version_is_news(tmp_path: Path) -> None:
    """Versions come region by region."""
    world = _world(tmp_path, dict(zip(NAMES, ("westeurope", "northeurope", "westeurope"), strict=True)))
    world.take(_said("test-weu-3", 1))
    world.take(_said("prod-weu-1", 2))
    assert _told(world) == ["platform@example.com", "shop@example.com"]
    world.take(_said("prod-weu-2", 3))
    assert len(_told(world)) == 4
    world.take(_said("test-weu-3", 4, latestSupportedKubernetesVersion="1.34.3"))
    assert _told(world).count("platform@example.com") == 3
