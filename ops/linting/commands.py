"""What mends a finding: `az` commands, or the change of a block where the input is a plan or a template.

`az aks maintenanceconfiguration update` replaces a configuration instead of changing it, so that every
command says all of it. Blackouts cannot be given as options, and for `default` the options depend on the
version of the CLI: there the command is a PUT of the whole body. A configuration that is linked to a shared
window is never changed itself: that would cut the link; the shared window is. What the input does not name is
a shell variable that has to be set.
"""

from __future__ import annotations

import json
import shlex
from datetime import timezone
from typing import TYPE_CHECKING, Any

import msgspec

from ops.linting import blocks, window_json
from ops.linting.model import Origin
from shared.maintenance import AUTO_UPGRADE, NODE_OS, Configuration, SharedWindow, next_window
from shared.maintenance.configuration import (
    NAMES,
    MaintenanceWindow,
)

if TYPE_CHECKING:
    from datetime import datetime

    from ops.linting.model import ListedCluster

_API = "2025-10-01"
SHARED_API = "2026-04-02-preview"
"""The version that brought `Microsoft.ContainerService/maintenanceWindows`."""


class Variable(str):
    """A part of a command that the shell fills in, for what the input does not say."""

    __slots__ = ()


def update(listed: ListedCluster, **options: str) -> str:
    """Change the cluster itself."""
    if listed.origin is not Origin.AZURE:
        return blocks.cluster(listed, options)
    return command("aks", "update", **_group(listed), name=_name(listed), **options)


def start(listed: ListedCluster) -> str:
    """Start the cluster."""
    return command("aks", "start", **_group(listed), name=_name(listed))


def pool(listed: ListedCluster, name: str, **options: str) -> str:
    """Change a node pool."""
    if listed.origin is not Origin.AZURE:
        return blocks.pool(listed, name, options)
    return command("aks", "nodepool", "update", **_in_cluster(listed, name), **options)


def kubectl(listed: ListedCluster, *words: str) -> str:
    """Run kubectl in the cluster."""
    words = ("kubectl", *words)
    return command(
        "aks", "command", "invoke", **_group(listed), name=_name(listed), command=shlex.join(words)
    )


def put(
    listed: ListedCluster, name: str, window: MaintenanceWindow, now: datetime, *, unlink: bool = False
) -> str:
    """Set a maintenance configuration, or the shared window that it is linked to, to this window.

    AKS refuses a startDate in the past, and would count intervals from today without one: then the command
    names the day of the next window, so that the rhythm stays. Blackouts that are over are left out. With
    `unlink` a configuration that is linked to a shared window gets a schedule of its own.
    """
    window = _as_set(window, now)
    found = listed.configuration(name)
    if listed.shared is not None:
        return _put_shared(listed, listed.shared, window)
    if found is not None and found.window_id and not unlink:
        return _put_shared(listed, listed.shared_window(found) or _unlisted(found), window)
    if listed.origin is not Origin.AZURE:
        return blocks.configuration(listed, name, window)
    if name not in {AUTO_UPGRADE, NODE_OS} or window.not_allowed_dates:
        body = json.dumps(
            {"properties": {"maintenanceWindow": window_json.as_json(window)}}, separators=(",", ":")
        )
        return command("rest", method="put", url=_url(listed, name), body=body)
    verb = "update" if listed.has(name) else "add"
    return command("aks", "maintenanceconfiguration", verb, **_in_cluster(listed, name), **_options(window))


def put_shared(listed: ListedCluster, name: str, body: dict[str, Any], window: MaintenanceWindow) -> str:
    """Set a shared window whose JSON could not be understood to this window."""
    id_, tags = body.get("id"), body.get("tags")
    location = body.get("location")
    shared = SharedWindow(
        id=id_ if isinstance(id_, str) else "",
        name=name,
        window=window,
        location=location if isinstance(location, str) else "",
        tags=tags if isinstance(tags, dict) else {},
    )
    return _put_shared(listed, shared, window)


def rename(listed: ListedCluster, name: str, right: str, window: MaintenanceWindow, now: datetime) -> str:
    """Set the configuration under its right name, and delete the one under the wrong one."""
    if listed.origin is not Origin.AZURE:
        return blocks.renamed(listed, name, right)
    return f"{put(listed, right, window, now)} && {delete(listed, name)}"


def show(listed: ListedCluster, name: str) -> str:
    """Show a maintenance configuration."""
    return command("aks", "maintenanceconfiguration", "show", **_in_cluster(listed, name))


def delete(listed: ListedCluster, name: str) -> str:
    """Delete a maintenance configuration."""
    if listed.origin is not Origin.AZURE:
        return blocks.removed(listed, name)
    if not name:
        return command("rest", method="delete", url=_url(listed, name))
    return command("aks", "maintenanceconfiguration", "delete", **_in_cluster(listed, name))


