"""What is read out of an event: facts, or why there are none. Pure values."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

import msgspec

from shared import keys
from shared.events.run import RunFacts


class Status(StrEnum):
    """What AKS says has become of a maintenance. `Canceled` stands for both spellings."""

    SCHEDULED = "Scheduled"
    STARTED = "Started"
    COMPLETED = "Completed"
    CANCELED = "Canceled"
    FAILED = "Failed"


class Upgrade(StrEnum):
    """The kind of maintenance, as far as the event lets one tell."""

    KUBERNETES = "kubernetes"
    NODE_OS = "node-os"
    WEEKLY_RELEASE = "weekly-release"
    PLATFORM = "platform"
    END_OF_SUPPORT = "end-of-support"
    UNKNOWN = "unknown"


def _resource(type_: str) -> re.Pattern[str]:
    return re.compile(
        r"/subscriptions/([^/]+)/resourcegroups/([^/]+)/providers/microsoft\.containerservice"
        rf"/{type_}/([^/]+)",
        re.IGNORECASE,
    )


def subscription_of(resource_id: str) -> str:
    """Return the subscription that a resource ID lies in, in lower case; empty where it names none."""
    match = _SUBSCRIPTION.match(resource_id)
    return match[1].lower() if match else ""


_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)


class _Resource(msgspec.Struct, frozen=True):
    """A resource of AKS, spelled as the event spells it.

    Resource IDs are case-insensitive, and one event may spell them in two ways: compare `key`.
    """

    subscription: str
    resource_group: str
    name: str
    type_: ClassVar[str]
    form: ClassVar[re.Pattern[str]]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what a resource ID names: its own, or one of something that belongs to it."""
        match = cls.form.search(text)
        return cls(*match.groups()) if match else None

    @property
    def id(self) -> str:
        """The ARM resource ID, without a trailing slash."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.ContainerService/{self.type_}/{self.name}"
        )

    @property
    def key(self) -> str:
        """The same for every spelling of the same resource."""
        return self.id.lower()


class Cluster(_Resource, frozen=True, tag="cluster"):
    """An AKS cluster."""

    type_ = "managedClusters"
    form = _resource(type_)


class Fleet(_Resource, frozen=True, tag="fleet"):
    """An Azure Kubernetes Fleet Manager."""

    type_ = "fleets"
    form = _resource(type_)


class Subscription(msgspec.Struct, frozen=True, tag="account"):
    """A subscription as a whole."""

    subscription: str
    name: str = ""
    """As people call it."""
    resource_group: ClassVar[str] = ""

    @property
    def id(self) -> str:
        """The ARM resource ID."""
        return f"/subscriptions/{self.subscription}"

    @property
    def key(self) -> str:
        """The same for every spelling of the same subscription."""
        return self.id.lower()


class Installation(msgspec.Struct, frozen=True, tag="installation"):
    """All that this app looks after, or the app itself: what is about no cluster and no subscription."""

    name: str = ""
    subscription: ClassVar[str] = ""
    resource_group: ClassVar[str] = ""
    id: ClassVar[str] = ""
    key: ClassVar[str] = "installation"


Subject = Cluster | Fleet | Subscription | Installation
"""What an event is about."""

SUBJECTS: dict[str, type[Subject]] = {
    "cluster": Cluster,
    "fleet": Fleet,
    "account": Subscription,
    "installation": Installation,
}
"""By the name of the fact that holds it in a stored row."""


def subject(text: str) -> Subject | None:
    """Return what a resource ID names; None where it names neither a cluster nor a fleet."""
    return Cluster.parse(text) or Fleet.parse(text)


class EndOfSupport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an end-of-support notice says besides its description."""

    version: str = ""
    date: datetime | None = None
    support: str = ""
    """`Community` or `LTS`, as sent."""


class ClusterNews(StrEnum):
    """What an event of a cluster's own topic tells, besides the end of support."""

    ROLLING_STARTED = "rolling-started"
    ROLLING_SUCCEEDED = "rolling-succeeded"
    ROLLING_FAILED = "rolling-failed"
    NEW_VERSION = "new-version"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One AKS maintenance event, as facts. All times are in UTC.

    `status` is a `Status` value, or, where AKS has a status that is new to us, that word as sent.
    `details` is eventDetails as text: as sent if it was text, else as JSON.
    """

    event_id: str
    status: str
    subject: Subject
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
    news: str = ""
    """A kind of notice, for what is no maintenance: an event of a cluster's own topic, of an update run, an
    observation."""
    versions: tuple[str, ...] = ()
    """Of news of versions: the latest supported, the latest stable, the lowest minor, the latest preview."""
    run: RunFacts | None = None
    """For an event of a fleet: where in which update run. All of one run share one event_id."""
    tags: dict[str, str] = {}
    """Of its cluster, their names in lower case: put in before routing, and not stored."""
    facts: dict[str, Any] = {}
    """Of an observation: its data, in the form of its kind (`shared.events.observation`)."""

    def row_key(self, revision: int = 0) -> str:
        """Return the key of the row that holds this event, or a revision of it."""
        if self.run is not None:
            return keys.event(self.event_id, self.status, revision, place=self.run.place)
        if self.end_of_support is None:
            return keys.event(self.event_id, self.status, revision)
        return keys.event(self.event_id, self.status, revision, notice=self.description, time=self.time)


class Ignored(msgspec.Struct, frozen=True):
    """An event of a type that this app does not handle: acknowledged, and logged with the reason."""

    reason: str
    envelope_id: str = ""


class Rejected(msgspec.Struct, frozen=True):
    """Input that cannot be understood: to be kept whole, with the reason, and acknowledged."""

    reason: str


class DeliveredItem(msgspec.Struct, frozen=True):
    """One element of a delivery: its JSON text, and what was read out of it."""

    raw: str
    reading: Event | Ignored | Rejected
    place: int = 0
    """Which element of the delivery it is; an event that names several clusters has an item for each."""


class UnreadableEventError(ValueError):
    """Raised inside the reader with the reason that ends up in `Rejected`."""
