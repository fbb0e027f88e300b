"""Gates of fleets: what their events say, however they are written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.events.envelope import parse
from shared.events.model import Event, Fleet, Ignored, Rejected
from shared.events.run import Gate, RunStatus
from testing.samples.fleets import FLEET, WAITS, gate, read

SAMPLES = Path(__file__).parents[2] / "samples"


def sample(name: str) -> Event:
    """Return the event of a documented sample."""
    return read((SAMPLES / f"fleet-gate-{name}.json").read_text("utf-8"))


def test_documented_samples() -> None:
    """Both schemas tell the fleet, the run, its stage or group, the gate, and the time with its offset."""
    created, updated = sample("created.eventgrid"), sample("updated.cloudevent")
    assert created.run is not None
    assert updated.run is not None
    assert created.status == RunStatus.GATE_PENDING
    assert created.subject == Fleet(
        "66667777-aaaa-8888-bbbb-9999cccc0000", "sw-ms-demo-01", "flt-mgr-approvals-01"
    )
    assert (created.run.name, created.run.stage, created.run.group) == ("test-01", "west-eu-development", "")
    assert created.run.gate == Gate(
        "1eb18051-fff5-4c09-a15f-9eebd2e3b906", "Check with sales team", "Approval", "Before"
    )
    assert (updated.status, updated.run.group) == (RunStatus.GATE_COMPLETED, "group-1")
    assert updated.updated == datetime(2025, 9, 9, 1, 12, 25, 892428, UTC)


def test_deleted_is_gone_whatever_state_it_bears() -> None:
    """The type of the event tells that the run is gone, while its state is still Pending."""
    gone, created = sample("deleted.eventgrid.composed"), sample("created.eventgrid")
    assert gone.status == RunStatus.GATE_DELETED
    assert gone.event_id == created.event_id


@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase])
def test_case_does_not_matter(change: Any) -> None:
    """Type, resource IDs and state in any case are the same gate in the same state."""
    usual = read(gate("Pending", WAITS, what="Created"))
    body = json.loads(gate("Pending", WAITS, what="Created"))
    body["type"], body["subject"] = change(body["type"]), change(body["subject"])
    info = body["data"]["resourceInfo"]
    info["id"] = change(info["id"])
    info["properties"]["state"] = change(info["properties"]["state"])
    info["properties"]["target"]["id"] = change(info["properties"]["target"]["id"])
    other = read(json.dumps(body))
    assert other.row_key() == usual.row_key()


@pytest.mark.parametrize(
    ("way", "value", "reason"),
    [
        (("id", "subject"), "/subscriptions/x", "names no gate"),
        (("id", "subject", "target"), "", "names no fleet"),
        (("state",), "", "no state"),
        (("properties",), None, "no state"),
    ],
)
def test_what_cannot_be_known_is_rejected(way: tuple[str, ...], value: object, reason: str) -> None:
    """Without a fleet, a gate or a state there is nothing to tell; the reason says which."""
    body = json.loads(gate("Pending", WAITS))
    info = body["data"]["resourceInfo"]
    for name in way:
        where = {"subject": body, "id": info, "properties": info}.get(name, info["properties"])
        where[name] = value
    if "id" in way:
        info["name"] = ""
    (item,) = parse(json.dumps(body), WAITS)
    assert isinstance(item.reading, Rejected)
    assert reason in item.reading.reason


def test_details_are_spelled_as_they_were_sent() -> None:
    """Names are read in any case, and shown to people as their sender spells them."""
    body = json.loads(gate("Pending", WAITS))
    properties = body["data"]["resourceInfo"]["properties"]
    body["data"]["resourceInfo"]["properties"] = odd = {
        key.swapcase(): one for key, one in properties.items()
    }
    assert json.loads(read(json.dumps(body)).details) == odd
    assert json.loads(read(gate("Pending", WAITS)).details) == properties


def test_created_without_a_state_is_pending() -> None:
    """Created is raised when the run reaches the gate: it waits, even where the state is left out."""
    body = json.loads(gate("", WAITS, what="Created"))
    assert read(json.dumps(body)).status == RunStatus.GATE_PENDING


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"absoluteStartTime": "2026-12-02T02:00:00Z"}, datetime(2026, 12, 2, 2, tzinfo=UTC)),
        (
            {"scheduledStart": {"startTime": "2026-12-02T03:00:00+01:00"}},
            datetime(2026, 12, 2, 2, tzinfo=UTC),
        ),
        ({"opensAt": "2026-12-02T02:00:00Z"}, datetime(2026, 12, 2, 2, tzinfo=UTC)),
        ({"madeAt": "2026-11-02T02:00:00Z"}, None),
        ({"startConfiguration": ("Friday", "07:00", "+00:00")}, datetime(2026, 11, 20, 7, tzinfo=UTC)),
        ({"startConfiguration": ("Friday", "06:20", "+00:00")}, datetime(2026, 11, 27, 6, 20, tzinfo=UTC)),
        ({"startConfiguration": ("thursday", "23:00", "-08:00")}, datetime(2026, 11, 20, 7, tzinfo=UTC)),
        ({"startConfiguration": ("Saturday", "02:00", "+14:00")}, datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ({"startConfiguration": ("Someday", "02:00", "")}, None),
        ({"startConfiguration": ("Friday", "25:00", "")}, None),
        ({}, None),
    ],
)
def test_start_of_a_timed_gate(fields: dict[str, Any], start: datetime | None) -> None:
    """A gate opens at the time that it says, or at the next that its configuration names."""
    keys = ("startDay", "startTime", "utcOffset")
    given: dict[str, Any] = {
        name: dict(zip(keys, value, strict=True)) if name == "startConfiguration" else value
        for name, value in fields.items()
    }
    assert read(gate("Pending", WAITS, gateType="ScheduledStart", **given)).start == start


def test_other_events_of_the_topic_are_ignored() -> None:
    """An event of a type that is new in the topic is acknowledged, and not handled."""
    (item,) = parse(gate("Pending", WAITS, what="Frozen"), WAITS)
    assert isinstance(item.reading, Ignored)


def test_each_gate_and_state_has_a_row_of_its_own() -> None:
    """All of a run share one history; no gate is taken for another, nor one state for another."""
    events = [
        read(gate(state, WAITS, name=name)) for name in ("one", "two") for state in ("Pending", "Completed")
    ]
    assert {event.event_id for event in events} == {f"{FLEET.key}/updateruns/k8s-1-33"}
    assert len({event.row_key() for event in events}) == 4