def _as_set(window: MaintenanceWindow, now: datetime) -> MaintenanceWindow:
    """Return the window as AKS takes it today."""
    today = now.astimezone(timezone(window.utc_offset)).date()
    return msgspec.structs.replace(
        window,
        start_date=_start_date(window, now),
        not_allowed_dates=tuple(span for span in window.not_allowed_dates if span.end >= today),
    )


def _unlisted(configuration: Configuration) -> SharedWindow:
    """Return what a link says of a shared window that was not listed."""
    assert isinstance(configuration.window, MaintenanceWindow)
    id_ = configuration.window_id
    return SharedWindow(id=id_, name=id_.rpartition("/")[2], window=configuration.window)


def _put_shared(listed: ListedCluster, shared: SharedWindow, window: MaintenanceWindow) -> str:
    """Set a shared window: by the CLI, or, with blackouts, which it has no option for, by a PUT of it all."""
    if listed.origin is not Origin.AZURE:
        return blocks.shared(listed, shared, window)
    _, _, subscription, _, group, *_ = f"{shared.id}/////".split("/")
    where = {
        "subscription": subscription or Variable('"${SUBSCRIPTION:?}"'),
        "resource_group": group or Variable('"${RESOURCE_GROUP:?}"'),
        "name": shared.name,
    }
    if not window.not_allowed_dates and not shared.window.not_allowed_dates:
        return command("aks", "maintenancewindow", "update", **where, **_options(window))
    body: dict[str, Any] = {"location": shared.location, "properties": window_json.as_json(window)}
    body |= {"tags": shared.tags} if shared.tags else {}
    id_ = shlex.quote(shared.id) if shared.id else '"${WINDOW_ID:?}"'
    url = Variable(f"{id_}'?api-version={SHARED_API}'")
    return command("rest", method="put", url=url, body=_with_location(body, id_))


def _with_location(body: dict[str, Any], id_: str) -> str:
    """Return the body; a location that the input does not say is asked for when the command runs."""
    text = json.dumps(body, separators=(",", ":"))
    if body["location"]:
        return text
    ask = f'"$(az resource show --ids {id_} --api-version {SHARED_API} --query location --output tsv)"'
    head, _, tail = text.partition('"location":""')
    return Variable(f"""{shlex.quote(head + '"location":"')}{ask}{shlex.quote('"' + tail)}""")


def command(*words: str, **options: str) -> str:
    """Return an `az` command; every word is quoted for a POSIX shell."""
    given = []
    for name, value in options.items():
        # A value that begins with a hyphen, such as an offset of -08:00, would be taken for another option.
        between = "=" if value.startswith("-") else " "
        given.append(f"--{name.replace('_', '-')}{between}{_quoted(value)}")
    return " ".join(("az", *words, *given))


def known_name(listed: ListedCluster, name: str) -> str:
    """Return the name that AKS knows and that is most like this one; empty where there is none like it."""
    from difflib import get_close_matches

    words = {word.lower(): word for word in NAMES}
    # Of long names the ones for the node OS are told by their middle, which a ratio would not weigh.
    is_node = "node" in name.lower()
    likely = [word for word in words if ("node" in word) == is_node]
    found = get_close_matches(name.lower(), likely, n=1, cutoff=0.6)
    return words[found[0]] if found and not listed.has(words[found[0]]) else ""


def _options(window: MaintenanceWindow) -> dict[str, str]:
    ((kind, fields),) = window_json.schedule(window.schedule).items()
    options = {"schedule_type": kind[:1].upper() + kind[1:]}
    # intervalWeeks in JSON is --interval-weeks here, and so on.
    options |= {
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key): str(value)
        for key, value in fields.items()
    }
    body = window_json.as_json(window)
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
        return {"resource_group": Variable('"${RESOURCE_GROUP:?}"')}
    found = listed.cluster
    return {"subscription": found.subscription, "resource_group": found.resource_group}


def _in_cluster(listed: ListedCluster, name: str) -> dict[str, str]:
    return {**_group(listed), "cluster_name": _name(listed), "name": name}


def _name(listed: ListedCluster) -> str:
    return listed.name or Variable('"${CLUSTER:?}"')


def _url(listed: ListedCluster, name: str) -> Variable:
    """Return the configuration's resource ID as a URL: `az rest` puts the cloud's own endpoint before it."""
    id_ = shlex.quote(listed.cluster.id) if listed.cluster else '"${CLUSTER_ID:?}"'
    name = shlex.quote(name) if name else '"${CONFIGURATION:?}"'
    return Variable(f"{id_}/maintenanceConfigurations/{name}'?api-version={_API}'")


def _quoted(value: str) -> str:
    return value if isinstance(value, Variable) else shlex.quote(value)
