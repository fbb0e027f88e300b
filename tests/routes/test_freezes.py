"""Freezes: read from routes or a calendar, told in mails, kept by a script."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from ops.__main__ import main as command
from ops.linting import lint, reading
from shared.audience import Audience, Volume
from shared.channels.email.compose import compose
from shared.messages.branding import Branding
from shared.notices.kinds import Kind
from shared.notices.records import StoredEvent
from shared.routes import Condition, RoutesError
from shared.routes.freezes import Freeze
from shared.routes.matching import Route, Routes
from shared.routes.parsing import freezes
from testing import az
from testing.samples import events, mails

if TYPE_CHECKING:
    from shared.events.model import Event

ZONE = "Europe/Berlin"
YEAR_END = "{name: Year end, from: 2026-12-20, to: 2027-01-03}"


def listed(*items: str) -> str:
    """Write freezes as routes have them."""
    return "freezes:\n" + "\n".join(f"  - {item}" for item in items)


def test_dates_are_local_and_times_have_an_offset() -> None:
    """A date is a local day, inclusive at the end; a time has an offset, and is exclusive there."""
    launch = "{name: Launch, from: 2026-07-01T18:00+02:00, to: 2026-07-02T06:00Z, match: {cluster: shop-*}}"
    first, second = freezes(listed(YEAR_END, launch), ZONE)
    assert (first.name, first.start, first.end) == (
        "Launch",
        datetime(2026, 7, 1, 16, tzinfo=UTC),
        datetime(2026, 7, 2, 6, tzinfo=UTC),
    )
    assert first.conditions == (Condition("cluster", ("shop-*",)),)
    assert (second.start, second.end) == (
        datetime(2026, 12, 19, 23, tzinfo=UTC),
        datetime(2027, 1, 3, 23, tzinfo=UTC),
    )


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//t//EN
BEGIN:VEVENT
UID:1
SUMMARY:Year end
DTSTART;VALUE=DATE:20261220
DTEND;VALUE=DATE:20270104
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Launch
DTSTART;TZID=Europe/Berlin:20260701T180000
DURATION:PT12H
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    "line", ["freezes: @cal.ics", "freezes: '@cal.ics'  # ours", "freezes: @cal.ics   # ours"]
)
def test_freezes_of_a_calendar(line: str, tmp_path: Path) -> None:
    """A calendar beside the routes file gives freezes; SUMMARY is the name, and @ needs no quotes."""
    (tmp_path / "cal.ics").write_text(CALENDAR, "utf-8")
    launch, year_end = freezes(line, ZONE, tmp_path)
    assert (launch.name, launch.end - launch.start) == ("Launch", timedelta(hours=12))
    assert year_end == freezes(listed(YEAR_END), ZONE)[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (listed("{name: A, from: 2026-12-20}"), "freezes[0] (line 2): expected `to`, which is missing"),
        (listed("{name: A, from: 2026-12-20, to: 2026-12-19}"), "expected an end after `from`"),
        (listed("{name: A, from: soon, to: 2026-12-19}"), "freezes[0].from"),
        (listed("{name: A, from: 2026-12-20T01:00, to: 2026-12-21}"), "a time with an offset"),
        (listed("{from: 2026-12-20, to: 2026-12-21}"), "expected `name`"),
        (listed(YEAR_END, YEAR_END), "two freezes are named 'Year end'"),
        (listed("{name: A, from: 2026-12-20, to: 2026-12-21, match: {team: a}}"), "unknown key 'team'"),
        ("freezes: @missing.ics", "there is no such file"),
        ("freezes: @bad.ics", "is no iCalendar file"),
        ("freezes: @yearly.ics", "repeats"),
        ("freezes: soon", "expected a list of freezes"),
    ],
)
def test_wrong_freeze_is_one_sentence(text: str, why: str, tmp_path: Path) -> None:
    """A freeze that cannot be used stops the start with a sentence that names it."""
    (tmp_path / "bad.ics").write_text("BEGIN:NONSENSE", "utf-8")
    (tmp_path / "yearly.ics").write_text(CALENDAR.replace("UID:1", "UID:1\nRRULE:FREQ=YEARLY"), "utf-8")
    with pytest.raises(RoutesError) as caught:
        freezes(text, ZONE, tmp_path)
    assert why in str(caught.value)


STORY = next(story for story in mails.stories() if story.name == "scheduled")


def event() -> Event:
    """Return what the sample tells of."""
    row = STORY.rows[STORY.mail.members[0].key]
    assert isinstance(row, StoredEvent)
    return row.event


def freeze(**changes: Any) -> Freeze:
    """Make a freeze around the sample's start."""
    start = events.START
    return replace(Freeze("Year end", start - timedelta(days=1), start + timedelta(days=1)), **changes)


