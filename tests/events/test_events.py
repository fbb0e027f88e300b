"""Reading events: whatever form they come in, and whatever else comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from azure.eventgrid import SystemEventNames

from shared.events.envelope import parse
from shared.events.model import Cluster, DeliveredItem, Event, Ignored, Rejected, Status, Upgrade
from shared.events.scheduled_event import EVENT_TYPE, VM_EVENT_TYPE
from testing.hostile.material import paths
from testing.samples import payloads

FIXTURES = Path(__file__).parents[2] / "samples"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CAPTURED = "started.eventgrid.captured.json"
DOCUMENTED = ("started.cloudevent.json", "started.eventgrid.json")
OURS = (
    CAPTURED,
    *DOCUMENTED,
    "scheduled-agentpool.cloudevent.composed.json",
    "end-of-support.cloudevent.composed.json",
)
OTHERS = (
    "email-delivery-report.documented.json",
    "email-delivery-report.captured.json",
)
CLUSTER_ID = (
    "/subscriptions/66667777-aaaa-8888-bbbb-9999cccc0000/resourceGroups/comms-test"
    "/providers/Microsoft.ContainerService/managedClusters/comms-sp"
)


def fixture(name: str) -> str:
    """Return the text of a sample."""
    return (FIXTURES / name).read_text(encoding="utf-8")


def body(name: str = "started.cloudevent.json") -> dict[str, Any]:
    """Return the one event of a sample."""
    loaded = json.loads(fixture(name))
    return cast("dict[str, Any]", loaded[0] if isinstance(loaded, list) else loaded)


def properties(event: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an event that AKS fills."""
    return cast("dict[str, Any]", event["data"]["resourceInfo"]["properties"])


def read(given: str | dict[str, Any]) -> Event | Ignored | Rejected:
    """Read one event."""
    (item,) = parse(given if isinstance(given, str) else json.dumps(given), NOW)
    return item.reading


def event(given: str | dict[str, Any]) -> Event:
    """Read one event that is ours."""
    reading = read(given)
    assert isinstance(reading, Event), reading
    return reading


def with_properties(**changed: Any) -> dict[str, Any]:
    """Return the documented CloudEvent with other properties; None leaves one out."""
    made = body()
    for name, value in changed.items():
        properties(made).pop(name, None)
        if value is not None:
            properties(made)[name] = value
    return made


def at(text: str) -> datetime:
    """Read a time."""
    return datetime.fromisoformat(text)


# What is ours


def test_event_type_is_the_documented_one() -> None:
    """The type that is taken for ours is the one that Microsoft's own SDK names."""
    named = SystemEventNames.ResourceNotificationsContainerServiceEventResourcesScheduledEventName
    assert named.value == EVENT_TYPE


def test_captured_event() -> None:
    """The one captured AKS event is read in full, though it bears the event type of VM maintenance."""
    assert json.loads(fixture(CAPTURED))[0]["eventType"] == VM_EVENT_TYPE
    assert event(fixture(CAPTURED)) == Event(
        event_id="22223333-cccc-4444-dddd-5555eeee6666",
        status=Status.STARTED,
        subject=Cluster("66667777-aaaa-8888-bbbb-9999cccc0000", "comms-test", "comms-sp"),
        time=at("2024-04-16T22:17:12.103274Z"),
        envelope_id="11112222-bbbb-3333-cccc-4444dddd5555",
        upgrade=Upgrade.NODE_OS,
        updated=at("2024-04-16T22:17:12.103274Z"),
        region="westus2",
        description="ScheduledEvents",
        source="AutoUprader",
        details="Start to upgrade security vhd",
    )


@pytest.mark.parametrize("name", DOCUMENTED)
def test_both_schemas(name: str) -> None:
    """A CloudEvent and its twin in the Event Grid schema read alike."""
    read_ = event(fixture(name))
    assert read_.event_id == "bbe82027-0444-4f73-897a-0bbfe3af66f1"
    assert read_.envelope_id == "5bdb52cf-5489-4845-86c8-7fe94a4fc6c1"
    assert read_.status == Status.STARTED
    assert read_.time == at("2024-04-16T22:17:12.103274Z")
    assert read_.subject.id == CLUSTER_ID
    assert read_.row_key() == "event:bbe82027-0444-4f73-897a-0bbfe3af66f1:Started"


