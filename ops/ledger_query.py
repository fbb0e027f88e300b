"""What the ledger holds, chosen by time and cluster, and in order: the latest first, of work the next."""

from __future__ import annotations

from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.notices.records import Mail, MailItem, SentMail
from shared.store import codec
from shared.store.ledger import Received, Rejection
from shared.store.rows import CheckRow, MailRow, NoticeRow, SendGate, SpreadRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.events.model import Subject
    from shared.store.ledger import Ledger

Waiting = CheckRow | NoticeRow | MailRow
"""Something still to be done."""

_SLACK = timedelta(days=1)
"""Clocks differ: the app's wrote when an event was received, the table's when its mail was settled."""


class Entries(msgspec.Struct, frozen=True):
    """What was chosen. None where it was not asked for."""

    events: list[Received] | None = None
    work: list[Waiting] | None = None
    gate: SendGate | None = None
    """As stored; with `work`."""
    grouped: dict[tuple[str, str], datetime] = msgspec.field(default_factory=dict)
    """When audiences for which notices wait last got a grouped message, by target; with `work`."""
    sent: list[SentMail] | None = None
    rejected: list[Rejection] | None = None


class Clusters:
    """Tells which cluster a row is about; each maintenance is looked up once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[str, Subject | None] = {}

    def learn(self, events: Iterable[Received]) -> None:
        """Take note of events that have been read anyway."""
        for received in events:
            self._known.setdefault(keys.history_of(received.key), received.event.event.subject)

    def of(self, key: str) -> Subject | None:
        """Return the cluster; None for what is about none, or not stored any more."""
        if not key.startswith("event:"):
            return None
        prefix = keys.history_of(key)
        if prefix not in self._known:
            history = self._ledger.history(prefix)
            self._known[prefix] = history[-1].event.event.subject if history else None
        return self._known[prefix]

    def names(self, row: Waiting | SentMail) -> str:
        """Return the names of the clusters that a row is about, the first few."""
        few = 2
        told = list(dict.fromkeys(_history_or_key(key) for key in _keys(row)))
        found = [self.of(key) for key in told[:few]]
        names = [cluster.name if cluster else _called(key) for key, cluster in zip(told, found, strict=False)]
        return ", ".join(names) + (f" and {len(told) - few} more" if len(told) > few else "")

    def match(self, row: Waiting | SentMail, pattern: str) -> bool:
        """Return whether a row is about a cluster that the pattern matches."""
        found = (self.of(key) for key in _keys(row))
        return any(cluster is not None and matches(cluster, pattern) for cluster in found)


def choose(ledger: Ledger, what: Iterable[str], since: datetime, pattern: str, clusters: Clusters) -> Entries:
    """Read what is asked for: `events`, `work`, `sent`, `rejected`.

    `since` says from when on, except for work; `pattern`, if any, which clusters. Rejected input is of none.
    """
    wanted = set(what)
    events: list[Received] = []
    if "events" in wanted or pattern:  # one scan names most clusters that mails tell of
        events = sorted(ledger.events(since), key=lambda received: (received.at, received.key), reverse=True)
        clusters.learn(events)
    if pattern:
        events = [received for received in events if matches(received.event.event.subject, pattern)]
    entries = Entries(events=events if "events" in wanted else None)
    if "work" in wanted:
        rows = list(ledger.work())
        work = [row for row in rows if not isinstance(row, SendGate | SpreadRow)]
        told = {(row.notice.audience, row.notice.target) for row in work if isinstance(row, NoticeRow)}
        last = {to: ledger.last_grouped(*to) for to in sorted(told)}
        entries = msgspec.structs.replace(
            entries,
            grouped={to: at for to, at in last.items() if at},
            gate=next((row for row in rows if isinstance(row, SendGate) and not row.target), SendGate()),
            work=[row for row in work if not pattern or clusters.match(row, pattern)],
        )
    if "sent" in wanted:
        sent = [mail for mail in ledger.mails(since) if not pattern or clusters.match(mail, pattern)]
        sent.sort(key=lambda mail: (mail.at, mail.key), reverse=True)
        entries = msgspec.structs.replace(entries, sent=sent)
    if "rejected" in wanted:
        rejected = sorted(ledger.rejections(since), key=lambda each: (each.at, each.key), reverse=True)
        entries = msgspec.structs.replace(entries, rejected=rejected)
    return entries


def matches(cluster: Subject, pattern: str) -> bool:
    """Return whether its name matches a pattern (with a slash in it, its resource ID), in any case."""
    return fnmatchcase(cluster.key if "/" in pattern else cluster.name.lower(), pattern.lower())


def members(row: MailRow | SentMail) -> tuple[MailItem, ...]:
    """Return what a mail tells, sent or not."""
    return row.members if isinstance(row, SentMail) else row.mail.members


def as_mail(sent: SentMail) -> Mail:
    """Return a mail as it was frozen, as far as its outcome tells."""
    return Mail(
        operation_id=sent.key.removeprefix(keys.sent("")),
        audience=sent.audience,
        as_of=sent.at,
        members=sent.members,
        repeats=sent.repeats,
    )


def short(key: str) -> str:
    """Return the beginning of the id in a key, which is enough to ask for it."""
    if key.startswith("event:"):
        key = keys.history_of(key).rstrip(":")
    return key.rpartition(":")[2][:8]


def asked_for(history: Sequence[Received], key: str) -> Received:
    """Return the event of a maintenance that has a key; without one of it, the last that was received."""
    return next((received for received in history if received.key == key), history[-1])


def told_of(ledger: Ledger, history: Sequence[Received], prefix: str) -> list[SentMail]:
    """Return what became of the mails that told of a maintenance, in the order of time."""
    sent = [
        mail
        for mail in ledger.mails(history[0].at - _SLACK)
        if any(member.key.startswith(prefix) for member in mail.members)
    ]
    return sorted(sent, key=lambda mail: (mail.at, mail.key))


def waiting_for(ledger: Ledger, prefix: str) -> list[Waiting]:
    """Return what still waits for a maintenance."""
    return [
        row
        for row in ledger.work()
        if not isinstance(row, SendGate | SpreadRow)
        and any(key.startswith(prefix) for key in codec.refers_to(row))
    ]


def _keys(row: Waiting | SentMail) -> list[str]:
    match row:
        case CheckRow(_, check):
            return [check.key]
        case NoticeRow(_, notice):
            return [notice.key]
        case MailRow() | SentMail():
            return [member.key for member in members(row)]


def _called(key: str) -> str:
    """Return the name of what is about no cluster, or about none that is known."""
    kind = key.partition(":")[0]
    return f"{'mail' if kind == 'sent' else kind} {short(key)}"


def _history_or_key(key: str) -> str:
    return keys.history_of(key) if key.startswith("event:") else key
