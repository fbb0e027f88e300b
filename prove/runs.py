"""One run: a schedule done to real processes, until nothing is left to do; and what is to be judged of it."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, Self

from azure.data.tables import TableClient

from prove import azure_record, schedules
from prove.azure_record import AzureRecord
from prove.faults import LEASE, FaultCounts, FaultInjector
from prove.fork_server import ForkServer
from prove.instances import Instance
from prove.mail_door import MailDoor
from prove.schedules import Way
from prove.verdict import Evidence
from shared import keys
from shared.store import codec
from shared.store.azure import AzureTable
from testing.mail_endpoint import KEY, MailEndpoint, Moment
from testing.processes import Azurite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prove.schedules import Delivery, Part, Schedule
    from shared.store.table import Stored
    from testing.mail_endpoint import Request

INSTANCES = 2
PATIENCE = 300.0
"""Seconds in peace until what is still undone counts as lost: leases last 10, 20, 40 s one after another."""

_REDELIVERED_AFTER = 0.5
_SWEPT_AFTER = (0.4, 2.6)
"""Seconds between an instance's sweeps, at least and at most."""
_SWEPT_EVERY = 1.2
"""Seconds between sweeps where all instances sweep at the same moments."""


class Trial(NamedTuple):
    """What a run is asked for."""

    seed: int
    part: Part = schedules.Part.WITHIN
    bug: str = ""
    together: bool = False
    """Whether all instances sweep at the same moments, rather than each at its own pace."""


