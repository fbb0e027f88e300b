"""The proof by faults, in short, and its judge, who has to see what went wrong. `make prove` is the whole."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from prove import chat_reader, gate_hours, hours, mail_door, report, schedules
from prove.audiences import CHANNELS, PLATFORM, TEAMS, MailWay, Place, routes, settings
from prove.bugs import LONG, Bug
from prove.faults import KINDS, LATE, LEASE_SECONDS, SIDES, STOPS
from prove.mail_door import MailDoor, signed
from prove.mail_reader import Telling, read
from prove.report import NAMES
from prove.run_record import RunRecord
from prove.runner import Result, Total, campaign, summed_up
from prove.runs import Trial
from prove.schedules import Delivery, Part, Schedule, Way, make
from prove.services import Arrived
from prove.verdict import Verdict, judge
from shared import keys
from shared.channels import pace
from shared.notices.kinds import Kind
from shared.notices.records import MailItem, SentMail
from shared.store import codec
from testing.fault_proxy import Phase
from testing.mail_endpoint import MailEndpoint
from testing.processes import ROOT
from testing.samples import fleets
from testing.samples.fleets import gate
from testing.samples.payloads import event, guid, scheduled
from testing.services.pagerduty import PagerDuty
from testing.services.slack import Slack
from testing.services.teams import Teams
from testing.services.together import Together
from testing.services.webhook import Hook
from testing.turns import Turns
from testing.world import NOW, World

if TYPE_CHECKING:
    from testing.fault_proxy import OnRequest

pytestmark = pytest.mark.slow

BEGAN = datetime(2026, 11, 20, 3, tzinfo=UTC)

BATCH = 24
MAX_SEEDS = 72
ENOUGH_KINDS = 16
"""Kinds of fault that have to strike before the proof has seen enough: which ones do is luck."""


@pytest.mark.proof
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="kills processes by pidfd, which is Linux's")
@pytest.mark.timeout(1_200)
def test_short_proof() -> None:
    """Under faults on both sides, with processes killed, nothing is lost or sent twice; a bug shows."""
    good: list[Result] = []
    caught = 0
    struck: Counter[str] = Counter()
    while len(struck.keys() & {kind.name for kind in KINDS}) < ENOUGH_KINDS:
        assert len(good) < MAX_SEEDS, f"only {sorted(struck)} struck"
        trials = [Trial(seed) for seed in range(len(good), len(good) + BATCH)]
        # Those with a bug planted go on meanwhile; their seeds are others.
        planted = [] if good else [Trial(seed, bug=Bug.SETTLE_BEFORE_SEND) for seed in range(1_000, 1_004)]
        results = list(campaign([*trials, *planted], len(trials) + len(planted), processes=1))
        batch = [result for result in results if result.seed < MAX_SEEDS + BATCH]
        caught += sum(bool(result.verdict.lost) for result in results if result not in batch)
        assert report.bad([result for result in batch if not result.is_good]) == ""
        for result in batch:
            struck.update(result.strikes)
        good += batch
    assert caught
    assert {result.mail for result in good} == set(MailWay)
    assert {name for result in good for name in result.tally if "messages" in name} == {
        f"messages: {channel}" for channel in CHANNELS
    }
    assert sum(result.events for result in good) > 100
    assert sum(result.lives for result in good) > 2 * len(good)
    assert sum(result.tally.get("reminders told by mail", 0) for result in good) > 5
    assert min(struck[f"event {way}"] for way in (Way.BOTH, Way.WITHHELD)) > 5


def test_short_hours() -> None:
    """Over days of outages, wrong clocks, backlogs, foreign rows, slow storage: nothing lost, nothing twice.

    The same seed is the same run, and each of the mistakes that take hours shows where that is clean.
    """
    verdicts = [hours.run(seed) for seed in range(6)]
    assert [verdict.wrong for verdict in verdicts if verdict.wrong] == []
    assert hours.run(3) == verdicts[3]
    struck = sum((Counter(verdict.struck) for verdict in verdicts), Counter())
    assert len(+struck) > 12
    assert sum(verdict.events for verdict in verdicts) > 50


def test_short_gates() -> None:
    """Whatever order events of gates come in, or a poll instead: asked once, in time, and told the end."""
    assert [verdict.wrong for verdict in map(gate_hours.run, range(4)) if verdict.is_bad] == []


@pytest.mark.proof
@pytest.mark.parametrize("bug", sorted(LONG))
def test_mistakes_of_hours(bug: Bug) -> None:
    """A mistake that shows only in hours is caught, at a seed that is clean without it."""
    assert hours.caught(bug, range(40)) is not None


# Schedules


def test_same_seed() -> None:
    """The same seed gives the same schedule, another one another."""
    assert make(7, BEGAN) == make(7, BEGAN)
    assert make(7, BEGAN).deliveries != make(8, BEGAN).deliveries


def test_every_kind_is_scheduled() -> None:
    """The schedules of the long proof hold every kind of fault, death, course, mode and storm."""
    made = [make(seed, BEGAN) for seed in range(600)]
    assert {name for each in made for name in each.kinds} == {kind.name for kind in KINDS}
    assert {each.mail for each in made} == set(MailWay)
    assert {place.channel for each in made for place in each.places} == set(CHANNELS)
    assert {each.down.channel for each in made if each.down} == set(CHANNELS)
    deaths = [death for each in made for lives in each.deaths for death in lives]
    assert {death.side for death in deaths} == set(SIDES)
    assert any(death.stops for death in deaths)
    told = [delivery.key.rpartition(":")[2] for each in made for delivery in each.deliveries]
    statuses = {"", "Scheduled", "Started", "Completed", "Canceled", "Failed", "GatePending", "GateCompleted"}
    assert {each.partition(".")[0] for each in told} == statuses
    assert {each.storm for each in made} == set(schedules.STORMS)


def test_late_requests_are_within_the_promise_or_apart() -> None:
    """No request is held up beyond the lease where the mail service ignores operation ids, but on purpose."""
    for seed in range(200):
        schedule = make(seed, BEGAN)
        assert schedule.mail is not MailWay.IGNORES or not LATE & set(schedule.kinds)
        stops = [death.stops for lives in schedule.deaths for death in lives]
        assert schedule.mail is not MailWay.IGNORES or max(stops, default=0) < STOPS["instance stopped"][1]
        assert set(make(seed, BEGAN, part=Part.BEYOND).kinds) <= LATE


def test_instances_share_one_mail_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """All instances reach the mail service at one address, each with its own faults, and lateness is seen."""
    seen: list[tuple[str, int, Phase]] = []

    def hook(name: str) -> OnRequest:
        return lambda number, phase, _: seen.append((name, number, phase))

    with MailEndpoint() as endpoint, MailDoor(endpoint.url, [hook("a"), hook("b")]) as door:
        for instance, lease in ((0, LEASE_SECONDS), (1, 0), (0, LEASE_SECONDS)):
            monkeypatch.setattr(mail_door, "LEASE_SECONDS", lease)
            (agent,) = signed(instance).values()
            headers = {"User-Agent": f"azsdk {agent}", "Operation-Id": f"of {instance}"}
            asked = urllib.request.Request(f"{door.url}/emails", headers=headers)
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(asked)
    expected = [("a", 1), ("b", 1), ("a", 2)]
    assert seen == [(*each, phase) for each in expected for phase in (Phase.BEFORE, Phase.AFTER)]
    assert door.held_up == {"of 1"}


# The judge

CLUSTER = "c7-none-1"
TEAMS_CLUSTER = f"c7-{TEAMS[0]}-1"
OPERATION, OTHER = guid("mail"), guid("another mail")


def _key(status: str, cluster: str = CLUSTER) -> str:
    return f"{keys.history(guid(cluster))}{status}"


def _mail(
    subject: str = f"[Failed] {CLUSTER}",
    operation: str = OPERATION,
    to: str = "ops",
    at: float = 1.0,
    is_repeat: bool = False,
) -> Arrived:
    """Write a mail about one thing, which its text names as well."""
    return Arrived(operation, "", read(f"{to}@example.com", subject, subject), is_repeat, "", at)


def _sent(
    kind: Kind = Kind.FAILED,
    key: str = "",
    state: str = "sent",
    audience: str = PLATFORM,
    why: str = "",
    more: tuple[MailItem, ...] = (),
    target: str = "",
) -> SentMail:
    members = (MailItem(kind, key or _key("Failed"), ()), *more)
    return SentMail(key="", state=state, audience=audience, target=target, at=BEGAN, members=members, why=why)


def _evidence(status: str = "Failed", cluster: str = CLUSTER, **different: Any) -> RunRecord:
    """Make the evidence of a run with one event, of which all went well unless told otherwise."""
    key = _key(status, cluster) if status else ""
    delivery = Delivery(0, 0, key, cluster, "the event", is_repeat=False, out_of_order=False)
    schedule = Schedule(
        seed=7,
        began=BEGAN,
        mail=different.pop("mail", MailWay.HONOURS),
        storm=7,
        rate=0.1,
        kinds=(),
        deliveries=(delivery, *different.pop("more", ())),
        deaths=((), ()),
        reminders=different.pop("reminders", {}),
        places=different.pop("places", ()),
    )
    kept: dict[str, Any] = {
        "accepted": {"the event": 0.5},
        "recorded": {key: BEGAN},
        "left": (),
        "fates": {OPERATION: _sent(Kind((status or "rejected").lower()), key)},
        "arrived": (_mail(f"[{status}] {cluster}"),),
        "alerts": (),
        "forms": {OPERATION: 1},
        "asked": frozenset(),
        "refused": frozenset(),
        "held_up": frozenset(),
        "strikes": {},
        "lives": 2,
        **different,
    }
    return RunRecord(schedule=schedule, **kept)


def test_all_went_well() -> None:
    """A failure that was accepted, stored and told once is as it should be."""
    assert judge(_evidence()) == Verdict()


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"recorded": {}}, "accepted and not stored"),
        ({"arrived": (), "fates": {}}, "not told"),
        ({"arrived": (_mail(f"[Started] {CLUSTER}"),)}, "not told"),
        ({"arrived": (_mail("[Failed] another cluster"),)}, "not told"),
        ({"arrived": (_mail(to=TEAMS[0]),)}, "not told"),
        ({"left": ("work:2026",)}, "left undone"),
    ],
)
def test_lost(different: dict[str, Any], words: str) -> None:
    """What is not stored, not told as what it is to whom it concerns, or still to be done, is lost."""
    assert words in " ".join(judge(_evidence(**different)).lost)


def test_lost_to_one_audience() -> None:
    """What one audience was told and the other was not is lost to the other."""
    (lost,) = judge(_evidence(cluster=TEAMS_CLUSTER)).lost
    assert TEAMS[0] in lost


def test_not_accepted() -> None:
    """What nobody accepted is not lost: Event Grid still has it."""
    assert judge(_evidence(accepted={}, recorded={}, arrived=(), fates={})) == Verdict()


@pytest.mark.parametrize(
    ("status", "told", "good"), [("Scheduled", "Started", True), ("Failed", "Started", False)]
)
def test_overtaken(status: str, told: str, good: bool) -> None:
    """An announcement stays untold where what has overtaken it was told, and only there."""
    fates = {OPERATION: _sent(Kind(told.lower()), _key(told))}
    more = (Delivery(1, 0, _key(told), CLUSTER, "later", is_repeat=False, out_of_order=False),)
    verdict = judge(_evidence(status, arrived=(_mail(f"[{told}] {CLUSTER}"),), fates=fates, more=more))
    assert (verdict.lost == ()) is good


def test_no_event() -> None:
    """Input that cannot be understood is kept and told."""
    key = "rejected:0"
    fates = {OPERATION: _sent(Kind.REJECTED, key)}
    different: dict[str, Any] = {"cluster": "", "recorded": {key: BEGAN}, "fates": fates}
    assert judge(_evidence("", arrived=(_mail("[Not understood] an event"),), **different)) == Verdict()
    assert len(judge(_evidence("", arrived=(), **{**different, "recorded": {}})).lost) == 2


def test_cut_short_is_no_loss() -> None:
    """A run whose work is not done when patience ends is told apart: a machine under load does that."""
    result = summed_up(_evidence("Failed", left=("work:2026",)))
    assert result.error == "not done in time: work:2026"
    assert not result.is_good
    assert result.verdict.lost == ()


def test_left_twice() -> None:
    """A mail that left twice is one too many; where a request of it came after its lease it is told apart."""
    verdict = judge(_evidence(arrived=(_mail(), _mail())))
    assert (len(verdict.twice), verdict.beyond, verdict.is_good) == (1, (), False)
    verdict = judge(_evidence(arrived=(_mail(), _mail()), held_up=frozenset({OPERATION})))
    assert (verdict.twice, len(verdict.beyond), verdict.is_good) == ((), 1, True)


def test_told_twice() -> None:
    """The same news in two mails to the same audience is told twice."""
    fates = {OPERATION: _sent(), OTHER: _sent()}
    assert len(judge(_evidence(arrived=(_mail(), _mail(operation=OTHER)), fates=fates)).twice) == 1


@pytest.mark.parametrize(
    "different",
    [
        {"arrived": ()},
        {"fates": {}},
        {"fates": {OPERATION: _sent(state="failed")}},
        {"fates": {OPERATION: _sent(audience=TEAMS[0])}},
        {"fates": {OPERATION: _sent(more=(MailItem(Kind.STARTED, _key("Started"), ()),))}},
        {"arrived": (_mail("[Failed] c7-none-2"),)},
        {"forms": {OPERATION: 2}},
        {"arrived": (_mail(is_repeat=True),)},
    ],
)
def test_untrue(different: dict[str, Any]) -> None:
    """The table says sent of what arrived, to whom, and what it tells; and it has one form, no repeat's."""
    assert judge(_evidence(**different)).untrue != ()


