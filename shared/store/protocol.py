"""The store: every step of the protocol as one transaction, and how to read back what is stored.

A conflict may be one's own earlier write whose answer was lost. The token in the row tells: a step that runs
into a conflict reads the row and goes on as if nothing had happened where the token is its own.

    notice --freeze--> mail, leased --settle--> sent
      ^                 |  ^    |
    check            free  take over (lease run out, or freed)
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from shared import keys
from shared.store import codec
from shared.store.rows import LONG_AGO, AudienceRow, CheckRow, MailRow, NoticeRow, SendGate, SpreadRow
from shared.store.table import (
    MAX_OPERATIONS,
    BrowsableTable,
    Conflict,
    Operation,
    Stored,
    TableError,
    TableRefused,
    TableUnavailable,
    Verb,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from shared.maintenance.inventory import ClusterInfo
    from shared.notices.records import Check, Mail, Notice, RejectedInput, Row, SentMail, StoredEvent

log = logging.getLogger("notifier")

_T = TypeVar("_T")

MAX_MEMBERS = MAX_OPERATIONS - 3
"""Notices that one mail can take: freezing deletes them, touches audience and gate, and inserts the mail."""

_MAX_CLUSTERS = 40

_FAR_BEHIND = timedelta(seconds=5)

_MAX_ATTEMPTS = 5


class GateChanged(TableError):  # noqa: N818 - says what happened
    """Another instance has paused a target or sent to it since its gate was read: read it again."""


class Recording(msgspec.Struct, frozen=True):
    """What recording an event came to: whether it was new, and the mails it made, leased."""

    is_new: bool
    mails: tuple[MailRow, ...] = ()
    gates: tuple[SendGate, ...] = ()
    """The gates as written."""


class Frozen(msgspec.Struct, frozen=True):
    """What freezing a mail came to: the mail, leased, unless another was faster; and the rows as written."""

    mail: MailRow | None = None
    audience: AudienceRow | None = None
    gates: tuple[SendGate, ...] = ()


class Due(msgspec.Struct, frozen=True):
    """Work that has fallen due, in order, and the server's time."""

    server_time: datetime
    gates: tuple[SendGate, ...] = ()
    """Those that are there, of all targets; only the first page has them."""
    checks: tuple[CheckRow, ...] = ()
    notices: tuple[NoticeRow, ...] = ()
    mails: tuple[MailRow, ...] = ()
    spreads: tuple[SpreadRow, ...] = ()
    upcoming: tuple[NoticeRow, ...] = ()
    """Notices that fall due a little later."""
    next: str = ""
    """Where to go on reading, if there is `more`."""

    @property
    def more(self) -> bool:
        """Return whether there is more work due than this."""
        return bool(self.next)


