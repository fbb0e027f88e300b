"""What happens in one run, made from a seed: the same seed gives the same happenings and the same faults.

How the processes' steps fall between each other is up to the machine, so a seed is a schedule of what is
done to the app, and when by its own count of requests; run again, it may take another course.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from prove.audiences import TEAMS, MailWay, Place, places
from prove.faults import KINDS, LATE, STOPS, Death
from shared import keys
from shared.rounds.reconcile import GRACE
from testing.samples import fleets
from testing.samples.fleets import gate
from testing.samples.payloads import EVENT_TYPE, event, guid, scheduled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.channels.channel import Temper

STORMS = (7.0, 7.0, 24.0)
"""Seconds for which faults strike and processes die; the rest is done in peace. In a long storm
leases run out, and recovery is struck as well."""

REMINDED_AFTER = (6.0, 12.0)
"""Seconds from the beginning to the hour of a reminder."""

LEAD = timedelta(hours=24)

_MOMENTS = {"read": 16, "write": 26, "send": 6, "ask": 2, "post": 6}
"""The last moment of a life at which it may end, by whose requests count."""

_COURSES = (
    ("Failed",),
    ("Failed",),
    ("Started",),
    ("Started", "Completed"),
    ("Started", "Failed"),
    ("Started", "Failed", "Completed"),
    ("Scheduled",),
    ("Scheduled", "Started"),
    ("Scheduled", "Canceled"),
    ("Scheduled", "Failed"),
    ("Reminded",),
    ("Reminded",),
    ("Reminded", "Started"),
    ("Reminded", "Again"),
    ("Reminded", "Again", "Canceled"),
    ("GatePending",),
    ("GatePending", "GateCompleted"),
    ("GatePending", "GateCompleted"),
)


class Way(StrEnum):
    """How an event reaches the app, where it reconciles."""

    PUSHED = "brought"
    BOTH = "brought and recorded"
    """Event Grid brings it, and it is found in Azure's record, in any order."""
    WITHHELD = "withheld, only recorded"
    """It is in Azure's record alone."""


class Delivery(NamedTuple):
    """An event handed to an instance: again and again, until that one or another takes it."""

    at: float
    """Seconds after the beginning."""
    instance: int
    key: str
    """The key of the event's row; "" for what is no event."""
    cluster: str
    text: str
    is_repeat: bool
    out_of_order: bool
    way: Way = Way.PUSHED


class Schedule(msgspec.Struct, frozen=True):
    """All that is done to the app in one run."""

    seed: int
    began: datetime
    mail: MailWay
    storm: float
    rate: float
    """Of how many requests a fault strikes one."""
    kinds: tuple[str, ...]
    deliveries: tuple[Delivery, ...]
    deaths: tuple[tuple[Death, ...], ...]
    """By instance."""
    reminders: dict[str, float]
    """When the hour of a reminder is, in seconds after the beginning, by the key of the announcement."""
    reconciles: bool = False
    """Whether there is a record of Azure's, which the instances hold against what came."""
    places: tuple[Place, ...] = ()
    """Where audiences are told beside their mails."""
    down: Place | None = None
    """The one that takes nothing until all work for the others is done."""

    def of_audience(self, audience: str) -> Iterator[tuple[str, Place | None]]:
        """Return the targets of an audience, by their keys: mail first, and then its places."""
        yield "", None
        yield from ((place.key, place) for place in self.places if place.audience == audience)

    def temper(self, target: str) -> Temper:
        """Return what a target does about a repeat."""
        return next((place.temper for place in self.places if place.key == target), self.mail.temper)


class Part(StrEnum):
    """What a run presumes of the mail service and of how late a request may reach it."""

    WITHIN = "within"
    """Promise 2 holds: the service honours operation ids, or no request reaches it after its lease."""
    BEYOND = "beyond"
    """It ignores them, and requests reach it after the lease of their sender: mails may go out twice."""


