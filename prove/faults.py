"""What can go wrong with a request on its way, and the hook that lets it."""

from __future__ import annotations

from collections import Counter
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

from testing.fault_proxy import CUT, Delay, Fault, Phase, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LEASE_SECONDS = 10
"""Seconds: the shortest that the app takes, so that recovery is quick."""

_ERROR = b'{"error": {"code": "Scripted", "message": "as scheduled"}}'
_BUSY = b'{"odata.error": {"code": "ServerBusy", "message": {"lang": "en-US", "value": "as scheduled"}}}'


class Death(NamedTuple):
    """SIGKILL at one of an instance's moments: before a request leaves, or after it was answered."""

    life: int
    side: str
    """Whose requests count: `read`, `write`, `send`, `ask` or `post`."""
    moment: int
    stops: float = 0.0
    """Seconds for which it stands still instead; 0 for its death."""


class FaultKind(NamedTuple):
    """A kind of fault: of which side's requests, in which phase, and what comes of it."""

    name: str
    side: str
    """`read` or `write` of the table, `send` or `ask` of the mail service, `post` to another channel."""
    phase: Phase
    make: Callable[[Random], Fault]
    weight: float = 1.0


def _reply(status: int, body: bytes = _ERROR, **headers: str) -> Callable[[Random], Fault]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(status, {"Content-Type": "application/json", **named}, body)


def _cut(_: Random) -> Fault:
    return CUT


def _delay(least: float, most: float) -> Callable[[Random], Fault]:
    return lambda random: Delay(random.uniform(least, most))


def _throttled(random: Random) -> Fault:
    seconds = str(random.randint(1, 3))
    return Reply(429, {"Content-Type": "application/json", "Retry-After": seconds}, _ERROR)


KINDS = (
    FaultKind("read: connection cut", "read", Phase.BEFORE, _cut),
    FaultKind("read: answer lost", "read", Phase.AFTER, _cut),
    FaultKind("read: 503", "read", Phase.BEFORE, _reply(503, _BUSY)),
    FaultKind("read: delayed", "read", Phase.BEFORE, _delay(0.05, 1.0)),
    FaultKind("write: connection cut, not done", "write", Phase.BEFORE, _cut),
    FaultKind("write: done or refused, answer lost", "write", Phase.AFTER, _cut),
    FaultKind("write: 503, not done", "write", Phase.BEFORE, _reply(503, _BUSY)),
    FaultKind("write: done or refused, answered 500", "write", Phase.AFTER, _reply(500, _BUSY)),
    FaultKind("write: delayed", "write", Phase.BEFORE, _delay(0.05, 1.0)),
    FaultKind("write: done after its time-out", "write", Phase.BEFORE, _delay(4.5, 6.0), 0.3),
    FaultKind("mail: connection cut, not taken", "send", Phase.BEFORE, _cut),
    FaultKind("mail: taken, answer lost", "send", Phase.AFTER, _cut),
    FaultKind("mail: 500, not taken", "send", Phase.BEFORE, _reply(500)),
    FaultKind("mail: taken, answered 500", "send", Phase.AFTER, _reply(500)),
    FaultKind("mail: 429, not taken", "send", Phase.BEFORE, _throttled, 2.0),
    FaultKind("mail: 400, not taken", "send", Phase.BEFORE, _reply(400), 0.5),
    FaultKind("mail: delayed", "send", Phase.BEFORE, _delay(0.05, 1.0)),
    FaultKind("mail: taken after its time-out, within the lease", "send", Phase.BEFORE, _delay(3.0, 4.0)),
    FaultKind("mail: taken after the lease", "send", Phase.BEFORE, _delay(11.0, 14.0)),
    FaultKind("message: connection cut, not taken", "post", Phase.BEFORE, _cut),
    FaultKind("message: taken, answer lost", "post", Phase.AFTER, _cut, 2.0),
    FaultKind("message: 500, not taken", "post", Phase.BEFORE, _reply(500)),
    FaultKind("message: taken, answered 500", "post", Phase.AFTER, _reply(500), 2.0),
    FaultKind("message: 429, not taken", "post", Phase.BEFORE, _throttled, 2.0),
    FaultKind("message: 400, not taken", "post", Phase.BEFORE, _reply(400), 0.5),
    FaultKind("message: delayed", "post", Phase.BEFORE, _delay(0.05, 1.0)),
    FaultKind("message: taken after its time-out", "post", Phase.BEFORE, _delay(3.0, 6.0)),
    FaultKind("question: connection cut", "ask", Phase.BEFORE, _cut),
    FaultKind("question: answered 500", "ask", Phase.BEFORE, _reply(500)),
    FaultKind("question: delayed", "ask", Phase.BEFORE, _delay(0.05, 1.0)),
)

LATE = frozenset({"mail: taken after the lease", "instance stopped for longer than its lease"})
"""What promise 2 rules out where the mail service ignores operation ids."""

REFUSED = frozenset({"mail: 400, not taken", "message: 400, not taken"})

STOPS = {
    "instance stopped": (2.0, 4.0),
    "instance stopped for longer than its lease": (11.0, 13.0),
}
"""For how many seconds an instance may be stopped (SIGSTOP) in the middle of what it does."""

