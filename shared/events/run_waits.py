"""Whether an update run waits for something that nobody sees to. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.events.run import RunFacts, RunNews, RunStatus
from shared.events.run_news import MAX_LISTED_MEMBERS, MAX_MESSAGE_CHARACTERS, event_of
from shared.events.update_run import PENDING, RUNNING, STOPPING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from shared.events.model import Event
    from shared.events.update_run import PolledGate, UpdateRun

LONG_WAIT = timedelta(days=1)
UNASKED_AFTER = timedelta(minutes=30)
"""An event of a gate that has not come by then is not likely to come."""

_UNDER_WAY = frozenset({RUNNING, PENDING, STOPPING})


def unasked(run: UpdateRun, known: Collection[str], now: datetime) -> list[PolledGate]:
    """Return the gates that wait and of which no event came in time; `known` names those of which one did.

    Names are in lower case.
    """
    return [
        gate
        for _, _, gate in run.gates
        if gate.state.name == PENDING
        and gate.name.lower() not in known
        and now - (gate.state.start or _last(run, now)) >= UNASKED_AFTER
    ]


def may_be_stuck(run: UpdateRun, now: datetime, ended: datetime | None = None) -> bool:
    """Return whether a run has waited long enough for its gates to be looked up.

    `ended` is when one that goes on again had ended.
    """
    if run.state.name not in _UNDER_WAY:
        return False
    return bool(unasked(run, (), now)) or _waits_long(run, now, ended)


def stuck(
    run: UpdateRun,
    unknown: Sequence[PolledGate],
    reminded: Collection[str],
    now: datetime,
    ended: datetime | None = None,
) -> Event | None:
    """Return the event that a run is stuck; None where it goes on, or people are reminded of its gate.

    `unknown` are gates of which nobody was asked, `reminded` names, in lower case, those that people are
    reminded of; `ended` is when a run that goes on again had ended.
    """
    last = _last(run, now, ended)
    pending = [gate for _, _, gate in run.gates if gate.state.name == PENDING]
    if unknown:
        attempt = " ".join(gate.name.lower() for gate in unknown)
        waits = [f"gate “{gate.title or gate.name}”, of which no event has come" for gate in unknown]
    elif any(gate.name.lower() in reminded for gate in pending) or not _waits_long(run, now, ended):
        return None
    else:
        attempt = str(last)
        waits = [f"gate “{gate.title or gate.name}”" for gate in pending]
        waits += [
            f"{member.name}: {member.message or member.state.message or 'no reason given'}"
            for member in run.members
            if member.state.name == PENDING
        ]
    shown = tuple(wait[:MAX_MESSAGE_CHARACTERS] for wait in waits[:MAX_LISTED_MEMBERS])
    facts = RunFacts(attempt=attempt, waits=shown)
    return event_of(run, RunStatus.RUN_STUCK, RunNews.RUN_STUCK, facts, at=last)


def _waits_long(run: UpdateRun, now: datetime, ended: datetime | None) -> bool:
    if any(member.state.name == RUNNING for member in run.members):
        return False
    return now - _last(run, now, ended) - _planned_wait(run) >= LONG_WAIT


def _last(run: UpdateRun, now: datetime, ended: datetime | None = None) -> datetime:
    """Return when something last began or ended in a run; now where nothing says so."""
    states = [run.state, *(gate.state for _, _, gate in run.gates)]
    for stage in run.stages:
        states += [stage.state, stage.wait, *(group.state for group in stage.groups)]
        states += [member.state for member in stage.members]
    times = (ended, *(time for state in states for time in (state.start, state.end)))
    return max((time for time in times if time is not None and time <= now), default=now)


def _planned_wait(run: UpdateRun) -> timedelta:
    """Return how long a run waits by plan, behind a stage that is done."""
    waiting = (stage.wait_seconds for stage in run.stages if stage.wait.name in _UNDER_WAY)
    return timedelta(seconds=max(waiting, default=0))
