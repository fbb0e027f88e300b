"""The commands that keep a freeze: they set the not-allowed dates of every configuration concerned.

A bash script with nothing to edit by hand, each step beginning with what it is about: what there is now is
shown, then set. Schedules and earlier not-allowed dates stay. A configuration is replaced as a whole by AKS,
so each command says all of it. Configurations that are linked to a shared window are frozen there, once.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ops.linting import commands
from ops.linting.calendars import frozen_window, is_for
from ops.linting.model import Origin
from ops.linting.rule import LintContext
from shared.maintenance.configuration import NAMES
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ops.linting.model import ListedCluster, Listing
    from shared.maintenance import Configuration
    from shared.routes.freezes import Freeze


def script(freezes: list[Freeze], listing: Listing, now: datetime) -> str:
    """Return the script that keeps the freezes, which are of one name."""
    context = LintContext(listing.clusters, now)
    lines = ["#!/usr/bin/env bash", *_about(freezes), "set -euo pipefail"]
    steps = [
        step
        for freeze in freezes
        for listed in (*listing.clusters, *listing.shared)
        if is_for(freeze, listed, context)
        for step in _steps(listed, freeze, context)
    ]
    if not steps:
        steps = ["", "# No configuration is concerned: nothing is to be done."]
    # A linked configuration whose shared window is not listed gives the same step for each of its users.
    return "\n".join([*lines, *dict.fromkeys(steps)])


def _about(freezes: list[Freeze]) -> Iterator[str]:
    for freeze in freezes:
        times = f"{freeze.start:%Y-%m-%dT%H:%M:%SZ} to {freeze.end:%Y-%m-%dT%H:%M:%SZ}"
        yield f"# Freeze {line(freeze.name)}, {times}: no maintenance is to start in it."
    yield "# Whole days are blocked, at the offset of each window; AKS may break them for urgent maintenance."


def _steps(listed: ListedCluster, freeze: Freeze, context: LintContext) -> Iterator[str]:
    whose = line(listed.name or listed.address or (listed.shared.name if listed.shared else ""))
    for malformed in listed.malformed:
        why = line(str(malformed.error))
        which = f"{whose}: {line(malformed.name)}" if whose else f"shared window {line(malformed.name)}"
        yield f"\n# {which} cannot be read, and is left as it is: {why}"
    for name in sorted(listed.not_known_yet):
        yield f"\n# {whose}: {line(name)} is not known before the plan is applied"
    for found in listed.configurations:
        if found.window_id and listed.shared_window(found) is not None:
            continue  # frozen where the schedule lives
        yield from _step(listed, found, freeze, context, whose)


def _step(
    listed: ListedCluster, found: Configuration, freeze: Freeze, context: LintContext, whose: str
) -> Iterator[str]:
    name = found.name or (listed.shared.name if listed.shared else "")
    place = f"{whose}: {line(name)}" if not listed.shared else f"shared window {whose}"
    if listed.shared is None and found.name not in NAMES:
        yield f"\n# {place} is no configuration that AKS heeds: left as it is"
        return
    if found.window is None:
        why = f"linked to {found.window_id}, which is not listed" if found.window_id else "holds no window"
        yield f"\n# {place} {why}: left as it is"
        return
    window = frozen_window(found, freeze)
    first, last = freeze.days(window.utc_offset)
    offset = commands.offset(window.utc_offset)
    change = commands.put(listed, found.name, window, context.now)
    text = f"\n# {place}: no maintenance from {first} to {last} (UTC{offset})"
    if listed.origin is not Origin.AZURE:
        yield f"{text}\n# {change}"
        return
    yield f"{text}\n{_show(listed, found)}\n{change}"


def _show(listed: ListedCluster, found: Configuration) -> str:
    id_ = found.window_id or (listed.shared.id if listed.shared else "")
    if id_:
        words = shlex.quote(f"{id_}?api-version={commands.SHARED_API}")
        return f"az rest --method get --url {words}"
    return commands.show(listed, found.name)
