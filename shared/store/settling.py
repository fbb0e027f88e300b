"""What became of mails: settled, dissolved, reported on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared import keys
from shared.store import codec
from shared.store.steps import Steps, notice_operation, told_operation
from shared.store.table import Operation, TableUnavailable, Verb, mine, scan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.notices.records import Mail, Notice, SentMail
    from shared.store.rows import MailRow

_MAX_ATTEMPTS = 5


class Settling(Steps):
    """The ends of mails."""

    def first_message(self, thread: str) -> str:
        """Return the id of the first message of a thread; empty where there is none. One round trip."""
        row = self._table.get(thread)
        return str(row.values.get("first", "")) if row else ""

    def settle(
        self,
        row: MailRow,
        sent: SentMail,
        tell: Notice | None = None,
        first: tuple[str, str] | None = None,
        *,
        is_accepted: bool = False,
    ) -> bool:
        """Write down what became of a mail and be done with it; False where another has. One round trip.

        A mail that `is_accepted` is settled whatever the row says by now. Everything else is settled only as
        long as the lease is the caller's. `first` is the key of a thread's row, and the service's id of the
        message that begins it.
        """
        values = codec.sent_values(sent, row.token)
        operations = [
            Operation(Verb.DELETE, row.key, etag=row.etag),
            Operation(Verb.INSERT, sent.key, values),
        ]
        if tell is not None:
            operations.append(notice_operation(tell, sent.at))
        if first is not None:
            thread, id_ = first
            operations.append(Operation(Verb.UPSERT, thread, {"kind": "thread", "first": id_}))
        if self._commits(operations):
            return True
        if is_accepted:
            return self._settle_accepted(row, sent)
        return mine(self._table, sent.key, row.token) is not None

    def target_gone(self, gone: SentMail, tell: Notice) -> bool:
        """Note that a target is gone, and tell it; False where that is known. One round trip."""
        insert = Operation(Verb.INSERT, gone.key, codec.sent_values(gone, ""))
        return self._commits([insert, notice_operation(tell, gone.at)])

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
            self._commits([told_operation(mark, page.server_time)])
            return timedelta()
        return page.server_time - page.rows[0].timestamp

    def has_sent(self, target: str, since: datetime) -> bool:
        """Return whether any mail has been sent to a target since a time. A round trip a page of history."""
        for page in scan(lambda first: self._table.touched(first, "sent:" + keys.AFTER, since), "sent:"):
            if any(
                sent.state == "sent" and sent.target == target
                for sent in self._readable(codec.sent, page.rows)
            ):
                return True
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
        told = [told_operation(marker, now), notice_operation(tell, now)]
        return self._commits([write, *told]) or self._commits([write])

    def _settle_accepted(self, row: MailRow, sent: SentMail) -> bool:
        """Settle a mail that was accepted though its row has changed: that it was accepted is a fact."""
        values = codec.sent_values(sent, row.token)
        for _ in range(_MAX_ATTEMPTS):
            mail = self._table.get(row.key)
            stored = self._table.get(sent.key)
            if stored is not None and mail is None and stored.values["state"] == sent.state:
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
