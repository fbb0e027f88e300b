"""The linter: what AKS advises about planned maintenance, each rule with what breaks it and what does not."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from ops.linting import RULES, commands, joining, lint, parsing, reading, report, window_json
from ops.linting.rule import LintFinding, Severity
from shared.events.model import Cluster
from shared.maintenance import AUTO_UPGRADE, DEFAULT, NODE_OS, occurrences, parse
from shared.maintenance.configuration import MaintenanceWindow
from shared.routes.freezes import Freeze
from testing import az

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.slow

FIXTURES = Path(__file__).parents[1] / "fixtures" / "windows"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
IDS = [rule.id for rule in RULES]
FREEZES = (Freeze("Year end", datetime(2026, 12, 20, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC)),)
CLUSTER = Cluster("66667777-aaaa-8888-bbbb-9999cccc0000", "rg-prod", "prod-a").id


def load(name: str) -> Any:
    """Return the JSON of a fixture."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def findings(body: object, now: datetime = NOW, freezes: Sequence[Freeze] = ()) -> list[LintFinding]:
    """Lint decoded JSON."""
    return lint(reading.read(body), now, freezes=freezes)


def of(rule: str, body: object) -> list[LintFinding]:
    """Return what one rule finds."""
    freezes = FREEZES if rule == "freeze-not-kept" else ()
    return [found for found in findings(body, freezes=freezes) if found.rule == rule]


def window(**changes: Any) -> dict[str, Any]:
    """Make a window that breaks no rule, but for the changes."""
    return {
        "schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}},
        "durationHours": 8,
        "utcOffset": "+00:00",
        "startTime": "01:00",
        **changes,
    }


def configuration(name: str = AUTO_UPGRADE, cluster: str = CLUSTER, **changes: Any) -> dict[str, Any]:
    """Make a configuration that breaks no rule, but for the changes to its window."""
    id_ = f"{cluster}/maintenanceConfigurations/{name}"
    return {"id": id_, "name": name, "maintenanceWindow": window(**changes)}


@pytest.mark.parametrize("rule", IDS)
def test_rule_fires_on_what_breaks_it(rule: str) -> None:
    """Each rule has a fixture that breaks it, and finds that."""
    assert of(rule, load(f"lint/{rule}.fails.json"))


@pytest.mark.parametrize("rule", IDS)
def test_rule_is_silent_otherwise(rule: str) -> None:
    """Each rule has a fixture that keeps it, and finds nothing there."""
    assert of(rule, load(f"lint/{rule}.passes.json")) == []


def test_every_fixture_has_its_rule() -> None:
    """No fixture is left over from a rule that is gone."""
    names = {path.name.split(".")[0] for path in (FIXTURES / "lint").iterdir()}
    assert names == set(IDS)
    assert len(IDS) == len(set(IDS))


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_rule_says_why_and_where(rule: Any) -> None:
    """Each rule says why it matters, and links to where that is written."""
    assert rule.why.endswith((".", ")"))
    assert rule.source.startswith(("https://learn.microsoft.com/azure/aks/", "https://github.com/"))


@pytest.mark.parametrize("rule", IDS)
def test_finding_is_mended_by_a_command(rule: str) -> None:
    """Each finding comes with an az command in which the names are filled in and nothing is left to guess."""
    for found in of(rule, load(f"lint/{rule}.fails.json")):
        words = shlex.split(found.fix)
        assert words[0] == "az"
        assert "$" not in found.fix
        assert "66667777-aaaa-8888-bbbb-9999cccc0000" in found.fix
        assert "rg-prod" in found.fix
        assert found.cluster in found.fix


MENDABLE = [rule for rule in IDS if rule != "changed-too-late"]
"""All but the one about a moment that has passed."""


def place(found: LintFinding) -> tuple[str, str, str]:
    """Return what makes a finding the same finding."""
    return found.rule, found.cluster, found.part


def worse(before: list[LintFinding], after: list[LintFinding], than: Severity) -> list[LintFinding]:
    """Return what is new after a fix, and worse than what it was for."""
    known = {place(found) for found in before}
    ranks = list(Severity)
    return [
        found
        for found in after
        if place(found) not in known and ranks.index(found.severity) < ranks.index(than)
    ]


