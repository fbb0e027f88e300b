"""Hours and days in one process: clocks, outages, backlogs, foreign rows, other settings, slow storage.

The time is the table's own, and nothing waits for it: days pass in seconds. The app is the real one, over a
table in memory that fails, is slow, and loses answers; two instances, each with a clock of its own, die at
some of their writes and come back. Each run is made from a seed. It is long because a run is one thing: what
happens in it, and what came of that.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from prove import bugs
from prove.troubles import InstanceClock, Killed, TroubledService, TroubledTable
from shared import keys
from shared.app import Notifier
from shared.notices.kinds import ABOUT_MAIL, BEGUN, ENDS, Kind
from shared.store import codec
from shared.store.table import Operation, TableUnavailable, Verb
from testing.memory_table import MemoryTable
from testing.moving import MovingClock
from testing.samples.payloads import event, guid, scheduled
from testing.world import NOW, World, email_channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.store.table import BrowsableTable

STEP = timedelta(minutes=5)
STORM = timedelta(days=4)
PEACE = timedelta(days=2)
LEAD = timedelta(hours=24)
LEASE = timedelta(minutes=2)

COURSES = (
    ("Failed",),
    ("Started",),
    ("Started", "Completed"),
    ("Started", "Failed"),
    ("Scheduled",),
    ("Scheduled",),
    ("Scheduled", "Started", "Completed"),
    ("Scheduled", "Canceled"),
)
SETTINGS = (
    {"EMAIL_FROM": "other@example.com"},
    {"GROUP_INTERVAL": "30m"},
    {"GROUP_WAIT": "0s"},
    {"TIME_ZONE": "Asia/Tokyo"},
    {"EMAIL_PER_MINUTE": "20", "EMAIL_PER_HOUR": "200"},
)
FOREIGN: tuple[tuple[str, dict[str, Any]], ...] = (
    (keys.work(NOW, "future"), {"kind": "something new"}),
    (keys.work(NOW, "nothing"), {}),
    ("work:not-a-time", {"kind": "notice"}),
    ("event:garbage", {"kind": "event", "facts": "{"}),
    ("cluster:garbage", {"kind": "cluster", "facts": "{"}),
    ("sent:garbage", {"kind": "sent", "state": 7}),
)


Told: TypeAlias = Counter[tuple[str, str, str]]
"""How often each kind of news was told of each row, with each lead."""


class Happening(msgspec.Struct, frozen=True):
    """An event, and when Event Grid begins to deliver it."""

    at: timedelta
    text: str
    key: str
    status: str
    start: datetime | None = None


class HoursVerdict(msgspec.Struct, frozen=True):
    """What came of a run."""

    seed: int
    events: int
    mails: int
    struck: dict[str, int]
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    untrue: tuple[str, ...]
    unfinished: tuple[str, ...]
    """Work that the run's end has cut short: no loss, but nothing proved either."""

    @property
    def is_bad(self) -> bool:
        """Whether a promise was broken."""
        return bool(self.lost or self.twice or self.untrue)

    @property
    def wrong(self) -> str:
        """What is wrong, in a few words."""
        found = {"lost": self.lost, "twice": self.twice, "untrue": self.untrue, "unfinished": self.unfinished}
        return "; ".join(f"{name}: {', '.join(words[:5])}" for name, words in found.items() if words)


def run(seed: int) -> HoursVerdict:
    """Do one run, and judge it."""
    with quiet():
        return Run(seed).go()


