"""What there is to tell: which notices an event gives rise to, in whatever order events come."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids, keys
from shared.durations import Lead
from shared.events.model import Cluster, EndOfSupport, Event, Status, Upgrade
from shared.notices.kinds import BEGUN, ENDS, Decision, Kind
from shared.notices.planning import Plan, needs_history, plan
from shared.notices.records import Check, StoredEvent, latest_announcement
from shared.notices.validity import overtaken, still_true

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
START = NOW + timedelta(days=10)
GUID = "22223333-cccc-4444-dddd-5555eeee6666"
LEADS = (Lead("7d", timedelta(days=7)), Lead("24h", timedelta(hours=24)))
GAP = timedelta(hours=6)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def event(status: str, time: datetime = NOW, start: datetime | None = None, **facts: Any) -> Event:
    """Make an event of the one maintenance of these tests, with an envelope id of its own."""
    known: dict[str, Any] = {"updated": time, "envelope_id": f"{status} {time.isoformat()} {start}"}
    return Event(
        event_id=GUID,
        status=status,
        subject=Cluster("s", "rg", "c"),
        time=time,
        start=start,
        **(known | facts),
    )


def decide(
    given: Event,
    *history: StoredEvent,
    now: datetime | None = None,
    leads: tuple[Lead, ...] = LEADS,
    gap: timedelta = GAP,
) -> Plan:
    """Decide about an event, as of its own time."""
    return plan(given, history, leads=leads, gap=gap, now=now or given.time)


def row(given: Event, *history: StoredEvent) -> StoredEvent:
    """Record an event as decided."""
    planned = decide(given, *history)
    assert planned.key is not None, planned
    return StoredEvent(planned.key, given, planned.decision, planned.revision)


def record(*events: Event) -> tuple[StoredEvent, ...]:
    """Record events in the order in which they come; duplicates leave no row."""
    history: tuple[StoredEvent, ...] = ()
    for each in events:
        planned = decide(each, *(history if needs_history(each) else ()))
        if planned.key is not None and planned.key not in {known.key for known in history}:
            history += (StoredEvent(planned.key, each, planned.decision, planned.revision),)
    return history


# One event


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.SCHEDULED, Kind.SCHEDULED),
        (Status.STARTED, Kind.STARTED),
        (Status.COMPLETED, Kind.COMPLETED),
        (Status.CANCELED, Kind.CANCELED),
        (Status.FAILED, Kind.FAILED),
    ],
)
def test_first_of_each_status(status: Status, kind: Kind) -> None:
    """The first event of each status is told as what it is."""
    assert decide(event(status)) == Plan(Decision.NEW, f"event:{GUID}:{status}", kind)


def test_unknown_status() -> None:
    """A status that is new to us is told plainly."""
    assert decide(event("Paused")) == Plan(Decision.NEW, f"event:{GUID}:Paused", Kind.NEWS)


def end_of_support(description: str, time: datetime = NOW) -> Event:
    """Make an end-of-support notice."""
    return event(
        Status.SCHEDULED,
        time,
        description=description,
        upgrade=Upgrade.END_OF_SUPPORT,
        end_of_support=EndOfSupport("1.32.3", NOW),
    )


def test_end_of_support() -> None:
    """An end-of-support notice is told as that, with no reminders, whatever else came."""
    notice = end_of_support("KubernetesVersionEOLOneWeek")
    expected = Plan(Decision.NEW, f"event:{GUID}:Scheduled.KubernetesVersionEOLOneWeek", Kind.END_OF_SUPPORT)
    assert decide(notice) == expected
    assert decide(notice, *record(event("Scheduled", start=START), event("Completed"))) == expected


def test_end_of_support_is_no_announcement() -> None:
    """An end-of-support notice under the same eventId says nothing about when a maintenance starts."""
    notice = row(end_of_support("KubernetesVersionEOLOneWeek"))
    assert latest_announcement([notice]) is None
    planned = decide(event("Scheduled", NOW + HOUR, START), notice)
    assert planned.decision is Decision.NEW
    assert planned.kind is Kind.SCHEDULED


@pytest.mark.parametrize("status", [*Status, "Paused"])
def test_who_needs_history(status: str) -> None:
    """Only Scheduled and Failed cost a second round trip: the others are decided by their insert."""
    assert needs_history(event(status)) == (status in {"Scheduled", "Failed"})
    if not needs_history(event(status)):
        history = record(event("Scheduled", start=START), event("Started"), event("Failed"))
        assert decide(event(status), *history) == decide(event(status))
    assert not needs_history(end_of_support("KubernetesVersionOutOfSupport"))


# Reminders


def reminders(planned: Plan) -> list[tuple[str, datetime]]:
    """Return the reminders of a plan: which, and when."""
    return [(check.lead, check.due) for check in planned.checks]


def test_reminders() -> None:
    """A scheduled maintenance is reminded of 7 days and 24 hours before it starts."""
    planned = decide(event("Scheduled", start=START))
    assert planned.checks == (
        Check(
            ids.check_id(str(planned.key), "reminder", "7d"),
            Kind.REMINDER,
            str(planned.key),
            START - timedelta(days=7),
            "7d",
        ),
        Check(
            ids.check_id(str(planned.key), "reminder", "24h"),
            Kind.REMINDER,
            str(planned.key),
            START - timedelta(hours=24),
            "24h",
        ),
    )


def test_order_of_leads() -> None:
    """Reminders come in the order of their hours, however the setting lists them."""
    assert decide(event("Scheduled", start=START), leads=LEADS[::-1]) == decide(
        event("Scheduled", start=START)
    )


def test_no_reminder_without_a_start() -> None:
    """A maintenance whose start is unknown has no reminders."""
    assert decide(event("Scheduled")).checks == ()


def test_no_reminder_without_leads() -> None:
    """Without leads there are no reminders."""
    assert decide(event("Scheduled", start=START), leads=()).checks == ()


def test_hour_that_has_passed() -> None:
    """A reminder whose hour has passed when the event arrives is not made."""
    planned = decide(event("Scheduled", start=START), now=START - timedelta(days=2))
    assert reminders(planned) == [("24h", START - timedelta(hours=24))]
    assert decide(event("Scheduled", start=START), now=START - timedelta(hours=24)).checks == ()
    assert decide(event("Scheduled", start=START), now=START + HOUR).checks == ()


@pytest.mark.parametrize(("before", "count"), [(6 * HOUR, 1), (6 * HOUR - MINUTE, 0)])
def test_gap_after_the_announcement(before: timedelta, count: int) -> None:
    """A reminder sooner after the announcement than the gap is not made."""
    planned = decide(event("Scheduled", start=START), now=START - timedelta(hours=24) - before)
    assert len(planned.checks) == count


def test_reminders_of_all_audiences() -> None:
    """The leads of all audiences are made: between its own reminders each audience keeps the gap itself."""
    leads = tuple(Lead(f"{hours}h", hours * HOUR) for hours in (48, 45, 41, 24))
    planned = decide(event("Scheduled", start=START), leads=leads)
    assert [check.lead for check in planned.checks] == ["48h", "45h", "41h", "24h"]


def test_no_gap() -> None:
    """With no gap every reminder still to come is made."""
    now = START - timedelta(hours=24) - timedelta(seconds=5)
    assert len(decide(event("Scheduled", start=START), now=now, gap=timedelta()).checks) == 1


@given(
    st.timedeltas(timedelta(days=-2), timedelta(days=400)),
    st.lists(st.timedeltas(timedelta(seconds=1), timedelta(days=366)), max_size=10, unique=True),
    st.timedeltas(timedelta(), timedelta(days=30)),
)
def test_any_reminders(ahead: timedelta, leads: list[timedelta], gap: timedelta) -> None:
    """Reminders lie ahead, before the start, one after the other, and none sooner than the gap."""
    planned = decide(
        event("Scheduled", start=NOW + ahead),
        leads=tuple(Lead(str(lead), lead) for lead in leads),
        gap=gap,
        now=NOW,
    )
    hours = [NOW, *(check.due for check in planned.checks)]
    assert all(later > earlier for earlier, later in itertools.pairwise(hours))
    assert all(check.due - NOW >= gap for check in planned.checks)
    assert all(check.due < NOW + ahead for check in planned.checks)
    assert len({check.id for check in planned.checks}) == len(planned.checks)


def test_end_of_the_calendar() -> None:
    """The latest start that can be read, with the longest lead, gives reminders like any other."""
    latest = datetime(9998, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    planned = decide(event("Scheduled", start=latest), leads=(Lead("366d", timedelta(days=366)),))
    assert all(keys.due(check.due) for check in planned.checks)


# Announced again


@pytest.mark.parametrize("apart", [timedelta(), 15 * MINUTE, -15 * MINUTE])
def test_same_start_again(apart: timedelta) -> None:
    """An announcement of the same start, to within 15 minutes, is a duplicate: AKS sends two of them."""
    first = row(event("Scheduled", start=START))
    again = event("Scheduled", NOW + timedelta(days=6), START + apart)
    assert decide(again, first) == Plan(Decision.DUPLICATE)


@pytest.mark.parametrize("apart", [15 * MINUTE + timedelta(seconds=1), -HOUR, timedelta(days=3)])
def test_another_start(apart: timedelta) -> None:
    """An announcement of another start is a reschedule, with reminders of its own."""
    first = row(event("Scheduled", start=START))
    moved = event("Scheduled", NOW + HOUR, START + apart)
    planned = decide(moved, first)
    assert planned.decision is Decision.RESCHEDULED
    assert planned.kind is Kind.RESCHEDULED
    assert planned.key == f"{first.key}:1"
    assert planned.revision == 1
    assert reminders(planned) == [(lead.label, START + apart - lead.ahead) for lead in LEADS]


def test_moved_and_moved_back() -> None:
    """A start that moves and moves back is news each time."""
    history = record(
        event("Scheduled", NOW, START),
        event("Scheduled", NOW + HOUR, START + HOUR),
        event("Scheduled", NOW + 2 * HOUR, START),
    )
    assert [each.decision for each in history] == ["new", "rescheduled", "rescheduled"]
    assert [each.revision for each in history] == [0, 1, 2]


def test_small_moves_add_up() -> None:
    """A start that creeps is compared with what people were told last, not with the creeping."""
    history = record(*(event("Scheduled", NOW + n * MINUTE, START + n * 10 * MINUTE) for n in range(4)))
    told = [each.event.start for each in history]
    assert told == [START, START + 20 * MINUTE]


def test_unknown_start_becomes_known() -> None:
    """A start that becomes known is told as a reschedule, with reminders."""
    first = row(event("Scheduled"))
    planned = decide(event("Scheduled", NOW + HOUR, START), first)
    assert planned.decision is Decision.RESCHEDULED
    assert len(planned.checks) == 2


def test_known_start_is_not_forgotten() -> None:
    """An announcement without a start adds nothing to one whose start still lies ahead."""
    first = row(event("Scheduled", start=START))
    assert decide(event("Scheduled", NOW + timedelta(days=6)), first) == Plan(Decision.DUPLICATE)


def test_start_passed_and_unknown() -> None:
    """Announced anew without a start after the known one has passed, a maintenance has moved."""
    first = row(event("Scheduled", start=START))
    planned = decide(event("Scheduled", START + HOUR), first)
    assert planned.decision is Decision.RESCHEDULED
    assert planned.checks == ()


@pytest.mark.parametrize(
    ("later", "decision"),
    [(12 * HOUR, Decision.REPEATED), (12 * HOUR - MINUTE, Decision.DUPLICATE)],
)
def test_unknown_start_again(later: timedelta, decision: Decision) -> None:
    """Announced again 12 hours later with the start still unknown, a maintenance is told as a reminder."""
    first = row(event("Scheduled"))
    planned = decide(event("Scheduled", NOW + later), first)
    assert planned.decision is decision
    assert planned.kind is (Kind.REMINDER if decision is Decision.REPEATED else None)


def test_same_envelope() -> None:
    """The same envelope delivered again is a duplicate, whatever it says."""
    first = row(event("Scheduled", start=START, envelope_id="e"))
    again = event("Scheduled", NOW + HOUR, START + HOUR, envelope_id="e")
    assert decide(again, first) == Plan(Decision.DUPLICATE)


def test_no_envelope_ids() -> None:
    """Events without an envelope id are told apart by what they say."""
    first = row(event("Scheduled", start=START, envelope_id=""))
    moved = event("Scheduled", NOW + HOUR, START + HOUR, envelope_id="")
    assert decide(moved, first).decision is Decision.RESCHEDULED


# Out of order


@pytest.mark.parametrize("status", sorted(BEGUN))
def test_scheduled_after_it_began(status: Status) -> None:
    """An announcement that comes after the start or the end of its maintenance is stale: kept, not told."""
    planned = decide(event("Scheduled", start=START), row(event(status, NOW + HOUR)))
    assert planned == Plan(Decision.STALE, f"event:{GUID}:Scheduled")


def test_older_announcement() -> None:
    """An announcement older than the one that is known is stale, and does not hold."""
    moved = row(event("Scheduled", NOW + HOUR, START + HOUR))
    planned = decide(event("Scheduled", NOW, START), moved)
    assert planned == Plan(Decision.STALE, f"event:{GUID}:Scheduled:1", revision=1)
    stale = StoredEvent(str(planned.key), event("Scheduled", NOW, START), Decision.STALE, 1)
    assert latest_announcement([moved, stale]) == moved


def test_announcement_of_the_same_moment() -> None:
    """Of two announcements of the same moment the later to come holds."""
    first = row(event("Scheduled", NOW, START))
    assert decide(event("Scheduled", NOW, START + HOUR), first).decision is Decision.RESCHEDULED


def test_stale_does_not_compare() -> None:
    """After a stale announcement the next one is still compared with the one that holds."""
    history = record(
        event("Scheduled", NOW + HOUR, START + HOUR),
        event("Scheduled", NOW, START),
        event("Scheduled", NOW + 2 * HOUR, START + HOUR),
        event("Scheduled", NOW + 3 * HOUR, START),
    )
    assert [each.decision for each in history] == ["new", "stale", "rescheduled"]
    assert len({each.key for each in history}) == 3


def test_news_does_not_end_it() -> None:
    """A status that is new to us neither starts nor ends a maintenance."""
    news = row(event("Paused"))
    assert decide(event("Scheduled", NOW, START), news).decision is Decision.NEW


# Failed again


@pytest.mark.parametrize(("later", "is_other"), [(HOUR, True), (HOUR - MINUTE, False), (-HOUR, False)])
def test_failed_again(later: timedelta, is_other: bool) -> None:
    """A Failed from another envelope, an hour or more later, is another failure."""
    first = row(event("Failed"))
    planned = decide(event("Failed", NOW + later), first)
    if is_other:
        assert planned == Plan(Decision.FAILED_AGAIN, f"{first.key}:1", Kind.FAILED, 1)
    else:
        assert planned == Plan(Decision.DUPLICATE)


def test_failed_in_the_same_envelope() -> None:
    """The same envelope is the same failure, whatever its time."""
    first = row(event("Failed", envelope_id="e"))
    assert decide(event("Failed", NOW + 2 * HOUR, envelope_id="e"), first) == Plan(Decision.DUPLICATE)


def test_failed_a_third_time() -> None:
    """The hour counts from the last failure, and an earlier envelope delivered late is no news."""
    history = record(*(event("Failed", NOW + n * 2 * HOUR) for n in range(3)))
    assert [each.revision for each in history] == [0, 1, 2]
    assert decide(event("Failed", NOW + 4 * HOUR + MINUTE), *history) == Plan(Decision.DUPLICATE)
    late = msgspec.structs.replace(history[0].event, updated=NOW + timedelta(days=1))
    assert decide(late, *history) == Plan(Decision.DUPLICATE)


def test_failed_after_anything() -> None:
    """A failure is told whatever came before it."""
    history = record(event("Scheduled", start=START), event("Started"), event("Completed"), event("Canceled"))
    assert decide(event("Failed", NOW + HOUR), *history) == Plan(
        Decision.NEW, f"event:{GUID}:Failed", Kind.FAILED
    )


# Still true at its hour?


def check_of(announced: StoredEvent) -> Check:
    """Return the last reminder of an announcement."""
    planned = decide(announced.event)
    assert planned.checks
    return msgspec.structs.replace(planned.checks[-1], key=announced.key)


def test_still_true() -> None:
    """A reminder is true at its hour while the start lies ahead as planned."""
    announced = row(event("Scheduled", start=START))
    check = check_of(announced)
    assert still_true(check, [announced], check.due)
    assert still_true(check, [announced], START - MINUTE)


def test_too_late() -> None:
    """A reminder that is looked at after the start is not true any more."""
    announced = row(event("Scheduled", start=START))
    assert not still_true(check_of(announced), [announced], START)


@pytest.mark.parametrize("status", sorted(BEGUN))
def test_begun_before_its_hour(status: Status) -> None:
    """A maintenance that has started, ended or been canceled is not reminded of."""
    announced = row(event("Scheduled", start=START))
    check = check_of(announced)
    assert not still_true(check, [announced, row(event(status, NOW + HOUR))], check.due)


def test_moved_before_its_hour() -> None:
    """After a reschedule the old reminders are untrue and the new ones true."""
    first = row(event("Scheduled", start=START))
    moved = row(event("Scheduled", NOW + HOUR, START + timedelta(days=2)), first)
    history = [first, moved]
    assert not still_true(check_of(first), history, START - timedelta(days=1))
    assert still_true(check_of(moved), history, START - timedelta(days=1))


def test_moved_to_unknown() -> None:
    """A maintenance whose start has become unknown is not reminded of."""
    first = row(event("Scheduled", NOW, NOW + timedelta(days=2)))
    check = check_of(first)
    unknown = row(event("Scheduled", NOW + timedelta(days=3)), first)
    assert unknown.decision == Decision.RESCHEDULED
    assert not still_true(check, [first, unknown], check.due)


@pytest.mark.parametrize("status", ["Paused", "OutOfSupport"])
def test_irrelevant_before_its_hour(status: str) -> None:
    """Stale announcements, statuses new to us and end-of-support notices make no reminder untrue."""
    announced = row(event("Scheduled", NOW + HOUR, START))
    other = (
        row(end_of_support("KubernetesVersionOutOfSupport", NOW + HOUR))
        if status == "OutOfSupport"
        else row(event(status, NOW + HOUR))
    )
    stale = row(event("Scheduled", NOW, START + timedelta(days=3)), announced)
    assert stale.decision == Decision.STALE
    assert still_true(check_of(announced), [announced, other, stale], START - HOUR)


def test_history_is_gone() -> None:
    """A reminder whose history is not stored any more is not told."""
    check = check_of(row(event("Scheduled", start=START)))
    assert not still_true(check, [], check.due)


# Overtaken before it was told


@pytest.mark.parametrize("kind", [Kind.SCHEDULED, Kind.RESCHEDULED, Kind.REMINDER])
@pytest.mark.parametrize("status", sorted(BEGUN))
def test_announcement_overtaken(kind: Kind, status: Status) -> None:
    """An announcement still waiting when its maintenance starts or ends is pointless."""
    announced = row(event("Scheduled", start=START))
    assert not overtaken(kind, announced.key, [announced], NOW)
    assert overtaken(kind, announced.key, [announced, row(event(status))], NOW)


def test_announcement_overtaken_by_the_next() -> None:
    """An announcement still waiting when the start moves is pointless; the newer one is not."""
    first = row(event("Scheduled", start=START))
    moved = row(event("Scheduled", NOW + HOUR, START + HOUR), first)
    stale = row(event("Scheduled", NOW - HOUR, START - HOUR), first, moved)
    history = [first, moved, stale]
    assert overtaken(Kind.SCHEDULED, first.key, history, NOW)
    assert not overtaken(Kind.RESCHEDULED, moved.key, history, NOW)


@pytest.mark.parametrize("status", [*Status, "Paused"])
def test_started_overtaken(status: str) -> None:
    """A Started still waiting when its maintenance ends is pointless, also where it came after the end."""
    started = row(event("Started", NOW))
    assert overtaken(Kind.STARTED, started.key, [started, row(event(status))], NOW) == (status in ENDS)


@pytest.mark.parametrize("kind", [Kind.COMPLETED, Kind.CANCELED, Kind.FAILED, Kind.END_OF_SUPPORT, Kind.NEWS])
def test_never_overtaken(kind: Kind) -> None:
    """Ends, failures, news and end-of-support notices are told whatever follows."""
    history = [row(event(status, NOW)) for status in [*Status, "Paused"]]
    assert not any(overtaken(kind, each.key, history, NOW) for each in history)


# Any order

EVENTS = (
    event("Scheduled", NOW, START),
    event("Scheduled", NOW + HOUR, START + HOUR),
    event("Started", NOW + 2 * HOUR),
    event("Failed", NOW + 3 * HOUR),
    event("Completed", NOW + 4 * HOUR),
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(EVENTS)))))
def test_any_order(order: tuple[int, ...]) -> None:
    """In whatever order events come, each has its row, and in the end only the ends are left to tell."""
    history: tuple[StoredEvent, ...] = ()
    kinds: list[Kind | None] = []
    for index in order:
        given_ = EVENTS[index]
        before = {each.event.status for each in history}
        planned = decide(given_, *history, now=NOW + timedelta(days=1))
        assert planned.key is not None
        assert planned.key not in {each.key for each in history}
        assert planned.kind is None or given_.status != "Scheduled" or not before & BEGUN
        history += (StoredEvent(planned.key, given_, planned.decision, planned.revision),)
        kinds.append(planned.kind)
    assert Kind.COMPLETED in kinds
    assert Kind.FAILED in kinds
    told = {
        each.key
        for each, kind in zip(history, kinds, strict=True)
        if kind and not overtaken(kind, each.key, history, NOW)
    }
    assert told == {f"event:{GUID}:Completed", f"event:{GUID}:Failed"}


@given(st.permutations([*EVENTS, *EVENTS, *EVENTS]))
def test_any_redelivery(events: list[Event]) -> None:
    """However often and in whatever order events are delivered, each leaves at most one row."""
    history = record(*events)
    envelopes = [each.event.envelope_id for each in history]
    assert len(envelopes) == len(set(envelopes))
    assert {"Started", "Failed", "Completed"} <= {each.event.status for each in history}


ANY_EVENT = st.builds(
    event,
    st.sampled_from([*Status, "Paused"]),
    st.timedeltas(timedelta(days=-3), timedelta(days=3)).map(lambda by: NOW + by),
    st.none() | st.timedeltas(timedelta(days=-3), timedelta(days=30)).map(lambda by: NOW + by),
    envelope_id=st.sampled_from(["", "a", "b", "c"]),
)


@given(st.lists(ANY_EVENT, max_size=12))
def test_any_events(events: list[Event]) -> None:
    """Whatever events come, what is new has a key that was free, and at most one announcement holds."""
    history: tuple[StoredEvent, ...] = ()
    for each in events:
        planned = decide(each, *history, now=NOW)
        known = {one.key for one in history}
        if planned.key is None:
            assert planned == Plan(Decision.DUPLICATE)
        elif planned.key not in known:
            history += (StoredEvent(planned.key, each, planned.decision, planned.revision),)
        else:
            assert not needs_history(each)
        assert (planned.kind is None) == (planned.decision in {Decision.DUPLICATE, Decision.STALE})
    waiting = [one for one in history if one.event.status == "Scheduled"]
    assert sum(not overtaken(Kind.SCHEDULED, one.key, history, NOW) for one in waiting) <= 1
