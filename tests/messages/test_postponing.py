"""Postponing and going back: what a mail advises does what it says, for the cluster that it is about."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from shared.channels.email.compose import Branding, compose
from shared.events.model import Status, Upgrade
from shared.maintenance.inventory import read, with_relations
from shared.notices.kinds import Kind
from testing.samples import extremes, mails
from tests.messages.test_commands import undirected

if TYPE_CHECKING:
    from shared.audience import Audience

LOOK = Branding(domain="contoso.example")
TOLD = {story.name: (story, audience) for story, audience in extremes.told()}
STORIES = {story.name: (story, mails.TEAM) for story in mails.stories()}


def text_of(told: tuple[mails.Story, Audience]) -> str:
    """Return the text of a mail, commands whole and sentences on a line."""
    story, audience = told
    return compose(story.mail, story.rows, audience, LOOK).text


def filter_of(text: str) -> str:
    """Return the jq filter that adds the day."""
    (line,) = (line.strip() for line in text.splitlines() if line.strip().startswith("jq '"))
    return line.split("'")[1]


def changed(text: str, given: object) -> object:
    """Run the advised filter on a saved configuration."""
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq is missing")
    done = subprocess.run(
        [jq, filter_of(text)], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_configuration_is_saved_changed_and_set_whole() -> None:
    """A run is postponed by a not-allowed date: the planned day at the window's offset; the rest stays."""
    text = text_of(STORIES["scheduled-inside"])
    where = (
        "--subscription 66667777-aaaa-8888-bbbb-9999cccc0000 -g rg-prod --cluster-name prod-weu-1 "
        "-n aksManagedAutoUpgradeSchedule"
    )
    query = "'{properties:{maintenanceWindow:maintenanceWindow}}'"
    assert f"az aks maintenanceconfiguration show {where} --query {query} > window.json" in text
    assert f"az aks maintenanceconfiguration update {where} --config-file postponed.json" in text
    assert "would wipe the schedule" in " ".join(text.split())
    assert "by Fri 27 Nov 01:45 Berlin (UTC+1)" in " ".join(text.split())
    window = {"durationHours": 4, "startDate": "2026-01-01", "utcOffset": "-08:00", "notAllowedDates": None}
    made = changed(text, {"properties": {"maintenanceWindow": window}})
    expected = {"durationHours": 4, "utcOffset": "-08:00"}
    dates = [{"start": "2026-11-26", "end": "2026-11-26"}]
    assert made == {"properties": {"maintenanceWindow": expected | {"notAllowedDates": dates}}}
    later = {"properties": {"maintenanceWindow": window | {"startDate": "2027-01-01"}}}
    assert changed(text, later)["properties"]["maintenanceWindow"]["startDate"] == "2027-01-01"  # type: ignore[index]


def test_a_rarer_schedule_keeps_its_rhythm() -> None:
    """Where intervals are counted from startDate, the day of the next window takes its place."""
    text = text_of(TOLD["extreme-rare"])
    window = {"startDate": "2026-01-24", "schedule": {"weekly": {"intervalWeeks": 2}}}
    made = changed(text, {"properties": {"maintenanceWindow": window}})
    assert made["properties"]["maintenanceWindow"]["startDate"] == "2026-11-26"  # type: ignore[index]


def test_a_shared_window_is_postponed_where_it_lives() -> None:
    """A cluster on a shared window is postponed there, and who else uses it is named."""
    text = text_of(TOLD["extreme-shared"])
    words = " ".join(text.split())
    assert "also prod-neu-1, prod-sea-1 and 7 more" in words
    assert "az rest --subscription" in text
    assert "az aks maintenanceconfiguration" not in text
    window = {"durationHours": 4, "provisioningState": "Succeeded", "notAllowedDates": []}
    saved = {"id": "x", "location": "westeurope", "tags": None, "properties": window}
    made = changed(text, saved)
    assert made == {
        "location": "westeurope",
        "tags": None,
        "properties": {"durationHours": 4, "notAllowedDates": [{"start": "2026-11-26", "end": "2026-11-26"}]},
    }


