"""What is new of an update run, given what was known of it and what was polled. Pure.

Everything that a state implies is an event with a key of its own: a stage that is finished, a member that has
failed, an end. So whatever was polled in between, the same things are told, once; only that a run has started
falls away where it is over when it is first seen.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.events.fleet_gate import SOURCE
from shared.events.model import Event
from shared.events.run import Gate, MemberFailure, RunFacts, RunNews, RunStatus, StageFacts, run_id
from shared.events.update_run import COMPLETED, ENDED, FAILED, NOT_STARTED, PENDING, SKIPPED, STOPPED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.events.update_run import Member, PolledGate, Stage, State, UpdateGroup, UpdateRun

_MAX_STAGES = 30
MAX_LISTED_MEMBERS = 20
MAX_MESSAGE_CHARACTERS = 300
_MARK_CHARACTERS = 12


class KnownRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a run from polls before."""

    state: str = ""
    attempt: int = 0
    """How often it has gone on after it had ended."""
    is_history: bool = False
    """Whether it had ended before anybody looked: what is new of it is recorded, and not told."""
    ended: datetime | None = None
    """When it last ended."""
    told: tuple[str, ...] = ()
    """Marks of the events that are recorded."""

    def has(self, event: Event) -> bool:
        """Return whether an event is recorded."""
        return mark(event) in self.told

    def with_told(self, events: Iterable[Event]) -> KnownRun:
        """Return the same with more events that are recorded."""
        return msgspec.structs.replace(self, told=tuple(dict.fromkeys((*self.told, *map(mark, events)))))


def id_of(run: UpdateRun) -> str:
    """Return what all events of a run have in common, those of its gates among them."""
    return run_id(run.fleet.id, run.name)


def mark(event: Event) -> str:
    """Return a short name for an event's row."""
    return keys.digest(event.row_key())[:_MARK_CHARACTERS]


def polled(known: KnownRun, run: UpdateRun) -> KnownRun:
    """Return what is known once a run was polled, before its events are recorded."""
    is_resumed = known.state in ENDED and run.state.name not in ENDED
    return msgspec.structs.replace(
        known,
        state=run.state.name,
        attempt=known.attempt + is_resumed,
        ended=run.state.end if run.state.name in ENDED else known.ended,
        is_history=known.is_history and not is_resumed,
    )


OLD = timedelta(days=7)
"""A run that ended so long ago and is not remembered is history."""


def is_history(run: UpdateRun, first: datetime | None, now: datetime) -> bool:
    """Return whether a run that is new had ended before anybody looked, which was `first` if at all."""
    ended = run.state.end or run.state.start
    if run.state.name not in ENDED:
        return False
    if first is None or ended is None:
        return first is None
    return ended < first or now - ended > OLD


def news(known: KnownRun, run: UpdateRun, now: datetime) -> list[Event]:
    """Return the events that a polled run implies and that are not recorded, in the order they came to be."""
    found = (event for event in _implied(polled(known, run), run, now) if not known.has(event))
    return sorted(found, key=lambda event: event.updated)


def _implied(known: KnownRun, run: UpdateRun, now: datetime) -> Iterator[Event]:
    state = run.state
    again = f" {known.attempt}" if known.attempt else ""
    if state.name not in {"", NOT_STARTED} | ENDED:
        begun = RunFacts(attempt=f"{state.start}{again}")
        is_anew = known.ended is not None and state.start is not None and state.start <= known.ended
        since = now if is_anew else state.start or now
        event = event_of(run, RunStatus.RUN_STARTED, RunNews.RUN_STARTED, begun, at=since)
        yield from _once(known, event, f"None{again}")
    for stage, group, gate in run.gates:
        if gate.state.name in _GATES:
            yield _gate(run, stage, group, gate, now)
    for stage in run.stages:
        for group in stage.groups:
            for member in group.members:
                if member.state.name == FAILED:
                    yield from _once(
                        known, _member(run, stage, group, member, now), *member.state.earlier_marks
                    )
        if stage.state.name == COMPLETED:
            facts = RunFacts(stage=stage.name, attempt=stage.state.marks)
            at = stage.state.end or now
            event = event_of(run, RunStatus.STAGE_COMPLETED, RunNews.STAGE_FINISHED, facts, at=at)
            yield from _once(known, event, *stage.state.earlier_marks)
    if state.name in _ENDS:
        status, kind = _ENDS[state.name]
        has_failures = run.failures > 0 or any(member.state.name == FAILED for member in run.members)
        if state.name == COMPLETED and has_failures:
            kind = RunNews.RUN_FAILED  # with maxAllowedFailures a run completes whatever has failed
        ended = RunFacts(attempt=f"{state.marks}{again}")
        event = event_of(run, status, kind, ended, at=state.end or now, error=_error(state))
        yield from _once(known, event, *(f"{marks}{again}" for marks in state.earlier_marks))


