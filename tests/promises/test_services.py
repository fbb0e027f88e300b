"""The app on its real channels, against stand-ins that have their services' answers and failures."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, Self

import pytest

from shared import identity, keys
from shared.app import Notifier, open_channels
from shared.channels import pace
from shared.channels.outcomes import Throttled, Timeouts
from shared.channels.pace import Pace
from shared.settings import load
from shared.store import codec
from testing.arm_endpoint import Tokens
from testing.samples.fleets import gate
from testing.samples.payloads import event, scheduled
from testing.services.eventgrid import Topic
from testing.services.graph import MAILBOX, Graph
from testing.services.pagerduty import KEY, PagerDuty
from testing.services.slack import CHANNEL, TOKEN, Slack
from testing.services.stand_in import Fault
from testing.services.teams import Teams
from testing.services.webhook import SECRET, Hook
from testing.turns import Turns
from testing.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


pytestmark = pytest.mark.slow


class Services:
    """All of them, and what an audience says to be told by them."""

    def __init__(self, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.teams = Teams()
        self.slack = Slack()
        self.pagerduty = PagerDuty()
        self.hook = Hook()
        self.topic = Topic(bundle)

    def __enter__(self) -> Self:
        for one in (self.teams, self.slack, self.pagerduty, self.hook, self.topic):
            one.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self.teams, self.slack, self.pagerduty, self.hook, self.topic):
            one.__exit__()

    def world(self, *names: str, changes: bool = False, more_slack: str = "", **settings: str) -> World:
        """Make a world in which an audience is told by these channels, which take turns in its time."""
        said: dict[str, Any] = {
            "teams": "$TEAMS_SHOP",
            "slack": {"channel": CHANNEL, "token": "$SLACK_TOKEN"},
            "pagerduty": {"key": "$PD_SHOP", "changes": str(changes).lower()},
            "webhook": {"url": self.hook.webhook, "secret": "$HOOK_SECRET"},
            "eventgrid": self.topic.endpoint,
        }
        if more_slack:
            said["slack"] = [said["slack"], {"channel": more_slack, "token": "$SLACK_TOKEN"}]
        shop = {"name": "shop", **{name: said[name] for name in names or said}}
        routes = {"audiences": [shop], "routes": [{"audiences": "shop"}]}
        world = World(
            **{
                "ROUTES": json.dumps(routes),
                "TEAMS_SHOP": self.teams.webhook,
                "SLACK_TOKEN": TOKEN,
                "PD_SHOP": KEY,
                "HOOK_SECRET": SECRET,
                "SLACK_ENDPOINT": self.slack.api,
                "PAGERDUTY_ENDPOINT": self.pagerduty.url,
                "LEASE": "10s",
                **settings,
            }
        )
        self._monkeypatch.setattr(pace, "time", Turns(world.clock))
        return world


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Serve them, with an identity that has tokens."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.setattr(identity, "credential", lambda *_: Tokens())
    with Services(tmp_path / "ca.pem", monkeypatch) as made:
        yield made


def failed(**more: Any) -> str:
    """Return a failure."""
    return event("Failed", NOW, **more)


def states(world: World) -> dict[str, str]:
    """Return what became of each message, by its channel."""
    rows = [codec.sent(row) for row in world.table.query("sent:", "sent:~").rows]
    return {row.target.partition(":")[0]: row.state for row in rows}


def test_everybody_is_told_at_once(services: Services) -> None:
    """A failure leaves at once on every channel, each in its own form, and each is settled by itself."""
    world = services.world()
    world.take(failed())
    assert set(states(world).values()) == {"sent"}
    assert [len(one.taken) for one in (services.teams, services.slack, services.pagerduty)] == [1, 1, 1]
    assert "prod-weu-1" in json.dumps(services.teams.posted)
    (posted,) = services.slack.messages.values()
    assert posted["metadata"]["event_payload"]["notice"]
    ((hooked, event_),) = services.hook.events.items()
    assert event_["type"] == "aks.maintenance.failed"
    (published,) = services.topic.events
    assert published["id"] != hooked
    assert {**published, "id": "", "time": ""} == {**event_, "id": "", "time": ""}
    assert services.pagerduty.pages == [key for _, key in services.pagerduty.log]


def test_one_that_is_down_delays_no_other(services: Services) -> None:
    """A service that refuses pauses its own target: the others are told, and it is when it is back."""
    world = services.world()
    services.slack.token = "another"
    services.teams.script(Fault(kind="429", retry_after="120"))
    world.take(failed())
    assert states(world) == {"pagerduty": "sent", "webhook": "sent", "eventgrid": "sent"}
    services.slack.token = TOKEN
    world.settle_down(5)
    assert set(states(world).values()) == {"sent"}
    assert (len(services.teams.taken), len(services.slack.messages)) == (1, 1)


def test_doubt_on_a_channel_that_collapses(services: Services) -> None:
    """A webhook's repeat has the same id and the same bytes, signed anew: its consumer keeps one."""
    world = services.world("webhook")
    services.hook.script("lost", "accept500")
    world.take(failed())
    world.settle_down(10)
    assert states(world) == {"webhook": "sent"}
    assert len(services.hook.taken) == 3
    assert len({(got.headers["webhook-id"], got.body) for got in services.hook.taken}) == 1
    assert len(services.hook.events) == 1


