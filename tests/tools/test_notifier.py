"""`./notifier`: one command, with errors of one line, its exit codes, and commands of every day."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import icalendar
import pytest

from ops.__main__ import main as command
from ops.commands import COMMANDS
from ops.surroundings import Surroundings
from testing.child_process import environment
from testing.samples.payloads import event, scheduled
from testing.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., str]

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, by the sample's settings."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def world() -> World:
    """Make a world with something to come, something running, something failed."""
    world = World()
    world.take(scheduled(NOW, timedelta(days=8), name="planned", cluster="prod-1"))
    world.take(event("Started", NOW, name="begun", cluster="dev-1"))
    world.take(event("Failed", NOW, name="broken", cluster="=prod-2"))
    return world


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on what is stored, and give what it prints."""

    def run_(*arguments: str, code: int = 0) -> str:
        around = Surroundings(clock=world.clock, open_table=lambda _: nullcontext(world.table))
        assert command(list(arguments), around) == code, capsys.readouterr()
        return capsys.readouterr().out

    return run_


def notifier(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the program as people do, from another folder."""
    return subprocess.run(
        [str(ROOT / "notifier"), *arguments],
        env=environment(more),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    """Each command explains itself, without an escape code in a pipe whatever the encoding."""
    done = notifier(name, "--help", PYTHONIOENCODING="ascii", FORCE_COLOR="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: notifier {name}")
    assert "\x1b" not in done.stdout


@pytest.mark.slow
def test_errors_are_a_line_and_a_hint() -> None:
    """A wrong command line ends with 2, says what is wrong in a line, and where help is in another."""
    for words in (["nonsense"], ["send"], ["list", "--limit", "0"], ["explain", "--nope"]):
        done = notifier(*words)
        assert (done.returncode, done.stdout) == (2, "")
        said = done.stderr.splitlines()
        assert len(said) == 2, said
        assert said[1].startswith("Try: notifier")
    assert notifier("--version").stdout.startswith("notifier ")


@pytest.mark.slow
def test_not_installed_is_said(tmp_path: Path) -> None:
    """Without its environment the command says how to install it."""
    copy = tmp_path / "copy" / "notifier"
    copy.parent.mkdir()
    copy.write_bytes((ROOT / "notifier").read_bytes())
    copy.chmod(0o755)
    done = subprocess.run([copy], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "make -C" in done.stderr


def test_a_token_from_new_to_revoked(world: World, run: Run) -> None:
    """A token opens its audience's page, is listed without itself, and is 404 within a minute of its end."""
    made = json.loads(run("token", "new", "default", "--site", "https://app.example.com/", "--json"))
    address = made["status"].removeprefix("https://app.example.com/status/")
    assert world.notifier.pages.status_page(address, {}).status == 200
    (listed,) = json.loads(run("token", "list", "--json"))
    assert (listed["id"], listed["audience"]) == (made["id"], "default")
    assert not any(address in str(row.values) + row.key for row in world.table.query("a", "z").rows)
    run("token", "revoke", made["id"])
    world.clock.forward(seconds=60)
    assert world.notifier.pages.status_page(address, {}).status == 404
    run("token", "revoke", made["id"], code=1)
    run("token", "new", "nobody", code=2)


def test_upcoming(run: Run) -> None:
    """What is coming is told as a table, as JSON and as a calendar; what is over is not."""
    assert "prod-1" in run("upcoming")
    assert "prod-1" not in run("upcoming", "--cluster", "dev-*")
    (running, planned) = json.loads(run("upcoming", "--json"))["entries"]
    assert (running["phase"], planned["cluster"]) == ("running", "prod-1")


@pytest.mark.slow
def test_upcoming_as_a_calendar(world: World, capfdbinary: Any) -> None:
    """The calendar is one that an independent parser reads."""
    around = Surroundings(clock=world.clock, open_table=lambda _: nullcontext(world.table))
    assert command(["upcoming", "--output", "ics"], around) == 0
    calendar = icalendar.Calendar.from_ical(capfdbinary.readouterr().out)
    assert len(calendar.walk("VEVENT")) == 2


def test_inventory(run: Run) -> None:
    """Clusters are a table, JSON and CSV, in which no cell is a formula."""
    assert "dev-1" in run("inventory")
    head, *rows = csv.reader(io.StringIO(run("inventory", "--output", "csv")))
    assert head[0] == "Cluster"
    assert [row[0] for row in rows] == ["'=prod-2", "dev-1", "prod-1"]
    assert json.loads(run("inventory", "--json"))[0]["outcome"] == "failed"


def test_status(world: World, run: Run) -> None:
    """The app is well while it sweeps, nothing is late and nothing is paused."""
    assert "No sweep" in run("status", code=1)
    for _ in range(5):
        world.clock.forward(minutes=1)
        world.notifier.sweep()
    found = json.loads(run("status", "--json"))
    assert (found["well"], found["due"], list(found["lastMessage"])) == (True, 0, ["email"])
    world.clock.forward(hours=1)
    assert "No sweep since" in run("status", code=1)


def test_pause_and_resume(world: World, run: Run) -> None:
    """While a pause holds nothing leaves, failures included, and nothing is lost."""
    world.settle_down()
    before = len(world.mailer.arrived)
    run("pause", "30m")
    world.clock.forward(minutes=1)
    world.notifier.sweep()
    world.take(event("Failed", world.clock.now(), name="later", cluster="prod-9"))
    world.settle_down(10)
    assert len(world.mailer.arrived) == before
    assert "paused" in run("status", code=1)
    run("resume")
    world.settle_down(10)
    assert len(world.mailer.arrived) == before + 1
    run("pause", "soon", code=2)
    run("pause", "--channel", "pigeon", code=2)


def test_check_names_everything_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is wrong is named in one run, unknown names with what was meant; the sample is right."""
    assert command(["check", str(ROOT / "local.settings.sample.json")]) == 0
    values = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    values |= {"LEASE": "never", "TIME_ZONE": "Mars", "EMAIL_FROM": "", "REMINDER_LEAD": "7d"}
    (tmp_path / "wrong.json").write_text(json.dumps({"Values": values}))
    capsys.readouterr()
    assert command(["check", "wrong.json"]) == 1
    said = capsys.readouterr().err
    for name in ("LEASE", "TIME_ZONE", "EMAIL_FROM"):
        assert f"Setting {name} " in said
    assert "Setting REMINDER_LEAD is unknown: did you mean REMINDER_LEADS?" in said
    assert command(["check", "none.json"]) == 2
    assert "EMAIL_FROM" not in os.environ
