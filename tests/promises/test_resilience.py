"""What goes wrong in one place stays there: poison, slowness, outages and pile-ups harm nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from shared import app, keys
from shared.channels.channel import Temper
from shared.channels.email.channel import EmailChannel
from shared.channels.outcomes import Accepted, Outcome, Postponed, Throttled, Timeouts, Unavailable
from shared.delivery import limiter
from shared.notices.kinds import Decision
from shared.setting_reader import SettingsError
from shared.store.table import Operation, TableRefused, TableUnavailable, Verb
from testing.fault_proxy import Phase, Reply, at
from testing.real_app import RealWorld
from testing.samples.payloads import event, scheduled
from testing.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.channels.email.email import Email
    from testing.processes import Azurite

DAY = timedelta(days=1)


def _spoil(world: World, key: str) -> None:
    world.table.commit([Operation(Verb.MERGE, key, {"facts": '{"from": "another version"}'})])


def test_mail_that_is_never_taken_starves_no_other() -> None:
    """A mail that the service does not take for now is tried again later, while others go out."""
    world = World(GROUP_WAIT="0s")

    def stubborn(email: Email, operation_id: str) -> Outcome:
        if "full-mailbox" in email.subject:
            return Postponed("452 mailbox full")
        return Accepted()

    world.mailer.script.extend([stubborn] * 10_000)
    world.take(event("Started", NOW, name="a", cluster="full-mailbox"))
    for number in range(5):
        world.take(event("Started", world.clock.now(), name=str(number)))
        world.sweep(minutes=1)
    assert len(world.mailer.arrived) == 5
    for _ in range(12):
        world.sweep(hours=1)
    failed = [row for row in world.table.query("sent:", "sent;").rows if row.values["state"] == "failed"]
    assert len(failed) == 1


def test_unreadable_event_is_still_known() -> None:
    """A stored event that cannot be read any more still counts: a duplicate is one, a reschedule is told."""
    world = World()
    world.take(scheduled(NOW, DAY * 9))
    (key,) = world.table.keys("event:")
    _spoil(world, key)
    later = NOW + timedelta(hours=1)
    world.clock.forward(hours=1)
    assert world.take(scheduled(later, DAY * 12)) == "rescheduled"
    world.take(event("Failed", later, name="other"))
    (failed,) = [key for key in world.table.keys("event:") if key.endswith(":Failed")]
    _spoil(world, failed)
    assert world.take(event("Failed", later, name="other")) == "duplicate"


def test_check_of_an_unreadable_event_stays() -> None:
    """A reminder whose announcement cannot be read is not decided: it stays until it can be."""
    world = World()
    world.take(scheduled(NOW, DAY * 2))
    world.settle_down()
    (key,) = world.table.keys("event:")
    facts = world.table._rows[key].values["facts"]
    _spoil(world, key)
    world.sweep(days=1, minutes=1)
    assert world.statuses == ["Scheduled"]
    world.table.commit([Operation(Verb.MERGE, key, {"facts": facts})])
    world.sweep(minutes=6)
    assert world.statuses == ["Scheduled", "Reminder"]


def test_event_that_cannot_be_recorded_is_kept_and_told() -> None:
    """An event whose row the table refuses for good is kept as rejected, told, and acknowledged."""

    def refuse(operations: Sequence[Operation]) -> None:
        if operations[0].key.startswith("event:"):
            raise TableRefused("the property is too large")

    world = World()
    world.table.before = refuse
    assert world.take(event("Started", NOW)) == "rejected"
    world.settle_down()
    assert "too large" in world.mailer.arrived[0][1].text


@pytest.mark.parametrize("lease", ["10s", "2m"])
def test_nothing_is_sent_late_in_a_lease(lease: str) -> None:
    """Where taking the lease took so long that it may run out under way, the mail is left to it unsent."""
    world = World(LEASE=lease)
    slow = [world.config.lease.total_seconds() * 0.9]

    def dawdle(operations: Sequence[Operation]) -> None:
        if slow and any(operation.values.get("kind") == "mail" for operation in operations):
            world.clock.forward(seconds=slow.pop())

    world.table.after = dawdle
    world.take(event("Failed", NOW))
    assert world.mailer.timeouts == []
    world.settle_down(30)
    assert len(world.mailer.arrived) == 1


def test_mail_that_another_has_taken_over_is_not_sent() -> None:
    """A mail recorded by a write whose answer came late, and taken over meanwhile, is the other's alone."""
    world = World(LEASE="10s")
    other, late = world.instance(), [12]

    def repeat(operations: Sequence[Operation]) -> None:
        if late and operations[0].key.startswith("event:"):
            world.clock.forward(seconds=late.pop())
            other.delivery.sweep()
            world.table.commit(operations)

    world.table.after = repeat
    world.take(event("Failed", NOW))
    world.settle_down()
    assert len(world.mailer.arrived) == 1