def test_spec_example() -> None:
    """The example of the API's specification, about a node pool, gives the pool and the planned start."""
    read_ = event(fixture("scheduled-agentpool.cloudevent.composed.json"))
    assert read_.event_id == "uuid1"
    assert read_.pools == ("agentPool1",)
    assert read_.start == at("2023-06-06T00:00:00Z")
    assert read_.updated == at("2023-06-04T00:00:00Z")
    assert read_.updates_itself
    assert not read_.details


# §1.5: variations of the envelope


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("times", [1, 3])
def test_object_or_array(name: str, times: int) -> None:
    """One event, an array of one and an array of several all come to the same events."""
    single = json.loads(fixture(name))
    single = single[0] if isinstance(single, list) else single
    expected = event(single)
    assert [item.reading for item in parse(json.dumps([single] * times), NOW)] == [expected] * times


@pytest.mark.parametrize("key", ["specversion", "specVersion", "SPECVERSION"])
def test_casing_of_specversion(key: str) -> None:
    """The documentation writes both specversion and specVersion: either makes a CloudEvent."""
    made = body()
    made[key] = made.pop("specversion")
    assert event(made) == event(body())


def test_trailing_space_in_time() -> None:
    """The documentation prints the key of the time with a trailing space: it is the time all the same."""
    made = body()
    made["time "] = made.pop("time")
    assert event(made) == event(body())


@pytest.mark.parametrize("event_type", [EVENT_TYPE, VM_EVENT_TYPE, EVENT_TYPE.lower(), VM_EVENT_TYPE.upper()])
@pytest.mark.parametrize("name", DOCUMENTED)
def test_event_types(name: str, event_type: str) -> None:
    """Both event types that AKS has been seen to send are ours, in any casing, under either schema."""
    made = body(name)
    made["type" if "type" in made else "eventType"] = event_type
    assert event(made) == event(fixture(name))


def test_keys_of_event_hub() -> None:
    """Keys that an Event Hub adds on the way change nothing."""
    made = body(CAPTURED)
    for key in ("EventProcessedUtcTime", "PartitionId", "EventEnqueuedUtcTime"):
        del made[key]
    assert event(made) == event(body(CAPTURED))


def test_unknown_keys() -> None:
    """Fields that AKS may add one day change nothing."""
    made = body()
    for part in (made, made["data"], made["data"]["resourceInfo"], properties(made)):
        part["somethingNew"] = {"deep": [1, 2, 3]}
    assert event(made) == event(body())


def test_casing_of_all_keys() -> None:
    """Field names are read in any casing."""

    def upper(value: Any) -> Any:
        return {key.upper(): upper(item) for key, item in value.items()} if isinstance(value, dict) else value

    assert event(upper(body())) == event(body())


@pytest.mark.parametrize("path", ["data", "resourceInfo", "properties"])
def test_json_in_text(path: str) -> None:
    """An object that arrives as JSON in a text is read like the object."""
    made = body()
    part = {"data": made, "resourceInfo": made["data"], "properties": made["data"]["resourceInfo"]}[path]
    part[path] = json.dumps(part[path])
    assert event(made) == event(body())


def test_byte_order_mark() -> None:
    """A byte order mark before the JSON, as editors leave it in files, changes nothing."""
    text = "\ufeff" + fixture(DOCUMENTED[0])
    (item,) = parse(text, NOW)
    assert item == DeliveredItem(text, event(body()))


def test_duplicate_keys() -> None:
    """Of a key that comes twice the last one counts, as JSON readers have it."""
    text = fixture(DOCUMENTED[0]).replace(
        '"eventStatus": "Started"', '"eventStatus": "X", "eventStatus": "Failed"'
    )
    assert event(text).status == Status.FAILED


# §1.5: variations of ids


def test_name_is_not_the_event_id() -> None:
    """Where `name` and `eventId` differ, as in the captured event, eventId counts."""
    made = body(CAPTURED)
    assert made["data"]["resourceInfo"]["name"] != properties(made)["eventId"]
    assert event(made).event_id == properties(made)["eventId"]


@pytest.mark.parametrize("absent", [None, "", "   ", {}, [], True])
def test_name_stands_in_for_the_event_id(absent: Any) -> None:
    """Where eventId is missing or no text, `name` stands in."""
    made = with_properties(eventId=absent)
    made["data"]["resourceInfo"]["name"] = "55556666-ffff-7777-aaaa-8888bbbb9999"
    assert event(made).event_id == "55556666-ffff-7777-aaaa-8888bbbb9999"


