"""Pages and feeds: who may see what, at what cost, and what answers say to caches and browsers."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

import icalendar
import msgspec
import pytest
from pytest_httpserver import HTTPServer

from shared import keys
from shared.delivery.heartbeat import Heartbeat
from shared.events.model import Cluster
from shared.maintenance.inventory import read
from shared.pages import publisher, responses, tokens
from shared.pages.publisher import KEPT_SECONDS, Publisher
from shared.store import codec
from shared.store.rows import Token
from shared.store.table import Operation, TableUnavailable, Verb
from testing.memory_table import MemoryTable
from testing.samples.payloads import SUBSCRIPTION, event, guid, scheduled
from testing.world import NOW, World

ROUTES = """
audiences: [{name: Shop, to: shop@example.com, time_zone: Europe/Berlin}]
routes: [{match: {cluster: shop-*}, audiences: Shop}]
"""
PROD = Cluster(SUBSCRIPTION, "rg-prod", "prod-1")


def opened(world: World, audience: str = "default") -> str:
    """Make a token; return it."""
    made = tokens.new()
    values = codec.token_values(Token(tokens.hashed(made), audience, NOW))
    world.table.commit([Operation(Verb.INSERT, keys.token(tokens.hashed(made)), values)])
    return made


@pytest.fixture
def world() -> World:
    """Make a world in which there is something of everything."""
    world = World(ROUTES=ROUTES, EMAIL_FROM="AKS <aks@example.com>")
    world.take(scheduled(NOW, timedelta(days=8), name="planned", cluster="prod-1"))
    world.take(event("Started", NOW, name="begun", cluster="shop-1"))
    world.take(event("Failed", NOW, name="broken", cluster="shop-2", details="SECRET REASON"))
    world.take(event("Completed", NOW, name="done", cluster="prod-3"))
    return world


def page(world: World, token: str, **query: str) -> str:
    """Return the status page as text."""
    return world.notifier.pages.status_page(token, query).body.decode()


def entries(world: World, token: str) -> dict[str, Any]:
    """Return what the calendar shows, by UID, as an independent parser reads it."""
    answer = world.notifier.pages.calendar(token, "ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    calendar = icalendar.Calendar.from_ical(answer.body.decode())
    return {str(each["UID"]): each for each in calendar.walk("VEVENT")}


def later(world: World, **more: float) -> None:
    """Let so much time pass that what was kept is read again."""
    world.clock.forward(seconds=KEPT_SECONDS + 1, **more)


def test_a_token_shows_its_audience_and_nothing_else(world: World) -> None:
    """Each sees the clusters that the routes send it; what is routed elsewhere is not there."""
    shop, default = opened(world, "shop"), opened(world)
    assert re.findall(r">([a-z]+-\d)</a>", page(world, shop)) == ["shop-2", "shop-1"]
    assert re.findall(r">([a-z]+-\d)</a>", page(world, default)) == ["prod-1", "prod-3"]
    assert "10:00 Berlin (UTC+1) · 09:00 UTC" in page(world, shop)


def test_a_wrong_token_is_a_404_that_reads_nothing(world: World) -> None:
    """A wrong token, a revoked one and a form that is none get the same answer, from memory."""
    token = opened(world)
    pages = world.notifier.pages
    assert pages.status_page(token, {}).status == 200
    before = world.table.trips.total()
    wrong = [pages.status_page(f"wrong-{number}", {}) for number in range(100)]
    assert {answer.status for answer in (*wrong, pages.calendar("x", "ics"))} == {404}
    assert pages.calendar(token, "exe") == wrong[0] == responses.NOT_FOUND
    assert world.table.trips.total() == before
    world.table.commit([Operation(Verb.DELETE, keys.token(tokens.hashed(token)))])
    later(world)
    assert pages.status_page(token, {}) == responses.NOT_FOUND


def test_cost_does_not_grow(world: World) -> None:
    """A page costs four reads however much has happened; all pages of half a minute cost no more."""
    token = opened(world)
    for number in range(30):
        world.take(event("Completed", NOW, name=f"of {number}", cluster=f"prod-{number % 3}"))
    before = world.table.trips.total()
    for form in ("ics", "json", "atom"):
        world.notifier.pages.calendar(token, form)
    page(world, token)
    page(world, token, cluster="prod-*")
    assert world.table.trips.total() - before == 4
    assert len(world.table.keys("cluster:")) == 6


def test_the_same_state_is_the_same_bytes(world: World) -> None:
    """While nothing happens the ETag stays, and who knows it gets 304 without a body; news change it."""
    token = opened(world)
    pages = world.notifier.pages
    first = pages.calendar(token, "ics")
    later(world, minutes=5)
    again = pages.calendar(token, "ics", first.headers["ETag"])
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert "Content-Type" not in again.headers
    world.take(event("Started", world.clock.now(), name="planned", cluster="prod-1"))
    later(world)
    assert pages.calendar(token, "ics", first.headers["ETag"]).status == 200


def test_one_uid_from_announcement_to_end(world: World) -> None:
    """A maintenance keeps the UID that its mails have, while its time moves, it begins and is canceled."""
    token = opened(world)
    uid = f"maintenance-{guid('planned')}@example.com"
    assert entries(world, token)[uid]["SEQUENCE"] == 0
    world.take(
        scheduled(world.clock.now(), timedelta(days=9), name="planned", cluster="prod-1", envelope="other")
    )
    later(world)
    moved = entries(world, token)[uid]
    assert (moved["SEQUENCE"], moved["STATUS"]) == (1, "CONFIRMED")
    assert moved["DTSTART"].dt == NOW + timedelta(days=9)
    world.take(event("Canceled", world.clock.now(), name="planned", cluster="prod-1"))
    later(world)
    canceled = entries(world, token)[uid]
    assert (canceled["SEQUENCE"], canceled["STATUS"]) == (2, "CANCELLED")
    assert str(canceled["SUMMARY"]).startswith("Canceled: ")


def test_expected_windows_are_tentative_until_they_are_announced(world: World) -> None:
    """A known window is entered as tentative; the one that a notice covers is not."""
    config = {
        "name": "aksManagedNodeOSUpgradeSchedule",
        "properties": {
            "maintenanceWindow": {
                "schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Saturday"}},
                "durationHours": 4,
                "startTime": "09:00",
                "utcOffset": "+00:00",
            }
        },
    }
    body = {"id": PROD.id, "location": "westeurope", "maintenanceConfigurations": [config]}
    world.notifier.store.save_clusters(read(body, NOW).clusters)
    found = entries(world, opened(world))
    tentative = [each["DTSTART"].dt for each in found.values() if each["STATUS"] == "TENTATIVE"]
    assert NOW + timedelta(days=1) in tentative
    assert NOW + timedelta(days=8) not in tentative  # announced
    assert len(tentative) == 12
    many = [{**body, "id": msgspec.structs.replace(PROD, name=f"prod-{number}").id} for number in range(60)]
    world.notifier.store.save_clusters(read(many, NOW).clusters)
    later(world)
    said = page(world, opened(world))
    assert 'Expected windows <span class="count">60</span>' in said
    assert "These are the first 50." in said


def test_forms_tell_the_same(world: World) -> None:
    """JSON and Atom have the calendar's entries; no failure's text and no foreign id is in any of them."""
    token = opened(world, "shop")
    pages = world.notifier.pages
    bodies = {form: pages.calendar(token, form).body.decode() for form in ("ics", "json", "atom")}
    summaries = {str(each["SUMMARY"]) for each in entries(world, token).values()}
    assert {each["summary"] for each in json.loads(bodies["json"])["entries"]} == summaries
    titles = ET.fromstring(bodies["atom"]).iterfind("{*}entry/{*}title")
    assert {str(title.text).rpartition(" · ")[0] for title in titles} == summaries
    assert "Failed: AKS maintenance · shop-2" in summaries
    assert not any("SECRET" in body for body in (*bodies.values(), page(world, token)))
    assert "METHOD:PUBLISH" in bodies["ics"]
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in bodies["ics"]


def test_filters_stand_in_the_address(world: World) -> None:
    """Patterns of names, several with commas, choose what is shown; what is no filter changes nothing."""
    token = opened(world)
    assert re.findall(r">([a-z]+-\d)</a>", page(world, token, cluster="PROD-1,x")) == ["prod-1"]
    assert re.findall(r">([a-z]+-\d)</a>", page(world, token, region="eastus")) == []
    assert page(world, token, utm="x") == page(world, token)
    assert "<script>" not in page(world, token, cluster='"><script>')


def test_times_are_told_by_what_has_become_of_them(world: World) -> None:
    """What was to start is not what comes next, and what runs without a start is not told to come."""
    world.take(scheduled(NOW, timedelta(minutes=20), name="near", cluster="prod-2"))
    world.take(event("Paused", NOW, name="odd", cluster="prod-4"))
    token = opened(world)
    assert "Next: Node OS upgrade of prod-2" in page(world, token)
    later(world, hours=1)
    shown = page(world, token)
    assert "Next: Node OS upgrade of prod-1" in shown
    assert shown.count("Was to start") == 1
    assert "Time not announced" not in shown
    assert "Not reported by AKS" in shown


def test_columns_of_which_nothing_is_known_are_left_out(world: World) -> None:
    """The inventory shows the columns in which something stands, as the command does."""
    shown = page(world, opened(world), view="inventory")
    labels = re.findall(r'<th scope="col">(.*?)</th>', shown)
    assert labels == ["Cluster", "Resource group", "Region", "Last upgrade", "It ended"]
    assert shown.count("<td") == (len(labels) - 1) * shown.count('<th scope="row">')


def test_an_address_with_a_slash_leads_to_the_page(world: World) -> None:
    """A page's links are relative, so `status/TOKEN/` is led to `status/TOKEN`; a wrong token is a 404."""
    pages, token = world.notifier.pages, opened(world)
    asked = f"https://x/status/{token}/?region=eu"
    found = pages.status_page(token, {"region": "eu"}, address=asked)
    assert (found.status, urljoin(asked, found.headers["Location"])) == (
        308,
        f"https://x/status/{token}?region=eu",
    )
    assert pages.status_page("wrong", {}, address="https://x/status/wrong/") == responses.NOT_FOUND