class Lab:
    """What runs share: Azurite and a fork server. A context manager; runs may go on at the same time."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.azurite = self._stack.enter_context(Azurite())
        self.fork_server = self._stack.enter_context(ForkServer())
        self.folder = Path(self._stack.enter_context(TemporaryDirectory()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, trial: Trial) -> Evidence:
        """Do all of a schedule, and give what came of it."""
        with Run(self, trial) as run:
            return run.go()


class Run:
    """One schedule on its way: a context manager."""

    def __init__(self, lab: Lab, trial: Trial) -> None:
        self._trial = trial
        self._schedule = schedule = self._made()
        self._endpoint = MailEndpoint(mode=schedule.mode)
        self._table_name = f"t{uuid.uuid4().hex}"
        self._client = TableClient.from_connection_string(lab.azurite.connection_string, self._table_name)
        self._table = AzureTable(self._client)
        self._strikes = FaultCounts()
        self._stack = ExitStack()
        self._accepted: dict[str, float] = {}
        self._arrivals: dict[str, float] = {}
        self._sweeping = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._reconciling = threading.Lock()
        self._record = AzureRecord()
        self._endpoint.hook = self._arrived
        injectors = [
            FaultInjector(f"{schedule.seed} {number}", schedule.rate, schedule.kinds, self._strikes)
            for number in range(len(schedule.deaths))
        ]
        self._door = MailDoor(self._endpoint.url, [injector.mail for injector in injectors])
        self._instances = [
            Instance(
                lab.fork_server,
                injector,
                deaths,
                lab.folder / f"{self._table_name}-{number}.log",
                number=number,
                azurite=lab.azurite.endpoint,
                mail=self._door.url,
                bug=trial.bug,
            )
            for number, (injector, deaths) in enumerate(zip(injectors, schedule.deaths, strict=True))
        ]

    def __enter__(self) -> Self:
        self._stack.enter_context(self._endpoint)
        self._stack.enter_context(self._door)
        if self._schedule.reconciles:
            self._stack.enter_context(self._record)
        self._stack.callback(self._client.close)
        for instance in self._instances:
            self._stack.enter_context(instance)
        threads = len(self._schedule.deliveries) + 2 * len(self._instances)
        self._pool = self._stack.enter_context(ThreadPoolExecutor(threads))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._stack.close()

    def go(self) -> Evidence:
        """Let it storm, then do in peace what is left, and gather what there is to know."""
        self._table.query("work:", "work;")  # makes the table
        settings = {
            "NOTIFIER_TABLE": self._table_name,
            "EMAIL_CONNECTION_STRING": f"accesskey={KEY}",
            "ROUTES": schedules.routes(),
            "LEASE": f"{LEASE}s",
            "REMINDER_LEADS": "24h",
            # Without watchdogs, so that at the end nothing is left to do.
            "NOT_STARTED_AFTER": "0s",
            "GATE_REMINDER": "0s",
            "STILL_RUNNING_AFTER": "0s",
        }
        if self._schedule.reconciles:
            settings |= self._record.settings
            azure_record.begin(self._table, datetime.now(UTC))
        list(self._pool.map(lambda instance: instance.start(settings), self._instances))
        # Starting took its time: the hours of reminders count from here.
        self._schedule, self._began = self._made(), time.monotonic()
        delivered = [self._pool.submit(self._deliver, delivery) for delivery in self._schedule.deliveries]
        sweeping = [self._pool.submit(self._sweep, *each) for each in enumerate(self._instances)]
        self._over.wait(self._schedule.storm)
        for instance in self._instances:
            instance.injector.calm()
        for future in delivered:
            future.result()
        self._finish()
        self._over.set()
        for future in sweeping:
            future.result()
        return self._evidence()

    def _made(self) -> Schedule:
        """Make the schedule, as one that begins now."""
        return schedules.make(self._trial.seed, datetime.now(UTC), INSTANCES, self._trial.part)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _deliver(self, delivery: Delivery) -> None:
        """Deliver until somebody accepts, as Event Grid does."""
        if delivery.way is Way.BOTH and not delivery.is_repeat:
            self._write_down(delivery)
        time.sleep(max(0.0, delivery.at - self._elapsed()))
        if delivery.way is Way.WITHHELD:
            self._write_down(delivery)
            with self._lock:
                self._accepted[delivery.text] = self._elapsed()
            return
        if delivery.is_repeat:
            self._strikes.add("event delivered again")
        if delivery.out_of_order:
            self._strikes.add("event delivered out of order")
        turn = delivery.instance
        while not self._instances[turn % len(self._instances)].deliver(delivery.text):
            self._strikes.add("delivery not accepted, made again")
            turn += 1
            if self._over.wait(_REDELIVERED_AFTER) or self._elapsed() > PATIENCE:
                raise TimeoutError(f"nobody accepts {delivery.key}")
        with self._lock:
            self._accepted.setdefault(delivery.text, self._elapsed())

    def _write_down(self, delivery: Delivery) -> None:
        """Let Azure have recorded an event."""
        self._strikes.add(f"event {delivery.way}")
        self._record.add(delivery.text)

    def _sweep(self, number: int, instance: Instance) -> None:
        """Let an instance sweep again and again, at its own pace; the dead come back for it."""
        random = Random(f"{self._schedule.seed} {number} sweeps")
        while not self._over.wait(self._pause(random)):
            instance.revive()
            with self._lock:
                self._sweeping += 1
                if self._sweeping > 1:
                    self._strikes.add("two instances sweeping at once")
            instance.run("due_notices")
            with self._lock:
                self._sweeping -= 1
            self._reconcile(instance)

    def _reconcile(self, instance: Instance) -> None:
        """Let an instance reconcile, where none does: runs of a timer do not overlap."""
        if not self._schedule.reconciles or not self._reconciling.acquire(blocking=False):
            return
        try:
            instance.run("reconcile")
        finally:
            self._reconciling.release()

    def _pause(self, random: Random) -> float:
        """Return the seconds until an instance's next sweep."""
        if self._trial.together:
            return _SWEPT_EVERY - self._elapsed() % _SWEPT_EVERY
        return random.uniform(*_SWEPT_AFTER)

    def _arrived(self, moment: Moment, request: Request) -> None:
        if moment is Moment.AFTER and request.taken:
            with self._lock:
                self._arrivals.setdefault(request.operation_id, self._elapsed())

    def _finish(self) -> None:
        """Wait until nothing is left to do, and nothing is on its way any more."""
        last = max((*self._schedule.reminders.values(), 0.0)) + 1
        patience = time.monotonic() + PATIENCE
        while time.monotonic() < patience and not self._over.wait(1.0):
            if self._elapsed() < last or self._rows("work:1", "work;") or not self._is_all_found():
                continue
            is_busy = self._door.busy or any(instance.busy for instance in self._instances)
            if not is_busy and not self._rows("work:1", "work;"):
                return

    def _is_all_found(self) -> bool:
        """Return whether what was withheld was found in Azure's record."""
        withheld = {one.key for one in self._schedule.deliveries if one.way is Way.WITHHELD}
        return not withheld or withheld <= {row.key for row in self._rows("event:")}

    def _evidence(self) -> Evidence:
        rows = {row.key: row for prefix in ("event:", "rejected:") for row in self._rows(prefix)}
        injectors = [instance.injector for instance in self._instances]
        forms: dict[str, set[bytes]] = {}
        for request in self._endpoint.posts:
            forms.setdefault(request.operation_id, set()).add(request.body)
        return Evidence(
            schedule=self._schedule,
            accepted=dict(self._accepted),
            stored=frozenset(rows),
            left=tuple(row.key for row in self._rows("work:1", "work;")),
            fates={row.key.removeprefix("sent:"): codec.sent(row) for row in self._rows("sent:")},
            mails=tuple(self._endpoint.mails),
            arrivals=dict(self._arrivals),
            bodies={operation: len(bodies) for operation, bodies in forms.items()},
            asked=frozenset(request.operation_id for request in self._endpoint.questions),
            refused=frozenset().union(*(injector.refused for injector in injectors)),
            held_up=frozenset(self._door.held_up).union(*(injector.held_up for injector in injectors)),
            strikes=dict(self._strikes.counts),
            lives=sum(instance.lives for instance in self._instances),
        )

    def _rows(self, first: str, last: str = "") -> Sequence[Stored]:
        found: list[Stored] = []
        until = last or first + keys.AFTER
        while first:
            page = self._table.query(first, until)
            found += page.rows
            first = keys.following(page.last) if page.more else ""
        return found
