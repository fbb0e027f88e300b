"""Made-up maintenances, one for each kind of mail: for the preview and for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec

from shared import keys
from shared.events.model import EndOfSupport, Event, Status, Upgrade
from shared.notices.kinds import Kind
from shared.notices.records import Mail, MailItem, RecipientReport, RejectedInput, SentMail
from shared.snapshot import ClusterSnapshot, Span
from testing.samples import observations
from testing.samples.bulk import digest, storm
from testing.samples.events import BEGAN, NOW, REASON, START, TEAM, Story, cluster, event, recorded, story
from testing.samples.fleets import gate_stories, run_stories

__all__ = [
    "BEGAN",
    "NOW",
    "REASON",
    "START",
    "TEAM",
    "Story",
    "cluster",
    "digest",
    "event",
    "recorded",
    "stories",
    "storm",
    "story",
]

_SUBJECT = "[Reminder] prod-weu-1 · in 24 hours · node OS"


def stories() -> list[Story]:
    """Return one mail of each kind, and two digests."""
    announced = recorded(event(Status.SCHEDULED, NOW - timedelta(days=7), start=BEGAN - timedelta(minutes=2)))
    coming = recorded(
        event(
            Status.SCHEDULED,
            NOW,
            start=START,
            upgrade=Upgrade.KUBERNETES,
            details=json.dumps({"upgradeType": "K8sVersionUpgrade", "from": "1.32.6", "to": "1.33.2"}),
        )
    )
    moved_event = msgspec.structs.replace(
        coming.event, time=NOW + timedelta(days=1), start=START + timedelta(days=1)
    )
    moved = recorded(msgspec.structs.replace(moved_event, updated=moved_event.time), 1)
    began = recorded(event(Status.STARTED, BEGAN, details="Start to upgrade security vhd"))
    failed = msgspec.structs.replace(
        recorded(event(Status.FAILED, datetime(2026, 11, 20, 1, 47, tzinfo=UTC), details=REASON)),
        told=("shop-team", "platform-team", "shop-team (pagerduty)"),
    )
    ended = recorded(event(Status.COMPLETED, BEGAN + timedelta(minutes=47)))
    recovered = recorded(event(Status.COMPLETED, BEGAN + timedelta(hours=3, minutes=9)))
    canceled = recorded(event(Status.CANCELED, NOW + timedelta(days=2), upgrade=Upgrade.UNKNOWN))
    someday = recorded(
        event(Status.SCHEDULED, NOW, upgrade=Upgrade.WEEKLY_RELEASE, details="AKS release 20261115")
    )
    paused = recorded(event("Paused", BEGAN + timedelta(minutes=20)))
    made = [
        story("failed", Kind.FAILED, announced, began, failed),
        story("scheduled", Kind.SCHEDULED, coming),
        story("scheduled-unknown-start", Kind.SCHEDULED, someday),
        story("rescheduled", Kind.RESCHEDULED, coming, moved, as_of=NOW + timedelta(days=1)),
        story("reminder", Kind.REMINDER, coming, as_of=START - timedelta(hours=24), lead="24h"),
        story("started", Kind.STARTED, announced, began, as_of=BEGAN + timedelta(minutes=1)),
        story("completed", Kind.COMPLETED, announced, began, ended, as_of=BEGAN + timedelta(minutes=48)),
        story(
            "completed-recovered",
            Kind.COMPLETED,
            announced,
            began,
            failed,
            recovered,
            as_of=BEGAN + timedelta(hours=4),
        ),
        story("canceled", Kind.CANCELED, coming, canceled, as_of=NOW + timedelta(days=2)),
        story("end-of-support-two-weeks", Kind.END_OF_SUPPORT, recorded(_end_of_support("TwoWeeks", 14))),
        story("end-of-support-one-week", Kind.END_OF_SUPPORT, recorded(_end_of_support("OneWeek", 5))),
        story("end-of-support-past", Kind.END_OF_SUPPORT, recorded(_end_of_support("", -3))),
        story("news", Kind.NEWS, began, paused, as_of=BEGAN + timedelta(minutes=21)),
        story("not-started", Kind.NOT_STARTED, coming, as_of=START + timedelta(hours=25)),
        story("not-started-unknown-start", Kind.NOT_STARTED, someday, as_of=NOW + timedelta(days=9)),
        story("still-running", Kind.STILL_RUNNING, announced, began, as_of=BEGAN + timedelta(hours=13)),
        _rejected(),
        _sent(
            "undelivered",
            Kind.UNDELIVERED,
            state="failed",
            why="400 BadRequest: Invalid format for email address",
        ),
        _sent(
            "target-gone",
            Kind.TARGET_GONE,
            key=keys.target_gone(keys.target("teams", "$TEAMS_SHOP")),
            state="gone",
            to=("teams $TEAMS_SHOP",),
            why="404 WorkflowNotFound",
        ),
        _sent("unreachable", Kind.UNREACHABLE, reports=_REPORTS[:1]),
        _sent(
            "unreachable-all", Kind.UNREACHABLE, to=tuple(one.recipient for one in _REPORTS), reports=_REPORTS
        ),
        digest("digest", 1),
        digest("digest-many", 9),
        storm("digest-storm"),
        _standing(story("scheduled-expected", Kind.SCHEDULED, someday), _SATURDAY, window=None),
        _standing(story("scheduled-inside", Kind.SCHEDULED, coming), _NIGHT, window=_NIGHT),
        _standing(
            story("started-inside", Kind.STARTED, announced, began, as_of=BEGAN + timedelta(minutes=1)),
            _SATURDAY,
            window=Span(BEGAN.replace(minute=0), BEGAN.replace(minute=0) + timedelta(hours=4)),
        ),
        _standing(
            story("started-outside", Kind.STARTED, announced, began, as_of=BEGAN + timedelta(minutes=1)),
            _SATURDAY,
            window=None,
        ),
        _standing(story("failed-next-window", Kind.FAILED, announced, began, failed), _SATURDAY, window=None),
        *(
            story(str(kind), kind, recorded(_of_topic(kind)), as_of=BEGAN + timedelta(minutes=2))
            for kind in (Kind.ROLLING_STARTED, Kind.ROLLING_SUCCEEDED, Kind.ROLLING_FAILED, Kind.NEW_VERSION)
        ),
        *gate_stories(),
        *run_stories(),
        *observations.stories(),
    ]
    return [
        msgspec.structs.replace(
            one, mail=msgspec.structs.replace(one.mail, operation_id=f"00000000-0000-5000-8000-{number:012d}")
        )
        for number, one in enumerate(made, 1)
    ]


_SATURDAY = Span(datetime(2026, 11, 28, 9, tzinfo=UTC), datetime(2026, 11, 28, 13, tzinfo=UTC))
_NIGHT = Span(START.replace(minute=0), START.replace(minute=0) + timedelta(hours=4))


def _of_topic(kind: Kind) -> Event:
    """Make an event of a cluster's own topic."""
    is_rolling = kind is not Kind.NEW_VERSION
    return event(
        "NodePoolRolling" if is_rolling else "NewKubernetesVersionAvailable",
        BEGAN,
        event_id=f"{kind} prod-weu-1",
        news=str(kind),
        pools=("system",) if is_rolling else (),
        upgrade=Upgrade.UNKNOWN,
        versions=() if is_rolling else ("1.34.2", "1.33.6", "1.31.0", "1.35.0"),
    )


