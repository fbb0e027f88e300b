"""Rows of the table that cannot be read, by hand or from a newer version: the operator hears of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.observation import STORED_ROWS, Unreadable
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

    from shared.rounds.teller import Teller

MAX_LISTED = 20


class UnreadableRows:
    """Tells which rows could not be read, once a day."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._told: date | None = None

    def tell(self, rows: Collection[str], now: datetime) -> None:
        """Tell of these rows, unless some were told of today. Raises TableUnavailable."""
        day = now.date()
        if not rows or day == self._told:
            return
        facts = Unreadable(what=STORED_ROWS, rows=tuple(sorted(rows)[:MAX_LISTED]), count=len(rows))
        id_ = f"unreadable {STORED_ROWS} {day.isoformat()}"
        said = f"{len(rows)} {STORED_ROWS} cannot be read"
        self._teller.announce(Kind.UNREADABLE, facts, id_, now, said)
        self._told = day
