"""The rows of work, as read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from shared.notices.records import Check, Mail, Notice

Count = Annotated[int, msgspec.Meta(ge=0)]


class MailRow(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to be sent, as stored, and whose turn it is.

    A mail with a `token` has been attempted, or is being attempted under that token. While `leased`, it is
    its sender's alone until the lease has run out by the server's clock. `doubt` says that an earlier request
    may still be under way.
    """

    key: str
    etag: str
    timestamp: datetime
    mail: Mail
    token: str = ""
    attempts: Count = 0
    """How often it was handed to the mail service."""
    turns: Count = 0
    """How often in a row a sender has taken it over; each waits longer than the one before."""
    leased: bool = False
    doubt: bool = False
    refused: str = ""
    """Why the mail service would not take it, where that is known and not yet acted upon."""
    draft: str = ""
    """The id of the draft that it is sent by, on a channel that keeps drafts."""
    postponed: str = ""
    """Why the service did not take it for now, where the attempt that holds the lease got that answer."""
    may_repeat: bool = False
    """Whether a service that cannot be asked any more may have taken it."""
    suspected: datetime | None = None
    """Since when the service refuses it for a reason that may be all mail's, or this one's alone."""

    @property
    def is_in_doubt(self) -> bool:
        """Whether a request may still be under way, or may have arrived, once the lease has run out."""
        return self.doubt or (self.leased and not (self.refused or self.postponed))


class NoticeRow(msgspec.Struct, frozen=True):
    """A notice waiting to be grouped, as stored."""

    key: str
    notice: Notice


class CheckRow(msgspec.Struct, frozen=True):
    """A check waiting for its time, as stored."""

    key: str
    check: Check


class SpreadRow(msgspec.Struct, frozen=True):
    """An event that names several clusters, to be recorded for one after the other, as stored."""

    key: str
    etag: str
    raw: str
    received: datetime
    done: Count = 0
    """For how many of them it has been recorded."""


LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class SendGate(msgspec.Struct, frozen=True):
    """Whether a target takes mail: the pause that all instances keep, and how much they have sent of late.

    `strikes` counts pauses in a row that the service set no time for; `sends` is as in `limiter.counted`.
    """

    until: datetime = LONG_AGO
    reason: str = ""
    strikes: Count = 0
    sends: dict[int, int] = {}
    etag: str = ""
    target: str = ""
    """The target that it is for; email is ""."""
    silences: str = ""
    """What nobody is to be told, as `routes.silences` writes it: every gate has all of them."""


class AudienceRow(msgspec.Struct, frozen=True):
    """When an audience last got a grouped mail on a target."""

    key: str
    last: datetime | None = None
    etag: str = ""


WorkRow = MailRow | NoticeRow | CheckRow | SpreadRow | SendGate


class Token(msgspec.Struct, frozen=True):
    """A token as it is stored: its hash, and the id of the audience whose pages it opens."""

    hash: str
    audience: str
    created: datetime

    @property
    def id(self) -> str:
        """What people call it by: the beginning of its hash, which opens nothing."""
        return self.hash[:8]
