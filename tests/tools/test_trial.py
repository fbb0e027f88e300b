"""Trying channels out: what they would send, and what their services say to a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ops.__main__ import main
from testing.hostile import chats
from testing.hostile.failures import HOSTS
from testing.samples.payloads import event
from testing.services.pagerduty import KEY, PagerDuty
from testing.services.slack import CHANNEL, TOKEN, Slack
from testing.services.teams import Teams
from testing.world import NOW, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTES = {
    "audiences": [
        {
            "name": "shop",
            "teams": "$TEAMS_SHOP",
            "slack": {"channel": CHANNEL, "token": "$SLACK_TOKEN"},
            "pagerduty": "$PD_SHOP",
        }
    ],
    "routes": [{"audiences": "shop"}],
}


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Teams, Slack, PagerDuty]]:
    """Serve, and set what the routes need."""
    with Teams() as teams, Slack() as slack, PagerDuty() as pagerduty:
        for name, value in {
            **SETTINGS,
            "ROUTES": json.dumps(ROUTES),
            "EMAIL_FOLDER": str(tmp_path / "mail"),
            "TEAMS_SHOP": teams.webhook,
            "SLACK_TOKEN": TOKEN,
            "PD_SHOP": KEY,
            "SLACK_ENDPOINT": slack.api,
            "PAGERDUTY_ENDPOINT": pagerduty.url,
        }.items():
            monkeypatch.setenv(name, value)
        yield teams, slack, pagerduty


def test_a_test_notice(services: tuple[Teams, Slack, PagerDuty], capsys: pytest.CaptureFixture[str]) -> None:
    """Each target gets a test, a line each says what its service answered; one that refuses makes it 1."""
    teams, slack, pagerduty = services
    assert main(["test-channel", "shop"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "teams $TEAMS_SHOP",
        f"slack {CHANNEL}",
        "pagerduty $PD_SHOP",
    ]
    assert "202" in lines[0]
    assert [action for action, _ in pagerduty.log] == ["trigger", "resolve"]
    assert not pagerduty.open
    assert "test" in json.dumps(teams.posted)
    slack.token = "another"
    assert main(["test-channel", "shop", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["targets"]
    assert [(one["channel"], one["taken"]) for one in found] == [
        ("teams", True),
        ("slack", False),
        ("pagerduty", True),
    ]
    assert main(["test-channel", "shop"]) == 1
    said = capsys.readouterr().out
    assert "invalid_auth" in said
    assert not any(secret in said for secret in (TOKEN, KEY, teams.webhook))
    assert main(["test-channel", "default"]) == 0
    assert main(["test-channel", "nobody"]) == 2


@pytest.mark.parametrize("target", ["teams", "slack", "webhook", "eventgrid", "pagerduty", "email"])
def test_what_a_channel_would_send(
    services: tuple[Teams, Slack, PagerDuty],
    target: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The JSON is printed that a channel would send of an event; nothing is sent, and no secret is shown."""
    file = tmp_path / "event.json"
    file.write_text(event("Failed", NOW), encoding="utf-8")
    assert main(["preview", str(file), "--target", target]) == 0
    said = capsys.readouterr().out
    made = json.loads(said)
    match target:
        case "teams":
            chats.check_card(made, HOSTS | {"portal.azure.com"})
        case "slack":
            assert made["channel"] == CHANNEL
            chats.check_blocks(made, HOSTS | {"portal.azure.com"})
        case "webhook" | "eventgrid":
            chats.check_event(made)
        case "pagerduty":
            assert made["routing_key"] == "$PD_SHOP"
            assert made["event_action"] == "trigger"
        case _:
            assert made["subject"]
    assert not any(secret in said for secret in (TOKEN, KEY, services[0].webhook))
    assert not any(service.requests for service in services)
