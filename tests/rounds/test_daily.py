"""The daily reading: clusters, their windows and tags; and what it finds."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ops.__main__ import main
from ops.surroundings import Surroundings
from shared.maintenance import AUTO_UPGRADE, NODE_OS
from shared.rounds import advisories, inventory_reading
from shared.rounds.subscriptions import Watched
from testing.arm_endpoint import cluster, configuration
from testing.asking_world import AskingWorld, asking
from testing.samples.payloads import SUBSCRIPTION, event

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

ROUTES = """
audiences:
  - {name: Shop, to: shop@example.com}
  - {name: Platform, to: platform@example.com}
  - {name: Oncall, to: oncall@example.com, escalate: {after: 4h, to: Platform}}
routes:
  - {match: {tag: {Team: "on-*"}}, audiences: Oncall}
  - audiences: {from_tag: TEAM, default: Platform}
"""
TOPIC: dict[str, Any] = {
    "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.EventGrid/systemTopics/t",
    "type": "microsoft.eventgrid/systemtopics",
    "properties": {
        "source": f"/subscriptions/{SUBSCRIPTION}",
        "topicType": "Microsoft.ResourceNotifications.ContainerServiceEventResources",
    },
}


@pytest.fixture
def world() -> Iterator[AskingWorld]:
    """Return a world with a topic."""
    with asking(CLUSTERS=SUBSCRIPTION) as world:
        world.azure.graph.add("resources", TOPIC)
        yield world


def add(
    world: AskingWorld, name: str = "prod-weu-1", *windows: dict[str, Any], **facts: Any
) -> dict[str, Any]:
    """Let there be a cluster; `facts` beside `properties` are tags and SKU."""
    outside: dict[str, Any] = {key: facts.pop(key) for key in ("tags", "sku") if key in facts}
    facts.setdefault("currentKubernetesVersion", "1.36.1")
    body: dict[str, Any] = {**cluster(name, **facts), **outside}
    world.azure.graph.remove("resources", body["id"])
    world.azure.add(body, list(windows))
    return body


def known(world: AskingWorld, name: str = "prod-weu-1") -> Any:
    """Return what is known of a cluster."""
    found = world.notifier.store.cluster(cluster(name)["id"].lower())
    assert found is not None
    return found


def test_clusters_come_by_resource_graph_and_windows_by_rest(world: AskingWorld) -> None:
    """Tags, also the group's, names, versions, images, plan, SKU and states are read; windows as before."""
    pools = [{"name": "blue", "nodeImageVersion": "AKSUbuntu-1", "upgradeStrategy": "BlueGreen"}]
    add(
        world,
        "prod-weu-1",
        configuration(),
        tags={"Team": "shop"},
        sku={"name": "Automatic", "tier": "Standard"},
        powerState={"code": "Running"},
        supportPlan="KubernetesOfficial",
        agentPoolProfiles=pools,
    )
    group = {
        "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-prod",
        "type": "microsoft.resources/subscriptions/resourcegroups",
        "tags": {"team": "platform", "env": "prod"},
    }
    world.azure.graph.add("resourcecontainers", group)
    world.read()
    found = known(world)
    assert found.all_tags() == {"team": "shop", "env": "prod"}
    assert (found.subscription_name, found.sku, found.power) == ("Shop (production)", "Automatic", "Running")
    assert (found.images, found.pools[0].strategy) == ({"blue": "AKSUbuntu-1"}, "BlueGreen")
    assert [one.name for one in found.configurations] == [NODE_OS]
    world.take(event("Failed", world.clock.now()))
    assert "subscription Shop (production)" in world.mailer.arrived[0][1].text


