"""Deliveries to the event reader: whatever comes, each thing in it is read, refused or left alone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

from local import payloads
from shared.events import EVENT_TYPE, VM_EVENT_TYPE, Event, Ignored, Item, Rejected, Status, parse
from shared.notices import Recorded
from shared.store import codec, keys
from shared.store.table import Stored
from tests.support.hostile import Verdict
from tests.support.hostile.material import (
    SPLICES,
    TEXTS,
    TIMES,
    VALUES,
    changes,
    damaged,
    one_of_many,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.hostile.material import Change

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
KEY = re.compile(r"[A-Za-z0-9:.-]{1,512}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MOST_UNITS = 32_767
_MOST_BYTES = 65_536
_MOST_OF_A_ROW = 1_048_576

SAMPLES = Path(__file__).parents[3] / "samples"
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


GOOD = payloads.event("Failed", NOW, name="good", cluster="good-one")
"""The event that has to be read, whatever stands beside it in an array."""

_GOOD = parse(GOOD, NOW)[0].reading

BODIES = (
    *map(_body, (*OURS, *OURS, *OTHERS)),
    *(payloads.event(status, NOW - timedelta(hours=hour)) for hour, status in enumerate(Status)),
    payloads.scheduled(NOW, timedelta(days=7)),
    payloads.end_of_support(NOW, "KubernetesVersionOutOfSupport", NOW + timedelta(days=30)),
    payloads.event("Failed", NOW, details={"code": "Conflict", "message": "line\nline"}),
)
"""Real samples and made-up events of every kind, each as JSON."""


class Delivery(NamedTuple):
    """What Event Grid may deliver, and whether GOOD stands in it as an element of an array."""

    text: str
    has_good: bool = False


def _array(elements: Sequence[str], at: int) -> Delivery:
    elements = [*elements[:at], GOOD, *elements[at:]]
    return Delivery(f"[{','.join(elements)}]", has_good=True)


def _cut(text: str, at: int, noise: str, *, is_cut: bool) -> Delivery:
    at %= len(text) + 1
    return Delivery(text[:at] + noise + ("" if is_cut else text[at:]))


def _altered(body: str, made: list[Change], form: str) -> str:
    text = written(damaged(body, made), is_ascii=form != "unicode")
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
    | st.builds(_array, st.lists(_ELEMENT, max_size=3), st.integers(0, 3))
    | st.builds(_cut, one_of_many((*BODIES, f"[{GOOD}]")), st.integers(0, 4_000), TEXTS, is_cut=st.booleans())
    | (st.text(st.characters(codec=None), max_size=40) | VALUES.map(written)).map(Delivery)
)


def check_delivery(delivery: Delivery) -> Verdict:
    """Check that everything in a delivery is read, or refused with a reason, or somebody else's.

    What can be read is read whatever stands beside it; what says that it is ours is never left alone; what
    was read fits into a row, and the row gives it back.
    """
    items = parse(delivery.text, NOW)
    assert items
    if len(items) == 1:
        assert items[0].raw == delivery.text
    for item in items:
        check_item(item)
    _check_claims(delivery.text, items)
    if delivery.has_good:
        assert _GOOD in [item.reading for item in items], "a bad event blocks a good one"
    return Verdict(tuple(_WORDS[type(item.reading)] for item in items))


_WORDS: dict[type, str] = {Event: "read", Rejected: "rejected", Ignored: "ignored"}


def check_item(item: Item) -> None:
    """Check what holds of anything read."""
    reading = item.reading
    assert KEY.fullmatch(keys.rejected(item.raw))
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
    cluster = event.cluster
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
    key = keys.event(event, 12)
    assert KEY.fullmatch(key)
    recorded = Recorded(key, event, "new", 12)
    values = codec.event_values(recorded, raw, received=NOW, token="")
    assert codec.recorded(Stored(key, values, "", NOW)) == recorded
    for value in values.values():
        if isinstance(value, str):
            assert len(value.encode("utf-16-le")) <= _MOST_UNITS * 2
        elif isinstance(value, bytes):
            assert len(value) <= _MOST_BYTES
    assert sum(_bytes(value) for value in values.values()) < _MOST_OF_A_ROW


def _bytes(value: object) -> int:
    return (
        len(value.encode("utf-16-le"))
        if isinstance(value, str)
        else len(bytes(value))
        if isinstance(value, bytes)
        else 8
    )


def _check_claims(text: str, items: list[Item]) -> None:
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
    """Tell whether something says that it is about AKS: by its type, and no other type beside it.

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
    """Give what stands under any of these keys, in lower case."""
    found = [value for key, value in element.items() if key.strip().lower() in names]
    return {value.lower() if isinstance(value, str) else "" for value in found}
