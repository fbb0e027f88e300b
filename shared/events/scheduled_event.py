"""Reading AKS's maintenance event, `ScheduledEventEmitted`, in either schema of Event Grid, as an `Event`.

Only one captured AKS maintenance event is public, and the documentation contradicts itself about casing,
spelling and times. So the reader is liberal: it asks for nothing beyond what a notice cannot do without: a
cluster, an event id, a status. Pure; the time of receipt is passed in.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

import msgspec

from shared import keys, timestamps
from shared.decoding import as_list
from shared.events.model import Cluster, EndOfSupport, Event, Ignored, Status, UnreadableEventError, Upgrade
from shared.text import encodable, fact

EVENT_TYPE = "Microsoft.ResourceNotifications.ContainerServiceEventResources.ScheduledEventEmitted"
"""The type that AKS documents, and that `azure-eventgrid` names in its `SystemEventNames`."""

VM_EVENT_TYPE = "Microsoft.ResourceNotifications.MaintenanceResources.ScheduledEventEmitted"
"""What the one captured AKS event says instead. VM maintenance uses it too, with another payload."""

SOON = timedelta(minutes=5)
"""How far `scheduledTime` has to lie after the event for it to be a plan: in the captured event it is the
moment the notice was made, microseconds before the event's own time."""

_MAX_ID_CHARACTERS = 256
_MAX_CHARACTERS = 2_048
_MAX_POOLS = 100
_MAX_POOL_CHARACTERS = 64

_POOL = re.compile(r"/agentpools/(?P<pool>[^/]+)", re.IGNORECASE)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")

_OURS = "microsoft.containerservice/managedclusters"


_STATUS = {status.lower(): status for status in Status} | {"cancelled": Status.CANCELED}