@pytest.mark.parametrize("freezes", [(), FREEZES], ids=["", "with-a-freeze"])
@pytest.mark.parametrize("rule", MENDABLE)
def test_fix_mends_and_makes_nothing_worse(rule: str, freezes: Sequence[Freeze]) -> None:
    """After its fix a finding is gone, and no new one of a higher severity is there."""
    body = load(f"lint/{rule}.fails.json")
    before = findings(body, freezes=freezes)
    for found in before:
        if found.rule == rule:
            after = findings(az.apply(found.fix, body), freezes=freezes)
            assert place(found) not in {place(other) for other in after}, found.fix
            assert worse(before, after, found.severity) == [], found.fix


def asked_for(command: str) -> dict[str, Any]:
    """Read a command as az does; returns the configuration it sets."""
    words = shlex.split(command)
    options = az.options(words)
    if words[1] == "rest":
        assert options["method"] == "put"
        name = re.search(r"/maintenanceConfigurations/(\w+)\?api-version=", options["url"])
        assert name
        return {"name": name[1], **json.loads(options["body"])}
    assert words[1:3] == ["aks", "maintenanceconfiguration"]
    return {"name": options["name"], "maintenanceWindow": az.window(options)}


# The commands


def test_offset_is_not_taken_for_an_option() -> None:
    """A negative offset is joined to its option, because az would take -08:00 for another option."""
    (found,) = of("short-window", configuration(utcOffset="-08:00", durationHours=3))
    assert " --utc-offset=-08:00 " in found.fix


def test_command_keeps_the_blackouts() -> None:
    """Blackouts, which options cannot say, are kept by putting the whole body; not those that are over."""
    dates = [{"start": "2025-12-20", "end": "2026-01-05"}, {"start": "2026-12-20", "end": "2027-01-05"}]
    (found,) = of("short-window", configuration(notAllowedDates=dates, durationHours=3))
    assert found.fix.startswith("az rest --method put --url ")
    assert asked_for(found.fix)["properties"]["maintenanceWindow"]["notAllowedDates"] == dates[1:]


def test_command_keeps_the_rhythm() -> None:
    """A startDate in the past, which AKS refuses, gives way to the day of the next window of its rhythm."""
    schedule = {"absoluteMonthly": {"intervalMonths": 3, "dayOfMonth": 1}}
    body = configuration(schedule=schedule, startDate="2023-01-20", durationHours=4)
    (listed,) = reading.read(body).clusters
    found = parse(body).window
    assert isinstance(found, MaintenanceWindow)
    command = commands.put(listed, AUTO_UPGRADE, found, NOW)
    assert asked_for(command)["maintenanceWindow"]["startDate"] == "2027-01-01"


def test_names_cannot_break_out_of_a_command() -> None:
    """Names come from outside: in a command each is one word, whatever it holds."""
    name = "a; rm -rf * #'"
    body = {
        "id": CLUSTER.replace("prod-a", name),
        "autoUpgradeProfile": {"upgradeChannel": "node-image"},
    }
    (found,) = of("legacy-channel", body)
    assert name in shlex.split(found.fix)


def test_unknown_names_are_variables() -> None:
    """What the input does not name is a shell variable in the command, not an invention."""
    (found,) = of("short-window", {**configuration(durationHours=3), "id": None})
    assert '--resource-group "${RESOURCE_GROUP:?}" --cluster-name "${CLUSTER:?}"' in found.fix


@pytest.mark.parametrize(
    "name", ["maintenance-configuration.cli.json", "maintenance-configurations.rest.json"]
)
def test_window_is_written_as_it_was_read(name: str) -> None:
    """A window written as JSON says what was read."""
    body = load(name)
    for item in body.get("value", [body]):
        found = parse(item)
        assert isinstance(found.window, MaintenanceWindow)
        assert (
            parse({"name": found.name, "maintenanceWindow": window_json.as_json(found.window)}).window
            == found.window
        )


# What it takes, and what it makes of it


def test_listing_is_the_same_in_every_form() -> None:
    """Wrapped or flat, alone, in an array or in ARM's value: the same cluster is found."""
    flat = load("lint/node-image-cadence.fails.json")
    wrapped = {
        "id": flat["id"],
        "name": flat["name"],
        "location": flat["location"],
        "properties": {"autoUpgradeProfile": flat["autoUpgradeProfile"]},
        "maintenanceConfigurations": {
            "value": [
                {
                    "id": item["id"],
                    "name": item["name"],
                    "properties": {"maintenanceWindow": item["maintenanceWindow"]},
                }
                for item in flat["maintenanceConfigurations"]
            ]
        },
    }
    forms = [flat, wrapped, [flat], {"value": [wrapped]}]
    expected = findings(flat)
    assert expected
    assert all(findings(form) == expected for form in forms)


