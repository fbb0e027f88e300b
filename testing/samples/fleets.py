"""A made-up fleet: its gates as events, and one mail for each kind that tells of its runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.events import auto_upgrade, run_news, run_waits, update_run
from shared.events.envelope import parse
from shared.events.model import Cluster, Event, Fleet
from shared.events.run_news import KnownRun
from shared.notices.kinds import Kind
from testing.samples.events import recorded, story
from testing.samples.payloads import SUBSCRIPTION, guid

if TYPE_CHECKING:
    from testing.samples.events import Story

FLEET = Fleet(SUBSCRIPTION, "rg-fleet", "contoso-fleet-01")
RUN = "k8s-1-33"
WAITS = datetime(2026, 11, 20, 6, 20, tzinfo=UTC)


def gate(
    state: str,
    time: datetime,
    *,
    what: str = "Updated",
    name: str = "before prod",
    type_: str = "Microsoft.ResourceNotifications.AksResources.FleetGate",
    envelope: str = "",
    run: str = RUN,
    place: dict[str, str] | None = None,
    **properties: Any,
) -> str:
    """Write an event of a gate in the CloudEvents schema; `place` is where it stands in the run."""
    gate_id = f"{FLEET.id}/gates/{guid(name)}"
    body = {
        "id": envelope or guid(f"{name} {state} {what} {time.isoformat()}"),
        "source": f"/subscriptions/{SUBSCRIPTION}",
        "subject": gate_id,
        "type": f"{type_}{what}",
        "time": time.isoformat(),
        "specversion": "1.0",
        "data": {
            "resourceInfo": {
                "id": gate_id,
                "name": guid(name),
                "type": "Microsoft.ContainerService/fleets/gates",
                "properties": {
                    "displayName": "Check with the sales team",
                    "gateType": "Approval",
                    "provisioningState": "Succeeded",
                    "state": state,
                    "target": {
                        "id": f"{FLEET.id}/updateRuns/{run}",
                        "updateRunProperties": {
                            "name": run,
                            **(place or {"stage": "prod", "timing": "Before"}),
                        },
                    },
                    **properties,
                },
            },
            "operationalInfo": {"resourceEventTime": time.isoformat()},
            "apiVersion": "2026-06-01",
        },
    }
    return json.dumps(body)


def read(text: str, now: datetime = WAITS) -> Event:
    """Return the event that a text holds, read at this time."""
    (item,) = parse(text, now)
    assert isinstance(item.reading, Event)
    return item.reading


def gate_stories() -> list[Story]:
    """Return the mails about gates: each way in which one waits, and each way in which it no longer does."""
    waits = recorded(read(gate("Pending", WAITS, what="Created")))
    reached = WAITS + timedelta(hours=2)
    comes = recorded(read(gate("Pending", reached, what="Created")))
    before = map(recorded, run_news.news(KnownRun(), update_run.read(course()[2]), reached))
    later = WAITS + timedelta(hours=3, minutes=12)
    group = {"stage": "prod", "group": "canary", "timing": "After"}
    after = recorded(read(gate("Pending", WAITS, name="after canary", place=group)))
    timed = recorded(
        read(
            gate(
                "Pending",
                WAITS,
                name="timed",
                displayName="wait until Wednesday 2am",
                gateType="ScheduledStart",
                absoluteStartTime="2026-12-02T02:00:00Z",
            )
        )
    )
    made = [
        story("gate", Kind.GATE, *before, comes, as_of=reached + timedelta(minutes=1)),
        story("gate-after-group", Kind.GATE, after, as_of=WAITS + timedelta(minutes=1)),
        story("gate-reminder", Kind.GATE, waits, as_of=WAITS + timedelta(hours=12), lead="2"),
        story("gate-of-another-type", Kind.GATE, timed, as_of=WAITS + timedelta(minutes=1)),
        story("gate-news", Kind.NEWS, waits, recorded(read(gate("Paused", later)))),
    ]
    for name, state, what in (
        ("gate-closed", "Completed", "Updated"),
        ("gate-skipped", "Skipped", "Updated"),
        ("gate-gone", "Pending", "Deleted"),
    ):
        ended = recorded(read(gate(state, later, what=what)))
        made.append(story(name, Kind.GATE_CLOSED, waits, ended, as_of=later + timedelta(minutes=1)))
    return made


# Update runs, as Resource Graph shows them


def status(
    state: str, start: datetime | None = None, end: datetime | None = None, code: str = "", message: str = ""
) -> dict[str, Any]:
    """Return a status as the service writes one."""
    made: dict[str, Any] = {"state": state}
    if start:
        made["startTime"] = start.isoformat()
    if end:
        made["completedTime"] = end.isoformat()
    if code or message:
        made["error"] = {"code": code, "message": message}
    return made


def run_row(
    state: dict[str, Any],
    stages: dict[str, dict[str, Any]],
    *,
    name: str = RUN,
    version: str = "1.33.2",
) -> dict[str, Any]:
    """Return a row of an update run; a stage is its `status`, its `members`, and its `gates` by title."""
    return {
        "id": f"{FLEET.id.lower()}/updateruns/{name}",
        "name": name,
        "type": "microsoft.containerservice/fleets/updateruns",
        "subscriptionId": SUBSCRIPTION,
        "properties": {
            "provisioningState": "Succeeded",
            "managedClusterUpdate": {"upgrade": {"type": "Full", "kubernetesVersion": version}},
            "status": {
                "status": state,
                "stages": [
                    {
                        "name": stage,
                        "status": given["status"],
                        "beforeGates": [
                            {
                                "displayName": title,
                                "gateId": f"{FLEET.id}/gates/{guid(title)}",
                                "status": of_gate,
                            }
                            for title, of_gate in given.get("gates", {}).items()
                        ],
                        "groups": [
                            {
                                "name": "all",
                                "status": given["status"],
                                "members": [
                                    {
                                        "name": member,
                                        "clusterResourceId": Cluster(SUBSCRIPTION, "rg-prod", member).id,
                                        "status": of_member,
                                        "message": of_member.get("error", {}).get("message", ""),
                                    }
                                    for member, of_member in given["members"].items()
                                ],
                            }
                        ],
                    }
                    for stage, given in stages.items()
                ],
            },
        },
    }


def profile_row(status_: str, at: datetime, message: str = "") -> dict[str, Any]:
    """Return a row of an auto-upgrade profile."""
    return {
        "id": f"{FLEET.id}/autoUpgradeProfiles/stable",
        "type": "microsoft.containerservice/fleets/autoupgradeprofiles",
        "properties": {
            "channel": "Stable",
            "autoUpgradeProfileStatus": {
                "lastTriggeredAt": at.isoformat(),
                "lastTriggerStatus": status_,
                "lastTriggerError": {"code": "BadRequest", "message": message},
                "lastTriggerUpgradeVersions": ["1.33.2"],
            },
        },
    }


BLOCKED = (
    "Drain of node aks-pool-vmss000001 did not complete within 30 minutes: Cannot evict pod as it would "
    "violate the pod's disruption budget."
)
NOT_THERE = 'target upgrade node image version "AKSAzureLinux-V2gen2-202502.26.0" is not available in region'


def course(end: str = "Failed") -> list[dict[str, Any]]:
    """Return an update run at moments that follow each other: two stages, a gate, and a member that fails.

    It ends as `end` says; between its polls an hour passes, from WAITS on.
    """
    at = [WAITS + timedelta(hours=hour) for hour in range(8)]
    done = status("Completed", at[1], at[2])
    later = {"blue": status("NotStarted"), "green": status("NotStarted")}

    def moment(
        state: dict[str, Any],
        canary: dict[str, Any],
        prod: dict[str, Any],
        members: dict[str, Any],
        gate_: dict[str, Any],
    ) -> dict[str, Any]:
        first = {"status": canary, "members": {"dev-1": canary, "dev-2": canary}}
        second = {"status": prod, "members": members, "gates": {"before prod": gate_}}
        return run_row(state, {"canary": first, "prod": second})

    not_yet, running = status("NotStarted"), status("Running", at[1])
    opened = status("Completed", at[2], at[3])
    failed = status("Failed", at[3], at[5], "UpgradeFailed", BLOCKED)
    waits = status("Pending", at[3], None, "NodeImageVersionNotAvailable", NOT_THERE)
    prod = status("Running", at[3])
    ended = status(end, at[3], at[7])
    return [
        moment(status("NotStarted"), not_yet, not_yet, later, not_yet),
        moment(running, running, not_yet, later, not_yet),
        moment(status("Pending", at[1]), done, not_yet, later, status("Pending", at[2])),
        moment(running, done, prod, {**later, "blue": prod}, opened),
        moment(running, done, prod, {"blue": prod, "green": waits}, opened),
        moment(status("Stopping", at[1]), done, prod, {"blue": failed, "green": prod}, opened),
        moment(
            status(end, at[1], at[7]),
            done,
            ended,
            {"blue": failed, "green": status("Completed", at[3], at[6])},
            opened,
        ),
    ]


def run_stories() -> list[Story]:
    """Return the mails about update runs, one for each kind and one for each way in which a run ends."""
    moments = course()
    known, rows, made = KnownRun(), [], []
    for hour, row in enumerate(moments):
        now = WAITS + timedelta(hours=hour, minutes=2)
        read_ = update_run.read(row)
        found = run_news.news(known, read_, now)
        known = run_news.polled(known, read_).with_told(found)
        for event in found:
            rows.append(recorded(event))
            if not event.run or not event.run.gate:
                made.append(story(event.news, Kind(event.news), *rows, as_of=now))
    for name, end in (("run-completed-with-failures", "Completed"), ("run-stopped", "Stopped")):
        run = update_run.read(course(end)[-1])
        event = run_news.news(known, run, WAITS + timedelta(hours=8))[-1]
        made.append(
            story(name, Kind(event.news), *rows[:-1], recorded(event), as_of=WAITS + timedelta(hours=8))
        )
    whole = status("Completed", WAITS, WAITS + timedelta(hours=2))
    fine = run_row(whole, {"canary": {"status": whole, "members": {"dev-1": whole}}}, name="node-image-46")
    event = run_news.news(KnownRun(), update_run.read(fine), WAITS + timedelta(hours=3))[-1]
    made.append(story("run-completed", Kind.RUN_COMPLETED, recorded(event), as_of=WAITS + timedelta(hours=3)))
    late = WAITS + timedelta(hours=29)
    waiting = run_waits.stuck(update_run.read(moments[2]), (), (), late)
    profile = auto_upgrade.read(profile_row("Failed", WAITS, "No member is in the update strategy."), late)
    assert waiting
    assert profile
    made.append(story("run-stuck", Kind.RUN_STUCK, *rows[:1], recorded(waiting), as_of=late))
    made.append(story("auto-upgrade-failed", Kind.AUTO_UPGRADE_FAILED, recorded(profile), as_of=late))
    return made
