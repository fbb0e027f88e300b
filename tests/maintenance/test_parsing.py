"""Reading maintenance configurations: every documented form; an error that names the field for any other."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.events.model import Upgrade
from shared.maintenance import (
    AUTO_UPGRADE,
    DEFAULT,
    NODE_OS,
    Configuration,
    ConfigurationError,
    Doubt,
    governing,
    is_shared,
    linked,
    occurrences,
    parse,
    parse_shared,
)
from shared.maintenance.configuration import (
    AbsoluteMonthly,
    Daily,
    DateSpan,
    MaintenanceWindow,
    RelativeMonthly,
    Schedule,
    TimeInWeek,
    TimeSpan,
    WeekIndex,
    Weekly,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "windows"
FRIDAY = 4
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def load(name: str) -> Any:
    """Return the JSON of a sample."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def wrapped(**window: Any) -> dict[str, Any]:
    """Make a configuration as ARM returns it, but for the changes to its window."""
    whole = {
        "schedule": {"weekly": {"intervalWeeks": 2, "dayOfWeek": "Friday"}},
        "durationHours": 4,
        "utcOffset": "+05:30",
        "startDate": "2026-01-01",
        "startTime": "23:30",
        **window,
    }
    return {"name": AUTO_UPGRADE, "properties": {"maintenanceWindow": whole}}


def older(**properties: Any) -> dict[str, Any]:
    """Make a configuration of the older form."""
    return {"name": DEFAULT, "properties": properties}


def window(body: object) -> MaintenanceWindow:
    """Read a configuration of the newer form."""
    found = parse(body).window
    assert isinstance(found, MaintenanceWindow)
    return found


def test_cli_sample_is_read() -> None:
    """What `az aks maintenanceconfiguration show` prints, flat and with null for what is not set, is read."""
    found = parse(load("maintenance-configuration.cli.json"))
    assert found.name == AUTO_UPGRADE
    assert found.id.endswith(
        "/managedClusters/myAKSCluster/maintenanceConfigurations/aksManagedAutoUpgradeSchedule"
    )
    assert found.window == MaintenanceWindow(
        schedule=AbsoluteMonthly(3, 1),
        duration=timedelta(hours=4),
        start_time=time(9, 0),
        utc_offset=timedelta(hours=-8),
        start_date=date(2023, 1, 20),
        not_allowed_dates=(DateSpan(date(2023, 12, 23), date(2024, 1, 5)),),
    )


def test_arm_sample_is_read() -> None:
    """What ARM lists, wrapped in properties and in value, is read in its order."""
    node_os, auto_upgrade = map(parse, load("maintenance-configurations.rest.json")["value"])
    assert (node_os.name, auto_upgrade.name) == (NODE_OS, AUTO_UPGRADE)
    assert isinstance(node_os.window, MaintenanceWindow)
    assert node_os.window.schedule == Daily(5)
    assert node_os.window.not_allowed_dates == ()
    assert isinstance(auto_upgrade.window, MaintenanceWindow)
    assert auto_upgrade.window.schedule == AbsoluteMonthly(3, 15)
    assert len(auto_upgrade.window.not_allowed_dates) == 2


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"daily": {"intervalDays": 3}}, Daily(3)),
        ({"weekly": {"intervalWeeks": 2, "dayOfWeek": "Friday"}}, Weekly(2, FRIDAY)),
        ({"absoluteMonthly": {"intervalMonths": 3, "dayOfMonth": 1}}, AbsoluteMonthly(3, 1)),
        (
            {"relativeMonthly": {"intervalMonths": 2, "dayOfWeek": "Monday", "weekIndex": "Last"}},
            RelativeMonthly(2, WeekIndex.LAST, 0),
        ),
    ],
)
def test_every_schedule_is_read(schedule: dict[str, Any], expected: Schedule) -> None:
    """The four documented schedules are read, their null siblings passed over."""
    siblings = dict.fromkeys(("daily", "weekly", "absoluteMonthly", "relativeMonthly"))
    assert window(wrapped(schedule=schedule)).schedule == expected
    assert window(wrapped(schedule=siblings | schedule)).schedule == expected


