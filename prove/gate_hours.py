"""Gates of update runs over days: their events in any order or none at all, polls in between, crashes.

The same troubles as in `hours`, with Resource Graph beside: runs are polled now and then, and what an event
did not bring a poll finds. Judged is who is asked, and when: once; reminded in time, and not after the end;
the end is told to whom was asked.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import msgspec

from prove.hours import Happening, HoursVerdict, Run, Told, quiet
from prove.troubles import Killed
from shared.notices import gates
from shared.notices.kinds import Kind
from shared.rounds.fleet_runs import FleetRuns
from shared.sources.arm import Arm, ArmError
from shared.store import codec
from shared.store.table import TableUnavailable
from testing.arm_endpoint import ArmEndpoint, Tokens
from testing.samples import fleets
from testing.samples.fleets import gate, run_row, status
from testing.samples.payloads import SUBSCRIPTION
from testing.world import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOUR = timedelta(hours=1)
FIRST = timedelta(hours=4)
"""`GATE_REMINDER` as it is by default."""

_ENDS = ("Completed", "Completed", "Skipped", "Deleted", "")


class GateCourse(msgspec.Struct, frozen=True):
    """A gate, each of a run of its own: when it begins to wait, and when and how that ends."""

    name: str
    asked: datetime
    ended: datetime
    how: str
    """Empty where it waits for ever."""
    is_pushed: tuple[bool, bool]
    """Whether an event tells of its beginning, and of its end; else a poll has to find it."""

    @property
    def is_brief(self) -> bool:
        """Whether it may begin and end between two polls: then its events alone tell of it."""
        return self.ended - self.asked < HOUR

    def is_over(self, now: datetime) -> bool:
        """Return whether it has ended."""
        return bool(self.how) and now >= self.ended


def run(seed: int) -> HoursVerdict:
    """Do one run, and judge it."""
    with quiet(), ArmEndpoint() as azure:
        azure.add_subscription(SUBSCRIPTION, "Proof")
        azure.quota = 1_000_000
        with Arm(Tokens(), azure.url) as arm:
            return GateRun(seed, azure, arm).go()


class GateRun(Run):
    """See Run."""

    storm, peace = timedelta(hours=30), timedelta(hours=70)

    def __init__(self, seed: int, azure: ArmEndpoint, arm: Arm) -> None:
        self._azure = azure
        self._arm = arm
        self._stories: list[GateCourse] = []
        self._shown: dict[str, dict[str, Any]] = {}
        self._known: dict[str, list[str]] = defaultdict(list)
        """The texts of a gate's events, by its name; the end's last."""
        super().__init__(seed, FLEETS=SUBSCRIPTION)
        azure.graph.now = self.clock.now

    def is_running(self, waiting: Sequence[Happening]) -> bool:  # noqa: ARG002 - as in Run
        """See Run: to the end, since reminders lie ahead."""
        return True

    def happenings(self) -> Iterator[Happening]:
        """See Run."""
        for number in range(self.random.randrange(3, 8)):
            asked = NOW + timedelta(hours=self.random.uniform(1, 40))
            ended = asked + timedelta(hours=self.random.choice((0.01, 0.3, 6, 20, 45)))
            pushed = (self.random.random() < 0.8, self.random.random() < 0.7)
            story = GateCourse(f"g{number}", asked, ended, self.random.choice(_ENDS), pushed)
            if story.is_brief:
                story = msgspec.structs.replace(story, is_pushed=(True, True))
            self._stories.append(story)
            yield from self._told_by_events(story)

    def _told_by_events(self, story: GateCourse) -> Iterator[Happening]:
        name = story.name
        parts: list[tuple[datetime, str, str]] = []
        if story.is_pushed[0]:
            parts.append((story.asked, "Pending", "Created"))
            if self.random.random() < 0.3 and not story.is_brief:
                parts.append((story.asked + timedelta(minutes=1), "Pending", "Updated"))
        if story.is_pushed[1] and story.how:
            state = "Pending" if story.how == "Deleted" else story.how
            parts.append((story.ended, state, "Deleted" if story.how == "Deleted" else "Updated"))
        for at, state, what in parts:
            text = gate(state, at, what=what, name=name, run=name)
            late = timedelta(hours=self.random.choice((0, 0, 0, 0.5, 6)))
            if at == story.ended:
                self._known[name].append(text)
            for again in range(self.random.choice((1, 1, 2, 3))):
                comes = at + late + again * timedelta(minutes=self.random.uniform(0, 90))
                self.struck["event of a gate delivered late or again"] += bool(late or again)
                yield Happening(comes - NOW, text, fleets.read(text).row_key() if not again else "", what)

    def sweep(self) -> None:
        """See Run: now and then an instance polls as well."""
        super().sweep()
        if self.random.random() < 0.3:
            self._poll(self.random.randrange(2))

    def _poll(self, number: int) -> None:
        self._show()
        instance = self.instances[number]
        polling = FleetRuns(instance.round_parts(self._arm))
        self.struck["poll of update runs"] += 1
        try:
            polling.run((SUBSCRIPTION,))
        except (TableUnavailable, ArmError):
            self.struck["poll that failed"] += 1
        except Killed:
            self.instances[number] = self.start(self.clocks[number])

    def _show(self) -> None:
        """Let Azure show how the runs and their gates are by now."""
        now = self.clock.now()
        for story in self._stories:
            row = self._row(story, now)
            if row == self._shown.get(story.name, {}):
                continue
            if story.name in self._shown:
                before = self._shown.pop(story.name)
                self._azure.graph.remove("aksresources", before["id"])
                if not row:
                    self._azure.gone.add(before["id"].lower())
            id_, body = _resource(story)
            self._azure.bodies.pop(id_, None)
            if row:
                self._azure.graph.add("aksresources", row)
                self._azure.bodies[id_] = body
                self._shown[story.name] = row

    def _row(self, story: GateCourse, now: datetime) -> dict[str, Any]:
        if now < story.asked or (story.is_over(now) and story.how == "Deleted"):
            return {}
        of_gate = status("Pending", story.asked)
        state = status("Pending", story.asked)
        if story.is_over(now):
            of_gate = status(story.how, story.asked, story.ended)
            state = status("Running", story.asked)
        stage = {"status": state, "members": {"blue": status("NotStarted")}, "gates": {story.name: of_gate}}
        return run_row(state, {"prod": stage}, name=story.name)

    # What came of it

    def lost(self, happenings: list[Happening], told: Told) -> Iterator[str]:
        """See Run. What came too often, or too late, or to nobody's use, is among it."""
        stored = set(self.table.keys("event:"))
        for happening in happenings:
            if happening.text not in self.accepted:
                yield f"not accepted: {happening.key}"
        at: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
        tried: dict[str, list[datetime]] = defaultdict(list)
        names = {gates.gate_of(fleets.read(_text(story)).row_key()): story.name for story in self._stories}
        for row in self.table.query("sent:", "sent:~", 100_000).rows:
            operation = row.key.removeprefix("sent:")
            if operation in self.service.times:
                for member in codec.sent(row).members:
                    name = names.get(gates.gate_of(member.key), "") if ":Gate" in member.key else ""
                    at[name, member.kind, member.lead].append(self.service.times[operation])
                    if member.lead:
                        tried[name].append(self.service.tried[operation])
        for story in self._stories:
            asked = at[story.name, Kind.GATE, ""]
            closed = at[story.name, Kind.GATE_CLOSED, ""]
            reminded = {
                int(lead): times[0]
                for (name, kind, lead), times in at.items()
                if (name, kind) == (story.name, Kind.GATE) and lead and times
            }
            yield from (f"{story.name}: {words}" for words in self._wrong(story, asked, closed, reminded))
            # What was in doubt by then goes as it is.
            if any(time > self._end_known(story) + HOUR for time in tried[story.name]):
                yield f"{story.name}: reminded after its end"
        told_of = {key for _, key, _ in told if key.startswith("event:")}
        yield from (f"{key} is told of, and not stored" for key in told_of - stored)

    def _wrong(
        self, story: GateCourse, asked: list[datetime], closed: list[datetime], reminded: dict[int, datetime]
    ) -> Iterator[str]:
        """Yield what is wrong with what was told of a gate."""
        over = NOW + self.storm + self.peace
        calm = NOW + self.storm + 3 * HOUR
        end = story.ended if story.how else over
        if len(asked) > 1:
            yield f"asked {len(asked)} times"
        if not asked and end > max(story.asked + 8 * HOUR, calm):
            yield "nobody was asked"
        if len(closed) > 1:
            yield f"the end told {len(closed)} times"
        if closed and not asked:
            yield "an answer to what was not asked"
        if closed and not story.how:
            yield "the end of what still waits"
        if asked and story.how and not closed and max(end + 8 * HOUR, calm) < over:
            yield "who was asked did not hear the end"
        yield from self._wrong_times([*asked[:1], *(reminded[lead] for lead in sorted(reminded))], end, calm)

    def _end_known(self, story: GateCourse) -> datetime:
        """Return when the end of a gate was known at the latest: by its event, or else by a poll in peace."""
        times = [self.accepted[text] for text in self._known[story.name] if text in self.accepted]
        if story.how and not story.is_brief:
            times.append(max(story.ended, NOW + self.storm) + HOUR)
        return min(times, default=NOW + self.storm + self.peace)

    def _wrong_times(self, times: list[datetime], end: datetime, calm: datetime) -> Iterator[str]:
        """Yield which reminders came early, and which are missing, in peace."""
        for number, (before, after) in enumerate(zip_longest(times, times[1:])):
            due = before + FIRST * 2**number
            if before < calm:
                continue
            if after is not None and after < due - timedelta(minutes=30):
                yield f"reminder {number + 1} came {due - after} early"
            if due + HOUR < end and (after is None or after > due + HOUR):
                yield f"reminder {number + 1} was due at {due}, and came at {after}"


def _text(story: GateCourse) -> str:
    return gate("Pending", story.asked, what="Created", name=story.name, run=story.name)


def _resource(story: GateCourse) -> tuple[str, dict[str, Any]]:
    """Return a gate as it is read by itself: its path, and what is there."""
    found = msgspec.json.decode(_text(story))["data"]["resourceInfo"]
    return str(found["id"]).lower(), found
