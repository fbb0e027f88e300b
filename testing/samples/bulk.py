"""Made-up mails about many clusters at once: a bit of everything, and a night on which much goes wrong."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from shared import keys
from shared.events.model import Event, Status, Upgrade
from shared.notices.kinds import Kind
from shared.notices.records import Mail, MailItem, RecipientReport, RejectedInput, Row, SentMail
from testing.samples.events import BEGAN, NOW, REASON, START, TEAM, Story, cluster, event, recorded


def digest(name: str, times: int) -> Story:
    """Return a digest of a bit of everything, `times` over, on clusters of their own."""
    rows: dict[str, Row] = {}
    members: list[MailItem] = []
    for number in range(times * 9):
        kind, happened = _one_of_many(number)
        row = recorded(happened)
        rows[row.key] = row
        members.append(MailItem(kind, row.key, (row.key,), "24h" if kind is Kind.REMINDER else ""))
    mail = Mail(operation_id="0" * 8, audience=TEAM.id, as_of=NOW, members=tuple(members))
    return Story(name, mail, rows)


def _one_of_many(number: int) -> tuple[Kind, Event]:
    place = ("weu", "neu", "eus", "sea")[number % 4]
    facts: dict[str, object] = {
        "event_id": f"22223333-cccc-4444-dddd-{number:012d}",
        "subject": cluster(
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

_TEAMS = (
    "checkout",
    "payments",
    "search",
    "inventory",
    "recommendations",
    "customer-identity",
    "data-platform",
)
_REGIONS = ("westeurope", "northeurope", "germanywestcentral", "eastus2", "southeastasia", "australiaeast")

_SUBNET = (
    'Code="SubnetIsFull" Message="Subnet snet-aks-nodes with address prefix 10.40.16.0/22 does not have '
    'enough capacity for 33 IP addresses."'
)
_NIGHT: tuple[tuple[Kind, Status, Upgrade, int], ...] = (
    (Kind.FAILED, Status.FAILED, Upgrade.NODE_OS, 13),
    (Kind.NOT_STARTED, Status.SCHEDULED, Upgrade.KUBERNETES, 2),
    (Kind.STILL_RUNNING, Status.STARTED, Upgrade.NODE_OS, 3),
    (Kind.STARTED, Status.STARTED, Upgrade.NODE_OS, 19),
    (Kind.REMINDER, Status.SCHEDULED, Upgrade.KUBERNETES, 5),
    (Kind.RESCHEDULED, Status.SCHEDULED, Upgrade.KUBERNETES, 2),
    (Kind.SCHEDULED, Status.SCHEDULED, Upgrade.WEEKLY_RELEASE, 14),
    (Kind.CANCELED, Status.CANCELED, Upgrade.KUBERNETES, 2),
    (Kind.COMPLETED, Status.COMPLETED, Upgrade.NODE_OS, 35),
)
"""What, and how often: with two troubles of the notifier's own, as many as one mail may tell."""


def storm(name: str) -> Story:
    """Return the digest of a bad night: 97 things on 42 clusters, many of which fail for the same reason."""
    unreached = SentMail(
        key=keys.sent("00000000-0000-5000-8000-00000000abce"),
        state="sent",
        audience="payments",
        at=NOW - timedelta(minutes=20),
        subject="[Started] Node OS upgrade · aks-payments-prod-westeurope · Fri 20 Nov 01:02 UTC",
        to=("payments-oncall@example.com",),
        reports=(RecipientReport("payments-oncall@example.com", "Bounced", "550 5.1.1 no such user"),),
    )
    raw = json.dumps({"specversion": "1.0", "type": "Contoso.Something"})
    refused = RejectedInput(keys.rejected(raw), "no data.resourceInfo.properties", raw, NOW)
    rows: dict[str, Row] = {row.key: row for row in (unreached, refused)}
    members = [MailItem(Kind.UNREACHABLE, unreached.key), MailItem(Kind.REJECTED, refused.key)]
    kinds = [(kind, status, upgrade) for kind, status, upgrade, count in _NIGHT for _ in range(count)]
    for number, (kind, status, upgrade) in enumerate(kinds):
        told = recorded(_of_the_night(number, kind, status, upgrade), int(kind is Kind.RESCHEDULED))
        began = recorded(event(Status.STARTED, _began(number), **_whose(number)))
        history = (began,) if kind in {Kind.FAILED, Kind.COMPLETED} else ()
        rows |= {row.key: row for row in (*history, told)}
        members.append(MailItem(kind, told.key, tuple(row.key for row in (*history, told))))
    mail = Mail(
        operation_id="0" * 8, audience=TEAM.id, as_of=NOW + timedelta(minutes=30), members=tuple(members)
    )
    return Story(name, mail, rows)


def _of_the_night(number: int, kind: Kind, status: Status, upgrade: Upgrade) -> Event:
    time = _began(number)
    if kind in {Kind.FAILED, Kind.COMPLETED, Kind.CANCELED}:
        time += timedelta(minutes=20 + 7 * number % 45)
    facts = _whose(number) | {"upgrade": upgrade}
    if status is Status.SCHEDULED:
        facts["start"] = START + timedelta(hours=number % 5)
    if kind is Kind.NOT_STARTED:
        facts["start"] = NOW - timedelta(hours=25 + number % 3)
    if kind is Kind.STILL_RUNNING:
        time -= timedelta(hours=12)
    if kind is Kind.FAILED:
        facts["details"] = _why(number)
    return event(status, time, **facts)


def _why(number: int) -> str:
    """Return why the number-th failed: budgets of several teams, a quota that all share, and one subnet."""
    if number < 8:
        team = _TEAMS[number % 7]
        return REASON.replace("shop", team).replace("cart", team)
    return _SUBNET if number == 8 else _QUOTA


def _began(number: int) -> datetime:
    return BEGAN + timedelta(minutes=number % 9)


def _whose(number: int) -> dict[str, object]:
    team, stage = _TEAMS[number % 7], ("prod", "stage", "dev")[number % 3]
    region = _REGIONS[number % 6]
    group = f"rg-{team}-{stage}-{region}"
    return {
        "event_id": f"22223333-cccc-4444-eeee-{number:012d}",
        "subject": cluster(f"aks-{team}-{stage}-{region}", group.upper() if number % 5 == 0 else group),
        "region": region,
    }