def test_wrapped_and_flat_are_the_same() -> None:
    """The same configuration is read from both forms."""
    body = wrapped()
    flat = {"name": body["name"], **body["properties"], "timeInWeek": None, "notAllowedTime": None}
    assert parse(body) == parse(flat)


def test_older_form_is_read() -> None:
    """TimeInWeek is the union of its slots, hours of the week in UTC; notAllowedTime is in UTC as well."""
    found = parse(
        older(
            timeInWeek=[
                {"day": "Tuesday", "hourSlots": [2, 1]},
                {"day": "Wednesday", "hourSlots": [1, 6]},
                {"day": "tuesday", "hourSlots": [1, 3]},
            ],
            notAllowedTime=[{"start": "2021-05-26T03:00:00Z", "end": "2021-05-30T14:00:00.1234567+02:00"}],
        )
    )
    assert found.window == TimeInWeek((25, 26, 27, 49, 54))
    assert found.window.runs == ((25, 3), (49, 1), (54, 1))
    assert found.not_allowed_time == (
        TimeSpan(datetime(2021, 5, 26, 3, tzinfo=UTC), datetime(2021, 5, 30, 12, 0, 0, 123456, UTC)),
    )


@pytest.mark.parametrize(
    ("hours", "runs"),
    [
        ((0,), ((0, 1),)),
        ((0, 1, 167), ((167, 3),)),
        ((22, 23, 24, 25), ((22, 4),)),
        (tuple(range(168)), ((0, 168),)),
        (tuple(range(1, 168)), ((1, 167),)),
    ],
)
def test_slots_are_merged(hours: tuple[int, ...], runs: tuple[tuple[int, int], ...]) -> None:
    """Consecutive slots make one window, across midnight and across the end of the week as well."""
    assert TimeInWeek(hours).runs == runs


def test_newer_form_wins() -> None:
    """Where AKS gives both forms, the older one having been carried over, the newer one counts."""
    body = wrapped()
    body["properties"]["timeInWeek"] = [{"day": "Tuesday", "hourSlots": [1]}]
    assert parse(body) == parse(wrapped())


def test_defaults_are_the_documented_ones() -> None:
    """Without utcOffset it is UTC; startDate and notAllowedDates may be absent."""
    found = window(wrapped(utcOffset=None, startDate=None, notAllowedDates=None))
    assert (found.utc_offset, found.start_date, found.not_allowed_dates) == (timedelta(0), None, ())


@pytest.mark.parametrize(
    ("text", "minutes"), [("-08:00", -480), ("+05:30", 330), ("+00:00", 0), ("-09:30", -570)]
)
def test_offset_is_read(text: str, minutes: int) -> None:
    """UtcOffset has a sign, hours and minutes, and the sign holds for both."""
    found = parse(wrapped(utcOffset=text))
    assert found.utc_offset == timedelta(minutes=minutes)
    assert datetime(2026, 1, 1, tzinfo=found.zone).utcoffset() == timedelta(minutes=minutes)


def test_name_is_found() -> None:
    """The name may be spelled in any case, or be found at the end of the id; a body as sent has none."""
    body = wrapped()
    assert parse({**body, "name": "AKSManagedAutoUpgradeSchedule"}).name == AUTO_UPGRADE
    del body["name"]
    assert parse(body).name == ""
    assert (
        parse({**body, "id": "/subscriptions/s/managedClusters/c/maintenanceConfigurations/DEFAULT"}).name
        == DEFAULT
    )
    assert parse({**body, "name": "new"}).name == "new"


def test_history_is_read() -> None:
    """When a configuration was made and changed is known where systemData says so, and else is not."""
    history = {"createdAt": "2023-01-20T10:00:00.5Z", "lastModifiedAt": "0001-01-01T00:00:00Z"}
    found = parse({**wrapped(), "systemData": history})
    assert found.created == datetime(2023, 1, 20, 10, 0, 0, 500_000, UTC)
    assert found.changed is None
    for nothing in (None, "text", {"createdAt": 7}, {"createdAt": "soon"}):
        assert parse({**wrapped(), "systemData": nothing}).created is None


