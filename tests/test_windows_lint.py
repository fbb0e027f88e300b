"""The linter: what AKS advises about planned maintenance, each rule with what breaks it and what does not."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ops.linting import RULES, commands, lint, reading, report
from ops.linting.listing import ListedCluster
from ops.linting.rule import Finding, Severity
from shared.events.model import Cluster
from shared.maintenance import AUTO_UPGRADE, DEFAULT, NODE_OS, ConfigurationError, parse
from shared.maintenance.configuration import MaintenanceWindow

FIXTURES = Path(__file__).parent / "fixtures" / "windows"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
IDS = [rule.id for rule in RULES]
CLUSTER = Cluster("66667777-aaaa-8888-bbbb-9999cccc0000", "rg-prod", "prod-a").id


def load(name: str) -> Any:
    """Give the JSON of a fixture."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def findings(body: object, now: datetime = NOW) -> list[Finding]:
    """Lint decoded JSON."""
    return lint(reading.read(body), now)


def of(rule: str, body: object) -> list[Finding]:
    """Give what one rule finds."""
    return [found for found in findings(body) if found.rule == rule]


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
    assert rule.source.startswith(("https://learn.microsoft.com/azure/aks/", "https://github.com/Azure/AKS/"))


@pytest.mark.parametrize("rule", IDS)
def test_finding_is_mended_by_a_command(rule: str) -> None:
    """Each finding comes with an az command in which the names are filled in and nothing is left to guess."""
    for found in of(rule, load(f"lint/{rule}.fails.json")):
        words = shlex.split(found.fix)
        assert words[0] == "az"
        assert "$" not in found.fix
        assert "rg-prod" in found.fix
        assert found.cluster in found.fix


MENDABLE = [
    rule
    for rule in IDS
    if rule
    not in {
        # mended in the cluster's channels, in its node pools or in Kubernetes, not in a configuration
        "window-without-channel",
        "legacy-channel",
        "security-patch-pools",
        "max-surge",
        "surge-beyond-scale-set",
        "max-unavailable",
        "drain-limits",
        "blocking-budget",
        "several-budgets",
        "changed-too-late",  # about a moment that has passed
        "fixed-offset",  # comes back whenever the clocks change
    }
]


@pytest.mark.parametrize("rule", MENDABLE)
def test_mended_configuration_breaks_the_rule_no_more(rule: str) -> None:
    """What the command sets is what AKS takes, and the rule that asked for it is satisfied by it."""
    body = load(f"lint/{rule}.fails.json")
    before = of(rule, body)
    assert before
    for found in before:
        body = applied(found, body)
    assert of(rule, body) == []


def applied(found: Finding, body: Any) -> Any:
    """Do to the JSON what the command would do in Azure."""
    mended = {**asked_for(found.fix), "id": f"{CLUSTER.rpartition('/')[0]}/{found.cluster}/x/{found.part}"}
    mended["id"] = mended["id"].replace("/x/", "/maintenanceConfigurations/")
    if isinstance(body, dict) and "maintenanceConfigurations" in body:
        others = [other for other in body["maintenanceConfigurations"] if other["name"] != found.part]
        return {**body, "maintenanceConfigurations": [*others, mended]}
    bodies = body if isinstance(body, list) else [body]
    return [mended if one["id"] == mended["id"] else one for one in bodies]


def asked_for(command: str) -> dict[str, Any]:
    """Read a command as az does; returns the configuration it sets."""
    words = shlex.split(command)
    options: dict[str, str] = {}
    for place, word in enumerate(words):
        option, joined, value = word.partition("=")
        if option.startswith("--"):
            options[option] = value if joined else words[place + 1]
    if words[1] == "rest":
        assert options["--method"] == "put"
        name = re.search(r"/maintenanceConfigurations/(\w+)\?api-version=", options["--url"])
        assert name
        return {"name": name[1], **json.loads(options["--body"])}
    assert words[1:3] == ["aks", "maintenanceconfiguration"]
    kind = options["--schedule-type"]
    numbers = ("interval-days", "interval-weeks", "interval-months", "day-of-month")
    fields: dict[str, Any] = {
        re.sub(r"-(\w)", lambda match: match[1].upper(), name): (int if name in numbers else str)(given)
        for name in (*numbers, "day-of-week", "week-index")
        if (given := options.get(f"--{name}"))
    }
    said = window(
        schedule={kind[0].lower() + kind[1:]: fields},
        durationHours=int(options["--duration"]),
        utcOffset=options["--utc-offset"],
        startTime=options["--start-time"],
    )
    if "--start-date" in options:
        said["startDate"] = options["--start-date"]
    return {"name": options["--name"], "maintenanceWindow": said}


