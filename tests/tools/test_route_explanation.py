"""`preview` and `check`: who would hear of an event and why, and whether routes are right."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.__main__ import main as command
from testing.samples import payloads

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "routes.yaml"
SETTINGS = (
    "EMAIL_TO",
    "ROUTES",
    "TIME_ZONE",
    "REMINDER_LEADS",
    "REMINDER_GAP",
    "GROUP_WAIT",
    "GROUP_INTERVAL",
)
ROUTES = """
audiences:
  - {name: Shop, to: [shop@example.com, b@example.com, c@example.com], volume: normal}
  - {name: Night, to: night@example.com, kinds: failed, reminder_leads: 2h, group_interval: 1h30m}
routes:
  - {match: {cluster: dev-*}, audiences: []}
  - {match: {cluster: shop-*, region: westeurope}, audiences: Shop, continue: true}
  - {match: {status: Failed}, audiences: Night}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without any of the settings."""
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "local.settings.json").write_text('{"Values": {}}')
    (tmp_path / "routes.yaml").write_text(ROUTES)
    return tmp_path


def write(name: str, text: str) -> str:
    """Write a file; give its name."""
    Path(name).write_text(text, "utf-8")
    return name


def of(cluster: str, status: str = "Started") -> str:
    """Write an event of a cluster into a file."""
    return write("event.json", payloads.event(status, NOW, cluster=cluster))


def lines(text: str) -> list[list[str]]:
    """Take a table apart: its rows, and their cells."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines() if line]


# Who would hear


def test_a_match(capsys: pytest.CaptureFixture[str]) -> None:
    """Each route is there with what became of it, then the audiences with what they hear of."""
    where = "cluster shop-1 in rg-prod"
    assert command(["preview", of("shop-1"), "--routes", "routes.yaml"]) == 0
    assert lines(capsys.readouterr().out) == [
        [f"Started, node-os: {where}, subscription {payloads.SUBSCRIPTION}, region westeurope"],
        ["ROUTE", "WHY"],
        ["routes[0]", "did not match", "asks for cluster dev-*, it is shop-1"],
        ["routes[1]", "matched", "shop, and goes on"],
        ["routes[2]", "did not match", "asks for status failed, it is Started"],
        ["AUDIENCE", "TO", "HEARS OF", "NOT OF"],
        ["Shop", "shop@example.com, b@example.com and 1 more", "still-running", "started"],
    ]


