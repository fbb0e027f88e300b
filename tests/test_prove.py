"""The proof by faults, in short, and its judge, who has to see what went wrong. `make prove` is the whole."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.payloads import guid
from prove import report, schedules
from prove.bugs import Bug
from prove.campaigns import campaign
from prove.evidence import Evidence, judge
from prove.faults import KINDS, LATE
from prove.runs import Trial
from prove.schedules import PLATFORM, TEAMS, Delivery, Part, make
from shared.notices import Kind, Member, SentMail
from tests.support.mail_endpoint import Mail, Temper

BEGAN = datetime(2026, 11, 20, 3, tzinfo=UTC)

SEEDS = range(20)
"""About a minute's worth."""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="kills processes by pidfd, which is Linux's")
@pytest.mark.timeout(600)
def test_short_proof() -> None:
    """Under faults on both sides, with processes killed, nothing is lost or sent twice; a bug shows."""
    planted = [Trial(seed, bug=Bug.SETTLE_BEFORE_SEND) for seed in range(1_000, 1_004)]
    trials = [*(Trial(seed) for seed in SEEDS), *planted]
    results = {result.seed: result for result in campaign(trials, len(trials), processes=1)}
    good = [results[seed] for seed in SEEDS]
    assert report.bad([result for result in good if not result.is_good]) == ""
    assert {result.temper for result in good} == set(Temper)
    struck: Counter[str] = Counter()
    for result in good:
        struck.update(result.strikes)
    assert sum(result.events for result in good) > 100
    assert sum(result.lives for result in good) > 2 * len(SEEDS)
    assert len(struck) > 15
    assert any(results[trial.seed].verdict.lost for trial in planted)


# Schedules


def test_same_seed() -> None:
    """The same seed gives the same schedule, another one another."""
    assert make(7, BEGAN) == make(7, BEGAN)
    assert make(7, BEGAN).deliveries != make(8, BEGAN).deliveries


def test_every_kind_is_scheduled() -> None:
    """The schedules of the long proof hold every kind of fault, death, course, temper and storm."""
    made = [make(seed, BEGAN) for seed in range(2_000)]
    assert {name for each in made for name in each.kinds} == {kind.name for kind in KINDS}
    assert {each.temper for each in made} == set(Temper)
    deaths = [death for each in made for lives in each.deaths for death in lives]
    assert {death.side for death in deaths} == {"table", "send", "ask"}
    statuses = {delivery.key.rpartition(":")[2] for each in made for delivery in each.deliveries}
    assert statuses == {"", "Scheduled", "Started", "Completed", "Canceled", "Failed"}
    assert {each.storm for each in made} == set(schedules.STORMS)


def test_late_requests_are_within_the_promise_or_apart() -> None:
    """No request is held up beyond the lease where the mail service ignores operation ids, but on purpose."""
    for seed in range(500):
        schedule = make(seed, BEGAN)
        assert schedule.temper is Temper.HONOURS or not LATE & set(schedule.kinds)
        assert set(make(seed, BEGAN, part=Part.BEYOND).kinds) == LATE


# The judge

CLUSTER = f"c-{TEAMS[0]}-1"
KEY = f"event:{guid(CLUSTER)}:Failed"
ANNOUNCED = f"event:{guid(CLUSTER)}:Scheduled"
OPERATION = guid("mail")
OTHER = guid("another mail")


def _mail(operation: str = OPERATION, html: str = CLUSTER) -> Mail:
    return Mail(operation, {"content": {"html": html}}, hashlib.sha256(html.encode()).hexdigest())


def _sent(
    *members: Member,
    state: str = "sent",
    audience: str = PLATFORM,
    after: float = 0,
    operation: str = OPERATION,
) -> SentMail:
    return SentMail(
        key=f"sent:{operation}",
        state=state,
        audience=audience,
        at=BEGAN + timedelta(seconds=after),
        members=members or (Member(Kind.FAILED, KEY, ()),),
    )


def _evidence(key: str = KEY, cluster: str = "c-none-1", **different: Any) -> Evidence:
    """Make the evidence of a run with one event, of which all went well unless told otherwise."""
    delivery = Delivery(0, 0, key, cluster, "the event", is_repeat=False, out_of_order=False)
    schedule = make(0, BEGAN)
    schedule = type(schedule)(
        seed=0,
        began=BEGAN,
        temper=Temper.HONOURS,
        storm=7,
        rate=0.1,
        kinds=(),
        deliveries=(delivery,),
        deaths=((), ()),
        reminders=different.pop("reminders", {}),
    )
    kept: dict[str, Any] = {
        "accepted": {"the event": 0.5},
        "stored": frozenset({key}),
        "left": (),
        "fates": {OPERATION: _sent(Member(Kind(key.rpartition(":")[2].lower()), key, ()))},
        "mails": (_mail(html=cluster),),
        "refused": frozenset(),
        "late": frozenset(),
    }
    return Evidence(
        schedule=schedule, strikes=Counter(), lives=2, began=BEGAN.timestamp(), **{**kept, **different}
    )