def test_windows_are_resumed(world: AskingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that has no time for all windows goes on in the next; all clusters are written down at once."""
    monkeypatch.setattr(inventory_reading, "_BATCH_CLUSTERS", 10)
    for number in range(45):
        add(world, f"c{number:02d}", configuration())
    monkeypatch.setattr(inventory_reading, "RUN_SECONDS", 0)
    attached = world.arm.attached

    def slow(*args: Any) -> Any:
        world.clock.forward(seconds=1)
        return attached(*args)

    monkeypatch.setattr(world.arm, "attached", slow)
    seen: list[int] = []
    for _ in range(5):
        world.read()
        every = world.notifier.store.clusters().values()
        seen.append(sum(bool(one.configurations) for one in every))
        assert len(every) == 45
    assert seen == [10, 20, 30, 40, 45]


def test_where_resource_graph_does_not_answer_clusters_are_listed(world: AskingWorld) -> None:
    """Resource Manager's list is the way then; that coverage is not sure is said."""
    add(world, "prod-weu-1", configuration())
    world.azure.script("", "400")
    world.read()
    assert known(world).version == "1.36.1"
    assert coverage(world)[0] == 2


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"team": "shop"}, "shop@example.com"),
        ({"TEAM": "Shop"}, "shop@example.com"),
        ({"team": "nobody"}, "platform@example.com"),
        ({}, "platform@example.com"),
        ({"team": "on-call"}, "oncall@example.com"),
    ],
)
def test_routes_by_tag(tags: dict[str, str], told: str) -> None:
    """A tag's value matches a route, or names the audience; one that names none falls to the default."""
    with asking(CLUSTERS=SUBSCRIPTION, ROUTES=ROUTES) as world:
        add(world, tags=tags)
        world.read()
        world.table.trips.clear()
        world.take(event("Started", world.clock.now()))
        assert world.table.trips["get"] == 1
        world.settle_down(2)
        assert [email.to for _, email in world.mailer.arrived if "ops@example.com" not in email.to] == [
            (told,)
        ]


def test_a_cluster_nobody_knows_is_routed_without_tags(caplog: pytest.LogCaptureFixture) -> None:
    """Without a row of the cluster its tags are none, which the log says."""
    with asking(CLUSTERS=SUBSCRIPTION, ROUTES=ROUTES) as world:
        world.take(event("Failed", world.clock.now()))
        assert world.mailer.arrived[0][1].to == ("platform@example.com",)
        assert "routed without tags" in caplog.text


@pytest.mark.parametrize("is_resolved", [True, False])
def test_a_failure_that_nothing_resolves_is_escalated(*, is_resolved: bool) -> None:
    """After so long it is told to the other audience too, once; not if it was put right."""
    with asking(CLUSTERS=SUBSCRIPTION, ROUTES=ROUTES) as world:
        add(world, tags={"team": "on-call"})
        world.read()
        world.settle_down(2)
        world.mailer.arrived.clear()
        world.take(event("Failed", world.clock.now()))
        world.sweep(hours=3)
        if is_resolved:
            world.take(event("Completed", world.clock.now()))
        for _ in range(5):
            world.sweep(hours=1)
        told = [email for _, email in world.mailer.arrived if email.to == ("platform@example.com",)]
        assert len(told) == (0 if is_resolved else 1)
        assert all("still not resolved" in email.subject for email in told)


def coverage(world: AskingWorld, *arguments: str, capsys: Any = None) -> tuple[int, Any]:
    """Run the command; return its exit code and what it printed as JSON."""
    around = Surroundings(clock=world.clock, open_table=lambda _: nullcontext(world.table))
    code = main(["coverage", "--json", "--account", "https://x.table.core.windows.net", *arguments], around)
    return code, json.loads(capsys.readouterr().out) if capsys else None