def test_what_follows_from_an_announcement(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a Scheduled event its reminders and its watchdog are shown, too, also those that are left out."""
    file = write("event.json", payloads.scheduled(NOW, timedelta(days=9), cluster="shop-1"))
    assert command(["preview", file, "--routes", "routes.yaml"]) == 0
    assert lines(capsys.readouterr().out.partition("AUDIENCE")[2])[1][2:] == [
        "scheduled, rescheduled, reminder 24h, not-started",
        "reminder 7d",
    ]


def test_what_the_event_does_not_say(capsys: pytest.CaptureFixture[str]) -> None:
    """A condition about something that the event leaves out is said to have failed for that."""
    body = json.loads(payloads.event("Started", NOW, cluster="shop-1"))
    del body["data"]["resourceInfo"]["location"]
    assert command(["preview", write("event.json", json.dumps(body)), "--routes", "routes.yaml"]) == 1
    out = capsys.readouterr().out
    assert "no region" in out
    assert "asks for region westeurope, the event does not say" in out


def test_nobody_on_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    """An event that a route sends to nobody is no mistake, and the routes after it are not reached."""
    assert command(["preview", of("dev-1"), "--routes", "routes.yaml"]) == 0
    out = capsys.readouterr().out
    assert "Nobody hears of it: the route that matched leads to nobody." in out
    assert ["routes[1]", "not reached", "a route before it decided"] in lines(out)


def test_unrouted(capsys: pytest.CaptureFixture[str]) -> None:
    """An event that nobody thought of is said to be unrouted, with exit code 1."""
    assert command(["preview", of("other"), "--routes", "routes.yaml"]) == 1
    assert "Unrouted: no route matched, and there is no default audience" in capsys.readouterr().out


def test_the_default_audience(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What no route matches is for EMAIL_TO, if there is one."""
    monkeypatch.setenv("EMAIL_TO", "ops@example.com")
    assert command(["preview", of("other"), "--routes", "routes.yaml"]) == 0
    out = capsys.readouterr().out
    assert "No route matched: this is for the audience of EMAIL_TO." in out
    assert lines(out.partition("AUDIENCE")[2])[1] == [
        "default",
        "ops@example.com",
        "started, still-running",
        "-",
    ]


def test_several_events(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Files may hold arrays, and - is standard input; the exit code is that of the worst."""
    bodies = [payloads.event("Failed", NOW, cluster=cluster) for cluster in ("a", "shop-b")]
    file = write("events.json", f"[{','.join(bodies)}]")
    monkeypatch.setattr(sys, "stdin", io.StringIO(payloads.event("Completed", NOW, cluster="c")))
    assert command(["preview", file, "-", "--routes", "routes.yaml"]) == 1
    firsts = [line for line in capsys.readouterr().out.splitlines() if ": cluster " in line]
    assert [line.split(" in ")[0] for line in firsts] == [
        "Failed, node-os: cluster a",
        "Failed, node-os: cluster shop-b",
        "Completed, node-os: cluster c",
    ]


@pytest.mark.parametrize(
    ("text", "said", "code"),
    [
        ("nothing", "event.json: cannot be understood: not JSON", 2),
        ('{"type": "Other", "specversion": "1.0"}', "event.json: none of ours: event type 'Other'", 1),
    ],
)
def test_no_event(text: str, said: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no event of ours is named with its reason."""
    assert command(["preview", write("event.json", text), "--routes", "routes.yaml"]) == code
    assert said in capsys.readouterr().err


def test_terminals_are_safe(capsys: pytest.CaptureFixture[str]) -> None:
    """Names from outside cannot control the terminal."""
    file = write("event.json", payloads.event("Paused\x1b[2J\u202e", NOW, cluster="a\x9b31m"))
    assert command(["preview", file, "--routes", "routes.yaml"]) == 1
    assert capsys.readouterr().out.replace("\n", "").isprintable()


# Check


def test_check(capsys: pytest.CaptureFixture[str]) -> None:
    """Routes that are right are shown as tables, with what becomes of the rest."""
    assert command(["check", "--routes", "routes.yaml"]) == 0
    assert lines(capsys.readouterr().out) == [
        ["routes.yaml: all right."],
        ["AUDIENCE", "TO", "TIME ZONE", "REMINDERS", "VOLUME", "KINDS", "GROUPED"],
        [
            "Shop",
            "shop@example.com, b@example.com and 1 more",
            "UTC",
            "7d, 24h",
            "normal",
            "all",
            "30s, every 5m",
        ],
        ["Night", "night@example.com", "UTC", "2h", "all", "failed", "30s, every 1h30m"],
        ["ROUTE", "MATCHES", "GOES TO"],
        ["routes[0]", "cluster dev-*", "nobody"],
        ["routes[1]", "cluster shop-* and region westeurope", "shop, and goes on"],
        ["routes[2]", "status failed", "night"],
        ["What no route matches is unrouted: there is no default audience (EMAIL_TO)."],
    ]


@pytest.mark.parametrize(
    ("text", "email_to", "said"),
    [
        ("", "ops@example.com", "What no route matches goes to the default audience."),
        (
            "audiences: [{name: a, to: a@example.com}]\nroutes: [{audiences: a}]",
            "ops@example.com",
            "routes[0] matches everything: nothing is left over for the default audience.",
        ),
        (
            "audiences: [{name: a, to: a@example.com}]\nroutes: [{audiences: a}]",
            "",
            "routes[0] matches everyth",
        ),
    ],
)
def test_what_is_left_over(
    text: str, email_to: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary ends with what becomes of events that no route matches."""
    monkeypatch.setenv("EMAIL_TO", email_to)
    assert command(["check", "--routes", write("r.yaml", text)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(said)


def test_routes_that_are_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong routes give exit code 1 when they are checked, and 2 when something is asked about them."""
    file = write("wrong.yaml", "routes: [{match: {kind: nodeos}, audiences: []}]")
    said = "There is no audience at all: EMAIL_TO is not set, and ROUTES names none.\n"
    assert command(["check", "--routes", file]) == 1
    assert capsys.readouterr().err.startswith(said)
    assert command(["preview", of("a"), "--routes", file]) == 2
    assert capsys.readouterr().err == said


def test_all_that_is_wrong_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Every audience, route and key that is wrong is named in one run, with what was meant, and no other."""
    text = """
audiences:
  - {name: Shop, to: nobody, colour: red}
  - {name: Night, to: night@example.com, kinds: fail}
routes:
  - {match: {clutser: x}, audiences: Shop}
  - {audiences: Nigth}
  - {audiences: Night, contine: true}
"""
    assert command(["check", "--routes", write("wrong.yaml", text)]) == 1
    said = capsys.readouterr().err.splitlines()
    places = ["audiences[0]", "audiences[0].to", "audiences[1].kinds"]
    places += ["routes[0].match", "routes[1].audiences", "routes[2]"]
    assert [line.split(" (line ")[0] for line in said] == places
    assert sum("did you mean" in line for line in said) == 4


# Where routes and settings come from


def test_settings_of_the_environment(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file the routes are those of ROUTES; what they leave open, the settings say."""
    monkeypatch.setenv("ROUTES", f"@{folder}/routes.yaml")
    monkeypatch.setenv("TIME_ZONE", "Europe/Vienna")
    monkeypatch.setenv("REMINDER_LEADS", "3d")
    assert command(["check", "--routes", "routes.yaml"]) == 0
    assert lines(capsys.readouterr().out)[2][2:4] == ["Europe/Vienna", "3d"]


def test_local_settings(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment lacks comes from local.settings.json, as with the host."""
    values = {"EMAIL_TO": "local@example.com", "TIME_ZONE": "Europe/Rome"}
    write("local.settings.json", json.dumps({"Values": values}))
    monkeypatch.setenv("TIME_ZONE", "Europe/Vienna")
    assert command(["check", "--routes", "routes.yaml"]) == 0
    assert lines(capsys.readouterr().out)[2][1:3] == ["local@example.com", "Europe/Vienna"]
    assert "EMAIL_TO" not in os.environ


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["check", "--routes", "no.yaml"], {}, "no.yaml cannot be read: No such file or directory."),
        (["check", "--routes", "latin.yaml"], {}, "latin.yaml cannot be read: it is not UTF-8 text."),
        (
            ["preview", "event.json"],
            {"ROUTES": "@no.yaml"},
            "'@no.yaml' cannot be read: there is no such file in the app's",
        ),
        (
            ["preview", "event.json"],
            {"TIME_ZONE": "Mars"},
            "Setting TIME_ZONE ('Mars') is not",
        ),
        (
            ["preview", "no.json", "--routes", "routes.yaml"],
            {},
            "no.json cannot be read: No such file",
        ),
    ],
)
def test_what_cannot_be_read(
    arguments: list[str],
    environment: dict[str, str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file or a setting that cannot be read is named, with exit code 2."""
    Path("latin.yaml").write_bytes(b"name: J\xfcrgen")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert command(arguments) == 2
    assert capsys.readouterr().err.startswith(said)


def test_settings_that_have_no_bearing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that say nothing about routes may be missing or wrong."""
    monkeypatch.setenv("LEASE", "never")
    monkeypatch.setenv("EMAIL_ENDPOINT", "nowhere")
    assert command(["check", "--routes", "routes.yaml"]) == 0


@pytest.mark.slow
def test_as_a_command() -> None:
    """The commands that the sample names work."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    for arguments in (
        ["check", "--routes", "samples/routes.yaml"],
        ["preview", "samples/started.cloudevent.json", "--routes", "samples/routes.yaml"],
    ):
        assert " ".join(["./notifier", *arguments]) in SAMPLE.read_text("utf-8").replace("\n# ", " ")
        subprocess.run([sys.executable, "-m", "ops", *arguments], cwd=ROOT, env=environment, check=True)
