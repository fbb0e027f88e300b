"""Windows in mails and for watchdogs: what is known is told, for one read; nothing known, nothing new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from shared.clusters.refresh import write_down
from shared.notices.kinds import Kind
from shared.notices.records import MailItem
from shared.store import codec
from testing.arm_endpoint import SUBSCRIPTION, configuration
from testing.samples.payloads import event, scheduled
from testing.world import NOW, World
from tests.channels.test_compose import read, squeezed
from tests.clusters.test_inventory import attached

if TYPE_CHECKING:
    from shared.channels.email.email import Email

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
WINDOW = f"Sat 21 Nov 09:00{DASH}13:00 UTC (set as Sat 01:00{DASH}05:00 UTC{MINUS}08:00)"
"""Of `configuration()`: Saturdays from 09:00 to 13:00 UTC."""
SATURDAY = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
NEXT = f"Next: {WINDOW}, in 24 hours."
OUTSIDE = "AKS may do this for urgent maintenance, or to finish work deferred from an earlier window."


def world_with(*configurations: dict[str, Any], **settings: str) -> World:
    """Start a world whose clusters have been read just now."""
    world = World(**{"CLUSTERS": SUBSCRIPTION, **settings})
    know(world, *configurations)
    return world


def know(world: World, *configurations: dict[str, Any], **properties: Any) -> None:
    """Read the cluster anew."""
    body = attached("prod-weu-1", *configurations, **properties)
    write_down(world.notifier.store, body, world.clock.now())


def told(world: World, text: str) -> Email:
    """Deliver an event, and give the mail that follows."""
    before = len(world.mailer.arrived)
    world.take(text)
    world.settle_down(2)
    (mail,) = world.mailer.arrived[before:]
    return mail[1]


def says(email: Email, *sentences: str) -> bool:
    """Return whether both parts of a mail say all of this."""
    html = squeezed("".join(read(email.html).texts))
    text = squeezed(email.text)
    return all(squeezed(words) in html and squeezed(words) in text for words in sentences)


def test_scheduled_without_a_start_says_the_next_window() -> None:
    """Where AKS names no start, subject and mail say when the next window is expected."""
    email = told(world_with(configuration()), scheduled(NOW, None))
    assert " · about Sat 21 Nov 09:00 UTC · " in email.subject
    assert says(email, NEXT, "Expected", "Sat 21 Nov 09:00 UTC, in 24 hours.")


def test_approximate_windows_are_marked() -> None:
    """A window that rests on something undocumented is said to be about."""
    email = told(world_with(configuration(interval=2)), scheduled(NOW, None))
    assert says(email, "about Sat ", "AKS does not document how it counts such windows.")


def test_scheduled_inside_and_outside() -> None:
    """A start that AKS names is told to lie inside a window, or outside."""
    inside = told(world_with(configuration()), scheduled(NOW, SATURDAY + timedelta(hours=1)))
    assert says(inside, f"Inside your window, {WINDOW}.")
    outside = told(world_with(configuration()), scheduled(NOW, SATURDAY + timedelta(hours=5)))
    assert says(outside, f"Outside your windows. {OUTSIDE}")


def test_started_inside() -> None:
    """A start inside a window is told with the window, in the window's own time."""
    world = world_with(configuration())
    world.clock.forward(hours=24, minutes=10)
    email = told(world, event("Started", SATURDAY + timedelta(minutes=2)))
    assert says(email, f"Inside your window, {WINDOW}; it ends in 4 hours.")
    assert "Next:" not in email.text


def test_started_outside() -> None:
    """A start outside is told with the reasons that AKS gives for it, and when the next window comes."""
    email = told(world_with(configuration()), event("Started", NOW))
    assert says(email, f"Outside your windows. {OUTSIDE}", NEXT)


def test_outside_is_not_claimed_where_windows_are_approximate() -> None:
    """Where AKS does not document how windows are counted, nobody is told that they were broken."""
    email = told(world_with(configuration(interval=2)), event("Started", NOW))
    assert OUTSIDE not in email.text
    assert says(email, "how AKS counts such windows is not documented")


def test_failed_says_the_next_window() -> None:
    """A failure, mailed at once, says when the next window comes."""
    assert says(told(world_with(configuration()), event("Failed", NOW)), NEXT)


def test_windows_of_another_kind_do_not_count() -> None:
    """Only the configuration that governs the kind of maintenance counts; having none is told."""
    email = told(world_with(configuration("default")), event("Started", NOW))
    assert says(email, "None for this kind of maintenance: AKS picks the time.")
    assert WINDOW not in email.text