def read(envelope: Mapping[str, Any], event_type: str, received: datetime) -> Sequence[Event | Ignored]:
    """Return the event that an envelope holds, for each cluster that it names.

    Raises UnreadableEventError with the reason.
    """
    if not event_type:
        raise UnreadableEventError("no event type: neither CloudEvents 1.0 nor the Event Grid schema")
    envelope_id = short_text(envelope.get("id"))

    data = data_of(envelope)
    info = mapping(data.get("resourceinfo"))
    subject = short_text(envelope.get("subject"), _MAX_CHARACTERS)
    why_not_ours = _why_not_ours(event_type, info, subject)
    if why_not_ours:
        return [Ignored(why_not_ours, envelope_id)]

    properties = mapping(info.get("properties"))
    if not properties:
        raise UnreadableEventError("no data.resourceInfo.properties")
    named = as_list(properties.get("resources"))
    resources = [short_text(resource, _MAX_CHARACTERS) for resource in named if isinstance(resource, str)]
    identifiers = [subject, short_text(info.get("id"), _MAX_CHARACTERS), *resources]
    cluster = find_cluster(identifiers)
    if cluster is None:
        raise UnreadableEventError(
            "names no AKS cluster: neither subject, resourceInfo.id nor resources hold its ID"
        )
    event_id = short_text(properties.get("eventid"), _MAX_CHARACTERS) or short_text(
        info.get("name"), _MAX_CHARACTERS
    )
    if not event_id:
        raise UnreadableEventError("no eventId")
    if len(event_id) > _MAX_ID_CHARACTERS:  # cut short, it might be taken for another one
        raise UnreadableEventError(f"the eventId is longer than {_MAX_ID_CHARACTERS} characters")
    status = short_text(properties.get("eventstatus"))
    if not status:
        raise UnreadableEventError("no eventStatus")
    status = _STATUS.get(status.lower(), status)

    details = properties.get("eventdetails")
    details_text = as_text(details)
    description = short_text(properties.get("description"))
    source = short_text(properties.get("eventsource"))
    upgrade = _upgrade(description, source, details_text)
    region = short_text(info.get("location"))
    end_of_support = None
    if upgrade is Upgrade.END_OF_SUPPORT:
        facts = mapping(details)
        region = region or short_text(facts.get("region"))
        end_of_support = EndOfSupport(
            version=short_text(facts.get("kubernetesversion")),
            date=timestamps.parse(facts.get("eoldate")) or timestamps.parse(properties.get("scheduledtime")),
            support=short_text(facts.get("supporttype")),
        )

    operational = mapping(data.get("operationalinfo"))
    updated = timestamps.parse(properties.get("lastupdatetime"))
    time = (
        timestamps.parse(envelope.get("time"))
        or timestamps.parse(envelope.get("eventtime"))
        or timestamps.parse(operational.get("resourceeventtime"))
        or updated
        or received
    )
    start = None
    if status == Status.SCHEDULED and end_of_support is None:
        start = _planned_start(properties, details_text, time)
    event = Event(
        event_id=event_id,
        status=status,
        subject=cluster,
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
    return [event, *_others(event, resources)]


def envelope_of(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return an event's envelope, its keys in lower case, and its type, empty where it has none.

    Keys in the documentation differ in case (specVersion) and even in a trailing space ("time ").
    """
    envelope = {str(key).strip().lower(): value for key, value in body.items()}
    event_type = short_text(envelope.get("type") if "specversion" in envelope else envelope.get("eventtype"))
    return envelope, event_type or short_text(envelope.get("eventtype") or envelope.get("type"))


def data_of(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an envelope's data; also where it comes as Base64 (CloudEvents 1.0, JSON format, 3.1.1)."""
    value = envelope.get("data_base64")
    if data := mapping(envelope.get("data")):
        return data
    if not isinstance(value, str):
        return {}
    try:
        return mapping(base64.b64decode(value, validate=True).decode())
    except ValueError:
        return {}


def _others(event: Event, resources: Iterable[str]) -> list[Event]:
    """Return the same event for the other clusters that its resources name.

    AKS is documented to list ARM IDs there, and nothing says that they are of one cluster. An eventId is
    taken for one maintenance, so that of another cluster gets one of its own.
    """
    named: dict[str, list[str]] = {}
    clusters: dict[str, Cluster] = {}
    for identifier in resources:
        cluster = Cluster.parse(identifier)
        if cluster is not None:
            clusters.setdefault(cluster.key, cluster)
            named.setdefault(cluster.key, []).append(identifier)
    if clusters.pop(event.subject.key, None) is None:
        return []  # they spell it in another way, or are about something else
    return [
        msgspec.structs.replace(
            event,
            event_id=f"{event.event_id} of {keys.digest(key)}",
            subject=cluster,
            pools=_pools(named[key]),
        )
        for key, cluster in clusters.items()
    ]


def _why_not_ours(event_type: str, info: Mapping[str, Any], subject: str) -> str:
    kind = event_type.lower()
    if kind == EVENT_TYPE.lower():
        return ""
    if kind == VM_EVENT_TYPE.lower():
        # The captured AKS event bears the type of VM maintenance: what the event is about decides.
        about = [short_text(info.get("type")), short_text(info.get("id"), _MAX_CHARACTERS), subject]
        if any(_OURS in text.lower() for text in about):
            return ""
        if not any(about):
            raise UnreadableEventError("does not say whether it is about an AKS cluster or a virtual machine")
        return "maintenance of virtual machines, not of AKS"
    return f"event type {event_type!r} is not AKS maintenance"


def _planned_start(properties: Mapping[str, Any], details: str, time: datetime) -> datetime | None:
    """Return when a scheduled maintenance starts.

    Documentation calls scheduledTime the start, users report startTime to be it, and the captured event has
    the zero time there: so the first of them that can be a plan at the time of the event is taken.
    """
    start = timestamps.parse(properties.get("starttime"))
    if start and start > time:
        return start
    scheduled = timestamps.parse(properties.get("scheduledtime"))
    if scheduled and scheduled - time > SOON:
        return scheduled
    for match in _TIMESTAMP.finditer(details[:_MAX_CHARACTERS]):
        mentioned = timestamps.parse(match.group())
        if mentioned and mentioned > time:
            return mentioned
    return None


def _upgrade(description: str, source: str, details: str) -> Upgrade:
    """Return the kind of maintenance, from the words that Microsoft's own queries look for."""
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
    (
        Upgrade.KUBERNETES,
        re.compile(r"kubernetes ?(version ?)?upgrade|upgrad(e|ing) (of |the )?kubernetes", re.IGNORECASE),
    ),
)


def find_cluster(identifiers: Iterable[str]) -> Cluster | None:
    """Return the cluster that the first of these texts with an ID of one names."""
    return next(filter(None, map(Cluster.parse, identifiers)), None)


def _pools(identifiers: Iterable[str]) -> tuple[str, ...]:
    found = (match["pool"] for text in identifiers for match in _POOL.finditer(text))
    named = dict.fromkeys(pool[:_MAX_POOL_CHARACTERS] for pool in found)
    return tuple(named)[:_MAX_POOLS]


def as_text(value: object) -> str:
    """Return a value as text: as sent if it was text, else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return encodable(value)
    return json.dumps(value, separators=(",", ":"))


def mapping(value: object) -> Mapping[str, Any]:
    """Take an object, or a text that holds one (details come as both), its keys in lower case."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(value, dict):
        return {}
    return {str(key).strip().lower(): item for key, item in value.items()}


def short_text(value: object, limit: int = _MAX_ID_CHARACTERS) -> str:
    """Take a short text, on one line; a number counts as its digits, anything else as absent."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return fact(str(value))[:limit]


def json_type(value: object) -> str:
    """Return what JSON calls the type of a value."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return names.get(type(value), "something else")