def test_long_event_ids_are_not_mixed_up() -> None:
    """An eventId too long to be one is never cut to look like another: the event is kept as unreadable."""
    assert event(with_properties(eventId="a" * 256)).event_id == "a" * 256
    assert read(with_properties(eventId="a" * 257)) == Rejected("the eventId is longer than 256 characters")


@pytest.mark.parametrize(
    "resource_id",
    [
        CLUSTER_ID,
        f"{CLUSTER_ID}/",
        f"{CLUSTER_ID}/scheduledEvents/uuid1",
        f"{CLUSTER_ID}/uuid1",
        f"{CLUSTER_ID}/agentPools/blue",
        CLUSTER_ID.lower(),
        CLUSTER_ID.upper(),
        CLUSTER_ID.replace("resourceGroups", "resourcegroups"),
        f"  {CLUSTER_ID}\n",
        f"https://management.azure.com{CLUSTER_ID}?api-version=2026-01-01".replace("?", "/?"),
    ],
)
def test_forms_of_the_resource_id(resource_id: str) -> None:
    """The cluster is found in its ID in any casing, with or without what may follow it."""
    made = with_properties(resources=[])
    made["subject"] = resource_id
    made["data"]["resourceInfo"]["id"] = ""
    assert event(made).subject.key == CLUSTER_ID.lower()


def test_spelling_of_a_cluster_is_kept() -> None:
    """A cluster is named as the event names it, and equal whatever the casing."""
    assert event(fixture(CAPTURED)).subject.resource_group == "comms-test"
    upper = Cluster("S", "RG", "Prod")
    assert upper.id == (
        "/subscriptions/S/resourceGroups/RG/providers/Microsoft.ContainerService/managedClusters/Prod"
    )
    assert upper.key == Cluster("s", "rg", "prod").key


@pytest.mark.parametrize("place", ["subject", "id", "resources"])
def test_places_of_the_resource_id(place: str) -> None:
    """The subject, the resource's id and each of `resources` will do to name the cluster."""
    made = with_properties(resources=[None, 7, "vm-1", CLUSTER_ID] if place == "resources" else None)
    if place != "subject":
        del made["subject"]
    if place != "id":
        del made["data"]["resourceInfo"]["id"]
    assert event(made).subject.id == CLUSTER_ID


def test_node_pools() -> None:
    """Each node pool among `resources` is named once, in order, spelled as sent."""
    resources = [f"{CLUSTER_ID}/agentPools/{pool}" for pool in ("blue", "Green", "blue")]
    resources += [f"{CLUSTER_ID}/agentpools/red/machines/1", CLUSTER_ID]
    assert event(with_properties(resources=resources)).pools == ("blue", "Green", "red")


def test_misspelled_source() -> None:
    """AKS misspells its own AutoUpgrader; it is quoted, and nothing depends on it."""
    assert event(with_properties(eventSource="AutoUprader")).source == "AutoUprader"
    assert event(with_properties(eventSource="AutoUpgrader")).upgrade is Upgrade.NODE_OS


OPTIONAL = (
    "description",
    "eventSource",
    "eventDetails",
    "scheduledTime",
    "startTime",
    "lastUpdateTime",
    "resources",
    "resourceType",
)


@pytest.mark.parametrize("name", OPTIONAL)
def test_each_optional_field(name: str) -> None:
    """A field that a notice can do without may be missing or null."""
    assert isinstance(read(with_properties(**{name: None})), Event)
    null = body()
    properties(null)[name] = None
    assert event(null) == event(with_properties(**{name: None}))


def test_all_optional_fields() -> None:
    """A cluster, an event id and a status are enough."""
    read_ = event(with_properties(**dict.fromkeys(OPTIONAL)))
    assert read_.subject.id == CLUSTER_ID
    assert read_.upgrade is Upgrade.UNKNOWN


# Status


@pytest.mark.parametrize("status", list(Status))
def test_statuses(status: Status) -> None:
    """Each documented status is read in any casing."""
    for spelled in (status.value, status.upper(), status.lower(), f" {status} "):
        assert event(with_properties(eventStatus=spelled)).status == status


@pytest.mark.parametrize("spelled", ["Canceled", "Cancelled", "cancelled", "CANCELLED"])
def test_both_spellings_of_canceled(spelled: str) -> None:
    """Canceled and Cancelled are one status, under one key."""
    read_ = event(with_properties(eventStatus=spelled))
    assert read_.status == Status.CANCELED
    assert read_.row_key().endswith(":Canceled")


