"""What can go wrong with a request on its way, and the hook that lets it."""

from __future__ import annotations

import re
import time
from collections import Counter
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from tests.support.fault_proxy import CUT, Delay, Fault, Phase, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prove.schedules import Death

LEASE = 10
"""Seconds: the shortest that the app takes, so that recovery is quick."""

_ERROR = b'{"error": {"code": "Scripted", "message": "as scheduled"}}'
_BUSY = b'{"odata.error": {"code": "ServerBusy", "message": {"lang": "en-US", "value": "as scheduled"}}}'
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Kind(NamedTuple):
    """A kind of fault: of which side's requests, in which phase, and what comes of it."""

    name: str
    side: str
    """`table`, `send` or `ask`."""
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
    Kind("table: connection cut, not done", "table", Phase.BEFORE, _cut),
    Kind("table: done, answer lost", "table", Phase.AFTER, _cut),
    Kind("table: 503, not done", "table", Phase.BEFORE, _reply(503, _BUSY)),
    Kind("table: done, answered 500", "table", Phase.AFTER, _reply(500, _BUSY)),
    Kind("table: delayed", "table", Phase.BEFORE, _delay(0.05, 1.0)),
    Kind("table: done after its time-out", "table", Phase.BEFORE, _delay(4.5, 6.0), 0.3),
    Kind("mail: connection cut, not taken", "send", Phase.BEFORE, _cut),
    Kind("mail: taken, answer lost", "send", Phase.AFTER, _cut),
    Kind("mail: 500, not taken", "send", Phase.BEFORE, _reply(500)),
    Kind("mail: taken, answered 500", "send", Phase.AFTER, _reply(500)),
    Kind("mail: 429, not taken", "send", Phase.BEFORE, _throttled, 2.0),
    Kind("mail: 400, not taken", "send", Phase.BEFORE, _reply(400), 0.5),
    Kind("mail: delayed", "send", Phase.BEFORE, _delay(0.05, 1.0)),
    Kind("mail: taken after its time-out, within the lease", "send", Phase.BEFORE, _delay(3.0, 4.0)),
    Kind("mail: taken after the lease", "send", Phase.BEFORE, _delay(11.0, 14.0)),
    Kind("question: connection cut", "ask", Phase.BEFORE, _cut),
    Kind("question: answered 500", "ask", Phase.BEFORE, _reply(500)),
    Kind("question: delayed", "ask", Phase.BEFORE, _delay(0.05, 1.0)),
)

LATE = frozenset({"mail: taken after the lease"})
"""What promise 2 rules out where the mail service ignores operation ids."""

REFUSED = "mail: 400, not taken"

MAIL_RATE = 3.0
"""By how much more often a fault strikes a mail than a row: there are fewer of them."""


class Strikes:
    """Counts what has struck, over all instances. Thread-safe."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, name: str) -> None:
        """Count one."""
        with self._lock:
            self.counts[name] += 1


class Weather:
    """Decides on each request of one instance: from the seed, by the request's number.

    `die` kills the instance. What a request told about mails is remembered: when the lease of an operation
    was written last, and which requests to send came later than that lease.
    """

    def __init__(self, seed: str, rate: float, kinds: Sequence[str], strikes: Strikes) -> None:
        self.die: Callable[[], None] | None = None
        self.refused: set[str] = set()
        """Operations that were answered with a 400."""
        self.late: set[str] = set()
        """Operations of which a request reached the mail service after the lease that it was sent under."""
        self.until = 0.0
        """When the last delayed request goes on, by the monotonic clock."""
        self._seed = seed
        self._rate = rate
        self._kinds = {
            side: [kind for kind in KINDS if kind.side == side and kind.name in kinds]
            for side in ("table", "send", "ask")
        }
        self._strikes = strikes
        self._death: Death | None = None
        self._moments: Counter[str] = Counter()
        self._lock = Lock()
        self._leased: dict[str, float] = {}
        self._sent: dict[int, float] = {}
        self._struck: dict[tuple[str, int], str] = {}

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self._rate = 0.0
        self._death = None

    def reborn(self, death: Death | None) -> None:
        """Begin a life, and know its end."""
        with self._lock:
            self._moments.clear()
            self._death = death

    def table(self, number: int, phase: Phase, request: Request) -> Fault | None:
        """See OnRequest, for the table's side."""
        if phase is Phase.AFTER and request.batch and request.status == 202:
            now = time.monotonic()
            with self._lock:
                self._leased |= {found.decode(): now for found in _UUID.findall(request.body)}
        return self._decide("table", number, phase, request)

    def mail(self, number: int, phase: Phase, request: Request) -> Fault | None:
        """See OnRequest, for the mail's side."""
        if request.method == "GET":
            return self._decide("ask", number, phase, request)
        operation = request.headers.get("Operation-Id", "")
        if phase is Phase.BEFORE:
            with self._lock:
                self._sent[number] = self._leased.get(operation, time.monotonic())
        elif time.monotonic() - self._sent[number] > LEASE:
            self.late.add(operation)
        fault = self._decide("send", number, phase, request)
        if self._struck.get(("send", number)) == REFUSED:
            self.refused.add(operation)
        return fault

    def _decide(self, side: str, number: int, phase: Phase, request: Request) -> Fault | None:
        if self._dies(side, phase):
            return CUT
        kind = self._kind(side, number)
        if kind is None or kind.phase is not phase or (side == "send" and _is_no_mail(phase, request)):
            return None
        fault = kind.make(Random(f"{self._seed} {side} {number} made"))
        self._strikes.add(kind.name)
        self._struck[side, number] = kind.name
        if isinstance(fault, Delay):
            self.until = max(self.until, time.monotonic() + fault.seconds)
        return fault

    def _kind(self, side: str, number: int) -> Kind | None:
        random = Random(f"{self._seed} {side} {number}")
        rate = self._rate if side == "table" else min(0.5, self._rate * MAIL_RATE)
        kinds = self._kinds[side]
        if not kinds or random.random() >= rate:
            return None
        return random.choices(kinds, [kind.weight for kind in kinds])[0]

    def _dies(self, side: str, phase: Phase) -> bool:
        with self._lock:
            self._moments[side] += 1
            death, die = self._death, self.die
            if death is None or die is None or death.side != side or death.moment != self._moments[side]:
                return False
            self._death = None
        die()
        what = {"table": "a request to the table", "send": "sending a mail", "ask": "asking about a mail"}[
            side
        ]
        when = "before" if phase is Phase.BEFORE else "after"
        self._strikes.add(f"SIGKILL: {when} {what}")
        return True


def _is_no_mail(phase: Phase, request: Request) -> bool:
    """Tell whether the service did not take a mail: its answer says so, and nothing was taken."""
    return phase is Phase.AFTER and request.status != 202