def test_files_about_one_cluster_are_joined() -> None:
    """A cluster's own listing and its configurations may come in files of their own."""
    whole = load("lint/node-image-cadence.fails.json")
    apart = {**whole, "maintenanceConfigurations": None}
    together = joining.join([reading.read(apart), reading.read(whole["maintenanceConfigurations"])])
    (found,) = [found for found in lint(together, NOW) if found.rule == "node-image-cadence"]
    assert found == of("node-image-cadence", whole)[0]


def test_last_word_on_a_configuration_counts() -> None:
    """Where several files say something about one configuration, the last one counts."""
    first = configuration(schedule={"daily": {"intervalDays": 1}})
    together = joining.join([reading.read(first), reading.read(configuration())])
    assert lint(together, NOW) == []


def test_missing_is_told_only_of_what_is_known() -> None:
    """A cluster that comes without its configurations is not accused of having none."""
    body = load("lint/no-auto-upgrade-window.fails.json")
    del body["maintenanceConfigurations"]
    assert findings(body) == []


def test_unknown_channel_is_not_none() -> None:
    """Of a configuration without its cluster nothing is said about channels."""
    rules = {found.rule for found in findings([configuration(), configuration(NODE_OS, startTime="12:00")])}
    assert rules == set()


def test_malformed_configuration_hides_no_other() -> None:
    """A malformed configuration is a finding that names the field; the others are checked all the same."""
    body = [configuration(startTime="25:00"), configuration(DEFAULT, schedule={"daily": {"intervalDays": 1}})]
    found = {found.rule: found for found in findings(body)}
    assert found.keys() == {"malformed-configuration", "default-not-weekly"}
    assert "maintenanceWindow.startTime" in found["malformed-configuration"].what


def test_too_short_a_window_is_lengthened_only() -> None:
    """A window below AKS's four hours is told as such, and mended in its length alone."""
    schedule = {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Friday"}}
    (found,) = [
        found
        for found in findings(configuration(durationHours=2, schedule=schedule))
        if found.severity == "error"
    ]
    assert (found.rule, found.what) == ("short-window", "the window lasts 2 h")
    assert asked_for(found.fix)["maintenanceWindow"] == window(durationHours=4, schedule=schedule)


@pytest.mark.parametrize("body", [{}, 7, None, "text", [1], {"value": [{}]}, {"name": "a cluster?"}])
def test_anything_else_is_refused(body: object) -> None:
    """What is neither clusters nor configurations is refused rather than found faultless."""
    with pytest.raises(parsing.ListingError):
        reading.read(body)


def test_many_clusters_are_compared_quickly() -> None:
    """Staggering is checked among a subscription's clusters without comparing each with each."""
    clusters = [
        configuration(
            cluster=CLUSTER.replace("prod-a", f"c{number:03}"), schedule={"daily": {"intervalDays": 1}}
        )
        for number in range(120)
    ]
    found = of("not-staggered", clusters)
    assert len(found) == 119
    assert found[0].what.startswith("starts at 2026-11-22 01:00 UTC, as do windows of c000, c002, ")
    assert found[-1].what.endswith(", c019 and 99 more")


@pytest.mark.parametrize("count", [2, 12, 60])
def test_proposed_starts_keep_apart(count: int) -> None:
    """Followed together, the proposals leave no two windows of a subscription with the same start."""
    body: Any = [
        configuration(name, cluster=CLUSTER.replace("prod-a", f"c{number:03}"), startTime="22:00")
        for number in range(count)
        for name in (AUTO_UPGRADE, NODE_OS)
    ]
    for found in of("not-staggered", body):
        body = az.apply(found.fix, body)
    starts = []
    for listed in reading.read(body).clusters:
        for each in listed.configurations:
            starts += [coming.start for coming in islice(occurrences(each, NOW), 3)]
    assert len(starts) == 6 * count
    assert len(set(starts)) == len(starts)
    assert of("not-staggered", body) == []


def test_proposed_starts_stay_near() -> None:
    """A dozen windows of a night stay in it: none is moved by more than four hours, nor to another day."""
    body = [
        configuration(cluster=CLUSTER.replace("prod-a", f"c{number:02}"), startTime="22:00")
        for number in range(12)
    ]
    for found in of("not-staggered", body):
        asked = asked_for(found.fix)["maintenanceWindow"]
        assert "18:00" <= asked["startTime"] <= "23:59"
        assert asked["schedule"] == {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}}