def test_refused() -> None:
    """A mail that the service refused, and was asked about, may fail, if the default audience hears of it."""
    failed = _sent(state="failed")
    refused: dict[str, Any] = {
        "arrived": (),
        "refused": frozenset({OPERATION}),
        "asked": frozenset({OPERATION}),
    }
    assert "nobody told" in " ".join(judge(_evidence(fates={OPERATION: failed}, **refused)).lost)
    told = {OPERATION: failed, OTHER: _sent(Kind.UNDELIVERED, f"sent:{OPERATION}")}
    refused["arrived"] = (_mail("[Undelivered] a mail", OTHER),)
    assert judge(_evidence(fates=told, **refused)) == Verdict()
    assert judge(_evidence(fates=told, **{**refused, "asked": frozenset()})).untrue != ()
    digest = _sent(state="failed", more=(MailItem(Kind.STARTED, _key("Started"), ()),))
    assert judge(_evidence(fates={**told, OPERATION: digest}, **refused)).untrue != ()


@pytest.mark.parametrize(
    ("arrived", "reminded", "good"),
    [(1, True, True), (1, False, False), (6, False, True), (4.5, False, True)],
)
def test_reminders(arrived: float, reminded: bool, good: bool) -> None:
    """A reminder has to come, unless its announcement arrived at its hour or later."""
    key = _key("Scheduled")
    fates = {OPERATION: _sent(Kind.SCHEDULED, key)}
    mails = [_mail(f"[Scheduled] {CLUSTER}", at=arrived)]
    if reminded:
        fates[OTHER] = _sent(Kind.REMINDER, key)
        mails.append(_mail(f"[Reminder] {CLUSTER}", OTHER, at=6))
    different: dict[str, Any] = {
        "fates": fates,
        "arrived": tuple(mails),
        "reminders": {key: 5.0},
    }
    verdict = judge(_evidence("Scheduled", **different))
    assert (verdict.lost == ()) is good
    begun = {"recorded": {key: BEGAN, _key("Started"): BEGAN}}
    assert judge(_evidence("Scheduled", **{**different, **begun})).lost == ()


