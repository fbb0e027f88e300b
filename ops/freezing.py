"""The commands that keep a freeze: they set the not-allowed dates of every configuration concerned.

A bash script with nothing to edit by hand, each step beginning with what it is about: what there is now is
shown, then set. Schedules and earlier not-allowed dates stay. A configuration is replaced as a whole by AKS,
so each command says all of it. Configurations that are linked to a shared window are frozen there, once.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import msgspec

from ops.linting import commands, window_json
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


class FreezeStep(msgspec.Struct, frozen=True):
    """What a configuration asks for."""

    about: str
    """Which it is, and what is to be so; or why it is left as it is."""
    by_hand: str = ""
    """What is to be changed where the configuration came from, in words."""
    commands: tuple[str, ...] = ()
    """For bash: what there is now is shown, then set."""


def steps(freezes: list[Freeze], listing: Listing, now: datetime) -> list[FreezeStep]:
    """Return what keeps the freezes, which are of one name."""
    context = LintContext(listing.clusters, now)
    found = (
        step
        for freeze in freezes
        for listed in (*listing.clusters, *listing.shared)
        if is_for(freeze, listed, context)
        for step in _steps(listed, freeze, context)
    )
    # A linked configuration whose shared window is not listed gives the same step for each of its users.
    return list(dict.fromkeys(found))


def as_script(freezes: list[Freeze], found: list[FreezeStep]) -> str:
    """Return the steps that keep the freezes as a script."""
    lines = ["#!/usr/bin/env bash"]
    for freeze in freezes:
        times = f"{_text(freeze.start)} to {_text(freeze.end)}"
        lines.append(f"# Freeze {line(freeze.name)}, {times}: no maintenance is to start in it.")
    lines += [
        "# Whole days are blocked, at the offset of each window; AKS may break them for urgent maintenance.",
        "set -euo pipefail",
    ]
    for step in found or [FreezeStep("No configuration is concerned: nothing is to be done.")]:
        lines += ["", f"# {step.about}", *([f"# {step.by_hand}"] if step.by_hand else []), *step.commands]
    return "\n".join(lines)


def as_object(freezes: list[Freeze], found: list[FreezeStep]) -> dict[str, object]:
    """Return the freezes and the steps as JSON has them."""
    return {
        "freezes": [{"name": one.name, "start": _text(one.start), "end": _text(one.end)} for one in freezes],
        "steps": msgspec.to_builtins(found),
    }


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _steps(listed: ListedCluster, freeze: Freeze, context: LintContext) -> Iterator[FreezeStep]:
    whose = line(listed.name or listed.address or (listed.shared.name if listed.shared else ""))
    for malformed in listed.malformed:
        why = line(str(malformed.error))
        which = f"{whose}: {line(malformed.name)}" if whose else f"shared window {line(malformed.name)}"
        yield FreezeStep(f"{which} cannot be read, and is left as it is: {why}")
    for name in sorted(listed.not_known_yet):
        yield FreezeStep(f"{whose}: {line(name)} is not known before the plan is applied")
    for found in listed.configurations:
        if found.window_id and listed.shared_window(found) is not None:
            continue  # frozen where the schedule lives
        yield from _step(listed, found, freeze, context, whose)


def _step(
    listed: ListedCluster, found: Configuration, freeze: Freeze, context: LintContext, whose: str
) -> Iterator[FreezeStep]:
    name = found.name or (listed.shared.name if listed.shared else "")
    place = f"{whose}: {line(name)}" if not listed.shared else f"shared window {whose}"
    if listed.shared is None and found.name not in NAMES:
        yield FreezeStep(f"{place} is no configuration that AKS heeds: left as it is")
        return
    if found.window is None:
        why = f"linked to {found.window_id}, which is not listed" if found.window_id else "holds no window"
        yield FreezeStep(f"{place} {why}: left as it is")
        return
    window = frozen_window(found, freeze)
    first, last = freeze.days(window.utc_offset)
    offset = window_json.offset(window.utc_offset)
    change = commands.put(listed, found.name, window, context.now)
    about = f"{place}: no maintenance from {first} to {last} (UTC{offset})"
    if listed.origin is not Origin.AZURE:
        yield FreezeStep(about, by_hand=change)
        return
    yield FreezeStep(about, commands=(_show(listed, found), change))


def _show(listed: ListedCluster, found: Configuration) -> str:
    id_ = found.window_id or (listed.shared.id if listed.shared else "")
    if id_:
        words = shlex.quote(f"{id_}?api-version={commands.SHARED_API}")
        return f"az rest --method get --url {words}"
    return commands.show(listed, found.name)
