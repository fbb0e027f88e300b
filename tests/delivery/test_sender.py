"""What follows from each outcome of a send: settled, free again, or asked about; never just sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.channels.channel import Temper
from shared.channels.email import compose as email_compose
from shared.channels.outcomes import (
    Accepted,
    OperationState,
    OperationStatus,
    Outcome,
    Refused,
    Throttled,
    Unavailable,
    Unknown,
)
from testing.samples.payloads import event
from testing.world import NOW, World

if TYPE_CHECKING:
    from shared.channels.email.email import Email


def _failed(world: World, name: str = "maintenance") -> None:
    world.take(event("Failed", world.clock.now(), name=name))


def _work(world: World) -> list[str]:
    return [row.values["kind"] for row in world.table.query("work:1", "work;").rows]


def _lost(world: World) -> Any:
    """Take the mail, and give no answer."""

    def step(email: Email, operation_id: str) -> Outcome:
        world.mailer.take(email, operation_id)
        return Unknown("the connection was cut")

    return step


def test_refused_recipients_are_recorded() -> None:
    """Recipients that the mail service refused are written down with the mail that was sent."""
    world = World()
    world.mailer.script.append(Accepted(refused=("gone@example.com",)))
    _failed(world)
    assert world.fates[0].refused == ("gone@example.com",)


def test_accepted_without_an_answer_is_asked_about() -> None:
    """A mail whose acceptance got lost on the way is asked about after its lease, and not sent again."""
    world = World()
    world.mailer.script.append(_lost(world))
    _failed(world)
    assert _work(world) == ["mail"]
    world.settle_down()
    assert len(world.mailer.asked) == 1
    assert len(world.mailer.arrived) == 1
    assert [fate.state for fate in world.fates] == ["sent"]


def test_never_seen_is_sent_again_under_the_same_id() -> None:
    """A mail that the service has never seen is sent again: same operation id, same bytes."""
    world = World()
    seen = []

    def swallow(email: Email, operation_id: str) -> Outcome:
        seen.append((operation_id, email))
        return Unknown("no answer")

    world.mailer.script.append(swallow)
    _failed(world)
    world.settle_down()
    assert world.mailer.arrived == seen


def test_no_clear_answer_waits_another_lease() -> None:
    """While the service gives no clear answer about a mail in doubt, it is neither sent nor given up."""
    world = World()
    world.mailer.script.append(_lost(world))
    world.mailer.answers.extend([OperationStatus(OperationState.NO_ANSWER, "503")] * 12)
    _failed(world)
    for _ in range(14):
        world.sweep(hours=2)
    assert len(world.mailer.arrived) == 1
    assert [fate.state for fate in world.fates] == ["sent"]
    assert len(world.mailer.asked) == 13


def test_failed_operation_is_settled_as_failed() -> None:
    """Where the service says that it took the mail and failed, it is settled as failed, and told."""
    world = World()
    world.mailer.script.append(Unknown("no answer"))
    world.mailer.answers.append(OperationStatus(OperationState.FAILED, "EmailDroppedAllRecipientsSuppressed"))
    _failed(world)
    world.settle_down()
    failed = next(fate for fate in world.fates if fate.state == "failed")
    assert "EmailDroppedAllRecipientsSuppressed" in failed.why
    (told,) = world.mailer.arrived
    assert "EmailDroppedAllRecipientsSuppressed" in told[1].text


def test_attempts_without_an_answer_end() -> None:
    """After eight attempts that the service never saw the mail is settled as failed, and told."""
    world = World()
    world.mailer.script.extend([Unknown("no answer")] * 8)
    _failed(world)
    for _ in range(12):
        world.sweep(hours=2)
    assert len(world.mailer.timeouts) == 9  # eight, and the mail that tells of it
    assert sorted(fate.state for fate in world.fates) == ["failed", "sent"]


def test_throttling_is_no_attempt() -> None:
    """Being throttled does not count as an attempt, however often it happens."""
    world = World()
    world.mailer.script.extend([Throttled(60, "TooManyRequests")] * 20)
    _failed(world)
    world.settle_down(60)
    assert [fate.state for fate in world.fates] == ["sent"]
    assert len(world.mailer.arrived) == 1


def test_throttled_mail_is_asked_about_before_it_is_sent_again() -> None:
    """A mail that met a 429 is asked about before it is sent again: services have been seen to deliver it."""
    world = World()

    def delivered_anyway(email: Email, operation_id: str) -> Outcome:
        world.mailer.take(email, operation_id)
        return Throttled(60, "TooManyRequests")

    world.mailer.script.append(delivered_anyway)
    _failed(world)
    world.settle_down()
    assert len(world.mailer.arrived) == 1
    assert [fate.state for fate in world.fates] == ["sent"]


def test_unavailable_backs_off(caplog: pytest.LogCaptureFixture) -> None:
    """When the service takes no mail at all, sending pauses, ever longer, and each time logs an error."""
    world = World()
    world.mailer.script.extend([Unavailable("401: Denied")] * 5)
    _failed(world)
    attempts = []
    for minute in range(60):
        before = len(world.mailer.timeouts)
        world.sweep(minutes=1)
        if len(world.mailer.timeouts) > before:
            attempts.append(minute + 1)
    assert attempts == [1, 3, 7, 15, 31]
    assert [fate.state for fate in world.fates] == ["sent"]
    errors = [record for record in caplog.records if "401: Denied" in record.message and record.levelno >= 40]
    assert len(errors) == 5


def test_refused_single_mail_is_failed_and_told() -> None:
    """A single mail that the service refuses is settled as failed with the reason, and told."""
    world = World()
    world.mailer.script.append(Refused("400: Invalid format for email address"))
    _failed(world)
    assert len(world.mailer.asked) == 1
    assert [(fate.state, fate.why) for fate in world.fates] == [
        ("failed", "400: Invalid format for email address")
    ]
    world.settle_down()
    assert "Invalid format" in world.mailer.arrived[0][1].text


def test_refused_repeat_of_an_accepted_mail_is_sent() -> None:
    """A refusal is not believed before the service is asked: it refuses repeats of mails that it took."""
    world = World()
    world.mailer.script.append(_lost(world))
    world.mailer.answers.append(OperationStatus(OperationState.NEVER_SEEN))  # not there yet: a stale answer
    world.mailer.script.append(Refused("400: the operation exists"))
    _failed(world)
    world.settle_down()
    assert len(world.mailer.arrived) == 1
    assert [fate.state for fate in world.fates] == ["sent"]


def test_refused_digest_dissolves() -> None:
    """A digest that the service refuses dissolves into single mails: one bad notice spoils no other."""
    world = World()
    for name in "abc":
        world.take(event("Started", NOW, name=name, cluster=f"prod-{name}"))
    world.mailer.script.append(Refused("413: too large"))
    world.settle_down()
    assert sorted(fate.state for fate in world.fates) == ["dissolved", "sent", "sent", "sent"]
    assert len(world.mailer.arrived) == 3
    assert len({id_ for id_, _ in world.mailer.arrived}) == 3


def test_digest_in_doubt_never_dissolves() -> None:
    """A digest in doubt that is then refused is settled as failed, unconfirmed, after one more lease."""
    world = World()
    for name in "ab":
        world.take(event("Started", NOW, name=name))
    world.mailer.script.extend([Unknown("no answer"), Refused("400: bad")])
    for _ in range(30):
        world.sweep(minutes=1)
    failed = next(fate for fate in world.fates if fate.state == "failed")
    assert failed.why.startswith("unconfirmed")
    assert len(world.mailer.asked) == 3
    assert len(world.mailer.arrived) == 1  # what tells of it


def test_mail_about_a_failed_mail_that_fails_is_the_end() -> None:
    """A mail that tells of a failed mail, and is refused itself, is not told in turn."""
    world = World()
    world.mailer.script.extend([Refused("400: bad address")] * 10)
    _failed(world)
    world.settle_down(60)
    assert [fate.state for fate in world.fates] == ["failed", "failed"]
    assert _work(world) == []


def test_late_acceptance_corrects_a_failure() -> None:
    """A 202 that comes after the mail was settled as failed corrects the row, and the failure is not told."""
    world = World()
    other = world.instance()

    def slow(email: Email, operation_id: str) -> Outcome:
        # While this request is under way its lease runs out, and another instance gives the mail up.
        world.clock.forward(minutes=3)
        world.mailer.answers.append(OperationStatus(OperationState.FAILED, "Failed"))
        other.delivery.sweep()
        assert [fate.state for fate in world.fates] == ["failed"]
        return Accepted()

    world.mailer.script.append(slow)
    _failed(world)
    assert [fate.state for fate in world.fates] == ["sent"]
    world.settle_down()
    assert len(world.mailer.arrived) == 1


def test_acceptance_settles_a_mail_taken_over() -> None:
    """A 202 settles the mail though another instance has taken it over: that it was accepted is a fact."""
    world = World()
    other = world.instance()

    def slow(email: Email, operation_id: str) -> Outcome:
        world.clock.forward(minutes=3)
        world.mailer.answers.append(OperationStatus(OperationState.NO_ANSWER, "503"))
        other.delivery.sweep()
        return Accepted()

    world.mailer.script.append(slow)
    _failed(world)
    assert [fate.state for fate in world.fates] == ["sent"]
    assert _work(world) == []


def test_failure_in_doubt_is_repeated_where_nobody_can_be_asked() -> None:
    """Where the service cannot be asked, a failure in doubt goes again under its Message-ID, and says so."""
    world = World(None, None, Temper.BLIND)
    world.mailer.script.append(_lost(world))
    _failed(world)
    world.settle_down()
    assert [_says_repeat(email.text) for _, email in world.mailer.arrived] == [False, True]
    assert [_says_repeat(email.html) for _, email in world.mailer.arrived] == [False, True]
    assert len({email.message_id for _, email in world.mailer.arrived}) == 1
    assert world.mailer.asked == []


def test_rendering_that_fails_goes_out_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail whose rendering fails goes out in a plain form, rather than not at all."""

    def broken(*_: object) -> Email:
        raise ZeroDivisionError

    monkeypatch.setattr(email_compose, "compose", broken)
    world = World()
    _failed(world)
    (sent,) = world.mailer.arrived
    assert "prod-weu-1" in sent[1].text
    assert "Failed" in sent[1].subject


@pytest.mark.parametrize(("lease", "longest"), [("10s", 10 / 3), ("2m", 30), ("10m", 30)])
def test_timeouts_stay_within_a_third_of_the_lease(lease: str, longest: float) -> None:
    """No timeout of a send is longer than a third of the lease; both together fit into half of it."""
    world = World(LEASE=lease, GROUP_WAIT="0s")
    world.take(event("Started", NOW))
    world.sweep(seconds=1)
    (timeouts,) = world.mailer.timeouts
    assert timeouts.connect <= timeouts.read <= longest + 1e-9
    assert 2 * (timeouts.connect + timeouts.read) <= world.config.lease.total_seconds()


def _says_repeat(text: str) -> bool:
    return "may be a repeat" in " ".join(text.split())
