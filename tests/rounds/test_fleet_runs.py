"""Fleets, polled: what is told of update runs, and to whom; what a poll costs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shared.clusters.refresh import write_down
from shared.store.protocol import Store
from shared.store.table import TableUnavailable
from testing.arm_endpoint import configuration
from testing.asking_world import AskingWorld, asking
from testing.samples.fleets import (
    BLOCKED,
    FLEET,
    NOT_THERE,
    course,
    gate,
    profile_row,
    run_row,
    status,
)
from testing.samples.payloads import event, scheduled
from testing.services.stand_in import Fault, Reply
from testing.world import NOW
from tests.clusters.test_inventory import attached

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

EARLY = NOW - timedelta(days=2)


@pytest.fixture
def world() -> Iterator[AskingWorld]:
    """Return a world that has looked at its fleets for the first time: there were no runs."""
    with asking(FLEETS="66667777-aaaa-8888-bbbb-9999cccc0000") as world:
        world.poll_fleets()
        yield world


def show(world: AskingWorld, *rows: dict[str, Any]) -> None:
    """Let Resource Graph show these runs, instead of those that it showed of the same ids."""
    world.azure.graph.remove("aksresources", *(row["id"] for row in rows))
    world.azure.graph.add("aksresources", *rows)


def test_a_run_from_its_start_to_its_end(world: AskingWorld) -> None:
    """Each thing that becomes of a run is told once, in order; all in one thread, failures at once."""
    world.notifier.intake.take(gate("Pending", NOW, what="Created"))
    for moment in course():
        show(world, moment)
        world.poll_fleets(hours=1)
        before = list(world.told)
        world.poll_fleets(minutes=5)
        assert world.told == before
        world.settle_down(10)
    assert world.told[1:] == ["run-started", "stage-finished", "gate-closed", "member-failed", "run-failed"]
    threads = {dict(email.headers)["References"] for _, email in world.mailer.arrived}
    assert len(threads) == 1
    assert "Finished: stage canary" in world.mailer.arrived[5][1].text
    failed = world.mailer.arrived[4][1]
    assert "Pod Disruption Budget" in failed.subject
    assert "az fleet updaterun start" in failed.text


def test_completed_with_failures_says_so(world: AskingWorld) -> None:
    """The subject of a run that completed though members failed says so, with the run's name."""
    show(world, course("Completed")[-1])
    world.poll_fleets(minutes=5)
    world.settle_down(10)
    subject = next(one for one in world.mailer.subjects if "k8s-1-33" in one and "ompleted" in one)
    assert subject.startswith("[Completed with failures] contoso-fleet-01 · k8s-1-33")


def test_runs_that_ended_before_are_recorded_and_not_told() -> None:
    """What had ended before the first look is history; what is under way then is told from there on."""
    with asking() as world:
        ended = status("Failed", EARLY, EARLY)
        under_way = status("Running", EARLY)
        show(
            world,
            run_row(ended, {"s": {"status": ended, "members": {"m": ended}}}, name="over"),
            run_row(under_way, {"s": {"status": under_way, "members": {"m": under_way}}}, name="on"),
        )
        world.poll_fleets()
        world.poll_fleets(minutes=5)
        world.settle_down(10)
        assert world.told == ["run-started"]
        stored = world.notifier.store.history("event:")
        assert sorted(row.decision for row in stored) == ["new", "recorded", "recorded"]
        assert {row.via for row in stored} == {"resource-graph"}


def test_a_run_that_begins_and_ends_between_two_polls_is_told(world: AskingWorld) -> None:
    """However quick a run was, its end is told."""
    whole = status("Completed", NOW + timedelta(minutes=1), NOW + timedelta(minutes=3))
    show(world, run_row(whole, {"s": {"status": whole, "members": {"m": whole}}}))
    world.poll_fleets(minutes=5)
    world.settle_down(10)
    assert world.told == ["stage-finished, run-completed"]