def test_coverage_command(world: AskingWorld, capsys: pytest.CaptureFixture[str]) -> None:
    """Each cluster that nobody would hear of is listed with its reasons; exit codes say whether there are."""
    idle = {"upgradeChannel": "none", "nodeOSUpgradeChannel": "Unmanaged"}
    assert coverage(world, capsys=capsys) == (0, [])  # no table yet
    add(world, "covered", configuration())
    world.read()
    assert coverage(world, capsys=capsys) == (0, [])
    add(world, "idle", autoUpgradeProfile=idle)
    add(world, "no-window", configuration("default"))
    add(world, "misnamed", configuration("my-window"))
    add(world, "old", configuration(AUTO_UPGRADE), currentKubernetesVersion="1.29.4")
    world.read(days=1)
    code, found = coverage(world, capsys=capsys)
    assert code == 1
    assert {one["name"]: [reason["id"] for reason in one["reasons"]] for one in found} == {
        "idle": ["no-channel"],
        "no-window": ["no-window"],
        "misnamed": ["no-window", "ignored-name"],
        "old": ["support-over"],
    }
    assert found[0]["cluster"].endswith(f"/managedClusters/{found[0]['name']}")
    world.azure.graph.remove("resources", TOPIC["id"])
    world.read(days=1)
    _, found = coverage(world, capsys=capsys)
    assert {one["name"] for one in found if one["reasons"][-1]["id"] == "not-subscribed"} >= {"covered"}
    world.take(event("Started", world.clock.now()))
    world.read(days=1)
    _, found = coverage(world, capsys=capsys)
    assert "covered" not in {one["name"] for one in found}


def test_quiet_beginning(world: AskingWorld) -> None:
    """The first reading is one summary to the operator; what is new later is told one by one."""
    idle = {"upgradeChannel": "none"}
    add(
        world,
        "idle-1",
        autoUpgradeProfile=idle,
        currentKubernetesVersion="1.34.2",
        provisioningState="Failed",
    )
    world.read()
    world.settle_down(3)
    assert world.told == ["coverage"]
    assert "1 of them are in Failed state" in world.mailer.arrived[0][1].text
    add(world, "idle-2", autoUpgradeProfile=idle)
    world.read(days=1)
    world.read(days=1)
    world.settle_down(8)
    assert world.told == ["coverage", "coverage"]
    assert "idle-2" in world.mailer.arrived[1][1].text
    assert "idle-1" not in world.mailer.arrived[1][1].text


def test_support_is_told_at_each_step_once(world: AskingWorld) -> None:
    """60, 30 and 7 days ahead, with the clusters of a version; after several steps the nearest alone."""
    for number in range(3):
        add(world, f"c{number}", configuration(), currentKubernetesVersion="1.35.1")
    world.read()
    world.settle_down(6)
    for days in (75, 1, 40, 1, 6, 1):  # the community's support of 1.35 ends on 31 March 2027
        world.read(days=days)
        world.settle_down(6)
    mails = [email for _, email in world.mailer.arrived]
    told = [email for email in mails if "support-ending" in dict(email.headers).values()]
    assert len(told) == 3
    for email, ahead in zip(told, ("in 56 days", "in 15 days", "in 7 days"), strict=True):
        assert ahead in email.subject
        assert "3 clusters" in email.subject


@pytest.mark.parametrize("says_something", [True, False])
def test_nothing_happened(world: AskingWorld, *, says_something: bool) -> None:
    """A window that passed without a word, though a newer image was there, is told once."""
    body = add(
        world,
        "prod-weu-1",
        configuration(),
        powerState={"code": "Stopped"},
        agentPoolProfiles=[{"name": "blue", "nodeImageVersion": "AKSUbuntu-1"}],
    )
    profile = f"{body['id'].lower()}/agentpools/blue/upgradeprofiles/default"
    world.azure.bodies[profile] = {"properties": {"latestNodeImageVersion": "AKSUbuntu-2"}}
    world.read()
    world.settle_down(6)
    if says_something:
        world.clock.forward(days=1)  # into the window of Saturday 09:00 to 13:00 UTC
        world.take(event("Started", world.clock.now() + timedelta(hours=1)))
        world.clock.forward(days=-1)
    for _ in range(4):
        world.read(days=1)
    world.settle_down(8)
    assert world.told.count("nothing-happened") == (not says_something)
    if not says_something:
        text = next(email.text for _, email in world.mailer.arrived if "nothing" in email.subject)
        assert "The cluster is stopped." in text
        assert "AKSUbuntu-2" in text