def test_malformed_configuration_is_not_told_to_be_missing() -> None:
    """Where a configuration could not be understood, nothing is claimed about windows."""
    email = told(world_with(configuration(durationHours=2)), event("Started", NOW))
    assert "window" not in email.text.lower().replace("maintenance windows are best effort", "")


@pytest.mark.parametrize("status", ["Scheduled", "Started", "Completed", "Canceled", "Failed", "Paused"])
def test_version_and_channels_are_named(status: str) -> None:
    """Every mail about a maintenance names the cluster's version and channels, and as of when."""
    email = told(world_with(configuration()), event(status, NOW))
    facts = {"Kubernetes version": "1.33.2", "Upgrade channel": "stable", "Node OS channel": "NodeImage"}
    for label, value in {**facts, "As of": "Fri 20 Nov 09:00 UTC"}.items():
        assert f"  {label}: {value}\n" in email.text
        assert squeezed(label + value) in squeezed("".join(read(email.html).texts))


def test_digest_tells_windows() -> None:
    """A digest says when a start is expected, and which start lay outside."""
    world = world_with(configuration())
    world.take(scheduled(NOW, None, name="a"))
    world.take(event("Started", NOW, name="b"))
    world.settle_down()
    (email,) = [email for _, email in world.mailer.arrived]
    assert says(email, "about Sat 21 Nov 09:00 UTC", "outside your windows")


def test_mail_is_frozen_with_its_windows() -> None:
    """What is read of the cluster later does not change a mail that is frozen already."""
    world = world_with(configuration())
    world.mailer.script.extend([lambda *_: (_ for _ in ()).throw(RuntimeError("crash"))])
    world.take(event("Failed", NOW))
    (key,) = world.table.keys("work:2")
    row = world.table.get(key)
    assert row is not None
    mail = codec.mail_row(row).mail
    rows = {member.key: world.notifier.store.row(member.key) for member in mail.members}
    composer = world.email
    audience = world.config.routes.audiences["default"]

    def rendered() -> Email:
        return composer.compose(mail, {k: r for k, r in rows.items() if r is not None}, audience)

    before = rendered()
    know(world, configuration(startTime="02:00"), currentKubernetesVersion="1.34.0")
    assert rendered() == before
    world.sweep(minutes=10)
    assert [email for _, email in world.mailer.arrived] == [before]


def test_members_frozen_before_stay_readable() -> None:
    """A member that was frozen before there were windows, or by a version with more fields, is read."""
    older = msgspec.json.decode(b'["started","event:a:Started",[],""]', type=MailItem)
    assert older == MailItem(Kind.STARTED, "event:a:Started")
    text = codec.members_json([MailItem(Kind.STARTED, "event:a:Started")])
    newer = text.removesuffix("]]") + ',null,"more"]]'
    assert newer != text
    assert msgspec.json.decode(newer, type=tuple[MailItem, ...])[0] == older


def test_windows_read_too_long_ago_are_not_told() -> None:
    """What was read more than a week ago is neither told nor watched by."""
    world = world_with(configuration())
    world.clock.forward(days=8)
    email = told(world, event("Started", world.clock.now()))
    assert "1.33.2" not in email.text
    assert "window" not in email.text.lower()


def test_cluster_not_known_changes_nothing() -> None:
    """The mail about a cluster that was not read is the same as where CLUSTERS is off."""
    plain, unknown = World(), World(CLUSTERS=SUBSCRIPTION)
    assert told(plain, event("Started", NOW)) == told(unknown, event("Started", NOW))


# Cost


@pytest.mark.parametrize(
    ("text", "off"),
    [
        (scheduled(NOW, timedelta(days=2)), 2),
        (scheduled(NOW, None), 2),
        (event("Started", NOW), 1),
        (event("Completed", NOW), 1),
        (event("Failed", NOW), 3),
    ],
)
def test_cost_of_intake(text: str, off: int) -> None:
    """Off, an event costs what it always did; on, one read more, and only where a window matters."""
    for settings, most in (({}, off), ({"CLUSTERS": SUBSCRIPTION}, off + 1)):
        world = World(**settings)
        world.take(text)
        trips = world.table.trips.total()
        assert off <= trips <= most


def test_cost_of_a_mail() -> None:
    """A grouped mail about three maintenances of one cluster costs one read more than where it is off."""
    trips = []
    for settings in ({}, {"CLUSTERS": SUBSCRIPTION}):
        world = World(**settings)
        for name in "abc":
            world.take(event("Completed", NOW, name=name))
        world.table.trips.clear()
        world.sweep(minutes=1)
        assert len(world.mailer.arrived) == 1
        trips.append(world.table.trips.total())
    assert trips[1] == trips[0] + 1


