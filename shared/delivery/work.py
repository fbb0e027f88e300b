"""What is due, as one sweep reads it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.audience import Destination
from shared.store.rows import CheckRow, MailRow, NoticeRow, SendGate, SpreadRow

if TYPE_CHECKING:
    from shared.delivery.parts import DeliveryParts

MAX_PAGES = 20
"""Pages of work that a sweep reads: a thousand rows each."""


class Work(msgspec.Struct):
    """What is due, in order, and the gates of all targets."""

    server_time: datetime
    gates: tuple[SendGate, ...]
    checks: list[CheckRow] = []
    spreads: list[SpreadRow] = []
    mails: list[MailRow] = []
    notices: dict[Destination, list[NoticeRow]] = {}
    """By where they go now, each in order."""

    def targets(self) -> set[str]:
        """Return the targets that there is something for."""
        return {row.mail.target for row in self.mails} | {to.target for to in self.notices}


def read_work(parts: DeliveryParts, lookahead: timedelta) -> Work:
    """Return what is due. One round trip a page. Raises TableUnavailable.

    `lookahead` is how much longer notices may have to wait that go with others of their audience: left
    behind, they would wait for the next mail, and what they say may have replaced others.
    """
    due = parts.store.due(parts.clock.now(), keys.GATE, lookahead)
    work = Work(due.server_time, due.gates)
    upcoming: list[NoticeRow] = []
    for _ in range(MAX_PAGES):
        work.checks += due.checks
        work.spreads += due.spreads
        work.mails += due.mails
        for row in due.notices:
            work.notices.setdefault(_destination(parts, row), []).append(row)
        upcoming += due.upcoming
        if not due.more:
            break
        due = parts.store.due(parts.clock.now(), due.next, lookahead)
    for row in upcoming:
        to = _destination(parts, row)
        if to in work.notices:
            work.notices[to].append(row)
    return work


def _destination(parts: DeliveryParts, row: NoticeRow) -> Destination:
    return parts.routes.destination(row.notice.audience, row.notice.target)
