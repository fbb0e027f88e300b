"""Before clocks change, audiences hear which windows move against them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from testing.arm_endpoint import cluster, configuration
from testing.world import World

if TYPE_CHECKING:
    from pathlib import Path

CHANGE = datetime(2027, 3, 28, 1, tzinfo=UTC)
"""When the clocks of Berlin go forward."""
ROUTES = """
audiences:
  - {name: Shop, to: shop@example.com, time_zone: Europe/Berlin}
  - {name: Tokyo, to: tokyo@example.com, time_zone: Asia/Tokyo}
routes:
  - audiences: [Shop, Tokyo]
"""


def _mails(world: World) -> list[tuple[str, str]]:
    world.settle_down()
    return [
        (mail.recipients[0], f"{mail.subject}\n{mail.text}")
        for _, mail in world.mailer.arrived
        if "Clock change" in mail.subject
    ]


def test_change_of_clocks_is_told_a_week_ahead_once_an_audience(tmp_path: Path) -> None:
    """A week ahead those whose clocks change hear, once, of each window's old and new local time."""
    file = tmp_path / "clusters.json"
    body = cluster("prod-weu-1")
    window = configuration()
    window["id"] = f"{body['id']}/maintenanceConfigurations/{window['name']}"
    file.write_text(json.dumps([body, window]), "utf-8")
    world = World(None, CLUSTERS=f"@{file}", ROUTES=ROUTES)
    world.clock.forward(seconds=(CHANGE - timedelta(days=8) - world.clock.now()).total_seconds())
    world.notifier.refresh_windows()
    assert _mails(world) == []
    for _ in range(3):
        world.clock.forward(seconds=86_400)
        world.notifier.refresh_windows()
    ((to, text),) = _mails(world)
    assert to == "shop@example.com"
    for said in ("Sun 28 Mar", "an hour later", "prod-weu-1: node OS upgrades, Sat 10:00 \u2192 Sat 11:00"):
        assert said in text
