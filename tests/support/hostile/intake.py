"""Deliveries through the whole intake, into a table in memory: nothing is lost, and nothing raises."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from hypothesis import strategies as st

from local import payloads
from shared.events import Event, Ignored, Rejected, Status, parse
from shared.notices import Decision
from shared.store import codec, keys
from tests.support.hostile import Verdict
from tests.support.hostile.events import DELIVERIES, KEY, NOW
from tests.support.hostile.material import TEXTS, TIMES, changes, damaged, one_of_many, written
from tests.support.world import World

if TYPE_CHECKING:
    from shared.events import Item
    from shared.store.table import Stored
    from tests.support.hostile.material import Change


class Course(NamedTuple):
    """Deliveries one after the other to a notifier that knows of nothing yet; whether it mails them, too."""

    texts: tuple[str, ...]
    sweeps: bool = False


_NEWS = tuple(
    payloads.event(
        status,
        NOW - timedelta(hours=hours),
        scheduledTime=NOW + timedelta(days=7 - hours),
        startTime=NOW + timedelta(days=hours) if hours else None,
    )
    for status in (*Status, "Paused")
    for hours in (0, 1, 26)
)
"""News of one maintenance, to come in any order."""


def _damaged(body: str, made: list[Change]) -> str:
    return written(damaged(body, made))


_OF_ONE = st.builds(_damaged, one_of_many(_NEWS), changes(TEXTS | st.sampled_from(TIMES), most=1))
COURSES = st.builds(
    Course,
    st.lists(_OF_ONE, max_size=4).map(tuple)
    | st.lists(DELIVERIES.map(lambda one: one.text) | _OF_ONE, max_size=2).map(tuple),
    sweeps=st.integers(0, 7).map(lambda drawn: drawn == 7),
)

_TOLD = frozenset({Decision.NEW, Decision.RESCHEDULED, Decision.REPEATED, Decision.FAILED_AGAIN})
_KNOWN = frozenset({Decision.DUPLICATE, Decision.STALE})


def check_course(course: Course) -> Verdict:
    """Check that whatever comes is recorded, kept or known already, and what is to be told will be.

    Every row that is written can be read, under a key that the table takes.
    """
    world = World()
    words: list[str] = []
    for text in course.texts:
        items = parse(text, NOW)
        decisions = world.notifier.intake.take(text)
        assert len(decisions) == len(items)
        for item, decision in zip(items, decisions, strict=True):
            _check_kept(world, item, decision)
            words.append(decision.value)
    rows = _rows(world)
    _check_told(rows)
    if course.sweeps:
        world.sweep(minutes=10)
        world.sweep(minutes=10)
        left = [codec.work(row) for row in _rows(world) if row.key.startswith("work:")]
        assert not [row for row in left if isinstance(row, codec.NoticeRow | codec.MailRow)]
    return Verdict(tuple(words))


def _rows(world: World) -> list[Stored]:
    rows = [row for key in world.table.keys() if (row := world.table.get(key))]  # noqa: SIM118 - no mapping
    for row in rows:
        assert KEY.fullmatch(row.key)
    return rows


def _check_kept(world: World, item: Item, decision: Decision) -> None:
    match item.reading:
        case Ignored():
            assert decision is Decision.IGNORED
        case Rejected():
            assert decision in {Decision.REJECTED, Decision.DUPLICATE}
            row = world.table.get(keys.rejected(item.raw))
            assert row is not None
            kept = codec.rejected(row)
            assert kept.reason
            assert kept.raw == item.raw.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        case Event() as event:
            assert decision in _TOLD | _KNOWN
            found = world.table.keys(keys.history(event.event_id))
            assert found
            if decision is not Decision.DUPLICATE:
                stored = [codec.recorded(row).event for key in found if (row := world.table.get(key))]
                assert _as_known(event) in stored


def _as_known(event: Event) -> Event:
    """Give an event as it is recorded: never as from the future."""
    return msgspec.structs.replace(event, time=NOW) if event.time > NOW else event


def _check_told(rows: list[Stored]) -> None:
    told: set[str] = set()
    for row in rows:
        if row.key.startswith("work:"):
            told |= codec.refers_to(codec.work(row))
        elif row.key.startswith("sent:"):
            told |= {member.key for member in codec.sent(row).members}
    for row in rows:
        if row.key.startswith("event:") and codec.recorded(row).decision in _TOLD:
            assert row.key in told, "what is to be told is neither to be done nor done"