class Store:
    """The rows of one table. Every method says how many round trips it takes when nothing goes wrong."""

    def __init__(self, table: BrowsableTable) -> None:
        self._table = table

    # Reading

    def history(self, prefix: str) -> tuple[StoredEvent, ...]:
        """Return all events stored under the history prefix of an eventId. One round trip, as a rule.

        A page ends at 4 MiB, too, which a few events of the largest size come to.
        """
        found: list[StoredEvent] = []
        first = prefix
        while first:
            page = self._table.query(first, prefix + keys.AFTER)
            found += _readable(_recorded, page.rows)
            first = keys.following(page.last) if page.more else ""
        return tuple(found)

    def marked(self, first: str, last: str) -> bool:
        """Return whether there is a mark in a range of keys. One round trip."""
        return bool(self._table.query(first, last, 1).rows)

    def row(self, key: str) -> Row | None:
        """Return an event, rejected input, or what became of a mail. One round trip."""
        row = self._table.get(key)
        return next(_readable(codec.row, [row] if row else []), None)

    def due(self, now: datetime, first: str = keys.GATE, soon: timedelta = timedelta()) -> Due:
        """Return work that is due from a key on, the gates that head it, and the server's time.

        `now` is what the caller takes the server's time to be; what is due is decided by the answer's own.
        `soon` is how much longer notices may have to wait that are told of, too, apart from those due. One
        round trip, two where the caller is far behind. What one page does not hold is found from `next` on.
        """
        page = self._table.query(first, keys.work_until(now + soon))
        if page.server_time - now >= _FAR_BEHIND:
            page = self._table.query(first, keys.work_until(page.server_time + soon))
        until = keys.work_until(page.server_time)
        gates = [row for row in page.rows if keys.is_gate(row.key)]
        found = [row for row in page.rows[len(gates) :] if row.key < until]
        rows = list(_readable(codec.work, found))
        later = _readable(codec.work, page.rows[len(gates) + len(found) :])
        return Due(
            page.server_time,
            tuple(map(_gate, gates)),
            tuple(row for row in rows if isinstance(row, CheckRow)),
            tuple(row for row in rows if isinstance(row, NoticeRow)),
            tuple(row for row in rows if isinstance(row, MailRow)),
            tuple(row for row in rows if isinstance(row, SpreadRow)),
            tuple(row for row in later if isinstance(row, NoticeRow)),
            keys.following(page.last) if page.more and page.last < until else "",
        )

    def audience(self, name: str, target: str = "") -> AudienceRow:
        """Return the row of an audience on a target, or one to insert. One round trip."""
        key = keys.audience(name, target)
        row = self._table.get(key)
        if row is None:
            return AudienceRow(key)
        last = next(_readable(codec.last_mailed, [row]), None)
        return AudienceRow(key, last, row.etag)

    # Clusters

    def cluster(self, cluster_key: str) -> ClusterInfo | None:
        """Return what is known of a cluster, by its ARM id in lower case. One round trip."""
        row = self._table.get(keys.cluster(cluster_key))
        return next(_readable(codec.cluster, [row] if row and "facts" in row.values else []), None)

    def clusters(self) -> dict[str, ClusterInfo]:
        """Return what is known of all clusters, by the keys of their rows. A round trip for each page."""
        found: dict[str, ClusterInfo] = {}
        first = "cluster:"
        while first:
            page = self._table.query(first, "cluster:" + keys.AFTER)
            for row in page.rows:
                known = next(_readable(codec.cluster, [row] if "facts" in row.values else []), None)
                if known is not None:
                    found[row.key] = known
            first = keys.following(page.last) if page.more else ""
        return found

    def save_clusters(self, clusters: Iterable[ClusterInfo]) -> int:
        """Write down what is known of clusters, over what was; give their number.

        A round trip for each forty: a transaction is at most 4 MiB.
        """
        rows = {keys.cluster(known.cluster.key): codec.cluster_values(known) for known in clusters}
        operations = [Operation(Verb.UPSERT, key, values) for key, values in rows.items()]
        for start in range(0, len(operations), _MAX_CLUSTERS):
            self._table.commit(operations[start : start + _MAX_CLUSTERS])
        return len(rows)

    def trim_news(self, since: datetime) -> int:
        """Take the news of clusters that were received before a time out of their rows; give their number.

        A row that holds nothing else goes. A round trip for each page of clusters, and one for each forty
        rows that have such.
        """
        taken = 0
        first = "cluster:"
        while first:
            page = self._table.query(first, "cluster:" + keys.AFTER)
            operations = []
            for row in page.rows:
                old = codec.old_news(row, since)
                taken += len(old)
                if old:
                    kept = {name: value for name, value in row.values.items() if name not in old}
                    is_bare = not any(name == "facts" or name.startswith("news_") for name in kept)
                    verb = Verb.DELETE if is_bare else Verb.REPLACE
                    operations.append(Operation(verb, row.key, kept, row.etag))
            for start in range(0, len(operations), _MAX_CLUSTERS):
                self._commits(operations[start : start + _MAX_CLUSTERS])
            first = keys.following(page.last) if page.more else ""
        return taken

    def swept(self) -> None:
        """Write down that a sweep went well: the row's timestamp says when. One round trip."""
        self._table.commit([Operation(Verb.UPSERT, keys.SWEPT, {"kind": "sweep"})])

    # Intake

    def record(
        self,
        recorded: StoredEvent,
        raw: str,
        *,
        now: datetime,
        token: str,
        notices: Iterable[tuple[Notice, datetime]] = (),
        checks: Iterable[Check] = (),
        mails: Iterable[Mail] = (),
        gates: Sequence[SendGate] = (),
        marks: Iterable[str] = (),
    ) -> Recording:
        """Insert an event, and what follows from it. One round trip, two where it is known already.

        `marks` are keys that say nothing but that this event was there, for `marked` to find.
        `notices` come with the time that they are due.
        `mails` come into being leased under `token`, to be sent by the caller at once; `gates` are the gates
        with them counted, to be written over those that were read. Raises GateChanged.
        """
        event_values = codec.event_values(recorded, raw, received=now, token=token)
        work = [(keys.work(due, notice.id), codec.notice_values(notice)) for notice, due in notices]
        work += [(keys.work(check.due, check.id), codec.check_values(check)) for check in checks]
        mail_keys = {keys.work(now, mail.operation_id): mail for mail in mails}
        work += [(key, codec.mail_values(mail, token=token, attempts=1)) for key, mail in mail_keys.items()]
        told = {"kind": "told", "at": codec.text(now)}
        rows = [(recorded.key, event_values), *work, *((key, told) for key in marks)]
        operations = [Operation(Verb.INSERT, key, values) for key, values in rows]
        try:
            committed, written = self._commit_present(operations, _present(recorded, now), gates)
        except Conflict:
            row = self._table.get(recorded.key)
            if row is None:
                raise TableUnavailable("a conflict over an event that is not there") from None
            if row.values["token"] != token:
                return Recording(is_new=False)
            own = [self._own(key, token) for key in mail_keys]
            return Recording(is_new=True, mails=tuple(row for row in own if row is not None))
        etags = dict(zip([key for key, _ in rows], committed, strict=True))
        return Recording(
            is_new=True,
            mails=tuple(
                MailRow(
                    key=key, etag=etags[key], timestamp=now, mail=mail, token=token, attempts=1, leased=True
                )
                for key, mail in mail_keys.items()
            ),
            gates=written,
        )

    def spread(self, name: str, raw: str, now: datetime) -> bool:
        """Keep an event that names several clusters, to be recorded for each; tell whether it is new.

        `name` is what it is known by. One round trip.
        """
        id_ = keys.digest(name)
        told = Operation(Verb.INSERT, keys.told_of_spread(id_), {"kind": "told", "at": codec.text(now)})
        work = Operation(Verb.INSERT, keys.work(now, id_), codec.spread_values(raw, now))
        return self._commits([told, work])

    def spread_on(self, row: SpreadRow, done: int) -> None:
        """Note for how many clusters an event has been recorded. One round trip."""
        self._commits([Operation(Verb.MERGE, row.key, {"done": done}, row.etag)])

    def spread_over(self, row: SpreadRow) -> None:
        """Be done with an event that has been recorded for all of its clusters. One round trip."""
        self._commits([Operation(Verb.DELETE, row.key)])

    def reject(self, rejected: RejectedInput, notice: Notice) -> bool:
        """Keep input that could not be understood; tell whether it is new.

        `notice` goes with the first of its day. One round trip, two for all others.
        """
        insert = Operation(Verb.INSERT, rejected.key, codec.rejected_values(rejected))
        now = rejected.received
        told = Operation(Verb.INSERT, keys.told_of_rejected(now), {"kind": "told", "at": codec.text(now)})
        tell = Operation(Verb.INSERT, keys.work(now, notice.id), codec.notice_values(notice))
        try:
            self._table.commit([insert, told, tell])
        except Conflict as conflict:
            if conflict.index == 0:
                return False
            try:
                self._table.commit([insert])
            except Conflict:
                return False
        return True

    # Sweep

    def resolve(
        self, row: CheckRow, notices: Iterable[Notice], due: datetime, checks: Iterable[Check] = ()
    ) -> bool:
        """Replace a check by what it comes to, if anything: notices, and checks that follow it.

        False where another did. One round trip.
        """
        operations = [Operation(Verb.DELETE, row.key)]
        operations += [
            Operation(Verb.INSERT, keys.work(due, notice.id), codec.notice_values(notice))
            for notice in notices
        ]
        operations += [
            Operation(Verb.INSERT, keys.work(check.due, check.id), codec.check_values(check))
            for check in checks
        ]
        return self._commits(operations)

    def drop(self, rows: Sequence[NoticeRow]) -> bool:
        """Delete notices that have nothing to tell any more; False where another did. One round trip."""
        return self._commits([Operation(Verb.DELETE, row.key) for row in rows])

    def silence(self, rows: Sequence[NoticeRow], mark: str, values: Mapping[str, Any]) -> bool:
        """Delete notices that nobody is to be told, and say so under a mark; False where another did.

        One round trip.
        """
        operations = [Operation(Verb.DELETE, row.key) for row in rows]
        return self._commits([*operations, Operation(Verb.UPSERT, mark, values)])

    def ignored(self, cluster_key: str, reason: str, now: datetime) -> None:
        """Leave a trace of news of a cluster that are none of ours: once a day. One round trip."""
        values = {"kind": "ignored", "cluster": cluster_key, "why": reason[:1_000], "at": codec.text(now)}
        self._table.commit([Operation(Verb.UPSERT, keys.told_of_ignored(cluster_key, now, reason), values)])

    def freeze(
        self,
        mail: Mail,
        rows: Iterable[NoticeRow],
        *,
        audience: AudienceRow | None,
        now: datetime,
        token: str,
        gates: Sequence[SendGate] = (),
    ) -> Frozen:
        """Turn notices into a mail, leased under `token`. One round trip.

        `rows` are the notices that it tells and those that it makes pointless. `audience` is the row as read
        before: touching it keeps two instances from mailing one audience at once. `gates` has the target's
        gate with the send counted, where it has limits. Raises GateChanged.
        """
        key = keys.work(now, mail.operation_id)
        rows = tuple(rows)
        attempts = 1 + max((row.notice.attempts for row in rows), default=0)
        values = codec.mail_values(mail, token=token, attempts=attempts)
        operations = [Operation(Verb.DELETE, row.key) for row in rows]
        operations.append(Operation(Verb.INSERT, key, values))
        if audience is not None:
            verb = Verb.MERGE if audience.etag else Verb.INSERT
            touched = {"kind": "audience", "last": codec.text(now)}
            operations.append(Operation(verb, audience.key, touched, audience.etag))
        try:
            etags, written = self._commit_counted(operations, gates)
        except Conflict:
            return Frozen(self._own(key, token))
        if audience is not None:
            audience = AudienceRow(audience.key, now, etags[-1])
        etag = etags[-2] if audience is not None else etags[-1]
        row = MailRow(
            key=key, etag=etag, timestamp=now, mail=mail, token=token, attempts=attempts, leased=True
        )
        return Frozen(row, audience, written)

    def take_over(
        self, row: MailRow, mail: Mail, token: str, gates: Sequence[SendGate] = ()
    ) -> tuple[MailRow | None, tuple[SendGate, ...]]:
        """Lease a mail whose lease has run out, or that is free; None where another did. One round trip.

        A mail taken from a lease is in doubt from then on, unless its sender had got an answer. One that is
        not goes out as `mail`, which says what it is bound to now. `gates` are as for `freeze`, and come back
        as written. Raises GateChanged.
        """
        doubt = row.is_in_doubt
        taken = msgspec.structs.replace(
            row,
            mail=row.mail if doubt else mail,
            token=token,
            leased=True,
            doubt=doubt,
            attempts=row.attempts + 1,
            turns=row.turns + 1,
            postponed="",
        )
        values: dict[str, object] = {
            "token": token,
            "leased": True,
            "doubt": doubt,
            "attempts": taken.attempts,
            "turns": taken.turns,
        }
        if taken.mail.bound != row.mail.bound:
            values |= codec.bound_values(taken.mail.bound)
        if row.postponed:
            values["postponed"] = ""
        operations = [Operation(Verb.MERGE, row.key, values, row.etag)]
        try:
            (etag,), written = self._commit_counted(operations, gates)
        except Conflict:
            return self._own(row.key, token), ()
        return msgspec.structs.replace(taken, etag=etag), written

    def thaw(self, row: MailRow, now: datetime) -> list[NoticeRow]:
        """Put a mail's notices in its place, due now; none where another was faster. One round trip."""
        attempts = row.attempts if row.postponed else 0
        notices = [msgspec.structs.replace(notice, attempts=attempts) for notice in row.mail.notices]
        rows = [NoticeRow(keys.work(now, notice.id), notice) for notice in notices]
        operations = [Operation(Verb.DELETE, row.key, etag=row.etag)]
        operations += [Operation(Verb.INSERT, one.key, codec.notice_values(one.notice)) for one in rows]
        return rows if self._commits(operations) else []

    def free(self, row: MailRow, suspected: datetime | None = None) -> None:
        """Give up the lease of a mail that was not taken; the attempt does not count. One round trip.

        `suspected` is since when it may be this mail that the service does not take.
        """
        values: dict[str, Any] = {"leased": False, "attempts": row.attempts - 1, "turns": 0}
        if suspected is not None:
            values["suspected"] = codec.text(suspected)
        self._commits([Operation(Verb.MERGE, row.key, values, row.etag)])

    def rebind(self, row: MailRow, mail: Mail, *, may_repeat: bool) -> MailRow | None:
        """Let a mail that was taken over leave by another service, as `mail` says; None where another did.

        It is not in doubt by this one, and `may_repeat` says that by the one before it is. One round trip.
        """
        values = {"doubt": False, "mayRepeat": may_repeat, "attempts": 1, "refused": ""}
        values |= codec.bound_values(mail.bound)
        try:
            (etag,) = self._table.commit([Operation(Verb.MERGE, row.key, values, row.etag)])
        except Conflict:
            return self._own(row.key, row.token)
        return msgspec.structs.replace(
            row, etag=etag, mail=mail, doubt=False, may_repeat=may_repeat, attempts=1, refused=""
        )

    def leave(self, row: MailRow) -> None:
        """Let another lease pass over a mail that was not attempted this time. One round trip."""
        self._commits([Operation(Verb.MERGE, row.key, {"attempts": row.attempts - 1}, row.etag)])

    def refuse(self, row: MailRow, reason: str) -> None:
        """Note that the mail service would not take a mail; its lease runs out by itself. One round trip."""
        values = {"refused": reason[:1_000] or "refused"}
        self._commits([Operation(Verb.MERGE, row.key, values, row.etag)])

    def keep_draft(self, row: MailRow, draft: str) -> MailRow | None:
        """Note the draft that a mail is sent by; None where the lease is not the caller's. One round trip."""
        try:
            (etag,) = self._table.commit([Operation(Verb.MERGE, row.key, {"draft": draft}, row.etag)])
        except Conflict:
            return self._own_draft(row, draft)
        return msgspec.structs.replace(row, draft=draft, etag=etag)

    def _own_draft(self, row: MailRow, draft: str) -> MailRow | None:
        found = self._own(row.key, row.token)
        return found if found is not None and found.draft == draft else None

    def postpone(self, row: MailRow, reason: str) -> None:
        """Note that the service did not take a mail for now; its lease runs out by itself. One round trip."""
        values = {"postponed": reason[:1_000] or "postponed"}
        self._commits([Operation(Verb.MERGE, row.key, values, row.etag)])

    def settle(self, row: MailRow, sent: SentMail, tell: Notice | None = None) -> bool:
        """Write down what became of a mail and be done with it; False where another has. One round trip.

        A mail that was accepted is settled whatever the row says by now. Everything else is settled only as
        long as the lease is the caller's.
        """
        values = codec.sent_values(sent, row.token)
        operations = [
            Operation(Verb.DELETE, row.key, etag=row.etag),
            Operation(Verb.INSERT, sent.key, values),
        ]
        if tell is not None:
            operations.append(Operation(Verb.INSERT, keys.work(sent.at, tell.id), codec.notice_values(tell)))
        if self._commits(operations):
            return True
        if sent.state == "sent":
            return self._settle_accepted(row, sent)
        mine = self._table.get(sent.key)
        return mine is not None and mine.values["token"] == row.token

    def target_gone(self, gone: SentMail, tell: Notice) -> bool:
        """Note that a target is gone, and tell it; False where that is known. One round trip."""
        return self._commits(
            [
                Operation(Verb.INSERT, gone.key, codec.sent_values(gone, "")),
                Operation(Verb.INSERT, keys.work(gone.at, tell.id), codec.notice_values(tell)),
            ]
        )

    def target_back(self, target: str) -> bool:
        """Forget that a target was gone; False where it was not. One round trip."""
        return self._commits([Operation(Verb.DELETE, keys.target_gone(target))])

    def dissolve(self, row: MailRow, sent: SentMail, mails: Iterable[Mail], now: datetime) -> bool:
        """Replace a mail that is refused by one for each of its members, not leased. One round trip."""
        operations = [
            Operation(Verb.DELETE, row.key, etag=row.etag),
            Operation(Verb.INSERT, sent.key, codec.sent_values(sent, row.token)),
        ]
        operations += [
            Operation(Verb.INSERT, keys.work(now, mail.operation_id), codec.mail_values(mail))
            for mail in mails
        ]
        return self._commits(operations)

    def gate(self, target: str = "") -> SendGate:
        """Return a target's gate as it stands. One round trip."""
        row = self._table.get(keys.gate(target))
        return _gate(row) if row else SendGate(target=target)

    def sent(self, operation_id: str) -> tuple[SentMail, str] | None:
        """Return what became of a mail, and the etag to write it over. One round trip."""
        row = self._table.get(keys.sent(operation_id))
        return (codec.sent(row), row.etag) if row else None

    def age_of_report(self, operation_id: str, time: datetime | None) -> timedelta:
        """Return how long ago, by the table's clock, a delivery report was made that names an unknown mail.

        One without a time, or from the future, was made when it was first seen. One round trip, two then.
        """
        mark = keys.early_report(operation_id)
        page = self._table.query(mark, keys.following(mark), 1)
        if time is not None and time <= page.server_time:
            return page.server_time - time
        if not page.rows:
            self._commits(
                [Operation(Verb.INSERT, mark, {"kind": "told", "at": codec.text(page.server_time)})]
            )
            return timedelta()
        return page.server_time - page.rows[0].timestamp

    def has_sent(self, target: str, since: datetime) -> bool:
        """Return whether any mail has been sent to a target since a time. A round trip a page of history."""
        first = "sent:"
        while first:
            page = self._table.touched(first, "sent:" + keys.AFTER, since)
            if any(
                sent.state == "sent" and sent.target == target for sent in _readable(codec.sent, page.rows)
            ):
                return True
            first = keys.following(page.last) if page.more else ""
        return False

    def report(
        self, sent: SentMail, etag: str, now: datetime, tell: Notice | None = None, marker: str = ""
    ) -> bool:
        """Write reports to what became of a mail; False where it has changed since it was read.

        `tell` goes out with the first that is written under `marker`. One round trip, two for all others.
        """
        values = {"reports": codec.reports_json(sent.reports), "state": sent.state, "why": sent.why}
        write = Operation(Verb.MERGE, sent.key, values, etag)
        if tell is None:
            return self._commits([write])
        told = Operation(Verb.INSERT, marker, {"kind": "told", "at": codec.text(now)})
        work = Operation(Verb.INSERT, keys.work(now, tell.id), codec.notice_values(tell))
        return self._commits([write, told, work]) or self._commits([write])

    def pending(self) -> tuple[set[str], datetime]:
        """Return the keys of all rows that something still to be done refers to, and the server's time.

        A round trip a page.
        """
        found: set[str] = set()
        first = keys.GATE
        while first:
            page = self._table.query(first, "work:" + keys.AFTER)
            for row in _readable(codec.work, page.rows):
                found |= codec.refers_to(row)
            first = keys.following(page.last) if page.more else ""
        return found, page.server_time

    def delete_expired(self, prefix: str, since: datetime, keep: Callable[[str], bool]) -> int:
        """Delete the rows under a prefix that nothing was written to since a time; give their number.

        In transactions of up to 100; a row that changes meanwhile keeps its batch for the next time.
        """
        forgotten = 0
        first = prefix
        while first:
            page = self._table.untouched(first, prefix + keys.AFTER, since)
            old = [row for row in page.rows if not keep(row.key)]
            for start in range(0, len(old), MAX_OPERATIONS):
                batch = old[start : start + MAX_OPERATIONS]
                if self._commits([Operation(Verb.DELETE, row.key, etag=row.etag) for row in batch]):
                    forgotten += len(batch)
            first = keys.following(page.last) if page.more else ""
        return forgotten

    def pause(self, until: datetime, reason: str, seen: SendGate, strikes: int = 0) -> SendGate:
        """Let nothing go to a target before `until`, or before what is set already if that is later.

        One round trip if `seen` is the gate as stored; more until no one else is in the way.
        """
        for _ in range(_MAX_ATTEMPTS):
            if seen.until > until:
                return seen
            wanted = msgspec.structs.replace(seen, until=until, reason=reason, strikes=strikes)
            try:
                (etag,) = self._table.commit([_gate_operation(wanted)])
            except Conflict:
                seen = self.gate(seen.target)
            else:
                return msgspec.structs.replace(wanted, etag=etag)
        raise TableUnavailable("the pause could not be set")

    def resume(self, target: str = "") -> bool:
        """End a target's pause; False where there was none. Two round trips."""
        gate = self.gate(target)
        if not gate.etag or gate.until == LONG_AGO:
            return False
        self._table.commit(
            [_gate_operation(msgspec.structs.replace(gate, until=LONG_AGO, reason="", strikes=0))]
        )
        return True

    def _commit_present(
        self, operations: Sequence[Operation], present: Sequence[Operation], gates: Sequence[SendGate]
    ) -> tuple[list[str], tuple[SendGate, ...]]:
        """Commit, and the present state along with it; without that where there is no room for it."""
        if len(operations) + len(present) + len(gates) > MAX_OPERATIONS:
            present = ()
        try:
            etags, written = self._commit_counted([*operations, *present], gates)
        except TableRefused:
            if not present:
                raise
            log.exception("the present state of %s is left as it is", present[0].key)
            return self._commit_counted(operations, gates)
        return etags[: len(operations)], written

    def _commit_counted(
        self, operations: Sequence[Operation], gates: Sequence[SendGate]
    ) -> tuple[list[str], tuple[SendGate, ...]]:
        """Commit, and write gates along with it; they come back as written."""
        try:
            etags = self._table.commit([*operations, *map(_gate_operation, gates)])
        except Conflict as conflict:
            if conflict.index >= len(operations):
                raise GateChanged("a gate has moved") from conflict
            raise
        written = zip(gates, etags[len(operations) :], strict=True)
        return etags[: len(operations)], tuple(
            msgspec.structs.replace(gate, etag=etag) for gate, etag in written
        )

    def _settle_accepted(self, row: MailRow, sent: SentMail) -> bool:
        """Settle a mail that was accepted though its row has changed: that it was accepted is a fact."""
        values = codec.sent_values(sent, row.token)
        for _ in range(_MAX_ATTEMPTS):
            mail = self._table.get(row.key)
            stored = self._table.get(sent.key)
            if stored is not None and mail is None and stored.values["state"] == "sent":
                return True
            operations = [Operation(Verb.DELETE, mail.key, etag=mail.etag)] if mail else []
            if stored is None:
                operations.append(Operation(Verb.INSERT, sent.key, values))
            else:  # what has been reported of it meanwhile stays
                known = {name: value for name, value in values.items() if name != "reports"}
                operations.append(Operation(Verb.MERGE, sent.key, known, stored.etag))
            if self._commits(operations):
                return True
        raise TableUnavailable("a mail that was accepted could not be settled")

    def _commits(self, operations: Sequence[Operation]) -> bool:
        try:
            self._table.commit(operations)
        except Conflict:
            return False
        return True

    def _own(self, key: str, token: str) -> MailRow | None:
        """After a conflict: the row, where it was the caller's own write that came first."""
        stored = self._table.get(key)
        if stored is None or stored.values["token"] != token:
            return None
        return codec.mail_row(stored)