def test_members_of_a_thousand_are_a_digest(world: AskingWorld) -> None:
    """A thousand members that fail are recorded one by one, and told in few mails: the cause on top."""
    failed = status("Failed", NOW, NOW, "UpgradeFailed", BLOCKED)
    members = {f"member-{number:04d}": failed for number in range(1_000)}
    show(world, run_row(status("Stopping", NOW), {"prod": {"status": status("Running"), "members": members}}))
    result = world.poll_fleets(minutes=5)
    assert result.recorded == 1_001
    world.settle_down(90)
    assert len(world.told) <= 3 + 1 + 11
    assert "that failed: a pod disruption budget blocks" in world.mailer.arrived[-1][1].text.lower()
    assert world.poll_fleets(minutes=5).recorded == 0


def test_what_waits_has_not_failed(world: AskingWorld) -> None:
    """A member that waits for its window or for a version has an error, and has not failed."""
    waits = status("Pending", NOW, None, "NodeImageVersionNotAvailable", NOT_THERE)
    show(world, run_row(waits, {"prod": {"status": waits, "members": {"blue": waits}}}))
    world.poll_fleets(minutes=5)
    world.settle_down(5)
    assert world.told == ["run-started"]
    world.poll_fleets(hours=25)
    world.settle_down(5)
    assert world.told == ["run-started", "run-stuck"]
    assert "not available in region" in world.mailer.arrived[1][1].text
    world.poll_fleets(hours=25)
    world.settle_down(5)
    assert len(world.told) == 2


def waiting() -> dict[str, Any]:
    """Return a run that waits at a gate since NOW."""
    now = status("Pending", NOW)
    gates = {"before prod": status("Pending", NOW)}
    return run_row(now, {"prod": {"status": now, "members": {"blue": status("NotStarted")}, "gates": gates}})


def test_a_gate_that_is_reminded_of_is_not_stuck_as_well(world: AskingWorld) -> None:
    """Where people are reminded of a gate, and be it for days, the run is not called stuck."""
    world.notifier.intake.take(gate("Pending", NOW, what="Created"))
    show(world, waiting())
    for _ in range(40):
        world.poll_fleets(hours=1)
        world.settle_down(2)
    kinds = [kind for kind in world.told if kind != "run-started"]
    assert kinds == ["gate", "gate", "gate", "gate"]


def test_the_end_of_a_run_ends_the_reminders(world: AskingWorld) -> None:
    """With FLEETS people are reminded for as long as the gate waits, and no longer than its run lasts."""
    world.notifier.intake.take(gate("Pending", NOW, what="Created"))
    show(world, waiting())
    world.poll_fleets(minutes=5)
    for _ in range(24 * 3):
        world.sweep(hours=1)
    assert world.told.count("gate") == 5  # after 4, 12, 28 and 60 hours
    stopped = status("Stopped", NOW, world.clock.now())
    gates = {"before prod": status("Pending", NOW)}
    show(world, run_row(stopped, {"prod": {"status": stopped, "members": {}, "gates": gates}}))
    world.poll_fleets(minutes=5)
    for _ in range(24 * 10):
        world.sweep(hours=1)
    assert world.told.count("gate") == 5
    assert world.told[-1] == "run-stopped"


def test_who_is_asked_sees_what_has_happened(world: AskingWorld) -> None:
    """The question says how the stages stand, what has come of them so far, and how much approval starts."""
    for moment in course()[:3]:
        show(world, moment)
        world.poll_fleets(minutes=5)
    world.take(gate("Pending", world.clock.now(), what="Created"))
    text = " ".join(world.mailer.arrived[-1][1].text.split())
    for words in (
        "Finished: stage canary (2 of 2 members done)",
        "Stage prod: not started, 0 of 2 members done",
        "starts the update of the 2 clusters of stage prod to Kubernetes 1.33.2",
    ):
        assert words in text


def test_a_run_that_goes_on_asks_again(world: AskingWorld) -> None:
    """A run that is started again at its gate asks anew, even where it shows the start that it had before."""
    pending = json.loads(gate("Pending", NOW))["data"]["resourceInfo"]
    world.azure.bodies[pending["id"].lower()] = pending
    world.take(gate("Pending", NOW, what="Created"))
    gates = {"before prod": status("Pending", NOW)}
    for state, end in (("Pending", None), ("Stopped", NOW + timedelta(hours=2)), ("Pending", None)):
        now = status(state, NOW, end)
        show(world, run_row(now, {"prod": {"status": now, "members": {}, "gates": gates}}))
        world.poll_fleets(hours=2)
        world.settle_down(6)
    for _ in range(8):
        world.poll_fleets(minutes=30)
        world.settle_down(1)
    assert world.told == ["gate", "run-started", "run-stopped", "gate", "run-started", "gate"]
    assert world.mailer.subjects[-1].startswith("[Reminder 1: waiting for approval]")


