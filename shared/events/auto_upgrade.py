"""Reading an auto-upgrade profile of a fleet, as Resource Graph shows it: whether its last trigger failed.

A profile makes update runs by itself when versions are published; where it fails to, nothing is sent.
Properties as of API version 2026-06-01 (`AutoUpgradeProfileStatus`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shared import timestamps
from shared.decoding import as_list
from shared.events.fleet_gate import SOURCE
from shared.events.model import Event, Fleet
from shared.events.run import RunFacts, RunNews, RunStatus, profile_name
from shared.events.scheduled_event import mapping, short_text
from shared.events.update_run import FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_MAX_CHARACTERS = 2_048
_MAX_MESSAGE_CHARACTERS = 8_000
_MAX_VERSIONS = 8


def read(row: Mapping[str, Any], now: datetime) -> Event | None:
    """Return the event that a profile's last trigger failed; None where it did not, or the row names none."""
    row = mapping(row)
    id_ = short_text(row.get("id"), _MAX_CHARACTERS)
    fleet, name = Fleet.parse(id_), profile_name((id_,))
    properties = mapping(row.get("properties"))
    status = {**properties, **mapping(properties.get("autoupgradeprofilestatus"))}
    if fleet is None or not name or short_text(status.get("lasttriggerstatus")).lower() != FAILED:
        return None
    at = timestamps.parse(status.get("lasttriggeredat"))
    error = mapping(status.get("lasttriggererror"))
    details = {key: short_text(error.get(key), _MAX_MESSAGE_CHARACTERS) for key in ("code", "message")}
    versions = status.get("lasttriggerupgradeversions")
    named = as_list(versions)[:_MAX_VERSIONS]
    time = min(at, now) if at else now
    return Event(
        event_id=f"{fleet.key}/autoupgradeprofiles/{name.lower()}",
        status=RunStatus.AUTO_UPGRADE_FAILED,
        subject=fleet,
        time=time,
        updated=time,
        updates_itself=at is not None,
        description=str(RunStatus.AUTO_UPGRADE_FAILED),
        source=SOURCE,
        details=json.dumps({"error": details}) if any(details.values()) else "",
        news=RunNews.AUTO_UPGRADE_FAILED,
        run=RunFacts(
            profile=name,
            attempt=str(at or ""),
            target=", ".join(short_text(one, 64) for one in named),
        ),
    )
