"""Reading what Event Grid delivers into an `Event`, whatever form it comes in.

Only one captured AKS maintenance event is public, and the documentation contradicts itself about casing,
spelling and times. So the reader is liberal: it takes CloudEvents 1.0 and the Event Grid schema, one event
or an array, and asks for nothing beyond what a notice cannot do without: a cluster, an event id, a status.
Everything is pure; the time of receipt is passed in.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


from shared.events import cluster_event, fleet_gate, scheduled_event
from shared.events.model import DeliveredItem, Event, Ignored, Rejected, UnreadableEventError


class _Reader(Protocol):
    """A module that reads events of some types."""

    def is_one(self, type_: str) -> bool:
        """Return whether the module reads events of a type."""

    def read(self, envelope: Mapping[str, Any], type_: str, received: datetime) -> Event:
        """Return the event that an envelope holds. Raises UnreadableEventError with the reason."""


_READERS: tuple[_Reader, ...] = (cluster_event, fleet_gate)
"""What no reader takes goes to `scheduled_event`, which knows what is not of AKS."""

_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{},]|"', re.DOTALL)
"""What divides JSON: brackets, commas, and texts as a whole."""


def parse(text: str, received: datetime) -> list[DeliveredItem]:
    """Read a delivery: one event or an array of them, CloudEvents 1.0 or Event Grid schema.

    Never raises: what cannot be understood comes back as `Rejected` beside what can. A single event keeps its
    text byte for byte; an element of an array is written as JSON again, unless the array cannot be read as a
    whole. `received` (aware) stands in for the time of an event that carries none.
    """
    try:
        body = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        return _piecemeal(text, received) or [DeliveredItem(text, Rejected(f"not JSON: {_reason(error)}"))]
    if not isinstance(body, list):
        return _items(text, body, received)
    if not body:
        return [DeliveredItem(text, Rejected("an empty array"))]
    if len(body) == 1:
        return _items(text, body[0], received)
    return [
        item
        for place, element in enumerate(body)
        for item in _items(json.dumps(element), element, received, place)
    ]


def named(text: str) -> str:
    """Return what the envelope of an event calls it, its source and its id; empty where it does not."""
    try:
        body = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    envelope, _ = scheduled_event.envelope_of(body)
    names = [envelope.get("source") or envelope.get("topic"), envelope.get("id")]
    return json.dumps(names) if all(isinstance(name, str) and name for name in names) else ""


OWN_TYPES = "aks.maintenance."
"""How the types of the events begin that the app sends out: one that comes back must not be told again."""


def _items(text: str, body: object, received: datetime, place: int = 0) -> list[DeliveredItem]:
    """Read one event: one item, or one for each cluster that it names."""
    return [DeliveredItem(text, reading, place) for reading in _read(body, received)]


def _piecemeal(text: str, received: datetime) -> list[DeliveredItem]:
    """Read the elements of an array that is no JSON as a whole; nothing unless one of them is an event.

    A number of five thousand digits or a thousand brackets in one element would cost the others otherwise.
    """
    items: list[DeliveredItem] = []
    for place, element in enumerate(_elements(text)):
        try:
            items += _items(element, json.loads(element), received, place)
        except (ValueError, RecursionError) as error:
            items.append(DeliveredItem(element, Rejected(f"not JSON: {_reason(error)}"), place))
    return items if any(isinstance(item.reading, Event) for item in items) else []


def _elements(text: str) -> list[str]:
    """Divide the text of an array at its own commas; nothing where it is no array of at least two."""
    text = text.removeprefix("\ufeff").strip()
    if text[:1] != "[":
        return []
    cuts: list[int] = []
    depth = 0
    for match in _MARK.finditer(text):
        mark = match.group()
        depth += (mark in {"[", "{"}) - (mark in {"]", "}"})
        if mark == '"' or (depth < 1 and match.end() < len(text)):
            return []  # a quote that is never closed, or no array
        if depth == 1 and mark == ",":
            cuts.append(match.start())
    if not cuts or depth:
        return []
    parts = (text[before + 1 : at].strip() for before, at in pairwise((0, *cuts, len(text) - 1)))
    return [part for part in parts if part]


def _read(body: object, received: datetime) -> Sequence[Event | Ignored | Rejected]:
    if not isinstance(body, dict):
        return [Rejected(f"an event is a JSON object, this is {scheduled_event.json_type(body)}")]
    envelope, type_ = scheduled_event.envelope_of(body)
    try:
        if str(body.get("type")).lower().startswith(OWN_TYPES):
            return [Ignored("an event that this app has sent out", str(body.get("id", ""))[:200])]
        for reader in _READERS:
            if reader.is_one(type_):
                return [reader.read(envelope, type_, received)]
        return scheduled_event.read(envelope, type_, received)
    except UnreadableEventError as error:
        return [Rejected(str(error))]
    except RecursionError:
        return [Rejected("nested too deeply")]


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