def test_without_reminders_a_gate_is_stuck() -> None:
    """Where nobody is reminded of gates, a run that waits at one for a day is stuck."""
    with asking(FLEETS=FLEET.subscription, GATE_REMINDER="0s") as world:
        world.poll_fleets()
        world.take(gate("Pending", NOW, what="Created"))
        show(world, waiting())
        world.poll_fleets(hours=1)
        world.poll_fleets(hours=24)
        world.settle_down(5)
        assert world.told == ["gate", "run-stuck, run-started"]


def test_a_run_out_of_sight_is_remembered(world: AskingWorld) -> None:
    """A run that cannot be seen for a while is not told anew, at whatever attempt it is."""
    moments = course()
    for moment in (*moments, moments[3]):
        show(world, moment)
        world.poll_fleets(minutes=5)
    world.settle_down(10)
    before = list(world.told)
    world.azure.graph.remove("aksresources", moments[3]["id"])
    world.azure.script("", Reply(403, {}))
    world.poll_fleets(minutes=5)
    show(world, moments[3])
    assert world.poll_fleets(minutes=5).recorded == 0
    world.settle_down(10)
    assert world.told == before


def test_members_of_a_stage_are_a_digest(world: AskingWorld) -> None:
    """Members of a stage that fail together are one mail, and one that fails alone is told at once."""
    running, failed = status("Running", NOW), status("Failed", NOW, NOW, "UpgradeFailed", BLOCKED)
    members = {"prod": dict.fromkeys(("blue", "green"), failed), "canary": {"dev-1": failed}}
    show(world, run_row(running, {name: {"status": running, "members": of} for name, of in members.items()}))
    world.poll_fleets(minutes=5)
    assert world.told == ["member-failed"]
    world.settle_down(2)
    assert world.told == ["member-failed", "member-failed, run-started"]


@pytest.mark.parametrize(
    ("answer", "told"), [(404, ["gate", "gate-closed"]), (403, ["gate"]), (200, ["gate"])]
)
def test_a_run_that_is_gone_takes_its_gate_along(world: AskingWorld, answer: int, told: list[str]) -> None:
    """A run that is there no more asks nobody; one that just cannot be seen is no such run."""
    world.notifier.intake.take(gate("Pending", NOW, what="Created"))
    show(world, waiting())
    world.poll_fleets(minutes=5)
    world.settle_down(5)
    world.azure.graph.remove("aksresources", waiting()["id"])
    world.azure.script("", Reply(answer, {}))
    world.poll_fleets(minutes=5)
    world.settle_down(5)
    closed = ["gate-closed"] if answer == 404 else []
    assert world.told == ["gate", "run-started", *closed]


def test_an_answer_that_no_event_brought_is_told(world: AskingWorld) -> None:
    """A run says that its gate was answered: those who were asked hear it, once, whoever brings it."""
    world.notifier.intake.take(gate("Pending", NOW, what="Created"))
    opened = status("Completed", NOW, NOW + timedelta(hours=1))
    running = status("Running", NOW)
    show(
        world,
        run_row(running, {"prod": {"status": running, "members": {}, "gates": {"before prod": opened}}}),
    )
    world.poll_fleets(hours=2)
    assert world.notifier.intake.take(gate("Completed", NOW + timedelta(hours=1))) == ["duplicate"]
    world.settle_down(5)
    assert world.told == ["gate", "run-started, gate-closed"]


def test_a_gate_of_which_no_event_came_is_read(world: AskingWorld) -> None:
    """Runs do not say of what type a gate is: after half an hour it is read by itself, and told."""
    pending = json.loads(gate("Pending", NOW))["data"]["resourceInfo"]
    world.azure.bodies[pending["id"].lower()] = pending
    show(world, waiting())
    world.poll_fleets(minutes=20)
    assert world.told == []
    world.poll_fleets(minutes=20)
    assert world.told == ["gate"]
    assert "az fleet gate approve" in world.mailer.arrived[0][1].text


