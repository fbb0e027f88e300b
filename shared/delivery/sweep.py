"""The sweep: whatever has fallen due becomes notices, mails, and messages that have left.

    checks          -> are they still true? then notices, for the audiences of that moment
    mails, notices  -> to the lane of their target, which sends them

A sweep may meet another one, on another instance or after a crash, at any point: every step is a transaction
that only one of them can make.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from shared.audience import notices_for
from shared.decision_log import log_decision
from shared.delivery.lane import Lane
from shared.delivery.progress import Progress, SweepResult, Turns, alone
from shared.delivery.work import read_work
from shared.durations import ahead
from shared.events.envelope import parse
from shared.notices.kinds import Decision, Kind
from shared.notices.planning import escalated_to, next_check
from shared.notices.records import StoredEvent, upgrade_of
from shared.notices.validity import still_true
from shared.store.reader import THREADS, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.audience import Destination
    from shared.delivery.parts import DeliveryParts
    from shared.events.model import DeliveredItem
    from shared.notices.planning import Watch
    from shared.notices.records import Check
    from shared.store.rows import CheckRow, SpreadRow

log = logging.getLogger("notifier")

CHECK_SECONDS = 15.0
"""So much of a sweep is for checks, though one is looked at in any case: they do not keep mail."""

MAX_SKEW_SECONDS = 60
"""Seconds that clocks may be apart before it is worth a warning."""

MAX_LOOKAHEAD = timedelta(minutes=5)
"""How much longer a notice may have to wait and still go along with others."""

MAX_LANES = 16
"""Targets that are sent to at the same time."""


class Sweeper:
    """Sweeps the store. One call at a time; several processes may sweep at once."""

    def __init__(
        self, parts: DeliveryParts, *, record_one: Callable[[DeliveredItem], Decision], watch: Watch
    ) -> None:
        """`record_one` records an event for one of the clusters that it names."""
        self._parts = parts
        self._record_one = record_one
        self._watch = watch
        waits = [
            parts.grouping.of(audience, target.key).wait
            for audience in parts.routes.audiences.values()
            for target in audience.targets
        ]
        self._lookahead = min(max(waits), MAX_LOOKAHEAD)
        self._turns = Turns()

    def sweep(self) -> SweepResult:
        """Do what is due, as far as time goes; where there was work, less of it is left.

        Raises TableUnavailable; what was not done by then is still due. One round trip where nothing is due,
        however many rows are stored.
        """
        parts = self._parts
        started = parts.clock.monotonic()
        work = read_work(parts, self._lookahead)
        self._compare_clocks(result := SweepResult())
        parts.limiter.see(work.gates)
        paused = {gate.target for gate in work.gates if gate.until > work.server_time}
        result.found = len(work.checks) + len(work.mails) + sum(map(len, work.notices.values()))
        result.paused = bool(paused)
        made = self._spread(work.spreads, started) | self._check(work.checks, started, result)
        lanes = [
            Lane(
                target,
                parts,
                self._turns,
                Progress(parts.clock, started, paused=target in paused),
                work,
                read=partial(read_work, parts, self._lookahead),
                is_outdated=target in made,
            )
            for target in sorted(work.targets() | made)
        ]
        self._run(lanes)
        for lane in lanes:
            result.add(lane.progress.result)
        return result

    def _compare_clocks(self, result: SweepResult) -> None:
        """Warn where this machine's clock is not the table's."""
        result.ahead = round(self._parts.clock.ahead())
        if abs(result.ahead) >= MAX_SKEW_SECONDS:
            log.warning(
                "the clock of this machine is %s seconds ahead of the table's, which counts", result.ahead
            )

    def _run(self, lanes: Sequence[Lane]) -> None:
        """Run lanes side by side; one that fails for want of the table does so after the others are done."""
        if len(lanes) == 1:
            lanes[0].run()
        elif lanes:
            from concurrent.futures import ThreadPoolExecutor  # not at a cold start

            with ThreadPoolExecutor(min(MAX_LANES, len(lanes))) as pool:
                for future in [pool.submit(lane.run) for lane in lanes]:
                    future.result()

    def _spread(self, rows: Sequence[SpreadRow], started: float) -> set[str]:
        """Record events for each of the clusters that they name; return the targets that may have notices.

        What the time for it does not suffice for is left to the next sweep.
        """
        made = False
        for row in rows:
            with alone(row.key):
                items = parse(row.raw, row.received)
                for number, item in enumerate(items[row.done :], row.done):
                    if made and self._parts.clock.monotonic() - started > CHECK_SECONDS:
                        self._parts.store.spread_on(row, number)
                        break
                    made |= self._record_one(item) is not Decision.DUPLICATE
                else:
                    self._parts.store.spread_over(row)
        return set(self._parts.routes.targets()) if made else set()

    def _check(self, checks: Sequence[CheckRow], started: float, result: SweepResult) -> set[str]:
        """Turn checks into notices, or drop them; return the targets that have notices afterwards."""
        parts, now = self._parts, self._parts.clock.now()
        reader = Reader(parts.store)
        made: set[str] = set()
        # After an outage several reminders of one start may be due at once: only the last of them is told.
        last: dict[str, timedelta] = {}
        for row in checks:
            if row.check.kind is Kind.REMINDER:
                lead = ahead(row.check.lead)
                last[row.check.key] = min(lead, last.get(row.check.key, lead))
        for number, row in enumerate(checks):
            if result.checked and parts.clock.monotonic() - started > CHECK_SECONDS:
                break
            if number % THREADS == 0:
                reader.fetch(one.check.key for one in checks[number : number + THREADS])
            check = row.check
            with alone(row.key):
                history = reader.history(check.key)
                if any(known.key == check.key and not known.is_complete for known in history):
                    continue  # whether it is true cannot be told: it stays until it can
                true = still_true(check, history, now)
                if check.kind is Kind.REMINDER and ahead(check.lead) > last[check.key]:
                    true = False
                told = self._told(check, reader) if true else ()
                notices = notices_for(told, check.kind, check.key, check.lead)
                of = reader.row(check.key) if true else None
                following = (
                    next_check(check, of.event, self._watch, now) if isinstance(of, StoredEvent) else ()
                )
                if not parts.store.resolve(row, notices, now, following):
                    continue  # another instance was faster
                result.checked += 1
                made |= {notice.target for notice in notices}
                decision = Decision.DUE if true else Decision.SUPERSEDED
                log_decision(decision, check.key, check=check.kind, lead=check.lead)
        return made

    def _told(self, check: Check, reader: Reader) -> tuple[Destination, ...]:
        """Return who hears, at this moment, of what a check has come to, and where."""
        row = reader.row(check.key)
        if to := escalated_to(check.lead):
            audiences: tuple[str, ...] = (self._parts.routes.audience(to).id,)
        elif isinstance(row, StoredEvent):
            told = msgspec.structs.replace(
                row.event, upgrade=upgrade_of(row.event, reader.history(check.key))
            )
            told = self._parts.clusters.tagged(told, reader)
            audiences = self._parts.routes.audiences_for(told, check.kind, check.lead)
        else:
            audiences = tuple(self._parts.routes.audiences)  # it cannot be read: better all than nobody
        return self._parts.routes.destinations(audiences, check.kind)


def summary(sweep: SweepResult) -> str:
    """Return a sweep's numbers as one line, for the log."""
    counts = {field: value for field, value in msgspec.structs.asdict(sweep).items() if value}
    return "sweep: " + (", ".join(f"{field}={value}" for field, value in counts.items()) or "nothing due")
