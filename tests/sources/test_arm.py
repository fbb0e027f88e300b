"""Reading clusters from Azure Resource Manager, over HTTP."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from ops import subscriptions
from ops.__main__ import main as command
from ops.surroundings import Surroundings
from shared.sources.arm import Arm, ArmError, endpoint
from testing.arm_endpoint import SUBSCRIPTION, ArmEndpoint, Tokens, cluster, configuration
from testing.services.stand_in import Fault, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def arm() -> Iterator[ArmEndpoint]:
    """Serve a stand-in with pages of two."""
    with ArmEndpoint(page_size=2) as stand_in:
        yield stand_in


def listed(stand_in: ArmEndpoint, missed: list[str] | None = None) -> list[dict[str, Any]]:
    """List the clusters of the subscription."""
    out: list[str] = [] if missed is None else missed
    with Arm(Tokens(), stand_in.url) as opened:
        found = list(opened.listed(SUBSCRIPTION, lambda id_, error: out.append(f"{id_}: {error}")))
    assert missed is not None or not out
    return found


def test_all_pages_are_read(arm: ArmEndpoint) -> None:
    """Clusters and their configurations come from all pages of both lists, in order."""
    for number in range(5):
        arm.add(cluster(f"c{number}"), [configuration(name) for name in ("default", "a", "b")])
    found = listed(arm)
    assert [body["name"] for body in found] == ["c0", "c1", "c2", "c3", "c4"]
    assert all(len(body["maintenanceConfigurations"]) == 3 for body in found)
    assert len(arm.requests) == 3 + 5 * 2


def test_token_is_for_the_cloud_asked() -> None:
    """The token is asked for once, for the endpoint's own scope."""
    tokens = Tokens()
    with ArmEndpoint() as stand_in, Arm(tokens, stand_in.url) as opened:
        stand_in.add(cluster(), [])
        assert len(list(opened.listed(SUBSCRIPTION, lambda *_: None))) == 1
        assert tokens.scopes == [f"{stand_in.url}/.default"]


@pytest.mark.parametrize(
    ("portal", "host"),
    [
        ("portal.azure.com", "management.azure.com"),
        ("portal.azure.us", "management.usgovcloudapi.net"),
        ("Portal.Azure.cn", "management.chinacloudapi.cn"),
    ],
)
def test_endpoint_follows_the_portal(portal: str, host: str) -> None:
    """Each cloud's portal leads to that cloud's Resource Manager, over https."""
    assert endpoint(portal) == f"https://{host}"


@pytest.mark.slow
def test_throttling_is_respected(arm: ArmEndpoint) -> None:
    """A 429 is asked again once Retry-After has passed, and not earlier."""
    arm.add(cluster(), [configuration()])
    arm.script(Fault(kind="429", retry_after="1"))
    began = time.monotonic()
    assert len(listed(arm)) == 1
    assert time.monotonic() - began >= 1
    assert len(arm.requests) == 3


def test_throttling_for_too_long_is_not_waited_for(arm: ArmEndpoint) -> None:
    """A Retry-After beyond what a function may wait for ends the listing at once, with an error."""
    arm.script(Fault(kind="429", retry_after="600"))
    with pytest.raises(ArmError, match="429"):
        listed(arm)
    assert len(arm.requests) == 1


def test_passing_trouble_is_tried_again(arm: ArmEndpoint) -> None:
    """A 503 is asked again."""
    arm.add(cluster(), [])
    arm.script("503")
    assert len(listed(arm)) == 1


def test_denied_cluster_leaves_the_others(arm: ArmEndpoint) -> None:
    """A cluster whose configurations cannot be read is named and left out, and the others are read."""
    for name in ("a", "b", "c"):
        arm.add(cluster(name), [configuration()])
    arm.denied.add(cluster("b")["id"].lower())
    missed: list[str] = []
    assert [body["name"] for body in listed(arm, missed)] == ["a", "c"]
    assert len(missed) == 1
    assert "managedClusters/b: 403" in missed[0]