@contextmanager
def quiet() -> Iterator[None]:
    """Let nothing be logged: what goes wrong here is meant to."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def runs(
    seeds: Sequence[int], bug: str = "", one: Callable[[int], HoursVerdict] = run
) -> Iterator[HoursVerdict]:
    """Do one run for each seed, over as many processes as there are cores, with a bug planted or without."""
    plants = (bugs.Bug(bug),) if bug else ()
    with multiprocessing.get_context("spawn").Pool(initializer=_begin, initargs=(plants,)) as pool:
        yield from pool.imap(one, seeds)


def _begin(plants: Sequence[bugs.Bug]) -> None:
    for bug in plants:
        bugs.plant(bug)


def caught(bug: str, seeds: Sequence[int]) -> HoursVerdict | None:
    """Return the first run that shows a bug, where the same seed without it is clean."""
    for verdict in runs(seeds, bug):
        if verdict.is_bad and not next(runs([verdict.seed])).is_bad:
            return verdict
    return None


class Run:
    """One run on its way."""

    storm, peace = STORM, PEACE

    def __init__(self, seed: int, **settings: str) -> None:
        self.seed = seed
        self.random = Random(f"hours {seed}")
        self.struck: Counter[str] = Counter()
        self.clock = MovingClock(NOW)
        self._is_stormy = True
        self._is_slow = self.random.random() < 0.2
        self._nested = False
        self.spared = 0
        """Writes that succeed."""
        self.table = MemoryTable(self.clock.now)
        self.service = TroubledService(self)
        self._settings: dict[str, str] = {"LEASE": "2m", "REMINDER_LEADS": "24h"}
        self._settings |= {"NOT_STARTED_AFTER": "0s", "STILL_RUNNING_AFTER": "0s", **settings}
        self._outages = {name: list(self._periods()) for name in ("mail", "table")}
        self.clocks = [InstanceClock(self.clock) for _ in range(2)]
        self.instances = [self.start(clock) for clock in self.clocks]
        self.accepted: dict[str, datetime] = {}

    def go(self) -> HoursVerdict:
        """Let it storm for days, then do in peace what is left, and judge."""
        waiting = sorted(self.happenings(), key=lambda happening: happening.at)
        happenings = list(waiting)
        while self.clock.now() < NOW + self.storm:
            self._change_something()
            due = [one for one in waiting if NOW + one.at <= self.clock.now()]
            for happening in due[:500]:
                if self._deliver(happening):
                    waiting.remove(happening)
            self.sweep()
            self.clock.until(self.clock.now() + STEP)
        self._is_stormy = False
        until = self.clock.now() + self.peace
        while self.clock.now() < until and (self.is_running(waiting)):
            now = self.clock.now() - NOW
            waiting = [one for one in waiting if one.at > now or not self._deliver(one)]
            self.sweep()
            self.clock.until(self.clock.now() + STEP)
        return self._judge(happenings)

    def is_running(self, waiting: Sequence[Happening]) -> bool:
        """Return whether there is anything left to happen."""
        return bool(waiting or self._left())

    # What happens

    def takes(self) -> None:
        """Let a round trip take its time."""
        if self._is_slow and self._is_stormy:
            self.clock.forward(seconds=self.random.choice((0.02, 0.5, 2)))

    def strikes(self, name: str, rate: float) -> bool:
        """Return whether something goes wrong at this moment."""
        if self.spared and "question" not in name and "mail" not in name:
            self.spared -= name.startswith("write: not done")
            return False
        hits = self._is_stormy and (self.random.random() < rate or (self.is_out("table") and "read" in name))
        self.struck[name] += hits
        return hits

    def is_out(self, what: str) -> bool:
        """Return whether something is away for hours."""
        return self._is_stormy and any(
            begin <= self.clock.now() - NOW < end for begin, end in self._outages[what]
        )

    def meanwhile(self) -> None:
        """Let the other instances go on, while a request is held up for longer than its lease."""
        if self._nested:
            return
        self._nested = True
        for _ in range(3):
            self.clock.forward(minutes=6)
            self.sweep()
        self._nested = False

    def _periods(self) -> Iterator[tuple[timedelta, timedelta]]:
        for _ in range(self.random.randrange(3)):
            begin = timedelta(hours=self.random.uniform(0, 80))
            yield begin, begin + timedelta(hours=self.random.uniform(0.2, 9))

    def happenings(self) -> Iterator[Happening]:
        """Yield what Event Grid delivers, and when."""
        for number in range(self.random.randrange(4, 12)):
            name, at = f"m{number}", timedelta(hours=self.random.uniform(0, 60))
            start = NOW + at + timedelta(hours=self.random.uniform(30, 60))
            for status in self.random.choice(COURSES):
                yield self._happening(name, status, at, start)
                at += timedelta(hours=self.random.uniform(0.1, 8))
                if self.random.random() < 0.3:
                    yield self._happening(name, status, at, start, envelope="again")
        backlog = self.random.choice((0, 0, 0, 0, 0, 0, 300, 300, 2_000)) if self.seed % 5 == 0 else 0
        self.struck["events at once, a backlog"] += backlog
        at = timedelta(hours=self.random.uniform(0, 60))
        for number in range(backlog):
            yield self._happening(f"b{number}", "Completed", at, NOW)

    def _happening(
        self, name: str, status: str, at: timedelta, start: datetime, envelope: str = ""
    ) -> Happening:
        time = NOW + at
        first = not envelope
        id_ = guid(f"{name} {status}")
        if status == "Scheduled":
            text = scheduled(time, start, name=name, cluster=name, envelope=id_)
        else:
            text = event(status, time, name=name, cluster=name, envelope=id_)
        key = f"{keys.history(guid(name))}{status}"
        late = timedelta(hours=self.random.choice((0, 0, 0, 0, 6)))
        return Happening(
            at + late, text, key if first else "", status, start if status == "Scheduled" else None
        )

    def _change_something(self) -> None:
        for number, clock in enumerate(self.clocks):
            if self.random.random() < 0.01:
                self.struck["clock of an instance jumps"] += 1
                minutes = self.random.choice((0, -5, 5, -90, 90, 60 * 24 * 30, -60 * 24 * 400))
                clock.off = timedelta(minutes=minutes)
            if self.random.random() < 0.005:
                self.struck["other settings"] += 1
                self._settings |= self.random.choice(SETTINGS)
                self.instances[number] = self.start(clock)
        if self.random.random() < 0.01:
            self.struck["foreign row"] += 1
            key, values = self.random.choice(FOREIGN)
            if self.table.get(key) is None:
                self.table.commit([Operation(Verb.INSERT, key, values)])
        if self.random.random() < 0.003 and self.table.get(keys.GATE) is not None:
            self.struck["gate made unreadable"] += 1
            self.table.commit([Operation(Verb.MERGE, keys.GATE, {"until": "tomorrow"})])

    def start(self, clock: InstanceClock) -> Notifier:
        """Start an instance with the settings of now, at its clock."""
        world = World(self.table, **self._settings)
        table: BrowsableTable = TroubledTable(self.table, self)
        return Notifier(world.config, table, {"": email_channel(world.config, self.service)}, clock)

    def _deliver(self, happening: Happening) -> bool:
        number = self.random.randrange(2)
        try:
            self.instances[number].intake.take(happening.text)
        except TableUnavailable:
            return False
        except Killed:
            self.instances[number] = self.start(self.clocks[number])
            return False
        self.accepted.setdefault(happening.text, self.clock.now())
        return True

    def sweep(self) -> None:
        """Let both instances sweep, in any order."""
        for number in self.random.sample(range(2), 2):
            try:
                self.instances[number].delivery.sweep()
            except TableUnavailable:
                pass
            except Killed:
                self.instances[number] = self.start(self.clocks[number])

    # What came of it

    def _left(self) -> list[str]:
        """Return the keys of what is still to be done, but for what is for later and what nobody can read."""
        foreign = {key for key, _ in FOREIGN}
        rows = self.table.query("work:1", keys.work_until(self.clock.now())).rows
        return [row.key for row in rows if row.key not in foreign]

    def _judge(self, happenings: list[Happening]) -> HoursVerdict:
        fates = {
            row.key.removeprefix("sent:"): codec.sent(row)
            for row in self.table.query("sent:", "sent:" + keys.AFTER, 100_000).rows
            if row.key != "sent:garbage"
        }
        arrived = Counter(self.service.arrived)
        told: Told = Counter()
        for operation, fate in fates.items():
            if arrived[operation]:
                told.update((member.kind, member.key, member.lead) for member in fate.members)
        twice = [f"mail {operation} left {times} times" for operation, times in arrived.items() if times > 1]
        twice += [
            f"told {times} times: {kind} {key}"
            for (kind, key, _), times in told.items()
            if times > 1 and kind not in ABOUT_MAIL and kind != Kind.UNREADABLE
        ]
        untrue = [
            f"mail {operation} arrived, and the table does not say so"
            for operation in arrived
            if operation not in fates or fates[operation].state != "sent"
        ]
        untrue += [
            f"mail {operation} never arrived, and the table says sent"
            for operation, fate in fates.items()
            if fate.state == "sent" and not arrived[operation]
        ]
        lost = list(self.lost(happenings, told))
        return HoursVerdict(
            self.seed,
            len(self.accepted),
            len(fates),
            dict(self.struck),
            tuple(lost),
            tuple(twice),
            tuple(untrue),
            tuple(self._left()),
        )

    def lost(self, happenings: list[Happening], told: Told) -> Iterator[str]:
        """Find what was accepted and not stored, and what was not told."""
        stored = set(self.table.keys("event:"))
        known = {(kind, keys.history_of(key)) for kind, key, _ in told if key.count(":") > 1}
        for happening in happenings:
            if not happening.key:
                continue
            if happening.text not in self.accepted:
                yield f"not accepted: {happening.key}"
                continue
            history = keys.history_of(happening.key)
            if not any(key.startswith(happening.key) for key in stored):
                yield f"accepted and not stored: {happening.key}"
            statuses = [happening.status]
            if happening.status not in ENDS:
                statuses += ENDS
            if happening.status == "Scheduled":
                statuses += BEGUN
            if not any((Kind(status.lower()), history) in known for status in statuses):
                yield f"not told: {happening.key}"
            is_due = happening.start and self._needs_reminder(happening, stored)
            if is_due and (Kind.REMINDER, history) not in known:
                yield f"no reminder: {happening.key}"

    def _needs_reminder(self, happening: Happening, stored: set[str]) -> bool:
        """Return whether a reminder had its hour well after the announcement, and nothing came in between."""
        assert happening.start is not None
        history = keys.history_of(happening.key)
        others = [key for key in stored if key.startswith(history) and not key.startswith(happening.key)]
        due = happening.start - LEAD
        in_time = self.accepted[happening.text] + timedelta(hours=6) < due
        return in_time and not others and happening.start < self.clock.now() and self._was_up(due)

    def _was_up(self, due: datetime) -> bool:
        """Return whether mail and table were there for some hours of the day before a start."""
        hours = [due + timedelta(hours=hour) for hour in range(2, 22)]
        down = [
            any(begin - timedelta(hours=1) <= hour - NOW < end + timedelta(hours=2) for begin, end in periods)
            for periods in self._outages.values()
            for hour in hours
        ]
        return down.count(True) < len(hours) // 2
