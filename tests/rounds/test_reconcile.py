"""Reconcile: what Event Grid did not bring is found in Resource Graph, and told as it is worth now."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shared.rounds import reconcile
from shared.rounds.subscriptions import Watched
from testing.asking_world import TABLE, AskingWorld, asking
from testing.samples.graph_rows import row
from testing.samples.payloads import SUBSCRIPTION, event, scheduled
from testing.services.stand_in import Fault, Reply
from testing.world import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

OTHER = "11112222-bbbb-3333-cccc-4444dddd5555"
HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> Iterator[AskingWorld]:
    """Return a world whose first run is over: there was no history."""
    with asking() as world:
        world.reconcile()
        world.clock.forward(hours=1)
        yield world


def add(world: AskingWorld, *rows: dict[str, Any]) -> None:
    """Let there be rows in Resource Graph."""
    world.azure.graph.add(TABLE, *rows)


def ago(world: AskingWorld, **by: float) -> Any:
    """Return a time that is past."""
    return world.clock.now() - timedelta(**by)


@pytest.mark.parametrize(
    ("status", "start", "told"),
    [
        ("Failed", None, ["failed"]),
        ("Canceled", None, ["canceled"]),
        ("Scheduled", 3 * HOUR, ["scheduled"]),
        ("Scheduled", -HOUR / 2, []),
        ("Started", None, []),
        ("Completed", None, []),
    ],
)
def test_missed_is_told_as_it_is_worth_now(
    world: AskingWorld, status: str, start: timedelta | None, told: list[str]
) -> None:
    """Failed and canceled are told late, what lies ahead as usual; past starts and ends are recorded only."""
    times: dict[str, Any] = {"startTime": world.clock.now() + start} if start else {}
    add(world, row(status, ago(world, minutes=50), **times))
    result = world.reconcile()
    world.settle_down(5)
    assert (result.recorded, result.missed) == (1, 1)
    assert world.told == told
    (stored,) = world.notifier.store.history("event:")
    assert stored.via == "resource-graph"
    is_late = status in {"Failed", "Canceled"}
    assert all(("told late" in email.text) == is_late for _, email in world.mailer.arrived)


@pytest.mark.parametrize(
    ("status", "sets_times"),
    [(status, True) for status in ("Scheduled", "Started", "Completed", "Failed", "Canceled")]
    + [("Scheduled", False), ("Failed", False)],
)
@pytest.mark.parametrize("pushed_first", [True, False])
def test_what_comes_both_ways_is_told_once(
    world: AskingWorld, status: str, *, pushed_first: bool, sets_times: bool
) -> None:
    """An event in both is told once, whichever came first, and whatever times its row has."""
    time = ago(world, minutes=50)
    start = world.clock.now() + timedelta(days=2) if status == "Scheduled" else None
    times: dict[str, Any] = {"startTime": start} if start else {}
    text = event(status, time + timedelta(seconds=1.5), **times)
    add(world, row(status, time if sets_times else None, **times))
    if pushed_first:
        world.take(text)
    world.reconcile()
    if not pushed_first:
        world.take(text)
    for _ in range(3):
        world.reconcile(hours=1)
    world.settle_down(5)
    assert len(world.notifier.store.history("event:")) == 1
    assert len(world.told) <= 1


def test_two_announcements_of_one_start_are_one(world: AskingWorld) -> None:
    """AKS announces 7 days and 24 hours ahead: both rows are one announcement, in any order with the push."""
    start = world.clock.now() + timedelta(hours=20)
    first, second = (ago(world, **by) for by in ({"days": 6, "hours": 4}, {"hours": 4}))
    world.take(scheduled(first, start))
    world.take(scheduled(second, start))
    add(world, row("Scheduled", first, startTime=start), row("Scheduled", second, startTime=start))
    assert world.reconcile().missed == 0
    assert len(world.notifier.store.history("event:")) == 1


def test_young_rows_wait(world: AskingWorld) -> None:
    """A row of the last half hour is left to Event Grid; one without any time is old."""
    add(world, row("Failed", ago(world, minutes=29)), row("Started", None, name="other", scheduledTime=None))
    result = world.reconcile()
    assert (result.waiting, result.recorded) == (1, 1)
    assert world.reconcile(minutes=2).recorded == 1


def test_an_unchanged_row_costs_no_request(world: AskingWorld) -> None:
    """A row that was seen, zero times or not, makes no round trip; one that changes in place is new."""
    there = row("Started", ago(world, minutes=50))
    add(world, there, row("Completed", None, name="zero", scheduledTime=None))
    world.reconcile()
    world.table.trips.clear()
    world.reconcile(hours=1)
    quiet = dict(world.table.trips)
    assert sum(quiet.values()) <= 3
    world.azure.graph.remove(TABLE, there["id"])
    add(world, {**there, "properties": {**there["properties"], "eventStatus": "Completed"}})
    assert world.reconcile(hours=1).recorded == 1


def test_first_run_mails_nothing_old() -> None:
    """Of 90 days of history only what lies ahead, or failed within a day, is told; all is recorded."""
    with asking() as world:
        statuses = ("Scheduled", "Started", "Completed", "Failed", "Canceled")
        for day, status in itertools.product(range(2, 90), statuses):
            add(world, row(status, ago(world, days=day), name=f"{day} {status}"))
        add(world, row("Failed", ago(world, hours=3), name="now"), row("Canceled", ago(world, hours=3)))
        add(world, row("Scheduled", ago(world, days=3), name="a", startTime=NOW + timedelta(days=4)))
        result = world.reconcile()
        world.settle_down()
        assert (result.recorded, result.missed) == (88 * 5 + 3, 0)
        (told,) = world.mailer.arrived
        assert "1 failed" in told[1].text
        # A start that AKS does not say may still lie ahead a week later.
        assert "7 scheduled" in told[1].text


def test_a_subscription_that_comes_later_starts_with_its_history() -> None:
    """Each subscription has its own first run, over once its rows were read to the end."""
    with asking(Watched(groups=("platform",))) as world:
        world.azure.management_groups["platform"] = [SUBSCRIPTION]
        world.reconcile()
        world.azure.add_subscription(OTHER, "Newcomer")
        world.azure.management_groups["platform"].append(OTHER)
        add(world, row("Failed", ago(world, days=3), subscription=OTHER, cluster="new"))
        assert world.reconcile(hours=1).missed == 0
        world.settle_down()
        assert world.told == ["coverage"]
        assert "Newcomer" in world.mailer.arrived[0][1].text


@pytest.mark.parametrize("is_heard", [True, False])
def test_missed_twice_running_is_told_once_until_a_good_run(world: AskingWorld, *, is_heard: bool) -> None:
    """Two runs in a row that find missed events tell the operator, once until a run has found none.

    They say when Event Grid last brought an event, if it did of late; what reconcile found is none.
    """
    numbers = itertools.count()
    if is_heard:
        world.take(event("Completed", ago(world, minutes=1), name="pushed"))
        world.settle_down(3)
        world.mailer.arrived.clear()

    def hour(*, misses: bool) -> None:
        if misses:
            add(world, row("Started", ago(world, minutes=50), name=f"m{next(numbers)}"))
        world.reconcile(hours=1)
        world.sweep(minutes=1)
        world.sweep(minutes=1)

    for misses in (True, False, True, True, True, False, True, True):
        hour(misses=misses)
    assert world.told == ["missed-events"] * 2
    assert "2 events did not come" in world.mailer.subjects[0]
    for _, email in world.mailer.arrived:
        assert ("none in the last 30 days" in email.text) == (not is_heard)


def test_what_one_run_missed_is_a_digest(world: AskingWorld) -> None:
    """What was missed goes as one digest, failures with it."""
    add(world, *(row("Failed", ago(world, hours=2), name=f"m{n}", cluster=f"c{n}") for n in range(20)))
    world.reconcile()
    world.settle_down(3)
    (told,) = world.mailer.subjects
    assert "20 failed" in told


def test_unreadable_subscription_is_told_once() -> None:
    """A subscription that is missing in the answer is told with its id, once until it was read again."""
    with asking(Watched((SUBSCRIPTION, OTHER), ("nowhere",))) as world:
        for is_there in (False, False, True, False):
            if is_there:
                world.azure.add_subscription(OTHER, "Back")
            else:
                world.azure.graph.remove("resourcecontainers", f"/subscriptions/{OTHER}")
            world.reconcile(hours=1)
            world.sweep(minutes=1)
            world.sweep(minutes=10)
        assert len(world.told) == 2
        assert OTHER in world.mailer.arrived[0][1].text
        assert "nowhere" in world.mailer.arrived[0][1].text
        assert OTHER in world.mailer.subjects[1]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="400"),
        Fault(kind="429", retry_after="61"),
        Reply(200, b'{"count": 1, "data": ['),
        Reply(200, {"count": 2, "data": [row("Failed", NOW, name="half")]}),
    ],
)
def test_a_bad_answer_costs_its_hour(world: AskingWorld, fault: Fault | Reply, caplog: Any) -> None:
    """Throttled, refused or half an answer: said, and made up for by the next run."""
    add(world, row("Failed", ago(world, minutes=50), name="half"))
    world.azure.script("", fault)
    result = world.reconcile()
    assert not result.is_whole
    assert "reconcile:" in caplog.text
    assert world.reconcile(hours=1).is_whole
    assert len(world.notifier.store.history("event:")) == 1


def test_a_row_that_cannot_be_read_costs_itself(world: AskingWorld) -> None:
    """A row that cannot be read is told, once; the others are recorded."""
    bad = row("Failed", ago(world, minutes=50), name="bad")
    bad["properties"] = {**bad["properties"], "eventStatus": None}
    add(world, bad, row("Started", ago(world, minutes=50), name="good"))
    assert (world.reconcile().recorded, world.reconcile(hours=1).recorded) == (1, 0)
    world.settle_down(3)
    assert world.told == ["unreadable"]


def test_a_long_history_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is cut short goes on in the next where it stopped, and takes no row twice."""
    monkeypatch.setattr(reconcile, "RUN_SECONDS", 60)
    with asking(Watched((SUBSCRIPTION, OTHER))) as world:
        world.azure.add_subscription(OTHER, "Second")
        for number in range(30):
            add(world, row("Completed", ago(world, days=5), name=f"a{number}", subscription=OTHER))
            add(world, row("Completed", ago(world, days=5), name=f"b{number}"))
        record = world.notifier.intake.record

        def slow(*args: Any, **more: Any) -> Any:
            world.clock.forward(seconds=4)
            return record(*args, **more)

        monkeypatch.setattr(world.notifier.intake, "record", slow)
        done = [world.reconcile() for _ in range(8)]
        assert sum(result.recorded for result in done) == 60
        assert [result.is_whole for result in done].count(True) >= 2
        assert done[-1].is_whole
        assert sum(result.missed for result in done) == 0
