"""How the local host starts and ends, one rule a test."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import typing
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.functions import Function, Invoker
from testing.apps import EVENTS, App, soon
from testing.processes import ROOT, Host

if typing.TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def launch(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a host that is expected to end on its own."""
    return subprocess.run(
        [sys.executable, "-m", "local.host", "--port", "0", "--app", str(folder), *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_listening(tmp_path: Path) -> None:
    """Port 0 picks a free port, which one line tells after the URLs of the functions."""
    app = App(tmp_path, EVENTS)
    with Host(app.settings, app=app.folder) as host:
        lines = host.output().splitlines()
        assert lines.count(f"Listening on {host.url}") == 1
        assert any(
            f"{host.url}/runtime/webhooks/EventGrid?functionName=maintenance_events" in x for x in lines
        )


def test_current_folder(tmp_path: Path) -> None:
    """Without --app the app is the one in the current folder."""
    App(tmp_path, "raise ValueError('this very app')")
    command = [sys.executable, "-m", "local.host", "--port", "0"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stderr) == (1, "this very app\n")


@pytest.mark.parametrize(
    ("environment", "colour"),
    [({}, "green"), ({"COLOUR": "red"}, "red"), ({"COLOUR": ""}, "")],
    ids=["only in the file", "in both", "empty in the environment"],
)
def test_settings_file(tmp_path: Path, environment: dict[str, str], colour: str) -> None:
    """`local.settings.json` fills in what the environment does not have; the environment wins."""
    app = App(tmp_path, EVENTS + 'note("colour", os.environ.get("COLOUR", "none"))')
    settings = {"IsEncrypted": False, "Values": {"COLOUR": "green", "NUMBER": 5}}
    (tmp_path / "local.settings.json").write_text(json.dumps(settings))
    with Host({**app.settings, **environment}, app=app.folder, options=()) as host:
        host.post_event("{}")
    assert app.notes("colour") == [colour]


def test_settings_are_there_at_import(tmp_path: Path) -> None:
    """The settings file is read before the app is imported, and may be another one."""
    App(tmp_path, "raise ValueError(os.environ['COLOUR'])")
    (tmp_path / "other.json").write_text('{"Values": {"COLOUR": "blue"}}')
    ended = launch(tmp_path, "--settings", "other.json")
    assert (ended.returncode, ended.stderr) == (1, "blue\n")


@pytest.mark.parametrize("text", ["{", "[]", '{"Values": 5}', '{"Values": {"COLOUR": {}}}', None])
def test_broken_settings_file(tmp_path: Path, text: str | None) -> None:
    """A settings file that cannot be read stops the start with one sentence that names it."""
    App(tmp_path, EVENTS)
    if text is not None:
        (tmp_path / "mine.json").write_text(text)
    ended = launch(tmp_path, "--settings", "mine.json")
    assert ended.returncode == 1
    assert "mine.json" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_missing_schedule(tmp_path: Path) -> None:
    """A schedule's setting that is missing, empty or wrong stops the start with a sentence that names it."""
    App(tmp_path, '@app.timer_trigger(arg_name="t", schedule="%EVERY%")\ndef tick(t: str) -> None: ...')
    sentence = "EVERY is missing: timer 'tick' takes its schedule from it.\n"
    assert (launch(tmp_path).returncode, launch(tmp_path, EVERY="").stderr) == (1, sentence)
    shown = "The schedule of timer 'tick', %EVERY% ('0 0 24 * * *'), "
    wrong = launch(tmp_path, EVERY="0 0 24 * * *")
    assert (wrong.returncode, wrong.stderr) == (
        1,
        shown + "has 24 for its hour, which goes from 0 to 23.\n",
    )


def test_next_times(tmp_path: Path) -> None:
    """The start prints when each timer comes next, in UTC, whatever else the app has in its folder."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("raise ImportError('not the app itself')")
    App(tmp_path, '@app.timer_trigger(arg_name="t", schedule="%EVERY%")\ndef tick(t: str) -> None: ...')
    with Host({"EVERY": "0 0 0 29 2 *"}, app=tmp_path, timers=True) as host:
        assert re.search(
            r"^  tick: 0 0 0 29 2 \*, next 20\d\d-02-29T00:00:00Z, POST ", host.output(), re.MULTILINE
        )


@pytest.mark.parametrize(
    "failure",
    [
        "class SettingsError(Exception): ...\nraise SettingsError('EMAIL_FROM is missing.')",
        "class SettingsError(Exception): ...\nclass A(SettingsError): ...\nraise A('EMAIL_FROM is missing.')",
        "raise ValueError('EMAIL_FROM is missing.')",
    ],
)
def test_wrong_settings(tmp_path: Path, failure: str) -> None:
    """An app that refuses its settings is told in its own sentence, without a traceback."""
    App(tmp_path, failure)
    ended = launch(tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "EMAIL_FROM is missing.\n")


def test_broken_app(tmp_path: Path) -> None:
    """An app that fails for any other reason is told with the traceback."""
    App(tmp_path, "import no_such_module")
    ended = launch(tmp_path)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "no_such_module" in ended.stderr


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        ("alias = app", "exactly one name"),
        ("del app", "exactly one name"),
        ('@app.event_grid_trigger(arg_name="e")\ndef f(event: str) -> None: ...', "'f'"),
        ('@app.event_grid_trigger(arg_name="e")\ndef f(e: dict) -> None: ...', "cannot bind"),
        ('@app.event_grid_trigger(arg_name="e")\ndef f(e: str | None) -> None: ...', "cannot bind"),
        ('@app.event_grid_trigger(arg_name="e")\nasync def f(e: str) -> None: ...', "async"),
    ],
    ids=["two names", "no app", "another parameter", "dict", "union", "async"],
)
def test_app_that_the_worker_would_not_load(tmp_path: Path, functions: str, words: str) -> None:
    """What the real worker would not load, or this host cannot run, stops the start with one sentence."""
    App(tmp_path, functions)
    ended = launch(tmp_path)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_no_app(tmp_path: Path) -> None:
    """A folder without an app is said to be one."""
    ended = subprocess.run(
        [sys.executable, "-m", "local.host"],
        cwd=tmp_path,
        # Not the repository, which has an app: its `local` alone.
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(_only_local(tmp_path))},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert "There is no function_app.py" in ended.stderr


def _only_local(folder: Path) -> Path:
    (folder / "path").mkdir()
    (folder / "path" / "local").symlink_to(ROOT / "local")
    return folder / "path"


def test_other_triggers(tmp_path: Path) -> None:
    """A function with a trigger that this host does not know is left out, with a warning."""
    queue = '@app.queue_trigger("message", "jobs", "Storage")\ndef job(message: str) -> None: ...\n'
    app = App(tmp_path, EVENTS + queue)
    with Host(app.settings, app=app.folder) as host:
        assert "'job' is not served here" in host.output()
        assert host.post_event("{}").status == 202


def test_thread_count(tmp_path: Path) -> None:
    """PYTHON_THREADPOOL_THREAD_COUNT is how many functions run at once; nonsense stops the start."""
    app = App(tmp_path, EVENTS)
    with Host({**app.settings, "PYTHON_THREADPOOL_THREAD_COUNT": "1"}, app=app.folder) as host:
        started = time.monotonic()
        assert host.post_event('[{"seconds":0.2},{"seconds":0.2}]').status == 202
        assert time.monotonic() - started >= 0.4
    assert "PYTHON_THREADPOOL_THREAD_COUNT" in launch(tmp_path, PYTHON_THREADPOOL_THREAD_COUNT="x").stderr


def test_port_in_use(tmp_path: Path) -> None:
    """A port that is taken is told in one sentence."""
    App(tmp_path, EVENTS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = launch(tmp_path, "--port", str(port))
    said = "Address already in use. Is another host running? --port takes another."
    assert (ended.returncode, ended.stderr) == (1, f"Port {port} cannot be used: {said}\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_clean_end(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end the host with 0 after the requests under way have been answered."""
    app = App(tmp_path, EVENTS)
    with Host(app.settings, app=app.folder) as host, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(host.post_event, '{"seconds":0.5}')
        assert soon(lambda: bool(app.notes("begun")))
        os.kill(host.pid, number)
        assert answer.result().status == 202
        assert host.wait() == 0
        assert "Traceback" not in host.output()


def test_quiet(tmp_path: Path) -> None:
    """With --quiet only warnings and errors are logged."""
    app = App(tmp_path, EVENTS)
    with Host(app.settings, app=app.folder, options=("--quiet",)) as host:
        assert host.post_event("{}").status == 202
        assert "Executing" not in host.output()


def test_bounded_end() -> None:
    """A run that does not end holds the host up for a bounded time only."""
    release, begun = threading.Event(), threading.Event()

    def body(event: object) -> None:
        begun.set()
        release.wait(10)

    invoker = Invoker(1)
    function = Function("stuck", {"type": "eventGridTrigger", "name": "event"}, body, str)
    future = invoker.start(function, "{}")
    assert begun.wait(10)
    assert not invoker.close(0.05)
    release.set()
    future.result()
    assert invoker.close(5)
