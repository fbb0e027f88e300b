"""Recording rows of Resource Graph: each through the reader and the insert of pushed events."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shared.events import graph_row
from shared.events.model import Event, Rejected, Status
from shared.notices.kinds import Decision
from shared.notices.records import VIA_RESOURCE_GRAPH
from shared.rounds.worth import is_worth_telling
from shared.store.table import TableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.delivery.intake import Intake

log = logging.getLogger("notifier")

_THREADS = 8
"""Maintenances recorded side by side."""

_RECORDED_FIRST = (Status.STARTED.lower(), Status.COMPLETED.lower())


class Row(msgspec.Struct, frozen=True):
    """A row: what it is known by, its own time, and itself."""

    mark: str
    own: datetime | None
    body: dict[str, Any]


class Taken(msgspec.Struct):
    """What came of some rows."""

    marks: list[str] = []
    new: list[Event] = []
    unreadable: list[str] = []
    failed: int = 0
    is_cut: bool = False
    """Whether time was up before all were recorded."""


class RowRecorder:
    """Records the rows of one run, until that is late."""

    def __init__(self, intake: Intake, now: datetime, is_late: Callable[[], bool]) -> None:
        self._intake = intake
        self._now = now
        self._is_late = is_late

    def record(self, maintenances: Iterable[Sequence[Row]], *, is_first: bool) -> Taken:
        """Record rows, those of a maintenance one after the other; with a first run they are history."""
        taken = Taken()

        def one(rows: Sequence[Row]) -> Taken:
            return self._maintenance(rows, is_first=is_first)

        with ThreadPoolExecutor(_THREADS) as pool:
            for part in pool.map(one, maintenances):
                taken.marks += part.marks
                taken.new += part.new
                taken.unreadable += part.unreadable
                taken.failed += part.failed
                taken.is_cut |= part.is_cut
        return taken

    def _maintenance(self, rows: Sequence[Row], *, is_first: bool) -> Taken:
        """Record the rows of one maintenance, what is only recorded first: then the others know of it."""
        taken = Taken()
        for row in sorted(rows, key=_in_turn):
            if self._is_late():
                taken.is_cut = True
                break
            try:
                self._row(row, taken, is_first=is_first)
            except TableError as error:
                taken.failed += 1
                log.warning("row %s is left for the next run: %s", row.mark, error)
        return taken

    def _row(self, row: Row, taken: Taken, *, is_first: bool) -> None:
        for item in graph_row.read(row.body, self._now):
            if isinstance(item.reading, Event):
                event = item.reading
                is_told = is_worth_telling(event, row.own, self._now, is_first=is_first)
                decision = self._intake.record(
                    event, item.raw, via=VIA_RESOURCE_GRAPH, is_told=is_told, at_once=False
                )
                if decision not in {Decision.DUPLICATE, Decision.REJECTED}:
                    taken.new.append(event)
            elif isinstance(item.reading, Rejected):
                taken.unreadable.append(f"{str(row.body.get('id'))[:300]}: {item.reading.reason}")
        taken.marks.append(row.mark)


def _in_turn(row: Row) -> tuple[bool, str, str]:
    status = graph_row.status(row.body)
    return (status.lower() not in _RECORDED_FIRST, row.own.isoformat() if row.own else "", row.mark)
