"""Configurations as people have written them in public, and the answers worked out by hand for each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main as command
from ops.linting import lint, parsing, reading
from ops.linting.rule import LintFinding, Severity
from testing import az

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "windows" / "cases.json").read_text("utf-8")
)
NEXT = [case for case in CASES if case["id"].startswith("next/")]
LINT = [case for case in CASES if case["id"].startswith("lint/")]
MALFORMED = [case for case in CASES if case["id"].startswith("malformed/")]
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def ids(cases: list[dict[str, Any]]) -> list[str]:
    """Return the names of cases."""
    return [case["id"].partition("/")[2] for case in cases]


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no setting of this machine have a say."""
    for name in ("TIME_ZONE", "ROUTES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def listed(case: dict[str, Any]) -> str:
    """Write the case's input into a file; return its name."""
    given = case["input"]
    if isinstance(given, dict) and "base" in given:
        return _malformed(given)
    Path("in.json").write_text(json.dumps(given), "utf-8")
    return "in.json"


def _malformed(given: dict[str, Any]) -> str:
    cluster = "/subscriptions/00000000-0000-4000-8000-00000000000a/resourceGroups/rg-w/providers"
    id_ = f"{cluster}/Microsoft.ContainerService/managedClusters/w/maintenanceConfigurations/"
    field, value = given["field"], given["value"]
    if field == "top":
        Path("in.json").write_text(value, "utf-8")
        return "in.json"
    name = "default" if given["base"] == "legacy" else "aksManagedAutoUpgradeSchedule"
    window: dict[str, Any] = {
        "schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}},
        "durationHours": 4,
        "startTime": "02:00",
        "utcOffset": "+02:00",
        "startDate": "2026-01-04",
    }
    slots: dict[str, Any] = {"day": "Saturday", "hourSlots": [1, 2, 3, 4]}
    is_old = given["base"] == "legacy"
    properties: dict[str, Any] = {"timeInWeek": [slots]} if is_old else {"maintenanceWindow": window}
    whole: dict[str, Any] = {"id": id_ + name, "name": name, "properties": properties}
    if field == "name":
        whole = {"name": name, "properties": properties}
    in_schedule = isinstance(value, dict) and field not in {"schedule", "notAllowedDates"}
    holder: dict[str, Any] = next(
        place
        for place in (slots, window["schedule"]["weekly"], window, properties, whole)
        if field in place
        or place is whole
        or (place is window and field in {"notAllowedDates", "dayOfMonth"})
        or (place is properties and field == "notAllowedTime")
    )
    if in_schedule:
        window["schedule"] = value
    elif value == "absent":
        del holder[field]
    else:
        holder[field] = value
    Path("in.json").write_text(json.dumps([whole]), "utf-8")
    return "in.json"


@pytest.mark.parametrize("case", NEXT, ids=ids(NEXT))
def test_next_window_is_as_worked_out(case: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """The windows of a public configuration are those that follow from AKS's documentation."""
    expect = case["expect"]
    words = ["--after", expect["after"], "--count", str(expect["count"])]
    file = listed(case)
    code = command(["windows", "next", file, *words, "--json"])
    printed = capsys.readouterr()
    assert code == expect.get("rc", 2 if "error_names" in expect else 0)
    if "error_names" in expect:
        assert expect["error_names"] in printed.err
        return
    found = json.loads(printed.out)
    for window in found:
        assert set(window) == {"name", "start", "end", "approximate"}
    times = [(window["start"], window["end"]) for window in found]
    if "occurrences" in expect:
        assert times == [(window["start"], window["end"]) for window in expect["occurrences"]]
        for window, other in zip(found, expect["occurrences"], strict=True):
            assert window["name"] == other.get("name", window["name"])
    if "occurrences_of_days_that_exist" in expect:
        assert all(window["approximate"] for window in found)
        exist = [(window["start"], window["end"]) for window in expect["occurrences_of_days_that_exist"]]
        assert [time for time in times if time in exist] == exist[: len([t for t in times if t in exist])]
    for start in expect.get("approximate_at", []):
        assert next(window for window in found if window["start"] == start)["approximate"]
    if "occurrences_none_before" in expect:
        assert all(window["start"] >= "2100-01-01T16:00:00Z" for window in found)
    if "says" in expect:
        assert all(window["approximate"] for window in found)
        command(["windows", "next", file, *words])
        assert "since June 2025" in capsys.readouterr().out
    if "first_start_not_after" in expect:
        assert found[0]["start"] <= expect["first_start_not_after"] < found[0]["end"]
    if "lint_says" in expect:
        assert expect["lint_says"] in "\n".join(one.what for one in linted(case["input"]))


@pytest.mark.parametrize("case", MALFORMED, ids=ids(MALFORMED))
def test_malformed_input_is_named(case: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A field that breaks AKS's limits is an error that names it, and never a traceback."""
    expect = case["expect"]
    code = command(["windows", expect["command"], listed(case)])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    assert code in expect.get("rc_in", [expect.get("rc", 1)])
    assert expect.get("error_names", "") in printed.err
    if "says" in expect:
        assert "governs nothing" in printed.out


def linted(body: Any) -> list[LintFinding]:
    """Lint decoded JSON."""
    return lint(reading.read(body), NOW)


SAYS = {
    "lint/unknown-name-alone": "the name aks_maintenance_config governs nothing",
    "lint/no-channels": "no automatic upgrades",
    "lint/day-31": "29 to 31 are missing in some months",
    "lint/blackout-forever": "until 2100",
    "lint/slots-0-23": "hourSlots [0, 23] on Saturday are two single hours, not a range",
}


@pytest.mark.parametrize("case", LINT, ids=ids(LINT))
def test_lint_says_what_a_reviewer_would(case: dict[str, Any]) -> None:
    """The linter finds what AKS's documentation and its users say of a configuration, and nothing else."""
    expect, body = case["expect"], case["input"]
    if "with_channels" in expect:
        channel, os_channel = expect["with_channels"]
        owner = body[0]["id"].partition("/maintenanceConfigurations/")[0]
        profile = {"upgradeChannel": channel, "nodeOSUpgradeChannel": os_channel}
        body = {"id": owner, "autoUpgradeProfile": profile, "maintenanceConfigurations": body}
    found = linted(body)
    rules = {one.rule for one in found}
    assert rules.issuperset(expect.get("must_have", ()))
    assert rules.isdisjoint(expect.get("must_not_have", ()))
    if "findings" in expect:
        assert found == []
    text = "\n".join(one.what for one in found)
    assert SAYS.get(case["id"], "") in text
    assert expect.get("must_not_say", "no such words") not in text


def every_listing() -> list[Any]:
    """Return the inputs of all cases that are listings."""
    return [case["input"] for case in NEXT + LINT]


@pytest.mark.parametrize("place", range(len(NEXT + LINT)))
def test_every_fix_mends_and_makes_nothing_worse(place: int) -> None:
    """Each fix of each finding on public configurations mends it, and brings nothing of higher severity."""
    body = every_listing()[place]
    try:
        before = linted(body)
    except parsing.ListingError:
        return
    known = {(one.rule, one.cluster, one.part) for one in before}
    ranks = list(Severity)
    for one in before:
        if one.rule == "changed-too-late":
            continue  # about a moment that has passed
        after = linted(az.apply(one.fix, body))
        places = {(other.rule, other.cluster, other.part): other.severity for other in after}
        assert (one.rule, one.cluster, one.part) not in places, one.fix
        worse = [key for key in places.keys() - known if ranks.index(places[key]) < ranks.index(one.severity)]
        assert worse == [], one.fix
