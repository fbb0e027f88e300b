"""What Azure has recorded of a run's events, for reconcile to find: a stand-in that instances ask by HTTP."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from shared import keys
from shared.rounds.reconcile_memory import RunState, SubscriptionState
from shared.store.meta import Meta
from testing.arm_endpoint import ArmEndpoint
from testing.samples.payloads import SUBSCRIPTION, guid

if TYPE_CHECKING:
    from datetime import datetime

    from shared.store.table import Table


class AzureRecord:
    """Resource Graph: a context manager. Any token will do."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._azure = self._stack.enter_context(ArmEndpoint(takes_any_token=True))
        self._azure.add_subscription(SUBSCRIPTION, "Proof")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def settings(self) -> dict[str, str]:
        """What lets an instance ask."""
        return {"SUBSCRIPTIONS": SUBSCRIPTION, "ARM_ENDPOINT": self._azure.url}

    def add(self, text: str) -> None:
        """Record an event of Event Grid as Azure does: a row for each status of a maintenance."""
        info = json.loads(text)["data"]["resourceInfo"]
        name = guid(text)
        id_ = f"{info['id'].lower().rpartition('/')[0]}/{name}"
        self._azure.graph.add(
            "containerserviceeventresources", {**info, "id": id_, "name": name, "type": info["type"].lower()}
        )


def begin(table: Table, now: datetime) -> None:
    """Let the first run be over, which tells less: there was no history."""
    Meta(table).save(
        {
            keys.RECONCILED: RunState(last=now, whole=now),
            f"{keys.RECONCILED}:{SUBSCRIPTION}": SubscriptionState(id=SUBSCRIPTION, first=now),
        }
    )