def _present(recorded: StoredEvent, now: datetime) -> list[Operation]:
    """Return what brings the present state of an event's cluster up to date."""
    values = codec.news_values(recorded, now)
    return [Operation(Verb.UPSERT, keys.cluster(values["cluster"]), values)] if values else []


def _readable(read: Callable[[Stored], _T], rows: Iterable[Stored]) -> Iterator[_T]:
    """Read rows, and leave out those that cannot be read: one bad row never blocks the others."""
    for row in rows:
        try:
            yield read(row)
        except Exception:
            log.exception("row %s cannot be read, and is left as it is", row.key)


def _gate(row: Stored) -> SendGate:
    """Read a gate; one that cannot be read is as good as none, and the next write goes over it."""
    return next(_readable(codec.gate, [row]), SendGate(etag=row.etag, target=keys.target_of(row.key)))


def _recorded(row: Stored) -> StoredEvent:
    """Read an event's row, as far as it can be read: what has happened stays known."""
    try:
        return codec.recorded(row)
    except Exception:
        log.exception("row %s cannot be read whole", row.key)
        return codec.recorded_by_key(row)


def _gate_operation(gate: SendGate) -> Operation:
    """Write a gate over the one whose etag it bears, or where there was none."""
    verb = Verb.MERGE if gate.etag else Verb.INSERT
    return Operation(verb, keys.gate(gate.target), codec.gate_values(gate), gate.etag)
