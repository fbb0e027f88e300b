"""Mails that are sent while their event is being recorded: what cannot wait for the sweep.

An audience hears in one mail of all that one delivery records together, on a target that groups.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from threading import Thread
from typing import TYPE_CHECKING

import msgspec

from shared import ids
from shared.audience import Destination
from shared.notices.kinds import URGENT
from shared.notices.planning import Plan
from shared.notices.records import Mail, MailItem, StoredEvent, frozen_history
from shared.store.table import MAX_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.clusters.lookup import Lookup
    from shared.delivery.limiter import Burst
    from shared.delivery.parts import DeliveryParts
    from shared.store.reader import Reader
    from shared.store.rows import MailRow

log = logging.getLogger("notifier")


class Decided(msgspec.Struct, frozen=True):
    """An event as it is to be recorded, what follows from it, and who hears of it."""

    recorded: StoredEvent
    planned: Plan
    history: tuple[StoredEvent, ...]
    """What is stored of its maintenance."""
    told: tuple[Destination, ...]
    marks: tuple[str, ...]

    @property
    def known(self) -> tuple[StoredEvent, ...]:
        """All there is of its maintenance, itself among it."""
        return (*self.history, self.recorded)

    @property
    def rows(self) -> int:
        """How many rows it takes at most: the event, its cluster, and what follows from it."""
        return 2 + len(self.marks) + len(self.planned.checks) + len(self.told)


class Wanted(msgspec.Struct, frozen=True):
    """A mail that may be sent at once: where, and of which events."""

    to: Destination
    of: tuple[Decided, ...]


class UrgentMails:
    """Makes and sends the mails of one delivery that cannot wait.

    Sends end by `send_by`, and the delivery is answered by `answer_by`, on the monotonic clock.
    """

    def __init__(self, parts: DeliveryParts, burst: Burst, *, send_by: float, answer_by: float) -> None:
        self._parts = parts
        self._burst = burst
        self._send_by = send_by
        self._answer_by = answer_by

    def wanted(self, events: Sequence[Decided]) -> list[Wanted]:
        """Return what may be sent at once of events that are recorded together."""
        parts = self._parts
        told: dict[Destination, list[Decided]] = defaultdict(list)
        for event in events:
            if event.planned.kind in URGENT:
                for to in event.told:
                    told[to].append(event)
        wanted: list[Wanted] = []
        # What is recorded with it, and a gate for each target, have to fit into one transaction.
        gates = MAX_OPERATIONS - sum(event.rows for event in events)
        left: dict[str, int] = {}
        for to, of in told.items():
            if to.target not in left:
                is_open = len(left) < gates and parts.limiter.is_open(to.target)
                left[to.target] = parts.limiter.available(to.target) if is_open else 0
            grouping = parts.grouping.of(parts.routes.audience(to.audience), to.target)
            mails = [of] if grouping.wait else [[event] for event in of]
            number = min(left[to.target], self._burst.available(to, grouping.interval))
            wanted += [Wanted(to, tuple(mail)) for mail in mails[:number]]
            left[to.target] -= len(mails[:number])
        return wanted

    def freeze(self, wanted: Wanted, clusters: Lookup, reader: Reader) -> Mail:
        """Freeze the mail that tells an audience, on a target, of as many of the events as it holds."""
        to, parts = wanted.to, self._parts
        now = parts.clock.now()
        members = tuple(self._member(event, to, clusters, reader) for event in wanted.of)
        members = parts.composer.first_fitting(members, to, now, reader)
        return parts.composer.bound(
            Mail(
                operation_id=ids.operation_id(member.notice_id(to.audience, to.target) for member in members),
                audience=to.audience,
                target=to.target,
                as_of=now,
                members=members,
            )
        )

    def _member(self, event: Decided, to: Destination, clusters: Lookup, reader: Reader) -> MailItem:
        recorded, kind, now = event.recorded, event.planned.kind, self._parts.clock.now()
        assert kind is not None
        snapshot = clusters.snapshot(kind, recorded.key, event.known, reader, now)
        part = self._parts.runs.part(recorded, kind, to.audience)
        history = frozen_history(event.known, recorded.key)
        return MailItem(kind, recorded.key, history, snapshot=snapshot, part=part)

    def send(self, mails: Sequence[MailRow], events: Sequence[Decided], since: float) -> None:
        """Send mails, side by side where their targets differ: one that hangs delays no other.

        `since` is when their leases were asked for. Raises nothing.
        """
        rows = [row for event in events for row in event.known]
        by_target: dict[str, list[MailRow]] = defaultdict(list)
        for row in mails:
            self._burst.count(destination(row.mail))
            by_target[row.mail.target].append(row)

        def send(lane: list[MailRow]) -> None:
            for row in lane:
                self._send(row, rows, since)

        if len(by_target) == 1:
            send(*by_target.values())
            return
        threads = [Thread(target=send, args=(lane,), daemon=True) for lane in by_target.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, self._answer_by - self._parts.clock.monotonic()))

    def _send(self, row: MailRow, rows: Sequence[StoredEvent], since: float) -> None:
        """Send a mail now. Whatever goes wrong, its row is there, and the sweep goes on with it."""
        named = {key for member in row.mail.members for key in (member.key, *member.history)}
        known = {stored.key: stored for stored in rows if stored.key in named}
        try:
            self._parts.sender.send(row, known, since=since, until=self._send_by)
        except Exception:
            log.exception("mail %s was not sent at once; the sweep will see to it", row.mail.operation_id)


def destination(mail: Mail) -> Destination:
    """Return whom a mail tells, and where."""
    return Destination(mail.audience, mail.target)
