"""Reading what Event Grid delivers into an `Event`, whatever form it comes in.

Only one captured AKS maintenance event is public, and the documentation contradicts itself about casing,
spelling and times. So the reader is liberal: it takes CloudEvents 1.0 and the Event Grid schema, one event
or an array, and asks for nothing beyond what a notice cannot do without: a cluster, an event id, a status.
Everything is pure; the time of receipt is passed in.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

EVENT_TYPE = "Microsoft.ResourceNotifications.ContainerServiceEventResources.ScheduledEventEmitted"
"""The type that AKS documents, and that `azure-eventgrid` names in its `SystemEventNames`."""

VM_EVENT_TYPE = "Microsoft.ResourceNotifications.MaintenanceResources.ScheduledEventEmitted"
"""What the one captured AKS event says instead. VM maintenance uses it too, with another payload."""

ZERO_YEARS = 1900
"""A time before this year is .NET's zero time, `0001-01-01T00:00:00`: not set."""

NEVER_YEAR = 9999
"""A time in this year is .NET's last one, `9999-12-31T23:59:59.9999999`: not set either."""

SOON = timedelta(minutes=5)
"""How far `scheduledTime` has to lie after the event for it to be a plan: in the captured event it is the
moment the notice was made, microseconds before the event's own time."""

_SHORT = 256
_LONG = 2_048
_MOST_POOLS = 100
_LONGEST_POOL = 64

_CLUSTER = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)"
    r"/providers/microsoft\.containerservice/managedclusters/(?P<name>[^/]+)",
    re.IGNORECASE,
)
_POOL = re.compile(r"/agentpools/(?P<pool>[^/]+)", re.IGNORECASE)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{},]|"', re.DOTALL)
"""What divides JSON: brackets, commas, and texts as a whole."""

_OURS = "microsoft.containerservice/managedclusters"


class Status(StrEnum):
    """What AKS says has become of a maintenance. `Canceled` stands for both spellings."""

    SCHEDULED = "Scheduled"
    STARTED = "Started"
    COMPLETED = "Completed"
    CANCELED = "Canceled"
    FAILED = "Failed"


_STATUS = {status.lower(): status for status in Status} | {"cancelled": Status.CANCELED}


class Upgrade(StrEnum):
    """The kind of maintenance, as far as the event lets one tell."""

    KUBERNETES = "kubernetes"
    NODE_OS = "node-os"
    WEEKLY_RELEASE = "weekly-release"
    PLATFORM = "platform"
    END_OF_SUPPORT = "end-of-support"
    UNKNOWN = "unknown"


class Cluster(msgspec.Struct, frozen=True):
    """An AKS cluster, spelled as the event spells it.

    Resource IDs are case-insensitive, and one event may spell them in two ways: compare `key`.
    """

    subscription: str
    resource_group: str
    name: str

    @property
    def id(self) -> str:
        """The ARM resource ID, without a trailing slash."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.ContainerService/managedClusters/{self.name}"
        )

    @property
    def key(self) -> str:
        """The same for every spelling of the same cluster."""
        return self.id.lower()


class EndOfSupport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an end-of-support notice says besides its description."""

    version: str = ""
    date: datetime | None = None
    support: str = ""
    """`Community` or `LTS`, as sent."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One AKS maintenance event, as facts. All times are in UTC.

    `status` is a `Status` value, or, where AKS has a status that is new to us, that word as sent.
    `details` is eventDetails as text: as sent if it was text, else as JSON.
    """

    event_id: str
    status: str
    cluster: Cluster
    time: datetime
    """When the event happened, by its envelope."""
    envelope_id: str = ""
    upgrade: Upgrade = Upgrade.UNKNOWN
    start: datetime | None = None
    """The planned start of a Scheduled event; None where AKS does not say."""
    updated: datetime
    """When the maintenance reached this status: lastUpdateTime where it is set, else `time`."""
    updates_itself: bool = False
    """Whether `updated` came from lastUpdateTime."""
    pools: tuple[str, ...] = ()
    region: str = ""
    description: str = ""
    source: str = ""
    details: str = ""
    end_of_support: EndOfSupport | None = None


class Ignored(msgspec.Struct, frozen=True):
    """An event that is none of ours: acknowledged and logged with the reason."""

    reason: str
    envelope_id: str = ""


class Rejected(msgspec.Struct, frozen=True):
    """Input that cannot be understood: to be kept whole, with the reason, and acknowledged."""

    reason: str


class Item(msgspec.Struct, frozen=True):
    """One element of a delivery: its JSON text, and what was read out of it."""

    raw: str
    reading: Event | Ignored | Rejected