@pytest.mark.parametrize("status", ["Paused", "RolledBack", "In progress", "état/neuf?", "42"])
def test_unknown_status(status: str) -> None:
    """A status that is new to us is an event with that status as sent, not unreadable."""
    assert event(with_properties(eventStatus=status)).status == status


# Times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-04-16T22:17:12.103268606Z", "2024-04-16T22:17:12.103268Z"),
        ("2024-04-16T22:17:12.1032748Z", "2024-04-16T22:17:12.103274Z"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("2024-04-16T22:17:12.1032748", "2024-04-16T22:17:12.103274Z"),
        ("2025-09-08T18:12:25.8924289-07:00", "2025-09-09T01:12:25.892428Z"),
        ("2025-09-23T02:50:21.2604165+00:00", "2025-09-23T02:50:21.260416Z"),
        ("2026-11-20T14:45:00+05:45", "2026-11-20T09:00:00Z"),
        ("2026-11-20t09:00:00z", "2026-11-20T09:00:00Z"),
        (" 2026-11-20 09:00:00 ", "2026-11-20T09:00:00Z"),
    ],
)
def test_forms_of_times(text: str, expected: str) -> None:
    """Times are read with any number of digits, with any zone, and without one as UTC."""
    made = body()
    made["time"] = text
    read_ = event(made)
    assert read_.time == at(expected)
    assert read_.time.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00.0000000Z",
        "0001-01-01T00:00:00+01:00",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59.9999999Z",
        "9999-12-31T23:59:59-01:00",
        "",
        "soon",
        "2026-13-45T99:99:99Z",
        "20/11/2026",
        "\u0662\u0660\u0662\u0666-11-20T09:00:00Z",
        0,
        1_797_000_000,
        float("nan"),
        True,
        None,
        [],
        {},
    ],
)
def test_times_that_are_not_set(text: Any) -> None:
    """.NET's first and last time, and whatever is no time, count as not set, without an error."""
    read_ = event(with_properties(lastUpdateTime=text, startTime=text, scheduledTime=text))
    assert read_.updated == read_.time
    assert not read_.updates_itself
    scheduled = with_properties(
        lastUpdateTime=text, startTime=text, scheduledTime=text, eventStatus="Scheduled"
    )
    assert event(scheduled).start is None


def test_time_of_the_event() -> None:
    """An event's time is its envelope's, else resourceEventTime, else lastUpdateTime, else the receipt's."""
    made = with_properties(lastUpdateTime="2026-11-03T00:00:00Z")
    made["data"]["operationalInfo"]["resourceEventTime"] = "2026-11-02T00:00:00"
    made["eventTime"] = "2026-11-01T12:00:00Z"
    made["time"] = "2026-11-01T00:00:00Z"
    assert event(made).time == at("2026-11-01T00:00:00Z")
    del made["time"]
    assert event(made).time == at("2026-11-01T12:00:00Z")
    del made["eventTime"]
    assert event(made).time == at("2026-11-02T00:00:00Z")
    del made["data"]["operationalInfo"]
    assert event(made).time == at("2026-11-03T00:00:00Z")
    del properties(made)["lastUpdateTime"]
    assert event(made).time == NOW


def test_last_update_counts() -> None:
    """When a maintenance reached its status is its lastUpdateTime, where that is set."""
    read_ = event(with_properties(lastUpdateTime="2024-04-17T01:02:03Z"))
    assert read_.updated == at("2024-04-17T01:02:03Z")
    assert read_.updates_itself


# The planned start


def planned(start: Any = None, scheduled: Any = None, details: Any = None, status: str = "Scheduled") -> Any:
    """Return the planned start of an event of NOW with these times."""
    return event(payloads.event(status, NOW, startTime=start, scheduledTime=scheduled, details=details)).start


def test_start_time_is_the_plan() -> None:
    """A startTime after the event's own time is the planned start."""
    assert planned(NOW + timedelta(days=7), NOW) == NOW + timedelta(days=7)
    assert planned(NOW + timedelta(days=7), NOW + timedelta(days=3)) == NOW + timedelta(days=7)


@pytest.mark.parametrize("start", [None, "0001-01-01T00:00:00.0000000Z", NOW, NOW - timedelta(days=1)])
def test_scheduled_time_is_the_next_best(start: Any) -> None:
    """Without such a startTime, a scheduledTime more than five minutes after the event is the plan."""
    minutes = timedelta(minutes=1)
    assert planned(start, NOW + timedelta(days=1)) == NOW + timedelta(days=1)
    assert planned(start, NOW + 5 * minutes) is None
    assert planned(start, NOW + 5 * minutes + timedelta(seconds=1)) == NOW + timedelta(seconds=301)