@pytest.mark.parametrize("link", ["https://attacker.example/next", "//attacker.example", "file:///etc/x"])
def test_token_goes_nowhere_else(arm: ArmEndpoint, link: str) -> None:
    """A next page on another host is not asked for: the token would go there."""
    arm.add(cluster(), [])
    arm.next_link = link
    with pytest.raises(ArmError, match="somewhere else"):
        listed(arm, [])


def test_redirect_is_not_followed(arm: ArmEndpoint) -> None:
    """A redirect is an answer like any other that is not 200."""
    arm.script(Reply(302, "", {"Location": "https://attacker.example/"}))
    with pytest.raises(ArmError, match="302"):
        listed(arm)


def test_pages_come_to_an_end(arm: ArmEndpoint) -> None:
    """A list whose next page is the same one again ends with an error."""
    arm.next_link = f"{arm.url}/subscriptions/x?api-version=2025-10-01"
    with pytest.raises(ArmError, match="do not come to an end"):
        listed(arm)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"value": 1}', b"{}", b"\xff"])
def test_odd_answer_is_an_error(arm: ArmEndpoint, body: bytes) -> None:
    """An answer that is no list of anything is an error of its own kind."""
    arm.script(Reply(200, body))
    with pytest.raises(ArmError):
        listed(arm)


def test_nothing_there_is_an_error() -> None:
    """An endpoint that does not answer is an error of the same kind."""
    with Arm(Tokens(), "http://127.0.0.1:9") as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", lambda _: None)
        with pytest.raises(ArmError):
            list(opened.listed(SUBSCRIPTION, lambda *_: None))


def test_lint_takes_a_subscription(arm: ArmEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    """`lint SUBSCRIPTION` checks the clusters that Azure Resource Manager lists."""
    arm.add(cluster("legacy", autoUpgradeProfile={"upgradeChannel": "node-image"}), [configuration()])
    portals: list[str] = []

    def opened(portal: str) -> Arm:
        portals.append(portal)
        return Arm(Tokens(), arm.url)

    at = ("--at", "2026-11-20T09:00Z")
    command(
        ["lint", SUBSCRIPTION, *at, "--json", "--portal", "portal.azure.us"], Surroundings(open_arm=opened)
    )
    assert '"legacy-channel"' in capsys.readouterr().out
    assert portals == ["portal.azure.us"]


def test_lint_names_what_went_wrong(arm: ArmEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    """A subscription that cannot be listed ends lint with 2 and one line that says why."""
    arm.denied.add(SUBSCRIPTION)
    surroundings = Surroundings(open_arm=lambda _: Arm(Tokens(), arm.url))
    assert command(["lint", f"/subscriptions/{SUBSCRIPTION}"], surroundings) == 2
    assert capsys.readouterr().err.startswith(f"subscription {SUBSCRIPTION}: 403 AuthorizationFailed")


def test_shared_windows_are_read_with_their_links(arm: ArmEndpoint) -> None:
    """Where a subscription has shared windows, they and the links to them are read."""
    provider = "resourcegroups/rg/providers/Microsoft.ContainerService"
    id_ = f"/subscriptions/{SUBSCRIPTION}/{provider}/maintenanceWindows/w"
    window = configuration()["properties"]["maintenanceWindow"]
    arm.add(cluster("linked"), [{"name": "default", "properties": {"maintenanceWindowId": id_}}])
    listing = subscriptions.fetch(SUBSCRIPTION, lambda: Arm(Tokens(), arm.url))
    assert listing.shared == ()
    arm.add_window({"id": id_, "name": "w", "properties": window})
    listing = subscriptions.fetch(SUBSCRIPTION, lambda: Arm(Tokens(), arm.url))
    assert [listed.shared.name for listed in listing.shared if listed.shared] == ["w"]
    found = next(listed for listed in listing.clusters if listed.name == "linked").configurations[0]
    assert found.window is not None
    asked = {(request.path.rpartition("/")[2], request.query) for request in arm.requests}
    assert ("maintenanceConfigurations", "api-version=2026-05-02-preview") in asked
