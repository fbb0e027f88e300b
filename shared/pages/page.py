"""The board as a page: HTML without scripts, for a phone, a desk and a wall. Pure."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.events.model import Upgrade
from shared.messages import phrases, portal, time_phrases
from shared.pages.board import FILTERS, headline
from shared.pages.inventory import HEAD, LONG
from shared.pages.maintenance_state import MaintenancePhase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, tzinfo

    import jinja2

    from shared.events.model import Cluster
    from shared.pages.board import Board
    from shared.pages.inventory import InventoryRow
    from shared.pages.maintenance_state import MaintenanceState
    from shared.pages.windows import ExpectedWindow

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "status.css").read_text("utf-8")
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
"""What the policy names, so that no other style applies."""

_PILL = {
    MaintenancePhase.RUNNING: "Running",
    MaintenancePhase.COMING: "Scheduled",
    MaintenancePhase.FAILED: "Failed",
    MaintenancePhase.OVERDUE: "Overdue",
    MaintenancePhase.COMPLETED: "Completed",
    MaintenancePhase.CANCELED: "Canceled",
    MaintenancePhase.SUPPORT: "End of support",
}
_NO_TIME = {MaintenancePhase.COMING: "Time not announced: in the next maintenance window"}
_MAX_WINDOWS = 50


def status(
    shown: Board, *, portal_host: str, token: str, filters: Mapping[str, str], wall: bool = False
) -> bytes:
    """Return the status page; for a wall, one that asks for itself again every minute.

    `token` goes into the addresses of the feeds; filters are as asked for.
    """
    zone = time_phrases.zone(shown.time_zone)

    def rows(found: Iterable[MaintenanceState]) -> list[dict[str, Any]]:
        return [_row(one, shown.as_of, zone, portal_host) for one in found]

    first: dict[tuple[str, str], ExpectedWindow] = {}
    for window in shown.windows:
        first.setdefault((window.cluster.key, window.name), window)
    windows = list(first.values())
    parts = (
        ("open", "Failed and open", "Nothing has failed.", rows(shown.open)),
        ("running", "Running", "Nothing is running.", rows(shown.running)),
        ("coming", "Coming", "Nothing is announced.", rows(shown.coming)),
        (
            "windows",
            "Expected windows",
            "",
            [_window(one, zone, portal_host) for one in windows[:_MAX_WINDOWS]],
        ),
        ("recent", "Recent", "Nothing has ended in the last 7 days.", rows(shown.recent)),
        ("support", "End of support", "", rows(shown.support)),
    )
    return _render(
        "status.html",
        title=f"AKS maintenance · {shown.name}",
        style=STYLE,
        headline=headline(shown),
        tone="failed" if shown.open else "running" if shown.running else "quiet",
        pulse=_pulse(shown, zone),
        parts=[part for part in parts if part[2] or part[3]],
        totals={"windows": len(windows)},
        clusters=len(shown.clusters),
        token=token,
        wall=wall,
        filters={name: filters.get(name, "") for name in FILTERS},
        kinds=[(kind.value, phrases.WHAT[kind]) for kind in Upgrade if kind is not Upgrade.UNKNOWN],
    )


def inventory(shown: Board, found: Iterable[InventoryRow], *, portal_host: str, token: str) -> bytes:
    """Return the page of what clusters there are, without the columns of which nothing is known."""
    rows = [(portal.resource(portal_host, one.cluster), one.cells()) for one in found]
    shows = [place == 0 or any(cells[place] for _, cells in rows) for place in range(len(HEAD))]
    return _render(
        "inventory.html",
        title=f"AKS clusters · {shown.name}",
        style=STYLE,
        count=phrases.counted(len(rows), "cluster"),
        labels=[*compress(HEAD, shows)],
        rows=[
            {"url": url, "cells": [*compress(zip(HEAD, cells, strict=True), shows)]} for url, cells in rows
        ],
        long=LONG,
        token=token,
    )


def _row(one: MaintenanceState, as_of: datetime, zone: tzinfo, portal_host: str) -> dict[str, Any]:
    return {
        **_cluster(one.cluster, one.region, portal_host),
        "phase": one.phase.value,
        "pill": _PILL[one.phase],
        "what": phrases.WHAT[one.upgrade],
        "times": [
            (label, time_phrases.beside(time, zone)) for label, time in _times(one, as_of) if time is not None
        ]
        or [("", _NO_TIME.get(one.phase, "Not reported by AKS"))],
    }


def _times(one: MaintenanceState, as_of: datetime) -> list[tuple[str, datetime | None]]:
    if one.phase is MaintenancePhase.COMING:
        is_past = one.planned is not None and one.planned <= as_of
        return [("Was to start" if is_past else "Starts", one.planned), ("Moved from", one.before)]
    if one.phase is MaintenancePhase.SUPPORT:
        facts = one.event.event.end_of_support
        return [("Ends", facts.date if facts else None)]
    ended = {MaintenancePhase.FAILED: "Failed", MaintenancePhase.CANCELED: "Canceled"}.get(one.phase, "Ended")
    planned = None if one.began else one.planned
    return [("Planned", planned), ("Started", one.began), (ended, one.ended)]


def _window(one: ExpectedWindow, zone: tzinfo, portal_host: str) -> dict[str, Any]:
    times = [
        ("Opens", time_phrases.beside(one.window.start, zone)),
        ("Closes", time_phrases.beside(one.window.end, zone)),
    ]
    return {
        **_cluster(one.cluster, one.region, portal_host),
        "phase": "expected",
        "pill": "Approximate" if one.window.approximate else "Expected",
        "what": phrases.WHAT[one.upgrade],
        "times": times,
    }


def _cluster(cluster: Cluster, region: str, portal_host: str) -> dict[str, str]:
    return {
        "cluster": cluster.name,
        "where": " · ".join(part for part in (cluster.resource_group, region) if part),
        "url": portal.resource(portal_host, cluster),
    }


def _pulse(shown: Board, zone: tzinfo) -> list[tuple[str, str]]:
    pulse = shown.pulse
    said = (
        ("Last event heard", pulse.heard, "none yet"),
        ("Last sweep", pulse.swept, "none yet"),
        ("Last reconcile", pulse.reconciled, ""),
    )
    return [
        (label, time_phrases.beside(time, zone) if time else none)
        for label, time, none in said
        if time or none
    ]


def _render(name: str, **values: Any) -> bytes:  # noqa: ANN401 - whatever the template shows
    return _environment().get_template(name).render(**values).encode("utf-8", "replace")


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
