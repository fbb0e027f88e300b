"""Intake: an event in, its row and what follows from it recorded once, failures mailed at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shared.channels.outcomes import Throttled, Unknown
from shared.keys import digest
from shared.store.blobs import unpack
from shared.store.table import TableUnavailable
from testing.samples.payloads import end_of_support, event, guid, scheduled
from testing.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.table import Operation

WEEK = timedelta(days=7, minutes=5)


def _rows(world: World, prefix: str) -> list[str]:
    return [key.removeprefix(f"event:{guid('maintenance')}:") for key in world.table.keys(prefix)]


def test_new_event_costs_one_round_trip() -> None:
    """A new event is recorded with everything that follows from it in one round trip."""
    world = World()
    assert world.take(event("Started", NOW)) == "new"
    assert world.table.trips == {"commit": 1}


def test_scheduled_costs_two_round_trips() -> None:
    """A Scheduled event costs one round trip more: it reads its history first."""
    world = World()
    assert world.take(scheduled(NOW, WEEK)) == "new"
    assert world.table.trips == {"query": 1, "commit": 1}


@pytest.mark.parametrize(
    "text",
    [event("Started", NOW), event("Completed", NOW), scheduled(NOW, WEEK), event("Failed", NOW), "{}"],
    ids=["started", "completed", "scheduled", "failed", "rejected"],
)
def test_duplicate_costs_at_most_two_round_trips(text: str) -> None:
    """The same event again is a duplicate, costs at most two round trips, and changes nothing."""
    world = World()
    world.take(text)
    before = world.table.keys()
    world.table.trips.clear()
    assert world.take(text) == "duplicate"
    assert world.table.trips.total() <= 2
    assert world.table.keys() == before
    world.settle_down()
    assert len(world.mailer.arrived) == 1


def test_dedupe_is_by_event_id_and_status() -> None:
    """Another envelope around the same eventId and status is still the same event."""
    world = World()
    assert world.take(event("Started", NOW, envelope="one")) == "new"
    assert world.take(event("Started", NOW + timedelta(minutes=1), envelope="two")) == "duplicate"
    assert world.take(event("Completed", NOW, envelope="one")) == "new"
    assert _rows(world, "event:") == ["Completed", "Started"]


def test_ten_copies_at_once_are_one_event() -> None:
    """Ten copies of an event delivered at once leave one row, and one email after the sweep."""
    world = World()
    text = event("Started", NOW)
    with ThreadPoolExecutor(10) as pool:
        decisions = list(pool.map(world.take, [text] * 10))
    assert sorted(decisions) == ["duplicate"] * 9 + ["new"]
    world.settle_down()
    assert len(world.mailer.arrived) == 1


def test_array_is_taken_apart() -> None:
    """In an array every event is taken by itself; one that is no event keeps none back."""
    world = World()
    body = [json.loads(event("Started", NOW, name=name)) for name in "ab"]
    decisions = world.notifier.intake.take(json.dumps([body[0], {"no": "event"}, body[1]]))
    assert [decision.value for decision in decisions] == ["new", "rejected", "new"]


def test_foreign_event_is_acknowledged() -> None:
    """An event type that is not ours is acknowledged without a row or a round trip."""
    world = World()
    body = json.dumps({"id": "1", "specversion": "1.0", "type": "Microsoft.Storage.BlobCreated"})
    assert world.take(body) == "ignored"
    assert world.table.trips.total() == 0


# Failures


def test_failure_is_mailed_at_once() -> None:
    """A failure is mailed before Event Grid has its answer, for two round trips more."""
    world = World()
    assert world.take(event("Failed", NOW)) == "new"
    assert len(world.mailer.arrived) == 1
    assert world.table.trips == {"query": 1, "commit": 2}
    world.settle_down()
    assert len(world.mailer.arrived) == 1


def test_a_mail_names_who_else_is_told() -> None:
    """The foot of a failure's mail names the other audiences that hear of it, if there are any."""
    world = World(
        ROUTES="audiences: [{name: Shop, to: shop@example.com}, {name: Ops, to: ops@example.com}]\n"
        "routes: [{match: {cluster: both-*}, audiences: [Shop, Ops]}, "
        "{match: {cluster: one-*}, audiences: Shop}]"
    )
    for name in ("both-1", "one-1"):
        world.take(event("Failed", NOW, name=name, cluster=name))
    texts = [email.text for _, email in world.mailer.arrived]
    told = [line for text in texts for line in text.split("\n") if "Also told" in line]
    assert len(texts) == 3
    assert told == ["Also told: Ops.", "Also told: Shop."]


