"""A patch night, made up: clusters, the teams that hear of them, and all that happens, in its order.

For the demo, where it takes half a minute, and for tests, where it takes hours of a clock that they move.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from shared import keys
from shared.notices.kinds import Kind
from testing.samples.payloads import event, guid, scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PLATFORM = "platform"
"""The audience that hears of one cluster in ten, besides the team that owns it."""

SHARED = "*-shared-*"

_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")

_DRAIN = (
    "(UpgradeFailed) Drain node aks-blue-31415926-vmss00002k failed when evicting pod cart-7c9d8-xk2vp failed"
    " with Too Many Requests error. This error is often caused by a restrictive Pod Disruption Budget (PDB)"
    " policy. See https://aka.ms/aks/debugdrainfailures. Original error: Cannot evict pod as it would violate"
    " the pod's disruption budget.. PDB debug info: shop/cart-7c9d8-xk2vp blocked by pdb cart-pdb with 0"
    " unready pods."
)
_SUBNET = (
    'Code="SubnetIsFull" Message="Subnet snet-aks-nodes with address prefix 10.40.16.0/22 does not have'
    ' enough capacity for 33 IP addresses."'
)


class Happening(NamedTuple):
    """Something that happens to a cluster, and the event that says so."""

    at: datetime
    cluster: str
    status: str
    text: str

    @property
    def key(self) -> str:
        """The key of the event's row."""
        return f"{keys.history(guid(self.cluster))}{self.status}"

    @property
    def kind(self) -> Kind:
        """What it is told as."""
        return Kind(self.status.lower())


@dataclass(frozen=True)
class Night:
    """All that happens, in the order of the times, and who is to hear of which cluster."""

    routes: str
    """The setting ROUTES."""
    hearing: dict[str, tuple[str, ...]]
    """The audiences of each cluster."""
    events: tuple[Happening, ...]


@dataclass(frozen=True)
class Course:
    """How a night goes, by its own clock; `speed` is by how much that runs faster than the app's."""

    announced_within: timedelta = timedelta(minutes=10)
    """All clusters are announced in this time."""
    started_within: timedelta = timedelta(hours=2)
    """They start one after the other in this time, the first five minutes after the last announcement."""
    takes: tuple[timedelta, timedelta] = (timedelta(minutes=12), timedelta(minutes=40))
    """From start to end, at least and at most."""
    failing: float = 0.04
    """How many fail. Every second of them is in one team, and all of those fail at the same time."""
    speed: float = 1


def patch_night(
    began: datetime, clusters: int, audiences: int, course: Course | None = None, seed: int = 1
) -> Night:
    """Make up a night; the same arguments give the same one.

    The platform team is one of the audiences; the others own the clusters, some few and some many. Every
    second cluster that fails completes after all.
    """
    random = Random(seed)
    course = course or Course()
    teams = [f"team-{number:02d}" for number in range(1, audiences)]
    owners = [*teams, *random.choices(teams, weights=range(1, audiences), k=clusters - len(teams))]
    hearing: dict[str, tuple[str, ...]] = {}
    for number, team in enumerate(sorted(owners)):
        if number % 10:
            hearing[f"{team}-prod-{number:03d}"] = (team,)
        else:
            hearing[f"{team}-shared-{number:03d}"] = (PLATFORM, team)
    failing = _failing(list(hearing), course, random)
    told = [
        happening
        for cluster in hearing
        for happening in _maintenance(cluster, began, course, random, failing.get(cluster))
    ]
    return Night(_routes(teams), hearing, tuple(sorted(told)))


class _Failure(NamedTuple):
    reason: str
    together: bool
    """Whether it fails when the others of its team do."""
    recovers: bool


def _failing(clusters: Sequence[str], course: Course, random: Random) -> dict[str, _Failure]:
    number = round(len(clusters) * course.failing)
    together = clusters[-(number // 2) :] if number > 1 else []
    alone = random.sample(clusters[: len(clusters) - len(together)], k=number - len(together))
    return {
        cluster: _Failure(_SUBNET if cluster in together else _DRAIN, cluster in together, index % 2 == 1)
        for index, cluster in enumerate([*alone, *together])
    }


def _maintenance(
    cluster: str, began: datetime, course: Course, random: Random, failure: _Failure | None
) -> Iterator[Happening]:
    """Yield the events of one cluster, from announcement to end."""

    def at(time: timedelta) -> datetime:
        return began + timedelta(seconds=round(time.total_seconds()) / course.speed)

    def happens(time: timedelta, status: str, **more: str) -> Happening:
        text = event(status, at(time), name=cluster, cluster=cluster, **more)
        return Happening(at(time), cluster, status, text)

    least, most = course.takes
    announced = random.random() * course.announced_within
    started = course.announced_within + timedelta(minutes=5) + random.random() * course.started_within
    ended = started + least + random.random() * (most - least)
    if failure and failure.together:
        started = course.announced_within + timedelta(minutes=5) + course.started_within / 2
        ended = started + least + random.random() * timedelta(minutes=1)
    text = scheduled(at(announced), at(started), name=cluster, cluster=cluster)
    yield Happening(at(announced), cluster, "Scheduled", text)
    yield happens(started, "Started")
    if failure:
        yield happens(ended, "Failed", details=failure.reason)
        ended += least
    if failure is None or failure.recovers:
        yield happens(ended, "Completed")


def _routes(teams: Sequence[str]) -> str:
    """Write the routes; JSON is YAML."""
    audiences = [
        {"name": name, "to": f"{name}@example.com", "time_zone": _ZONES[number % len(_ZONES)]}
        for number, name in enumerate([PLATFORM, *teams])
    ]
    shared = {"match": {"cluster": SHARED}, "audiences": [PLATFORM], "continue": "true"}
    owned = [{"match": {"cluster": f"{team}-*"}, "audiences": [team]} for team in teams]
    return json.dumps({"audiences": audiences, "routes": [shared, *owned]})