@pytest.mark.parametrize("name", ["teams", "slack"])
def test_doubt_on_a_blind_channel(services: Services, name: str) -> None:
    """Where nobody can say whether it arrived, a failure goes again and says so; a start is left at that."""
    world = services.world(name)
    service = getattr(services, name)
    service.script("lost")
    world.take(failed())
    world.settle_down(10)
    first, second = (got.body.decode() for got in service.taken)
    assert "may be a repeat" not in first
    assert "may be a repeat" in second
    assert states(world) == {name: "doubtful"}
    world = services.world(name)
    service.script("lost")
    world.take(event("Started", NOW))
    world.settle_down(10)
    assert len(service.taken) == 3
    assert states(world) == {name: "doubtful"}


def test_a_token_that_is_refused(services: Services) -> None:
    """What a token is refused for concerns all channels that are reached by it: each is paused at once."""
    world = services.world("slack", more_slack="C1111111111")
    services.slack.token = "another"
    world.take(failed())
    paused = list(world.table.keys("work:0:slack"))
    assert len(paused) == 2


def test_a_thread_for_each_maintenance(services: Services) -> None:
    """Slack shows a maintenance as one message, which says how it is now, with all that was told below it."""
    world = services.world("slack")
    world.take(scheduled(NOW, NOW + timedelta(days=1)))
    world.settle_down(2)
    (first,) = services.slack.messages
    assert "thread_ts" not in services.slack.messages[first]
    world.clock.forward(days=1, minutes=1)
    world.take(event("Started", world.clock.now()))
    world.settle_down(8)
    world.take(event("Failed", world.clock.now()))
    world.settle_down(8)
    replies = {ts: made for ts, made in services.slack.messages.items() if ts != first}
    assert {made["thread_ts"] for made in replies.values()} == {first}
    assert [made["reply_broadcast"] for made in replies.values()][-1] is True
    assert not any([made["reply_broadcast"] for made in replies.values()][:-1])
    assert "failed" in services.slack.messages[first]["text"]
    world.take(event("Completed", world.clock.now() + timedelta(minutes=1)))
    world.settle_down(8)
    assert "complete" in services.slack.messages[first]["text"]
    services.slack.messages.clear()  # somebody deleted it all
    for envelope in ("again", "and again"):
        world.clock.forward(hours=2)
        world.take(event("Failed", world.clock.now(), envelope=envelope))
    first = next(iter(services.slack.messages))
    assert [made.get("thread_ts") for made in services.slack.messages.values()] == [None, first]
    assert set(states(world).values()) == {"sent"}


