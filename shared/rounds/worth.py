"""What a maintenance event is still worth telling that Event Grid did not bring. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.events.model import Status

if TYPE_CHECKING:
    from datetime import datetime

    from shared.events.model import Event

ANNOUNCED_AHEAD = timedelta(days=7)
"""AKS announces a maintenance so long before: one without a start may still lie ahead for as long."""

FAILED_OF_LATE = timedelta(days=1)
"""The first run tells failures that are no older."""


def is_worth_telling(event: Event, own: datetime | None, now: datetime, *, is_first: bool) -> bool:
    """Return whether an event is told, or recorded only.

    `own` is its row's own time; a row without one counts as old. With the first run of a subscription its
    history comes: of that history only what lies ahead, or failed within a day, is told.
    """
    age = now - own if own is not None else None
    if event.end_of_support is not None:
        date = event.end_of_support.date
        is_ahead = date is not None and date > now
        return (age is None or age <= ANNOUNCED_AHEAD) and (is_ahead or not is_first)
    match event.status:
        case Status.SCHEDULED:
            if event.start is not None:
                return event.start > now
            return age is not None and age <= ANNOUNCED_AHEAD
        case Status.FAILED:
            return not is_first or (age is not None and age <= FAILED_OF_LATE)
        case Status.STARTED | Status.COMPLETED:
            return False
        case _:
            return not is_first