def test_answers_keep_to_themselves(world: World) -> None:
    """No script, no frame, no index, no referrer; the style sheet by its hash alone."""
    found = world.notifier.pages.status_page(opened(world), {})
    policy = found.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert responses.MAX_AGE_SECONDS + KEPT_SECONDS <= 60
    assert found.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in found.headers["X-Robots-Tag"]
    assert "Set-Cookie" not in found.headers


def test_proof_of_life(world: World) -> None:
    """The probe is well while sweeps run: an idle one writes once in five minutes, by the server's clock."""
    pages = world.notifier.pages
    assert pages.health().status == 503
    for _ in range(10):
        world.clock.forward(minutes=1)
        world.notifier.sweep()
    before = world.table.trips["commit"]
    world.clock.forward(hours=3)
    world.notifier.sweep()
    assert world.table.trips["commit"] - before <= 3
    before = world.table.trips["commit"]
    for _ in range(4):
        world.clock.forward(minutes=1)
        world.notifier.sweep()
    assert world.table.trips["commit"] == before
    assert pages.health().status == 200
    assert "Last sweep" in page(world, opened(world))
    world.clock.forward(minutes=11)
    assert (pages.health().status, pages.health().body) == (503, b"no sweep in the last ten minutes\n")


def test_storage_that_does_not_answer_is_not_well() -> None:
    """The probe says 503 where storage is silent, and names nothing."""

    class Silent(MemoryTable):
        def query(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise TableUnavailable("account prod-secret is gone")

    world = World(Silent(lambda: NOW))
    assert (world.notifier.pages.health().status, world.notifier.pages.health().body) == (
        503,
        b"storage does not answer\n",
    )


def test_nobody_makes_the_table_work(world: World) -> None:
    """Silent storage is asked once in five seconds for pages, which are a 503 meanwhile."""
    pages, token, asked = world.notifier.pages, opened(world), []

    def silent(*_: object, **__: object) -> None:
        asked.append(1)
        raise TableUnavailable("account prod-secret is gone")

    world.table.query = silent  # type: ignore[method-assign, assignment]
    found = [pages.status_page(token, {}) for _ in range(50)]
    assert {answer.status for answer in found} == {503}
    assert {"Retry-After", "Refresh"} <= found[0].headers.keys()
    assert b"secret" not in found[0].body
    assert len(asked) == 1
    del world.table.query
    world.clock.forward(seconds=6)
    assert pages.status_page(token, {}).status == 200


def test_probes_share_a_reading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe says what is so now; of many at once two read at most, for those that waited share."""
    monkeypatch.setattr(publisher, "WAIT_SECONDS", 60)  # whatever else the machine does
    pages, table = world.notifier.pages, world.table
    assert pages.health().status == 503
    world.notifier.sweep()
    assert pages.health().status == 200
    asked, go_on, query = [], Event(), table.query

    def slow(*given: Any, **named: Any) -> Any:
        asked.append(1)
        go_on.wait(5)
        return query(*given, **named)

    table.query = slow  # type: ignore[method-assign]
    with ThreadPoolExecutor(16) as pool:
        answers_ = [pool.submit(pages.health) for _ in range(16)]
        time.sleep(0.2)
        go_on.set()
        assert {each.result().status for each in answers_} == {200}
    assert len(asked) < 5


def test_nobody_has_pages_written_without_end(world: World) -> None:
    """Who varies the filters gets 429 after so many in half a minute; kept pages and others are served."""
    pages, token, other = world.notifier.pages, opened(world), opened(world, "shop")
    tried = [pages.status_page(token, {"cluster": f"x{n}"}).status for n in range(100)]
    assert tried == [200] * publisher.MAX_WRITTEN + [429] * (100 - publisher.MAX_WRITTEN)
    assert pages.status_page(token, {"cluster": "x0"}).status == 200
    assert pages.status_page(token, {"cluster": "y"}).headers["Retry-After"]
    assert pages.status_page(other, {"cluster": "y"}).status == 200
    later(world)
    assert pages.status_page(token, {"cluster": "y"}).status == 200


def test_nobody_has_the_probe_read_without_end(world: World) -> None:
    """Of a thousand probes in a second ten read."""
    before = world.table.trips.total()
    for _ in range(1_000):
        world.notifier.pages.health()
    assert world.table.trips.total() - before == publisher.READINGS_A_SECOND
    world.notifier.sweep()
    world.clock.forward(seconds=1)
    assert world.notifier.pages.health().status == 200


def test_news_that_the_row_has_no_room_for_cost_no_event(world: World) -> None:
    """Where a cluster's row takes no more, the event is recorded all the same."""
    from shared.store.table import TableRefused

    class Full(MemoryTable):
        def commit(self, operations: object) -> list[str]:
            if any(each.verb is Verb.UPSERT for each in operations):  # type: ignore[attr-defined]
                raise TableRefused("too many properties")
            return super().commit(operations)  # type: ignore[arg-type]

    full = World(Full(lambda: NOW))
    assert full.take(event("Started", NOW)) == "new"


def test_housekeeping_trims_the_present_state(world: World) -> None:
    """News of two months ago leave the rows; what is known of a cluster stays."""
    world.notifier.store.save_clusters(read({"id": PROD.id, "location": "x"}, NOW).clusters)
    world.clock.forward(days=61)
    world.notifier.remove_expired()
    rows = world.table.query("cluster:", "cluster:~").rows
    assert not any(name.startswith("news_") for row in rows for name in row.values)
    assert any("facts" in row.values for row in rows)


def test_publisher_is_built_without_a_round_trip() -> None:
    """Putting the app together reads nothing for pages."""
    world = World()
    assert isinstance(world.notifier.pages, Publisher)
    assert world.table.trips.total() == 0


def test_the_watcher_is_called_after_good_sweeps(caplog: Any) -> None:
    """HEARTBEAT_URL is called once in five minutes; what goes wrong there is logged without it."""
    world = World()
    with HTTPServer() as watcher:  # one of its own, since it ends
        watcher.expect_request("/secret-path").respond_with_data("ok")
        heartbeat = Heartbeat(world.notifier.store, world.clock, watcher.url_for("/secret-path"))
        for _ in range(11):
            heartbeat.beat()
            world.clock.forward(minutes=1)
        assert len(watcher.log) == 3
    world.clock.forward(minutes=5)
    heartbeat.beat()
    assert "the watcher of HEARTBEAT_URL was not reached" in caplog.text
    assert not any("secret-path" in record.message for record in caplog.records if record.name == "notifier")
