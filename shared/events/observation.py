"""Observations: what nobody sent an event about, and was seen by asking. Pure values.

An observation is an `Event` whose `news` is the kind of notice that it gives rise to, and whose `facts` are
data in that kind's own form. It goes through the same intake, so that its row is the dedupe: the caller
chooses an `id` that is the same whenever the same is seen again, whoever sees it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import msgspec

from shared import decoding
from shared.events.model import Event, Upgrade

if TYPE_CHECKING:
    from shared.events.model import Subject

_Form = TypeVar("_Form", bound=msgspec.Struct)

STORED_ROWS = "stored rows"
"""What is unreadable where it is rows of the app's own table."""

SOURCE = "Observation"
"""What stands as an event's source."""

PUSHED_WITHIN = timedelta(days=30)
"""How far back the last event that Event Grid brought is looked for."""


class Form(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of one kind of observation."""


class FailedState(Form, frozen=True):
    """A cluster, or some of its pools, is in Failed state; with `until`, was."""

    pools: tuple[str, ...] = ()
    """The pools that are; none where it is the cluster itself."""
    operation: str = ""
    """What the activity log says was tried last."""
    until: datetime | None = None


class UnusedWindow(Form, frozen=True):
    """A maintenance window that passed without a word of AKS, though there was something to upgrade to."""

    configuration: str
    """The name of the maintenance configuration."""
    start: datetime
    end: datetime
    current: str = ""
    available: str = ""
    """What the channel would have taken: a version, or a node image."""
    reasons: tuple[str, ...] = ()
    """What likely kept it, in sentences."""


class Advisory(Form, frozen=True):
    """What Service Health says about AKS, of all subscriptions together."""

    tracking_id: str
    title: str
    summary: str = ""
    """As text, without markup."""
    status: str = ""
    type: str = ""
    """`HealthAdvisory`, or its subtype where there is one: `Retirement`."""
    starts: datetime | None = None
    ends: datetime | None = None
    regions: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    """As people call them."""


class ClusterRemark(Form, frozen=True):
    """A cluster in a list: how it is called, and what there is to say of it."""

    cluster: str
    """Its resource ID."""
    name: str
    subscription: str = ""
    """As people call it."""
    words: tuple[str, ...] = ()
    at: datetime | None = None
    """When that was, of what has a time."""


class SupportEnding(Form, frozen=True):
    """A version that leaves support, and the clusters that run it."""

    version: str
    date: datetime
    lts: datetime | None = None
    """Until when long-term support has it."""
    clusters: tuple[ClusterRemark, ...] = ()
    count: int = 0
    """How many clusters there are, where not all are listed."""


class MovedWindow(Form, frozen=True):
    """A window that comes at another local time once the clocks have changed."""

    cluster: str
    """Its name."""
    configuration: str
    start: datetime
    """Of the first one after the change."""
    subscription: str = ""
    """As people call it."""
    is_daily: bool = False


class ClockMove(Form, frozen=True):
    """The clocks of a zone change, and windows do not. Offsets are in minutes from UTC."""

    zone: str
    at: datetime
    before: int
    after: int
    windows: tuple[MovedWindow, ...] = ()
    count: int = 0
    """How many windows there are, where not all are listed."""
    clusters: int = 0


class Missed(Form, frozen=True):
    """Events that Event Grid did not bring, two runs of reconcile in a row."""

    count: int
    subscriptions: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    last_pushed: datetime | None = None
    """When Event Grid last brought an event; None where it has brought none within PUSHED_WITHIN."""


class Unreadable(Form, frozen=True):
    """What could not be read: a subscription, a management group, or rows of one."""

    what: str
    """`subscription`, `management group`, `rows`, or STORED_ROWS."""
    name: str = ""
    why: str = ""
    rows: tuple[str, ...] = ()
    count: int = 0
    """How many rows, where not all are listed."""


class Coverage(Form, frozen=True):
    """What the inventory found that the operator should know: clusters nobody will hear of, and news."""

    clusters: tuple[ClusterRemark, ...] = ()
    count: int = 0
    subscriptions: tuple[str, ...] = ()
    """That are new, or that no topic covers, in sentences."""
    first: tuple[str, ...] = ()
    """With the first reading: what it found, in sentences, instead of telling each."""


class Coming(Form, frozen=True):
    """A maintenance that lies ahead."""

    name: str
    """The cluster's."""
    what: Upgrade
    start: datetime | None = None


class WeeklyReport(Form, frozen=True):
    """The week, and what lies ahead. All that is counted is of the week."""

    since: datetime
    clusters: int = 0
    subscriptions: int = 0
    coming: tuple[Coming, ...] = ()
    """Of the next two weeks."""
    coming_count: int = 0
    happened: dict[str, int] = {}
    """How many maintenances came to each status."""
    open: tuple[ClusterRemark, ...] = ()
    """What failed, and was not put right since."""
    uncovered: tuple[ClusterRemark, ...] = ()
    uncovered_count: int = 0
    changes: tuple[ClusterRemark, ...] = ()
    """What changed without any event: versions, node images."""
    changes_count: int = 0
    last_event: datetime | None = None
    """When Event Grid last brought an event."""
    last_reconcile: datetime | None = None
    missed: int = 0
    sent: int = 0
    undelivered: int = 0
    doubtful: int = 0
    """Messages that nobody can say arrived, or arrived once."""
    silenced: int = 0
    """Notices that a silence kept from being told."""


def observed(
    kind: str,
    facts: Form,
    *,
    subject: Subject,
    id: str,  # noqa: A002 - what it is
    time: datetime,
    status: str = "Observed",
    region: str = "",
    description: str = "",
    details: str = "",
) -> Event:
    """Return an observation. `details` is a reason to be explained, where there is one."""
    return Event(
        event_id=id,
        status=status,
        subject=subject,
        time=time,
        updated=time,
        region=region,
        description=description,
        source=SOURCE,
        details=details,
        news=kind,
        facts=msgspec.to_builtins(facts),
    )


def facts_of(event: Event, form: type[_Form]) -> _Form:
    """Return the facts of an observation in their form. Raises ValueError where they are of another."""
    return decoding.from_values(event.facts, form, strict=False)
