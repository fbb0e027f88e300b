"""The kinds of notices: what each is, in one table."""

from __future__ import annotations

from enum import StrEnum

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
    NEWS = "news"
    """An event whose status is new to us, told plainly."""
    REJECTED = "rejected"
    """Input that could not be understood; for the default audience."""
    UNDELIVERED = "undelivered"
    """A mail that could not be sent; for the default audience."""
    UNREACHABLE = "unreachable"
    """An address that a mail was sent to and did not reach; for the default audience."""


ABOUT_MAIL = frozenset({Kind.UNDELIVERED, Kind.UNREACHABLE})
"""Notices about mail. A mail of nothing else that fails is not told of in turn."""

_KIND = {
    Status.SCHEDULED: Kind.SCHEDULED,
    Status.STARTED: Kind.STARTED,
    Status.COMPLETED: Kind.COMPLETED,
    Status.CANCELED: Kind.CANCELED,
    Status.FAILED: Kind.FAILED,
}


class Decision(StrEnum):
    """Why something was or was not told. Logged with the eventId, and stored with the event."""

    NEW = "new"
    RESCHEDULED = "rescheduled"
    REPEATED = "repeated"
    """Announced again, the start still unknown: told as a reminder."""
    FAILED_AGAIN = "failed-again"
    DUPLICATE = "duplicate"
    STALE = "stale"
    """Older than what is known already: kept, not told."""
    SUPERSEDED = "superseded"
    """Overtaken by later news of the same maintenance before it was told."""
    DUE = "due"
    """A check that was still true at its hour: told."""
    GROUPED = "grouped"
    SENT = "sent"
    PAUSED = "paused"
    UNROUTED = "unrouted"
    IGNORED = "ignored"
    REJECTED = "rejected"


def kind_of(event: Event) -> Kind:
    """Return the kind of notice that an event by itself gives rise to."""
    if event.end_of_support is not None:
        return Kind.END_OF_SUPPORT
    if event.news:
        return Kind(event.news)
    return _KIND[Status(event.status)] if event.status in set(Status) else Kind.NEWS
