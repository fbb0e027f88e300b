"""`./notifier`: one command, with errors of one line, its exit codes, and commands of every day."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import icalendar
import pytest
import typer
from typer.testing import CliRunner

from local import settings_file
from ops import __main__ as program
from ops import terminal
from ops.__main__ import main as command
from ops.commands import COMMANDS
from ops.surroundings import Surroundings
from shared.events.model import Cluster
from shared.maintenance.inventory import read
from shared.store.ledger import Ledger
from testing.child_process import environment
from testing.processes import free_port
from testing.samples.payloads import SUBSCRIPTION, event, guid, scheduled
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

    def run_(*arguments: str, code: int = 0, on: World = world) -> str:
        around = Surroundings(clock=on.clock, open_table=lambda _: nullcontext(on.table))
        assert command(list(arguments), around) == code, capsys.readouterr()
        return capsys.readouterr().out

    return run_


@pytest.mark.slow
def test_every_command_has_help() -> None:
    """Each command explains itself, without an escape code in a pipe whatever the encoding."""
    helps = (
        "import sys; from ops.__main__ import main; sys.exit(sum(main([n, '--help']) for n in sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", helps, *COMMANDS],
        cwd=ROOT,
        env=environment({"PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^Usage: notifier ([a-z-]+)", done.stdout, re.MULTILINE) == list(COMMANDS)
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        *(["nonsense"], ["send"], ["staus"], ["explain", "--nope"], ["list", "mails"]),
        *(["list", "--limit", "0"], ["list", "--limit"], ["list", "--since", "soon"]),
        ["list", "rejected", "--cluster", "x", "--account", "https://account.table.core.windows.net"],
    ],
)
def test_errors_are_a_line_and_a_hint(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command line ends with 2, says what is wrong in a line, and where help is in another."""
    assert command([words[0], "-h"] if words[0] in COMMANDS else ["-h"]) == 0
    assert "Usage: notifier" in capsys.readouterr().out
    assert command(words) == 2
    out, err = capsys.readouterr()
    said = err.splitlines()
    assert (out, len(said)) == ("", 2), err
    assert said[1] == f"Try: {' '.join(['notifier', *{words[0]} & set(COMMANDS)])} --help"
    assert words != ["staus"] or "did you mean 'status'" in said[0]
    assert command([]) == 2