@pytest.mark.parametrize(
    "details",
    [
        "NodeOSUpgrade, planned for 2026-11-27T01:00:00Z",
        "was 2026-11-01T00:00:00Z, is 2026-11-27 01:00",
        {"upgradeType": "NodeOSUpgrade", "window": {"start": "2026-11-27T02:00:00.0000000+01:00"}},
        json.dumps({"start": "2026-11-27T01:00Z"}),
    ],
)
def test_details_may_name_the_start(details: Any) -> None:
    """Without either, the first time in eventDetails that lies ahead is the plan."""
    assert planned(None, NOW, details) == at("2026-11-27T01:00:00Z")


@pytest.mark.parametrize("details", [None, "NodeOSUpgrade", "2026-11-01T00:00:00Z", "2026-99-99T00:00Z", 7])
def test_start_may_be_unknown(details: Any) -> None:
    """Where nothing tells, the start is unknown, rather than guessed."""
    assert planned(None, NOW, details) is None


@pytest.mark.parametrize("status", ["Started", "Completed", "Failed", "Canceled", "Paused"])
def test_only_scheduled_has_a_start(status: str) -> None:
    """What has begun or ended has no planned start."""
    assert planned(NOW + timedelta(days=1), NOW + timedelta(days=1), status=status) is None


# The kind of maintenance


@pytest.mark.parametrize(
    ("details", "upgrade"),
    [
        ("K8sVersionUpgrade", Upgrade.KUBERNETES),
        ("KubernetesUpgrade", Upgrade.KUBERNETES),
        ("k8sversionupgrade to 1.33.2", Upgrade.KUBERNETES),
        ("NodeOSUpgrade", Upgrade.NODE_OS),
        ("Start to upgrade security vhd", Upgrade.NODE_OS),
        ("New node image", Upgrade.NODE_OS),
        ({"type": 1}, Upgrade.KUBERNETES),
        ({"type": 2, "error": {"code": "x"}}, Upgrade.NODE_OS),
        ('{"type":1,"x":0}', Upgrade.KUBERNETES),
        ('{\\"type\\": 2}', Upgrade.NODE_OS),
        ({"type": "2"}, Upgrade.NODE_OS),
        ({"type": 12}, Upgrade.UNKNOWN),
        ("Underlay migration", Upgrade.PLATFORM),
        ("Konnectivity Tunnel Switch", Upgrade.PLATFORM),
        ("AKS release v20261101", Upgrade.WEEKLY_RELEASE),
        ("something else", Upgrade.UNKNOWN),
        (None, Upgrade.UNKNOWN),
    ],
)
def test_kind_of_maintenance(details: Any, upgrade: Upgrade) -> None:
    """The kind of maintenance follows from the words and numbers that Microsoft's own queries look for."""
    assert event(with_properties(eventDetails=details)).upgrade is upgrade


def test_details_go_first() -> None:
    """What the details say about the kind outweighs the description."""
    made = with_properties(eventDetails="NodeOSUpgrade", description="K8sVersionUpgrade")
    assert event(made).upgrade is Upgrade.NODE_OS
    assert (
        event(with_properties(eventDetails=None, description="K8sVersionUpgrade")).upgrade
        is Upgrade.KUBERNETES
    )


# Details


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ("as sent,\n  to the last space \x00 ", "as sent,\n  to the last space \x00 "),
        ('{"code": "x"}', '{"code": "x"}'),
        ({"code": "x", "n": 1}, '{"code":"x","n":1}'),
        (["a", 1], '["a",1]'),
        (7, "7"),
        (False, "false"),
        (float("nan"), "NaN"),
        ("", ""),
        (None, ""),
    ],
)
def test_form_of_details(details: Any, text: str) -> None:
    """EventDetails are kept as sent where they are text, and as JSON where they are anything else."""
    made = body()
    properties(made)["eventDetails"] = details
    assert event(made).details == text


