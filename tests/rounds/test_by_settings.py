"""The runs as settings turn them on: over HTTP, with the identity that the environment offers."""

from __future__ import annotations

import pytest

from shared.setting_reader import SettingsError
from testing.arm_endpoint import ArmEndpoint, cluster, configuration
from testing.asking_world import TABLE
from testing.identity_endpoint import IdentityEndpoint
from testing.samples.graph_rows import row
from testing.samples.payloads import SUBSCRIPTION
from testing.world import World

CLOUD = "https://management.usgovcloudapi.net"


@pytest.mark.slow
def test_runs_ask_where_the_settings_say() -> None:
    """Each run asks ARM_ENDPOINT, with a token for the portal's cloud from the environment's identity."""
    with ArmEndpoint(takes_any_token=True) as azure, IdentityEndpoint() as identity:
        azure.add_subscription(SUBSCRIPTION, "Shop (production)")
        azure.add(cluster(), [configuration()])
        world = World(
            SUBSCRIPTIONS=SUBSCRIPTION.upper(),
            ARM_ENDPOINT=azure.url,
            PORTAL="portal.azure.us",
            ADVISORIES="true",
            **identity.settings,
        )
        world.notifier.refresh_windows()
        world.notifier.reconcile()
        azure.graph.add(TABLE, row("Failed", world.clock.now()))
        azure.graph.now = world.clock.now
        world.clock.forward(hours=1)
        world.notifier.reconcile()
        world.notifier.report_week()
        world.settle_down(8)
        told = [dict(email.headers)["X-AKS-Notice"] for _, email in world.mailer.arrived]
        assert "failed" in ", ".join(told)
        assert "report" in ", ".join(told)
        assert {one["resource"].rstrip("/") for one in identity.asked} == {CLOUD}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SUBSCRIPTIONS", "prod"),
        ("SUBSCRIPTIONS", "mg:"),
        ("ADVISORIES", "yes"),
        ("QUIET_KINDS", "fail"),
        ("REPORT_SCHEDULE", "weekly"),
        ("ARM_ENDPOINT", "http://management.example.com"),
    ],
)
def test_wrong_setting(setting: str, value: str) -> None:
    """A wrong value stops the start with a sentence that names the setting."""
    with pytest.raises(SettingsError, match=f"Setting {setting}"):
        World(**{setting: value})


def test_loopback_is_not_taken_in_azure() -> None:
    """Http is for trying things out alone."""
    with pytest.raises(SettingsError, match="Setting ARM_ENDPOINT"):
        World(ARM_ENDPOINT="http://127.0.0.1:1", WEBSITE_INSTANCE_ID="x")