def test_a_question_of_a_run_stays(services: Services) -> None:
    """An update run is one thread of many things: what asks in it is not written over by what comes after."""
    world = services.world("slack")
    world.take(gate("Pending", NOW, name="one"))
    world.take(gate("Pending", NOW, name="two", place={"stage": "dev"}))
    first, second = services.slack.messages.values()
    assert "before stage prod" in first["text"]
    assert second["thread_ts"] == next(iter(services.slack.messages))


def test_an_alert_is_closed_after_it_was_opened(services: Services) -> None:
    """However long the trigger takes, the resolve comes after it, and the alert does not stay open."""
    world = services.world("pagerduty")
    services.pagerduty.script("500", "lost", "drop", Fault(kind="429", retry_after="200"))
    world.take(failed())
    world.clock.forward(seconds=1)
    world.take(event("Completed", world.clock.now()))
    world.settle_down(40)
    actions = [action for action, _ in services.pagerduty.log]
    assert actions[-1] == "resolve"
    assert set(actions[:-1]) == {"trigger"}
    assert len(services.pagerduty.pages) == 1
    assert not services.pagerduty.open


@pytest.mark.parametrize("changes", [False, True])
def test_nothing_else_pages(services: Services, changes: bool) -> None:
    """Maintenance that goes well opens no alert and closes none; it makes change events where wanted."""
    world = services.world("pagerduty", changes=changes)
    for status in ("Started", "Completed"):
        world.take(event(status, world.clock.now()))
        world.settle_down(2)
    world.take(scheduled(world.clock.now(), world.clock.now() + timedelta(days=9), name="another"))
    world.settle_down(2)
    assert services.pagerduty.log == []
    assert len(services.pagerduty.changes) == (3 if changes else 0)


def test_a_target_that_is_gone(services: Services) -> None:
    """The default audience is told once, by email; when the target is back it gets what waits."""
    world = services.world("slack")
    services.slack.channels = {}
    world.take(failed())
    world.take(event("Started", NOW, name="another"))
    world.settle_down(200)
    (told,) = world.mailer.subjects
    assert told.startswith(f"[Target gone] slack {CHANNEL}")
    services.slack.channels = {CHANNEL: ""}
    world.settle_down(70)
    assert sum("1 failed" in json.dumps(made) for made in services.slack.messages.values()) == 1
    assert world.table.keys("meta:target-gone") == []
    services.slack.channels = {CHANNEL: "is_archived"}
    world.take(failed(name="third"))
    world.settle_down(3)
    assert len(world.mailer.subjects) == 2


def test_what_we_send_out_is_not_told_again(services: Services) -> None:
    """An event of ours that comes back is ignored, should somebody connect the two topics."""
    world = services.world("webhook")
    world.take(failed())
    (sent,) = services.hook.events.values()
    assert world.take(json.dumps(sent)) == "ignored"
    assert world.take(json.dumps([sent])) == "ignored"


def graph_world(graph: Graph, drafts: bool) -> tuple[World, Notifier]:
    """Make a world whose email leaves by Graph, by its real channel."""
    world = World(LEASE="10s")
    config = load(
        {
            "NOTIFIER_STORAGE": "UseDevelopmentStorage=true",
            "EMAIL_GRAPH_MAILBOX": MAILBOX,
            "EMAIL_GRAPH_DRAFTS": str(drafts).lower(),
            "GRAPH_ENDPOINT": graph.url,
            "EMAIL_TO": "ops@example.com",
            "SWEEP_SCHEDULE": "0 * * * * *",
            "LEASE": "10s",
        }
    )
    return world, Notifier(config, world.table, open_channels(config), world.clock)


