"""What `az` would do, done to the JSON of a listing: so that a fix can be run, and the result linted again.

It reads commands as a shell does (words, `&&`), and knows those that the linter proposes; any other fails the
test that met it. What a command leaves out is gone, as with AKS: a maintenance configuration is replaced.
"""

from __future__ import annotations

import json
import re
import shlex
from copy import deepcopy
from typing import Any

_ID = re.compile(
    r"(?P<owner>/subscriptions/.+/managedClusters/[^/]+)/maintenanceConfigurations/(?P<name>.+)",
    re.IGNORECASE,
)
_SHARED = re.compile(r"/subscriptions/.+/maintenanceWindows/(?P<name>[^/]+)", re.IGNORECASE)
_NUMBERS = ("interval-days", "interval-weeks", "interval-months", "day-of-month")
_NAMES = ("default", "aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule")


def apply(fix: str, body: Any) -> Any:
    """Return the listing as it is after the commands of a fix."""
    listing = deepcopy(body)
    is_wrapped = isinstance(listing, dict) and "value" in listing
    items = listing["value"] if is_wrapped else listing if isinstance(listing, list) else [listing]
    commands: list[list[str]] = [[]]
    for word in shlex.split(fix):
        if word == "&&":
            commands.append([])
        else:
            commands[-1].append(word)
    for command in commands:
        _run(command, items)
    return {"value": items} if is_wrapped else items


def options(words: list[str]) -> dict[str, str]:
    """Return the options of a command."""
    found: dict[str, str] = {}
    for place, word in enumerate(words):
        option, joined, value = word.partition("=")
        if option.startswith("--"):
            found[option.removeprefix("--")] = value if joined else words[place + 1]
    return found


def window(given: dict[str, str]) -> dict[str, Any]:
    """Return the window that options describe."""
    kind = given["schedule-type"]
    fields: dict[str, Any] = {
        re.sub(r"-(\w)", lambda match: match[1].upper(), name): (int if name in _NUMBERS else str)(
            given[name]
        )
        for name in (*_NUMBERS, "day-of-week", "week-index")
        if name in given
    }
    said = {
        "schedule": {kind[0].lower() + kind[1:]: fields},
        "durationHours": int(given["duration"]),
        "utcOffset": given["utc-offset"],
        "startTime": given["start-time"],
    }
    return said | ({"startDate": given["start-date"]} if "start-date" in given else {})


def _run(words: list[str], items: list[dict[str, Any]]) -> None:
    assert words[0] == "az", words
    given = options(words)
    match words[1:4]:
        case ["rest", *_]:
            url = given["url"].partition("?api-version=")
            assert url[2], "a request to ARM names an API version"
            _rest(given["method"], url[0], given.get("body"), items)
        case ["aks", "maintenanceconfiguration", "add" | "update"]:
            _set(_owner(given, "cluster-name"), given["name"], {"maintenanceWindow": window(given)}, items)
        case ["aks", "maintenanceconfiguration", "delete"]:
            _set(_owner(given, "cluster-name"), given["name"], None, items)
        case ["aks", "maintenancewindow", "update"]:
            for item in items:
                if "/maintenancewindows/" in str(item.get("id")).lower() and item["name"] == given["name"]:
                    item["properties"] = window(given)
        case ["aks", "update", *_]:
            _channels(_cluster(_owner(given, "name"), items), given)
        case ["aks", "start", *_]:
            _cluster(_owner(given, "name"), items)["powerState"] = {"code": "Running"}
        case ["aks", "nodepool", "update"]:
            _pool(given, items)
        case ["aks", "command", "invoke"]:
            _kubectl(shlex.split(given["command"]), items)
        case _:
            raise AssertionError(f"no such command: {words}")


def _rest(method: str, url: str, body: str | None, items: list[dict[str, Any]]) -> None:
    found = _ID.fullmatch(url)
    if found:
        said = json.loads(body)["properties"] if method == "put" and body else None
        _set(found["owner"], found["name"], said, items)
        return
    assert _SHARED.fullmatch(url), url
    assert method == "put"
    said = json.loads(body or "")
    assert said["location"], "a shared window is a tracked resource"
    for item in items:
        if str(item.get("id")).lower() == url.lower():
            item["properties"] = said["properties"]


def _owner(given: dict[str, str], option: str) -> str:
    assert "subscription" in given, "every fix names the subscription"
    return (
        f"/subscriptions/{given['subscription']}/resourceGroups/{given['resource-group']}"
        f"/providers/Microsoft.ContainerService/managedClusters/{given[option]}"
    )


def _cluster(owner: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return next(item for item in items if str(item.get("id")).lower() == owner.lower())


def _channels(cluster: dict[str, Any], given: dict[str, str]) -> None:
    profile = (cluster.get("properties") or cluster).setdefault("autoUpgradeProfile", {})
    for option, key in (
        ("auto-upgrade-channel", "upgradeChannel"),
        ("node-os-upgrade-channel", "nodeOSUpgradeChannel"),
    ):
        if option in given:
            for other in [other for other in profile if other.lower() == key.lower()]:
                del profile[other]
            profile[key] = given[option]


def _set(owner: str, name: str, said: dict[str, Any] | None, items: list[dict[str, Any]]) -> None:
    """Replace, add or delete a configuration, attached to its cluster or standing by itself."""
    assert said is None or name in _NAMES, f"AKS refuses the name {name!r}"
    id_ = f"{owner}/maintenanceConfigurations/{name}"
    cluster = next((item for item in items if str(item.get("id")).lower() == owner.lower()), None)
    attached: Any = items
    if cluster is not None:
        attached = cluster.setdefault("maintenanceConfigurations", [])
        attached = attached["value"] if isinstance(attached, dict) else attached
    places = [
        place
        for place, item in enumerate(attached)
        if str(item.get("id")).lower() == id_.lower() or (cluster is not None and item.get("name") == name)
    ]
    at = places[0] if places else len(attached)
    for place in reversed(places):
        del attached[place]
    if said is not None:
        attached.insert(at, {"id": id_, "name": name, "properties": said})


def _pool(given: dict[str, str], items: list[dict[str, Any]]) -> None:
    cluster = _cluster(_owner(given, "cluster-name"), items)
    pools = (cluster.get("properties") or cluster)["agentPoolProfiles"]
    pool = next(pool for pool in pools if pool["name"] == given["name"])
    settings = pool["upgradeSettings"] = dict(pool.get("upgradeSettings") or {})
    for option, key in (
        ("max-surge", "maxSurge"),
        ("max-unavailable", "maxUnavailable"),
        ("drain-timeout", "drainTimeoutInMinutes"),
        ("node-soak-duration", "nodeSoakDurationInMinutes"),
    ):
        if option in given:
            settings[key] = int(given[option]) if key.endswith("Minutes") else given[option]


def _kubectl(words: list[str], items: list[dict[str, Any]]) -> None:
    for item in items:
        budgets = item.get("podDisruptionBudgets")
        listed = budgets["items"] if isinstance(budgets, dict) else budgets or []
        for budget in list(listed):
            if budget["metadata"]["name"] == words[3]:
                if words[1] == "delete":
                    listed.remove(budget)
                else:
                    budget["status"]["disruptionsAllowed"] = 1
