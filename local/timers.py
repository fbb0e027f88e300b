"""Timers that fire by their NCRONTAB schedule, as the real host's timer trigger does."""

from __future__ import annotations

import json
import logging
import re
import threading
import typing
from concurrent.futures import CancelledError
from datetime import UTC, datetime

from croniter import CroniterError, croniter

from local.functions import TIMER, Function, LoadError

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

INFO = json.dumps(
    {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}, separators=(",", ":")
)
"""What the host hands to a timer function. No status: nothing here remembers past runs between starts."""

_FIELDS = 6
_log = logging.getLogger("host")


class Schedule:
    """An NCRONTAB expression of six fields: second, minute, hour, day, month, weekday; in UTC."""

    def __init__(self, expression: str) -> None:
        """Raise `ValueError` for what is not such an expression."""
        if len(expression.split()) != _FIELDS:
            raise ValueError(f"{expression!r} does not have the six fields of NCRONTAB")
        self._expression = expression
        self.next(datetime.now(UTC))

    def next(self, after: datetime) -> datetime:
        """Return the first moment later than `after`."""
        try:
            # NCRONTAB wants both the day and the weekday to match where cron takes either.
            ticks = croniter(self._expression, after, second_at_beginning=True, day_or=False)
            moment: datetime = ticks.get_next(datetime)
        except CroniterError as error:
            raise ValueError(f"{self._expression!r} is not NCRONTAB: {error}") from error
        return moment


def resolve(function: Function, environment: Mapping[str, str]) -> Schedule:
    """Read a timer's schedule, its `%SETTING%` taken from the environment.

    Raises `LoadError` for a missing setting and for a wrong schedule.
    """
    text = str(function.trigger["schedule"])
    for name in re.findall(r"%([^%]+)%", text):
        value = environment.get(name, "")
        if not value:
            raise LoadError(f"{name} is missing: timer '{function.name}' takes its schedule from it.")
        text = text.replace(f"%{name}%", value)
    try:
        return Schedule(text)
    except ValueError as error:
        raise LoadError(
            f"The schedule of timer '{function.name}', {function.trigger['schedule']}: {error}."
        ) from error


class Timers:
    """One thread per timer function that starts it at each tick and waits for its end.

    Ticks that pass during a run are skipped, not queued, and an error never stops the schedule.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        invoke: Callable[[Function, str], Future[None]],
        environment: Mapping[str, str],
    ) -> None:
        self._invoke = invoke
        self._stop = threading.Event()
        timers = [function for function in functions if function.kind == TIMER]
        self._threads = [
            threading.Thread(target=self._tick, args=(function, resolve(function, environment)), daemon=True)
            for function in timers
        ]

    def start(self) -> None:
        """Begin to fire."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Fire no more; a run that is under way goes on."""
        self._stop.set()

    def _tick(self, function: Function, schedule: Schedule) -> None:
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
