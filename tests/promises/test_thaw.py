"""Thaw and binding: a mail that nobody can have taken is told as things are; one in doubt stays as it was."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.channels.outcomes import Outcome, Postponed, Unavailable, Unknown
from shared.settings import load
from shared.store import codec
from testing.samples.payloads import event, scheduled
from testing.world import NOW, SETTINGS, World

if TYPE_CHECKING:
    from shared.channels.email.email import Email

QUIET = {"NOT_STARTED_AFTER": "0s", "STILL_RUNNING_AFTER": "0s"}
AWAY = [Unavailable("away")] * 1_000


def _away(world: World, **time: float) -> None:
    """Let the mail service be away for a time."""
    world.mailer.script.extend(AWAY)
    for _ in range(int(timedelta(**time) / timedelta(minutes=5))):
        world.sweep(minutes=5)
    world.mailer.script.clear()
    world.settle_down(90)


@pytest.mark.parametrize("first", ["reminder", "another mail"])
def test_reminder_of_a_start_that_has_passed_is_not_told(first: str) -> None:
    """A reminder that an outage has kept beyond the start is dropped, frozen or not."""
    world = World(**QUIET)
    world.take(scheduled(NOW, timedelta(days=3)))
    world.sweep(minutes=2)
    if first == "another mail":
        world.sweep(hours=46)
        world.take(event("Started", world.clock.now(), name="other", cluster="other"))
        _away(world, hours=30)
        assert world.statuses == ["Scheduled", "Started"]
    else:
        world.clock.forward(hours=47, minutes=50)
        _away(world, hours=30)
        assert world.statuses == ["Scheduled"]


def test_what_was_overtaken_while_frozen_is_not_told() -> None:
    """A mail frozen before an outage is thawed after it: of Scheduled and Canceled only Canceled is told."""
    world = World(**QUIET)
    world.mailer.script.extend(AWAY)
    world.take(scheduled(NOW, timedelta(days=2)))
    world.settle_down(3)
    world.take(event("Canceled", NOW + timedelta(hours=5)))
    _away(world, hours=20)
    assert world.statuses == ["Canceled"]


def test_thawed_notices_go_by_the_same_ids() -> None:
    """What is thawed and still true is told under the ids that it had, once, and as of now."""
    world = World(**QUIET)
    world.mailer.script.append(Unavailable("away"))
    world.take(event("Failed", NOW))
    (before,) = [codec.mail_row(row).mail for row in world.table.query("work:2", "work:3").rows]
    _away(world, hours=3)
    ((id_, email),) = world.mailer.arrived
    assert id_ == before.operation_id
    assert email.date > before.as_of + timedelta(hours=3)
    assert not [row for row in world.table.query("work:2", "work:3").rows if row.values["kind"] != "check"]


def test_mail_in_doubt_is_not_thawed() -> None:
    """A mail that may have arrived stays as it was, however long the service gives no answer."""
    world = World(**QUIET)
    world.mailer.script.append(Unknown("cut"))
    world.take(event("Failed", NOW))
    (before,) = [codec.mail_row(row).mail for row in world.table.query("work:2", "work:3").rows]
    _away(world, hours=3)
    ((_, email),) = world.mailer.arrived
    assert email.date == before.as_of


def test_mail_put_off_for_ever_fails_in_the_end() -> None:
    """Thawing does not begin the attempts of a mail anew that is put off for its own sake."""
    world = World(**QUIET)
    world.mailer.script.extend([Postponed("mailbox full")] * 8)
    world.take(event("Started", NOW))
    world.settle_down(12 * 60)
    assert world.statuses == ["Undelivered"]


def _redeploy(world: World, **settings: str) -> None:
    world.config = load(SETTINGS | QUIET | settings)
    world.notifier = world.instance()


def _team(to: str) -> str:
    return json.dumps({"audiences": [{"name": "team", "to": to}], "routes": [{"audiences": ["team"]}]})


NEWS = {
    "ROUTES": _team("new@example.com"),
    "EMAIL_FROM": "other@example.org",
    "PORTAL": "portal.azure.us",
    "TIME_ZONE": "Europe/Berlin",
}


@pytest.mark.parametrize("arrived", [False, True])
def test_mail_in_doubt_keeps_to_what_it_was_bound_to(arrived: bool) -> None:
    """To whom, from whom, zone and portal of a mail in doubt stay as they were, and its row says so."""
    world = World(ROUTES=_team("old@example.com"), **QUIET)
    lost: list[Email] = []

    def doubtful(email: Email, operation_id: str) -> Outcome:
        lost.append(email)
        if arrived:
            world.mailer.take(email, operation_id)
        return Unknown("cut")

    world.mailer.script.append(doubtful)
    world.take(event("Failed", NOW))
    _redeploy(world, **NEWS)
    world.settle_down()
    assert [email for _, email in world.mailer.arrived] == lost
    (sent,) = world.fates
    assert sent.to == ("old@example.com",)


def test_mail_that_was_not_taken_takes_what_holds_now() -> None:
    """A mail that surely was not taken goes out by the settings of its next attempt."""
    world = World(ROUTES=_team("old@example.com"), **QUIET)
    world.mailer.script.append(Unavailable("sender not allowed"))
    world.take(event("Failed", NOW))
    _redeploy(world, **NEWS)
    world.settle_down()
    ((_, email),) = world.mailer.arrived
    assert (email.to, email.sender) == (("new@example.com",), "other@example.org")
    assert email.message_id.endswith("@example.org>")
    assert "portal.azure.us" in email.text


def test_default_audience_is_not_told_what_it_was_told() -> None:
    """What falls to the default audience, and it has heard of by itself, is not told again."""
    routes = json.dumps(
        {
            "audiences": [{"name": "team", "to": "t@example.com", "group_wait": "5m"}],
            "routes": [{"audiences": ["team", "default"]}],
        }
    )
    world = World(ROUTES=routes, **QUIET)
    world.take(event("Started", NOW))
    world.sweep(minutes=2)
    _redeploy(world)
    world.settle_down(20)
    assert [email.to for _, email in world.mailer.arrived] == [("ops@example.com",)]
