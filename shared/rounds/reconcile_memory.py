"""What reconcile remembers: of each subscription which rows it has seen, and of its runs what they found."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.store.meta import Meta

_MAX_SEEN_ROWS = 50_000
"""Rows remembered of a subscription; what is beyond that is looked up again."""

_MARK_CHARACTERS = 16
_WEEK = timedelta(days=8)
_KEY = keys.RECONCILED


class SubscriptionState(msgspec.Struct, omit_defaults=True):
    """What is remembered of a subscription."""

    id: str = ""
    first: datetime | None = None
    """When its history had been read to its end."""
    seen: str = ""
    """The marks of its rows, one after the other."""
    is_unreadable: bool = False
    """Whether the operator was told so, and nothing could be read since."""

    def marks(self) -> set[str]:
        """Return the marks of the rows that were seen."""
        return {self.seen[at : at + _MARK_CHARACTERS] for at in range(0, len(self.seen), _MARK_CHARACTERS)}

    def remember(self, marks: Iterable[str]) -> None:
        """Remember these rows alone, the last of them where there are too many."""
        self.seen = "".join([*marks][-_MAX_SEEN_ROWS:])


class RunState(msgspec.Struct, omit_defaults=True):
    """What is remembered of the runs."""

    last: datetime | None = None
    """When the last run ended."""
    whole: datetime | None = None
    """When the last run that read everything began."""
    resume: str = ""
    """The subscription where the last run stopped."""
    missed: int = 0
    """Events that the last whole run found missed."""
    is_told: bool = False
    """Whether the operator knows that events are missed, and every run has found some since."""
    counts: dict[str, int] = {}
    """Events found missed, by the time of the run, of the last days."""
    unreadable_groups: tuple[str, ...] = ()

    def end(self, missed: int, now: datetime, *, is_whole: bool) -> None:
        """Write down that a run has ended, and what it found missed."""
        if is_whole:
            self.is_told &= bool(missed)
            self.missed, self.whole = missed, now
        recent = {at: count for at, count in self.counts.items() if now - datetime.fromisoformat(at) < _WEEK}
        self.counts = {**recent, now.isoformat(): missed} if missed else recent
        self.last = now


class ReconcileMemory:
    """All of it, as the table has it when a run begins. Raises TableUnavailable."""

    def __init__(self, meta: Meta) -> None:
        """Load it: two round trips, and one for each further thousand subscriptions."""
        self._meta = meta
        self._states = {state.id: state for state in meta.load_all(f"{_KEY}:", SubscriptionState).values()}
        self.run = meta.load(_KEY, RunState)

    def knows(self, subscription: str) -> bool:
        """Return whether a subscription was seen before."""
        return subscription in self._states

    def of(self, subscription: str) -> SubscriptionState:
        """Return what is remembered of a subscription, to be changed and saved."""
        return self._states.setdefault(subscription, SubscriptionState(id=subscription))

    def save(self, subscription: str) -> None:
        """Write what is remembered of a subscription. One round trip."""
        self._meta.save({f"{_KEY}:{subscription}": self._states[subscription]})

    def save_run(self) -> None:
        """Write what is remembered of the runs. One round trip."""
        self._meta.save({_KEY: self.run})