def make(seed: int, began: datetime, instances: int = 2, part: Part = Part.WITHIN) -> Schedule:
    """Make the schedule of a seed that begins at a time."""
    random = Random(f"schedule {seed}")
    mail = MailWay.IGNORES if part is Part.BEYOND else tuple(MailWay)[seed % len(MailWay)]
    kinds = [kind.name for kind in KINDS if kind.name not in LATE or mail is not MailWay.IGNORES]
    if random.random() < 0.7:
        kinds = random.sample(kinds, len(kinds) // 2)
    reconciles = seed % 3 == 2 and part is Part.WITHIN
    # An event is older than its delivery; reconcile leaves younger ones alone.
    age = GRACE + timedelta(minutes=10) if reconciles else timedelta(minutes=1)
    reminders: dict[str, float] = {}
    happenings: list[Delivery] = []
    for number in range(random.randint(3, 6)):
        team = random.choice(("none", *TEAMS))
        cluster = f"c{seed}-{team}-{number}"
        happenings += _maintenance(random, cluster, began, age, reminders)
    if random.random() < 0.3:
        happenings.append(Delivery(random.uniform(0, 3), 0, "", "", _no_event(seed), False, False))
    if reconciles:
        happenings = list(_on_their_ways(Random(f"ways {seed}"), happenings))
    deliveries = [
        delivery._replace(instance=random.randrange(instances))
        for happening in happenings
        for delivery in _delivered(random, happening)
        if not (delivery.is_repeat and delivery.way is Way.WITHHELD)
    ]
    told_at = places(Random(f"places {seed}")) if part is Part.WITHIN else ()
    down = Random(f"down {seed}").choice(told_at) if told_at and seed % 4 == 3 else None
    return Schedule(
        seed,
        began,
        mail,
        storm=random.choice(STORMS),
        rate=random.choice((0.03, 0.08, 0.15, 0.25)),
        kinds=tuple(LATE & {kind.name for kind in KINDS}) if part is Part.BEYOND else tuple(kinds),
        deliveries=tuple(sorted(deliveries)),
        deaths=tuple(tuple(_deaths(random, mail)) for _ in range(instances)),
        reminders=reminders,
        reconciles=reconciles,
        places=told_at,
        down=down,
    )


def _on_their_ways(random: Random, happenings: Iterable[Delivery]) -> Iterator[Delivery]:
    """Let what is told even if it comes late come another way; past starts and ends are not."""
    for happening in happenings:
        is_told_late = happening.key.rpartition(":")[2] in {"Failed", "Scheduled", "Canceled"}
        way = random.choice((Way.BOTH, Way.BOTH, Way.WITHHELD)) if is_told_late else Way.PUSHED
        yield happening._replace(way=way)


def _maintenance(
    random: Random, cluster: str, began: datetime, age: timedelta, reminders: dict[str, float]
) -> Iterator[Delivery]:
    """Yield the deliveries of one maintenance, in its order or not."""
    course = random.choice(_COURSES)
    due = random.uniform(*REMINDED_AFTER)
    times = sorted(random.uniform(0, 3) for _ in course)
    shuffled = random.sample(times, len(times)) if random.random() < 0.3 else times
    for status, happens, comes in zip(course, times, shuffled, strict=True):
        time = began + timedelta(seconds=happens) - age
        if status in {"Reminded", "Again"}:
            # AKS says it twice: the same start, in another envelope. That is not told again.
            status = "Scheduled"  # noqa: PLW2901 - a Scheduled like any other from here on
            text = scheduled(time, began + timedelta(seconds=due) + LEAD, name=cluster, cluster=cluster)
            reminders[f"{keys.history(guid(cluster))}Scheduled"] = due
        elif status.startswith("Gate"):
            state = status.removeprefix("Gate")
            text = gate(state, time, what=_WHAT[state], name=cluster, run=cluster)
            yield Delivery(comes, 0, fleets.read(text).row_key(), cluster, text, False, comes != happens)
            continue
        elif status == "Scheduled":
            text = scheduled(time, None, name=cluster, cluster=cluster)
        else:
            text = event(status, time, name=cluster, cluster=cluster)
        key = f"{keys.history(guid(cluster))}{status}"
        yield Delivery(comes, 0, key, cluster, text, False, comes != happens)


_WHAT = {"Pending": "Created", "Completed": "Updated"}


def _no_event(seed: int) -> str:
    """Write what Event Grid may deliver and nobody can understand."""
    return msgspec.json.encode({"id": str(seed), "type": EVENT_TYPE, "specversion": "1.0"}).decode()


def _delivered(random: Random, delivery: Delivery) -> Iterator[Delivery]:
    """Deliver it once, or once more: at the same time, soon after, or late."""
    yield delivery
    if random.random() < 0.3:
        later = random.choice((0.0, random.uniform(0, 0.1), random.uniform(0, 3)))
        yield delivery._replace(at=delivery.at + later, is_repeat=True)


def _deaths(random: Random, mail: MailWay) -> Iterator[Death]:
    for life in range(random.choice((0, 1, 1, 2))):
        side = random.choices(tuple(_MOMENTS), (2, 2, 3, 5, 3))[0]
        moment = random.randint(1, _MOMENTS[side])
        if random.random() < 0.75:
            yield Death(life, side, moment)
        else:
            stops = [span for name, span in STOPS.items() if name not in LATE or mail is not MailWay.IGNORES]
            yield Death(life, side, moment, random.uniform(*random.choice(stops)))