def test_reminders_that_piled_up_are_one() -> None:
    """After an outage only the last of several reminders of one start is told."""
    world = World()
    world.take(scheduled(NOW, DAY * 9))
    world.settle_down()
    world.sweep(days=8, minutes=1)
    world.settle_down()
    assert world.statuses == ["Scheduled", "Reminder"]
    assert "24 h" in world.mailer.subjects[-1]


def test_announcement_that_waited_is_not_reminded_of_at_once() -> None:
    """An announcement that goes out together with its reminder says it all: the reminder is not told."""
    world = World()
    world.take(scheduled(NOW, timedelta(days=1, hours=7)))
    world.notifier.store.pause(NOW + timedelta(hours=8), "down", world.notifier.store.gate())
    world.sweep(hours=8, minutes=1)
    world.settle_down()
    assert world.statuses == ["Scheduled"]


def test_failed_recordings_use_up_no_slot() -> None:
    """An event that could not be recorded at first is still mailed at once when it can be."""
    broken = [TableUnavailable("down")] * 5

    def down(_: Sequence[Operation]) -> None:
        if broken:
            raise broken.pop()

    world = World()
    world.table.before = down
    for _ in range(5):
        with pytest.raises(TableUnavailable):
            world.take(event("Failed", NOW))
    world.take(event("Failed", NOW))
    assert len(world.mailer.arrived) == 1


def test_mailer_that_cannot_be_opened_is_no_attempt() -> None:
    """Where the mail service's library cannot even be loaded, mail waits: that is no attempt to send it."""

    def broken() -> Any:
        raise ImportError("no module named azure.communication")

    branding = app.channel_context(World().config).branding
    channel = EmailChannel(broken, temper=Temper.ASKABLE, limits=None, branding=branding)
    outcome = channel.send(None, "id", Timeouts(1, 1))  # type: ignore[arg-type]
    assert isinstance(outcome, Unavailable)
    assert channel.ask("id", Timeouts(1, 1)).state == "no-answer"


def test_array_out_of_time_comes_again() -> None:
    """Of an array that takes too long what was recorded is safe, and the rest is delivered again."""
    world = World()
    world.table.before = lambda _: world.clock.forward(seconds=10)
    text = "[" + ",".join(event("Started", NOW, name=str(number)) for number in range(5)) + "]"
    with pytest.raises(TableUnavailable):
        world.notifier.intake.take(text)
    assert len(world.table.keys("event:")) == 2
    world.table.before = lambda _: None
    decisions = world.notifier.intake.take(text)
    assert decisions == [Decision.DUPLICATE] * 2 + [Decision.NEW] * 3


def test_busy_table_is_asked_again_at_once(azurite: Azurite) -> None:
    """A table that says it is busy is asked once more at once, however long it wants to be left alone."""
    with RealWorld(azurite) as world, world.host() as host:
        host.run("due_notices")
        world.table_proxy.clear()
        busy = Reply(503, {"Retry-After": "3600"})
        world.table_proxy.on_request = at(1, Phase.BEFORE, busy)
        assert host.post_event(event("Started", NOW)).status == 202
        assert len(world.table_proxy.requests) == 2


