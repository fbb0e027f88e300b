"""The store: every step of the protocol as one transaction, and how to read back what is stored.

What a mail goes through, from a notice to what became of it; one drawing, so one module:

    notice --freeze--> mail, leased --settle--> sent
      ^  ^              |  ^    |
      |  +----thaw---- free  take over (lease run out, or freed)
    check
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from shared import keys
from shared.store import codec
from shared.store.inbox import Inbox
from shared.store.rows import LONG_AGO, AudienceRow, CheckRow, MailRow, NoticeRow, SendGate, SpreadRow
from shared.store.settling import Settling
from shared.store.steps import gate_operation, notice_operation
from shared.store.table import MAX_OPERATIONS, Conflict, Operation, Stored, TableUnavailable, Verb
from shared.store.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.notices.records import Check, Mail, Notice

MAX_MEMBERS = MAX_OPERATIONS - 3
"""Notices that one mail can take: freezing deletes them, touches audience and gate, and inserts the mail."""

_FAR_BEHIND = timedelta(seconds=5)

_MAX_ATTEMPTS = 5


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


class Store(Inbox, Settling, Upkeep):
    """The rows of one table: what is due, and the way of a mail."""

    def due(self, now: datetime, first: str = keys.GATE, lookahead: timedelta = timedelta()) -> Due:
        """Return work that is due from a key on, the gates that head it, and the server's time.

        `now` is what the caller takes the server's time to be; what is due is decided by the answer's own.
        `lookahead` is how much longer notices may have to wait that are returned, too, apart from those due.
        One round trip, two where the caller is far behind. `next` says where the rest is found that one page
        does not hold.
        """
        page = self._table.query(first, keys.work_until(now + lookahead))
        if page.server_time - now >= _FAR_BEHIND:
            page = self._table.query(first, keys.work_until(page.server_time + lookahead))
        until = keys.work_until(page.server_time)
        gates = [row for row in page.rows if keys.is_gate(row.key)]
        found = [row for row in page.rows[len(gates) :] if row.key < until]
        rows = list(self._readable(codec.work, found))
        later = self._readable(codec.work, page.rows[len(gates) + len(found) :])
        return Due(
            page.server_time,
            tuple(map(self._gate, gates)),
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
        last = next(self._readable(codec.last_mailed, [row]), None)
        return AudienceRow(key, last, row.etag)

    def resolve(
        self, row: CheckRow, notices: Iterable[Notice], due: datetime, checks: Iterable[Check] = ()
    ) -> bool:
        """Replace a check by what it comes to, if anything: notices, and checks that follow it.

        False where another did. One round trip.
        """
        operations = [Operation(Verb.DELETE, row.key)]
        operations += [notice_operation(notice, due) for notice in notices]
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

    def gate(self, target: str = "") -> SendGate:
        """Return a target's gate as it stands. One round trip."""
        row = self._table.get(keys.gate(target))
        return self._gate(row) if row else SendGate(target=target)

    def pause(self, until: datetime, reason: str, seen: SendGate, strikes: int = 0) -> SendGate:
        """Let nothing go to a target before `until`, or before what is set already if that is later.

        One round trip if `seen` is the gate as stored; more until no one else is in the way.
        """
        for _ in range(_MAX_ATTEMPTS):
            if seen.until > until:
                return seen
            wanted = msgspec.structs.replace(seen, until=until, reason=reason, strikes=strikes)
            try:
                (etag,) = self._table.commit([gate_operation(wanted)])
            except Conflict:
                seen = self.gate(seen.target)
            else:
                return msgspec.structs.replace(wanted, etag=etag)
        raise TableUnavailable("the pause could not be set")

    def resume(self, target: str = "") -> bool:
        """End a target's pause; return whether there was a pause. Two round trips."""
        gate = self.gate(target)
        if not gate.etag or gate.until == LONG_AGO:
            return False
        self._table.commit(
            [gate_operation(msgspec.structs.replace(gate, until=LONG_AGO, reason="", strikes=0))]
        )
        return True

    def _gate(self, row: Stored) -> SendGate:
        """Return a gate; one that cannot be read counts as open, and the next write goes over it."""
        none = SendGate(etag=row.etag, target=keys.target_of(row.key))
        return next(self._readable(codec.gate, [row]), none)
