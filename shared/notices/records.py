"""What is stored and handed on: events, checks, notices, mails, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared import ids, keys
from shared.events.model import Event, Status, Upgrade
from shared.events.run import RunPart, RunStatus
from shared.snapshot import ClusterSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterable


from datetime import datetime

from shared.notices.kinds import Decision, Kind

VIA_RESOURCE_GRAPH = "resource-graph"
"""How an event came that was found in Azure Resource Graph."""


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as stored: its row's key, what was read, and what was decided when it came."""

    key: str
    event: Event
    decision: str = Decision.NEW
    revision: int = 0
    via: str = ""
    """How it came, where not from Event Grid."""
    told: tuple[str, ...] = ()
    """Who was to hear of it when it came, as people call them; empty where that is one alone."""
    is_complete: bool = True
    """Whether the row could be read whole. If not, the event holds what its key and plain columns tell."""


class Check(msgspec.Struct, frozen=True):
    """Something to look at when its time comes: is it still true? Then it becomes notices."""

    id: str
    kind: Kind
    key: str
    """The event row it follows from."""
    due: datetime
    lead: str = ""


class Notice(msgspec.Struct, frozen=True):
    """Something to tell one audience. `key` is the row it tells of."""

    id: str
    kind: Kind
    key: str
    audience: str
    lead: str = ""
    target: str = ""
    """Where that audience is told: the key of one of its targets; email is ""."""
    default_hears: bool = False
    """Whether the default audience has one of its own: where its audience is gone, this tells nothing."""
    attempts: int = 0
    """How often a service has put off the mail that it was thawed from."""


class MailItem(msgspec.Struct, frozen=True, array_like=True):
    """A notice inside a frozen mail, with the keys of all rows that telling it may read."""

    kind: Kind
    key: str
    history: tuple[str, ...] = ()
    lead: str = ""
    snapshot: ClusterSnapshot | None = None
    """What is known of the cluster and its windows, as of when the mail was frozen."""
    part: RunPart | None = None
    """The update run that it is part of, where its audience hears of that as well."""

    @property
    def conversation(self) -> str:
        """What all has in common in its key that is told in one thread: the prefix of a history."""
        return keys.history(self.part.event_id) if self.part else keys.history_of(self.key)

    def notice_id(self, audience: str, target: str = "") -> str:
        """Return the id of the notice that this member was."""
        return ids.notice_id(self.key, self.kind, self.lead, audience, target)


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail keeps to while it is in doubt, whatever the settings say by then."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    reply_to: str
    only_to: tuple[str, ...]
    sender: str
    portal: str
    time_zone: str
    service: str = ""
    """By which of a channel's services it leaves; empty for a channel that has but one."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody that it goes to."""
        return self.only_to or self.to + self.cc


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail, frozen: it renders to the same bytes at any time on any machine.

    Relative times follow from `as_of`; rendering reads the rows that the members name and no others.
    """

    operation_id: str
    audience: str
    as_of: datetime
    members: tuple[MailItem, ...]
    target: str = ""
    """As in Notice."""
    repeats: str = ""
    """The operation id of the mail that an operator had sent again by this one."""
    bound: Binding | None = None
    """What held when it was frozen, or, where nobody can have taken it, when it was last handed over."""
    is_repeat: bool = False
    """Whether it may have arrived before: then it says so. Not stored: the mark of doubt on its row is."""

    @property
    def usual_id(self) -> str:
        """The operation id of a mail that was frozen from its notices, and not made of another mail."""
        return ids.operation_id(member.notice_id(self.audience, self.target) for member in self.members)

    @property
    def notices(self) -> list[Notice]:
        """The notices that it was frozen from."""
        return [
            Notice(
                member.notice_id(self.audience, self.target),
                member.kind,
                member.key,
                self.audience,
                member.lead,
                self.target,
            )
            for member in self.members
        ]


class RejectedInput(msgspec.Struct, frozen=True):
    """Input that could not be understood, as stored."""

    key: str
    reason: str
    raw: str
    received: datetime


class RecipientReport(msgspec.Struct, frozen=True, array_like=True):
    """A delivery report: what became of a mail for one recipient, in the mail service's words."""

    recipient: str
    status: str
    detail: str = ""


class SentMail(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a mail, as stored."""

    key: str
    state: str
    """`sent`, `failed`, `dissolved`, or `doubtful`: nobody can say whether it arrived, or arrived once."""
    audience: str
    target: str = ""
    """As in Notice."""
    at: datetime
    subject: str = ""
    to: tuple[str, ...] = ()
    why: str = ""
    refused: tuple[str, ...] = ()
    """Recipients that the mail service refused."""
    attempts: int = 0
    members: tuple[MailItem, ...] = ()
    reports: tuple[RecipientReport, ...] = ()
    """What the mail service has reported of its recipients since; failures only."""
    repeats: str = ""
    """As in Mail."""


Row = StoredEvent | RejectedInput | SentMail
"""What a mail may tell of."""


def upgrade_of(event: Event, history: Iterable[StoredEvent]) -> Upgrade:
    """Return the kind of maintenance: the event's own, or, where it does not tell, what earlier ones told."""
    known = (row.event.upgrade for row in history if row.event.upgrade is not Upgrade.UNKNOWN)
    return next(known, Upgrade.UNKNOWN) if event.upgrade is Upgrade.UNKNOWN else event.upgrade


_MAX_HISTORY = 16
"""Rows of one maintenance that a mail may tell from: more than any has been seen to have."""


_MAX_MEMBERS = 3
"""Of those rows, members of an update run that have failed: they may be a thousand."""


def frozen_history(history: Iterable[StoredEvent], key: str) -> tuple[str, ...]:
    """Return the keys of the rows that telling of one of them may read: the latest, itself among them.

    What a member that failed came to is told by itself.
    """
    rows = sorted(history, key=lambda row: (row.event.time, row.key))
    failed = [row.key for row in rows if row.event.status == RunStatus.MEMBER_FAILED]
    if key in failed:
        return (key,)
    left_out = {key, *failed[:-_MAX_MEMBERS]}
    others = [row.key for row in rows if row.key not in left_out]
    return (*others[1 - _MAX_HISTORY :], key)


MAX_ABOUT = 10
"""Events that a mail about a mail names."""


def latest_announcement(history: Iterable[StoredEvent]) -> StoredEvent | None:
    """Return the Scheduled event that holds: the last one that was not stale."""
    valid = [
        row
        for row in history
        if row.event.status == Status.SCHEDULED
        and row.event.end_of_support is None
        and row.decision != Decision.STALE
    ]
    return max(valid, key=lambda row: row.revision, default=None)
