"""Reading the events of a fleet's gates: `Microsoft.ResourceNotifications.AKSResources.FleetGate*`.

A gate holds up an update run, or a group of it, until it is opened. Created is raised when the run reaches
the gate, Updated when its state changes, Deleted with the run. The documented samples write the type in
another way than its documentation, so case does not matter.

Types, data and the meaning of timing: https://learn.microsoft.com/azure/event-grid/event-schema-aks-resources
and https://learn.microsoft.com/azure/kubernetes-fleet/howto-configure-events-for-gates
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from shared import timestamps
from shared.events.model import Event, Fleet, UnreadableEventError
from shared.events.run import Gate, RunFacts, RunNews, RunStatus, gate_name, run_id, run_name
from shared.events.scheduled_event import as_text, data_of, mapping, short_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVENT_TYPE = "Microsoft.ResourceNotifications.AKSResources.FleetGate"
"""What the types begin with, as they are documented; the samples spell them in another way."""

_PREFIX = EVENT_TYPE.lower()
_CREATED, _UPDATED, _DELETED = "created", "updated", "deleted"
_STATES = {
    "pending": (RunStatus.GATE_PENDING, RunNews.GATE),
    "completed": (RunStatus.GATE_COMPLETED, RunNews.GATE_CLOSED),
    "skipped": (RunStatus.GATE_SKIPPED, RunNews.GATE_CLOSED),
    "notstarted": (RunStatus.GATE_NOT_STARTED, RunNews.NEWS),
    "deleted": (RunStatus.GATE_DELETED, RunNews.GATE_CLOSED),
}
SOURCE = "Fleet"
"""What stands as the source of an event about a fleet."""

_MAX_CHARACTERS = 2_048
_MAX_DEPTH = 4


def is_one(type_: str) -> bool:
    """Return whether this module reads events of a type."""
    return _what(type_) in {_CREATED, _UPDATED, _DELETED}


def _what(type_: str) -> str:
    lowered = type_.lower()
    return lowered.removeprefix(_PREFIX) if lowered.startswith(_PREFIX) else ""


def read(envelope: Mapping[str, Any], type_: str, received: datetime) -> Event:
    """Return the event that an envelope holds. Raises UnreadableEventError with the reason."""
    data = data_of(envelope)
    time = timestamps.parse(envelope.get("time")) or timestamps.parse(envelope.get("eventtime"))
    happened = timestamps.parse(mapping(data.get("operationalinfo")).get("resourceeventtime"))
    return event_of(
        mapping(data.get("resourceinfo")),
        what=_what(type_),
        about=short_text(envelope.get("subject"), _MAX_CHARACTERS),
        time=time or happened or received,
        updated=happened,
        envelope_id=short_text(envelope.get("id")),
    )


def event_of(
    gate: Mapping[str, Any],
    *,
    what: str,
    time: datetime,
    about: str = "",
    updated: datetime | None = None,
    envelope_id: str = "",
) -> Event:
    """Return the event that a gate's resource makes, its keys in lower case, as events and REST hold it.

    `what` says what happened: `created`, `updated` or `deleted`; `about` is a further text that may name the
    gate. Raises UnreadableEventError with the reason.
    """
    properties = mapping(gate.get("properties"))
    target = mapping(properties.get("target"))
    place = mapping(target.get("updaterunproperties"))
    identifiers = (
        short_text(gate.get("id"), _MAX_CHARACTERS),
        about,
        short_text(target.get("id"), _MAX_CHARACTERS),
    )
    fleet = next(filter(None, map(Fleet.parse, identifiers)), None)
    if fleet is None:
        raise UnreadableEventError("names no fleet: neither resourceInfo.id, subject nor target hold its ID")
    name = gate_name(identifiers) or short_text(gate.get("name"))
    if not name:
        raise UnreadableEventError("names no gate: neither resourceInfo.id nor subject hold its ID")
    state = _DELETED if what == _DELETED else short_text(properties.get("state"))
    if not state and what == _CREATED:  # raised when the run reaches the gate
        state = "pending"
    if not state:
        raise UnreadableEventError("no state of the gate")
    status, news = _STATES.get(state.lower(), (f"Gate{state}", RunNews.NEWS))
    facts = RunFacts(
        name=run_name(identifiers) or short_text(place.get("name")),
        stage=short_text(place.get("stage")),
        group=short_text(place.get("group")),
        gate=Gate(
            name=name,
            title=short_text(properties.get("displayname")),
            type=short_text(properties.get("gatetype")),
            timing=short_text(place.get("timing")),
        ),
    )
    return Event(
        event_id=event_id(fleet, facts),
        status=status,
        subject=fleet,
        time=time,
        updated=updated or time,
        updates_itself=updated is not None,
        envelope_id=envelope_id,
        start=_start(properties, updated or time) if news == RunNews.GATE else None,
        description=f"Gate{what.capitalize()}",
        source=SOURCE,
        details=as_text(gate.get("properties") or None),
        news=news,
        run=facts,
    )


def event_id(fleet: Fleet, run: RunFacts) -> str:
    """Return what all events of one update run have in common; of a gate without a run, the gate."""
    if run.name or run.gate is None:
        return run_id(fleet.id, run.name)
    return f"{fleet.key}/gates/{run.gate.name.lower()}"


def _start(properties: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when a gate opens by itself, as one that waits at a time says it.

    `absoluteStartTime` is documented, of a preview; beside it, any field that reads like it will do. The
    configuration names a day and an hour: the next of them that comes.
    https://learn.microsoft.com/azure/kubernetes-fleet/update-strategies-gates-scheduled-start
    """
    fields = list(_fields(properties))
    named = (timestamps.parse(value) for key, value in fields if "start" in key and "time" in key)
    planned = (_next(mapping(value), now) for key, value in fields if "start" in key)
    ahead = (found for _, value in fields if (found := timestamps.parse(value)) and found > now)
    return next((found for found in chain(named, planned, ahead) if found is not None), None)


def _next(configuration: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return the next time that a configuration such as `Wednesday`, `02:00`, `+00:00` names."""
    day, hour, offset = (short_text(configuration.get(key)) for key in ("startday", "starttime", "utcoffset"))
    try:
        at = time.fromisoformat(f"{hour}{offset or '+00:00'}")
        today = now.astimezone(at.tzinfo)
        days = (_DAYS.index(day.lower()) - today.weekday()) % 7
        start = datetime.combine(today.date() + timedelta(days), at)
        return (start if start > now else start + timedelta(days=7)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _fields(value: object, depth: int = _MAX_DEPTH) -> Iterator[tuple[str, object]]:
    if depth:
        for key, inner in mapping(value).items():
            yield key, inner
            yield from _fields(inner, depth - 1)
