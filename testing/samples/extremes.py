"""Mails at the edge: the longest names, many pools, a huge failure, odd scripts, the autumn hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from shared.events.model import Cluster, Status, Upgrade
from shared.notices.kinds import Kind
from shared.snapshot import ClusterSnapshot, PoolFacts, Schedule, Span
from testing.samples.events import BEGAN, NOW, REASON, START, TEAM, Story, cluster, event, recorded, story
from testing.samples.failure_messages import MESSAGES

if TYPE_CHECKING:
    from shared.audience import Audience
    from shared.notices.records import StoredEvent

LONGEST = cluster(
    "aks-" + "payments-and-settlements-" * 2 + "westeur01",
    "rg-platform-engineering-kubernetes-production-westeurope-payments-settlements-01",
)
"""63 characters, the most that AKS takes, in a group of 80."""

UNKNOWN = (
    "Code: ReconcileVMSSAgentPoolFailed Message: The virtual machine scale set of the agent pool could not "
    "be "
    "brought into the state that was asked for, since an extension handler of the fleet coordinator reported "
    "an inconsistent generation counter (expected 41, found 39) for the third time within ten minutes, and "
    "the "
    "coordinator has given up on it until an engineer has looked at the placement ledger of the stamp."
)

_POOLS = tuple(f"pool{number:02}" for number in range(20))
_BUDGETS = " ".join(
    f"Drain node aks-pool{number:02}-31415926-vmss{number:06} failed when evicting pod "
    f"team{number % 5}/worker-{number}-abcde failed with Too Many Requests error. PDB debug info: "
    f"team{number % 5}/worker-{number}-abcde blocked by pdb budget-{number % 5} with 0 unready pods."
    for number in range(41)
)


def told() -> list[tuple[Story, Audience]]:
    """Return each of them, and for whom it is."""
    india = replace(TEAM, time_zone="Asia/Kolkata")
    nowhere = replace(TEAM, time_zone="UTC")
    autumn = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    announced = recorded(event(Status.SCHEDULED, autumn - timedelta(days=7), start=autumn))
    moved = recorded(
        event(Status.SCHEDULED, autumn - timedelta(days=6), start=autumn + timedelta(hours=1)), 1
    )
    coming = recorded(event(Status.SCHEDULED, NOW, start=START, upgrade=Upgrade.KUBERNETES))
    someday = recorded(event(Status.SCHEDULED, NOW, upgrade=Upgrade.KUBERNETES))
    began = recorded(event(Status.STARTED, BEGAN, upgrade=Upgrade.KUBERNETES))
    ended = recorded(event(Status.COMPLETED, BEGAN + timedelta(hours=2), upgrade=Upgrade.KUBERNETES))
    made = [
        (story("extreme-failed", Kind.FAILED, _failed(REASON)), nowhere),
        (story("extreme-unknown", Kind.FAILED, _failed(UNKNOWN)), TEAM),
        (story("extreme-large", Kind.FAILED, _failed(_BUDGETS + " " + "x" * 90_000)), TEAM),
        (story("extreme-scripts", Kind.FAILED, _failed(REASON, _ODD)), TEAM),
        (story("extreme-autumn", Kind.RESCHEDULED, announced, moved, as_of=autumn - timedelta(days=6)), TEAM),
        (_known(story("extreme-kolkata", Kind.SCHEDULED, coming)), india),
        (_known(story("extreme-shared", Kind.SCHEDULED, coming), schedule=_SHARED), TEAM),
        (_known(story("extreme-rare", Kind.SCHEDULED, someday), schedule=_RARE, window=None), TEAM),
        (_known(story("extreme-automatic", Kind.SCHEDULED, coming), sku="Automatic"), TEAM),
        (
            _known(
                story("extreme-soaking", Kind.STILL_RUNNING, began, as_of=BEGAN + timedelta(days=1)),
                window=Span(BEGAN.replace(minute=0), BEGAN.replace(minute=0) + timedelta(hours=4)),
            ),
            TEAM,
        ),
        (
            _known(
                story("extreme-set-aside", Kind.COMPLETED, began, ended, as_of=BEGAN + timedelta(hours=3))
            ),
            TEAM,
        ),
    ]
    return [
        (
            replace(one, mail=replace(one.mail, operation_id=f"00000000-0000-5000-8001-{number:012d}")),
            audience,
        )
        for number, (one, audience) in enumerate(made, 1)
    ]


def failures() -> list[Story]:
    """Return a failed mail for each entry of the catalogue, by its name, with the longest names there are."""
    texts = {"unknown": UNKNOWN, "request-refused": _REFUSED, "change-refused": _CHANGE_REFUSED}
    for message in MESSAGES:
        entry, text = message["entry"], message["text"]
        texts[entry] = max(texts.get(entry, ""), text, key=len)
    began = recorded(event(Status.STARTED, BEGAN, subject=LONGEST))
    made = (story(entry, Kind.FAILED, began, _failed(text)) for entry, text in texts.items())
    return [_known(one, subscription_name=LONGEST.name, tags=("team=payments", "env=prod")) for one in made]


_REFUSED = "Code: BadRequest Message: the property foo.bar of the agent pool cannot be changed on Sundays."
_CHANGE_REFUSED = (
    "widgetReconciler retry failed: Category: ClientError; SubCode: WidgetGone; "
    'Dependency: Microsoft.Network/widgets; OrginalError: Code="WidgetGone" Message="The widget cannot be '
    'changed while it sleeps."; AKSTeam: Networking, Retriable: false'
)
_ODD = cluster("עברית-\N{RIGHT-TO-LEFT OVERRIDE}dorp-\N{ROCKET}", "مجموعة-الإنتاج")
_NIGHT = Span(START.replace(minute=0), START.replace(minute=0) + timedelta(hours=4))
_SHARED = Schedule(
    window_id=f"/subscriptions/{LONGEST.subscription}/resourceGroups/rg-windows/providers"
    "/Microsoft.ContainerService/maintenanceWindows/weekend",
    shared_with=("prod-neu-1", "prod-sea-1"),
    shared_with_more=7,
)
_RARE = Schedule(start_date=NOW.date() - timedelta(days=300), interval=2)


def _failed(details: str, whose: Cluster = LONGEST) -> StoredEvent:
    time = datetime(2026, 11, 20, 1, 47, tzinfo=UTC)
    return recorded(event(Status.FAILED, time, details=details, subject=whose, pools=_POOLS))


def _known(
    made: Story,
    *,
    schedule: Schedule | None = None,
    window: Span | None = _NIGHT,
    sku: str = "Base",
    **more: Any,
) -> Story:
    """Return the same mail, frozen with what is known of the cluster."""
    (member,) = made.mail.members
    snapshot = ClusterSnapshot(
        read=NOW,
        version="1.32.6",
        channel="stable",
        os_channel="NodeImage",
        offset=-8 * 60,
        governed=True,
        window=window,
        next=_NIGHT,
        sku=sku,
        schedule=schedule,
        pools=(
            PoolFacts(name="blue", strategy="BlueGreen", final_soak=7 * 24 * 60),
            PoolFacts(name="system", undrainable="Cordon"),
        ),
        pools_known=True,
        **more,
    )
    return replace(made, mail=replace(made.mail, members=(replace(member, snapshot=snapshot),)))
