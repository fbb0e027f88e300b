"""One run: a schedule done to real processes, until nothing is left to do; and what is to be judged of it.

It is long because a run is one thing: what it starts, what happens in it, and what is gathered of it.
"""

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

from prove import audiences, azure_record, chat_reader, relay_door, schedules
from prove.audiences import MailWay
from prove.azure_record import AzureRecord
from prove.faults import DOWN, LEASE_SECONDS, FaultCounts, FaultInjector
from prove.fork_server import ForkServer
from prove.instances import Instance
from prove.mail_door import MailDoor, signed
from prove.relay_door import RelayDoor
from prove.run_record import RunRecord
from prove.schedules import Way
from prove.services import Services
from shared import keys
from shared.store import codec
from shared.store.azure import AzureTable
from testing.identity_endpoint import IdentityEndpoint
from testing.mail_endpoint import KEY
from testing.processes import Azurite
from testing.services.graph import MAILBOX
from testing.smtp_server import make_certificate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prove.schedules import Delivery, Part, Schedule
    from shared.store.table import Stored
    from testing.fault_proxy import Request

INSTANCES = 2
PATIENCE_SECONDS = 400.0
"""Seconds in peace until a run is given up: leases last 10, 20, 40 s one after another, pauses minutes."""

_REDELIVERED_SECONDS = 0.5
_SWEPT_AFTER = (0.4, 2.6)
"""Seconds between an instance's sweeps in a storm, at least and at most."""
_SWEPT_AFTER_IT = (1.0, 4.0)
"""And in peace, where most of a run is waiting for leases to run out."""
_SWEPT_SECONDS = 1.2
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
        self.certificate = make_certificate(self.folder)
        self.identity = self._stack.enter_context(IdentityEndpoint())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, trial: Trial) -> RunRecord:
        """Do all of a schedule; return what came of it."""
        with Run(self, trial) as run:
            return run.go()