@pytest.mark.slow
def test_large_details() -> None:
    """Details of a megabyte are read in full."""
    for filling in ('"type" ', "upgrade of ", "\U0001f600"):
        details = filling * (1_000_000 // len(filling.encode()))
        assert event(with_properties(eventDetails=details)).details == details


def test_lone_surrogates() -> None:
    """Half a character, which cannot be written as UTF-8, is replaced in whatever is read out of an event."""
    made = with_properties(
        eventDetails="a\ud800b", eventId="x\udfff", description="\ud800", eventStatus="Paused\udc00"
    )
    made["subject"] += "\ud800"
    made["id"] = "\ud800"
    read_ = event(made)
    assert read_.details == "a\ufffdb"
    read_.row_key().encode()
    str(read_).encode()


def test_short_texts_stay_on_one_line() -> None:
    """Ids, names and descriptions hold no control characters, whatever was sent."""
    hostile = "a\r\nBcc: eve@example.com\x00\x7f\tb"
    made = with_properties(description=hostile, eventSource=hostile, eventStatus=hostile, eventId=hostile)
    made["subject"] = CLUSTER_ID + hostile
    read_ = event(made)
    for text in (read_.description, read_.source, read_.status, read_.event_id, read_.subject.name):
        assert text.endswith("a Bcc: eve@example.com b")


def test_texts_are_bounded() -> None:
    """However long what comes in is, what is read out of it, the details apart, stays short."""
    long = "x" * 100_000
    pools = [f"{CLUSTER_ID}/agentPools/{number}{'p' * 1_000}" for number in range(1_000)]
    made = with_properties(description=long, eventSource=long, resources=pools, eventStatus=long)
    made["id"] = long
    made["data"]["resourceInfo"]["location"] = long
    made["subject"] = f"{CLUSTER_ID}{long}"
    read_ = event(made)
    short = (read_.description, read_.source, read_.status, read_.region, read_.envelope_id, *read_.pools)
    assert max(map(len, short)) <= 256
    assert len(read_.subject.id) <= 2_100
    assert len(read_.pools) <= 100


# End of support


@pytest.mark.parametrize(
    "description",
    ["KubernetesVersionEOLTwoWeeks", "KubernetesVersionEOLOneWeek", "KubernetesVersionOutOfSupport"],
)
def test_end_of_support(description: str) -> None:
    """End-of-support notices are a kind of their own, with version, date and support, and never a start."""
    date = NOW + timedelta(days=5)
    read_ = event(payloads.end_of_support(NOW, description, date))
    assert read_.upgrade is Upgrade.END_OF_SUPPORT
    assert read_.description == description
    assert read_.start is None
    assert read_.end_of_support is not None
    assert read_.end_of_support.version == "1.32.3"
    assert read_.end_of_support.date == date
    assert read_.end_of_support.support == "Community"
    assert read_.region == "westeurope"


@pytest.mark.parametrize("form", [dict, json.dumps, lambda facts: json.dumps(facts, indent=2)])
def test_end_of_support_details_in_any_form(form: Any) -> None:
    """The facts of an end of support are read from an object, and from JSON in a text."""
    made = body("end-of-support.cloudevent.composed.json")
    properties(made)["eventDetails"] = form(properties(made)["eventDetails"])
    read_ = event(made)
    assert read_.end_of_support is not None
    assert read_.end_of_support.date == at("2026-03-01T00:00:00Z")
    assert read_.region == "eastus"


@pytest.mark.parametrize("details", [None, "soon", "{broken", [], 7, {"eolDate": "0001-01-01T00:00:00Z"}])
def test_end_of_support_without_details(details: Any) -> None:
    """Without readable details an end-of-support notice still has its date: scheduledTime."""
    made = body("end-of-support.cloudevent.composed.json")
    properties(made)["eventDetails"] = details
    read_ = event(made)
    assert read_.end_of_support is not None
    assert read_.end_of_support.date == at("2026-03-01T00:00:00Z")
    assert not read_.end_of_support.version


def test_end_of_support_by_either_mark() -> None:
    """The source or the description alone tells an end-of-support notice."""
    by_source = with_properties(eventSource="eolnotification", description="news")
    by_description = with_properties(eventSource=None, description="KubernetesVersionOutOfSupport")
    for made in (by_source, by_description):
        assert event(made).end_of_support is not None


# What is not ours


@pytest.mark.parametrize("name", OTHERS)
def test_other_event_types(name: str) -> None:
    """Events of other types are acknowledged as ignored, with the type as the reason."""
    reading = read(fixture(name))
    assert isinstance(reading, Ignored)
    made = body(name)
    assert repr(made.get("type") or made.get("eventType")) in reading.reason
    assert reading.envelope_id == made["id"]


def vm_maintenance() -> dict[str, Any]:
    """Return a VM maintenance event: the type that AKS has been seen to use, but another payload."""
    made = body(CAPTURED)
    vm = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Maintenance/scheduledEvents/1"
    made["subject"] = vm
    made["data"]["resourceInfo"] = {
        "id": vm,
        "name": "1",
        "type": "microsoft.maintenance/scheduledevents",
        "properties": {
            "EventId": "1",
            "EventStatus": "Scheduled",
            "NotBefore": "",
            "Resources": ["my_vm_001"],
        },
    }
    return made


def test_vm_maintenance() -> None:
    """Maintenance of virtual machines, whose event type AKS shares, is ignored."""
    assert read(vm_maintenance()) == Ignored(
        "maintenance of virtual machines, not of AKS", "11112222-bbbb-3333-cccc-4444dddd5555"
    )


@pytest.mark.parametrize("path", ["subject", "id", "type"])
def test_vm_maintenance_by_one_mark(path: str) -> None:
    """VM maintenance is told from AKS by the resource's type, its id or the subject, whichever is there."""
    made = vm_maintenance()
    info = made["data"]["resourceInfo"]
    for absent in {"subject", "id", "type"} - {path}:
        (made if absent == "subject" else info).pop(absent)
    assert isinstance(read(made), Ignored)


@pytest.mark.parametrize("path", ["subject", "id", "type"])
def test_captured_type_by_one_mark(path: str) -> None:
    """An AKS event under the shared type is never taken for VM maintenance as long as one mark is left."""
    made = body(CAPTURED)
    info = made["data"]["resourceInfo"]
    for absent in {"subject", "id", "type"} - {path}:
        (made if absent == "subject" else info).pop(absent)
    assert isinstance(read(made), Event)


def test_shared_type_without_a_mark() -> None:
    """An event under the shared type that does not say what it is about is kept, not ignored."""
    made = body(CAPTURED)
    del made["subject"]
    del made["data"]
    assert read(made) == Rejected("does not say whether it is about an AKS cluster or a virtual machine")


def test_validation_is_not_ours() -> None:
    """The host answers Event Grid's validation; should it ever get through, it is ignored."""
    made = {"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {}}
    assert isinstance(read(made), Ignored)


# What cannot be understood


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        (" \n", "not JSON: Expecting value: line 2 column 1 (char 2)"),
        ("{", "not JSON: "),
        ("{'id': 1}", "not JSON: "),
        ("\x00", "not JSON: "),
        ("\ufeff\ufeff{}", "not JSON: "),
        ('{"id": "' + "\x01" + '"}', "not JSON: "),
        ("[" * 100_000, "not JSON: nested too deeply"),
        ('{"a":' * 100_000, "not JSON: nested too deeply"),
        ("1" * 10_000, "not JSON: "),
        ("[]", "an empty array"),
        ("null", "an event is a JSON object, this is null"),
        ("true", "an event is a JSON object, this is a boolean"),
        ("NaN", "an event is a JSON object, this is a number"),
        ("-1e999", "an event is a JSON object, this is a number"),
        ("7", "an event is a JSON object, this is a number"),
        ('"text"', "an event is a JSON object, this is a string"),
        ("[[{}]]", "an event is a JSON object, this is an array"),
        ("{}", "no event type: neither CloudEvents 1.0 nor the Event Grid schema"),
        ('{"hello": "world"}', "no event type: neither CloudEvents 1.0 nor the Event Grid schema"),
        ('{"type": {}, "specversion": "1.0"}', "no event type: "),
        (f'{{"type": "{EVENT_TYPE}"}}', "no data.resourceInfo.properties"),
    ],
)
def test_input_that_is_no_event(text: str, reason: str) -> None:
    """What is no event is kept to the last character, with the reason."""
    (item,) = parse(text, NOW)
    assert item.raw == text
    assert isinstance(item.reading, Rejected)
    assert item.reading.reason.startswith(reason)