def test_letters() -> None:
    """What mails tell is read from them alone: of a digest, every entry under its heading."""
    world = World()
    for number in range(5):
        world.take(event("Failed", NOW, name=f"c1-team-0-{number}", cluster=f"c1-team-0-{number}"))
        world.take(event("Started", NOW, name=f"c1-none-{number}", cluster=f"c1-none-{number}"))
    world.take(scheduled(NOW, timedelta(days=8), name="c1-none-8", cluster="c1-none-8"))
    world.take('{"no": "event"}')
    world.settle_down()
    world.sweep(days=1)
    told: Counter[Telling] = Counter()
    for _, email in world.mailer.arrived:
        (address,) = email.to
        told.update(read(address, email.subject, email.text))
    expected = [(Kind.FAILED, f"c1-team-0-{n}") for n in range(5)]
    expected += [(Kind.STARTED, f"c1-none-{n}") for n in range(5)]
    expected += [(Kind.SCHEDULED, "c1-none-8"), (Kind.REMINDER, "c1-none-8"), (Kind.REJECTED, "")]
    assert {Telling(PLATFORM, *one) for one in expected} <= set(told)
    assert set(told.values()) == {1}


# Other channels

PLACES = tuple(Place(TEAMS[0], channel) for channel in CHANNELS)
WEBHOOK, PAGERDUTY, CARDS, CHAT = PLACES


