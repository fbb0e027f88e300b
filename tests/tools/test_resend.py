"""`notifier resend`: a new mail that names the old one, sent exactly once."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from shared import keys
from shared.channels.outcomes import Accepted, Refused, Throttled, Unknown
from shared.store import codec
from shared.store.ledger import Ledger, ResendRefused
from shared.store.table import Conflict, Operation, TableUnavailable
from testing.samples.payloads import event
from testing.world import NOW, World
from tests.tools.test_ledger import NotDoneError, run, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.rows import MailRow


def failed(world: World, **more: str) -> str:
    """Let a mail fail; give its operation id."""
    world.mailer.script.append(Refused("550 no such mailbox"))
    world.take(event("Failed", world.clock.now(), **more))
    return told(world, "failed")[-1]


def waiting(world: World) -> list[MailRow]:
    """Return the mails in work."""
    rows = world.table.query("work:", "work;").rows
    return [codec.mail_row(row) for row in rows if row.values["kind"] == "mail"]


def test_sent_exactly_once() -> None:
    """A mail that is resent goes out once, with the next sweep; the row of the old one stays as it was."""
    world = World()
    old = failed(world, cluster="prod-1")
    before = world.table.get(keys.sent(old))
    world.clock.forward(hours=1)
    assert run(world, "resend", old, "--yes") == 0
    assert world.mailer.arrived == []
    world.settle_down(3)
    (_, new) = sorted((old, *told(world, "sent")), key=lambda id_: id_ != old)[:2]
    repeated = [email for id_, email in world.mailer.arrived if id_ == new]
    assert len(repeated) == 1
    assert "prod-1" in repeated[0].subject
    assert world.table.get(keys.sent(old)) == before
    row = world.table.get(keys.sent(new))
    assert row is not None
    sent = codec.sent(row)
    assert (sent.state, sent.repeats, sent.audience) == ("sent", old, "default")
    assert before is not None
    assert sent.members == codec.sent(before).members
    world.settle_down(30)
    assert [id_ for id_, _ in world.mailer.arrived].count(new) == 1


def test_what_was_sent_can_be_resent() -> None:
    """A mail that arrived can be sent again: another operation, frozen at the moment of the wish."""
    world = World()
    world.take(event("Failed", NOW))
    (old,) = told(world, "sent")
    world.clock.forward(days=1)
    run(world, "resend", old, "--yes")
    (row,) = waiting(world)
    assert row.mail.as_of == world.clock.now()
    assert not row.leased
    assert (row.token, row.attempts) == ("", 0)
    world.sweep(seconds=1)
    assert [id_ for id_, _ in world.mailer.arrived] == [old, row.mail.operation_id]


def test_overlapping_sweeps_send_it_once() -> None:
    """Two instances that sweep at once send a resent mail once between them."""
    world = World()
    old = failed(world)
    run(world, "resend", old, "--yes")
    (row,) = waiting(world)
    other = world.instance()

    def meanwhile(*_: object) -> Accepted:
        other.delivery.sweep()
        return Accepted()

    world.mailer.script.append(meanwhile)
    world.settle_down(5)
    assert [id_ for id_, _ in world.mailer.arrived].count(row.mail.operation_id) == 1


def test_unclear_outcome_is_asked_about() -> None:
    """A resent mail whose fate is unclear is asked about like any other, and not sent again."""
    world = World()
    old = failed(world)
    run(world, "resend", old, "--yes")
    (row,) = waiting(world)
    new = row.mail.operation_id

    def cut(email: object, operation_id: str) -> Unknown:
        world.mailer.take(email, operation_id)  # type: ignore[arg-type]
        return Unknown("cut")

    world.mailer.script.append(cut)
    world.settle_down(10)
    assert [id_ for id_, _ in world.mailer.arrived].count(new) == 1
    assert new in told(world, "sent")


def test_second_resend_is_another() -> None:
    """Each resend has an id of its own, the same wherever it is computed."""
    world = World()
    old = failed(world)
    for _ in range(3):
        run(world, "resend", old, "--yes")
        world.settle_down(1)
    repeats = [fate for fate in world.fates if fate.repeats]
    assert len(repeats) == 3
    assert {sent.repeats for sent in repeats} == {old}
    assert {f"sent:{id_}" for id_ in Ledger(world.table).resends(old)} == {sent.key for sent in repeats}


def test_chain() -> None:
    """What was resent and failed can be resent itself, and names the one before it."""
    world = World()
    old = failed(world)
    run(world, "resend", old, "--yes")
    world.mailer.script.append(Refused("still no such mailbox"))
    world.sweep(seconds=1)
    (second,) = set(told(world, "failed")) - {old}
    run(world, "resend", second, "--yes")
    (row,) = waiting(world)
    assert row.mail.repeats == second


def test_dissolving_keeps_what_is_repeated() -> None:
    """A resent digest that dissolves says in each of its mails which one it repeats."""
    world = World()
    for name in "ab":
        world.take(event("Started", NOW, name=name))
    world.sweep(minutes=1)
    (old,) = told(world, "sent")
    run(world, "resend", old, "--yes")
    world.mailer.script.append(Refused("too large"))
    world.settle_down(2)
    singles = [row for row in world.fates if row.state == "sent" and row.key != keys.sent(old)]
    assert [row.repeats for row in singles] == [old, old]


def test_waiting_mail_is_not_resent() -> None:
    """A mail that is still in work is not resent, whoever holds it."""
    world = World()
    world.mailer.script.append(Throttled(600, "slow down"))
    world.take(event("Failed", NOW))
    (row,) = waiting(world)
    with pytest.raises(NotDoneError, match="waiting to be sent"):
        run(world, "resend", row.mail.operation_id, "--yes")
    assert len(waiting(world)) == 1


def test_repetition_that_waits_is_enough() -> None:
    """A mail whose repetition still waits is not resent once more."""
    world = World()
    old = failed(world)
    run(world, "resend", old, "--yes")
    with pytest.raises(NotDoneError, match="waiting to be sent again"):
        run(world, "resend", old, "--yes")
    assert len(waiting(world)) == 1


def test_two_at_once() -> None:
    """Of two operators who resend a mail at the same moment, one does; nothing is left half done."""
    world = World()
    old = failed(world)
    book = Ledger(world.table)
    sent = book.sent(old)
    assert sent is not None
    one, other = book.resending(sent, NOW), book.resending(sent, world.clock.now())
    book.resend(one, "a")
    with pytest.raises(ResendRefused, match="Somebody else"):
        book.resend(other, "b")
    assert len(waiting(world)) == 1


def test_answer_that_was_lost() -> None:
    """A resend whose answer was lost and that is made once more puts in one mail."""

    def lose(_: Sequence[Operation]) -> None:
        raise Conflict(0)

    world = World()
    old = failed(world)
    world.table.after = lose
    assert run(world, "resend", old, "--yes") == 0
    assert len(waiting(world)) == 1


def test_table_that_does_not_answer() -> None:
    """A resend that could not be written leaves nothing behind."""

    def dead(_: Sequence[Operation]) -> None:
        raise TableUnavailable("no answer")

    world = World()
    old = failed(world)
    world.table.before = dead
    before = world.table.keys()
    with pytest.raises(NotDoneError, match="no answer"):
        run(world, "resend", old, "--yes")
    assert world.table.keys() == before


def test_dissolved_mail_is_not_resent() -> None:
    """A mail that was dissolved is told by others: those can be resent."""
    world = World()
    for name in "ab":
        world.take(event("Started", NOW, name=name))
    world.mailer.script.append(Refused("too large"))
    world.settle_down(2)
    (old,) = told(world, "dissolved")
    with pytest.raises(NotDoneError, match="dissolved"):
        run(world, "resend", old, "--yes")


def test_what_is_forgotten_is_not_resent() -> None:
    """A mail whose events are not stored any more has nothing to tell: it is not resent."""
    world = World()
    old = failed(world)
    key = world.table.keys("event:")[0]
    world.table._rows.pop(key)
    with pytest.raises(NotDoneError, match=key):
        run(world, "resend", old, "--yes")


@pytest.mark.parametrize("name", ["audience:default", "event:"])
def test_only_mails(name: str) -> None:
    """What is no mail is not resent."""
    world = World()
    world.take(event("Started", NOW))
    world.sweep(minutes=1)
    with pytest.raises(NotDoneError, match="no mail"):
        run(world, "resend", name, "--yes")


@pytest.mark.parametrize(("answer", "resent"), [("y\n", True), ("yes\n", True), ("n\n", False), ("", False)])
def test_asks_first(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    resent: bool,
) -> None:
    """Without --yes it says what will happen and waits for a yes."""
    world = World()
    old = failed(world, cluster="prod-1")
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    if resent:
        assert run(world, "resend", old) == 0
    else:
        with pytest.raises(NotDoneError, match="nothing was done"):
            run(world, "resend", old)
    assert len(waiting(world)) == resent
    out = capsys.readouterr().out
    assert "prod-1" in out
    assert "will tell audience default" in out
