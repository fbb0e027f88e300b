"""The activity log: what was last done to a resource, and why it failed.

It keeps 90 days, and is some minutes behind. The message of a failure hides JSON in a text, as AKS sends it
in events.

https://learn.microsoft.com/rest/api/monitor/activity-logs/list
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from shared import timestamps
from shared.decoding import as_list

if TYPE_CHECKING:
    from shared.events.model import Cluster
    from shared.sources.arm import Arm

API_VERSION = "2015-04-01"
AGO = timedelta(days=14)
"""How far back is looked."""

_MAX_MESSAGE_CHARACTERS = 8_000


class FailedOperation(msgspec.Struct, frozen=True):
    """The last operation of a resource that failed: when, which, and what it said."""

    time: datetime
    name: str
    message: str


def last_failure(arm: Arm, cluster: Cluster, pools: tuple[str, ...], now: datetime) -> FailedOperation | None:
    """Return the last operation on a cluster, or on these pools of it, that failed. Raises ArmError.

    A request for the cluster and one for each pool.
    """
    found: list[FailedOperation] = []
    for id_ in (cluster.id, *(f"{cluster.id}/agentPools/{pool}" for pool in pools)):
        body = arm.get(
            f"/subscriptions/{cluster.subscription}/providers/Microsoft.Insights/eventtypes/management/values",
            API_VERSION,
            **{"$filter": f"eventTimestamp ge '{now - AGO:%Y-%m-%dT%H:%M:%SZ}' and resourceUri eq '{id_}'"},
        )
        found += filter(None, map(_failure, as_list(body.get("value"))))
    return max(found, key=lambda one: one.time, default=None)


def _failure(entry: object) -> FailedOperation | None:
    if not isinstance(entry, dict) or _word(entry.get("status")).lower() != "failed":
        return None
    time = timestamps.parse(entry.get("eventTimestamp"))
    if time is None:
        return None
    properties = entry.get("properties")
    said = properties.get("statusMessage") if isinstance(properties, dict) else None
    message = said if isinstance(said, str) else _word(entry.get("description"))
    return FailedOperation(time, _word(entry.get("operationName"))[:200], message[:_MAX_MESSAGE_CHARACTERS])


def _word(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return a localizable string: its text, or its value."""
    if isinstance(value, dict):
        value = value.get("localizedValue") or value.get("value")
    return value if isinstance(value, str) else ""
