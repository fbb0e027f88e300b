"""The kinds of notices: what each is, in one table."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from shared.events.model import Event, Status

ENDS = frozenset({Status.COMPLETED, Status.CANCELED, Status.FAILED})
BEGUN = ENDS | {Status.STARTED}


class Kind(StrEnum):
    """What a notice tells."""

    SCHEDULED = "scheduled"
    RESCHEDULED = "rescheduled"
    REMINDER = "reminder"
    STARTED = "started"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"
    END_OF_SUPPORT = "end-of-support"
    NOT_STARTED = "not-started"
    """AKS has not reported a start of what it had scheduled."""
    STILL_RUNNING = "still-running"
    """AKS has not reported an end of what it had started."""
    ROLLING_STARTED = "rolling-started"
    """Nodes of a pool are being replaced, whoever began it."""
    ROLLING_SUCCEEDED = "rolling-succeeded"
    ROLLING_FAILED = "rolling-failed"
    NEW_VERSION = "new-version"
    """Kubernetes versions have become available."""
    FAILED_STATE = "failed-state"
    """A cluster or some of its pools is in Failed state, and no event said so."""
    RECOVERED = "recovered"
    """That is over."""
    NOTHING_HAPPENED = "nothing-happened"
    """A window passed unused, though there was something to upgrade to."""
    ADVISORY = "advisory"
    """Service Health says something about AKS."""
    SUPPORT_ENDING = "support-ending"
    """A version leaves support, by the calendar of support."""
    CLOCK_CHANGE = "clock-change"
    """The clocks change, and windows come at another local time from then on."""
    GATE = "gate"
    """An update run of a fleet waits at a gate."""
    GATE_CLOSED = "gate-closed"
    """The gate was opened or skipped, or its run is gone."""
    RUN_STARTED = "run-started"
    STAGE_FINISHED = "stage-finished"
    MEMBER_FAILED = "member-failed"
    RUN_STOPPED = "run-stopped"
    RUN_COMPLETED = "run-completed"
    RUN_FAILED = "run-failed"
    """Also of a run that completed though members had failed."""
    RUN_STUCK = "run-stuck"
    AUTO_UPGRADE_FAILED = "auto-upgrade-failed"
    """The last trigger of an auto-upgrade profile failed."""
    NEWS = "news"
    """An event whose status is new to us, told plainly."""
    REJECTED = "rejected"
    """Input that could not be understood; for the default audience."""
    UNDELIVERED = "undelivered"
    """A mail that could not be sent; for the default audience."""
    UNREACHABLE = "unreachable"
    """An address that a mail was sent to and did not reach; for the default audience."""
    TARGET_GONE = "target-gone"
    """A target of another channel that is not there any more; for the default audience."""
    MISSED_EVENTS = "missed-events"
    """Event Grid did not bring events that there were; for the default audience."""
    UNREADABLE = "unreadable"
    """A subscription, or a row, that could not be read; for the default audience."""
    COVERAGE = "coverage"
    """Clusters that nobody would hear of, and what a first reading found; for the default audience."""
    REPORT = "report"
    """The weekly report; for whoever wants it."""


class About(StrEnum):
    """What a kind of notice tells of."""

    CLUSTER = "cluster"
    """An audience may choose from these kinds."""
    MAIL = "mail"
    """The app's own mail. A mail of nothing else that fails is not told of in turn."""
    INPUT = "input"
    """What the app could not read."""
    APP = "app"
    """How the app itself is doing."""


