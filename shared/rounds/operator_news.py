"""What reconcile has to say to the operator: what cannot be read, what is new, what did not come."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared.events.model import Installation, Subscription
from shared.events.observation import PUSHED_WITHIN, Coverage, Missed, Unreadable
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.events.model import Event
    from shared.rounds.teller import Teller
    from shared.store.ledger import Ledger

log = logging.getLogger("notifier")

_EXAMPLES = 10


class OperatorNews:
    """The news of one run. Each of its methods raises TableUnavailable."""

    def __init__(self, teller: Teller, ledger: Ledger, now: datetime) -> None:
        self._teller = teller
        self._ledger = ledger
        self._now = now
        self.unreadable = 0
        """How many subscriptions, groups and rows were told to be unreadable."""

    def unreadable_subscription(self, subscription: str) -> None:
        """Tell that a subscription cannot be read."""
        facts = Unreadable(what="subscription", why="it is not in the answer")
        self._unreadable(Subscription(subscription), facts, subscription)

    def unreadable_group(self, group: str) -> None:
        """Tell that a management group cannot be read."""
        facts = Unreadable(what="management group", name=group, why="no subscription is in it")
        self._unreadable(Installation(), facts, group)

    def _unreadable(self, subject: Subscription | Installation, facts: Unreadable, name: str) -> None:
        self.unreadable += 1
        log.error("the %s %s cannot be read: %s", facts.what, name, facts.why)
        self._teller.announce(
            Kind.UNREADABLE,
            facts,
            f"unreadable {facts.what} {name} {self._now.isoformat()}",
            self._now,
            f"the {facts.what} {name} cannot be read",
            subject=subject,
        )

    def unreadable_rows(self, subscription: str, rows: Sequence[str]) -> None:
        """Tell that rows of a subscription cannot be read."""
        self.unreadable += len(rows)
        log.error("%s rows of subscription %s cannot be read: %s", len(rows), subscription, rows[0])
        self._teller.announce(
            Kind.UNREADABLE,
            Unreadable(what="rows", rows=tuple(rows[:_EXAMPLES]), count=len(rows)),
            f"unreadable rows {' '.join(sorted(rows))}",
            self._now,
            f"{len(rows)} rows of subscription {subscription} cannot be read",
            subject=Subscription(subscription),
        )

    def new_subscriptions(self, ids: Sequence[str], sentences: Sequence[str]) -> None:
        """Tell of subscriptions that have come below a management group, in a sentence each."""
        self._teller.announce(
            Kind.COVERAGE,
            Coverage(subscriptions=tuple(sentences)),
            f"new subscriptions {' '.join(sorted(ids))}",
            self._now,
            sentences[0],
        )

    def missed(self, count: int, events: Sequence[Event]) -> None:
        """Tell that events did not come, some of them as examples, and when one last did.

        That costs a scan of the events of the last days.
        """
        pushed = (one.at for one in self._ledger.pushed(self._now - PUSHED_WITHIN))
        facts = Missed(
            count=count,
            subscriptions=tuple(dict.fromkeys(event.subject.subscription for event in events)),
            examples=tuple(f"{event.subject.name}: {event.status}" for event in events[:_EXAMPLES]),
            last_pushed=max(pushed, default=None),
        )
        self._teller.announce(
            Kind.MISSED_EVENTS,
            facts,
            f"missed events {self._now.isoformat()}",
            self._now,
            f"{count} events did not come by Event Grid",
        )
