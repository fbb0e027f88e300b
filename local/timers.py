"""Timers that fire by their NCRONTAB schedule, as the real host's timer trigger does."""

from __future__ import annotations

import importlib.util
import json
import logging
import re
import threading
import typing
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from local.functions import TIMER, Function, LoadError

if typing.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.functions import Invoke
    from shared.ncrontab import TimerSchedule

INFO = json.dumps(
    {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}, separators=(",", ":")
)
"""What the host hands to a timer function. No status: nothing here remembers past runs between starts."""

_log = logging.getLogger("host")


@cache
def _reader() -> type[TimerSchedule]:
    """Load this checkout's reader of schedules by its place: the app served may be another release."""
    place = Path(__file__).resolve().parents[1] / "shared" / "ncrontab.py"
    spec = importlib.util.spec_from_file_location("local.ncrontab", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    reader: type[TimerSchedule] = module.TimerSchedule
    return reader


def schedule_of(function: Function, environment: Mapping[str, str]) -> TimerSchedule:
    """Read a timer's schedule, its `%SETTING%` taken from the environment.

    Raises `LoadError` for a missing setting and for a wrong schedule.
    """
    text = given = str(function.trigger["schedule"])
    for name in re.findall(r"%([^%]+)%", given):
        value = environment.get(name, "")
        if not value:
            raise LoadError(f"{name} is missing: timer '{function.name}' takes its schedule from it.")
        text = text.replace(f"%{name}%", value)
    try:
        return _reader().parse(text)
    except ValueError as error:
        shown = f"{text!r}" if text == given else f"{given} ({text!r})"
        raise LoadError(f"The schedule of timer '{function.name}', {shown}, {error}.") from error


class Timers:
    """One thread per timer function that starts it at each tick and waits for its end.

    Ticks that pass during a run are skipped, not queued, and an error never stops the schedule.
    """

    def __init__(self, functions: Iterable[Function], invoke: Invoke, environment: Mapping[str, str]) -> None:
        """Raise `LoadError` where a schedule cannot be read."""
        self._invoke = invoke
        self._stop = threading.Event()
        timers = [function for function in functions if function.kind == TIMER]
        self._schedules = {function.name: schedule_of(function, environment) for function in timers}
        self._threads = [
            threading.Thread(target=self._tick, args=(function, self._schedules[function.name]), daemon=True)
            for function in timers
        ]

    def next_times(self, now: datetime) -> dict[str, datetime]:
        """Return when each timer fires next, by its function's name."""
        return {name: schedule.next(now) for name, schedule in self._schedules.items()}

    def start(self) -> None:
        """Begin to fire."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Fire no more; a run that is under way goes on."""
        self._stop.set()

    def _tick(self, function: Function, schedule: TimerSchedule) -> None:
        if function.trigger.get("runOnStartup"):
            self._run(function)
        while not self._stop.is_set():
            due = schedule.next(datetime.now(UTC))
            if not self._reached(due):
                return
            self._run(function)

    def _reached(self, due: datetime) -> bool:
        """Wait for that moment; False if the timers were stopped before it."""
        while (left := (due - datetime.now(UTC)).total_seconds()) > 0:
            # In short steps: a wall clock that is set, or a laptop that slept, must not stall the schedule.
            if self._stop.wait(min(left, 5.0)):
                return False
        return not self._stop.is_set()

    def _run(self, function: Function) -> None:
        try:
            self._invoke(function, INFO).result()
        except CancelledError:
            _log.debug("The host ends before '%s' could run.", function.name)
        except Exception as error:  # noqa: BLE001 - logged with its traceback by the invocation
            _log.debug("Timer '%s' goes on after: %s", function.name, error)
