"""Rows of Resource Graph made to measure, in the form of `containerserviceeventresources`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.events.model import Cluster
from testing.samples.payloads import SUBSCRIPTION, guid

TYPES = {"K8sVersionUpgrade": 1, "NodeOSUpgrade": 2}


def row(
    status: str,
    time: datetime | None,
    *,
    name: str = "maintenance",
    cluster: str = "prod-weu-1",
    subscription: str = SUBSCRIPTION,
    kind: str = "NodeOSUpgrade",
    **properties: Any,
) -> dict[str, Any]:
    """Return the row of a notice: `name` gives its eventId as in `payloads.event`, `time` its last update."""
    resource = Cluster(subscription, "rg-prod", cluster).id
    notice = guid(f"row {name} {status} {time}")
    given = {
        "description": "ScheduledEvents",
        "eventId": guid(name),
        "eventSource": "AutoUpgrader",
        # These three in this order, as the queries of the Communication Manager read them.
        "eventStatus": status,
        "eventDetails": _details(status, kind),
        "lastUpdateTime": _text(time),
        "scheduledTime": _text(time),
        "startTime": "0001-01-01T00:00:00.0000000Z",
        "resources": [resource],
        "resourceType": "ManagedCluster",
        **{key: _text(value) if isinstance(value, datetime) else value for key, value in properties.items()},
    }
    return {
        "id": f"{resource.lower()}/scheduledevents/{notice}",
        "name": notice,
        "type": "microsoft.containerservice/managedclusters/scheduledevents",
        "location": "westeurope",
        "properties": given,
    }


def _details(status: str, kind: str) -> dict[str, Any]:
    """Return the details: of an end they carry a number, of the others the words."""
    return {"type": TYPES[kind]} if status in {"Completed", "Failed"} else {"type": kind}


def _text(time: datetime | None) -> str:
    return time.isoformat().replace("+00:00", "Z") if time else "0001-01-01T00:00:00.0000000Z"