class Phase(StrEnum):
    """Where the maintenance stands that a notice tells of."""

    AHEAD = "ahead"
    BEGUN = "begun"
    ENDED = "ended"
    NONE = "none"
    """Nobody can say, or it is not about a maintenance."""


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind of notice is."""

    about: About = About.CLUSTER
    phase: Phase = Phase.NONE
    follows: Status | None = None
    """The status of the events it follows from, where that is one status for all of them."""
    urgent: bool = False
    """Whether it is sent at once, and marked as important."""
    watchdog: bool = False
    """Whether it tells that AKS has reported nothing."""
    essential: bool = False
    """Whether an audience hears of it that wants to hear of the essential alone."""
    dates: bool = False
    """Whether it says for the first time when a maintenance is, or that it is not: what calendars take in."""
    checked: bool = False
    """Whether it follows from an event only later, when a check is still true."""
    escalates: bool = False
    """Whether another audience may be told of it as well, where nothing resolves it."""
    resolves: bool = False
    """Whether it takes an alert back: all went well after all, or nobody has to act any more."""


TRAITS = {
    Kind.SCHEDULED: Traits(phase=Phase.AHEAD, follows=Status.SCHEDULED, dates=True),
    Kind.RESCHEDULED: Traits(phase=Phase.AHEAD, follows=Status.SCHEDULED, dates=True),
    Kind.REMINDER: Traits(phase=Phase.AHEAD, follows=Status.SCHEDULED, essential=True, checked=True),
    Kind.STARTED: Traits(phase=Phase.BEGUN, follows=Status.STARTED),
    Kind.COMPLETED: Traits(phase=Phase.ENDED, follows=Status.COMPLETED, resolves=True),
    Kind.CANCELED: Traits(phase=Phase.ENDED, follows=Status.CANCELED, essential=True, dates=True),
    Kind.FAILED: Traits(
        phase=Phase.ENDED, follows=Status.FAILED, urgent=True, essential=True, escalates=True
    ),
    Kind.NOT_STARTED: Traits(follows=Status.SCHEDULED, watchdog=True, essential=True, checked=True),
    Kind.STILL_RUNNING: Traits(
        phase=Phase.BEGUN, follows=Status.STARTED, watchdog=True, essential=True, checked=True
    ),
    # A deadline that somebody has to act on, and rare.
    Kind.END_OF_SUPPORT: Traits(essential=True),
    Kind.ROLLING_STARTED: Traits(),
    Kind.ROLLING_SUCCEEDED: Traits(resolves=True),
    Kind.ROLLING_FAILED: Traits(urgent=True, essential=True),
    Kind.NEW_VERSION: Traits(),
    Kind.FAILED_STATE: Traits(urgent=True, essential=True, escalates=True),
    Kind.RECOVERED: Traits(essential=True, resolves=True),
    Kind.NOTHING_HAPPENED: Traits(essential=True),
    Kind.ADVISORY: Traits(essential=True),
    Kind.SUPPORT_ENDING: Traits(essential=True),
    Kind.CLOCK_CHANGE: Traits(),
    # Somebody has to say yes, or nothing goes on.
    Kind.GATE: Traits(urgent=True, essential=True),
    Kind.GATE_CLOSED: Traits(resolves=True),
    Kind.RUN_STARTED: Traits(),
    Kind.STAGE_FINISHED: Traits(),
    Kind.RUN_COMPLETED: Traits(resolves=True),
    Kind.MEMBER_FAILED: Traits(urgent=True, essential=True),
    Kind.RUN_STOPPED: Traits(essential=True),
    Kind.RUN_FAILED: Traits(urgent=True, essential=True),
    Kind.RUN_STUCK: Traits(essential=True),
    Kind.AUTO_UPGRADE_FAILED: Traits(urgent=True, essential=True),
    # A status that is new to us: what it means nobody can tell yet, so it is not kept from anyone.
    Kind.NEWS: Traits(essential=True),
    Kind.REJECTED: Traits(about=About.INPUT),
    Kind.UNDELIVERED: Traits(about=About.MAIL),
    Kind.UNREACHABLE: Traits(about=About.MAIL),
    Kind.TARGET_GONE: Traits(about=About.MAIL),
    Kind.MISSED_EVENTS: Traits(about=About.APP),
    Kind.UNREADABLE: Traits(about=About.APP),
    Kind.COVERAGE: Traits(about=About.APP),
    Kind.REPORT: Traits(about=About.APP),
}
"""Of one status, the kind that its event by itself gives rise to comes first."""


def following(*statuses: Status) -> frozenset[Kind]:
    """Return the kinds that follow from events of one of these statuses."""
    return frozenset(kind for kind, traits in TRAITS.items() if traits.follows in statuses)


ABOUT_CLUSTERS = tuple(kind for kind, traits in TRAITS.items() if traits.about is About.CLUSTER)
"""All others tell of the app itself: they are for the default audience, and never filtered."""
ABOUT_MAIL = frozenset(kind for kind, traits in TRAITS.items() if traits.about is About.MAIL)
AHEAD = frozenset(kind for kind, traits in TRAITS.items() if traits.phase is Phase.AHEAD)
UNDER_WAY = frozenset(kind for kind, traits in TRAITS.items() if traits.phase is Phase.BEGUN)
URGENT = frozenset(kind for kind, traits in TRAITS.items() if traits.urgent)
WATCHDOGS = frozenset(kind for kind, traits in TRAITS.items() if traits.watchdog)
ACTIONABLE = frozenset(
    kind
    for kind, traits in TRAITS.items()
    if traits.urgent or traits.essential or traits.phase is Phase.AHEAD or traits.about is not About.CLUSTER
)
"""What somebody may have to act on: where nobody can say whether it arrived, it is told again."""
ESSENTIAL = frozenset(kind for kind, traits in TRAITS.items() if traits.essential)
DATING = frozenset(kind for kind, traits in TRAITS.items() if traits.dates)
CHECKED = frozenset(kind for kind, traits in TRAITS.items() if traits.checked)
ESCALATING = frozenset(kind for kind, traits in TRAITS.items() if traits.escalates)
RESOLVING = frozenset(kind for kind, traits in TRAITS.items() if traits.resolves)


class Decision(StrEnum):
    """Why something was or was not told. Logged with the eventId, and stored with the event."""

    NEW = "new"
    RESCHEDULED = "rescheduled"
    REPEATED = "repeated"
    """Announced again, the start still unknown: told as a reminder."""
    FAILED_AGAIN = "failed-again"
    DUPLICATE = "duplicate"
    RECORDED = "recorded"
    """Of interest to nobody by itself: kept, not told."""
    STALE = "stale"
    """Older than what is known already: kept, not told."""
    SUPERSEDED = "superseded"
    """Overtaken by later news of the same maintenance before it was told."""
    DUE = "due"
    """A check that was still true at its hour: told."""
    GROUPED = "grouped"
    THAWED = "thawed"
    """Taken out of a mail that nobody took in time, to be told as things are now."""
    SENT = "sent"
    PAUSED = "paused"
    SILENCED = "silenced"
    """An operator wants nobody to be told for a while."""
    UNROUTED = "unrouted"
    IGNORED = "ignored"
    REJECTED = "rejected"


def kinds_of(event: Event) -> tuple[Kind, ...]:
    """Return the kinds of notice that may follow from an event, the one that it gives rise to first."""
    if event.end_of_support is not None:
        return (Kind.END_OF_SUPPORT,)
    if event.news:
        return (Kind(event.news),)
    return tuple(kind for kind, traits in TRAITS.items() if traits.follows == event.status) or (Kind.NEWS,)


def kind_of(event: Event) -> Kind:
    """Return the kind of notice that an event by itself gives rise to."""
    return kinds_of(event)[0]