def _once(known: KnownRun, event: Event, *earlier: str) -> Iterator[Event]:
    """Yield an event, unless it was told when less was known of its times: as one of these attempts."""
    told = (_as_attempt(event, attempt) for attempt in earlier)
    if not any(known.has(one) for one in told if one != event):
        yield event


def _as_attempt(event: Event, attempt: str) -> Event:
    run = msgspec.structs.replace(event.run, attempt=attempt) if event.run else None
    return msgspec.structs.replace(event, run=run)


_ENDS = {
    STOPPED: (RunStatus.RUN_STOPPED, RunNews.RUN_STOPPED),
    SKIPPED: (RunStatus.RUN_SKIPPED, RunNews.RUN_STOPPED),
    FAILED: (RunStatus.RUN_FAILED, RunNews.RUN_FAILED),
    COMPLETED: (RunStatus.RUN_COMPLETED, RunNews.RUN_COMPLETED),
}
_GATES = {COMPLETED: RunStatus.GATE_COMPLETED, SKIPPED: RunStatus.GATE_SKIPPED}


def event_of(
    run: UpdateRun, status: RunStatus, news_: RunNews, facts: RunFacts, *, at: datetime, error: str = ""
) -> Event:
    """Return an event of a run; to the facts that tell it from others come those that all of them bear."""
    facts = msgspec.structs.replace(
        facts,
        name=run.name,
        target=run.target,
        stages=tuple(map(_counted, run.stages[:_MAX_STAGES])),
        failed=() if facts.member else tuple(_failures(run, facts.stage)),
        failures=run.failures,
    )
    return Event(
        event_id=id_of(run),
        status=status,
        subject=run.fleet,
        time=at,
        updated=at,
        upgrade=run.upgrade,
        description=str(status),
        source=SOURCE,
        details=error,
        news=news_,
        run=facts,
    )


def _error(state: State, instead: str = "") -> str:
    """Return an error in the form in which Azure writes one; empty where there is none."""
    error = {"code": state.code, "message": state.message or instead}
    return json.dumps({"error": error}) if any(error.values()) else ""


def _member(run: UpdateRun, stage: Stage, group: UpdateGroup, member: Member, now: datetime) -> Event:
    facts = RunFacts(
        stage=stage.name,
        group=group.name,
        member=member.name,
        member_id=member.cluster_id,
        attempt=member.state.marks,
    )
    error = _error(member.state, member.message)
    at = member.state.end or now
    return event_of(run, RunStatus.MEMBER_FAILED, RunNews.MEMBER_FAILED, facts, at=at, error=error)


def _gate(run: UpdateRun, stage: Stage, group: UpdateGroup | None, gate: PolledGate, now: datetime) -> Event:
    facts = RunFacts(
        stage=stage.name,
        group=group.name if group else "",
        gate=Gate(gate.name, gate.title, timing=gate.timing),
    )
    at = gate.state.end or now
    return event_of(run, _GATES[gate.state.name], RunNews.GATE_CLOSED, facts, at=at)


def _counted(stage: Stage) -> StageFacts:
    """Return a stage in numbers."""
    states = [member.state.name for member in stage.members]
    return StageFacts(
        name=stage.name,
        state=stage.state.name,
        members=len(states),
        done=states.count(COMPLETED),
        failed=states.count(FAILED),
        skipped=states.count(SKIPPED),
        waiting=states.count(PENDING),
    )


def _failures(run: UpdateRun, stage: str) -> Iterator[MemberFailure]:
    """Return the members that have failed, of one stage where it is named, as far as a mail lists them."""
    found = (
        MemberFailure(
            member.name, member.cluster_id, member.state.code, member.state.message[:MAX_MESSAGE_CHARACTERS]
        )
        for one in run.stages
        if not stage or one.name == stage
        for member in one.members
        if member.state.name == FAILED
    )
    return islice(found, MAX_LISTED_MEMBERS)