@pytest.mark.parametrize(
    ("upgrade", "name"),
    [(Upgrade.KUBERNETES, AUTO_UPGRADE), (Upgrade.NODE_OS, NODE_OS), (Upgrade.WEEKLY_RELEASE, DEFAULT)],
)
def test_each_kind_of_maintenance_has_its_configuration(upgrade: Upgrade, name: str) -> None:
    """Kubernetes upgrades, node OS upgrades and weekly releases are governed by one configuration each."""
    weekly = wrapped(schedule={"weekly": {"intervalWeeks": 1, "dayOfWeek": "Friday"}})
    all_three = [parse({**weekly, "name": one}) for one in (NODE_OS, DEFAULT, AUTO_UPGRADE)]
    found = governing(all_three, upgrade)
    assert found is not None
    assert found.name == name
    assert governing([one for one in all_three if one.name != name], upgrade) is None


def test_what_aks_does_not_heed_governs_nothing() -> None:
    """A rare default, timeInWeek under another name and a configuration without schedule govern nothing."""
    rare = parse({**wrapped(), "name": DEFAULT})
    assert governing([rare], Upgrade.WEEKLY_RELEASE) is None
    assert [window.doubts[0] for window in islice(occurrences(rare, BEGIN), 2)] == [Doubt.RARE_DEFAULT] * 2
    old = parse({**older(timeInWeek=[{"day": "Monday", "hourSlots": [1]}]), "name": NODE_OS})
    assert governing([old], Upgrade.NODE_OS) is None
    assert next(occurrences(old, BEGIN)).doubts == (Doubt.OLDER_FORM,)
    empty = parse({"name": NODE_OS, "maintenanceWindow": None, "timeInWeek": None})
    assert governing([empty], Upgrade.NODE_OS) is None
    assert list(occurrences(empty, BEGIN)) == []
    other = parse({**wrapped(), "name": "aksManagedClusterAutoUpgradeSchedule"})
    assert next(occurrences(other, BEGIN)).doubts[0] is Doubt.UNKNOWN_NAME


def test_day_without_slots_is_the_whole_day() -> None:
    """A day of the older form without hourSlots is the whole day."""
    for day in ({"day": "Monday"}, {"day": "Monday", "hourSlots": None}):
        found = next(occurrences(parse({**older(timeInWeek=[day]), "name": DEFAULT}), BEGIN))
        assert (found.start.strftime("%a %H:%M"), found.end - found.start) == ("Mon 00:00", timedelta(days=1))


SHARED: dict[str, Any] = {
    "id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.ContainerService/maintenanceWindows/week",
    "name": "weekends",
    "location": "eastus",
    "tags": {"team": "a"},
    "properties": wrapped()["properties"]["maintenanceWindow"],
}


def test_shared_window_is_read() -> None:
    """A shared window has its schedule directly under properties, or flat as az prints it."""
    flat = {**SHARED, **SHARED["properties"], "properties": None}
    for body in (SHARED, flat):
        assert is_shared(body)
        found = parse_shared(body)
        assert (found.name, found.location, found.tags) == ("weekends", "eastus", {"team": "a"})
        assert found.window == parse(wrapped()).window
    assert not is_shared(wrapped())
    with pytest.raises(ConfigurationError, match=r"properties.durationHours: "):
        parse_shared({**SHARED, "properties": {**SHARED["properties"], "durationHours": 3}})


def test_linked_configuration_has_the_schedule_of_its_shared_window() -> None:
    """The link decides; where the shared window is not known, what AKS computed into the configuration."""
    shared = parse_shared(SHARED)
    alone = parse({"name": NODE_OS, "properties": {"maintenanceWindowId": SHARED["id"].upper()}})
    assert alone.window is None
    assert linked(alone, {}) is alone
    assert governing([alone], Upgrade.NODE_OS) is alone
    assert linked(alone, {shared.key: shared}).window == shared.window
    unlinked = parse(wrapped())
    assert linked(unlinked, {shared.key: shared}) is unlinked


