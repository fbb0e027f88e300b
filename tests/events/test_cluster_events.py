"""Events of a cluster's own topic, and payloads as they have been seen or documented elsewhere."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared import timestamps
from shared.events.envelope import parse
from shared.events.model import Event, Ignored, Rejected
from shared.notices import correlation
from shared.notices.kinds import Kind, kind_of
from shared.notices.records import StoredEvent

NOW = datetime(2026, 11, 29, 22, 30, tzinfo=UTC)
CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "event_cases.json").read_text("utf-8")
)
READABLE = [case for case in CASES if not isinstance(case["input"], str)]
ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/shop"


@pytest.mark.parametrize("case", READABLE, ids=[case["id"] for case in READABLE])
def test_payload_is_read_as_worked_out(case: dict[str, Any]) -> None:
    """What comes out of a payload, an event of a kind, ignored or rejected, is as worked out by hand."""
    given, expect = case["input"], case["expect"]
    text = given["raw"] if isinstance(given, dict) and "raw" in given else json.dumps(given)
    items = parse(text, NOW)
    words = {Event: "event", Ignored: "ignored", Rejected: "rejected"}
    found = [words[type(item.reading)] for item in items]
    events = [item.reading for item in items if isinstance(item.reading, Event)]
    if isinstance(expect.get("outcome"), str):
        assert any(word in expect["outcome"] for word in found)
    if "clusters" in expect:
        assert [event.subject.name for event in events] == expect["clusters"]
        assert len({event.row_key() for event in events}) == len(events)
    if "kind" in expect and expect["kind"] in set(Kind):
        assert [kind_of(event) for event in events] == [expect["kind"]] * len(events)
        assert events


def topic(
    type_: str, data: dict[str, Any], minutes: float = 0, id_: str = "1" * 40, cluster: str = ID
) -> Event:
    """Read an event of a cluster's own topic."""
    body = {
        "specversion": "1.0",
        "type": f"Microsoft.ContainerService.{type_}",
        "source": cluster,
        "subject": "shop",
        "id": id_,
        "time": (NOW + timedelta(minutes=minutes)).isoformat(),
        "data": data,
    }
    (item,) = parse(json.dumps(body), NOW)
    assert isinstance(item.reading, Event)
    return item.reading


def test_pool_event_is_known_again() -> None:
    """A pool's event is the same when it comes again, under another id even; another pool's is another."""
    first = topic("NodePoolRollingFailed", {"nodePoolName": "np"})
    assert first.pools == ("np",)
    assert topic("NodePoolRollingFailed", {"nodePoolName": "np"}, id_="2" * 40).row_key() == first.row_key()
    for other in (
        topic("NodePoolRollingFailed", {"nodePoolName": "other"}),
        topic("NodePoolRollingFailed", {"nodePoolName": "np"}, minutes=2),
        topic("NodePoolRollingSucceeded", {"nodePoolName": "np"}),
        topic("NodePoolRollingFailed", {"nodePoolName": "np"}, cluster=ID.replace("shop", "bank")),
    ):
        assert other.row_key() != first.row_key()


def test_rolling_is_part_of_a_maintenance_that_has_begun() -> None:
    """A pool that begins to roll within an hour after its cluster's Started is left out; no failure is."""
    base = topic("NodePoolRollingStarted", {"nodePoolName": "np"})
    began = msgspec.structs.replace(base, status="Started", news="", event_id="e", time=NOW)
    (mark,) = correlation.marks(StoredEvent("event:e:Started", began))
    for minutes, is_told in ((-10, False), (0, True), (59, True), (61, False)):
        rolling = topic("NodePoolRollingStarted", {"nodePoolName": "np"}, minutes)
        span = correlation.told_before(rolling)
        assert span is not None
        assert (span[0] <= mark < span[1]) is is_told
    other = topic("NodePoolRollingStarted", {"nodePoolName": "np"}, cluster=ID.replace("shop", "bank"))
    span = correlation.told_before(other)
    assert span is not None
    assert not span[0] <= mark < span[1]
    assert correlation.told_before(topic("NodePoolRollingFailed", {"nodePoolName": "np"})) is None


def test_data_in_base64_is_read() -> None:
    """Data that comes as Base64 holds the same event (CloudEvents 1.0, JSON format, 3.1.1)."""
    body = next(case["input"] for case in CASES if case["id"] == "spec-ce-started")
    data = json.dumps(body["data"]).encode()
    packed = {
        **{key: value for key, value in body.items() if key != "data"},
        "data_base64": base64.b64encode(data).decode(),
    }
    assert [item.reading for item in parse(json.dumps(packed), NOW)] == [
        item.reading for item in parse(json.dumps(body), NOW)
    ]


@pytest.mark.parametrize("text", ["Sun, 29 Nov 2026 22:17:12 GMT", "2026-11-29T22:17:12Z"])
def test_date_of_http_is_read(text: str) -> None:
    """A time in the form of HTTP is the same time."""
    assert timestamps.parse(text) == datetime(2026, 11, 29, 22, 17, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["Sun, 99 Nov 2026 22:17:12 GMT", "soon", "Mon", "a, b c d e:f:g h"])
def test_what_is_no_date_is_none(text: str) -> None:
    """What only begins like a date is no time."""
    assert timestamps.parse(text) is None