def test_all_went_well() -> None:
    """A failure that was accepted, stored and told once is as it should be."""
    assert judge(_evidence()).is_good


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"stored": frozenset()}, "accepted and not stored"),
        ({"mails": (), "fates": {}}, "not told"),
        ({"left": ("work:2026",)}, "left undone"),
    ],
)
def test_lost(different: dict[str, Any], words: str) -> None:
    """What was accepted and is not stored, was told to nobody, or is still to be done, is lost."""
    assert words in " ".join(judge(_evidence(**different)).lost)


def test_lost_to_one_audience() -> None:
    """What one audience was told and the other was not is lost to the other."""
    (lost,) = judge(_evidence(cluster=CLUSTER)).lost
    assert TEAMS[0] in lost


def test_not_accepted() -> None:
    """What nobody accepted is not lost: Event Grid still has it."""
    assert judge(_evidence(accepted={}, stored=frozenset(), mails=(), fates={})).lost == ()


def test_overtaken() -> None:
    """An announcement stays untold where what has overtaken it was told, and only there."""
    failed = {OPERATION: _sent(Member(Kind.FAILED, KEY, ()))}
    assert judge(_evidence(ANNOUNCED, fates=failed)).lost == ()
    earlier = {OPERATION: _sent(Member(Kind.SCHEDULED, ANNOUNCED, ()))}
    assert judge(_evidence(KEY, fates=earlier)).lost != ()


def test_left_twice() -> None:
    """A mail that left twice is one too many, also where its first request was late: that is told apart."""
    verdict = judge(_evidence(mails=(_mail(), _mail()), cluster="c-none-1"))
    assert len(verdict.twice) == 1
    verdict = judge(_evidence(mails=(_mail(), _mail()), late=frozenset({OPERATION})))
    assert (verdict.twice, len(verdict.late)) == ((), 1)


def test_told_twice() -> None:
    """The same news in two mails to the same audience is told twice."""
    fates = {OPERATION: _sent(), OTHER: _sent(operation=OTHER)}
    assert len(judge(_evidence(mails=(_mail(), _mail(OTHER)), fates=fates)).twice) == 1


@pytest.mark.parametrize(
    "different",
    [
        {"mails": ()},
        {"fates": {}},
        {"fates": {OPERATION: _sent(state="failed")}},
        {"mails": (_mail(html="another cluster"),)},
    ],
)
def test_untrue(different: dict[str, Any]) -> None:
    """The table says sent of what arrived, of nothing else, and a mail names the clusters it is said to."""
    assert judge(_evidence(**different)).untrue != ()


def test_refused() -> None:
    """A mail that the service refused may fail, if the default audience hears of that."""
    failed = _sent(state="failed")
    evidence: dict[str, Any] = {"mails": (), "refused": frozenset({OPERATION})}
    assert "nobody told" in " ".join(judge(_evidence(fates={OPERATION: failed}, **evidence)).lost)
    tells = _sent(Member(Kind.UNDELIVERED, failed.key, ()), operation=OTHER)
    evidence["mails"] = (_mail(OTHER),)
    assert judge(_evidence(fates={OPERATION: failed, OTHER: tells}, **evidence)).is_good


@pytest.mark.parametrize(
    ("announced", "reminded", "good"), [(1, True, True), (1, False, False), (6, False, True), (5, True, True)]
)
def test_reminders(announced: float, reminded: bool, good: bool) -> None:
    """A reminder has to come, unless its announcement went out at its hour or later."""
    fates = {OPERATION: _sent(Member(Kind.SCHEDULED, ANNOUNCED, ()), after=announced)}
    mails = [_mail()]
    if reminded:
        fates[OTHER] = _sent(Member(Kind.REMINDER, ANNOUNCED, (), "24h"), after=6, operation=OTHER)
        mails.append(_mail(OTHER))
    verdict = judge(
        _evidence(ANNOUNCED, "c-none-1", fates=fates, mails=tuple(mails), reminders={ANNOUNCED: 5.0})
    )
    assert (verdict.lost == ()) is good