@pytest.mark.parametrize(
    ("offered", "beside", "region", "taken"),
    [
        (("1.35.4", "1.36.1", "1.36.2", "1.37.0"), "", "", "1.36.2"),
        (("1.36.1", "1.36.2"), "1.37.0", "westeurope", "1.36.2"),
        (("1.36.2",), "1.37.0", "eastus", ""),
        (("1.36.2",), "1.36.0", "westeurope", ""),
        (("1.36.2",), "1.38.0", "westeurope", ""),
    ],
)
def test_stable_takes_the_newest_version_but_one(
    world: AskingWorld, offered: tuple[str, ...], beside: str, region: str, taken: str
) -> None:
    """The newest is what is offered, or what a cluster of the region runs, unless it may be a preview."""
    body = add(world, "prod-weu-1", configuration(AUTO_UPGRADE), currentKubernetesVersion="1.35.1")
    upgrades = [{"kubernetesVersion": one} for one in offered]
    profile = {"properties": {"controlPlaneProfile": {"upgrades": upgrades}}}
    world.azure.bodies[f"{body['id'].lower()}/upgradeprofiles/default"] = profile
    if beside:
        other = {
            **cluster("beside", currentKubernetesVersion=beside, autoUpgradeProfile={}),
            "location": region,
        }
        world.azure.add(other, [])
    world.read()
    world.settle_down(6)
    for _ in range(4):
        world.read(days=1)
    world.settle_down(8)
    texts = [email.text for _, email in world.mailer.arrived]
    assert any(taken in text and "1.35.1" in text for text in texts) == bool(taken)
    assert world.told.count("nothing-happened") == bool(taken)


def test_advisories_are_told_once_for_each_change_of_dates(world: AskingWorld) -> None:
    """One notice for each tracking id over all subscriptions, and one for each change of status or dates."""
    path = Path(__file__).parents[1] / "fixtures" / "service_health_advisory.json"
    sample = json.loads(path.read_text("utf-8"))
    other = "11112222-bbbb-3333-cccc-4444dddd5555"
    world.watched = Watched((SUBSCRIPTION, other))
    world.azure.add_subscription(other, "Other")
    twin = {**sample, "id": sample["id"].replace(SUBSCRIPTION, other), "subscriptionId": other}

    def publish(**changes: Any) -> None:
        world.azure.graph.remove("servicehealthresources", sample["id"], twin["id"])
        for row in (sample, twin):
            properties = {**row["properties"], **changes}
            world.azure.graph.add("servicehealthresources", {**row, "properties": properties})

    world.read()
    world.settle_down(6)
    for changes in ({}, {"Title": "edited"}, {"ImpactMitigationTime": "2027-09-30T00:00:00Z"}):
        publish(**changes)
        world.read(days=1, with_advisories=True)
        world.settle_down(6)
    assert world.told.count("advisory") == 2
    text = world.mailer.arrived[-1][1].text
    assert "Shop (production), Other" in text or "Other, Shop (production)" in text
    assert "<b>" not in text


def test_html_from_outside_is_reduced_to_text() -> None:
    """Markup, scripts and styles go; paragraphs stay."""
    html = "<p>One &amp; <b>two</b></p><script>alert(1)</script><ul><li>three</li></ul><style>p{}</style>"
    assert advisories.as_text(html) == "One & two\nthree"


def test_what_changes_without_an_event_is_remembered(world: AskingWorld) -> None:
    """A version that became another one, of which no maintenance told, is a change of somebody's own."""
    add(world, "by-hand", configuration())
    add(world, "by-aks", configuration())
    world.read()
    world.take(event("Started", world.clock.now(), cluster="by-aks"))
    for name in ("by-hand", "by-aks"):
        add(world, name, configuration(), currentKubernetesVersion="1.36.2")
    world.read(days=1)
    assert [(one.before, one.after) for one in known(world, "by-hand").changes] == [("1.36.1", "1.36.2")]
    assert known(world, "by-aks").changes == ()
