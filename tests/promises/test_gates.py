"""Gates: who is asked, how often, and who hears that nobody has to answer any more."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from testing.samples.fleets import gate
from testing.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.table import Operation

CREATED = gate("Pending", NOW, what="Created")
APPROVED = gate("Completed", NOW + timedelta(seconds=20))


def pass_by(world: World, hours: float) -> None:
    """Let time pass, with a sweep every quarter of an hour."""
    for _ in range(int(hours * 4)):
        world.sweep(minutes=15)


def test_a_gate_is_told_at_once() -> None:
    """Who has to approve hears at once: the mail is out before the delivery is answered, and important."""
    world = World()
    assert world.take(CREATED) == "new"
    assert world.statuses == ["Waiting for approval"]
    ((_, email),) = world.mailer.arrived
    assert dict(email.headers)["Importance"] == "high"
    for words in (
        "az fleet gate approve --subscription",
        "needs the fleet extension of az",
        "no right to approve",
        "Check with the sales team",
        "stage prod",
    ):
        assert words in " ".join(email.text.split())


@pytest.mark.parametrize("fleets", ["", "00000000-0000-0000-0000-00000000000f"])
def test_the_reminders_double_and_end(fleets: str) -> None:
    """A gate is reminded of after 4 hours, then 8 and 16 after the one before; no more where none polls."""
    world = World(FLEETS=fleets)
    world.take(CREATED)
    at = []
    for hour in range(24 * 7):
        before = len(world.mailer.arrived)
        pass_by(world, 1)
        at += [hour + 1] * (len(world.mailer.arrived) - before)
    assert at == [4, 12, 28]
    assert world.statuses[1:] == [f"Reminder {number}: waiting for approval" for number in (1, 2, 3)]
    assert all("az fleet gate approve" in email.text for _, email in world.mailer.arrived)


@pytest.mark.parametrize(
    ("state", "what", "word"),
    [
        ("Completed", "Updated", "Approved"),
        ("Skipped", "Updated", "Gate skipped"),
        ("Pending", "Deleted", "Run gone"),
    ],
)
def test_those_who_were_asked_hear_the_end(state: str, what: str, word: str) -> None:
    """Answered, skipped or gone: those who were asked hear it, once, and are not reminded any more."""
    world = World()
    world.take(CREATED)
    pass_by(world, 2)
    ended = gate(state, world.clock.now(), what=what)
    assert world.take(ended) == "new"
    assert world.take(ended) == "duplicate"
    pass_by(world, 48)
    assert world.statuses == ["Waiting for approval", word]


@pytest.mark.parametrize("order", list(permutations((CREATED, APPROVED, CREATED))))
def test_an_end_wins_in_any_order(order: tuple[str, ...]) -> None:
    """However the events of a gate come, nobody is asked after its end or reminded of it."""
    world = World()
    for text in order:
        world.take(text)
    pass_by(world, 48)
    asked = order[0] is CREATED
    assert world.statuses == (["Waiting for approval", "Approved"] if asked else [])


ENDS = [
    APPROVED,
    gate("Skipped", NOW + timedelta(seconds=30)),
    gate("Pending", NOW + timedelta(seconds=40), what="Deleted"),
]


@pytest.mark.parametrize(("first", "second"), [pair for end in ENDS for pair in permutations((CREATED, end))])
def test_a_question_and_its_answer_at_once(first: str, second: str) -> None:
    """However two instances interleave that record a question and its answer, who was asked hears the end.

    Each reads, then writes: that one does both between the other's two steps is the one way besides one after
    the other. Who is late reads again.
    """
    world, between = World(), [second]
    other = world.instance()

    def race(operations: Sequence[Operation]) -> None:
        if between and operations[0].key.startswith("event:"):
            other.intake.take(between.pop())

    world.table.before = race
    world.take(first)
    assert not between
    pass_by(world, 48)
    if second is CREATED:
        assert world.statuses[0] == "Waiting for approval"
        assert len(world.statuses) == 2
    else:
        assert world.statuses == []


def test_what_keeps_instances_apart_costs_nothing() -> None:
    """An event of a gate is read for and recorded in two round trips, and told in two more."""
    world = World(QUIET_KINDS="gate")
    world.take(gate("Pending", NOW, name="of before"))
    world.table.trips.clear()
    world.take(CREATED)
    assert world.table.trips == {"query": 1, "commit": 1}


def test_an_end_of_which_nobody_was_asked_is_only_recorded() -> None:
    """Of a gate whose question never went out nobody hears that it is answered."""
    world = World()
    assert world.take(APPROVED) == "recorded"
    assert world.take(CREATED) == "stale"
    pass_by(world, 12)
    assert world.statuses == []


def test_a_question_that_waits_goes_with_its_answer() -> None:
    """A question that could not go out before it was answered is not told, and neither is the answer."""
    world = World()
    many = [gate("Pending", NOW, name=f"gate {number}") for number in range(4)]
    for text in many:
        world.take(text)
    assert len(world.mailer.arrived) == 3
    world.take(gate("Completed", NOW + timedelta(seconds=5), name="gate 3"))
    pass_by(world, 1)
    assert len(world.mailer.arrived) == 3


def test_an_answer_that_comes_between_two_reads() -> None:
    """One recorded after a sweep has read its work, and before it reads the history, is not told either."""
    answers = [gate("Completed", NOW + timedelta(seconds=5), name="gate 3")]

    def answer(first: str) -> None:
        if first.startswith("event:") and world.clock.now() > NOW and answers:
            world.take(answers.pop())

    world = World()
    world.table.asked = answer
    for number in range(4):
        world.take(gate("Pending", NOW, name=f"gate {number}"))
    pass_by(world, 1)
    assert not answers
    assert len(world.mailer.arrived) == 3


def test_a_time_that_lies_ahead_hides_no_end() -> None:
    """A question whose time is hours ahead of all clocks is answered all the same by what comes after it."""
    world = World()
    world.take(gate("Pending", NOW + timedelta(hours=2), what="Created"))
    world.take(gate("Completed", NOW + timedelta(seconds=20)))
    pass_by(world, 12)
    assert world.statuses == ["Waiting for approval", "Approved"]


def test_a_gate_that_waits_anew_is_told_again() -> None:
    """Pending after its end, by its own time, is another question; the same state again is none."""
    world = World()
    world.take(CREATED)
    world.take(APPROVED)
    again = gate("Pending", NOW + timedelta(hours=1), envelope="again")
    pass_by(world, 1)
    assert world.take(again) == "new"
    assert world.take(gate("Pending", NOW + timedelta(hours=2), envelope="and again")) == "duplicate"
    pass_by(world, 5)
    assert world.statuses == [
        "Waiting for approval", "Approved", "Waiting for approval", "Reminder 1: waiting for approval",
    ]  # fmt: skip


def test_a_gate_made_anew_ends_the_reminders_of_the_old_one() -> None:
    """A run that begins again makes its gates anew: only of the last in a place people are reminded."""
    world = World()
    world.take(CREATED)
    pass_by(world, 1)
    world.take(gate("Pending", NOW + timedelta(hours=1), what="Created", name="made anew"))
    pass_by(world, 5)
    assert world.statuses == ["Waiting for approval"] * 2 + ["Reminder 1: waiting for approval"]


def test_gates_of_one_stage_are_asked_about_one_by_one() -> None:
    """Each group's gate holds up that group alone: an answer to one leaves the other waiting."""
    world = World()
    for group in ("blue", "green"):
        place = {"stage": "prod", "group": group, "timing": "Before"}
        world.take(gate("Pending", NOW, what="Created", name=group, place=place))
    world.take(gate("Completed", NOW + timedelta(minutes=1), name="blue"))
    pass_by(world, 5)
    assert world.statuses[:2] == ["Waiting for approval"] * 2
    assert "Reminder 1: waiting for approval" in world.statuses
    reminder = next(email for _, email in world.mailer.arrived if "Reminder" in email.subject)
    assert "group green" in reminder.subject


