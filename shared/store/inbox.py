"""What comes in: events with what follows from them, and input that could not be understood."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.store import codec
from shared.store.rows import MailRow, SendGate, SpreadRow
from shared.store.steps import Steps, notice_operation, told_operation
from shared.store.table import MAX_OPERATIONS, Conflict, Operation, TableRefused, TableUnavailable, Verb, scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from shared.notices.records import Check, Mail, Notice, RejectedInput, Row, StoredEvent

log = logging.getLogger("notifier")


class Recording(msgspec.Struct, frozen=True):
    """What recording an event came to: whether it was new, and the mails it made, leased."""

    is_new: bool
    mails: tuple[MailRow, ...] = ()
    gates: tuple[SendGate, ...] = ()
    """The gates as written."""


class Several(msgspec.Struct, frozen=True):
    """An event that names several clusters, what it is known by, and for how many of them it is recorded."""

    name: str
    raw: str
    number: int
    done: int = 0


class Inbox(Steps):
    """Recording, and what is known already."""

    def history(self, prefix: str) -> tuple[StoredEvent, ...]:
        """Return all events stored under the history prefix of an eventId. One round trip, as a rule.

        A page ends at 4 MiB, too, which a few events of the largest size come to.
        """
        found: list[StoredEvent] = []
        for page in scan(lambda first: self._table.query(first, prefix + keys.AFTER), prefix):
            found += self._readable(self._recorded, page.rows)
        return tuple(found)

    def listen(self) -> None:
        """Let the table tell its time. One round trip."""
        self._table.query(keys.OWNER, keys.following(keys.OWNER), 1)

    def marked(self, first: str, last: str) -> bool:
        """Return whether there is a mark in a range of keys. One round trip."""
        return bool(self._table.query(first, last, 1).rows)

    def row(self, key: str) -> Row | None:
        """Return an event, rejected input, or what became of a mail. One round trip."""
        row = self._table.get(key)
        return next(self._readable(codec.row, [row] if row else []), None)

    def record(
        self,
        recorded: Sequence[StoredEvent],
        raw: str,
        *,
        now: datetime,
        token: str,
        notices: Iterable[tuple[Notice, datetime]] = (),
        checks: Iterable[Check] = (),
        mails: Iterable[Mail] = (),
        gates: Sequence[SendGate] = (),
        marks: Iterable[str] = (),
        several: Several | None = None,
    ) -> Recording:
        """Insert events that come together, and what follows. One round trip, two where one is known already.

        `several` is what they are the first of.
        `marks` are keys that say nothing but that this event was there, for `marked` to find; where another
        event has left one of them, this one is not recorded, and not new.
        `notices` come with the time that they are due.
        `mails` come into being leased under `token`, to be sent by the caller at once; `gates` are the gates
        with them counted, to be written over those that were read. Raises GateChanged.
        """
        events = [(one.key, codec.event_values(one, raw, received=now, token=token)) for one in recorded]
        work = [(keys.work(due, notice.id), codec.notice_values(notice)) for notice, due in notices]
        work += [(keys.work(check.due, check.id), codec.check_values(check)) for check in checks]
        mail_keys = {keys.work(now, mail.operation_id): mail for mail in mails}
        work += [(key, codec.mail_values(mail, token=token, attempts=1)) for key, mail in mail_keys.items()]
        told = {key: {"kind": "told", "at": codec.text(now)} for key in marks}
        rows = [*events, *work, *told.items()]
        operations = [Operation(Verb.INSERT, key, values) for key, values in rows]
        if several is not None:
            operations += _of_several(several, now)
        present = [operation for one in recorded for operation in _present(one, now)]
        try:
            committed, written = self._commit_present(operations, present, gates)
        except Conflict as conflict:
            row = self._table.get(recorded[0].key)
            if row is None and any(key in told for key, _ in rows[conflict.index :][:1]):
                return Recording(is_new=False)
            if row is None:
                if several is not None:
                    return Recording(is_new=False)
                raise TableUnavailable("a conflict over an event that is not there") from None
            if row.values["token"] != token:
                return Recording(is_new=False)
            own = [self._own(key, token) for key in mail_keys]
            return Recording(is_new=True, mails=tuple(row for row in own if row is not None))
        etags = dict(zip([key for key, _ in rows], committed, strict=several is None))
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

    def spread(self, several: Several, now: datetime) -> bool:
        """Keep an event that names several clusters, to be recorded for each; return whether it is new.

        One round trip.
        """
        return self._commits(_of_several(several, now))

    def spread_on(self, row: SpreadRow, done: int) -> None:
        """Note for how many clusters an event has been recorded. One round trip."""
        self._commits([Operation(Verb.MERGE, row.key, {"done": done}, row.etag)])

    def spread_over(self, row: SpreadRow) -> None:
        """Be done with an event that has been recorded for all of its clusters. One round trip."""
        self._commits([Operation(Verb.DELETE, row.key)])

    def reject(self, rejected: RejectedInput, notice: Notice) -> bool:
        """Keep input that could not be understood; return whether it is new.

        `notice` goes with the first of its day. One round trip, two for all others.
        """
        insert = Operation(Verb.INSERT, rejected.key, codec.rejected_values(rejected))
        now = rejected.received
        told = told_operation(keys.told_of_rejected(now), now)
        try:
            self._table.commit([insert, told, notice_operation(notice, now)])
        except Conflict as conflict:
            if conflict.index == 0:
                return False
            try:
                self._table.commit([insert])
            except Conflict:
                return False
        return True

    def ignored(self, cluster_key: str, reason: str, now: datetime) -> None:
        """Record, once a day, that events of a cluster are of a type not handled. One round trip."""
        values = {"kind": "ignored", "cluster": cluster_key, "why": reason[:1_000], "at": codec.text(now)}
        self._table.commit([Operation(Verb.UPSERT, keys.told_of_ignored(cluster_key, now, reason), values)])

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


def _of_several(several: Several, now: datetime) -> list[Operation]:
    """Return what marks an event that names several clusters as taken, and goes on with it."""
    id_ = keys.digest(several.name)
    told = told_operation(keys.told_of_spread(id_), now)
    if several.done >= several.number:
        return [told]
    values = codec.spread_values(several.raw, now, several.done)
    return [told, Operation(Verb.INSERT, keys.work(now, id_), values)]


def _present(recorded: StoredEvent, now: datetime) -> list[Operation]:
    """Return what brings the present state of an event's cluster up to date."""
    values = codec.news_values(recorded, now)
    return [Operation(Verb.UPSERT, keys.cluster(values["cluster"]), values)] if values else []