def _message(
    place: Place, kind: Kind = Kind.FAILED, is_repeat: bool = False, operation: str = OTHER
) -> Arrived:
    """Make a message about the cluster of the first team, as it came to a place."""
    telling = Telling(place.audience, kind, TEAMS_CLUSTER, place.key)
    return Arrived(operation, place.key, frozenset({telling}), is_repeat, "", 1.0)


def _told_at(place: Place, status: str = "Failed", **different: Any) -> RunRecord:
    """Make the evidence of a run with one event, of which the team hears at a place as well."""
    key, kind = _key(status, TEAMS_CLUSTER), Kind(status.lower())
    mails = tuple(
        _mail(f"[{status}] {TEAMS_CLUSTER}", operation, to)
        for operation, to in (("default", "ops"), ("team", TEAMS[0]))
    )
    fates = {
        "default": _sent(kind, key),
        "team": _sent(kind, key, audience=TEAMS[0]),
        OTHER: _sent(kind, key, different.pop("state", "sent"), TEAMS[0], target=place.key),
    }
    arrived = different.pop("arrived", (_message(place, kind),))
    return _evidence(
        status, TEAMS_CLUSTER, places=(place,), fates=fates, arrived=(*mails, *arrived), **different
    )


@pytest.mark.parametrize("place", PLACES)
def test_all_went_well_at_a_place(place: Place) -> None:
    """What came to a place once is as it should be; what did not come is lost, and two are one too many."""
    alerts = (("trigger", f"aks/0/{guid(TEAMS_CLUSTER)}"),)
    assert judge(_told_at(place, alerts=alerts)) == Verdict()
    assert len(judge(_told_at(place, arrived=())).lost) == 1
    assert judge(_told_at(place, arrived=(_message(place), _message(place, operation="x")))).twice != ()