def test_most_failures_at_once_then_a_digest() -> None:
    """After three failures in one interval the next ones wait, and go as one digest."""
    world = World()
    for name in "abcde":
        world.take(event("Failed", NOW, name=name, cluster=f"prod-{name}"))
    assert len(world.mailer.arrived) == 3
    world.settle_down()
    assert len(world.mailer.arrived) == 4
    assert "2 failed" in world.mailer.subjects[-1]


def test_failures_at_once_again_after_the_interval() -> None:
    """When the interval has passed, failures are mailed at once again."""
    world = World()
    for name in "abc":
        world.take(event("Failed", NOW, name=name))
    world.clock.forward(minutes=5)
    world.take(event("Failed", NOW, name="d"))
    assert len(world.mailer.arrived) == 4


def test_failure_again_later_is_told_again() -> None:
    """A Failed an hour or more later, in another envelope, is another failure; sooner it is a duplicate."""
    world = World()
    assert world.take(event("Failed", NOW)) == "new"
    assert world.take(event("Failed", NOW + timedelta(minutes=59))) == "duplicate"
    assert world.take(event("Failed", NOW + timedelta(minutes=60))) == "failed-again"
    assert _rows(world, "event:") == ["Failed", "Failed:1"]
    assert len(world.mailer.arrived) == 2


def test_failure_waits_while_mail_is_paused() -> None:
    """While the mail service has paused us, a failure is recorded as a notice and no mail is attempted."""
    world = World()
    world.mailer.script.append(Throttled(600, "TooManyRequests"))
    world.take(event("Failed", NOW, name="a"))
    world.clock.forward(seconds=30)
    world.take(event("Failed", NOW, name="b"))
    assert len(world.mailer.timeouts) == 1
    world.settle_down(20)
    assert len(world.mailer.arrived) == 2


def test_failure_is_sent_within_the_answer() -> None:
    """A failure is sent in what is left of the 25 seconds for an answer, however slow the table was."""
    world = World()
    world.table.before = lambda _: world.clock.forward(seconds=12)
    world.take(event("Failed", NOW))
    (timeouts,) = world.mailer.timeouts
    assert timeouts.connect + timeouts.read <= 25 - 12


def test_failure_with_no_time_left_is_the_sweeps() -> None:
    """When recording took all the time there was, the sweep mails the failure instead, once."""
    world = World()
    world.table.before = lambda _: world.clock.forward(seconds=24)
    world.take(event("Failed", NOW))
    assert world.mailer.timeouts == []
    world.settle_down()
    assert len(world.mailer.arrived) == 1


def test_nothing_raises_after_recording() -> None:
    """Once an event is recorded its delivery succeeds, whatever happens to its mail."""

    def breaks(*_: Any) -> Unknown:
        raise OSError("no route to host")

    world = World()
    world.mailer.script.append(breaks)
    assert world.take(event("Failed", NOW)) == "new"
    world.settle_down()
    assert len(world.mailer.arrived) == 1


# Order of events


def test_other_start_is_a_reschedule() -> None:
    """Another start, more than 15 minutes off, is a reschedule with a row and reminders of its own."""
    world = World()
    start = NOW + WEEK
    world.take(scheduled(NOW, start))
    world.settle_down(1)
    world.clock.forward(hours=1)
    assert world.take(scheduled(world.clock.now(), start + timedelta(minutes=16))) == "rescheduled"
    assert _rows(world, "event:") == ["Scheduled", "Scheduled:1"]
    world.settle_down(1)
    world.sweep(days=6)
    world.settle_down(30)
    assert world.statuses == ["Scheduled", "Rescheduled", "Reminder"]


def test_unknown_start_announced_again_is_a_reminder() -> None:
    """A second announcement with an unknown start is a reminder from 12 hours on, a duplicate before."""
    world = World()
    world.take(scheduled(NOW, None))
    world.settle_down()
    world.sweep(hours=12)
    assert world.take(scheduled(NOW + timedelta(hours=11), None)) == "duplicate"
    assert world.take(scheduled(NOW + timedelta(hours=12), None)) == "repeated"
    world.settle_down()
    assert world.statuses == ["Scheduled", "Reminder"]


def test_unknown_status_is_told_plainly() -> None:
    """An event whose status is new to us goes out as a plain notice."""
    world = World()
    assert world.take(event("Deferred", NOW)) == "new"
    world.settle_down()
    assert "Deferred" in world.mailer.arrived[0][1].text