def test_without_a_window_the_day_is_said_to_be_utc() -> None:
    """Where the window is not known, the mail says so; and without a start, a placeholder fails."""
    assert "The window is not known here: 2026-11-27 is the planned day in UTC." in " ".join(
        text_of(STORIES["scheduled"]).split()
    )
    assert "<YYYY-MM-DD>" in text_of(STORIES["scheduled-unknown-start"])


def test_advice_fits_the_cluster() -> None:
    """AKS Automatic has no channel to turn off; blue-green pools may soak; set-aside nodes are listed."""
    assert "--auto-upgrade-channel none" in text_of(STORIES["scheduled-inside"])
    assert "--auto-upgrade-channel none" not in text_of(TOLD["extreme-automatic"])
    soaking = " ".join(text_of(TOLD["extreme-soaking"]).split())
    assert "Node pool blue (7 days) keeps the old nodes through a last soak." in soaking
    done = text_of(TOLD["extreme-set-aside"])
    assert "kubernetes.azure.com/upgrade-status=Quarantined" in done
    assert "Quarantined" not in text_of(STORIES["completed"])


@pytest.mark.parametrize(
    ("upgrade", "offered"), [(Upgrade.KUBERNETES, True), (Upgrade.NODE_OS, True), (Upgrade.PLATFORM, False)]
)
def test_going_back(upgrade: Upgrade, offered: bool) -> None:
    """A Kubernetes or node OS upgrade can be rolled back for 7 days, automatic upgrades off first."""
    ended = mails.recorded(mails.event(Status.COMPLETED, mails.NOW, upgrade=upgrade))
    text = text_of((mails.story("done", Kind.COMPLETED, ended), mails.TEAM))
    assert ("az aks nodepool rollback" in text) is offered
    if offered:
        assert "Until Fri 27 Nov 02:48 Berlin (UTC+1)" in " ".join(text.split())
        assert text.index("--auto-upgrade-channel none") < text.index("az aks nodepool rollback")


def test_every_command_at_the_edge_is_directed() -> None:
    """With the longest and the oddest names, too, each command names its subscription or its context."""
    for told in TOLD.values():
        lines = [line.strip() for line in text_of(told).splitlines() if line.startswith("      ")]
        commands = [line for line in lines if line.startswith(("az ", "kubectl "))]
        assert commands
        assert [wrong for command in commands for wrong in undirected(command)] == []


def test_users_of_a_shared_window_are_found() -> None:
    """Clusters on one shared window know of each other, as `az aks list` gives them; the others do not."""
    window = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/maintenanceWindows/w"
    link = {"name": "default", "properties": {"maintenanceWindowId": window}}
    base = mails.cluster().id.rpartition("/")[0]
    pools = [
        {
            "name": "blue",
            "upgradeStrategy": "BlueGreen",
            "upgradeSettingsBlueGreen": {"finalSoakDurationInMinutes": 90},
        },
        {"name": "sys", "upgradeSettings": {"undrainableNodeBehavior": "Cordon"}},
    ]
    bodies = [
        {"id": f"{base}/{name}", "maintenanceConfigurations": [link] * linked, "sku": {"name": "Automatic"},
         "agentPoolProfiles": pools}
        for name, linked in (("one", 1), ("two", 1), ("three", 0))
    ]  # fmt: skip
    one, two, three = with_relations(read(bodies, mails.NOW).clusters)
    assert one.sharers == {window.lower(): ("two",)}
    assert two.sharers == {window.lower(): ("one",)}
    assert three.sharers == {}
    assert one.sku == "Automatic"
    assert [(pool.is_blue_green, pool.final_soak, pool.undrainable) for pool in one.pools or ()] == [
        (True, 90, ""),
        (False, 0, "Cordon"),
    ]