def composed(*given: Freeze) -> Any:
    """Compose the sample's mail where these freezes hold."""
    return compose(STORY.mail, STORY.rows, mails.TEAM, Branding(freezes=given))


def test_mail_names_the_freeze_after_the_cluster() -> None:
    """What is planned into a freeze says so in its subject, after the cluster, and in its first line."""
    plain, told = composed(), composed(freeze())
    cluster = event().subject.name
    assert f"] {cluster} · in freeze Year end ·" in told.subject
    assert "in the freeze Year end" in told.text[:300]
    for other in (
        freeze(end=events.START, start=events.START - timedelta(days=1)),
        freeze(conditions=(Condition("cluster", ("other-*",)),)),
    ):
        assert composed(other).subject == plain.subject


def test_what_is_planned_into_a_freeze_is_essential() -> None:
    """Who hears of the essential alone hears of an announcement that lies in a freeze."""
    quiet = Audience(to=("a@example.com",), volume=Volume.ESSENTIAL)
    for given, heard in (((), ()), ((freeze(),), ("default",))):
        routes = Routes({"default": quiet}, (Route("routes[0]", (), ("default",)),), given)
        assert routes.audiences_for(event(), Kind.SCHEDULED) == heard
        assert not routes.audiences_for(event(), Kind.COMPLETED)


# The script


FIXTURES = Path(__file__).parents[1] / "fixtures" / "windows" / "lint"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, with a cluster and a freeze in its routes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIME_ZONE", ZONE)
    monkeypatch.setenv("ROUTES", listed(YEAR_END.replace("}", ", match: {cluster: prod-*}}")))
    monkeypatch.delenv("CLUSTERS", raising=False)
    body = json.loads((FIXTURES / "fixed-offset.fails.json").read_text("utf-8"))
    for item in body["maintenanceConfigurations"]:
        item["maintenanceWindow"]["notAllowedDates"] = [{"start": "2027-02-01", "end": "2027-02-03"}]
    other = {**json.loads(json.dumps(body).replace("prod-a", "test-a"))}
    (tmp_path / "clusters.json").write_text(json.dumps([body, other]), "utf-8")
    return tmp_path


AT = ("--at", "2026-11-30")


def test_script_keeps_the_freeze(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The script is bash as it stands; after it, no window of a matched cluster lies in the freeze."""
    assert command(["windows", "freeze", "year END", "clusters.json", *AT]) == 0
    script = capsys.readouterr().out
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "test-a" not in script
    assert command(["windows", "freeze", "year END", "clusters.json", *AT, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["freezes"][0]["name"] == "Year end"
    assert all(line in script.splitlines() for step in told["steps"] for line in step["commands"])
    subprocess.run(["bash", "-n"], input=script.encode(), check=True)
    body: Any = json.loads((folder / "clusters.json").read_text("utf-8"))
    zones = freezes(listed(YEAR_END), ZONE)
    before = lint(reading.read(body), datetime(2026, 11, 30, tzinfo=UTC), freezes=zones)
    assert sum(found.rule == "freeze-not-kept" for found in before) == 4
    for line in script.splitlines():
        if line.startswith("az rest --method put"):
            body = az.apply(line, body)
    after = lint(reading.read(body), datetime(2026, 11, 30, tzinfo=UTC), freezes=zones)
    assert {found.cluster for found in after if found.rule == "freeze-not-kept"} == {"test-a"}
    for item in body[0]["maintenanceConfigurations"]:
        window = item["properties"]["maintenanceWindow"]
        kept, added = window["notAllowedDates"]
        assert kept == {"start": "2027-02-01", "end": "2027-02-03"}
        first = {"+01:00": date(2026, 12, 20), "+00:00": date(2026, 12, 19)}[window["utcOffset"]]
        assert added == {"start": first.isoformat(), "end": "2027-01-03"}
        assert window["schedule"] == {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("Summer", "clusters.json"), "ROUTES has no freeze 'Summer': expected one of Year end."),
        (("Year end",), "Setting CLUSTERS is off"),
        (("Year end", "clusters.json", "--at", "2028-01-01"), "is over"),
    ],
)
def test_script_that_cannot_be_made(
    words: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A freeze or clusters that are not there end with 2 and one sentence."""
    assert command(["windows", "freeze", *words]) == 2
    assert why in capsys.readouterr().err