def test_a_gate_that_nobody_is_reminded_of_is_stuck(world: AskingWorld) -> None:
    """A gate of which no event came, and that cannot be read, is told as what holds the run up."""
    show(world, waiting())
    world.poll_fleets(hours=1)
    world.poll_fleets(hours=1)
    world.settle_down(5)
    assert world.told == ["run-stuck, run-started"]
    assert "of which no event has come" in " ".join(world.mailer.arrived[0][1].text.split())


def test_a_failed_trigger_is_told_once(world: AskingWorld) -> None:
    """Of an auto-upgrade profile the last trigger is told where it failed, once."""
    show(world, profile_row("Failed", NOW, "No member is in the update strategy."))
    world.poll_fleets(minutes=5)
    world.poll_fleets(minutes=5)
    world.settle_down(5)
    assert world.told == ["auto-upgrade-failed"]
    assert "No member is in the update strategy" in world.mailer.arrived[0][1].text


def test_news_of_a_member_goes_where_its_cluster_goes() -> None:
    """News of a member also match its cluster and its group; a fleet's own routes match as well."""
    routes = """
audiences:
  - {name: shop, to: shop@example.com}
  - {name: fleet, to: fleet@example.com}
routes:
  - {match: {cluster: blue, resource_group: rg-prod, member: blue, stage: prod, group: all}, audiences: shop}
  - {match: {fleet: contoso-*, run: k8s-*, resource_group: rg-fleet}, audiences: fleet}
"""
    with asking(ROUTES=routes) as world:
        world.poll_fleets()
        show(world, course()[-1])
        world.poll_fleets(minutes=5)
        world.settle_down(5)
        to = {email.to for kind, (_, email) in zip(world.told, world.mailer.arrived, strict=True)
              if kind == "member-failed"}  # fmt: skip
        assert to == {("shop@example.com",)}
        assert ("fleet@example.com",) in {email.to for _, email in world.mailer.arrived}


def test_a_poll_of_which_nothing_is_new_costs_one_read(world: AskingWorld) -> None:
    """What is known of all runs is read at once; where nothing is new, nothing is written."""
    show(world, course()[1])
    world.poll_fleets(minutes=5)
    world.table.trips.clear()
    world.poll_fleets(minutes=5)
    assert world.table.trips == {"query": 1}


