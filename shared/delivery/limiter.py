"""How much each target takes, and how much has been sent to it: the pauses and limits that sends keep to.

Azure Communication Services counts requests in rolling windows, by the minute and by the hour, and counts
those that it refuses, too. So sends are counted before they are made, by all instances in one row a target,
and what would go over a limit waits. Failures keep a reserve.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from copy import copy
from datetime import datetime, timedelta
from threading import Lock, RLock
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.decision_log import log_decision
from shared.notices.kinds import Decision
from shared.store.rows import SendGate
from shared.store.steps import GateChanged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    from shared.audience import Destination
    from shared.channels.limits import Limits
    from shared.clock import Clock
    from shared.store.protocol import Store

BUCKET_SECONDS = 10
"""Seconds that are counted together."""

MINUTE_SECONDS = 70
HOUR_SECONDS = 3_660
"""The windows in seconds, with a margin: a send is counted when it is decided, and arrives a little later."""

SHARE = 0.6
"""How much of the limits is for what is not urgent."""

FIRST_BACK_OFF = timedelta(minutes=1)
MAX_BACK_OFF = timedelta(hours=1)

MAX_QUEUED_SECONDS = 3.0
"""How long to wait for the others of this process: an event is to be recorded in time, mailed or not."""

PAUSE_SECONDS = 60.0
"""For so long a process that has seen a pause acts on it without reading it again."""

MAX_AT_ONCE = 3
"""Failures sent at once, per audience, target and GROUP_INTERVAL, by one process."""

_MAX_ATTEMPTS = 4
_UNLIMITED = 1_000


class RateLimited(Exception):  # noqa: N818 - says what is the matter
    """The limits of a target leave no room for another message now."""


class Limiter:
    """Counts what is sent to each target, and keeps its pause. Thread-safe.

    `limits` names every target by its key, with None for one that has no limits: nothing is counted for it.
    """

    def __init__(self, store: Store, clock: Clock, limits: Mapping[str, Limits | None]) -> None:
        self.limits = limits
        self.store = store
        self._clock = clock
        self._gates: dict[str, tuple[SendGate, float]] = {}
        """With the time at which each was seen."""
        self._looked: dict[str, float] = {}
        """When a gate that was not seen was first asked for."""
        self._turn = RLock()

    def over(self, store: Store) -> Limiter:
        """Return this limiter, with what it knows, over another store of the same rows."""
        other = copy(self)
        other.store = store
        return other

    def see(self, gates: Iterable[SendGate]) -> None:
        """Take note of all gates as stored."""
        stored = {gate.target: gate for gate in gates}
        for target in {*self.limits, *stored}:
            self._keep(stored.get(target, SendGate(target=target)))

    def silences(self, target: str) -> str:
        """Return the silences that a target's gate, or else email's, bears, as stored."""
        gates = (self._gates[each][0] for each in (target, "") if each in self._gates)
        return next((gate.silences for gate in gates if gate.silences), "")

    def is_open(self, target: str) -> bool:
        """Return whether something urgent may be sent at once: no pause holds, no silence may cover it.

        A process that is new takes a gate that it has not seen for open; after that it looks once a minute.
        One round trip then. Raises TableUnavailable.
        """
        now = self._clock.monotonic()
        _, seen = self._gates.get(target, (None, self._looked.setdefault(target, now)))
        if now - seen > PAUSE_SECONDS:
            self._keep(self.store.gate(target))
        if target not in self._gates:
            return True
        gate = self._gates[target][0]
        return gate.until <= self._clock.now() and not self._may_be_silent(gate)

    def _may_be_silent(self, gate: SendGate) -> bool:
        if not gate.silences:
            return False
        from shared.routes.silences import read

        return any(
            silence.is_for_urgent and silence.until > self._clock.now() for silence in read(gate.silences)
        )

    def available(self, target: str, *, urgent: bool = True) -> int:
        """Return how many messages may go to a target at once, as far as this process knows."""
        if self.limits.get(target) is None:
            return _UNLIMITED
        if not self._turn.acquire(timeout=MAX_QUEUED_SECONDS):
            return 0
        try:
            return self._available(self._gate(target), urgent=urgent)
        finally:
            self._turn.release()

    def attempts(self, numbers: Mapping[str, int], *, urgent: bool) -> Iterator[Attempt]:
        """Yield attempts at a commit that leases so many messages to each target, until one is made.

        Each is entered with `with`, and gives the gates to write: those of the targets that have limits, with
        the messages counted. Raises RateLimited where the limits leave none, a pause holds, or others keep
        coming first.
        """
        began = self._clock.monotonic()
        for _ in range(_MAX_ATTEMPTS):
            attempt = Attempt(self, numbers, urgent=urgent)
            yield attempt
            if attempt.is_made:
                return
            if self._clock.monotonic() - began > MAX_QUEUED_SECONDS:
                break
        raise RateLimited

    def was_refused(self, target: str) -> bool:
        """Return whether a target has been paused of late for what its service set no time for."""
        gate, _ = self._gates.get(target, (SendGate(), 0.0))
        return gate.strikes > 0

    def pause_until(self, target: str, until: datetime, reason: str, strikes: int = 0) -> None:
        """Let nothing go to a target before a time. Raises TableUnavailable."""
        key = keys.gate(target)
        log_decision(Decision.PAUSED, key, level=logging.WARNING, until=until.isoformat(), why=reason)
        with self._turn:
            self._keep(self.store.pause(until, reason, self._gate(target), strikes))

    def back_off(self, target: str, reason: str) -> None:
        """Pause a target for a minute, and twice as long each time in a row, up to an hour."""
        now = self._clock.now()
        last, _ = self._gates.get(target, (SendGate(), 0.0))
        strikes = last.strikes if now - last.until < 2 * MAX_BACK_OFF else 0
        length = min(FIRST_BACK_OFF * (1 << min(strikes, 10)), MAX_BACK_OFF)
        self.pause_until(target, now + length, reason, strikes + 1)

    def begin(self, numbers: Mapping[str, int], *, urgent: bool) -> tuple[SendGate, ...]:
        """Take the turn, and return the gates with these messages counted. Raises RateLimited."""
        limited = [target for target in numbers if self.limits.get(target) is not None]
        if not limited:
            return ()
        if not self._turn.acquire(timeout=MAX_QUEUED_SECONDS):
            raise RateLimited
        try:
            gates = [self._gate(target) for target in limited]
            return tuple(self._counted(gate, numbers[gate.target], urgent=urgent) for gate in gates)
        except BaseException:
            self._turn.release()
            raise

    def end(self, counted_gates: Iterable[SendGate], written: Iterable[SendGate]) -> None:
        """Give back the turn, and take note of the gates as written; what was not written is not known."""
        known = {gate.target: gate for gate in written}
        for gate in counted_gates:
            if gate.target in known:
                self._keep(known[gate.target])
            else:
                self._gates.pop(gate.target, None)
        self._turn.release()

    def _counted(self, gate: SendGate, number: int, *, urgent: bool) -> SendGate:
        if self._available(gate, urgent=urgent) < number:
            raise RateLimited
        return msgspec.structs.replace(gate, sends=counted(gate.sends, self._clock.now(), number))

    def _gate(self, target: str) -> SendGate:
        if target not in self._gates:
            self._keep(self.store.gate(target))
        return self._gates[target][0]

    def _keep(self, gate: SendGate) -> None:
        self._gates[gate.target] = gate, self._clock.monotonic()

    def _available(self, gate: SendGate, *, urgent: bool) -> int:
        """Return how many messages may go at once by a gate: none while it is shut."""
        limits, now = self.limits.get(gate.target), self._clock.now()
        if limits is None or gate.until > now:
            return 0
        return available(gate.sends, limits, now, urgent=urgent)


class Attempt:
    """One attempt at a commit that counts what it sends. Where a gate has changed, the next one follows."""

    def __init__(self, limiter: Limiter, numbers: Mapping[str, int], *, urgent: bool) -> None:
        self.is_made = False
        self.written: tuple[SendGate, ...] = ()
        """The gates as written: to be set by who made the commit."""
        self.limiter = limiter
        self._numbers = numbers
        self._urgent = urgent
        self._gates: tuple[SendGate, ...] = ()

    def __enter__(self) -> tuple[SendGate, ...]:
        self._gates = self.limiter.begin(self._numbers, urgent=self._urgent)
        return self._gates

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._gates:
            self.limiter.end(self._gates, self.written)
        self.is_made = kind is None
        return isinstance(error, GateChanged)


class Burst:
    """Counts failures sent at once: a few for each audience and target, by one process. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[Destination, deque[float]] = defaultdict(deque)
        self._lock = Lock()

    def available(self, to: Destination, interval: timedelta) -> int:
        """Return how many more failures may go there at once; more than MAX_AT_ONCE wait for the sweep."""
        horizon = self._clock.monotonic() - interval.total_seconds()
        with self._lock:
            recent = self._sent[to]
            while recent and recent[0] <= horizon:
                recent.popleft()
            return max(0, MAX_AT_ONCE - len(recent))

    def count(self, to: Destination) -> None:
        """Count one that is sent."""
        with self._lock:
            self._sent[to].append(self._clock.monotonic())