@pytest.mark.parametrize(
    ("place", "status", "says_repeat", "state", "good"),
    [
        (WEBHOOK, "Failed", False, "sent", True),
        (WEBHOOK, "Failed", True, "sent", False),
        (CHAT, "Failed", True, "doubtful", True),
        (CHAT, "Failed", True, "sent", False),
        (CHAT, "Failed", False, "doubtful", False),
        (CARDS, "Started", True, "doubtful", False),
    ],
)
def test_repeats_by_temper(place: Place, status: str, says_repeat: bool, state: str, good: bool) -> None:
    """What collapses may come again as it was; a blind place is told again what needs an act, and told so."""
    kind = Kind(status.lower())
    arrived = (_message(place, kind), _message(place, kind, is_repeat=says_repeat))
    assert judge(_told_at(place, status, arrived=arrived, state=state)).is_good is good


@pytest.mark.parametrize(
    ("place", "status", "lost"), [(CARDS, "Started", 0), (CARDS, "Failed", 1), (WEBHOOK, "Started", 1)]
)
def test_left_in_doubt(place: Place, status: str, lost: int) -> None:
    """A doubt about what is routine may be left at that where nobody can be asked, and nowhere else."""
    verdict = judge(_told_at(place, status, arrived=(), state="doubtful"))
    assert (len(verdict.lost), verdict.is_good) == (lost, not lost)


@pytest.mark.parametrize("why", ["unconfirmed: 400", "400"])
def test_a_repeat_that_was_refused(why: str) -> None:
    """What had arrived may be settled as failed where its repeat was refused, if it says *unconfirmed*."""
    evidence = _told_at(CHAT, refused=frozenset({OTHER}))
    failed = _sent(Kind.FAILED, _key("Failed", TEAMS_CLUSTER), "failed", TEAMS[0], why, target=CHAT.key)
    fates = {**evidence.fates, OTHER: failed, "told": _sent(Kind.UNDELIVERED, f"sent:{OTHER}")}
    arrived = (*evidence.arrived, _mail("[Undelivered] a mail", "told"))
    verdict = judge(msgspec.structs.replace(evidence, fates=fates, arrived=arrived))
    assert verdict.is_good is why.startswith("unconfirmed")


@pytest.mark.parametrize(
    ("actions", "good"),
    [
        ("trigger trigger resolve resolve", True),
        ("trigger", False),
        ("resolve trigger", False),
        ("trigger resolve trigger", False),
        ("resolve", False),
    ],
)
def test_alerts(actions: str, good: bool) -> None:
    """An alert is opened, then closed, whatever is repeated; one that is open at the end is as bad."""
    alerts = tuple((action, f"aks/0/{guid(TEAMS_CLUSTER)}") for action in actions.split())
    recorded = {_key("Failed", TEAMS_CLUSTER): BEGAN, _key("Completed", TEAMS_CLUSTER): BEGAN + timedelta(1)}
    assert judge(_told_at(PAGERDUTY, alerts=alerts, recorded=recorded)).is_good is good


