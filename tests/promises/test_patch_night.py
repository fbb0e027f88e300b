"""Patch nights: hundreds of clusters at once, everyone told once, and the mail service never asked too much.

The events go through the real handlers, and the mail over HTTP, through the real SDK, to an endpoint that
enforces the limits. Only time is made up: the clock stands still but for what the night, round trips and
requests take. Each night's figures are printed, and kept under `out/nights/`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from azure.data.tables import TableClient

from shared.channels.email.compose import MAX_BYTES
from shared.channels.email.services import MANAGED_DOMAIN, OWN_DOMAIN
from shared.notices.kinds import Kind
from shared.store.azure import AzureTable
from testing.memory_table import MemoryTable
from testing.patch_night_run import PatchNightRun, html_size
from testing.samples.patch_night import Course, patch_night

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testing.moving import MovingClock
    from testing.processes import Azurite
    from testing.samples.patch_night import Happening, Night

pytestmark = pytest.mark.slow

BEGAN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
OUT = ROOT / "out" / "nights"
MANAGED = "aks@5e551071.azurecomm.net"

ALL_AT_ONCE = Course(
    announced_within=timedelta(minutes=3),
    started_within=timedelta(minutes=2),
    takes=(timedelta(minutes=1), timedelta(minutes=3)),
)

FAILURE_WITHIN = timedelta(minutes=7)
"""GROUP_WAIT, GROUP_INTERVAL, and the minute until the next sweep: for those that are not mailed at once."""


@pytest.fixture
def table(azurite: Azurite) -> Iterator[AzureTable]:
    """Return a table of its own on Azurite."""
    with TableClient.from_connection_string(azurite.connection_string, f"t{uuid4().hex}") as client:
        yield AzureTable(client)


def _in_memory(clock: MovingClock) -> MemoryTable:
    return MemoryTable(clock.now)


def _keep(name: str, storm: PatchNightRun) -> None:
    figures = json.dumps(storm.figures(), indent=2)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_text(figures + "\n")
    print(f"\n{name}: {figures}")  # noqa: T201 - figures for the documentation


def _assert_within_limits(storm: PatchNightRun) -> None:
    """Assert that no request went over a limit, and that no mail is too large to be shown whole."""
    assert storm.quota.refused == 0
    assert storm.complaints == []
    assert max(html_size(mail.body) for mail in storm.endpoint.mails) <= MAX_BYTES


def _assert_told_once(storm: PatchNightRun) -> None:
    """Assert that of every event everyone was told once, unless it was replaced by later news told once."""
    night, told = storm.night, storm.told()
    expected = {
        (happening.key, happening.kind, audience)
        for happening in night.events
        for audience in night.hearing[happening.cluster]
    }
    replaced = set(storm.superseded())
    late = storm.stale()
    stale = {one for one in expected if one[0] in late}
    assert set(told) | replaced | stale == expected
    assert set(told.values()) == {1}
    assert {kind for _, kind, _ in replaced | stale} <= {Kind.SCHEDULED, Kind.STARTED}
    last = {happening.cluster: happening for happening in night.events}
    assert all(
        (last[name].key, last[name].kind, hears) in told for name in last for hears in night.hearing[name]
    )
    assert set(storm.undone()) == {"check"}
    _assert_mails_say_so(storm)


def _assert_mails_say_so(storm: PatchNightRun) -> None:
    """Assert that each mail arrived once, where it should, and names the clusters that it tells of."""
    fates = storm.fates()
    mails = {mail.operation_id: mail for mail in storm.endpoint.mails}
    assert len(mails) == len(storm.endpoint.mails)
    assert mails.keys() == fates.keys()
    clusters = {happening.key: happening.cluster for happening in storm.night.events}
    for operation_id, fate in fates.items():
        assert fate.state == "sent"
        assert mails[operation_id].to == (f"{fate.audience}@example.com",)
        html = mails[operation_id].body["content"]["html"]
        assert [member for member in fate.members if clusters[member.key] not in html] == []


@pytest.mark.timeout(600)
def test_patch_night() -> None:
    """On a night of 500 clusters and 30 audiences failures are told at once, all else within 35 minutes."""
    night = patch_night(BEGAN, 500, 30)
    with PatchNightRun(night, _in_memory) as storm:
        storm.run(night.events, after=timedelta(minutes=40))
        _keep("patch-night", storm)
        _assert_within_limits(storm)
        _assert_told_once(storm)
        assert storm.quota.most.per_hour <= OWN_DOMAIN.per_hour
        delays = storm.delays()
        assert len(delays) > 20
        assert delays[len(delays) // 2] < 1
        assert delays[-1] <= FAILURE_WITHIN.total_seconds()
        assert storm.after_the_last() <= timedelta(minutes=35).total_seconds()


def test_patch_night_all_at_once() -> None:
    """When 500 clusters go through it all in a quarter of an hour, everyone knows all an hour later."""
    night = patch_night(BEGAN, 500, 30, ALL_AT_ONCE)
    with PatchNightRun(night, _in_memory) as storm:
        storm.run(night.events, after=timedelta(minutes=90))
        _keep("all-at-once", storm)
        _assert_within_limits(storm)
        _assert_told_once(storm)
        assert storm.delays()[-1] <= FAILURE_WITHIN.total_seconds()
        assert storm.after_the_last() <= timedelta(hours=1).total_seconds()
        mails = len(storm.endpoint.mails)
        storm.go_on(hours=30)
        assert storm.undone() == {}
        assert len(storm.endpoint.mails) == mails


@pytest.mark.parametrize(
    ("name", "course", "minutes"), [("hours", Course(), 40), ("minutes", ALL_AT_ONCE, 75)]
)
def test_patch_night_on_a_managed_domain(table: AzureTable, name: str, course: Course, minutes: int) -> None:
    """With 5 mails a minute and 10 an hour, three audiences still hear of all of 60 clusters."""
    night = patch_night(BEGAN, 60, 3, replace(course, failing=0.1))
    with PatchNightRun(night, lambda _: table, sender=MANAGED) as storm:
        storm.run(night.events, after=timedelta(minutes=minutes))
        _keep(f"managed-domain-{name}", storm)
        _assert_within_limits(storm)
        _assert_told_once(storm)
        assert storm.quota.most.per_hour <= MANAGED_DOMAIN.per_hour
        assert storm.delays()[-1] <= FAILURE_WITHIN.total_seconds()
        assert storm.after_the_last() <= timedelta(minutes=minutes).total_seconds()


@pytest.mark.parametrize("course", [Course(), ALL_AT_ONCE])
def test_patch_night_of_several_instances(course: Course) -> None:
    """Instances that sweep at the same time, deliveries doubled and out of order: all is told once."""
    night = patch_night(BEGAN, 250, 15, course)
    with PatchNightRun(night, _in_memory, instances=3) as storm:
        storm.run(_as_delivered(night), after=timedelta(minutes=90), every=10)
        _keep(f"three-instances-{course.started_within.seconds // 60}", storm)
        _assert_within_limits(storm)
        _assert_told_once(storm)
        assert storm.table.trips["conflict"] > 100


def _as_delivered(night: Night) -> Iterator[Happening]:
    """Deliver one in three twice, and one in five late, so that some come after what follows them."""
    random = Random(7)
    for happening in night.events:
        late = timedelta(minutes=random.uniform(0, 5)) if random.random() < 0.2 else timedelta()
        yield happening._replace(at=happening.at + late)
        if random.random() < 0.3:
            yield happening._replace(at=happening.at + late * random.random())


@pytest.mark.timeout(180)
def test_storm_to_watch(tmp_path: Path) -> None:
    """The storm to watch ends with 0 where everyone was told what happened, and shows how it went."""
    small = ["--clusters", "30", "--audiences", "4", "--seconds", "5", "--out", str(tmp_path)]
    storm = subprocess.run(
        [sys.executable, "-m", "local.patch_night_demo", *small],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert storm.returncode == 0, storm.stdout + storm.stderr
    mails = list((tmp_path / "mail").glob("*.eml"))
    assert f"notices told in {len(mails)} emails" in storm.stdout
    assert storm.stdout.rstrip().endswith("index.html")