def _standing(told: Story, following: Span, *, window: Span | None) -> Story:
    """Return the same mail, frozen with what is known of the cluster and its windows."""
    snapshot = ClusterSnapshot(
        read=NOW.replace(hour=2, minute=41),
        version="1.32.6",
        channel="stable",
        os_channel="NodeImage",
        offset=-8 * 60,
        governed=True,
        window=window,
        next=following,
    )
    members = tuple(msgspec.structs.replace(member, snapshot=snapshot) for member in told.mail.members)
    return msgspec.structs.replace(told, mail=msgspec.structs.replace(told.mail, members=members))


def _end_of_support(notice: str, days: int) -> Event:
    date = NOW.replace(hour=0, minute=0) + timedelta(days=days)
    facts = {
        "kubernetesVersion": "1.31.9",
        "eolDate": date.isoformat(),
        "supportType": "Community",
        "daysUntilEOL": days,
        "region": "westeurope",
    }
    return event(
        Status.SCHEDULED,
        NOW,
        event_id=f"77778888-ffff-4444-dddd-{100 + days:012d}",
        upgrade=Upgrade.END_OF_SUPPORT,
        description=f"KubernetesVersionEOL{notice}" if notice else "KubernetesVersionOutOfSupport",
        source="EOLNotification",
        details=json.dumps(facts),
        end_of_support=EndOfSupport(version="1.31.9", date=date, support="Community"),
    )


def _rejected() -> Story:
    raw = json.dumps({"specversion": "1.0", "type": "Contoso.Something", "data": {"hello": "world"}})
    row = RejectedInput(keys.rejected(raw), "no data.resourceInfo.properties", raw, NOW)
    mail = Mail(
        operation_id="0" * 8, audience="default", as_of=NOW, members=(MailItem(Kind.REJECTED, row.key),)
    )
    return Story("rejected", mail, {row.key: row})


_REPORTS = (
    RecipientReport(
        "shop-oncall@example.com",
        "Bounced",
        "550 5.1.1 The email account that you tried to reach does not exist",
    ),
    RecipientReport("kim@example.com", "Suppressed"),
    RecipientReport("shop-leads@example.org", "Quarantined", "held for review"),
    RecipientReport("alex@example.org", "FilteredSpam", "554 5.7.1 message refused"),
    RecipientReport("sam@example.net", "Failed"),
    RecipientReport("pat@example.net", "Deferred"),
)


def _sent(name: str, kind: Kind, **facts: object) -> Story:
    known = {
        "key": keys.sent("00000000-0000-5000-8000-00000000abcd"),
        "state": "sent",
        "audience": "shop-team",
        "at": NOW,
        "subject": _SUBJECT,
        "to": ("shop-oncall@example.com", "shop-leads@example.org"),
        "attempts": 1,
        "members": (MailItem(Kind.REMINDER, "event:22223333-cccc-4444-dddd-5555eeee6666:Scheduled"),),
    }
    about = recorded(event(Status.SCHEDULED, NOW, start=NOW + timedelta(hours=24)))
    row = SentMail(**(known | facts))  # type: ignore[arg-type]
    mail = Mail(operation_id="0" * 8, audience="default", as_of=NOW, members=(MailItem(kind, row.key),))
    return Story(name, mail, {row.key: row, about.key: about})