@pytest.mark.parametrize(
    "faults",
    [
        [],
        ["500"],
        ["", "lost"],
        ["", "accept504"],
        ["", "drop", "", ""],
        ["lost", "500", ""],
        [Fault(kind="429", retry_after="60")],
        ["", "lost", "500", "drop"],
    ],
)
def test_drafts_are_sent_once(
    services: Services, faults: list[Fault | str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With drafts a mail leaves once, whatever goes wrong on the way: its draft says whether it did."""
    with Graph() as graph:
        world, notifier = graph_world(graph, drafts=True)
        graph.script(*faults)
        notifier.intake.take(failed())
        for _ in range(15):
            world.clock.forward(minutes=1)
            notifier.delivery.sweep()
        assert len(graph.mails) == 1
        assert states(world) == {"": "sent"}


def test_without_drafts_a_doubt_is_told(services: Services) -> None:
    """Without drafts a mail whose answer was lost goes again, and says that it may be a repeat."""
    with Graph() as graph:
        world, notifier = graph_world(graph, drafts=False)
        graph.script("accept504")
        notifier.intake.take(failed())
        for _ in range(5):
            world.clock.forward(minutes=1)
            notifier.delivery.sweep()
        first, second = graph.mails
        assert first["Message-ID"] == second["Message-ID"]
        body = second.get_body(("plain",))
        assert body is not None
        assert "may be a repeat" in " ".join(body.get_content().split())


def test_the_gate_of_each(services: Services) -> None:
    """Each target has a gate of its own; secrets are in no row."""
    world = services.world()
    services.teams.script("401")
    services.slack.script("401")
    world.take(failed())
    gates = world.table.keys("work:0")
    assert {keys.target_of(key).partition(":")[0] for key in gates} >= {"teams", "slack"}
    rows = repr([row.values for row in world.table.query("", "~").rows])
    assert not any(secret in rows for secret in (TOKEN, KEY, SECRET, services.teams.webhook))


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], Turns]:
    """Return what lets the turns of a world be taken in its own time."""
    turn = Pace.turn

    def begin(world: World) -> Turns:
        made = Turns(world.clock)
        monkeypatch.setattr(pace, "time", made)

        def noted(self: Pace, timeouts: Timeouts) -> Timeouts | Throttled:
            given = turn(self, timeouts)
            if isinstance(given, Timeouts):
                made.note(self)
            return given

        monkeypatch.setattr(Pace, "turn", noted)
        return made

    return begin


def test_a_turn_that_would_be_too_late(turns: Callable[[World], Turns]) -> None:
    """Waiting for one's turn is part of a send's time; who would wait longer does not send now."""
    turns(World())
    made = Pace(1)
    given = [made.turn(Timeouts(1, 4)) for _ in range(3)]
    assert given == [Timeouts(1, 4), Timeouts(1, 3), Timeouts(1, 3)]
    assert isinstance(Pace(3).turn(Timeouts(1, 4)), Timeouts)


AUDIENCES = 30
CLUSTERS = 500


def test_a_patch_night_on_all_channels(services: Services, turns: Callable[[World], Turns]) -> None:
    """In a night of 500 clusters, with faults, every failure arrives on its channel, within every limit."""
    random = Random(7)
    said: list[dict[str, Any]] = [
        {"teams": "$TEAMS_SHOP"},
        {},
        {"pagerduty": "$PD_SHOP"},
        {"webhook": {"url": services.hook.webhook, "secret": "$HOOK_SECRET"}},
        {"eventgrid": services.topic.endpoint},
        {"to": "team@example.com"},
    ]
    audiences = []
    for number in range(AUDIENCES):
        id_ = f"C{number:010d}"
        services.slack.channels[id_] = ""
        slack = {"slack": {"channel": id_, "token": "$SLACK_TOKEN"}}
        audiences.append({"name": f"team{number:02d}", **(said[number % 6] or slack)})
    routes = {
        "audiences": audiences,
        "routes": [{"match": {"cluster": f"{one['name']}-*"}, "audiences": one["name"]} for one in audiences],
    }
    world = services.world(ROUTES=json.dumps(routes), EMAIL_PER_MINUTE="30", EMAIL_PER_HOUR="100")
    taken = turns(world)
    services_ = (services.teams, services.slack, services.pagerduty, services.hook, services.topic)
    for one in services_:
        one.fault_for = lambda _: (
            Fault(kind=random.choice(("500", "lost", "429"))) if random.random() < 0.05 else None
        )
    names = [f"team{number % AUDIENCES:02d}-{number:03d}" for number in range(CLUSTERS)]
    for name in names:
        world.take(event("Started", world.clock.now(), name=name, cluster=name))
    for _ in range(5):
        world.sweep(minutes=1)
    failed_ones = set(names[::20])
    for name in names:
        status = "Failed" if name in failed_ones else "Completed"
        world.take(event(status, world.clock.now(), name=name, cluster=name))
    counts = [_asked(services, world)]
    for minute in range(90):
        if minute == 60:
            for one in services_:
                one.fault_for = lambda _: None
        world.sweep(minutes=1)
        counts.append(_asked(services, world))
    _assert_within_limits(services, world, counts, taken)
    words = [
        json.dumps(services.teams.posted),
        json.dumps([got.json for got in services.slack.taken]),
        json.dumps([got.json for got in services.pagerduty.taken]),
        json.dumps(list(services.hook.events.values())),
        json.dumps(services.topic.events),
        "".join(email.text for _, email in world.mailer.arrived),
    ]
    for number, name in enumerate(names):
        if name in failed_ones:
            assert name in words[number % AUDIENCES % 6], name
    failures = [one for one in services.hook.events.values() if one["data"]["kind"] == "failed"]
    assert len({one["data"]["maintenance"]["eventId"] for one in failures}) == len(failures)
    assert len(services.pagerduty.pages) == len(set(services.pagerduty.pages))
    waiting = [row.values["kind"] for row in world.table.query("work:2", "work:~").rows]
    assert set(waiting) <= {"check"}


def _asked(services: Services, world: World) -> Counter[str]:
    """Return how many requests there have been: of each service, and of each of Slack's channels."""
    asked = Counter(got.json["channel"] for got in services.slack.requests if "Message" in got.path)
    asked["teams"] = len(services.teams.requests)
    asked["pagerduty"] = len(services.pagerduty.requests)
    asked["mail"] = len(world.mailer.arrived)
    return asked


def _assert_within_limits(services: Services, world: World, counts: list[Counter[str]], turns: Turns) -> None:
    """Assert that no service was asked too much, by second, minute and hour, or sent what is too large."""
    most = {"teams": 240, "pagerduty": 120, "mail": 30, **dict.fromkeys(services.slack.channels, 60)}
    for minute, after in enumerate(counts[1:]):
        assert all(after[name] - counts[minute][name] <= most[name] for name in after)
        assert after["mail"] - counts[max(0, minute - 59)]["mail"] <= 100
    sent = [services.teams.requests, [got for got in services.slack.requests if "Message" in got.path]]
    assert sum(map(len, turns.of.values())) == sum(map(len, sent))
    gaps = [min(b - a for a, b in pairwise(sorted(at))) for at in turns.of.values() if len(at) > 1]
    workflow, *channels = sorted(gaps)
    assert workflow >= 0.25
    assert min(channels) >= 1
    assert services.teams.failed == []
    assert max(len(got.body) for got in services.teams.requests) <= 20_000
    assert max(len(got.body) for got in (*services.hook.requests, *services.topic.requests)) <= 20_500
    assert all(size <= 10_000 for got in sent[1] if (size := _characters(got.json["blocks"])))
    for got in services.pagerduty.requests:
        assert len(got.body) <= 512_000
        assert len(got.json["dedup_key"]) <= 255
        assert len(got.json.get("payload", {}).get("summary", "")) <= 1_024
    assert max(len(email.html.encode()) for _, email in world.mailer.arrived) <= 102_000


def _characters(block: Any) -> int:
    """Return how many characters Slack counts in blocks."""
    if isinstance(block, dict):
        return sum(_characters(value) for name, value in block.items() if name != "type")
    return sum(map(_characters, block)) if isinstance(block, list) else len(str(block))
