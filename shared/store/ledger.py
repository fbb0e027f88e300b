"""The ledger: everything that is stored, for people to look at, and a mail put back into work.

The app itself reads what is due and what it is about to tell of; only an operator asks for all of it. So this
costs a scan, where the app's own steps cost a round trip. Nothing here waits for, or stands in the way of, an
app that is running.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from shared import ids, keys
from shared.notices.records import Mail, SentMail, StoredEvent
from shared.store import codec
from shared.store.blobs import unpack
from shared.store.rows import MailRow
from shared.store.table import BrowsableTable, Conflict, Operation, Stored, Verb, mine, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shared.store.rows import WorkRow

log = logging.getLogger("notifier")

_T = TypeVar("_T")

KINDS = ("event:", "sent:", "rejected:", "audience:", "told:", "work:")
"""What keys begin with."""

_NAMED = ("event:", "sent:", "rejected:", "audience:")
"""Rows whose key goes on with the name that people know them by."""

_MAX_FOUND_ROWS = 200


class ResendRefused(Exception):  # noqa: N818 - says what happened
    """A mail is not to be resent; the message is a sentence that says why."""


class Received(msgspec.Struct, frozen=True):
    """An event as stored, and when it was received."""

    at: datetime
    event: StoredEvent

    @property
    def key(self) -> str:
        """The key of its row."""
        return self.event.key


class Rejection(msgspec.Struct, frozen=True):
    """Input that could not be understood; its size in bytes."""

    key: str
    at: datetime
    reason: str
    size: int


class Resend(msgspec.Struct, frozen=True):
    """A mail that repeats another, ready to be put into work, for the `number`th time."""

    mail: Mail
    number: int


class Ledger:
    """The rows of one table, as people ask for them. Rows that cannot be read are logged and left out."""

    def __init__(self, table: BrowsableTable) -> None:
        self._table = table

    def events(self, since: datetime) -> Iterator[Received]:
        """Return the events received since a time, in no particular order. A round trip for each page."""
        return _each(_received, self._touched("event:", since))

    def pushed(self, since: datetime) -> Iterator[Received]:
        """Return those of them that Event Grid brought. A round trip for each page."""
        return (one for one in self.events(since) if not one.event.via)

    def mails(self, since: datetime) -> Iterator[SentMail]:
        """Return what became of mails since a time, later delivery reports included, in no order."""
        return _each(codec.sent, self._touched("sent:", since))

    def rejections(self, since: datetime) -> Iterator[Rejection]:
        """Return the input rejected since a time, in no particular order."""
        return _each(_rejection, self._touched("rejected:", since))

    def rejected_texts(self, since: datetime) -> Iterator[tuple[Rejection, str]]:
        """Return each with what it was, in no particular order."""
        return _each(lambda row: (_rejection(row), unpack(row.values)), self._touched("rejected:", since))

    def silenced(self, since: datetime) -> int:
        """Return how many notices silences have kept from being told since a time."""
        return sum(row.values.get("kind") == "silenced" for row in self._touched(keys.OF_NOBODY, since))

    def work(self) -> Iterator[WorkRow]:
        """Return everything that waits, in order of its time, headed by the gate if there is one."""
        return _each(codec.work, self._rows(keys.GATE, "work:" + keys.AFTER))

    def last_grouped(self, audience: str, target: str) -> datetime | None:
        """Return when an audience last got a grouped message on a target. One round trip."""
        row = self._table.get(keys.audience(audience, target))
        return next(_each(codec.last_mailed, [row] if row else []), None)

    def history(self, prefix: str) -> list[Received]:
        """Return the events stored under the history prefix of an eventId, in the order of their receipt."""
        found = _each(_received, self._rows(prefix, prefix + keys.AFTER))
        return sorted(found, key=lambda received: received.at)

    def row(self, key: str) -> Stored | None:
        """Return any row as it is. One round trip."""
        return self._table.get(key)

    def sent(self, operation_id: str) -> SentMail | None:
        """Return what became of a mail. One round trip."""
        row = self._table.get(keys.sent(operation_id))
        return codec.sent(row) if row else None

    def find(self, name: str) -> list[str]:
        """Return the keys of the rows of this name: a key, an eventId, a mail's id, or the start of one."""
        if name.startswith(KINDS):
            found = [row.key for row in self._table.query(name, name + keys.AFTER, _MAX_FOUND_ROWS).rows]
            return [name] if name in found else found
        lower = name.lower()
        prefixes = [*(kind + lower for kind in _NAMED), keys.history(name)]
        pages = [self._table.query(prefix, prefix + keys.AFTER, _MAX_FOUND_ROWS) for prefix in prefixes]
        found = [row.key for page in pages for row in page.rows]
        waiting = self._rows(keys.GATE, "work:" + keys.AFTER)
        found += [row.key for row in waiting if row.key.rpartition(":")[2].startswith(lower)]
        return list(dict.fromkeys(found))

    def resends(self, operation_id: str) -> list[str]:
        """Return the operation ids of the mails that repeat a mail. One round trip."""
        prefix = keys.resends(operation_id)
        numbers = [int(row.key.removeprefix(prefix)) for row in self._rows(prefix, prefix + keys.AFTER)]
        return [ids.resend_id(operation_id, number) for number in numbers]

    def resending(self, sent: SentMail, now: datetime) -> Resend:
        """Return the mail that tells what another told, to the same audience, under an id of its own.

        Writes nothing. Raises ResendRefused where that would tell something twice, or nothing.
        """
        operation_id = sent.key.removeprefix(keys.sent(""))
        if sent.state == "dissolved":
            raise ResendRefused("It was dissolved into a mail for each of its notices: resend those.")
        # Before looking at what waits: a resend that comes between the two is then seen in one of them.
        number = 1 + len(self.resends(operation_id))
        for row in self.work():
            if isinstance(row, MailRow) and operation_id in {row.mail.operation_id, row.mail.repeats}:
                again = " again" if row.mail.repeats == operation_id else ""
                raise ResendRefused(f"It is waiting to be sent{again} ({row.key}): the sweep sends it.")
        for key in dict.fromkeys(member.key for member in sent.members):
            if self._table.get(key) is None:
                raise ResendRefused(f"What it told of is not stored any more: {key}.")
        mail = Mail(
            operation_id=ids.resend_id(operation_id, number),
            audience=sent.audience,
            as_of=now,
            members=sent.members,
            repeats=operation_id,
        )
        return Resend(mail, number)

    def resend(self, resend: Resend, token: str) -> None:
        """Put a mail into work, not leased: the next sweep sends it. One round trip.

        The mail that it repeats keeps its row as it is. `token` is new for every call. Raises ResendRefused
        where somebody else has resent it meanwhile.
        """
        mail = resend.mail
        mark = keys.resent(mail.repeats, resend.number)
        told = {"kind": "told", "at": codec.text(mail.as_of), "token": token}
        # The table's clock tells whole seconds: what is made now is due for a sweep that follows at once.
        work = keys.work(mail.as_of.replace(microsecond=0), mail.operation_id)
        try:
            self._table.commit(
                [
                    Operation(Verb.INSERT, mark, told),
                    Operation(Verb.INSERT, work, codec.mail_values(mail)),
                ]
            )
        except Conflict:
            if mine(self._table, mark, token) is None:
                raise ResendRefused("Somebody else has resent it at this moment.") from None

    def _touched(self, prefix: str, since: datetime) -> Iterator[Stored]:
        for page in scan(lambda first: self._table.touched(first, prefix + keys.AFTER, since), prefix):
            yield from page.rows

    def _rows(self, first: str, last: str) -> Iterator[Stored]:
        for page in scan(lambda at: self._table.query(at, last), first):
            yield from page.rows


def _each(read: Callable[[Stored], _T], rows: Iterable[Stored]) -> Iterator[_T]:
    for row in rows:
        try:
            yield read(row)
        except Exception as error:  # noqa: BLE001 - raised again by __exit__
            log.warning("row %s cannot be read: %r", row.key, error)


def _received(row: Stored) -> Received:
    try:
        return Received(codec.time(row.values["received"]), codec.recorded(row))
    except Exception as error:  # noqa: BLE001 - raised again by __exit__
        log.warning("row %s cannot be read whole: %r", row.key, error)
        return Received(row.timestamp, codec.recorded_by_key(row))


def _rejection(row: Stored) -> Rejection:
    values = row.values
    return Rejection(row.key, codec.time(values["received"]), values["reason"], values["size"])