def test_end_of_support_notices_are_each_told() -> None:
    """Two weeks, one week, and every week past the date: each end-of-support notice is told, once."""
    world = World()
    date = NOW + timedelta(days=14)
    told = [
        (NOW, "KubernetesVersionEOLTwoWeeks", "new"),
        (NOW, "KubernetesVersionEOLTwoWeeks", "duplicate"),
        (NOW + timedelta(days=7), "KubernetesVersionEOLOneWeek", "new"),
        (NOW + timedelta(days=15), "KubernetesVersionOutOfSupport", "new"),
        (NOW + timedelta(days=16), "KubernetesVersionOutOfSupport", "duplicate"),
        (NOW + timedelta(days=22), "KubernetesVersionOutOfSupport", "new"),
    ]
    for time, description, decision in told:
        world.clock.forward(seconds=max(0.0, (time - world.clock.now()).total_seconds()))
        assert world.take(end_of_support(time, description, date)) == decision
    world.sweep(minutes=1)
    assert len(world.mailer.arrived) == 1
    assert len(world.table.query("sent:", "sent;").rows[0].values["members"].split("end-of-support")) == 5


# What cannot be understood


def test_rejected_input_is_kept_whole() -> None:
    """Input that cannot be understood is kept, byte for byte, under its SHA-256, and acknowledged."""
    world = World()
    text = json.dumps({"padding": "é\u2028" * 200_000})
    assert len(text.encode()) > 1_000_000
    assert world.take(text) == "rejected"
    (row,) = world.table.query("rejected:", "rejected;").rows
    assert row.key == f"rejected:{digest(text)}"
    assert digest(unpack(row.values)) == digest(text)
    assert "event type" in row.values["reason"]


def test_rejected_event_is_known_by_its_name() -> None:
    """The same event that cannot be read, in two spellings, is kept once; one without a name by its bytes."""
    world = World()
    named = {"specversion": "1.0", "id": "1", "source": "/subscriptions/x", "time": "2026-11-20T09:00:00Z"}
    assert world.take(json.dumps(named)) == "rejected"
    assert world.take(json.dumps(named | {"time": "2026-11-20T09:00:00+00:00"}, indent=2)) == "duplicate"
    topic = {"topic": "/subscriptions/x", "id": "2", "eventTime": "2026-11-20T09:00:00Z"}
    assert world.take(json.dumps(topic)) == "rejected"
    assert world.take(json.dumps(topic | {"eventTime": "11/20/2026 09:00:00"})) == "duplicate"
    assert [world.take(text) for text in ('{"id": "1"}', '{"id":  "1"}')] == ["rejected"] * 2


def test_first_rejected_input_of_a_day_is_told() -> None:
    """The first input of a day that cannot be understood is told to the default audience, the others not."""
    world = World()
    for number in range(3):
        assert world.take(json.dumps({"number": number})) == "rejected"
        world.settle_down()
    assert len(world.mailer.arrived) == 1
    world.clock.forward(days=1)
    world.take(json.dumps({"number": 4}))
    world.settle_down()
    assert len(world.mailer.arrived) == 2


# When the table does not answer


@pytest.mark.parametrize(
    "text",
    [event("Started", NOW), scheduled(NOW, WEEK), event("Failed", NOW)],
    ids=["started", "scheduled", "failed"],
)
def test_own_earlier_write_is_recognised(text: str) -> None:
    """A conflict with one's own earlier write, whose answer was lost, counts as the write that it was."""
    world = World()
    answers = [False, True]

    def repeat(operations: Sequence[Operation]) -> None:
        if answers.pop() if answers else False:
            world.table.commit(operations)  # as the SDK does where no answer comes

    world.table.after = repeat
    assert world.take(text) == "new"
    world.settle_down()
    assert len(world.mailer.arrived) == 1


def test_event_that_cannot_be_recorded_is_not_acknowledged() -> None:
    """Where nothing could be recorded the delivery fails, so that Event Grid delivers again."""

    def dead(_: Sequence[Operation]) -> None:
        raise TableUnavailable("no answer")

    world = World()
    world.table.before = dead
    with pytest.raises(TableUnavailable):
        world.take(event("Started", NOW))


def test_race_over_a_schedule_is_decided_again() -> None:
    """Two instances that record two announcements of one maintenance at once both tell what they should."""
    world = World()
    other = world.instance()
    meanwhile = [scheduled(NOW - timedelta(hours=2), timedelta(days=3))]

    def race(operations: Sequence[Operation]) -> None:
        if meanwhile and operations[0].key.startswith("event:"):
            other.intake.take(meanwhile.pop())

    world.table.before = race
    assert world.take(scheduled(NOW, WEEK)) == "rescheduled"
    assert _rows(world, "event:") == ["Scheduled", "Scheduled:1"]
