"""A process may die at any step: nothing is lost, and nothing is sent twice.

Every request to the table and to the mail service is a boundary, with a moment before it and one after it.
The same story is told once for each of these moments: the process dies there, Event Grid delivers again what
was not acknowledged, and another process goes on.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest

from shared.channels.email import compose
from shared.channels.outcomes import Accepted, Outcome
from shared.events.envelope import parse
from shared.events.model import Event
from shared.store.codec import sent as read_sent
from testing.memory_table import MemoryTable
from testing.samples.payloads import event, guid, scheduled
from testing.world import NOW, ScriptedMailer, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shared.audience import Audience
    from shared.channels.email.compose import Branding
    from shared.channels.email.email import Email
    from shared.channels.outcomes import Timeouts
    from shared.notices.records import Mail, Row
    from shared.store.table import Operation, Page, Stored


class Died(BaseException):
    """The process has died: nothing catches this."""


class Fuse:
    """Counts boundaries, and kills at one of them."""

    def __init__(self, at: int) -> None:
        self.left = at

    def burn(self) -> None:
        """Pass one moment."""
        self.left -= 1
        if self.left == 0:
            raise Died


class MortalTable(MemoryTable):
    """A table whose user may die before or after each request."""

    fuse: Fuse

    def get(self, key: str) -> Stored | None:
        """See Table."""
        self.fuse.burn()
        row = super().get(key)
        self.fuse.burn()
        return row

    def query(self, first: str, last: str, limit: int = 1_000) -> Page:
        """See Table."""
        self.fuse.burn()
        page = super().query(first, last, limit)
        self.fuse.burn()
        return page

    def commit(self, operations: Sequence[Operation]) -> list[str]:
        """See Table."""
        self.fuse.burn()
        etags = super().commit(operations)
        self.fuse.burn()
        return etags


class MortalMailer(ScriptedMailer):
    """A mail service whose user may die before or after each request."""

    fuse: Fuse

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:
        """See Mailer."""
        self.fuse.burn()
        self.take(email, operation_id)
        self.fuse.burn()
        return Accepted()


def _naming(text: str, number: int) -> str:
    body = json.loads(text)
    properties = body["data"]["resourceInfo"]["properties"]
    (first,) = properties["resources"]
    properties["resources"] += [f"{first}-{n}" for n in range(number)]
    return json.dumps(body)


SEVERAL = _naming(event("Failed", NOW, name="several"), 30)
"""More clusters than a transaction holds."""


def _story() -> Iterator[tuple[timedelta, str]]:
    """Return what happens, and when after the one before: each another maintenance, so that all is told."""
    second = timedelta(seconds=1)
    yield second, scheduled(NOW, timedelta(days=8), name="scheduled")
    yield second, event("Started", NOW, name="started")
    for name in "abcde":
        yield second, event("Failed", NOW, name=f"failed {name}")
    yield second, SEVERAL
    yield timedelta(minutes=2), event("Completed", NOW, name="completed")
    yield second, json.dumps({"no": "event"})


def _tell(world: World, fuse: Fuse) -> None:
    """Return the story to the end, over as many processes as it takes."""

    def live(step: str | None) -> None:
        while True:
            try:
                if step is not None:
                    world.notifier.intake.take(step)
                world.notifier.delivery.sweep()
            except Died:
                world.notifier = world.instance()
                world.clock.forward(seconds=10)
            else:
                return

    for after, text in _story():
        world.clock.forward(seconds=after.total_seconds())
        live(text)
    for _ in range(15):
        world.clock.forward(minutes=1)
        live(None)
    world.clock.forward(days=1)
    for _ in range(9 * 4):
        world.clock.forward(hours=6)
        live(None)
    fuse.left = 0


def _world(at: int) -> tuple[World, Fuse]:
    world = World()
    fuse = Fuse(at)
    table, mailer = MortalTable(world.clock.now), MortalMailer()
    table.fuse = mailer.fuse = fuse
    world.table, world.mailer = table, mailer
    world.notifier = world.instance()
    return world, fuse


def _told(world: World) -> Counter[str]:
    """Count what the mails that arrived have told, by notice."""
    fates = {row.key: read_sent(row) for row in MemoryTable.query(world.table, "sent:", "sent;").rows}
    counts: Counter[str] = Counter()
    for operation_id, _ in world.mailer.arrived:
        sent = fates[f"sent:{operation_id}"]
        assert sent.state == "sent"
        counts.update(f"{member.kind} {member.key} {member.lead}" for member in sent.members)
    return counts


EXPECTED = {
    f"scheduled event:{guid('scheduled')}:Scheduled ",
    f"reminder event:{guid('scheduled')}:Scheduled 7d",
    f"reminder event:{guid('scheduled')}:Scheduled 24h",
    f"not-started event:{guid('scheduled')}:Scheduled ",
    f"started event:{guid('started')}:Started ",
    f"still-running event:{guid('started')}:Started ",
    f"completed event:{guid('completed')}:Completed ",
    *(f"failed event:{guid(f'failed {name}')}:Failed " for name in "abcde"),
    *(f"failed {item.reading.row_key()} " for item in parse(SEVERAL, NOW) if isinstance(item.reading, Event)),
}

_WITHOUT_DEATH = 10**9


@pytest.fixture(autouse=True)
def composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose each frozen mail once, since it is the same bytes whenever the story is told."""
    made: dict[str, Email] = {}
    whole = compose.compose

    def remembered(mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding) -> Email:
        key = repr((mail, rows, audience))
        if key not in made:
            made[key] = whole(mail, rows, audience, branding)
        return made[key]

    monkeypatch.setattr(compose, "compose", remembered)


@cache
def moments() -> int:
    """Return how many moments the story has without a death."""
    world, fuse = _world(_WITHOUT_DEATH)
    live = fuse.left
    for after, text in _story():
        world.clock.forward(seconds=after.total_seconds())
        world.notifier.intake.take(text)
        world.notifier.delivery.sweep()
    for _ in range(15):
        world.sweep(minutes=1)
    return live - fuse.left


def test_the_story_has_many_boundaries() -> None:
    """The story passes through well over a hundred moments at which a process can die."""
    assert moments() > 100


@pytest.mark.slow
@pytest.mark.parametrize("start", range(8))
def test_dying_at_any_moment_loses_nothing_and_sends_nothing_twice(start: int) -> None:
    """Wherever the process dies, every notice is told exactly once."""
    for at in range(1 + start, moments() + 60, 8):
        world, fuse = _world(at)
        _tell(world, fuse)
        told = _told(world)
        rejected = [notice for notice in told if notice.startswith("rejected ")]
        assert len(rejected) == 1, f"died at moment {at}"
        assert told.keys() - rejected == EXPECTED, f"died at moment {at}"
        assert set(told.values()) == {1}, f"died at moment {at}"
        left = [row.key for row in MemoryTable.query(world.table, "work:1", "work;").rows]
        assert left == [], f"died at moment {at}"
