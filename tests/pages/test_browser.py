"""The status page in a real browser: light and dark, on a phone and on a wall."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

from testing.samples.payloads import event, scheduled
from testing.world import NOW, World
from tests.channels import test_browser
from tests.channels.test_browser import CHROMIUM, NODE, ROOT
from tests.pages.test_publisher import opened

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = test_browser.pytestmark


def test_pages_in_a_browser(tmp_path: Path) -> None:
    """No page scrolls sideways from 320 to 1920 px, and axe-core finds no WCAG A or AA violation."""
    world = World(TIME_ZONE="Europe/Berlin")
    world.take(scheduled(NOW, timedelta(days=8), name="planned", cluster="prod-" + "x" * 55))
    world.take(scheduled(NOW, None, name="someday", cluster="prod-2"))
    for status in ("Started", "Failed", "Completed", "Canceled"):
        world.take(event(status, NOW, name=status, cluster=f"dev-{status}"))
    token = opened(world)
    for name, query in {
        "status": {},
        "filtered": {"cluster": "dev-*"},
        "inventory": {"view": "inventory"},
    }.items():
        body = world.notifier.pages.status_page(token, query).body
        (tmp_path / f"{name}.html").write_bytes(body)
    assert NODE
    done = subprocess.run(
        [NODE, ROOT / "tests" / "channels" / "check.mjs", tmp_path],
        env=os.environ | {"CHROMIUM": CHROMIUM or "", "WIDTHS": "320,768,1920"},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = [one for one in json.loads(done.stdout) if "width" in one]
    assert {(one["name"], one["width"]) for one in results} >= {("status", 320), ("inventory", 1920)}
    kept = [one for one in results if one["styles"] == "kept"]
    assert [(one["name"], one["width"]) for one in kept if one["overflow"] > 0] == []
    assert [(one["name"], one["violations"]) for one in kept if one["violations"]] == []
