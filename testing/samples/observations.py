"""Made-up observations, one for each kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.events.model import Event, Installation, Subject, Subscription, Upgrade
from shared.events.observation import (
    Advisory,
    ClockMove,
    ClusterRemark,
    Coming,
    Coverage,
    FailedState,
    Form,
    Missed,
    MovedWindow,
    SupportEnding,
    Unreadable,
    UnusedWindow,
    WeeklyReport,
    observed,
)
from shared.maintenance import AUTO_UPGRADE, NODE_OS
from shared.notices.kinds import Kind
from testing.samples.events import BEGAN, NOW, REASON, Story, cluster, recorded, story

_CLUSTERS = tuple(
    ClusterRemark(cluster=cluster(name).id, name=name, subscription="Shop (production)", words=words)
    for name, words in (
        ("prod-weu-1", ("it has no upgrade channel", "no event was ever heard from its subscription")),
        ("prod-neu-2", ("its channel has no maintenance window",)),
    )
)

_MOVE = ClockMove(
    zone="Europe/Berlin",
    at=datetime(2027, 3, 28, 1, tzinfo=UTC),
    before=60,
    after=120,
    windows=(
        MovedWindow(
            cluster="prod-weu-1",
            subscription="Shop (production)",
            configuration=AUTO_UPGRADE,
            start=datetime(2027, 4, 3, 22, tzinfo=UTC),
        ),
        MovedWindow(
            cluster="prod-weu-1",
            subscription="Shop (production)",
            configuration=NODE_OS,
            start=datetime(2027, 3, 29, 1, tzinfo=UTC),
            is_daily=True,
        ),
    ),
    count=31,
    clusters=12,
)


def stories() -> list[Story]:
    """Return one mail of each kind of observation."""
    return [
        story(str(kind), kind, recorded(_event(kind, facts, subject, details)), as_of=NOW)
        for kind, facts, subject, details in _observations()
    ]


def _event(kind: Kind, facts: Form, subject: Subject, details: str) -> Event:
    return observed(kind, facts, subject=subject, id=f"{kind} of a test", time=BEGAN, details=details)


def _observations() -> list[tuple[Kind, Form, Subject, str]]:
    here, everywhere = cluster(), Installation()
    account = Subscription(here.subscription, "Shop (production)")
    window = datetime(2026, 11, 19, 22, tzinfo=UTC)
    return [
        (Kind.FAILED_STATE, FailedState(pools=("blue",), operation="Create or Update"), here, REASON),
        (Kind.RECOVERED, FailedState(pools=("blue",), until=NOW), here, ""),
        (
            Kind.NOTHING_HAPPENED,
            UnusedWindow(
                configuration=NODE_OS,
                start=window,
                end=window + timedelta(hours=4),
                current="AKSUbuntu-2204gen2containerd-202610.09.0",
                available="AKSUbuntu-2204gen2containerd-202611.13.0",
                reasons=("The cluster was stopped.",),
            ),
            here,
            "",
        ),
        (
            Kind.ADVISORY,
            Advisory(
                tracking_id="ABCD-123",
                title="Action required: move AKS node pools off Ubuntu 22.04 by 30 June 2027",
                summary="You're receiving this notice because you use Ubuntu 22.04 node pools.",
                status="Active",
                type="Retirement",
                starts=datetime(2026, 4, 2, tzinfo=UTC),
                ends=datetime(2027, 6, 30, tzinfo=UTC),
                regions=("West Europe",),
                subscriptions=("Shop (production)",),
            ),
            everywhere,
            "",
        ),
        (
            Kind.SUPPORT_ENDING,
            SupportEnding(
                version="1.34",
                date=datetime(2026, 11, 30, tzinfo=UTC),
                lts=datetime(2027, 11, 30, tzinfo=UTC),
                clusters=_CLUSTERS,
                count=31,
            ),
            everywhere,
            "",
        ),
        (
            Kind.CLOCK_CHANGE,
            _MOVE,
            everywhere,
            "",
        ),
        (
            Kind.MISSED_EVENTS,
            Missed(
                count=12,
                subscriptions=("Shop (production)",),
                examples=("prod-weu-1: Failed",),
                last_pushed=NOW - timedelta(days=3),
            ),
            everywhere,
            "",
        ),
        (Kind.UNREADABLE, Unreadable(what="subscription", why="it is not in the answer"), account, ""),
        (Kind.COVERAGE, Coverage(clusters=_CLUSTERS, count=25), everywhere, ""),
        (
            Kind.REPORT,
            WeeklyReport(
                since=NOW - timedelta(days=7),
                clusters=41,
                subscriptions=3,
                coming=(Coming(name="prod-weu-1", what=Upgrade.NODE_OS, start=NOW + timedelta(days=3)),),
                coming_count=1,
                happened={"Completed": 38, "Failed": 2},
                open=(
                    ClusterRemark(
                        cluster=here.id, name=here.name, words=("failed",), at=NOW - timedelta(days=2)
                    ),
                ),
                uncovered=_CLUSTERS,
                uncovered_count=25,
                changes=(ClusterRemark(cluster=here.id, name=here.name, words=("1.33.2 → 1.34.1",)),),
                changes_count=1,
                last_event=NOW - timedelta(hours=2),
                last_reconcile=NOW - timedelta(minutes=41),
                sent=57,
            ),
            everywhere,
            "",
        ),
    ]
