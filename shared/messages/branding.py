"""What all messages of an installation have in common. By itself, since channels are made from it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

    from shared.events.model import Event


class FreezePlan(Protocol):
    """A time in which nothing is to change, as far as mails say something of it."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def start(self) -> datetime:
        """Its first moment."""

    @property
    def end(self) -> datetime:
        """The first moment after it."""

    def covers(self, moment: datetime) -> bool:
        """Return whether a moment lies in it."""

    def is_for(self, event: Event) -> bool:
        """Return whether it is for an event."""


class Branding(msgspec.Struct, frozen=True, kw_only=True):
    """What all mails of an installation have in common."""

    domain: str = "localhost"
    """Of the sender's address: Message-IDs and calendar entries are named under it."""
    sender: str = ""
    """The sender's address: who organizes calendar entries."""
    portal: str = "portal.azure.com"
    """Host of the Azure portal."""
    only_to: tuple[str, ...] = ()
    """Shadow mode: all mail goes here instead, the intended audience named in it."""
    failures_file: str = ""
    """The installation's own entries of the failure catalogue; a path."""
    freezes: Sequence[FreezePlan] = ()
    """Times in which nothing is to change, in the order of their starts."""
