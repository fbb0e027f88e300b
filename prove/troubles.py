"""What goes wrong in runs of hours: clocks that are off, a table and a mail service that fail for hours."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from shared.channels.outcomes import (
    Accepted,
    OperationState,
    OperationStatus,
    Outcome,
    Refused,
    Throttled,
    Timeouts,
    Unavailable,
    Unknown,
)
from shared.store.table import Operation, TableUnavailable
from shared.store.wrapped import WrappedTable

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from random import Random

    from shared.channels.email.email import Email
    from testing.memory_table import MemoryTable
    from testing.moving import MovingClock

_T = TypeVar("_T")


class Trouble(Protocol):
    """The run, as far as it says what goes wrong when."""

    random: Random
    struck: Counter[str]
    clock: MovingClock
    spared: int
    """Writes that succeed."""

    def takes(self) -> None:
        """Let a round trip take its time."""
        ...

    def strikes(self, name: str, rate: float) -> bool:
        """Return whether something goes wrong at this moment."""
        ...

    def is_out(self, what: str) -> bool:
        """Return whether something is away for hours."""
        ...

    def meanwhile(self) -> None:
        """Let others go on, while a request is held up for longer than its lease."""
        ...


class Killed(BaseException):  # an instance is gone, whatever it would have caught
    """The process dies here."""


class InstanceClock:
    """An instance's clock: the table's, off by something that changes when the clock jumps."""

    def __init__(self, server: MovingClock) -> None:
        self.off = timedelta()
        self._server = server

    def now(self) -> datetime:
        """See Clock."""
        return self._server.now() + self.off

    def monotonic(self) -> float:
        """See Clock."""
        return self._server.monotonic()


class TroubledTable(WrappedTable):
    """What one instance sees of the table."""

    def __init__(self, table: MemoryTable, run: Trouble) -> None:
        super().__init__(table)
        self._run = run

    def commit(self, operations: Sequence[Operation]) -> list[str]:
        """See Table. An answer that is lost is asked for once more, as the real table does."""
        self._run.takes()
        if self._run.strikes("write: not done", 0.02):
            raise TableUnavailable("not done")
        if self._run.strikes("SIGKILL before a write", 0.01):
            raise Killed
        etags = self._table.commit(operations)
        if self._run.strikes("SIGKILL after a write", 0.02):
            raise Killed
        if self._run.strikes("write: done, answer lost", 0.02):
            etags = self._table.commit(operations)
        return etags

    def _step(self, step: Callable[[], _T]) -> _T:
        self._run.takes()
        if self._run.strikes("read: no answer", 0.01):
            raise TableUnavailable("no answer")
        return step()


class TroubledService:
    """A mail service with outages of hours, which takes no operation twice unless it is asked to."""

    can_answer = True

    def __init__(self, run: Trouble) -> None:
        self.arrived: list[str] = []
        self.times: dict[str, datetime] = {}
        """When an operation arrived first."""
        self.tried: dict[str, datetime] = {}
        """When an operation was first handed over: from then on it may be in doubt, and stays as it is."""
        self.refused: set[str] = set()
        self._run = run
        self._held: set[str] = set()

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:  # noqa: ARG002 - a Mailer's
        """See Mailer."""
        run = self._run
        self.tried.setdefault(operation_id, run.clock.now())
        if operation_id in self._held:  # the first request is still on its way
            self.refused.add(operation_id)
            return Refused("400: under way")
        if run.is_out("mail"):
            outcome = run.random.choice((Unavailable("away"), Throttled(3_600, "busy"), Unknown("silence")))
            run.struck[f"mail: out for hours, {type(outcome).__name__.lower()}"] += 1
            return outcome
        if run.strikes("mail: not taken, no answer", 0.05):
            return Unknown("cut")
        if run.strikes("mail: held up beyond the lease", 0.04):
            self._held.add(operation_id)
            run.meanwhile()
            self._held.discard(operation_id)
            self._take(operation_id)
            run.spared = 2  # with its answer lost as well nobody could tell: promise 2 says so
            return Accepted()
        self._take(operation_id)
        return Unknown("lost") if run.strikes("mail: taken, answer lost", 0.08) else Accepted()

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:  # noqa: ARG002 - a Mailer's
        """See Mailer."""
        if self._run.is_out("mail") or self._run.strikes("question: no clear answer", 0.2):
            return OperationStatus(OperationState.NO_ANSWER)
        taken = operation_id in self.arrived
        return OperationStatus(OperationState.ACCEPTED if taken else OperationState.NEVER_SEEN)

    def _take(self, operation_id: str) -> None:
        self.arrived.append(operation_id)
        self.times.setdefault(operation_id, self._run.clock.now())
