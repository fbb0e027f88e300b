"""The sweep: what falls due is told once, grouped, in order, and never when it is not true any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared import keys
from shared.channels.outcomes import Accepted, Throttled
from shared.delivery.sweep import summary
from shared.store.codec import sent as read_sent
from shared.store.rows import SendGate
from shared.store.table import Operation, Verb
from testing.samples.payloads import event, guid, scheduled
from testing.world import NOW, World

WEEK = timedelta(days=7, minutes=5)
DAY = timedelta(days=1, minutes=5)


def _work(world: World, kind: str) -> list[str]:
    rows = world.table.query("work:", "work;").rows
    return [row.key for row in rows if row.values["kind"] == kind]


def test_nothing_due_is_one_query() -> None:
    """A sweep that finds nothing costs one round trip, however much is stored."""
    world = World()
    for number in range(50):
        world.take(scheduled(NOW, WEEK, name=str(number)))
    world.settle_down()
    world.table.trips.clear()
    world.sweep(minutes=1)
    assert world.table.trips == {"query": 1}


def test_grouped_mail_costs_what_it_should() -> None:
    """A grouped mail costs its audience row, one read an event, one step to freeze and one to settle."""
    world = World()
    for number in range(7):
        world.take(event("Started", NOW, name=str(number)))
    world.table.trips.clear()
    world.sweep(minutes=1)
    assert world.table.trips == {"query": 1 + 7, "get": 1, "commit": 2}
    assert len(world.mailer.arrived) == 1


def test_notice_waits_to_be_grouped() -> None:
    """A notice waits GROUP_WAIT to be grouped; those that fall due together travel in one email."""
    world = World(GROUP_WAIT="30s")
    world.take(event("Started", NOW, name="a", cluster="prod-a"))
    world.sweep(seconds=29)
    assert world.mailer.arrived == []
    world.take(event("Completed", world.clock.now(), name="b", cluster="prod-b"))
    world.sweep(seconds=31)
    assert len(world.mailer.arrived) == 1
    assert all(name in world.mailer.arrived[0][1].text for name in ("prod-a", "prod-b"))


def test_audience_is_mailed_once_an_interval() -> None:
    """An audience gets at most one grouped mail in GROUP_INTERVAL."""
    world = World(GROUP_INTERVAL="5m")
    for minute in range(12):
        world.take(event("Started", world.clock.now(), name=str(minute)))
        world.sweep(minutes=1)
    assert len(world.mailer.arrived) == 3


def test_no_wait_means_no_grouping() -> None:
    """With GROUP_WAIT=0s each notice is a mail of its own at the next sweep."""
    world = World(GROUP_WAIT="0s")
    for number in range(3):
        world.take(event("Started", NOW, name=str(number)))
    world.sweep(seconds=1)
    assert world.statuses == ["Started"] * 3


def test_large_group_is_split() -> None:
    """What does not fit into one mail goes in another at once: the parts count as one for the interval."""
    world = World(GROUP_INTERVAL="5m")
    names = [f"cluster-{number:03d}" for number in range(120)]
    for name in names:
        world.take(event("Started", NOW, name=name, cluster=name))
    world.sweep(minutes=1)
    text = "".join(email.text for _, email in world.mailer.arrived)
    assert len(world.mailer.arrived) >= 2
    assert all(name in text for name in names)
    assert all(len(email.html.encode()) <= 102_000 for _, email in world.mailer.arrived)
    world.take(event("Started", world.clock.now(), name="late"))
    before = len(world.mailer.arrived)
    world.settle_down(4)
    assert len(world.mailer.arrived) == before
    world.settle_down(2)
    assert len(world.mailer.arrived) == before + 1


@pytest.mark.parametrize(
    ("story", "told"),
    [
        (("Started", "Completed"), ["Completed"]),
        (("Scheduled", "Started", "Completed"), ["Completed"]),
        (("Scheduled", "Canceled"), ["Canceled"]),
        (("Completed", "Started"), ["Completed"]),
    ],
)
def test_later_news_replaces_earlier(story: tuple[str, ...], told: list[str]) -> None:
    """What later news of the same maintenance has overtaken while it waited is not told."""
    world = World()
    for status in story:
        text = scheduled(NOW, WEEK) if status == "Scheduled" else event(status, NOW)
        world.take(text)
    world.settle_down()
    assert world.statuses == told
    assert _work(world, "notice") == []


def test_failure_and_recovery_are_both_told() -> None:
    """A failure is never replaced: a Completed after it says that the maintenance recovered."""
    world = World()
    world.take(event("Failed", NOW))
    world.take(event("Completed", NOW + timedelta(hours=1)))
    world.settle_down()
    assert world.statuses == ["Failed", "Completed"]
    assert "recovered" in world.mailer.subjects[-1]


# Reminders


def test_reminders_come_at_their_hour() -> None:
    """A reminder goes out 7 days and 24 hours before the start, once each."""
    world = World()
    start = NOW + timedelta(days=10)
    world.take(scheduled(NOW, start))
    world.settle_down()
    assert world.statuses == ["Scheduled"]
    for lead in (timedelta(days=7), timedelta(hours=24)):
        world.clock.forward(seconds=(start - lead - world.clock.now()).total_seconds() - 60)
        before = len(world.mailer.arrived)
        world.sweep(seconds=59)
        assert len(world.mailer.arrived) == before
        world.sweep(seconds=1)
        assert len(world.mailer.arrived) == before + 1
    world.settle_down(60)
    assert world.statuses == ["Scheduled", "Reminder", "Reminder"]


def test_reminder_needs_no_second_sweep() -> None:
    """A check that has fallen due becomes a notice and an email in one and the same sweep."""
    world = World(REMINDER_GAP="0s")
    world.take(scheduled(NOW, DAY))
    world.sweep(seconds=31)
    world.clock.forward(minutes=5)
    sweep = world.sweep()
    assert (sweep.checked, sweep.settled) == (1, 1)


@pytest.mark.parametrize("status", ["Started", "Completed", "Canceled", "Failed"])
def test_reminder_is_superseded_by_what_happened(status: str) -> None:
    """A reminder whose maintenance has started or ended by its hour is dropped."""
    world = World()
    world.take(scheduled(NOW, WEEK))
    world.settle_down()
    world.take(event(status, world.clock.now()))
    world.settle_down()
    world.sweep(days=8)
    assert "Reminder" not in world.statuses
    assert _work(world, "check") == []


def test_reminder_of_an_old_start_is_dropped() -> None:
    """After a reschedule only the new start is reminded of."""
    world = World()
    world.take(scheduled(NOW, WEEK))
    world.settle_down()
    world.take(scheduled(world.clock.now(), timedelta(days=9)))
    world.settle_down()
    for _ in range(10):
        world.sweep(days=1)
        world.settle_down(5)
    reminders = [email for _, email in world.mailer.arrived if "[Reminder]" in email.subject]
    new_start = NOW + timedelta(minutes=10, days=9)
    assert len(reminders) == 2
    assert all(f"{new_start:%d %b}" in email.text for email in reminders)


# Pauses, time, and other instances


def test_sweep_stops_at_a_pause() -> None:
    """After a 429 the sweep stops; nothing is attempted until the time the service gave, then all is told."""
    world = World(GROUP_WAIT="0s")
    for number in range(3):
        world.take(event("Started", NOW, name=str(number)))
    world.mailer.script.append(Throttled(300, "TooManyRequests"))
    assert world.sweep(seconds=1).paused
    assert len(world.mailer.timeouts) == 1
    world.settle_down(4)
    assert len(world.mailer.timeouts) == 1
    world.settle_down(4)
    assert world.statuses == ["Started"] * 3


def test_pause_holds_for_every_instance() -> None:
    """A pause that one instance has met holds for the others."""
    world = World(GROUP_WAIT="0s")
    for number in range(2):
        world.take(event("Started", NOW, name=str(number)))
    world.mailer.script.append(Throttled(300, "TooManyRequests"))
    world.sweep(seconds=1)
    world.instance().delivery.sweep()
    assert len(world.mailer.timeouts) == 1


def test_pause_is_never_shortened() -> None:
    """A shorter pause does not end a longer one."""
    world = World()
    store = world.notifier.store
    store.pause(NOW + timedelta(hours=1), "long", store.gate())
    for seen in (store.gate(), SendGate()):
        assert store.pause(NOW + timedelta(minutes=1), "short", seen).until == NOW + timedelta(hours=1)


def test_no_mail_is_begun_late_in_a_sweep() -> None:
    """After 45 seconds a sweep begins no new mail; the next one goes on."""
    world = World(GROUP_WAIT="0s")
    for number in range(5):
        world.take(event("Started", NOW, name=str(number)))

    def slow(*_: object) -> Accepted:
        world.clock.forward(seconds=20)
        return Accepted()

    world.mailer.script.extend([slow] * 5)
    world.sweep(seconds=1)
    assert len(world.mailer.arrived) == 3
    world.sweep(seconds=1)
    assert len(world.mailer.arrived) == 5


def test_leased_mail_is_left_alone() -> None:
    """A mail whose lease has not run out by the server's clock is its sender's."""
    world = World(LEASE="2m")
    world.mailer.script.append(lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        world.take(event("Failed", NOW))
    world.sweep(seconds=119)
    assert world.mailer.asked == []
    world.sweep(seconds=2)
    assert len(world.mailer.asked) == 1
    assert world.statuses == ["Failed"]


def test_failures_are_recovered_first() -> None:
    """Of the mails that wait, those that tell of failures go first."""
    world = World(GROUP_WAIT="0s")
    world.take(event("Started", NOW, name="a"))
    world.mailer.script.append(Throttled(60, "TooManyRequests"))
    world.sweep(seconds=1)
    world.clock.forward(minutes=2)
    world.mailer.script.append(Throttled(60, "TooManyRequests"))
    world.take(event("Failed", world.clock.now(), name="b"))
    world.settle_down(5)
    assert world.statuses == ["Failed", "Started"]


def test_unconfigured_audience_falls_to_the_default() -> None:
    """Notices and mails of an audience that is not configured any more go to the default audience."""
    world = World()
    world.take(event("Started", NOW))
    (row,) = [row for row in world.table.query("work:", "work;").rows if row.values["kind"] == "notice"]
    world.table._rows[row.key] = type(row)(
        row.key, {**row.values, "audience": "gone"}, row.etag, row.timestamp
    )
    world.settle_down()
    assert world.mailer.arrived[0][1].to == ("ops@example.com",)


def test_settled_mail_says_what_it_told() -> None:
    """What became of a mail names its recipients, its subject and the events that it told of."""
    world = World()
    world.take(event("Started", NOW))
    world.settle_down()
    (row,) = world.table.query("sent:", "sent;").rows
    sent = read_sent(row)
    assert (sent.state, sent.to) == ("sent", ("ops@example.com",))
    assert sent.subject == world.mailer.subjects[0]
    assert [member.key for member in sent.members] == [f"event:{guid('maintenance')}:Started"]
    assert row.key == keys.sent(world.mailer.arrived[0][0])


def test_mail_is_frozen() -> None:
    """News recorded after a mail was frozen does not change what the mail says."""
    world = World(GROUP_WAIT="1s")
    world.take(event("Started", NOW))
    rendered = []

    def lost(email: object, *_: object) -> Accepted:
        rendered.append(email)
        raise KeyboardInterrupt

    world.mailer.script.extend([lost])
    with pytest.raises(KeyboardInterrupt):
        world.sweep(minutes=1)
    world.take(event("Failed", world.clock.now(), details="late news"))
    world.clock.forward(days=1)
    world.settle_down(1)
    again = next(email for _, email in world.mailer.arrived if "[Started]" in email.subject)
    assert [again] == rendered


# One that goes wrong


def test_unreadable_event_is_told_plainly() -> None:
    """A notice whose event cannot be read any more goes out plain, and its history blocks nothing."""
    world = World()
    world.take(event("Started", NOW))
    (key,) = world.table.keys("event:")
    world.table.commit([Operation(Verb.MERGE, key, {"facts": "no JSON"})])
    world.take(event("Started", NOW, name="other", cluster="prod-b"))
    world.settle_down()
    assert len(world.mailer.arrived) == 1
    assert "prod-b" in world.mailer.arrived[0][1].text
    assert _work(world, "notice") == _work(world, "mail") == []


def test_bug_in_one_mail_blocks_no_other() -> None:
    """Where sending one mail raises, the others go out, and it is gone on with in a later sweep."""
    world = World(GROUP_WAIT="0s")
    for name in "abc":
        world.take(event("Started", NOW, name=name))

    def bug(*_: object) -> Accepted:
        raise RuntimeError("a bug")

    world.mailer.script.append(bug)
    world.sweep(seconds=1)
    assert len(world.mailer.arrived) == 2
    world.settle_down()
    assert len(world.mailer.arrived) == 3


def test_sweep_says_how_long_the_oldest_has_waited() -> None:
    """A sweep logs by how much the oldest work that still waits is overdue, for an alert to look at."""
    world = World(GROUP_WAIT="0s")
    world.take(event("Started", NOW))
    world.mailer.script.append(Throttled(7_200, "TooManyRequests"))
    assert world.sweep(seconds=1).oldest <= 1
    sweep = world.sweep(minutes=40)
    assert sweep.oldest == 2_400
    assert "oldest=2400" in summary(sweep)
    assert world.sweep(hours=2).oldest == 0
