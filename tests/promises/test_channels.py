"""Several channels: each target has messages, a pace, a pause and a way out of doubt of its own."""

from __future__ import annotations

import json
from threading import Event
from typing import TYPE_CHECKING

import pytest

from shared import ids, keys
from shared.channels.channel import Temper
from shared.channels.limits import Limits
from shared.channels.outcomes import Accepted, Outcome, Postponed, Refused, Throttled, Unknown
from shared.events.envelope import parse
from shared.notices.kinds import Kind
from shared.store import codec
from testing.samples.payloads import event, scheduled
from testing.scripted_channel import Note, ScriptedChannels
from testing.world import NOW, World

if TYPE_CHECKING:
    from shared.events.model import Event as AksEvent

TEAM = keys.target("scripted", "team")
OTHER = keys.target("scripted", "other")


def _routes(*targets: str, **more: object) -> str:
    team = {"name": "shop", "scripted": list(targets), **more}
    return json.dumps({"audiences": [team], "routes": [{"audiences": ["shop"]}]})


def _world(
    temper: Temper, *targets: str, is_grouped: bool = True, to: str = "", **settings: str
) -> tuple[World, ScriptedChannels]:
    service = ScriptedChannels(temper, is_grouped=is_grouped)
    routes = _routes(*(targets or ("team",)), **({"to": to} if to else {}))
    return World(None, service, **{"ROUTES": routes, "GROUP_WAIT": "30s", **settings}), service


def _states(world: World) -> list[str]:
    return [fate.state for fate in world.fates]


def test_a_message_for_each_target() -> None:
    """An audience hears by each of its targets, each by a message with an id of its own; email's stay."""
    world, service = _world(Temper.COLLAPSES, "team", "other", to="shop@example.com")
    world.take(event("Started", NOW))
    world.settle_down()
    (row,) = world.table.query("event:", "event:~").rows
    notices = [ids.notice_id(row.key, Kind.STARTED, "", "shop", target) for target in ("", TEAM, OTHER)]
    assert [[id_] for id_, _ in world.mailer.arrived] == [[ids.operation_id([notices[0]])]]
    found = {target: id_ for target, id_, _ in service.arrived}
    assert found == {"team": ids.operation_id([notices[1]]), "other": ids.operation_id([notices[2]])}
    assert set(world.table.keys("audience:")) == {
        f"audience:shop{key}" for key in ("", f":{OTHER}", f":{TEAM}")
    }


def test_one_pause_stops_no_other_target() -> None:
    """A target that takes nothing keeps its own pause in its own gate row; the others go on, email too."""
    world, service = _world(Temper.BLIND, "team", "other", to="shop@example.com", GROUP_INTERVAL="0s")
    service.script["team"].append(Throttled(600, "slow down"))
    for name in "ab":
        world.take(event("Started", world.clock.now(), name=name))
        world.sweep(minutes=1)
    assert len(world.mailer.arrived) == 2
    assert len(service.subjects("other")) == 2
    assert service.subjects("team") == []
    assert world.table.keys("work:0") == [keys.gate(TEAM)]
    world.settle_down(15)
    assert len(service.subjects("team")) == 2


def test_gates_come_with_the_sweeps_one_query() -> None:
    """A sweep that finds nothing due costs one query, whichever pauses there are."""
    world, _ = _world(Temper.BLIND, "team", "other")
    for target in ("", TEAM, OTHER):
        world.notifier.store.pause(NOW, "over", world.notifier.store.gate(target))
    world.table.trips.clear()
    world.sweep(seconds=1)
    assert world.table.trips == {"query": 1}


def test_limits_of_each_target() -> None:
    """Each target has the limits of its channel to itself."""
    channels = ScriptedChannels(Temper.COLLAPSES, is_grouped=False, limits=Limits(2, 100))
    world = World(None, channels, ROUTES=_routes("team", "other"))
    for name in "abcde":
        world.take(event("Started", NOW, name=name))
    world.sweep(seconds=1)
    assert [len(channels.subjects(target)) for target in ("team", "other")] == [1, 1]
    world.settle_down()
    assert [len(channels.subjects(target)) for target in ("team", "other")] == [5, 5]


def test_channels_that_are_not_grouped() -> None:
    """Where nothing is grouped each notice is a message of its own at the next sweep, without waiting."""
    world, service = _world(Temper.COLLAPSES, is_grouped=False)
    for name in "abc":
        world.take(event("Started", NOW, name=name))
    world.sweep(seconds=1)
    assert len(service.subjects("team")) == 3
    assert world.table.keys("audience:") == []


