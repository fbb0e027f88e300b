"""What changes among the subscriptions that are looked after: unreadable, readable again, new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.rounds import subscriptions
from shared.sources.resource_graph import scopes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.rounds.operator_news import OperatorNews
    from shared.rounds.reconcile_memory import ReconcileMemory
    from shared.rounds.subscriptions import Readable, Watched
    from shared.sources.resource_graph import ResourceGraph


class SubscriptionWatch:
    """Tells the operator of each change, once."""

    def __init__(
        self, graph: ResourceGraph, watched: Watched, memory: ReconcileMemory, news: OperatorNews
    ) -> None:
        self._graph = graph
        self._watched = watched
        self._memory = memory
        self._news = news

    def look(self) -> Readable:
        """Return what can be read; tell what cannot be any more. Raises TableUnavailable."""
        found = subscriptions.read(self._graph, self._watched)
        for subscription, is_readable in found.asked.items():
            self._note_subscription(subscription, is_readable=is_readable)
        for group, is_readable in found.groups.items():
            self._note_group(group, is_readable=is_readable)
        return found

    def _note_subscription(self, subscription: str, *, is_readable: bool) -> None:
        state = self._memory.of(subscription)
        if state.is_unreadable != is_readable:
            return
        state.is_unreadable = not is_readable
        if not is_readable:
            self._news.unreadable_subscription(subscription)
        self._memory.save(subscription)

    def _note_group(self, group: str, *, is_readable: bool) -> None:
        run = self._memory.run
        if is_readable:
            run.unreadable_groups = tuple(one for one in run.unreadable_groups if one != group)
        elif group not in run.unreadable_groups:
            run.unreadable_groups = (*run.unreadable_groups, group)
            self._news.unreadable_group(group)

    def tell_new(self, names: Mapping[str, str]) -> None:
        """Tell of subscriptions that have come below a management group, and who brings their events.

        Raises ArmError and TableUnavailable.
        """
        known = self._watched.subscriptions
        new = [one for one in names if not self._memory.knows(one) and one not in known]
        if not new:
            return
        covered = {
            str(row.get("subscriptionId", "")).lower()
            for scope in scopes(new)
            for row in self._graph.rows("event_topics", scope)
        }
        said = [
            f"Subscription {names[one] or one} ({one}) is new. "
            + (
                "A system topic brings its events."
                if one in covered
                else "No system topic brings its events."
            )
            for one in new
        ]
        self._news.new_subscriptions(new, said)
