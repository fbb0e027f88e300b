"""Reading a row of Azure Resource Graph's `containerserviceeventresources` as the event that it stands for.

A row's `properties` are those of the event's `data.resourceInfo`, so that the row is put into an envelope and
read by the reader of pushed events: what comes of it has the same key. Rows differ from events in casing and
in the precision of times, and bear no envelope id.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from shared import timestamps
from shared.events import envelope
from shared.events.scheduled_event import EVENT_TYPE, mapping, short_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.events.model import DeliveredItem

_MAX_CHARACTERS = 2_048
_FIELDS = ("id", "name", "type", "location", "properties")
_TELLING = ("eventid", "eventstatus", "lastupdatetime", "starttime", "scheduledtime", "description")


def read(row: Mapping[str, Any], now: datetime) -> list[DeliveredItem]:
    """Return what a row holds: an event for each cluster that it names, or why there is none."""
    time = own_time(row, now) or now
    body = {
        "specversion": "1.0",
        "type": EVENT_TYPE,
        "subject": row.get("id"),
        "time": time.isoformat(),
        "data": {"resourceInfo": {name: row.get(name) for name in _FIELDS}},
    }
    return envelope.parse(json.dumps(body), now)


def own_time(row: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when a row says it happened: its last update, else when it was scheduled, if that is past."""
    properties = mapping(row.get("properties"))
    updated = timestamps.parse(properties.get("lastupdatetime"))
    if updated is not None:
        return updated
    scheduled = timestamps.parse(properties.get("scheduledtime"))
    return scheduled if scheduled is not None and scheduled <= now else None


def event_id(row: Mapping[str, Any]) -> str:
    """Return the maintenance that a row belongs to, whatever its case."""
    properties = mapping(row.get("properties"))
    return short_text(properties.get("eventid") or row.get("name"), _MAX_CHARACTERS).lower()


def status(row: Mapping[str, Any]) -> str:
    """Return the status that a row tells, as sent."""
    return short_text(mapping(row.get("properties")).get("eventstatus"))


def mark(row: Mapping[str, Any]) -> str:
    """Return what a row is known by, as long as nothing in it changes that tells."""
    properties = mapping(row.get("properties"))
    told = [
        short_text(row.get("id"), _MAX_CHARACTERS).lower(),
        *(str(properties.get(name)) for name in _TELLING),
    ]
    return hashlib.blake2b("\n".join(told).encode("utf-8", "replace"), digest_size=8).hexdigest()