class _UnreadableError(ValueError):
    """Raised inside the reader with the reason that ends up in `Rejected`."""


def parse(text: str, received: datetime) -> list[Item]:
    """Read a delivery: one event or an array of them, CloudEvents 1.0 or Event Grid schema.

    Never raises: what cannot be understood comes back as `Rejected` beside what can. A single event keeps its
    text byte for byte; an element of an array is written as JSON again, unless the array cannot be read as a
    whole. `received` (aware) stands in for the time of an event that carries none.
    """
    try:
        body = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        return _piecemeal(text, received) or [Item(text, Rejected(f"not JSON: {_reason(error)}"))]
    if not isinstance(body, list):
        return [Item(text, _read(body, received))]
    if not body:
        return [Item(text, Rejected("an empty array"))]
    if len(body) == 1:
        return [Item(text, _read(body[0], received))]
    return [Item(json.dumps(element), _read(element, received)) for element in body]


def _piecemeal(text: str, received: datetime) -> list[Item]:
    """Read the elements of an array that is no JSON as a whole; nothing unless one of them is an event.

    A number of five thousand digits or a thousand brackets in one element would cost the others otherwise.
    """
    items: list[Item] = []
    for element in _elements(text):
        try:
            items.append(Item(element, _read(json.loads(element), received)))
        except (ValueError, RecursionError) as error:
            items.append(Item(element, Rejected(f"not JSON: {_reason(error)}")))
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


def _read(body: object, received: datetime) -> Event | Ignored | Rejected:
    try:
        return _event(body, received)
    except _UnreadableError as error:
        return Rejected(str(error))
    except RecursionError:
        return Rejected("nested too deeply")


def _event(body: object, received: datetime) -> Event | Ignored:
    if not isinstance(body, dict):
        raise _UnreadableError(f"an event is a JSON object, this is {_json_type(body)}")
    # Keys in the documentation differ in case (specVersion) and even in a trailing space ("time ").
    envelope = {str(key).strip().lower(): value for key, value in body.items()}
    event_type = _text(envelope.get("type") if "specversion" in envelope else envelope.get("eventtype"))
    if not event_type:
        event_type = _text(envelope.get("eventtype") or envelope.get("type"))
    if not event_type:
        raise _UnreadableError("no event type: neither CloudEvents 1.0 nor the Event Grid schema")
    envelope_id = _text(envelope.get("id"))

    data = _mapping(envelope.get("data"))
    info = _mapping(data.get("resourceinfo"))
    subject = _text(envelope.get("subject"), _LONG)
    why_not_ours = _why_not_ours(event_type, info, subject)
    if why_not_ours:
        return Ignored(why_not_ours, envelope_id)

    properties = _mapping(info.get("properties"))
    if not properties:
        raise _UnreadableError("no data.resourceInfo.properties")
    resources = [resource for resource in _sequence(properties.get("resources")) if isinstance(resource, str)]
    identifiers = [subject, _text(info.get("id"), _LONG)]
    identifiers += [_text(resource, _LONG) for resource in resources]
    cluster = _cluster(identifiers)
    if cluster is None:
        raise _UnreadableError(
            "names no AKS cluster: neither subject, resourceInfo.id nor resources hold its ID"
        )
    event_id = _text(properties.get("eventid"), _LONG) or _text(info.get("name"), _LONG)
    if not event_id:
        raise _UnreadableError("no eventId")
    if len(event_id) > _SHORT:  # cut short, it might be taken for another one
        raise _UnreadableError(f"the eventId is longer than {_SHORT} characters")
    status = _text(properties.get("eventstatus"))
    if not status:
        raise _UnreadableError("no eventStatus")
    status = _STATUS.get(status.lower(), status)

    details = properties.get("eventdetails")
    details_text = _details(details)
    description = _text(properties.get("description"))
    source = _text(properties.get("eventsource"))
    upgrade = _upgrade(description, source, details_text)
    region = _text(info.get("location"))
    end_of_support = None
    if upgrade is Upgrade.END_OF_SUPPORT:
        facts = _mapping(details)
        region = region or _text(facts.get("region"))
        end_of_support = EndOfSupport(
            version=_text(facts.get("kubernetesversion")),
            date=_time(facts.get("eoldate")) or _time(properties.get("scheduledtime")),
            support=_text(facts.get("supporttype")),
        )

    operational = _mapping(data.get("operationalinfo"))
    updated = _time(properties.get("lastupdatetime"))
    time = (
        _time(envelope.get("time"))
        or _time(envelope.get("eventtime"))
        or _time(operational.get("resourceeventtime"))
        or updated
        or received
    )
    start = None
    if status == Status.SCHEDULED and end_of_support is None:
        start = _planned_start(properties, details_text, time)
    return Event(
        event_id=event_id,
        status=status,
        cluster=cluster,
        time=time,
        envelope_id=envelope_id,
        upgrade=upgrade,
        start=start,
        updated=updated or time,
        updates_itself=updated is not None,
        pools=_pools(identifiers),
        region=region,
        description=description,
        source=source,
        details=details_text,
        end_of_support=end_of_support,
    )


