"""Update runs: what is true of one at a moment, and what is new of it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from shared.events import auto_upgrade, run_waits, update_run
from shared.events.model import Event, UnreadableEventError, Upgrade
from shared.events.run_news import KnownRun, news, polled
from testing.samples.fleets import BLOCKED, FLEET, WAITS, course, profile_row, run_row, status

SAMPLES = Path(__file__).parents[1] / "fixtures" / "fleets"
LATER = WAITS + timedelta(days=3)


def sample(name: str) -> dict[str, Any]:
    """Return a row with the properties of a sample."""
    properties = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    return {"id": f"{FLEET.id}/updateRuns/run-1", "properties": properties}


def played(moments: list[dict[str, Any]], at: tuple[int, ...]) -> list[Event]:
    """Return what is told of a run that is polled at these moments."""
    known, told = KnownRun(), []
    for moment in at:
        run = update_run.read(moments[moment])
        found = news(known, run, WAITS + timedelta(hours=moment, minutes=1))
        known = polled(known, run).with_told(found)
        told += found
    return told


def kinds(events: list[Event]) -> list[str]:
    """Return what events tell."""
    return [event.news for event in events]


def test_documented_run_waits() -> None:
    """The documented run: members that wait have an error, too, and have not failed; nothing has ended."""
    run = update_run.read(sample("update-run.documented"))
    assert run.upgrade is Upgrade.NODE_OS
    assert [member.state.code for member in run.members if member.state.name == "pending"] == [
        "NodeImageVersionNotAvailable"
    ] * 2
    assert kinds(news(KnownRun(), run, LATER)) == ["run-started"]


def test_completed_is_no_success() -> None:
    """A run that completed though a member failed is told as failed, after the member with its error."""
    found = news(KnownRun(), update_run.read(sample("update-run-with-failure.composed")), LATER)
    assert kinds(found) == ["gate-closed", "member-failed", "stage-finished", "run-failed"]
    assert "disruption budget" in found[1].details
    assert found[1].run
    assert found[1].run.member_id.endswith("contoso-app-01")


def test_what_no_member_tells_is_read_as_well() -> None:
    """A run that counts failures is no success, and a run without an error bears that of its stage."""
    done, failed = status("Completed", WAITS, LATER), status("Failed", WAITS, LATER)
    counted = run_row(done, {"s": {"status": done, "members": {"m": done}}})
    counted["properties"]["status"]["failureCount"] = 2
    assert kinds(news(KnownRun(), update_run.read(counted), LATER))[-1] == "run-failed"
    stage = status("Failed", WAITS, LATER, "BadRequest", "no such version")
    (event,) = news(
        KnownRun(), update_run.read(run_row(failed, {"s": {"status": stage, "members": {}}})), LATER
    )
    assert "no such version" in event.details


@pytest.mark.parametrize("end", ["Failed", "Completed", "Stopped"])
def test_whatever_was_polled_the_same_is_told_once(end: str) -> None:
    """At whichever moments a run is polled, all but its start is told once."""
    moments = course(end)
    last = len(moments) - 1
    whole = [event.row_key() for event in played(moments, tuple(range(last + 1)))]
    assert len(set(whole)) == len(whole)
    for count in range(last):
        for between in combinations(range(last), count):
            told = played(moments, (*between, last, last))
            assert [event.row_key() for event in told if event.news != "run-started"] == whole[1:]


def test_times_that_are_shown_later_tell_nothing_again() -> None:
    """A state whose start or end is shown only at a later poll is the same news."""
    times = ((None, None), (WAITS, None), (WAITS, LATER))
    moments = []
    for state in ("Running", "Completed"):
        for start, end in times:
            failed, done = status("Failed", start, end), status("Completed", start, end)
            stage = {"status": done, "members": {"m": failed, "n": done}}
            moments.append(run_row(status(state, start, end if state == "Completed" else None), {"s": stage}))
    told = kinds(played(moments, tuple(range(len(moments)))))
    assert sorted(told) == ["member-failed", "run-failed", "run-started", "stage-finished"]


def test_a_run_that_goes_on_ends_anew() -> None:
    """The same run, failed and started again, is another attempt: its end is told again, its stages not."""
    moments = course("Failed")
    again = [*moments, moments[3], moments[-1]]
    found = kinds(played(again, tuple(range(len(again)))))
    assert found.count("run-failed") == 2
    assert found.count("stage-finished") == found.count("member-failed") == 1


def test_a_member_that_fails_again_is_told_again() -> None:
    """The same member that fails in a later attempt has failed again."""

    def run(hour: int) -> dict[str, Any]:
        failed = status("Failed", WAITS, WAITS + timedelta(hours=hour), "UpgradeFailed", BLOCKED)
        return run_row(
            status("Running", WAITS), {"s": {"status": status("Running"), "members": {"m": failed}}}
        )

    assert kinds(played([run(1), run(1), run(4)], (0, 1, 2))).count("member-failed") == 2


@pytest.mark.slow
def test_each_row_is_small() -> None:
    """A run of a thousand members that all fail gives a thousand events, none of which holds all of them."""
    failed = status("Failed", WAITS, WAITS, "UpgradeFailed", BLOCKED * 90)
    members = {f"member-{number}": failed for number in range(1_000)}
    found = news(
        KnownRun(), update_run.read(run_row(failed, {"all": {"status": failed, "members": members}})), LATER
    )
    assert kinds(found) == ["member-failed"] * 1_000 + ["run-failed"]
    assert len({event.row_key() for event in found}) == 1_001


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"id": f"{FLEET.id}/members/x"},
        {"id": 7, "properties": []},
    ],
)
def test_what_is_no_run_is_refused(row: dict[str, Any]) -> None:
    """A row that names no run of a fleet cannot be read, and says so."""
    with pytest.raises(UnreadableEventError):
        update_run.read(row)


@pytest.mark.parametrize("odd", [None, 7, "x", [], [None, 7, "x", {}], {"stages": 7}, {"state": ["x"]}])
@pytest.mark.parametrize("where", ["status", "stages", "groups", "members"])
def test_odd_parts_cost_no_others(where: str, odd: object) -> None:
    """Whatever stands where stages, groups or members are looked for, the rest of the run is read."""
    row = course()[-1]
    within: Any = row["properties"]
    for step in ("status", "stages", "groups", "members"):
        if step == where:
            within[step] = odd
            break
        within = within[step][0] if isinstance(within[step], list) else within[step]
    assert update_run.read(row).name == "k8s-1-33"


def stuck(moment: dict[str, Any], at: datetime, reminded: tuple[str, ...] = ()) -> Event | None:
    """Return whether a run is stuck at a time, no gate being unknown."""
    run = update_run.read(moment)
    return run_waits.stuck(run, (), reminded, at) if run_waits.may_be_stuck(run, at) else None


def test_a_wait_of_a_day_is_stuck() -> None:
    """A run in which nothing has moved for a day is stuck, unless people are reminded of its gate."""
    waiting = course()[2]
    since = WAITS + timedelta(hours=2)
    (gate,) = (gate.name for _, _, gate in update_run.read(waiting).gates)
    assert stuck(waiting, since + timedelta(hours=23)) is None
    found = stuck(waiting, since + timedelta(hours=25))
    assert found
    assert found.run
    assert "before prod" in found.run.waits[0]
    assert stuck(waiting, since + timedelta(hours=25), (gate.lower(),)) is None
    assert stuck(course()[3], since + timedelta(hours=48)) is None  # a member is under way
    again = stuck(waiting, since + timedelta(hours=40))
    assert again
    assert again.row_key() == found.row_key()


def test_a_planned_wait_is_no_stuck_run() -> None:
    """The wait after a stage counts from where it ends by plan."""
    done = status("Completed", WAITS, WAITS)
    row = run_row(status("Running", WAITS), {"s": {"status": done, "members": {"m": done}}})
    row["properties"]["status"]["stages"][0]["afterStageWaitStatus"] = {
        "status": status("Running", WAITS),
        "waitDurationInSeconds": 7 * 24 * 3_600,
    }
    assert stuck(row, WAITS + timedelta(days=7)) is None
    assert stuck(row, WAITS + timedelta(days=8, hours=1))


def test_auto_upgrade() -> None:
    """A profile whose last trigger failed is told once for that trigger; one that did not, not at all."""
    failed = auto_upgrade.read(profile_row("Failed", WAITS, "no members"), LATER)
    assert failed
    assert failed.run
    assert (failed.news, failed.run.profile, failed.run.target) == ("auto-upgrade-failed", "stable", "1.33.2")
    assert auto_upgrade.read(profile_row("Succeeded", WAITS), LATER) is None
    again = auto_upgrade.read(profile_row("Failed", WAITS + timedelta(days=1), "no members"), LATER)
    assert again
    assert again.row_key() != failed.row_key()