def test_sweep_that_finds_nothing_costs_one_query() -> None:
    """A sweep that finds nothing is one query, on or off."""
    world = world_with(configuration())
    world.table.trips.clear()
    world.sweep(minutes=1)
    assert world.table.trips == {"query": 1}


@pytest.mark.parametrize("facts", ["{", '{"cluster": 1}', ""])
def test_row_that_cannot_be_read_keeps_nothing_back(facts: str) -> None:
    """A cluster's row that cannot be read is logged, and its notices go out without."""
    world = world_with(configuration())
    (key,) = world.table.keys("cluster:")
    row = world.table.get(key)
    assert row is not None
    world.table._rows[key] = msgspec.structs.replace(row, values={**row.values, "facts": facts})
    assert "1.33.2" not in told(world, event("Failed", NOW)).text


# Watchdogs


def _until(world: World, time: datetime) -> None:
    while world.clock.now() < time:
        world.sweep(minutes=15)


def test_start_is_missed_at_the_end_of_its_window() -> None:
    """A start that was planned inside a window is missed an hour after the window's end."""
    world = world_with(configuration(), REMINDER_LEADS="7d")
    world.take(scheduled(NOW, SATURDAY + timedelta(minutes=30)))
    _until(world, SATURDAY + timedelta(hours=4, minutes=45))
    assert world.statuses == ["Scheduled"]
    _until(world, SATURDAY + timedelta(hours=5, minutes=30))
    assert world.statuses == ["Scheduled", "No start reported"]
    assert says(world.mailer.arrived[1][1], f"Inside your window, {WINDOW}.")


def test_start_outside_is_missed_after_the_window_that_follows() -> None:
    """A start that was planned outside is missed an hour after the end of the window that follows."""
    world = world_with(configuration(), REMINDER_LEADS="7d", NOT_STARTED_AFTER="1h")
    world.take(scheduled(NOW, NOW + timedelta(hours=2)))
    _until(world, SATURDAY + timedelta(hours=4, minutes=45))
    assert world.statuses == ["Scheduled"]
    _until(world, SATURDAY + timedelta(hours=5, minutes=30))
    assert world.statuses == ["Scheduled", "No start reported"]


def test_end_is_missed_at_the_end_of_the_window() -> None:
    """What has begun inside a window is still running when the window ends."""
    world = world_with(configuration())
    world.clock.forward(hours=24, minutes=30)
    world.take(event("Started", SATURDAY + timedelta(minutes=20)))
    _until(world, SATURDAY + timedelta(hours=3, minutes=45))
    assert world.statuses == ["Started"]
    _until(world, SATURDAY + timedelta(hours=4, minutes=30))
    assert world.statuses == ["Started", "Still running"]
    assert says(world.mailer.arrived[1][1], f"Inside your window, {WINDOW}; it ended")


def test_start_in_the_last_minutes_gets_an_hour() -> None:
    """What has begun just before the window's end gets an hour before anybody is told."""
    world = world_with(configuration())
    began = SATURDAY + timedelta(hours=3, minutes=55)
    world.clock.forward(hours=27, minutes=56)
    world.take(event("Started", began))
    _until(world, began + timedelta(minutes=40))
    assert world.statuses == ["Started"]
    _until(world, began + timedelta(minutes=90))
    assert world.statuses == ["Started", "Still running"]


def test_end_outside_keeps_its_fixed_hours() -> None:
    """What has begun outside of any window has STILL_RUNNING_AFTER, as where no window is known."""
    world = world_with(configuration(), STILL_RUNNING_AFTER="6h")
    world.take(event("Started", NOW))
    _until(world, NOW + timedelta(hours=5, minutes=30))
    assert world.statuses == ["Started"]
    _until(world, NOW + timedelta(hours=6, minutes=30))
    assert world.statuses == ["Started", "Still running"]


def test_zero_turns_watchdogs_off_whatever_the_windows() -> None:
    """With 0s nobody watches, window or not."""
    world = world_with(configuration(), NOT_STARTED_AFTER="0s", STILL_RUNNING_AFTER="0s", REMINDER_LEADS="7d")
    world.take(scheduled(NOW, SATURDAY, name="a"))
    world.take(event("Started", NOW, name="b"))
    _until(world, NOW + timedelta(days=2))
    assert set(world.statuses) <= {"2 updates", "1 started, 1 scheduled", *world.statuses[:1]}
    assert len(world.mailer.arrived) == 1