def available(sends: Mapping[int, int], limits: Limits, now: datetime, *, urgent: bool) -> int:
    """Return how many mails may go now, given how many went in which bucket."""
    share = 1.0 if urgent else SHARE
    left = [
        max(1, int(limit * share)) - sum(count for bucket, count in sends.items() if _ends(bucket) > since)
        for limit, since in (
            (limits.per_minute, now.timestamp() - MINUTE_SECONDS),
            (limits.per_hour, now.timestamp() - HOUR_SECONDS),
        )
    ]
    return max(0, min(left))


def counted(sends: Mapping[int, int], now: datetime, number: int = 1) -> dict[int, int]:
    """Count sends made now, and forget those that no window holds any more."""
    since = now.timestamp() - HOUR_SECONDS
    kept = {bucket: count for bucket, count in sends.items() if _ends(bucket) > since}
    bucket = int(now.timestamp()) // BUCKET_SECONDS
    kept[bucket] = kept.get(bucket, 0) + number
    return kept


def stretched(interval: timedelta, audiences: int, limits: Limits | None) -> timedelta:
    """Return the interval at which so many audiences, mailed in turn, stay inside the limits together."""
    if limits is None:
        return interval
    return max(interval, timedelta(seconds=audiences * 3_600 / (SHARE * limits.per_hour)))


def _ends(bucket: int) -> float:
    return float((bucket + 1) * BUCKET_SECONDS)
