"""Events made to measure, in the documented CloudEvents envelope: for the demo and for tests."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from shared.events.model import Cluster

SUBSCRIPTION = "66667777-aaaa-8888-bbbb-9999cccc0000"
EVENT_TYPE = "Microsoft.ResourceNotifications.ContainerServiceEventResources.ScheduledEventEmitted"


def guid(name: str) -> str:
    """Return the same GUID for the same name."""
    return str(uuid5(NAMESPACE_URL, name))


def event(
    status: str,
    time: datetime,
    *,
    name: str = "maintenance",
    envelope: str = "",
    cluster: str = "prod-weu-1",
    details: Any = "NodeOSUpgrade",
    **properties: Any,
) -> str:
    """Write an event of a maintenance: `name` gives its eventId, `properties` override what is sent.

    Datetimes become text; a property that is None is left out.
    """
    event_id = guid(name)
    resource = Cluster(SUBSCRIPTION, "rg-prod", cluster).id
    given = {
        "description": "ScheduledEvents",
        "eventId": event_id,
        "eventSource": "AutoUpgrader",
        "eventStatus": status,
        "eventDetails": details,
        "lastUpdateTime": time,
        "resources": [resource],
        "resourceType": "ManagedCluster",
        **properties,
    }
    body = {
        "id": envelope or guid(f"{name} {status} {time.isoformat()}"),
        "source": f"/subscriptions/{SUBSCRIPTION}",
        "subject": f"{resource}/scheduledEvents/{event_id}",
        "data": {
            "resourceInfo": {
                "id": f"{resource}/scheduledEvents/{event_id}",
                "name": event_id,
                "type": "Microsoft.ContainerService/managedClusters/scheduledEvents",
                "location": "westeurope",
                "properties": {key: _plain(value) for key, value in given.items() if value is not None},
            },
            "operationalInfo": {"resourceEventTime": time.isoformat()},
            "apiVersion": "2023-11-02-preview",
        },
        "type": EVENT_TYPE,
        "specversion": "1.0",
        "time": time.isoformat().replace("+00:00", "Z"),
    }
    return json.dumps(body)


def scheduled(time: datetime, start: datetime | timedelta | None, **more: Any) -> str:
    """Write a Scheduled event whose start is a time, so long after the event, or unknown."""
    if isinstance(start, timedelta):
        start = time + start
    return event("Scheduled", time, startTime=start, scheduledTime=time, **more)


def end_of_support(time: datetime, description: str, date: datetime, **more: Any) -> str:
    """Write an end-of-support notice."""
    details = {
        "kubernetesVersion": "1.32.3",
        "eolDate": date.isoformat(),
        "supportType": "Community",
        "region": "westeurope",
    }
    return event(
        "Scheduled",
        time,
        details=details,
        description=description,
        eventSource="EOLNotification",
        scheduledTime=date,
        lastUpdateTime=None,
        **more,
    )


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
