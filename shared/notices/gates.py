"""Gates of update runs: which of their events are news, and how long people are reminded. Pure.

Events come in any order and more than once, and a run that is abandoned leaves its gates pending for ever.
What counts is the time that each event bears: an end is an end for all that was pending before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import ids, keys
from shared.events.run import GATE_ENDS, RUN_ENDS, RunStatus
from shared.notices.kinds import Decision, Kind
from shared.notices.records import Check

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from shared.events.model import Event
    from shared.notices.records import Notice, StoredEvent

MAX_REMINDERS = 3
"""So often people are reminded of a gate where nobody polls the runs, which would end it."""


def gate_of(key: str) -> str:
    """Return what the rows of one gate have in common in their keys."""
    status = key.removeprefix(keys.history_of(key)).partition(":")[0]
    return f"{keys.history_of(key)}{status.partition('.')[2]}"


def decide(event: Event, history: Iterable[StoredEvent]) -> tuple[Decision, int]:
    """Return what an event of a gate is, given what is stored of its run, and the revision of its row."""
    known_of_run = tuple(history)
    of_gate = [row for row in known_of_run if gate_of(row.key) == gate_of(event.row_key())]
    same = [row for row in of_gate if row.event.status == event.status]
    revision = 1 + max((row.revision for row in same), default=-1)
    if any(row.event.envelope_id == event.envelope_id != "" for row in same):
        return Decision.DUPLICATE, revision
    before = [row for row in of_gate if row.event.updated <= event.updated]
    ends = [row for row in of_gate if row.event.status in GATE_ENDS]
    if event.status == RunStatus.GATE_PENDING:
        if any(row.event.updated >= event.updated for row in ends) or _is_over(event, known_of_run):
            return Decision.STALE, revision
        last = max(of_gate, key=lambda row: row.event.updated, default=None)
        is_waiting = last is not None and _waits(last.event, known_of_run)
        return (Decision.DUPLICATE if is_waiting else Decision.NEW), revision
    if event.status == RunStatus.GATE_NOT_STARTED:
        return (Decision.DUPLICATE if same else Decision.RECORDED), revision
    if event.status not in GATE_ENDS:  # a state that is new to us
        return (Decision.DUPLICATE if same else Decision.NEW), revision
    questions = (row for row in before if row.event.status == RunStatus.GATE_PENDING)
    asked = [row for row in questions if row.decision == Decision.NEW]
    last_asked = max((row.event.updated for row in asked), default=None)
    if any(last_asked is None or row.event.updated >= last_asked for row in ends):
        # It has ended before. Another end of it, its deletion after all, is no news.
        return (Decision.DUPLICATE if same else Decision.RECORDED), revision
    return (Decision.NEW if asked else Decision.RECORDED), revision


def turn(event: Event, history: Iterable[StoredEvent]) -> tuple[str, ...]:
    """Return the mark that keeps two instances from deciding at once on events of one gate; else empty.

    Whether an answer is told hangs on whether the question was: of two that know the same of a gate, only the
    first leaves this mark, and the other decides again. It names what was known, so that it is left once.
    """
    if event.run is None or event.run.gate is None:
        return ()
    gate = gate_of(event.row_key())
    return (keys.told_of_gate(gate, (row.key for row in history if gate_of(row.key) == gate)),)


def is_waiting(key: str, known: Iterable[StoredEvent]) -> bool:
    """Return whether the gate still waits that a row tells to be pending."""
    history = tuple(known)
    of_gate = [row for row in history if gate_of(row.key) == gate_of(key)]
    last = max(of_gate, key=lambda row: (row.event.updated, row.event.status in GATE_ENDS), default=None)
    if last is None or last.key != key:
        return False
    return not _is_reissued(last.event, history) and not _is_over(last.event, history)


def _waits(event: Event, history: Iterable[StoredEvent]) -> bool:
    """Return whether the last event of a gate says that it waits, and its run has not ended since."""
    return event.status == RunStatus.GATE_PENDING and not _is_over(event, history)


def _is_over(event: Event, history: Iterable[StoredEvent]) -> bool:
    """Return whether the run has ended since: then its gates stay pending for ever."""
    return any(row.event.status in RUN_ENDS and row.event.updated >= event.updated for row in history)


def known(history: Iterable[StoredEvent]) -> frozenset[str]:
    """Return the names, in lower case, of the gates of a run of which an event has come.

    A question lapses with the end of the run: one that goes on again waits for another event of its gate.
    """
    rows = tuple(history)
    gates = ((row.event, row.event.run.gate) for row in rows if row.event.run and row.event.run.gate)
    return frozenset(
        gate.name.lower()
        for event, gate in gates
        if gate.type and (event.status != RunStatus.GATE_PENDING or _waits(event, rows))
    )


def since(history: Iterable[StoredEvent], start: datetime, now: datetime) -> datetime:
    """Return since when a gate asks that waits since `start`: a run that goes on again asks anew."""
    return (
        now if any(row.event.status in RUN_ENDS and row.event.updated >= start for row in history) else start
    )


def reminded(history: Iterable[StoredEvent], now: datetime, *, by_notices: bool = True) -> frozenset[str]:
    """Return the names, in lower case, of the gates of a run that somebody sees to.

    People are reminded of them, if `by_notices`, or they open by themselves at a time that lies ahead.
    """
    rows = tuple(history)
    waiting = (row.event for row in rows if row.event.run and is_waiting(row.key, rows))
    return frozenset(
        event.run.gate.name.lower()
        for event in waiting
        if event.run
        and event.run.gate
        and ((by_notices and event.run.gate.asks_people) or (event.start and event.start > now))
    )


def _is_reissued(event: Event, history: Iterable[StoredEvent]) -> bool:
    """Return whether another gate stands in a gate's place since: a run begun again makes its gates anew."""
    return any(
        row.event.status == RunStatus.GATE_PENDING
        and row.event.updated > event.updated
        and _place(row.event) == _place(event) is not None
        for row in history
    )


def _place(event: Event) -> tuple[str, ...] | None:
    run = event.run
    if run is None or run.gate is None:
        return None
    place = (run.name, run.stage, run.group, run.gate.timing, run.gate.title, run.gate.type)
    return tuple(part.lower() for part in place)


def reminder(event: Event, key: str, number: int, after: timedelta, now: datetime) -> tuple[Check, ...]:
    """Return the check behind the `number`th reminder of a gate: `after` the notice, then twice as long each.

    Empty for a gate that nobody can approve, or where the setting asks for no reminder.
    """
    gate = event.run.gate if event.run else None
    if not after or gate is None or not gate.asks_people:
        return ()
    try:
        due = now + after * 2 ** (number - 1)
    except OverflowError:
        return ()
    lead = str(number)
    return (Check(ids.check_id(key, Kind.GATE, lead), Kind.GATE, key, due, lead),)


def unasked(notices: Iterable[Notice]) -> set[str]:
    """Return the ids of notices that a gate is closed whose question goes out only now, or not at all."""
    told = list(notices)
    asked = {gate_of(notice.key) for notice in told if notice.kind is Kind.GATE and not notice.lead}
    return {notice.id for notice in told if notice.kind is Kind.GATE_CLOSED and gate_of(notice.key) in asked}