def test_no_storage_running(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the emulator is not running, one sentence says where it was looked for."""
    endpoint = f"http://127.0.0.1:{free_port()}/devstoreaccount1"
    account = f"AccountName=devstoreaccount1;AccountKey=a2V5;TableEndpoint={endpoint};"
    monkeypatch.setenv("NOTIFIER_STORAGE", f"DefaultEndpointsProtocol=http;{account}")
    assert command(["status"]) == 2
    where = endpoint.split("/")[2]
    assert capsys.readouterr().err == f"no storage is running at {where}\n"


@pytest.mark.slow
def test_what_lies_in_a_folder_changes_nothing(tmp_path: Path) -> None:
    """The command runs in any folder: no module that lies there is taken for one of its own."""
    (tmp_path / "ops").mkdir()
    for name in ("ops/__init__.py", "shared.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit(9)")
    done = subprocess.run([ROOT / "notifier", "--version"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"notifier ")


@pytest.mark.parametrize(("module", "imported"), [("ops", "typer"), ("local.run", "werkzeug")])
def test_an_early_interrupt_leaves_no_traceback(module: str, imported: str, tmp_path: Path) -> None:
    """Ctrl-C while a command is still being imported ends it with 130, and says nothing."""
    (tmp_path / f"{imported}.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, "-P", "-m", module],
        env=environment({"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_help_lists_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """In boxes as in a pipe, each command stands by its name, with all of its line."""
    for is_boxed in (True, False):
        monkeypatch.setattr(program, "_markup", lambda is_boxed=is_boxed: "markdown" if is_boxed else None)
        app = typer.Typer(cls=program._Commands, rich_markup_mode="markdown" if is_boxed else None)
        app.callback()(lambda: None)
        said = CliRunner().invoke(app, ["--help"]).output
        assert "..." not in said.partition("Commands")[2]
        assert set(COMMANDS) <= set(re.findall(r"^[\s│]*([a-z-]+)  ", said, re.MULTILINE))


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


def test_settings_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path) -> None:
    """A broken settings file is an error of one line, whichever command needs it."""
    (tmp_path / settings_file.SETTINGS).write_text("{")
    monkeypatch.setattr(settings_file, "ROOT", tmp_path)
    for words in (["preview", str(ROOT / "samples" / "failed.cloudevent.json")], ["token", "new", "default"]):
        run(*words, code=2)


def test_a_token_from_new_to_revoked(world: World, run: Run) -> None:
    """A token opens its audience's page, is listed without itself, and is 404 within a minute of its end."""
    made = json.loads(run("token", "new", "default", "--site", "https://app.example.com/", "--json"))
    address = made["status"].removeprefix("https://app.example.com/status/")
    assert world.notifier.pages.status_page(address, {}).status == 200
    (listed,) = json.loads(run("token", "list", "--json"))
    assert (listed["id"], listed["audience"]) == (made["id"], "default")
    assert not any(address in str(row.values) + row.key for row in world.table.query("a", "z").rows)
    assert json.loads(run("token", "revoke", made["id"], "--json")) == listed
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


def test_a_narrow_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No table is wider than the terminal: columns are cut while of use, years go, then rows are stacked."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for width in (40, 80, 200):
        monkeypatch.setattr(terminal, "width", lambda width=width: width)
        for words in ("list work", "list events", "upcoming", "inventory", "silence list"):
            first, *rows = run(*words.split()).splitlines()
            assert max(map(len, rows or [first])) <= width, rows
            assert width < 80 or not any(row.startswith("CLUSTER: ") for row in rows)


@pytest.mark.slow
def test_upcoming_as_a_calendar(world: World, capfdbinary: Any) -> None:
    """The calendar is one that an independent parser reads."""
    around = Surroundings(clock=world.clock, open_table=lambda _: nullcontext(world.table))
    assert command(["upcoming", "--output", "ics"], around) == 0
    calendar = icalendar.Calendar.from_ical(capfdbinary.readouterr().out)
    assert len(calendar.walk("VEVENT")) == 2


def test_inventory(world: World, run: Run) -> None:
    """Clusters are a table, JSON and CSV, in which no cell is a formula; support goes by version and plan."""
    pools = [
        {"name": "a", "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202611.13.0"},
        {"name": "w", "nodeImageVersion": "AKSWindows-2022-containerd-20348.3207.261111"},
        {"name": "odd", "nodeImageVersion": "AKSUbuntu-9"},
    ]
    body = {
        "id": Cluster(SUBSCRIPTION, "rg-prod", "lts-1").id,
        "currentKubernetesVersion": "1.32.4",
        "supportPlan": "AKSLongTermSupport",
        "agentPoolProfiles": pools,
    }
    world.notifier.store.save_clusters(read([body], NOW).clusters)
    known = next(row for row in json.loads(run("inventory", "--json")) if row["name"] == "lts-1")
    days = (NOW.date() - date(2026, 11, 11)).days
    said = [known["supported_until"], known["node_image"], known["node_image_days"]]
    assert said == ["2027-03-31", "2026-11-11", days]
    assert "dev-1" in run("inventory")
    head, *rows = csv.reader(io.StringIO(run("inventory", "--output", "csv")))
    assert head[0] == "Cluster"
    assert [row[0] for row in rows] == ["'=prod-2", "dev-1", "lts-1", "prod-1"]
    assert json.loads(run("inventory", "--json"))[0]["outcome"] == "failed"


def test_a_senders_name_changes_no_uid(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is coming has the UID that mails have, whether the sender has a name or not."""
    monkeypatch.setenv("EMAIL_FROM", "AKS <aks@example.com>")
    found = json.loads(run("upcoming", "--json"))["entries"]
    assert f"maintenance-{guid('planned')}@example.com" in {entry["uid"] for entry in found}


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
    (paused,) = json.loads(run("pause", "30m", "--json"))
    assert paused["channel"] == "email"
    world.clock.forward(minutes=1)
    world.notifier.sweep()
    world.take(event("Failed", world.clock.now(), name="later", cluster="prod-9"))
    world.settle_down(10)
    assert len(world.mailer.arrived) == before
    assert "paused" in run("status", code=1)
    assert json.loads(run("resume", "--json")) == [{"channel": "email", "wasPaused": True}]
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
    values |= {"EMAIL_FOLDER": "", "EMAIL_SMTP_URL": "smtp://user@host"}  # and no password
    (tmp_path / "wrong.json").write_text(json.dumps({"Values": values}))
    capsys.readouterr()
    assert command(["check", "wrong.json"]) == 1
    said = capsys.readouterr().err
    for name in ("LEASE", "TIME_ZONE", "EMAIL_FROM"):
        assert f"Setting {name} " in said
    assert "EMAIL_SMTP_PASSWORD" in said
    assert "how mail leaves" not in said
    assert "Setting REMINDER_LEAD is unknown: did you mean REMINDER_LEADS?" in said
    assert command(["check", "none.json"]) == 2
    assert "EMAIL_FROM" not in os.environ


def test_a_silence_is_kept_and_recorded(world: World, run: Run) -> None:
    """What a silence covers is told to nobody, leaves its row and a trace, and is told again once it ends."""
    world.settle_down()
    before = len(world.mailer.arrived)
    words = ("--match", "cluster=prod-*", "--for", "8h", "--comment", "load test")
    made = json.loads(run("silence", "add", *words, "--json"))
    world.take(event("Started", world.clock.now(), name="quiet", cluster="prod-1"))
    world.take(event("Started", world.clock.now(), name="loud", cluster="dev-9"))
    world.settle_down()
    assert len(world.mailer.arrived) == before + 1
    assert "dev-9" in world.mailer.subjects[-1]
    assert "load test" in run("silence", "list")
    said = run("why", "prod-1")
    assert f"silence {made['id']}" in said
    assert "load test" in said
    assert Ledger(world.table).silenced(NOW) == 1
    assert json.loads(run("silence", "expire", made["id"], "--json"))["id"] == made["id"]
    run("silence", "expire", made["id"], code=1)
    world.take(event("Completed", world.clock.now(), name="quiet", cluster="prod-1"))
    world.settle_down()
    assert "prod-1" in world.mailer.subjects[-1]


def test_a_failure_is_silent_only_by_name(world: World, run: Run) -> None:
    """Failures go through a silence that does not name them, and not through one that does."""
    world.settle_down()
    before = len(world.mailer.arrived)
    run("silence", "add", "--match", "cluster=prod-*", "--for", "8h", "--comment", "x")
    world.take(event("Failed", world.clock.now(), name="one", cluster="prod-5"))
    assert len(world.mailer.arrived) == before + 1
    run("silence", "add", "--match", "cluster=prod-*", "--for", "8h", "--comment", "x", "--kind", "failed")
    world.clock.forward(minutes=2)
    world.take(event("Failed", world.clock.now(), name="two", cluster="prod-6"))
    world.settle_down()
    assert len(world.mailer.arrived) == before + 1
    for wrong in (["--match", "colour=red"], ["--match", "cluster=x", "--kind", "fail"], ["--match", "x"]):
        run("silence", "add", *wrong, "--for", "8h", "--comment", "x", code=2)


def test_why_nobody_heard(run: Run, world: World) -> None:
    """Why names what was told, what waits, why nobody was told, and the query for the log."""
    said = run("why", "prod-1")
    assert "decision: new" in said
    assert "waits: a check" in said
    assert "AppTraces" in said
    routes = "audiences: [{name: a, to: a@example.com}]\nroutes: [{match: {cluster: x-*}, audiences: a}]"
    lonely = World(ROUTES=routes, EMAIL_TO="")
    lonely.take(event("Started", NOW, name="unheard", cluster="lost-1"))
    other = json.loads(event("Started", NOW, name="foreign", cluster="lost-1"))
    lonely.take(json.dumps({**other, "type": "Microsoft.Other.Thing"}))
    lonely.take(json.dumps({**other, "data": "no event"}))
    found = json.loads(run("why", "lost-*", "--json", on=lonely))
    reasons = [said for each in found["events"] for said in each["why"]]
    assert "has_any ('lost-1')" in found["query"]
    by_id = Cluster(SUBSCRIPTION, "rg-prod", "LOST-1").id
    assert len(json.loads(run("why", by_id, "--json", on=lonely))["events"]) == 3
    for decision in ("unrouted", "ignored", "rejected"):
        assert any(decision in said for said in reasons)
    run("why", "never-heard-of", code=1)
    run("why", " ", code=2)


@pytest.mark.parametrize(
    "words",
    ["list", "status", "why x", "upcoming", "inventory", "coverage", "token list", "silence list", "table"],
)
def test_a_storage_without_a_row_is_an_empty_answer(run: Run, words: str) -> None:
    """Where nothing has come yet, what is asked for is not there, and that is no failure."""
    run(*words.split(), on=World())


def test_what_is_held_is_said(run: Run, world: World) -> None:
    """What is due and waits for its audience's next grouped message says so; what is no news says that."""
    world.sweep(minutes=1)
    world.take(event("Started", world.clock.now(), name="held", cluster="held-1"))
    world.clock.forward(minutes=1)
    for words in (["why", "held-1"], ["list", "work"]):
        assert "GROUP_INTERVAL after the grouped message of " in run(*words)
    world.take(scheduled(NOW, timedelta(days=8), name="begun", cluster="dev-1"))
    assert "decision: stale, kept and told to nobody" in run("why", "dev-1")


def test_dry_run_of_routes_over_what_is_stored(run: Run, tmp_path: Path) -> None:
    """Other routes over stored events: who would have heard of more, who of less; nothing is written."""
    routes = (
        "audiences: [{name: Dev, to: d@example.com}]\nroutes: [{match: {cluster: dev-*}, audiences: Dev}]\n"
    )
    (tmp_path / "new.yaml").write_text(routes)
    found = json.loads(run("preview", "--history", "30d", "--routes", "new.yaml", "--json"))
    assert found["events"] == 3
    assert (found["audiences"]["dev"]["after"], len(found["audiences"]["default"]["less"])) == (1, 1)
    assert "would hear less of" in run("preview", "--history", "30d", "--routes", "new.yaml")
    run("preview", "--history", "30d", code=2)


def test_preview_shows_cards(run: Run, tmp_path: Path) -> None:
    """What goes to a chat is written as the chat would get it; --target chooses an audience or a channel."""
    text = """
audiences: [{name: Shop, to: s@example.com, teams: $TEAMS_SHOP}]
routes: [{audiences: Shop}]
"""
    (tmp_path / "routes.yaml").write_text(text)
    sample = str(ROOT / "samples" / "failed.cloudevent.json")
    found = json.loads(run("preview", sample, "--routes", "routes.yaml", "--json"))
    assert (len(found["mails"]), len(found["cards"])) == (1, 1)
    assert "prod-weu-1" in Path(found["cards"][0]).read_text("utf-8")
    found = json.loads(run("preview", sample, "--routes", "routes.yaml", "--target", "teams", "--json"))
    assert (len(found["mails"]), len(found["cards"])) == (0, 1)
    run("preview", sample, "--routes", "routes.yaml", "--target", "pigeon", code=2)