def test_node_os_window_never_becomes_rarer() -> None:
    """Whatever is wrong with a daily window for the node OS, its fix is daily."""
    daily = {"daily": {"intervalDays": 1}}
    for changes in (
        {"startTime": "25:00"},
        {"durationHours": 2},
        {"schedule": {"daily": {"intervalDays": 9}}},
    ):
        body = configuration(NODE_OS, **({"schedule": daily} | dict[str, Any](changes)))
        (found,) = [found for found in findings(body) if found.severity == "error"]
        assert asked_for(found.fix)["maintenanceWindow"]["schedule"] == daily


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("aksManagedClusterAutoUpgradeSchedule", AUTO_UPGRADE),
        ("aksManagedAutoUpgrade", AUTO_UPGRADE),
        ("aksManagedNodeOSUpgradeSchedul", NODE_OS),
        ("aksManagedNodeOsAutoUpgradeSchedule", NODE_OS),
        ("defualt", DEFAULT),
        ("weekend-window", ""),
        ("", ""),
    ],
)
def test_unknown_name_is_told_with_the_likely_one(name: str, right: str) -> None:
    """A name that AKS does not know governs nothing; the finding says which one was probably meant."""
    (found,) = of("unknown-configuration", configuration(name))
    assert found.severity is Severity.ERROR
    assert "governs nothing" in found.what
    assert (f"did you mean {right}?" in found.what) == bool(right)


def test_blackout_past_the_horizon_is_told_as_it_is() -> None:
    """A blackout longer than any look ahead is told with the window that follows it, or with its end."""
    for end, told in (("2100-01-01", "until 2100-01-02"), ("9999-12-31", "until 9999-12-31")):
        dates = [{"start": "2000-01-01", "end": end}]
        (found,) = of(
            "long-blackout", configuration(notAllowedDates=dates, schedule={"daily": {"intervalDays": 1}})
        )
        assert found.what.endswith(told)


def test_clock_changes_are_dated() -> None:
    """An offset that is local for a part of the year is told with both changes; TIME_ZONE comes first."""
    body = {**load("lint/fixed-offset.fails.json"), "location": "eastasia"}
    (found,) = lint(reading.read(body), NOW, time_zone=ZoneInfo("Europe/Berlin"))
    assert found.what == (
        "UTC+01:00 is Europe/Berlin's time for a part of the year, as now; "
        "the clocks change on 2027-03-28 to UTC+02:00 and 2027-10-31 to UTC+01:00"
    )
    assert lint(reading.read(body), NOW) == []
    assert lint(reading.read(body), NOW, time_zone=ZoneInfo("Asia/Tokyo")) == []


SHARED = (
    "/subscriptions/66667777-aaaa-8888-bbbb-9999cccc0000/resourceGroups/rg-m"
    "/providers/Microsoft.ContainerService/maintenanceWindows/weekends"
)


def with_shared(**changes: Any) -> list[dict[str, Any]]:
    """Make a shared window and two clusters whose upgrade channels are linked to it."""
    shared = {
        "id": SHARED,
        "name": "weekends",
        "location": "eastus",
        "tags": {"team": "a"},
        "properties": window(**changes),
    }
    clusters = [
        {
            "id": CLUSTER.replace("prod-a", name),
            "location": "eastasia",
            "autoUpgradeProfile": {"upgradeChannel": "patch", "nodeOSUpgradeChannel": "NodeImage"},
            "maintenanceConfigurations": [
                {"name": each, "properties": {"maintenanceWindowId": SHARED.lower()}}
                for each in (AUTO_UPGRADE, NODE_OS)
            ],
        }
        for name in ("a", "b")
    ]
    return [shared, *clusters]


def test_shared_schedule_is_linted_once_where_it_lives() -> None:
    """A finding about a shared schedule comes once, names its users, and is mended at the shared window."""
    blackouts = [{"start": "2026-12-20", "end": "2027-01-05"}]
    monthly = {"absoluteMonthly": {"intervalMonths": 1, "dayOfMonth": 31}}
    for dates, begins in (([], "az aks maintenancewindow update "), (blackouts, "az rest --method put ")):
        body: Any = with_shared(schedule=monthly, notAllowedDates=dates)
        for rule in ("short-month", "node-image-cadence"):
            (found,) = of(rule, body)
            assert (found.cluster, found.part) == ("", "weekends")
            assert found.what.endswith("(shared window, used by a, b)")
            assert found.fix.startswith(begins)
            assert of(rule, az.apply(found.fix, body)) == []
    assert '"tags":{"team":"a"}' in found.fix