@pytest.mark.parametrize("status", ["Failed", "Started"])
def test_a_target_that_hangs_costs_the_others_nothing(status: str) -> None:
    """News goes to all targets side by side, at once or by the sweep: one that hangs keeps no other."""
    world, service = _world(Temper.BLIND, "slow", "team", to="shop@example.com")
    others_are_done = Event()

    def hang(*_: object) -> Outcome:
        assert others_are_done.wait(30)
        return Accepted()

    def last(*_: object) -> Outcome:
        others_are_done.set()
        return Accepted()

    service.script["slow"].append(hang)
    service.script["team"].append(last)
    world.take(event(status, NOW))
    world.sweep(minutes=1)
    assert [len(service.subjects(target)) for target in ("slow", "team")] == [1, 1]
    assert len(world.mailer.arrived) == 1


@pytest.mark.parametrize(
    ("temper", "status", "arrived", "state"),
    [
        (Temper.COLLAPSES, "Started", [False], "sent"),
        (Temper.ASKABLE, "Started", [False], "sent"),
        (Temper.BLIND, "Started", [False], "doubtful"),
        (Temper.BLIND, "Completed", [False], "doubtful"),
        (Temper.BLIND, "Failed", [False, True], "doubtful"),
        (Temper.BLIND, "Canceled", [False, True], "doubtful"),
    ],
)
def test_doubt(temper: Temper, status: str, arrived: list[bool], state: str) -> None:
    """A doubt is cleared by temper; a blind channel repeats what may have to be acted on, and both say so."""
    world, service = _world(temper)

    def lost(note: Note, operation_id: str) -> Outcome:
        service.take("team", note, operation_id)
        return Unknown("cut")

    service.script["team"].append(lost)
    world.take(event(status, NOW))
    world.settle_down(20)
    assert [note.is_repeat for _, _, note in service.arrived] == arrived
    assert _states(world) == [state]


@pytest.mark.parametrize("outcome", [Throttled(60, "slow"), Postponed("full")])
def test_what_surely_did_not_arrive_is_no_repeat(outcome: Outcome) -> None:
    """On a blind channel a message that was not taken goes again as it is, whatever it tells."""
    world, service = _world(Temper.BLIND)
    service.script["team"].append(outcome)
    world.take(event("Started", NOW))
    world.settle_down(20)
    assert [note.is_repeat for _, _, note in service.arrived] == [False]
    assert _states(world) == ["sent"]


def test_digest_in_doubt_goes_by_its_most_urgent_member() -> None:
    """A digest in doubt is repeated where one of its members may have to be acted on."""
    world, service = _world(Temper.BLIND)
    service.script["team"].append(Unknown("cut"))
    world.take(event("Started", NOW, name="a"))
    world.take(scheduled(NOW, None, name="b"))
    world.settle_down(20)
    assert [note.is_repeat for _, _, note in service.arrived] == [True]


def test_target_not_configured_any_more() -> None:
    """What waits for a target that the routes do not name any more goes to the default audience."""
    world, service = _world(Temper.COLLAPSES)
    world.take(event("Started", NOW))
    service.script["team"].append(Throttled(60, "slow"))
    world.take(event("Failed", NOW, name="b"))
    later = World(world.table, ROUTES=json.dumps({"audiences": [], "routes": []}))
    later.clock = world.clock
    later.notifier = later.instance()
    later.settle_down()
    assert service.arrived == []
    assert sorted(subject.partition("]")[0] for subject in later.mailer.subjects) == [
        "[Failed",
        "[Started",
    ]


def test_refused_message_is_told_to_the_default_audience() -> None:
    """A message that a target refuses is settled as failed, and the default audience hears of it by email."""
    world, service = _world(Temper.BLIND)
    service.script["team"].append(Refused("no such thing"))
    world.take(event("Started", NOW))
    world.settle_down()
    assert sorted(_states(world)) == ["failed", "sent"]
    assert len(world.mailer.arrived) == 1


def test_an_event_that_came_another_way() -> None:
    """An event may be recorded by whoever found it: the same dedupe, and its row says how it came."""
    world = World()
    raw = event("Failed", NOW)
    (item,) = parse(raw, NOW)
    found: AksEvent = item.reading  # type: ignore[assignment]
    decisions = [world.notifier.intake.record(found, raw, via="resource-graph") for _ in range(2)]
    assert decisions == ["new", "duplicate"]
    assert world.take(raw) == "duplicate"
    (row,) = world.table.query("event:", "event:~").rows
    assert (row.values["via"], codec.recorded(row).via) == ("resource-graph", "resource-graph")
    assert len(world.mailer.arrived) == 1