def _without_cluster() -> dict[str, Any]:
    made = with_properties(resources=["my_vm_001", 7, None])
    made["subject"] = "/subscriptions/s/resourceGroups/rg"
    made["data"]["resourceInfo"]["id"] = "/managedClusters//"
    return made


def _without_event_id() -> dict[str, Any]:
    made = with_properties(eventId=None)
    del made["data"]["resourceInfo"]["name"]
    return made


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            _without_cluster(),
            "names no AKS cluster: neither subject, resourceInfo.id nor resources hold its ID",
        ),
        (_without_event_id(), "no eventId"),
        (with_properties(eventStatus=None), "no eventStatus"),
        (with_properties(eventStatus=" "), "no eventStatus"),
        (with_properties(eventStatus=["Started"]), "no eventStatus"),
        (with_properties(**dict.fromkeys(properties(body()))), "no data.resourceInfo.properties"),
        ({**body(), "data": "not an object"}, "no data.resourceInfo.properties"),
        ({**body(), "data": "{broken"}, "no data.resourceInfo.properties"),
        ({**body(), "data": '{"a":' * 50_000}, "no data.resourceInfo.properties"),
        ({**body(), "data": None}, "no data.resourceInfo.properties"),
        ({**body(), "data": []}, "no data.resourceInfo.properties"),
    ],
)
def test_events_of_ours_that_say_too_little(made: dict[str, Any], reason: str) -> None:
    """An event of ours without a cluster, an event id or a status is kept whole, with what is missing."""
    text = json.dumps(made)
    assert parse(text, NOW) == [DeliveredItem(text, Rejected(reason))]