def test_shared_window_that_is_too_short_is_no_unknown_configuration() -> None:
    """Shared windows have names of their own; that one breaks a limit makes no configuration of it."""
    body = with_shared(durationHours=2)
    assert of("unknown-configuration", body) == []
    (found,) = of("short-window", body)
    assert found.part == "weekends"


def test_windows_of_machines_are_left_out() -> None:
    """`az resource list` has Azure Maintenance's configurations too: none of AKS, whatever their name."""
    group = CLUSTER.partition("/providers/")[0]
    machines = {
        "id": f"{group}/providers/Microsoft.Maintenance/maintenanceConfigurations/nightly",
        "name": "nightly",
        "properties": {"maintenanceWindow": {"startDateTime": "2026-01-01 22:00", "duration": "03:00"}},
    }
    listing = reading.read([{"id": CLUSTER, "name": "prod-a"}, machines])
    assert [listed.malformed for listed in listing.clusters] == [()]
    assert "not of AKS" in listing.unread[0]


def test_shared_window_that_is_not_listed_is_asked_for_its_location() -> None:
    """A PUT needs a location: where only the link is known, the command asks Azure for it."""
    body = with_shared(notAllowedDates=[{"start": "2020-01-01", "end": "2020-01-02"}])[1]
    for item in body["maintenanceConfigurations"]:
        item["properties"]["maintenanceWindow"] = window(
            notAllowedDates=[{"start": "2020-01-01", "end": "2020-01-02"}]
        )
    (found,) = of("past-blackouts", body)
    assert found.fix.startswith("az rest --method put ")
    assert '"$(az resource show --ids' in found.fix
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'az() {{ if [ $1 = resource ]; then echo eastus; else echo "${{@: -1}}"; fi; }}; {found.fix}',
        ],
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["location"] == "eastus"


def test_windows_of_one_shared_window_are_staggered_by_schedules_of_their_own() -> None:
    """Clusters that share a window start together; the proposal gives one a schedule of its own."""
    body: Any = with_shared()
    for found in of("not-staggered", body):
        assert "maintenanceconfiguration update" in found.fix
        body = az.apply(found.fix, body)
    assert of("not-staggered", body) == []


def test_long_blackout_weighs_what_it_leaves_out() -> None:
    """A blackout counts from the first window it leaves out to the next: 30 days for the node OS, else 60."""
    monthly = {"absoluteMonthly": {"intervalMonths": 1, "dayOfMonth": 15}}
    december = [{"start": "2026-12-10", "end": "2026-12-20"}]
    assert of("long-blackout", configuration(schedule=monthly, notAllowedDates=december)) == []
    (found,) = of("long-blackout", configuration(NODE_OS, schedule=monthly, notAllowedDates=december))
    assert found.what == "no window from 2026-12-15 until 2027-01-15"


def test_rules_survive_the_end_of_the_calendar() -> None:
    """No rule fails on years at the edge of the calendar."""
    dates = [{"start": "0001-01-01", "end": "9999-12-31"}]
    body = [configuration(startDate="9999-12-31", utcOffset="-23:59", notAllowedDates=dates)]
    body += [configuration(NODE_OS, startDate="0001-01-01", utcOffset="+23:59")]
    for now in (NOW, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC) + timedelta(days=2)):
        assert findings(body, now)


# What comes out


def test_worst_comes_first() -> None:
    """Findings come in the order of their severity."""
    body = [
        load(f"lint/{rule}.fails.json") for rule in ("max-surge", "not-staggered", "unknown-configuration")
    ]
    severities = [found.severity for found in lint(joining.join(map(reading.read, body)), NOW)]
    assert severities == sorted(severities, key=list(Severity).index)
    assert set(severities) == set(Severity)


def test_report_tells_all() -> None:
    """The text names each finding, why it matters, where that is written, and the command."""
    found = findings(load("lint/not-staggered.fails.json"))
    text = report.as_text(found)
    for one in found:
        assert all(part in text for part in (one.rule, one.what, one.why, one.source, one.fix))
    assert report.as_text([]) == "No findings."


def test_report_cannot_control_the_terminal() -> None:
    """Names with terminal escapes are shown, not obeyed."""
    body = {"id": CLUSTER + "\x1b[2J", "autoUpgradeProfile": {"upgradeChannel": "node-image"}}
    assert "\x1b" not in report.as_text(findings(body))
