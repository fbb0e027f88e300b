"""What the stored rows tell of one update run of a fleet, as far as a mail may read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Event, Fleet
from shared.events.run import RunFacts
from shared.notices.kinds import Kind
from shared.notices.records import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.notices.records import MailItem, Row


class RunHistory(msgspec.Struct, frozen=True, kw_only=True):
    """One update run up to what a notice tells of."""

    kind: Kind
    event: Event
    fleet: Fleet
    run: RunFacts
    lead: str = ""
    revision: int = 0
    before: tuple[Event, ...] = ()
    """What else is known of the run, the earliest first."""

    @property
    def name(self) -> str:
        """What the run is called, to be said after *update run*."""
        return self.run.name or "of a name not given"


def is_of_a_run(row: Row | None) -> bool:
    """Return whether a row tells of an update run."""
    return isinstance(row, StoredEvent) and row.event.run is not None


def read_run(member: MailItem, rows: Mapping[str, Row]) -> RunHistory:
    """Read a member's rows.

    Raises `LookupError` if the row it tells of is missing, `TypeError` if that is not an event of a run.
    """
    row = rows[member.key]
    if not isinstance(row, StoredEvent) or row.event.run is None or not isinstance(row.event.subject, Fleet):
        raise TypeError(f"{member.key} is not about an update run of a fleet")
    found = [rows.get(key) for key in dict.fromkeys(member.history) if key != member.key]
    others = [one.event for one in found if isinstance(one, StoredEvent) and one.event.run is not None]
    return RunHistory(
        kind=member.kind,
        event=row.event,
        fleet=row.event.subject,
        run=row.event.run,
        lead=member.lead,
        revision=row.revision,
        before=tuple(sorted(others, key=lambda event: (event.updated, event.status))),
    )
