"""How timers fire in the local host, one rule a test."""

from __future__ import annotations

import typing
from concurrent.futures import ThreadPoolExecutor

import pytest

from testing.apps import App, soon
from testing.processes import Host

if typing.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

FUNCTIONS = """
@app.timer_trigger(arg_name="timer", schedule="%TICKS%")
def ticking(timer: func.TimerRequest) -> None:
    note("ticking", str(time.time() % 1))
    note("request", f"{isinstance(timer, func.TimerRequest)} {timer.past_due} {timer.schedule}")

@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
def failing(timer: str) -> None:
    note("failing", timer)
    raise RuntimeError("not this time")

@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
def slow(timer: func.TimerRequest) -> None:
    note("slow", "begin")
    time.sleep(0.7)
    note("slow", "end")

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def at_start(timer: func.TimerRequest) -> None:
    note("at_start", "run")
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """Timers for every second, in all the ways that a test asks for."""
    return App(tmp_path_factory.mktemp("timers"), FUNCTIONS)


@pytest.fixture(scope="module")
def host(app: App) -> Iterator[Host]:
    """Fire them, for all tests of this file."""
    settings = {**app.settings, "TICKS": "* * * * * *", "PYTHON_THREADPOOL_THREAD_COUNT": "8"}
    with Host(settings, app=app.folder, timers=True) as host:
        yield host


def test_schedule(host: Host, app: App) -> None:
    """A timer fires at the moments of its schedule, which may be an app setting."""
    assert soon(lambda: len(app.notes("ticking")) >= 2)
    # Never early: a run just before the second would be followed by one right after it.
    assert all(float(fraction) < 0.9 for fraction in app.notes("ticking"))


def test_request(host: Host, app: App) -> None:
    """A timer function gets the library's TimerRequest, not past due."""
    assert soon(lambda: len(app.notes("request")) >= 1)
    assert app.notes("request")[0] == "True False {'AdjustForDST': True}"


def test_errors(host: Host, app: App) -> None:
    """A run that fails never stops the schedule; a function that asks for text gets the host's JSON."""
    assert soon(lambda: len(app.notes("failing")) >= 2)
    assert app.notes("failing")[0].endswith('"IsPastDue":false}')


def test_no_overlap(host: Host, app: App) -> None:
    """Runs of one timer never overlap, whether the schedule or a person starts them."""
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: host.run("slow").status, range(3)))
    assert answers == [202, 202, 202]
    notes = app.notes("slow")
    assert len(notes) >= 6
    assert set(notes[0::2]) == {"begin"}
    assert set(notes[1::2]) == {"end"}


def test_run_on_startup(host: Host, app: App) -> None:
    """A timer that asks for it runs when the host starts."""
    assert soon(lambda: app.notes("at_start") == ["run"])


def test_no_timers(tmp_path: Path) -> None:
    """With --no-timers nothing fires and no schedule is needed; a run by hand still works."""
    app = App(tmp_path, FUNCTIONS)
    with Host(app.settings, app=app.folder) as host:
        assert not soon(lambda: bool(app.notes("ticking") or app.notes("at_start")), seconds=1.2)
        assert host.run("ticking").status == 202
        assert len(app.notes("ticking")) == 1
