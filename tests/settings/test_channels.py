"""Targets in the routes, and the settings that they name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shared import settings
from shared.channels.pagerduty.channel import PagerDutyTarget
from shared.notices.kinds import ABOUT_CLUSTERS
from shared.setting_reader import SettingsError
from testing.services.webhook import SECRET

if TYPE_CHECKING:
    from shared.audience import Target

WORKFLOW = "https://prod-1.westeurope.logic.azure.com:443/workflows/0a1b?sig=very-secret"
TOKEN = "xoxb-1234-very-secret"
KEY = "0123456789abcdef0123456789abcdef"
HOOK = "https://itsm.example.com/hooks/aks"
TOPIC = "https://out.westeurope-1.eventgrid.azure.net/api/events"
BOT = {"channel": "C0123456789", "token": "$SLACK_TOKEN"}

BASIC = {
    "NOTIFIER_STORAGE__tableServiceUri": "https://example.table.core.windows.net",
    "EMAIL_FOLDER": "out",
    "EMAIL_FROM": "aks@example.com",
    "EMAIL_TO": "ops@example.com",
    "SWEEP_SCHEDULE": "0 * * * * *",
    "TEAMS_SHOP": WORKFLOW,
    "SLACK_TOKEN": TOKEN,
    "SLACK_HOOK": "https://hooks.slack.com/services/T0/B0/very-secret",
    "PD_SHOP": KEY,
    "HOOK_SECRET": SECRET,
    "HOOK_URL": "https://itsm.example.com/hooks/very-secret",
    "TOPIC": TOPIC,
}


def load(audience: dict[str, Any], **more: str) -> settings.Settings:
    """Load the settings with one audience."""
    routes = {"audiences": [{"name": "shop", **audience}], "routes": [{"audiences": "shop"}]}
    return settings.load({**BASIC, "ROUTES": json.dumps(routes), **more})


def targets(**audience: Any) -> tuple[Target, ...]:
    """Return the targets of an audience."""
    return load(audience).routes.audiences["shop"].targets


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        ({"teams": "$TEAMS_SHOP"}, ["$TEAMS_SHOP"]),
        ({"teams": ["$TEAMS_SHOP", "$TEAMS_SHOP"]}, ["$TEAMS_SHOP"]),
        ({"slack": "$SLACK_HOOK"}, ["$SLACK_HOOK"]),
        ({"slack": BOT}, ["C0123456789"]),
        ({"slack": ["$SLACK_HOOK", BOT]}, ["$SLACK_HOOK", "C0123456789"]),
        ({"pagerduty": {"key": "$PD_SHOP"}}, ["$PD_SHOP"]),
        ({"webhook": {"url": f"{HOOK}?secret", "secret": "$HOOK_SECRET"}}, [f"{HOOK}?secret"]),
        ({"webhook": {"url": "$HOOK_URL", "secret": "$HOOK_SECRET"}}, ["$HOOK_URL"]),
        ({"eventgrid": [TOPIC, f"{TOPIC}/", "$TOPIC"]}, [TOPIC, "$TOPIC"]),
        ({"to": "shop@example.com", "teams": "$TEAMS_SHOP"}, ["", "$TEAMS_SHOP"]),
    ],
)  # fmt: skip
def test_targets(said: dict[str, Any], ids: list[str]) -> None:
    """An audience names targets beside `to`, or instead of it; each by what the routes say, once."""
    found = targets(**said)
    assert [target.id for target in found] == ids
    keys = [target.key for target in found]
    assert len(set(keys)) == len(keys)
    assert not any("secret" in shown for shown in (*keys, *(target.label for target in found)))


def test_what_pages() -> None:
    """Failures page unless `kinds` say otherwise; what resolves them always follows; `changes` adds all."""
    (usual,) = targets(pagerduty={"key": "$PD_SHOP"})
    assert isinstance(usual, PagerDutyTarget)
    assert usual.triggers == {"failed"}
    assert {"failed", "completed"} <= usual.kinds < set(ABOUT_CLUSTERS)
    (more,) = targets(pagerduty={"key": "$PD_SHOP", "kinds": "failed, not-started", "changes": "true"})
    assert isinstance(more, PagerDutyTarget)
    assert more.triggers == {"failed", "not-started"}
    assert more.kinds == set(ABOUT_CLUSTERS)


@pytest.mark.parametrize(
    "said",
    [
        {"teams": WORKFLOW},
        {"slack": TOKEN},
        {"slack": {"channel": "C0123456789", "token": TOKEN}},
        {"slack": {"channel": TOKEN, "token": "$SLACK_TOKEN"}},
        {"pagerduty": {"key": KEY}},
        {"pagerduty": KEY},
        {"webhook": {"url": "https://itsm.example.com/very-secret", "secret": SECRET}},
        {"webhook": {"url": "http://itsm.example.com/very-secret", "secret": "$HOOK_SECRET"}},
        {"webhook": {"url": "https://169.254.169.254/very-secret", "secret": "$HOOK_SECRET"}},
        {"eventgrid": WORKFLOW},
        {"to": WORKFLOW},
        {"to": "shop@example.com", "time_zone": TOKEN},
        {"to": "shop@example.com", "volume": SECRET},
        {"to": "shop@example.com", "group_wait": KEY},
        {"to": "shop@example.com", WORKFLOW: "x"},
        {"teams": [{"url": WORKFLOW}]},
        {"teams": []},
        {"teams": "$TEAMS_SHOP", "cc": "a@example.com"},
    ],
)
def test_secrets_do_not_belong_into_routes(said: dict[str, Any]) -> None:
    """A secret in the routes stops the start, and whatever is wrong there, no secret is repeated."""
    with pytest.raises(SettingsError, match="ROUTES") as refused:
        load(said)
    text = str(refused.value)
    assert not any(secret in text for secret in ("very-secret", TOKEN, KEY, SECRET, SECRET[6:]))
    assert text.endswith(".")


NEEDED: dict[str, dict[str, Any]] = {
    "TEAMS_SHOP": {"teams": "$TEAMS_SHOP"},
    "SLACK_TOKEN": {"slack": BOT},
    "PD_SHOP": {"pagerduty": "$PD_SHOP"},
    "HOOK_SECRET": {"webhook": {"url": HOOK, "secret": "$HOOK_SECRET"}},
    "HOOK_URL": {"webhook": {"url": "$HOOK_URL", "secret": "$HOOK_SECRET"}},
    "TOPIC": {"eventgrid": "$TOPIC"},
    "SLACK_ENDPOINT": {"to": "a@example.com"},
    "PAGERDUTY_ENDPOINT": {"to": "a@example.com"},
    "EMAIL_TO": {"teams": "$TEAMS_SHOP"},
}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TEAMS_SHOP", "", "missing"),
        (
            "TEAMS_SHOP",
            "@Microsoft.KeyVault(SecretUri=https://v.example.com/s/x)",
            "Key Vault reference",
        ),
        ("TEAMS_SHOP", "http://prod.example.com/very-secret", "https"),
        ("TEAMS_SHOP", "https://contoso.webhook.office.com/webhookb2/very-secret", "connector"),
        ("TEAMS_SHOP", "https://outlook.office.com/webhook/very-secret", "connector"),
        ("SLACK_TOKEN", "very-secret", "token"),
        ("PD_SHOP", "very-secret", "32"),
        ("HOOK_SECRET", "very-secret", "whsec_"),
        ("HOOK_URL", "https://[::ffff:169.254.169.254]/very-secret", "nothing is sent"),
        ("TOPIC", f"{TOPIC}?aeg-sas-key=very-secret", "/api/events"),
        ("SLACK_ENDPOINT", "https://slack-gov.com", "/api"),
        ("PAGERDUTY_ENDPOINT", "https://events.eu.pagerduty.com/v2", "left out"),
        ("EMAIL_TO", "", "EMAIL_TO"),
    ],
)
def test_wrong_secrets(name: str, value: str, words: str) -> None:
    """A secret that is missing, unresolved or of another form stops the start; the sentence names it."""
    with pytest.raises(SettingsError, match=name) as refused:
        load(NEEDED[name], **{name: value})
    assert words in str(refused.value)
    assert "very-secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["SUBSCRIPTIONS", "FLEETS"])
def test_the_apps_own_troubles_go_somewhere(name: str) -> None:
    """Whoever asks for what no event tells has a default audience: EMAIL_TO, or `default` with `to`."""
    asked = {name: "00000000-0000-0000-0000-000000000001", "EMAIL_TO": ""}
    with pytest.raises(SettingsError, match=f"EMAIL_TO is missing: with {name}"):
        load({"to": "a@example.com"}, **asked)
    routes = {"audiences": [{"name": "default", "to": "a@example.com"}]}
    assert settings.load({**BASIC, **asked, "ROUTES": json.dumps(routes)})


@pytest.mark.parametrize("setting", ["WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID"])
def test_the_loopback(setting: str) -> None:
    """What is for trying things out, http and the loopback, is refused in Azure."""
    hook = {"url": "http://127.0.0.1:8080/x", "secret": "$HOOK_SECRET"}
    said = {"webhook": hook, "teams": "$TEAMS_SHOP"}
    trying = {"TEAMS_SHOP": "http://127.0.0.1:8080/x", "SLACK_ENDPOINT": "http://localhost:8080/api"}
    found = load(said, IDENTITY_ENDPOINT="http://169.254.130.4/msi", **trying)
    assert found.channels.allows_loopback
    assert WORKFLOW not in repr(load({"teams": "$TEAMS_SHOP"}).channels)
    for one in (said, {"teams": "$TEAMS_SHOP"}, {"to": "a@example.com"}):
        with pytest.raises(SettingsError, match=r"ROUTES|TEAMS_SHOP|SLACK_ENDPOINT"):
            load(one, **{setting: "app"}, **trying)


def test_shadow_mode() -> None:
    """In shadow mode no other channel sends: email is every audience's only target, the others are named."""
    found = load({"teams": "$TEAMS_SHOP"}, EMAIL_ONLY_TO="me@example.com").routes.audiences["shop"]
    assert [target.channel for target in found.targets] == ["email"]
    assert [target.label for target in found.untold] == ["teams $TEAMS_SHOP"]


@pytest.mark.parametrize("name", ["EMAIL_SMTP_PASSWORD", "HEARTBEAT_URL", "EMAIL_CONNECTION_STRING"])
def test_references_are_no_values(name: str) -> None:
    """A Key Vault reference that was not resolved is taken for no setting's value, and none sends it out."""
    more = {"EMAIL_FOLDER": "", "EMAIL_SMTP_URL": "smtp://user@relay.example.com"}
    given = {} if name == "HEARTBEAT_URL" else more
    with pytest.raises(SettingsError, match=f"{name} is a Key Vault reference"):
        load(
            {"to": "a@example.com"},
            **given,
            **{name: "@Microsoft.KeyVault(SecretUri=https://v.example.com/s)"},
        )


def test_the_watcher_is_no_forbidden_address() -> None:
    """What is called after sweeps is an address like a channel's."""
    with pytest.raises(SettingsError, match="HEARTBEAT_URL is an address that nothing is sent to"):
        load({"to": "a@example.com"}, HEARTBEAT_URL="https://[::ffff:a9fe:a9fe]/very-secret")