@pytest.mark.parametrize("upgrade", [Upgrade.PLATFORM, Upgrade.END_OF_SUPPORT, Upgrade.UNKNOWN])
def test_other_maintenance_has_none(upgrade: Upgrade) -> None:
    """No configuration governs platform work, ends of support, or what is not known."""
    assert governing([parse(wrapped())], upgrade) is None


def test_configuration_survives_storage() -> None:
    """A configuration is the same after a way through JSON."""
    bodies = [wrapped(schedule=schedule) for schedule in ({"daily": {"intervalDays": 1}}, wrapped_schedule())]
    for body in (*bodies, older(timeInWeek=[{"day": "Sunday", "hourSlots": [1]}])):
        found = parse(body)
        assert msgspec.json.decode(msgspec.json.encode(found), type=Configuration) == found


def wrapped_schedule() -> dict[str, Any]:
    """Return a schedule with a word in it."""
    return {"relativeMonthly": {"intervalMonths": 1, "weekIndex": "First", "dayOfWeek": "Monday"}}


# What is malformed

W = "properties.maintenanceWindow"


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"durationHours": None}, "durationHours", "a whole number from 4 to 24, found nothing"),
        ({"durationHours": 3}, "durationHours", "a whole number from 4 to 24, found 3"),
        ({"durationHours": 25}, "durationHours", "a whole number from 4 to 24, found 25"),
        ({"durationHours": "4"}, "durationHours", 'a whole number from 4 to 24, found "4"'),
        ({"durationHours": 4.5}, "durationHours", "a whole number from 4 to 24, found 4.5"),
        ({"durationHours": True}, "durationHours", "a whole number from 4 to 24, found true"),
        ({"startTime": None}, "startTime", "a time from 00:00 to 23:59, found nothing"),
        ({"startTime": "24:00"}, "startTime", 'a time from 00:00 to 23:59, found "24:00"'),
        ({"startTime": "1:00"}, "startTime", "a time"),
        ({"startTime": "01:00\n"}, "startTime", "a time"),
        ({"startTime": "\u0660\u0661:\u0660\u0660"}, "startTime", "a time"),
        ({"utcOffset": "Z"}, "utcOffset", "an offset from UTC such as -08:00 or +05:30"),
        ({"utcOffset": "+8:00"}, "utcOffset", "an offset"),
        ({"utcOffset": "+25:00"}, "utcOffset", "an offset"),
        ({"utcOffset": "+05:75"}, "utcOffset", "an offset"),
        ({"utcOffset": 8}, "utcOffset", "an offset"),
        ({"startDate": "2026-02-29"}, "startDate", 'a date such as 2026-11-27, found "2026-02-29"'),
        ({"startDate": "20260227"}, "startDate", "a date"),
        ({"startDate": "0000-01-01"}, "startDate", "a date"),
        ({"schedule": None}, "schedule", "an object, found nothing"),
        ({"schedule": []}, "schedule", "an object, found []"),
        ({"schedule": {}}, "schedule", "exactly one of daily, weekly, absoluteMonthly, relativeMonthly"),
        ({"schedule": {"hourly": {}}}, "schedule", "exactly one of"),
        ({"schedule": {"daily": {}, "weekly": {}}}, "schedule", "exactly one of"),
        ({"schedule": {"daily": {}}}, "schedule.daily.intervalDays", "a whole number from 1 to 7"),
        ({"schedule": {"daily": {"intervalDays": 8}}}, "schedule.daily.intervalDays", "from 1 to 7, found 8"),
        ({"schedule": {"daily": 1}}, "schedule.daily", "an object, found 1"),
        (
            {"schedule": {"weekly": {"intervalWeeks": 5, "dayOfWeek": "Monday"}}},
            "schedule.weekly.intervalWeeks",
            "from 1 to 4",
        ),
        (
            {"schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Mon"}}},
            "schedule.weekly.dayOfWeek",
            'Friday, Saturday, Sunday, found "Mon"',
        ),
        (
            {"schedule": {"absoluteMonthly": {"intervalMonths": 7, "dayOfMonth": 1}}},
            "schedule.absoluteMonthly.intervalMonths",
            "from 1 to 6",
        ),
        (
            {"schedule": {"absoluteMonthly": {"intervalMonths": 1, "dayOfMonth": 32}}},
            "schedule.absoluteMonthly.dayOfMonth",
            "from 1 to 31",
        ),
        (
            {
                "schedule": {
                    "relativeMonthly": {"intervalMonths": 1, "dayOfWeek": "Monday", "weekIndex": "Fifth"}
                }
            },
            "schedule.relativeMonthly.weekIndex",
            "one of First, Second, Third, Fourth, Last",
        ),
        (
            {"schedule": {"relativeMonthly": {"intervalMonths": 1, "weekIndex": "First"}}},
            "schedule.relativeMonthly.dayOfWeek",
            "one of Monday",
        ),
        ({"notAllowedDates": {}}, "notAllowedDates", "an array"),
        ({"notAllowedDates": [None]}, "notAllowedDates[0]", "an object"),
        ({"notAllowedDates": [{"start": "2026-01-01"}]}, "notAllowedDates[0].end", "a date such as"),
        (
            {"notAllowedDates": [{"start": "2026-01-02", "end": "2026-01-01"}]},
            "notAllowedDates[0].end",
            "a date not before its start, 2026-01-02",
        ),
    ],
)
def test_malformed_window_names_the_field(changes: dict[str, Any], field: str, expected: str) -> None:
    """A malformed window is an error that names the field by its path, and says what was expected there."""
    with pytest.raises(ConfigurationError) as caught:
        parse(wrapped(**changes))
    assert caught.value.field == f"{W}.{field}"
    assert str(caught.value).startswith(f"{W}.{field}: expected ")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "configuration"),
        ([], "configuration"),
        ("text", "configuration"),
        ({"name": 7, **older(timeInWeek=[])}, "properties.timeInWeek"),
        ({**wrapped(), "name": 7}, "name"),
        ({**wrapped(), "name": "half a character: \ud83d"}, "name"),
        ({**wrapped(), "id": "/\udc00"}, "id"),
        ({**wrapped(), "id": []}, "id"),
        ({"properties": []}, "properties"),
        ({**wrapped(), "name": "two\r\nlines"}, "name"),
        ({"properties": {"maintenanceWindow": "daily"}}, W),
        (older(timeInWeek={}), "properties.timeInWeek"),
        (older(timeInWeek=[]), "properties.timeInWeek"),
        (older(timeInWeek="Monday"), "properties.timeInWeek"),
        (older(timeInWeek=[7]), "properties.timeInWeek[0]"),
        (older(timeInWeek=[{"hourSlots": [1]}]), "properties.timeInWeek[0].day"),
        (older(timeInWeek=[{"day": "Monday", "hourSlots": []}]), "properties.timeInWeek"),
        (older(timeInWeek=[{"day": "Monday", "hour_slots": [1]}]), "properties.timeInWeek[0].hourSlots"),
        (older(timeInWeek=[{"day": "Monday", "hourSlots": 1}]), "properties.timeInWeek[0].hourSlots"),
        (older(timeInWeek=[{"day": "Monday", "hourSlots": [24]}]), "properties.timeInWeek[0].hourSlots[0]"),
        (
            older(timeInWeek=[{"day": "Monday", "hourSlots": [1]}], notAllowedTime=[{"start": "soon"}]),
            "properties.notAllowedTime[0].start",
        ),
        (
            older(
                timeInWeek=[{"day": "Monday", "hourSlots": [1]}],
                notAllowedTime=[{"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}],
            ),
            "properties.notAllowedTime[0].end",
        ),
    ],
)
def test_malformed_configuration_names_the_field(body: object, field: str) -> None:
    """Whatever else is wrong with a configuration is named by its path, too; the error is a ValueError."""
    with pytest.raises(ValueError, match=r"expected .*, found ") as caught:
        parse(body)
    assert isinstance(caught.value, ConfigurationError)
    assert caught.value.field == field
