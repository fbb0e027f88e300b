"""Made-up maintenances, one for each kind of mail: for the preview and for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec

from shared.events import Cluster, EndOfSupport, Event, Status, Upgrade
from shared.notices import Decision, Kind, Mail, Member, Recorded, RejectedInput, Row, SentMail
from shared.routes import Audience
from shared.store import keys

NOW = datetime(2026, 11, 20, 1, 48, tzinfo=UTC)
START = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
BEGAN = datetime(2026, 11, 20, 1, 2, tzinfo=UTC)

TEAM = Audience(
    id="shop-team",
    name="shop-team",
    to=("shop-oncall@example.com",),
    runbook="https://wiki.example.com/runbooks/aks",
    time_zone="Europe/Berlin",
)

REASON = (
    "Upgrade failed: (UpgradeFailed) Drain node aks-blue-31415926-vmss00002k failed when evicting pod "
    "shop/cart-7c9d8-xk2vp failed with Too Many Requests error. This is often caused by a restrictive Pod "
    "Disruption Budget (PDB) policy. See https://aka.ms/aks/debugdrainfailures. Original error: Cannot evict "
    "pod as it would violate the pod's disruption budget.. PDB debug info: shop/cart-7c9d8-xk2vp blocked by "
    "pdb cart-pdb with 0 unready pods."
)


class Story(msgspec.Struct, frozen=True):
    """A mail and the rows that it reads."""

    name: str
    mail: Mail
    rows: dict[str, Row]


def cluster(name: str = "prod-weu-1", group: str = "rg-prod") -> Cluster:
    """Give a cluster."""
    return Cluster("66667777-aaaa-8888-bbbb-9999cccc0000", group, name)


def event(status: str, time: datetime, **facts: object) -> Event:
    """Give an event; `facts` are fields of it."""
    known = {
        "event_id": "22223333-cccc-4444-dddd-5555eeee6666",
        "status": status,
        "cluster": cluster(),
        "time": time,
        "updated": time,
        "upgrade": Upgrade.NODE_OS,
        "region": "westeurope",
        "description": "Auto upgrade maintenance event.",
        "source": "AutoUpgrader",
        "details": json.dumps({"upgradeType": "NodeOSUpgrade", "channel": "NodeImage"}),
    }
    return Event(**(known | facts))  # type: ignore[arg-type]


def recorded(happened: Event, revision: int = 0) -> Recorded:
    """Give the row of an event."""
    return Recorded(keys.event(happened, revision), happened, Decision.NEW, revision)


def story(
    name: str, kind: Kind, *history: Recorded, as_of: datetime = NOW, lead: str = "", number: int = 1
) -> Story:
    """Give the mail that tells of the last of these rows."""
    member = Member(kind, history[-1].key, tuple(row.key for row in history), lead)
    mail = Mail(
        operation_id=f"00000000-0000-5000-8000-{number:012d}",
        audience=TEAM.id,
        as_of=as_of,
        members=(member,),
    )
    return Story(name, mail, {row.key: row for row in history})


def stories() -> list[Story]:
    """Give one mail of each kind, and two digests."""
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
    failed = recorded(event(Status.FAILED, datetime(2026, 11, 20, 1, 47, tzinfo=UTC), details=REASON))
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
            "recovered", Kind.COMPLETED, announced, began, failed, recovered, as_of=BEGAN + timedelta(hours=4)
        ),
        story("canceled", Kind.CANCELED, coming, canceled, as_of=NOW + timedelta(days=2)),
        story("end-of-support-two-weeks", Kind.END_OF_SUPPORT, recorded(_end_of_support("TwoWeeks", 14))),
        story("end-of-support-one-week", Kind.END_OF_SUPPORT, recorded(_end_of_support("OneWeek", 5))),
        story("end-of-support-past", Kind.END_OF_SUPPORT, recorded(_end_of_support("", -3))),
        story("news", Kind.NEWS, began, paused, as_of=BEGAN + timedelta(minutes=21)),
        _rejected(),
        _undelivered(),
        digest("digest", 1),
        digest("digest-storm", 9),
    ]
    return [
        msgspec.structs.replace(
            one, mail=msgspec.structs.replace(one.mail, operation_id=f"00000000-0000-5000-8000-{number:012d}")
        )
        for number, one in enumerate(made, 1)
    ]


def digest(name: str, times: int) -> Story:
    """Give a digest of a bit of everything, `times` over, on clusters of their own."""
    rows: dict[str, Row] = {}
    members: list[Member] = []
    for number in range(times * 9):
        kind, happened = _one_of_many(number)
        row = recorded(happened)
        rows[row.key] = row
        members.append(Member(kind, row.key, (row.key,), "24h" if kind is Kind.REMINDER else ""))
    mail = Mail(operation_id="0" * 8, audience=TEAM.id, as_of=NOW, members=tuple(members))
    return Story(name, mail, rows)


def _one_of_many(number: int) -> tuple[Kind, Event]:
    place = ("weu", "neu", "eus", "sea")[number % 4]
    facts: dict[str, object] = {
        "event_id": f"22223333-cccc-4444-dddd-{number:012d}",
        "cluster": cluster(
            f"{('prod', 'stage', 'dev')[number % 3]}-{place}-{1 + number // 4}", f"rg-{place}"
        ),
    }
    start = START + timedelta(hours=number % 5)
    earlier = NOW - timedelta(minutes=number + 1)
    choices: tuple[tuple[Kind, Event], ...] = (
        (Kind.FAILED, event(Status.FAILED, earlier, details=REASON, **facts)),
        (Kind.SCHEDULED, event(Status.SCHEDULED, earlier, start=start, **facts)),
        (Kind.COMPLETED, event(Status.COMPLETED, earlier, **facts)),
        (Kind.REMINDER, event(Status.SCHEDULED, earlier, start=NOW + timedelta(hours=24), **facts)),
        (Kind.FAILED, event(Status.FAILED, earlier, details=_QUOTA, upgrade=Upgrade.KUBERNETES, **facts)),
        (Kind.STARTED, event(Status.STARTED, earlier, **facts)),
        (Kind.COMPLETED, event(Status.COMPLETED, earlier, upgrade=Upgrade.KUBERNETES, **facts)),
        (Kind.SCHEDULED, event(Status.SCHEDULED, earlier, **facts)),
        (Kind.CANCELED, event(Status.CANCELED, earlier, **facts)),
    )
    return choices[number % len(choices)]


_QUOTA = (
    'Code="QuotaExceeded" Message="Provisioning of resource(s) for Agent Pool blue failed. Error: Operation '
    "could not be completed as it results in exceeding approved standardDSv3Family Cores quota. Additional "
    "details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 200, Current Usage: "
    '196, Additional Required: 8, (Minimum) New Limit Required: 204."'
)


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
        operation_id="0" * 8, audience="default", as_of=NOW, members=(Member(Kind.REJECTED, row.key),)
    )
    return Story("rejected", mail, {row.key: row})


def _undelivered() -> Story:
    row = SentMail(
        key=keys.sent("00000000-0000-5000-8000-00000000abcd"),
        state="failed",
        audience="shop-team",
        at=NOW,
        subject="[Reminder] Kubernetes upgrade · prod-weu-1 · starts in 24 hours",
        to=("shop-oncall@example.com",),
        why="400 BadRequest: Invalid format for email address",
        attempts=1,
        members=(Member(Kind.REMINDER, "event:22223333-cccc-4444-dddd-5555eeee6666:Scheduled"),),
    )
    mail = Mail(
        operation_id="0" * 8, audience="default", as_of=NOW, members=(Member(Kind.UNDELIVERED, row.key),)
    )
    return Story("undelivered", mail, {row.key: row})