@pytest.mark.parametrize("type_", ["ScheduledStart", "", "approve me'; rm -rf"])
def test_an_unknown_gate_is_never_offered_for_approval(type_: str) -> None:
    """A gate of a type that is new to us is told plainly: no command to approve, no reminder."""
    world = World()
    world.take(gate("Pending", NOW, what="Created", gateType=type_))
    pass_by(world, 30)
    ((_, email),) = world.mailer.arrived
    assert email.subject.startswith("[Waiting at a gate]")
    assert "gate approve" not in email.text
    assert "nobody is asked to approve" in " ".join(email.text.split())


@pytest.mark.parametrize("state", ["Pending", "Paused"])
def test_a_gate_of_no_run_is_told_with_what_there_is(state: str) -> None:
    """A gate that names no run, stage or group is told, and no command has a name left out."""
    world = World()
    world.take(gate(state, NOW, what="Updated", target={}))
    world.settle_down(2)
    ((_, email),) = world.mailer.arrived
    assert "before the next stage" in email.subject
    assert "updaterun" not in email.text
    assert ("gate approve" in email.text) == (state == "Pending")


def test_a_state_that_is_new_is_told_plainly() -> None:
    """A gate in a state that is new to us is told as it came, once."""
    world = World()
    world.take(gate("Paused", NOW))
    assert world.take(gate("Paused", NOW, envelope="again")) == "duplicate"
    pass_by(world, 1)
    assert world.statuses == ["Paused"]


def test_volume_essential_is_asked_but_not_told_the_end() -> None:
    """Who wants the essential alone hears what waits for them, and no more of it."""
    routes = "audiences: [{name: few, to: few@example.com, volume: essential}]\n"
    world = World(ROUTES=f"{routes}routes: [{{match: {{fleet: contoso-*, stage: prod}}, audiences: few}}]")
    world.take(CREATED)
    world.take(APPROVED)
    world.take(gate("Pending", NOW, what="Created", name="other", place={"stage": "dev"}))
    pass_by(world, 1)
    assert [email.to for _, email in world.mailer.arrived] == [("few@example.com",), ("ops@example.com",)]


def test_all_of_a_run_is_one_thread() -> None:
    """Mails of one run refer to one root, whichever gate they are about."""
    world = World()
    world.take(CREATED)
    world.take(gate("Pending", NOW, what="Created", name="other"))
    world.take(gate("Pending", NOW, what="Created", name="of another run", run="other"))
    threads = [dict(email.headers)["References"] for _, email in world.mailer.arrived]
    assert threads[0] == threads[1] != threads[2]