class Run:
    """One schedule on its way: a context manager."""

    def __init__(self, lab: Lab, trial: Trial) -> None:
        self._lab = lab
        self._trial = trial
        self._schedule = schedule = self._made()
        self._services = Services(schedule, lab.certificate)
        self._table_name = f"t{uuid.uuid4().hex}"
        self._client = TableClient.from_connection_string(lab.azurite.connection_string, self._table_name)
        self._table = AzureTable(self._client)
        self._strikes = FaultCounts()
        self._stack = ExitStack()
        self._accepted: dict[str, float] = {}
        self._sweeping = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._reconciling = threading.Lock()
        self._record = AzureRecord()
        self._is_up = schedule.down is None
        self._injectors = [
            FaultInjector(f"{schedule.seed} {number}", schedule.rate, schedule.kinds, self._strikes)
            for number in range(len(schedule.deaths))
        ]

    def __enter__(self) -> Self:
        self._stack.enter_context(self._services)
        mail = [injector.mail for injector in self._injectors]
        self._door = self._stack.enter_context(MailDoor(self._services.endpoint.url, mail))
        if self._services.relay is not None:
            RelayDoor(self._services.relay, mail, self._services.relayed)
        self._instances = [
            Instance(
                self._lab.fork_server,
                injector,
                deaths,
                self._lab.folder / f"{self._table_name}-{number}.log",
                azurite=self._lab.azurite.endpoint,
                services=self._services.together.url,
                bug=self._trial.bug,
            )
            for number, (injector, deaths) in enumerate(
                zip(self._injectors, self._schedule.deaths, strict=True)
            )
        ]
        if self._schedule.reconciles:
            self._stack.enter_context(self._record)
        self._stack.callback(self._client.close)
        for instance in self._instances:
            instance.injector.is_down = self._is_down
            self._stack.enter_context(instance)
        threads = len(self._schedule.deliveries) + 2 * len(self._instances)
        self._pool = self._stack.enter_context(ThreadPoolExecutor(threads))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._stack.close()

    def go(self) -> RunRecord:
        """Let it storm, then do in peace what is left, and gather what there is to know."""
        self._table.query("work:", "work;")  # makes the table
        settings = {
            "NOTIFIER_TABLE": self._table_name,
            "ROUTES": audiences.routes(self._schedule.places),
            "LEASE": f"{LEASE_SECONDS}s",
            "REMINDER_LEADS": "24h",
            # Without watchdogs, so that at the end nothing is left to do.
            "NOT_STARTED_AFTER": "0s",
            "GATE_REMINDER": "0s",
            "STILL_RUNNING_AFTER": "0s",
        }
        if self._schedule.reconciles:
            settings |= self._record.settings
            azure_record.begin(self._table, datetime.now(UTC))
        settings |= self._lab.identity.settings
        starts = [
            self._pool.submit(instance.start, {**settings, **self._ways_out(number, instance)})
            for number, instance in enumerate(self._instances)
        ]
        for start in starts:
            start.result()
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
        return self._gathered()

    def _ways_out(self, number: int, instance: Instance) -> dict[str, str]:
        """Return the settings by which an instance reaches who hears, through what goes wrong on the way."""
        channels = audiences.settings(self._schedule.places, instance.services)
        match self._schedule.mail:
            case MailWay.RELAY:
                assert self._services.relay is not None
                return channels | relay_door.settings(self._services.relay, number)
            case MailWay.DRAFTS | MailWay.MAILBOX as way:
                graph = {
                    "EMAIL_FROM": "",
                    "EMAIL_GRAPH_MAILBOX": MAILBOX,
                    "GRAPH_ENDPOINT": instance.services,
                }
                return channels | graph | {"EMAIL_GRAPH_DRAFTS": "true" if way is MailWay.DRAFTS else ""}
            case _:
                mail = {"EMAIL_CONNECTION_STRING": f"endpoint={self._door.url};accesskey={KEY}"}
                return channels | mail | signed(number)

    def _is_down(self, request: Request) -> bool:
        """Return whether a request goes to the one that takes nothing for now."""
        down = self._schedule.down
        return (
            not self._is_up
            and down is not None
            and chat_reader.place_of(self._schedule.places, request.path, request.body) == down
        )

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
            if self._over.wait(_REDELIVERED_SECONDS) or self._elapsed() > PATIENCE_SECONDS:
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
            return _SWEPT_SECONDS - self._elapsed() % _SWEPT_SECONDS
        return random.uniform(*(_SWEPT_AFTER if self._elapsed() < self._schedule.storm else _SWEPT_AFTER_IT))

    def _finish(self) -> None:
        """Wait until nothing is left to do, and nothing is on its way any more."""
        last = max((*self._schedule.reminders.values(), 0.0)) + 1
        patience = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < patience and not self._over.wait(1.0):
            if self._elapsed() < last or self._left() or not self._is_all_found():
                continue
            if not self._is_up:
                self._is_up = True
                self._strikes.add(DOWN)
                continue
            is_busy = self._door.busy or any(instance.busy for instance in self._instances)
            if not is_busy and not self._left():
                return

    def _left(self) -> list[str]:
        """Return the keys of what is still to be done, but for what is for one that takes nothing for now."""
        down = None if self._is_up else self._schedule.down
        return [
            row.key
            for row in self._rows("work:1", "work;")
            if down is None or row.values.get("target") != down.key
        ]

    def _is_all_found(self) -> bool:
        """Return whether what was withheld was found in Azure's record."""
        withheld = {one.key for one in self._schedule.deliveries if one.way is Way.WITHHELD}
        return not withheld or withheld <= {row.key for row in self._rows("event:")}

    def _gathered(self) -> RunRecord:
        rows = {row.key: row for prefix in ("event:", "rejected:") for row in self._rows(prefix)}
        fates = {row.key.removeprefix("sent:"): codec.sent(row) for row in self._rows("sent:")}
        arrived = self._services.arrived(fates)
        refused = [request for injector in self._injectors for request in injector.refused]
        return RunRecord(
            schedule=self._schedule,
            accepted=dict(self._accepted),
            left=tuple(self._left()),
            fates=fates,
            arrived=tuple(one._replace(at=one.at - self._began) for one in arrived),
            alerts=tuple(self._services.pagerduty.log),
            forms=self._services.forms(arrived),
            asked=frozenset(self._services.endpoint.questions),
            refused=frozenset(self._services.operations(refused, fates)),
            held_up=frozenset(self._door.held_up).union(*(one.held_up for one in self._injectors)),
            recorded={row.key: row.timestamp for row in rows.values()},
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
