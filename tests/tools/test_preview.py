"""The preview: a gallery of one mail of each kind, or of the events of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local import preview
from ops import terminal
from ops.__main__ import main as command
from testing.samples import extremes, mails

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow

EVENT = """{"specversion": "1.0", "id": "1", "time": "2026-11-20T01:00:00Z",
"type": "Microsoft.ResourceNotifications.ContainerServiceEventResources.ScheduledEventEmitted",
"subject": "/subscriptions/6666/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1",
"data": {"resourceInfo": {"properties": {"eventId": "22223333-cccc-4444-dddd-5555eeee6666",
"eventStatus": "STATUS", "eventDetails": "NodeOSUpgrade", "startTime": "2026-11-27T01:00:00Z"}}}}"""


def test_one_of_each_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file it shows every kind; run again it shows the same, not twice as many."""
    for _ in range(2):
        assert preview.main(["--out", str(tmp_path / "gallery")]) == 0
    index = (tmp_path / "gallery" / "index.html").read_text(encoding="utf-8")
    assert "a Pod Disruption Budget blocks the drain" in index
    assert len(list((tmp_path / "gallery").glob("*.eml"))) == len(mails.stories()) + len(extremes.told())
    assert "index.html" in capsys.readouterr().out


def test_events_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Events of one maintenance are told in order; a duplicate, and what is not ours, bring no mail."""
    scheduled, started = tmp_path / "scheduled.json", tmp_path / "started.json"
    scheduled.write_text(EVENT.replace("STATUS", "Scheduled"), encoding="utf-8")
    started.write_text(
        f"[{EVENT.replace('STATUS', 'Started')}, {EVENT.replace('ContainerService', 'Other')}, 1]",
        encoding="utf-8",
    )
    out = tmp_path / "gallery"
    files = [str(scheduled), str(scheduled), str(started)]
    assert command(["preview", *files, "--out", str(out)]) == terminal.UNREADABLE
    index = (out / "index.html").read_text(encoding="utf-8")
    assert "Fri 27 Nov" in index
    assert index.count("aks-1") > 1
    assert "An event could not be read" in index
    said = capsys.readouterr().err
    assert "duplicate, no mail" in said
    assert "none of ours: event type" in said


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    """A folder that holds something else is never cleared."""
    (tmp_path / "thesis.txt").write_text("precious", encoding="utf-8")
    assert preview.main(["--out", str(tmp_path)]) == 1
    assert (tmp_path / "thesis.txt").exists()


def test_freezes_of_the_routes_are_told(tmp_path: Path) -> None:
    """What is planned into a freeze says so in the preview, as it will in the mail."""
    routes, event = tmp_path / "routes.yaml", tmp_path / "event.json"
    routes.write_text(
        "audiences:\n  - {name: Shop, to: shop@example.com}\nroutes:\n  - audiences: [Shop]\n"
        "freezes:\n  - {name: Black Friday, from: 2026-11-26, to: 2026-11-30}\n",
        encoding="utf-8",
    )
    event.write_text(EVENT.replace("STATUS", "Scheduled"), encoding="utf-8")
    out = tmp_path / "gallery"
    assert command(["preview", str(event), "--routes", str(routes), "--out", str(out)]) == 0
    assert "in freeze Black Friday" in (out / "index.html").read_text(encoding="utf-8")
