"""Deliveries to the event reader: whatever comes, each thing in it is read, refused or left alone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

from shared import keys
from shared.events.envelope import named, parse
from shared.events.model import DeliveredItem, Event, Ignored, Rejected, Status
from shared.events.scheduled_event import EVENT_TYPE, VM_EVENT_TYPE
from shared.notices.records import StoredEvent
from shared.store import codec
from shared.store.table import Stored
from testing.hostile import InputVerdict
from testing.hostile.material import (
    SPLICES,
    TEXTS,
    TIMES,
    VALUES,
    changes,
    cut,
    one_of_many,
    rewritten,
    written,
)
from testing.samples import payloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testing.hostile.material import Change

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
KEY = re.compile(r"[A-Za-z0-9:.-]{1,512}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MAX_UNITS = 32_767
_MAX_BYTES = 65_536
_MAX_OF_A_ROW = 1_048_576

SAMPLES = Path(__file__).parents[2] / "samples"
OURS = (
    "started.eventgrid.captured.json",
    "started.cloudevent.json",
    "started.eventgrid.json",
    "scheduled-agentpool.cloudevent.composed.json",
    "end-of-support.cloudevent.composed.json",
)
OTHERS = (
    "fleet-gate-created.eventgrid.json",
    "fleet-gate-updated.cloudevent.json",
    "new-kubernetes-version.eventgrid.json",
)


def _body(name: str) -> str:
    loaded = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
    return json.dumps(loaded[0] if isinstance(loaded, list) else loaded)


GOOD = {
    status: payloads.event(status, NOW, name="good", cluster="good-one") for status in ("Failed", "Paused")
}
"""Events that have to be read: of a status that we know, and of one that we do not."""

BODIES = (
    *map(_body, (*OURS, *OURS, *OTHERS)),
    *(payloads.event(status, NOW - timedelta(hours=hour)) for hour, status in enumerate(Status)),
    payloads.scheduled(NOW, timedelta(days=7)),
    payloads.end_of_support(NOW, "KubernetesVersionOutOfSupport", NOW + timedelta(days=30)),
    payloads.event("Failed", NOW, details={"code": "Conflict", "message": "line\nline"}),
    GOOD["Paused"],
)
"""Real samples and made-up events of every kind, each as JSON."""


class Delivery(NamedTuple):
    """What Event Grid may deliver, and the status of the one of GOOD that has to be read out of it."""

    text: str
    good: str = ""
    twin: str = ""
    """The same with its times written by other offsets from UTC."""


def _array(elements: Sequence[str], at: int, good: str) -> Delivery:
    elements = [*elements[:at], GOOD[good], *elements[at:]]
    return Delivery(f"[{','.join(elements)}]", good)


def _twins(status: str, ago: timedelta, ahead: timedelta, offset: timedelta) -> Delivery:
    """Write an event twice: all its times in UTC, and by an offset from it."""

    def by(zone: timezone) -> str:
        time = (NOW - ago).astimezone(zone)
        start = (NOW + ahead).astimezone(zone)
        body = json.loads(payloads.event(status, time, name="twin", envelope="twin", scheduledTime=start))
        body["data"]["resourceInfo"]["properties"]["startTime"] = start.isoformat()
        return json.dumps(body)

    return Delivery(by(UTC), twin=by(timezone(offset)))


def _altered(body: str, made: list[Change], form: str) -> str:
    text = rewritten(body, made, is_ascii=form != "unicode")
    match form:
        case "array":
            return f" [ {text}\r\n]"
        case "mark":
            return f"\ufeff{text}\n"
        case "twice":
            return text.replace('"eventStatus":', '"eventStatus": 7, "eventStatus" :', 1)
    return text


_PROPERTIES = st.sampled_from((*TIMES, *map(str, Status), "Paused", "K8sVersionUpgrade", "y" * 25_000))
BODY = st.builds(
    _altered,
    one_of_many(BODIES),
    changes(VALUES | _PROPERTIES),
    st.sampled_from(("plain", "plain", "plain", "unicode", "array", "mark", "twice")),
)
"""An event of AKS or of somebody else, more or less damaged."""

_NO_JSON = ("nul", "{'a': 1}", "[1,]", "+1", "{]", '{"a" 1}', "NaN", *SPLICES.values())
_ELEMENT = BODY | VALUES.map(written) | st.sampled_from(_NO_JSON)
DELIVERIES = (
    BODY.map(Delivery)
    | st.builds(_array, st.lists(_ELEMENT, max_size=3), st.integers(0, 3), st.sampled_from((*GOOD,)))
    | st.builds(
        cut, one_of_many((*BODIES, f"[{GOOD['Failed']}]")), st.integers(0, 4_000), TEXTS, is_cut=st.booleans()
    ).map(Delivery)
    | st.builds(
        _twins,
        st.sampled_from((*Status, "Paused")),
        st.integers(0, 10_000).map(lambda seconds: timedelta(seconds=seconds)),
        st.integers(1, 20_000).map(lambda minutes: timedelta(minutes=minutes)),
        st.integers(-1_439, 1_439).map(lambda minutes: timedelta(minutes=minutes)),
    )
    | (st.text(st.characters(codec=None), max_size=40) | VALUES.map(written)).map(Delivery)
)


def check_delivery(delivery: Delivery) -> InputVerdict:
    """Check that every event of a delivery is read, or refused with a reason, or ignored as not of AKS.

    What can be read is read whatever stands beside it in an array that is whole: a bracket, brace or quote
    that is never closed makes one rejected input of all of it. What says that it is ours is never left alone;
    what was read fits into a row, and the row gives it back.
    """
    items = parse(delivery.text, NOW)
    assert items
    if len(items) == 1:
        assert items[0].raw == delivery.text
    for item in items:
        check_item(item)
    _check_claims(delivery.text, items)
    readings = [item.reading for item in items]
    if delivery.good:
        (alone,) = parse(GOOD[delivery.good], NOW)
        assert isinstance(alone.reading, Event), "a good event is not read"
        assert alone.reading.status == delivery.good
        assert alone.reading in readings, "a bad event blocks a good one"
    if delivery.twin:
        assert all(isinstance(reading, Event) for reading in readings)
        twins = [item.reading for item in parse(delivery.twin, NOW)]
        assert twins == readings, "a time is another one by its offset"
    return InputVerdict(tuple(_WORDS[type(item.reading)] for item in items))


_WORDS: dict[type, str] = {Event: "read", Rejected: "rejected", Ignored: "ignored"}


def check_item(item: DeliveredItem) -> None:
    """Check what holds of anything read."""
    reading = item.reading
    assert KEY.fullmatch(keys.rejected(named(item.raw) or item.raw))
    match reading:
        case Ignored(reason):
            assert 0 < len(reason) < 500
            assert reason.isprintable()
        case Rejected(reason):
            assert 0 < len(reason) < 500
            assert reason.isprintable()
        case Event():
            _check_event(reading)
            _check_row(reading, item.raw)


def _check_event(event: Event) -> None:
    for time in (event.time, event.updated, event.start):
        assert time is None or (time.tzinfo is UTC and 1900 <= time.year < 9999)
    assert event.start is None or event.start > event.time
    cluster = event.subject
    assert event.event_id
    assert event.status
    assert cluster.name
    for text in (event.event_id, event.status, event.region, event.description, event.source):
        assert len(text) <= 256
        assert not _CONTROLS.search(text)
    for text in (cluster.subscription, cluster.resource_group, cluster.name, *event.pools):
        assert 0 < len(text) <= 2_048
        assert not _CONTROLS.search(text)
    event.details.encode()


def _check_row(event: Event, raw: str) -> None:
    key = event.row_key(12)
    assert KEY.fullmatch(key)
    recorded = StoredEvent(key, event, "new", 12)
    values = codec.event_values(recorded, raw, received=NOW, token="")
    assert codec.recorded(Stored(key, values, "", NOW)) == recorded
    for value in values.values():
        if isinstance(value, str):
            assert len(value.encode("utf-16-le")) <= _MAX_UNITS * 2
        elif isinstance(value, bytes):
            assert len(value) <= _MAX_BYTES
    assert sum(_bytes(value) for value in values.values()) < _MAX_OF_A_ROW


def _bytes(value: object) -> int:
    return (
        len(value.encode("utf-16-le"))
        if isinstance(value, str)
        else len(bytes(value))
        if isinstance(value, bytes)
        else 8
    )


def _check_claims(text: str, items: list[DeliveredItem]) -> None:
    try:
        body = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return
    elements = body if isinstance(body, list) and body else [body]
    assert len(elements) == len(items)
    for element, item in zip(elements, items, strict=True):
        if claims(element):
            assert not isinstance(item.reading, Ignored), "what says that it is ours was left alone"
        if len(elements) > 1 and isinstance(element, dict):
            assert parse(item.raw, NOW)[0].reading == item.reading, "read otherwise in company than alone"


def claims(element: object) -> bool:
    """Return whether something says that it is about AKS: by its type, and no other type beside it.

    The type of VM maintenance says so where the subject does.
    """
    if not isinstance(element, dict):
        return False
    types = _said(element, {"type", "eventtype"})
    if types == {EVENT_TYPE.lower()}:
        return True
    subjects = _said(element, {"subject"})
    return types == {VM_EVENT_TYPE.lower()} and len(subjects) == 1 and _ABOUT_AKS in subjects.pop()[:1_000]


_ABOUT_AKS = "/providers/microsoft.containerservice/managedclusters/"


def _said(element: dict[str, object], names: set[str]) -> set[str]:
    """Return what stands under any of these keys, in lower case."""
    found = [value for key, value in element.items() if key.strip().lower() in names]
    return {value.lower() if isinstance(value, str) else "" for value in found}