def _why_not_ours(event_type: str, info: Mapping[str, Any], subject: str) -> str:
    kind = event_type.lower()
    if kind == EVENT_TYPE.lower():
        return ""
    if kind == VM_EVENT_TYPE.lower():
        # The captured AKS event bears the type of VM maintenance: what the event is about decides.
        about = [_text(info.get("type")), _text(info.get("id"), _LONG), subject]
        if any(_OURS in text.lower() for text in about):
            return ""
        if not any(about):
            raise _UnreadableError("does not say whether it is about an AKS cluster or a virtual machine")
        return "maintenance of virtual machines, not of AKS"
    return f"event type {event_type!r} is not AKS maintenance"


def _planned_start(properties: Mapping[str, Any], details: str, time: datetime) -> datetime | None:
    """Tell when a scheduled maintenance starts.

    Documentation calls scheduledTime the start, users report startTime to be it, and the captured event has
    the zero time there: so the first of them that can be a plan at the time of the event is taken.
    """
    start = _time(properties.get("starttime"))
    if start and start > time:
        return start
    scheduled = _time(properties.get("scheduledtime"))
    if scheduled and scheduled - time > SOON:
        return scheduled
    for match in _TIMESTAMP.finditer(details[:_LONG]):
        mentioned = _time(match.group())
        if mentioned and mentioned > time:
            return mentioned
    return None


def _upgrade(description: str, source: str, details: str) -> Upgrade:
    """Tell the kind of maintenance, from the words that Microsoft's own queries look for."""
    if source.lower() == "eolnotification" or re.match(
        r"KubernetesVersion(EOL|OutOf)", description, re.IGNORECASE
    ):
        return Upgrade.END_OF_SUPPORT
    for text in (details, description, source):
        for upgrade, pattern in _UPGRADES:
            if pattern.search(text):
                return upgrade
    return Upgrade.UNKNOWN


_UPGRADES = (
    # Completed and Failed have been seen to say `"type":1` or `"type":2` where the others use the words.
    (Upgrade.KUBERNETES, re.compile(r'K8sVersionUpgrade|\\?"type\\?"\s*:\s*"?1\b', re.IGNORECASE)),
    (
        Upgrade.NODE_OS,
        re.compile(r'NodeOSUpgrade|\\?"type\\?"\s*:\s*"?2\b|security vhd|node ?image|node os', re.IGNORECASE),
    ),
    (Upgrade.PLATFORM, re.compile(r"underlay|konnectivity", re.IGNORECASE)),
    (Upgrade.WEEKLY_RELEASE, re.compile(r"weekly ?release|aks release|release window", re.IGNORECASE)),
    (Upgrade.KUBERNETES, re.compile(r"kubernetes version upgrade|upgrade (of )?kubernetes", re.IGNORECASE)),
)


def _cluster(identifiers: Iterable[str]) -> Cluster | None:
    for identifier in identifiers:
        match = _CLUSTER.search(identifier)
        if match:
            return Cluster(match["subscription"], match["group"], match["name"])
    return None


def _pools(identifiers: Iterable[str]) -> tuple[str, ...]:
    found = (match["pool"] for text in identifiers for match in _POOL.finditer(text))
    named = dict.fromkeys(pool[:_LONGEST_POOL] for pool in found)
    return tuple(named)[:_MOST_POOLS]


def _time(value: object) -> datetime | None:
    """Read a time with up to nine digits of fraction, with or without a zone (then UTC); None if not set."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip().upper())  # RFC 3339 allows `t` and `z`
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return time if ZERO_YEARS <= time.year < NEVER_YEAR else None


def _details(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    return json.dumps(value, separators=(",", ":"))


def _mapping(value: object) -> Mapping[str, Any]:
    """Take an object, or a text that holds one (details come as both), its keys in lower case."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(value, dict):
        return {}
    return {str(key).strip().lower(): item for key, item in value.items()}


def _sequence(value: object) -> Iterator[object]:
    return iter(value) if isinstance(value, list) else iter(())


def _text(value: object, limit: int = _SHORT) -> str:
    """Take a short text, on one line; a number counts as its digits, anything else as absent."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return _CONTROL.sub(" ", text).strip()[:limit]


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return names.get(type(value), "something else")


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