SIDES = {
    "read": "a read of the table",
    "write": "a write to the table",
    "send": "sending a mail",
    "ask": "asking about a mail",
    "post": "sending to another channel",
}

MAIL_RATE = 3.0
"""By how much more often a fault strikes a mail or a message than a row: there are fewer of them."""

DOWN = "one channel down all the time: the others were done meanwhile"
_IS_DOWN = Reply(429, {"Content-Type": "application/json", "Retry-After": "2"}, _ERROR)


class FaultCounts:
    """Counts what has struck, over all instances. Thread-safe."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, name: str) -> None:
        """Count one."""
        with self._lock:
            self.counts[name] += 1


class Killable(Protocol):
    """An instance, as far as what can happen to it."""

    def kill(self) -> None:
        """End it at once."""
        ...

    def stop(self, seconds: float) -> None:
        """Let it stand still for a while, without waiting for that."""
        ...


class FaultInjector:
    """Decides on each request of one instance: from the seed, by the request's number."""

    def __init__(self, seed: str, rate: float, kinds: Sequence[str], strikes: FaultCounts) -> None:
        self.instance: Killable | None = None
        self.refused: list[Request] = []
        """Requests to send that were answered with a 400."""
        self.is_down: Callable[[Request], bool] = lambda _: False
        """Whether a request goes to what takes nothing all the time."""
        self.held_up: set[str] = set()
        """Operations of which a request was held up until after the lease that it was sent under."""
        self._seed = seed
        self._rate = rate
        self._kinds = {
            side: [kind for kind in KINDS if kind.side == side and kind.name in kinds] for side in SIDES
        }
        self._strikes = strikes
        self._death: Death | None = None
        self._moments: Counter[str] = Counter()
        self._lock = Lock()
        self._calm = False

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._calm = True
            self._death = None

    def reborn(self, death: Death | None) -> None:
        """Begin a life, and know its end."""
        with self._lock:
            self._moments.clear()
            self._death = None if self._calm else death

    def table(self, number: int, phase: Phase, request: Request) -> Fault | None:
        """See OnRequest, for the table's side."""
        side = "write" if request.batch else "read"
        kind, fault = self._decide(side, number, phase)
        if fault is None or kind is None or (side == "write" and _is_refused(phase, request)):
            return fault if kind is None else None
        self._strikes.add(kind.name)
        return fault

    def mail(self, number: int, phase: Phase, request: Request) -> Fault | None:
        """See OnRequest, for the mail's side."""
        return self._message("ask" if request.method == "GET" else "send", number, phase, request)

    def channel(self, number: int, phase: Phase, request: Request) -> Fault | None:
        """See OnRequest, for what is sent to other channels; mail by Graph goes the same way."""
        if request.path.startswith("/v1.0/"):
            return self.mail(number, phase, request)
        if self.is_down(request):
            return _IS_DOWN
        return self._message("post", number, phase, request)

    def _message(self, side: str, number: int, phase: Phase, request: Request) -> Fault | None:
        kind, fault = self._decide(side, number, phase)
        if fault is None or kind is None or (side != "ask" and _is_refused(phase, request)):
            return fault if kind is None else None
        self._strikes.add(kind.name)
        if kind.name in REFUSED:
            self.refused.append(request)
        if kind.name in LATE:
            self.held_up.add(request.headers.get("Operation-Id", ""))
        return fault

    def _decide(self, side: str, number: int, phase: Phase) -> tuple[FaultKind | None, Fault | None]:
        """Return what strikes now: a death cuts the connection, and is of no kind."""
        if self._ends(side, phase):
            return None, CUT
        kind = None if self._calm else self._kind(side, number)
        if kind is None or kind.phase is not phase:
            return None, None
        return kind, kind.make(Random(f"{self._seed} {side} {number} made"))

    def _kind(self, side: str, number: int) -> FaultKind | None:
        random = Random(f"{self._seed} {side} {number}")
        rate = self._rate if side in {"read", "write"} else min(0.5, self._rate * MAIL_RATE)
        kinds = self._kinds[side]
        if not kinds or random.random() >= rate:
            return None
        return random.choices(kinds, [kind.weight for kind in kinds])[0]

    def _ends(self, side: str, phase: Phase) -> bool:
        """Let the instance die, or stop for a while, if this is the moment; return whether it died."""
        with self._lock:
            self._moments[side] += 1
            death, instance = self._death, self.instance
            if death is None or instance is None:
                return False
            if death.side != side or death.moment != self._moments[side]:
                return False
            self._death = None
        if death.stops:
            instance.stop(death.stops)
            self._strikes.add(
                next(name for name, (least, _) in reversed(STOPS.items()) if death.stops >= least)
            )
            return False
        instance.kill()
        when = "before" if phase is Phase.BEFORE else "after"
        self._strikes.add(f"SIGKILL: {when} {SIDES[side]}")
        return True


def _is_refused(phase: Phase, request: Request) -> bool:
    """Return whether nothing was done or taken, by the answer's status."""
    return phase is Phase.AFTER and not 200 <= (request.status or 0) < 300
