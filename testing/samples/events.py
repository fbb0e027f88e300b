"""What made-up mails are made of: one maintenance of one cluster, and a team that hears of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec

from shared.audience import Audience
from shared.events.model import Cluster, Event, Upgrade
from shared.notices.kinds import Decision, Kind
from shared.notices.records import Mail, MailItem, Row, StoredEvent

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
    """Return a cluster."""
    return Cluster("66667777-aaaa-8888-bbbb-9999cccc0000", group, name)


def event(status: str, time: datetime, **facts: object) -> Event:
    """Return an event; `facts` are fields of it."""
    known = {
        "event_id": "22223333-cccc-4444-dddd-5555eeee6666",
        "status": status,
        "subject": cluster(),
        "time": time,
        "updated": time,
        "upgrade": Upgrade.NODE_OS,
        "region": "westeurope",
        "description": "Auto upgrade maintenance event.",
        "source": "AutoUpgrader",
        "details": json.dumps({"upgradeType": "NodeOSUpgrade", "channel": "NodeImage"}),
    }
    return Event(**(known | facts))  # type: ignore[arg-type]


def recorded(happened: Event, revision: int = 0) -> StoredEvent:
    """Return the row of an event."""
    return StoredEvent(happened.row_key(revision), happened, Decision.NEW, revision)


def story(
    name: str, kind: Kind, *history: StoredEvent, as_of: datetime = NOW, lead: str = "", number: int = 1
) -> Story:
    """Return the mail that tells of the last of these rows."""
    member = MailItem(kind, history[-1].key, tuple(row.key for row in history), lead)
    mail = Mail(
        operation_id=f"00000000-0000-5000-8000-{number:012d}",
        audience=TEAM.id,
        as_of=as_of,
        members=(member,),
    )
    return Story(name, mail, {row.key: row for row in history})