def test_same_news_for_a_removed_audience_and_the_default_is_told_once() -> None:
    """A notice of an audience that is gone falls to the default audience, which hears it once."""
    world = World()
    world.take(event("Started", NOW))
    (row,) = [row for row in world.table.query("work:1", "work;").rows if row.values["kind"] == "notice"]
    gone = Operation(Verb.INSERT, row.key + "0", {**row.values, "audience": "gone"})
    world.table.commit([gone])
    world.settle_down()
    assert len(world.mailer.arrived) == 1
    assert "2 started" not in world.mailer.subjects[0]
    assert [row.values["kind"] for row in world.table.query("work:1", "work;").rows] == ["check"]


SERVICE = {
    "EMAIL_FOLDER": "",
    "EMAIL_CONNECTION_STRING": "endpoint=https://name.communication.azure.com/;accesskey=a2V5",
}


@pytest.mark.parametrize("warm", [True, False])
def test_pause_that_another_instance_has_set_is_kept(warm: bool) -> None:
    """An instance that counts its sends sees the pause of another where it counts, and sends nothing."""
    world = World(**SERVICE)
    other = world.instance()
    if warm:
        other.delivery.sweep()
    world.mailer.script.append(Throttled(600, "429"))
    world.take(event("Failed", NOW, name="a"))
    other.intake.take(event("Failed", NOW, name="b"))
    assert len(world.mailer.timeouts) == 1
    world.settle_down(8)
    assert len(world.mailer.timeouts) == 1
    world.settle_down(12)
    assert len(world.mailer.arrived) == 2


def test_failures_do_not_queue_to_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the table is slow, failures do not wait for each other's counted sends: they are recorded."""
    monkeypatch.setattr(limiter, "MAX_QUEUED_SECONDS", 0.05)

    begun, go_on = Event(), Event()

    def count_slowly(operations: Sequence[Operation]) -> None:
        if any(operation.key == keys.GATE for operation in operations) and not begun.is_set():
            begun.set()
            assert go_on.wait(60)

    world = World(**SERVICE, GROUP_INTERVAL="0s")
    world.table.before = count_slowly
    texts = [event("Failed", NOW, name=str(number)) for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        counting = pool.submit(world.take, texts[0])
        assert begun.wait(60)
        assert list(pool.map(world.take, texts[1:])) == ["new"] * 15
        assert not counting.done()
        go_on.set()
        assert counting.result() == "new"
    world.settle_down()
    told = [member for fate in world.fates for member in fate.members]
    assert len(told) == len({member.key for member in told}) == 16


def test_notices_of_a_removed_audience_beyond_one_mail_are_told_once() -> None:
    """More notices than a transaction takes, two of each, are told once: a member takes both along."""
    world = World()
    for number in range(98):
        world.take(event("Started", NOW, name=str(number), cluster=f"prod-{number}"))
    for row in world.table.query("work:1", "work;").rows:
        if row.values["kind"] == "notice":
            gone = Operation(Verb.INSERT, row.key + "0", {**row.values, "audience": "gone"})
            world.table.commit([gone])
    world.settle_down(20)
    told = [member for fate in world.fates for member in fate.members]
    assert len(told) == len({member.key for member in told}) == 98


def test_audiences_and_reminders_that_fit_into_no_transaction_are_refused() -> None:
    """So many audiences with reminders of their own that an event could not be recorded stop the start."""
    names = [f"team{number}" for number in range(60)]
    audiences = "".join(
        f"  - {{name: {name}, to: {name}@example.com, reminder_leads: [{number + 7}h]}}\n"
        for number, name in enumerate(names)
    )
    routes = f"audiences:\n{audiences}routes:\n  - audiences: [{', '.join(names)}]\n"
    with pytest.raises(SettingsError, match=r"audiences .*at most 98 .* got 61 and 61"):
        World(ROUTES=routes)


def test_failure_goes_before_older_news_without_grouping() -> None:
    """Where nothing is grouped and there is room for one mail at a time, a failure takes the next."""
    world = World(**SERVICE, EMAIL_PER_MINUTE="1", EMAIL_PER_HOUR="60", GROUP_WAIT="0s")
    for number in range(5):
        world.take(event("Started", NOW, name=str(number)))
    world.sweep(minutes=1)
    world.take(event("Failed", world.clock.now(), name="failed"))
    world.settle_down(3)
    assert world.statuses[:2] == ["Started", "Failed"]
