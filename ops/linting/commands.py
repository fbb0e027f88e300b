"""The `az` commands that mend what was found: complete, quoted, with the names filled in.

`az aks maintenanceconfiguration update` replaces a configuration instead of changing it, so that every
command says all of it. Blackouts cannot be given as options, and for `default` the options depend on the
version of the CLI: there the command is a PUT of the whole body. What the input does not name is a shell
variable.
"""

from __future__ import annotations

import json
import shlex
from datetime import timezone
from typing import TYPE_CHECKING, Any

import msgspec

from shared.maintenance import AUTO_UPGRADE, NODE_OS, Configuration, next_window
from shared.maintenance.configuration import (
    WEEKDAYS,
    AbsoluteMonthly,
    Daily,
    MaintenanceWindow,
    RelativeMonthly,
    Weekly,
)

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from ops.linting.listing import ListedCluster
    from shared.maintenance.configuration import Schedule

_API = "2025-10-01"


class Variable(str):
    """A shell variable in a command, for what the input does not say."""

    __slots__ = ()


def update(listed: ListedCluster, **options: str) -> str:
    """Change the cluster itself."""
    return command("aks", "update", **_group(listed), name=_name(listed), **options)


def pool(listed: ListedCluster, name: str, **options: str) -> str:
    """Change a node pool."""
    return command("aks", "nodepool", "update", **_in_cluster(listed, name), **options)


def kubectl(listed: ListedCluster, *words: str) -> str:
    """Run kubectl in the cluster."""
    words = ("kubectl", *words)
    return command(
        "aks", "command", "invoke", **_group(listed), name=_name(listed), command=shlex.join(words)
    )


def put(listed: ListedCluster, name: str, window: MaintenanceWindow, now: datetime) -> str:
    """Set a maintenance configuration to this window.

    AKS refuses a startDate in the past, and would count intervals from today without one: then the command
    names the day of the next window, so that the rhythm stays. Blackouts that are over are left out.
    """
    today = now.astimezone(timezone(window.utc_offset)).date()
    window = msgspec.structs.replace(
        window,
        start_date=_start_date(window, now),
        not_allowed_dates=tuple(span for span in window.not_allowed_dates if span.end >= today),
    )
    if name not in {AUTO_UPGRADE, NODE_OS} or window.not_allowed_dates:
        body = json.dumps({"properties": {"maintenanceWindow": as_json(window)}}, separators=(",", ":"))
        return command("rest", method="put", url=_url(listed, name), body=body)
    verb = "update" if listed.has(name) else "add"
    return command("aks", "maintenanceconfiguration", verb, **_in_cluster(listed, name), **_options(window))


def command(*words: str, **options: str) -> str:
    """Write an `az` command; every word is quoted for a POSIX shell."""
    given = []
    for name, value in options.items():
        # A value that begins with a hyphen, such as an offset of -08:00, would be taken for another option.
        between = "=" if value.startswith("-") else " "
        given.append(f"--{name.replace('_', '-')}{between}{_quoted(value)}")
    return " ".join(("az", *words, *given))


def as_json(window: MaintenanceWindow) -> dict[str, Any]:
    """Write a window as ARM's JSON: what `shared.maintenance.parse` reads."""
    body: dict[str, Any] = {
        "schedule": _schedule(window.schedule),
        "durationHours": int(window.duration.total_seconds()) // 3600,
        "utcOffset": offset(window.utc_offset),
        "startTime": f"{window.start_time:%H:%M}",
    }
    if window.start_date is not None:
        body["startDate"] = window.start_date.isoformat()
    if window.not_allowed_dates:
        body["notAllowedDates"] = [
            {"start": span.start.isoformat(), "end": span.end.isoformat()}
            for span in window.not_allowed_dates
        ]
    return body


def offset(value: timedelta) -> str:
    """Write an offset from UTC: `-08:00`."""
    hours, minutes = divmod(abs(int(value.total_seconds())) // 60, 60)
    return f"{'-' if value.total_seconds() < 0 else '+'}{hours:02}:{minutes:02}"


def _schedule(schedule: Schedule) -> dict[str, dict[str, Any]]:
    match schedule:
        case Daily(interval):
            return {"daily": {"intervalDays": interval}}
        case Weekly(interval, weekday):
            return {"weekly": {"intervalWeeks": interval, "dayOfWeek": WEEKDAYS[weekday]}}
        case AbsoluteMonthly(interval, day):
            return {"absoluteMonthly": {"intervalMonths": interval, "dayOfMonth": day}}
        case RelativeMonthly(interval, week, weekday):
            said = {"intervalMonths": interval, "weekIndex": str(week), "dayOfWeek": WEEKDAYS[weekday]}
            return {"relativeMonthly": said}


def _options(window: MaintenanceWindow) -> dict[str, str]:
    ((kind, fields),) = _schedule(window.schedule).items()
    options = {"schedule_type": kind[:1].upper() + kind[1:]}
    # intervalWeeks in JSON is --interval-weeks here, and so on.
    options |= {
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key): str(value)
        for key, value in fields.items()
    }
    body = as_json(window)
    options |= {"duration": str(body["durationHours"]), "utc_offset": body["utcOffset"]}
    options |= {"start_date": body["startDate"]} if "startDate" in body else {}
    return options | {"start_time": body["startTime"]}


def _start_date(window: MaintenanceWindow, now: datetime) -> Any:  # noqa: ANN401 - a date or None
    configuration = Configuration(window=msgspec.structs.replace(window, not_allowed_dates=()))
    today = now.astimezone(configuration.zone).date()
    if window.start_date is None or window.start_date > today:
        return window.start_date
    if window.schedule.interval == 1:
        return None
    coming = next_window(configuration, now)
    return coming.start.astimezone(configuration.zone).date() if coming else None


def _group(listed: ListedCluster) -> dict[str, str]:
    if listed.cluster is None:
        return {"resource_group": Variable('"$RESOURCE_GROUP"')}
    found = listed.cluster
    return {"subscription": found.subscription, "resource_group": found.resource_group}


def _in_cluster(listed: ListedCluster, name: str) -> dict[str, str]:
    return {**_group(listed), "cluster_name": _name(listed), "name": name}


def _name(listed: ListedCluster) -> str:
    return listed.name or Variable('"$CLUSTER"')


def _url(listed: ListedCluster, name: str) -> Variable:
    """Give the configuration's resource ID as a URL: `az rest` puts the cloud's own endpoint before it."""
    id_ = shlex.quote(listed.cluster.id) if listed.cluster else '"$CLUSTER_ID"'
    name = shlex.quote(name) if name else '"$CONFIGURATION"'
    return Variable(f"{id_}/maintenanceConfigurations/{name}'?api-version={_API}'")


def _quoted(value: str) -> str:
    return value if isinstance(value, Variable) else shlex.quote(value)
