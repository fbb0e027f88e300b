"""What an event is, and what was decided about it, in the words that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.model import Upgrade
from shared.notices.kinds import Decision

if TYPE_CHECKING:
    from datetime import datetime

    from shared.events.model import Event

_NOT_TOLD = {
    Decision.RECORDED: "kept and told to nobody: by itself it is no news, such as a gate that was answered",
    Decision.STALE: "kept and told to nobody: it is older than what was known already",
}


def kind(event: Event) -> str:
    """Return the kind of maintenance, as routes name it; empty where AKS does not say."""
    return "" if event.upgrade is Upgrade.UNKNOWN else event.upgrade


def news(event: Event) -> str:
    """Return the status, and of which kind of maintenance: `Failed, node-os`."""
    return f"{event.status}, {kind(event)}".rstrip(", ")


def decided(decision: str) -> str:
    """Return a decision, and of one to tell nobody the reason."""
    return f"{decision}, {_NOT_TOLD[Decision(decision)]}" if decision in _NOT_TOLD else decision


def held(grouped: datetime | None, now: datetime) -> str:
    """Return until when what is due is held, given when its audience last got a grouped message."""
    if grouped is None or not 0 <= (now - grouped).total_seconds() < _MAX_HELD_SECONDS:
        return ""
    return f"GROUP_INTERVAL after the grouped message of {grouped:%H:%M:%S} UTC"


_MAX_HELD_SECONDS = 3_600
"""A grouped message holds nothing that went out longer ago: no table says how long GROUP_INTERVAL is."""
