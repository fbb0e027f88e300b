"""Deliveries through the whole intake, into a table in memory: nothing is lost, and nothing raises."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from hypothesis import strategies as st

from shared import keys
from shared.audience import DEFAULT_AUDIENCE
from shared.events.envelope import named, parse
from shared.events.model import ClusterNews, Event, Ignored, Rejected, Status
from shared.notices.kinds import Decision
from shared.notices.kinds import Kind as NoticeKind
from shared.store import codec
from shared.store.rows import MailRow, NoticeRow
from testing.hostile import InputVerdict
from testing.hostile.events import DELIVERIES, KEY, NOW
from testing.hostile.material import TEXTS, TIMES, changes, one_of_many, rewritten
from testing.samples import payloads
from testing.world import World

if TYPE_CHECKING:
    from shared.events.model import DeliveredItem
    from shared.notices.records import StoredEvent
    from shared.store.table import Stored


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


_OF_ONE = st.builds(rewritten, one_of_many(_NEWS), changes(TEXTS | st.sampled_from(TIMES), most=1))
COURSES = st.builds(
    Course,
    st.lists(_OF_ONE, max_size=4).map(tuple)
    | st.lists(DELIVERIES.map(lambda one: one.text) | _OF_ONE, max_size=2).map(tuple),
    sweeps=st.booleans(),
)

_TOLD = frozenset({Decision.NEW, Decision.RESCHEDULED, Decision.REPEATED, Decision.FAILED_AGAIN})
_NOT_TOLD = frozenset({Decision.DUPLICATE, Decision.STALE, Decision.RECORDED})
_ENDED = frozenset({Status.COMPLETED, Status.CANCELED, Status.FAILED})
_BEGUN = _ENDED | {Status.STARTED}


def check_course(course: Course) -> InputVerdict:
    """Check that whatever comes is recorded, kept or known already, and what is to be told is told.

    Before the sweep it may be work still to be done; after it, it stands in a mail that has been sent, or
    something later of the same maintenance does. Every row that is written can be read, under a key that the
    table takes.
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
    _check_to_be_told(rows)
    _check_rejected(rows)
    if course.sweeps:
        world.sweep(minutes=10)
        world.sweep(minutes=10)
        rows = _rows(world)
        left = [codec.work(row) for row in rows if row.key.startswith("work:")]
        assert not [row for row in left if isinstance(row, NoticeRow | MailRow)]
        _check_told(world, rows)
        _check_rejected(rows)
    return InputVerdict(tuple(words))


def _rows(world: World) -> list[Stored]:
    rows = [row for key in world.table.keys() if (row := world.table.get(key))]  # noqa: SIM118 - no mapping
    for row in rows:
        assert KEY.fullmatch(row.key)
    return rows


def _check_kept(world: World, item: DeliveredItem, decision: Decision) -> None:
    match item.reading:
        case Ignored():
            assert decision is Decision.IGNORED
        case Rejected():
            assert decision in {Decision.REJECTED, Decision.DUPLICATE}
            row = world.table.get(keys.rejected(named(item.raw) or item.raw))
            assert row is not None
            kept = codec.rejected(row)
            assert kept.reason
            assert kept.raw == item.raw.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        case Event() as read:
            event = _as_recorded(read)
            assert decision in _TOLD | _NOT_TOLD
            found = world.table.keys(keys.history(event.event_id))
            assert found
            if decision is not Decision.DUPLICATE:
                stored = [codec.recorded(row).event for key in found if (row := world.table.get(key))]
                assert event in stored


def _as_recorded(event: Event) -> Event:
    """Return an event as it is recorded: never as from the future; news of versions for each audience."""
    if event.news == ClusterNews.NEW_VERSION:
        event = msgspec.structs.replace(event, event_id=f"{event.event_id} for {DEFAULT_AUDIENCE}")
    return msgspec.structs.replace(event, time=NOW) if event.time > NOW else event


def _check_to_be_told(rows: list[Stored]) -> None:
    told: set[str] = set()
    for row in rows:
        if row.key.startswith("work:"):
            told |= codec.refers_to(codec.work(row))
        elif row.key.startswith("sent:"):
            told |= {member.key for member in codec.sent(row).members}
    for row in rows:
        if row.key.startswith("event:") and codec.recorded(row).decision in _TOLD:
            assert row.key in told, "what is to be told is neither to be done nor done"


def _check_told(world: World, rows: list[Stored]) -> None:
    """Check that what was to be told stands in a mail that arrived, or that later news has overtaken it."""
    sent = [codec.sent(row) for row in rows if row.key.startswith("sent:")]
    assert {mail.key.removeprefix("sent:") for mail in sent} == {id_ for id_, _ in world.mailer.arrived}
    told = {member.key for mail in sent for member in mail.members}
    news = [codec.recorded(row) for row in rows if row.key.startswith("event:")]
    for row in news:
        if row.decision in _TOLD and row.key not in told:
            later = [one for one in news if _is_later(one, row)]
            assert later, "what was to be told was not, and nothing has overtaken it"


def _is_later(one: StoredEvent, other: StoredEvent) -> bool:
    """Return whether this is news of the same maintenance that makes the other pointless."""
    is_of_same = one.event.event_id == other.event.event_id and one.key != other.key
    if other.event.status == Status.SCHEDULED:
        return is_of_same and (one.revision > other.revision or one.event.status in _BEGUN)
    return is_of_same and other.event.status == Status.STARTED and one.event.status in _ENDED


def _check_rejected(rows: list[Stored]) -> None:
    """Check that where anything was rejected one notice or mail tells so, and no more than one in a day."""
    telling = 0
    for row in rows:
        if row.key.startswith("work:"):
            work = codec.work(row)
            telling += isinstance(work, NoticeRow) and work.notice.kind is NoticeKind.REJECTED
        elif row.key.startswith("sent:"):
            telling += any(member.kind is NoticeKind.REJECTED for member in codec.sent(row).members)
    assert telling == any(row.key.startswith("rejected:") for row in rows), "rejected input is not told once"