def test_where_the_table_fails_nothing_is_lost(world: AskingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be recorded is new at the next poll; what was recorded is not told again."""
    record = Store.record
    left = iter((True, False))

    def fails(*args: Any, **kwargs: Any) -> Any:
        if next(left, True):
            return record(*args, **kwargs)
        raise TableUnavailable("as the test asked for")

    show(world, course("Completed")[-1])
    with monkeypatch.context() as patched:
        patched.setattr(Store, "record", fails)
        with pytest.raises(TableUnavailable):
            world.poll_fleets(minutes=5)
    world.poll_fleets(minutes=5)
    world.settle_down(10)
    told = ", ".join(world.told).split(", ")
    assert sorted(told) == ["member-failed", "run-failed", "stage-finished"]


def test_a_run_of_another_subscription_is_left_alone(world: AskingWorld) -> None:
    """What cannot be read, and what Resource Graph refuses, costs no run that can: the next poll has it."""
    show(world, course()[1])
    world.azure.script(*[Fault(kind="500", retry_after="0.01")] * 7)
    world.poll_fleets(minutes=5)
    assert world.told == []
    world.poll_fleets(minutes=5)
    world.settle_down(5)
    assert world.told == ["run-started"]


def test_what_happens_to_a_member_is_part_of_its_run() -> None:
    """A cluster's own maintenance is told as part of the run that updates it, to who hears of both."""
    routes = """
audiences:
  - {name: both, to: both@example.com}
  - {name: cluster, to: cluster@example.com}
routes:
  - {match: {cluster: dev-1}, audiences: cluster, continue: true}
  - {match: {resource_group: "rg-*"}, audiences: both}
"""
    with asking(ROUTES=routes, FLEETS="66667777-aaaa-8888-bbbb-9999cccc0000") as world:
        world.poll_fleets()
        running = status("Running", NOW)
        show(world, run_row(running, {"canary": {"status": running, "members": {"dev-1": running}}}))
        world.poll_fleets(minutes=5)
        world.settle_down(6)
        world.notifier.intake.take(event("Started", world.clock.now(), cluster="dev-1"))
        world.notifier.intake.take(event("Failed", world.clock.now(), cluster="dev-2", name="of another"))
        world.settle_down(10)
        told = {(email.to[0], email.subject): dict(email.headers) for _, email in world.mailer.arrived}
        thread = next(
            headers["References"] for (_, subject), headers in told.items() if "Run started" in subject
        )
        (part,) = (subject for _, subject in told if "part of k8s-1-33" in subject)
        assert told["both@example.com", part]["References"] == thread
        assert len({one["Thread-Index"] for (to, _), one in told.items() if to == "both@example.com"}) == 2
        assert [to for to, subject in told if "[Started]" in subject and subject != part] == [
            "cluster@example.com"
        ]
        assert not [subject for _, subject in told if "dev-2" in subject and "part of" in subject]


def test_what_is_announced_for_now_is_part_of_a_run() -> None:
    """What AKS announces for a member under way is part of its run; what it plans for another day is not."""
    with asking(FLEETS=FLEET.subscription, GROUP_WAIT="0s") as world:
        world.poll_fleets()
        running = status("Running", NOW)
        show(world, run_row(running, {"canary": {"status": running, "members": {"dev-1": running}}}))
        world.poll_fleets(minutes=5)
        world.settle_down(6)
        for name, hours in (("soon", 2), ("another day", 48)):
            after = timedelta(hours=hours)
            world.take(scheduled(world.clock.now(), after, cluster="dev-1", name=name))
            world.settle_down(6)
            assert ("part of k8s-1-33" in world.mailer.subjects[-1]) == (name == "soon")


@pytest.mark.parametrize("first", ["cluster", "run"])
def test_a_failure_that_two_report_is_one(first: str) -> None:
    """A failure that its cluster and its run both tell: the later one says so, and calls nobody at once."""
    routes = "audiences: [{name: few, to: few@example.com, volume: essential}]\nroutes: [{audiences: few}]"
    with asking(FLEETS=FLEET.subscription, ROUTES=routes) as world:
        running, failed = status("Running", NOW), status("Failed", NOW, NOW + timedelta(hours=1), "", BLOCKED)
        world.poll_fleets()
        show(world, run_row(running, {"canary": {"status": running, "members": {"dev-1": running}}}))
        world.poll_fleets(minutes=5)
        world.settle_down(6)
        world.clock.forward(hours=1)
        ways: list[Callable[[], object]] = [
            lambda: world.take(event("Failed", NOW + timedelta(hours=1), cluster="dev-1", details=BLOCKED)),
            lambda: world.poll_fleets(minutes=2),
        ]
        show(world, run_row(running, {"canary": {"status": running, "members": {"dev-1": failed}}}))
        for tell in ways if first == "cluster" else reversed(ways):
            tell()
            if first == "cluster":
                assert world.told == ["failed"]
        world.settle_down(6)
        one, other = (email for _, email in world.mailer.arrived)
        assert "as well" in other.subject
        assert "it is one failure, not two" in " ".join(other.text.split())
        assert "one failure" not in one.text
        headers = [dict(email.headers) for email in (one, other)]
        assert headers[0]["Thread-Index"] == headers[1]["Thread-Index"]


def test_windows_stand_beside_what_waits_for_them(world: AskingWorld) -> None:
    """Where clusters are known, mails name the windows of members that come next; of a gate, its stage's."""
    upgrades = configuration("aksManagedAutoUpgradeSchedule")
    write_down(world.notifier.store, [attached("blue", upgrades), attached("green")], world.clock.now())
    show(world, course()[2])
    world.poll_fleets(minutes=5)
    world.notifier.intake.take(gate("Pending", world.clock.now(), what="Created"))
    world.settle_down(10)
    asked = next(email.text for kind, (_, email) in zip(world.told, world.mailer.arrived, strict=True)
                 if kind == "gate")  # fmt: skip
    assert "WINDOWS OF THE MEMBERS OF STAGE PROD" in asked
    assert "blue: Sat 21 Nov 09:00 UTC, for 4 h" in asked
    assert "green: no window" in asked