# The commands


def test_offset_is_not_taken_for_an_option() -> None:
    """A negative offset is joined to its option, because az would take -08:00 for another option."""
    (found,) = of("not-on-sunday", configuration(utcOffset="-08:00", schedule={"daily": {"intervalDays": 1}}))
    assert " --utc-offset=-08:00 " in found.fix


def test_command_keeps_the_blackouts() -> None:
    """Blackouts, which options cannot say, are kept by putting the whole body; not those that are over."""
    dates = [{"start": "2025-12-20", "end": "2026-01-05"}, {"start": "2026-12-20", "end": "2027-01-05"}]
    (found,) = of(
        "not-on-sunday", configuration(notAllowedDates=dates, schedule={"daily": {"intervalDays": 1}})
    )
    assert found.fix.startswith("az rest --method put --url ")
    assert asked_for(found.fix)["properties"]["maintenanceWindow"]["notAllowedDates"] == dates[1:]


def test_command_keeps_the_rhythm() -> None:
    """A startDate in the past, which AKS refuses, gives way to the day of the next window of its rhythm."""
    schedule = {"absoluteMonthly": {"intervalMonths": 3, "dayOfMonth": 1}}
    body = configuration(schedule=schedule, startDate="2023-01-20", durationHours=4)
    listed = reading.read(body)[0]
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
    (found,) = of("not-on-sunday", {**configuration(schedule={"daily": {"intervalDays": 1}}), "id": None})
    assert '--resource-group "$RESOURCE_GROUP" --cluster-name "$CLUSTER"' in found.fix


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
            parse({"name": found.name, "maintenanceWindow": commands.as_json(found.window)}).window
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
    together = reading.join([reading.read(apart), reading.read(whole["maintenanceConfigurations"])])
    (found,) = [found for found in lint(together, NOW) if found.rule == "node-image-cadence"]
    assert found == of("node-image-cadence", whole)[0]


def test_last_word_on_a_configuration_counts() -> None:
    """Where several files say something about one configuration, the last one counts."""
    first = configuration(schedule={"daily": {"intervalDays": 1}})
    together = reading.join([reading.read(first), reading.read(configuration())])
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
    with pytest.raises(reading.ListingError):
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
    assert found[0].what == "starts at 2026-11-22 01:00 UTC, as do windows of c000"
    assert found[-1].what.endswith("c000, c001, c002 and 116 more")


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
    body = [load(f"lint/{rule}.fails.json") for rule in ("max-surge", "not-staggered", "short-window")]
    severities = [found.severity for found in lint(reading.join(map(reading.read, body)), NOW)]
    assert severities == sorted(severities, key=list(Severity).index)
    assert set(severities) == set(Severity)


@pytest.mark.parametrize(
    ("rule", "strict", "code"),
    [
        ("short-window", False, 1),
        ("no-node-os-window", False, 0),
        ("no-node-os-window", True, 1),
        ("max-surge", True, 0),
    ],
)
def test_exit_code(rule: str, strict: bool, code: int) -> None:
    """Only errors fail a pipeline; being strict, warnings do, too; notes never."""
    assert report.exit_code(findings(load(f"lint/{rule}.fails.json")), strict=strict) == code


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


def test_json_says_the_same() -> None:
    """The JSON has the same findings, field by field."""
    found = findings(load("lint/not-staggered.fails.json"))
    assert msgspec.json.decode(report.as_json(found), type=list[Finding]) == found


def test_listed_cluster_is_a_value() -> None:
    """What a listing says of a cluster can be compared, and names the error of what it could not read."""
    (listed,) = reading.read(configuration(startTime=None))
    assert isinstance(listed, ListedCluster)
    (malformed,) = listed.malformed
    assert isinstance(malformed.error, ConfigurationError)
    assert malformed.error.field == "maintenanceWindow.startTime"
