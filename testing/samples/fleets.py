"""A made-up fleet: its gates as events, and one mail for each kind that tells of its runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.events.envelope import parse
from shared.events.model import Event, Fleet
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


def read(text: str) -> Event:
    """Return the event that a text holds."""
    (item,) = parse(text, WAITS)
    assert isinstance(item.reading, Event)
    return item.reading


def gate_stories() -> list[Story]:
    """Return the mails about gates: each way in which one waits, and each way in which it no longer does."""
    waits = recorded(read(gate("Pending", WAITS, what="Created")))
    later = WAITS + timedelta(hours=3, minutes=12)
    earlier = recorded(
        read(gate("Completed", WAITS - timedelta(hours=5), name="before staging", place={"stage": "staging"}))
    )
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
        story("gate", Kind.GATE, earlier, waits, as_of=WAITS + timedelta(minutes=1)),
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