def test_array_of_good_and_bad() -> None:
    """In an array, each event is read for itself: bad ones block no good one, and lose nothing."""
    good, other = body(), body("email-delivery-report.documented.json")
    bad = {"hello": ["w\u00f6rld", 1.5, None]}
    items = parse(json.dumps([bad, good, 7, other, [], None, good]), NOW)
    assert [type(item.reading) for item in items] == [
        Rejected,
        Event,
        Rejected,
        Ignored,
        Rejected,
        Rejected,
        Event,
    ]
    assert [json.loads(item.raw) for item in items] == [bad, good, 7, other, [], None, good]


BROKEN = ('{"a":' * 20_000 + "0" + "}" * 20_000, "9" * 5_000, "nul", '"a\nb"')


@pytest.mark.parametrize("bad", BROKEN, ids=range(len(BROKEN)))
def test_array_that_is_no_json(bad: str) -> None:
    """What makes an array unreadable as a whole blocks no event beside it, and is kept by itself."""
    good = fixture(DOCUMENTED[0])
    items = parse(f"\ufeff [{bad},{good} , {bad}]\n", NOW)
    assert [type(item.reading) for item in items] == [Rejected, Event, Rejected]
    assert [item.raw for item in items] == [bad, good.strip(), bad]
    assert items[1].reading == read(good)


NO_ARRAYS = (
    *("[EVENT", "[EVENT,", '[EVENT,"]', "[EVENT,nul", "[nul,EVENT}}", "[EVENT]]", "[EVENT]nul"),
    *("{EVENT,nul}", "x[nul,EVENT]", "nul,EVENT", "[nul EVENT]", "[nul,1]"),
    *("[nul,[EVENT]]", "[[nul,EVENT],1]"),
)


@pytest.mark.parametrize("form", NO_ARRAYS)
def test_text_that_is_no_array(form: str) -> None:
    """What is no array, or one without an event of its own, stays one piece of input."""
    text = form.replace("EVENT", fixture(DOCUMENTED[0]).strip())
    (item,) = parse(text, NOW)
    assert item.raw == text
    assert isinstance(item.reading, Rejected)
    assert item.reading.reason.startswith("not JSON: ")


@pytest.mark.parametrize("name", [*OURS, *OTHERS])
def test_text_is_kept(name: str) -> None:
    """A single event keeps its text byte for byte, spaces and all."""
    text = f" {fixture(name)}\r\n"
    (item,) = parse(text, NOW)
    assert item.raw == text


@pytest.mark.parametrize("depth", range(880, 1_010, 5))
def test_deep_nesting(depth: int) -> None:
    """However deeply an event is nested, it is read or rejected, beside what else is in its array."""
    nest = "[" * depth + "]" * depth
    deep = fixture(DOCUMENTED[0]).replace('"Start to upgrade security vhd"', nest)
    for text in (deep, f"[{deep}]", f"[7,{deep}]", f'[7,{{"a":{nest}}}]'):
        items = parse(text, NOW)
        assert all(isinstance(item.reading, Event | Rejected) for item in items)


# What may be missing


@pytest.mark.parametrize("name", OURS)
def test_each_deletion(name: str) -> None:
    """An AKS event without one of its fields is told or kept."""
    for path in paths(body(name)):
        made = body(name)
        parent: Any = made
        for key in path[:-1]:
            parent = parent[key]
        del parent[path[-1]]
        reading = read(made)
        assert isinstance(reading, Event | Rejected), (path, reading)
        if path[0] in {"id", "source", "topic", "specversion", "time", "eventTime", "dataVersion"}:
            assert isinstance(reading, Event), path