def test_messages_of_all_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """What messages tell is read from them alone, one thing or several, as the table says it of them."""
    slack, pagerduty, came = Slack(), PagerDuty(), []
    slack.channels, pagerduty.keys = {CHAT.said: ""}, {PAGERDUTY.integration}
    services = {"/hooks": Hook(), "/workflows": Teams(), "/api": slack, "/v2": pagerduty}
    names = [f"c1-{TEAMS[0]}-{number}" for number in range(12)]
    alerts = {guid(name): name for name in names}
    asked = {name: gate("Pending", NOW, what="Created", name=name, run=name) for name in names[8:]}
    answered = {name: gate("Completed", NOW + timedelta(hours=1), name=name, run=name) for name in names[9:]}
    whose = {keys.history(guid(name)): name for name in names}
    whose |= {fleets.read(text).row_key(): name for some in (asked, answered) for name, text in some.items()}
    unwatched = {"NOT_STARTED_AFTER": "0s", "STILL_RUNNING_AFTER": "0s", "REMINDER_LEADS": "24h"}
    with Together(services, lambda got, _: came.append(got)) as together:
        world = World(ROUTES=routes(PLACES), **unwatched, **settings(PLACES, together.url))
        monkeypatch.setattr(pace, "time", Turns(world.clock))
        for some in (names[:4], names[4:8]):
            for name, status in zip(some, ("Failed", "Started", "Canceled"), strict=False):
                world.take(event(status, NOW, name=name, cluster=name))
            world.take(scheduled(NOW, timedelta(days=2), name=some[3], cluster=some[3]))
            world.settle_down()
        for text in asked.values():
            world.take(text)
        world.settle_down()
        for text in answered.values():
            world.take(text)
        world.take(event("Completed", world.clock.now(), name=names[0], cluster=names[0]))
        world.settle_down()
        world.sweep(days=1)
        world.settle_down()
    read_ = [chat_reader.read(PLACES, got.path, got.body, alerts) for got in came]
    told = {telling for message in read_ if message for telling in message.tellings}
    expected = {
        Telling(
            TEAMS[0], member.kind, whose.get(member.key) or whose[keys.history_of(member.key)], sent.target
        )
        for row in world.table.query("sent:", "sent:~").rows
        for sent in [codec.sent(row)]
        if sent.target
        for member in sent.members
    }
    assert told == expected
    assert {telling.kind for telling in told} >= {Kind.FAILED, Kind.REMINDER, Kind.GATE, Kind.GATE_CLOSED}


# The report


def test_report_names_what_struck_and_what_went_wrong() -> None:
    """Every kind of fault has its line, what is rare is named, and a broken promise comes with its seed."""
    summed = Total()
    summed.add(Result(seed=7, verdict=Verdict(lost=("a mail",), beyond=("another",)), strikes={NAMES[0]: 60}))
    table = report.faults(summed)
    assert all(name in table for name in NAMES)
    assert (summed.lost, summed.beyond) == (1, 1)
    assert report.rare(summed) == list(NAMES[1:])
    assert report.bad(summed.bad) == f"* seed 7 ({MailWay.HONOURS}): lost: a mail"


def test_each_bug_is_planted() -> None:
    """A planted bug changes the app: one that no longer finds its place would prove nothing."""
    told = subprocess.run(
        [sys.executable, "-c", _PLANTED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")


_PLANTED = """
import os, sys
from prove.bugs import Bug, plant
from shared.channels.email.channel import EmailChannel
from shared.channels.webhook.channel import WebhookChannel
from shared.delivery import sender
from shared.delivery.batch import Batch
from shared.delivery.sender import Sender
from shared.store import azure
from shared.store.protocol import Store

def places():
    storm = azure._sdk_operation, Sender.send, azure.AzureTable._commit, Sender._ask
    tempers = Store.keep_draft, sender._is_actionable, WebhookChannel.send, Batch._in_order
    return *storm, *tempers, Store.resolve, EmailChannel.ask, Store._settle_accepted

before = places()
for planted in Bug:
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0, planted
        continue
    plant(planted)
    changed = [ours is not theirs for ours, theirs in zip(before, places(), strict=True)]
    os._exit(changed != [bug is planted for bug in Bug])
"""


def test_worker_that_dies() -> None:
    """Runs whose process is gone are told as such: nobody waits for them for ever."""
    results = campaign([Trial(seed) for seed in range(2)], processes=1)

    def kill() -> None:
        for child in multiprocessing.active_children():
            child.kill()

    killer = threading.Timer(1.5, kill)
    killer.start()
    assert [result.error for result in results] == ["its worker ended with -9"] * 2
    killer.join()
