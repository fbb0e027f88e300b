"""Who hears of what: audiences, and the routes of events to them.

audience    who they are, and what they want to hear of
matching    which event goes to which of them, and why
document    YAML as values that know where they stand
parsing     the setting ROUTES, checked; fields, what may stand in its single fields
freezes     times in which nothing is to change

Importing this is cheap: what reads YAML is imported when there is some.

Raises:
    RoutesError  one sentence naming the place in the file, and what was expected there
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from shared.audience import DEFAULT_AUDIENCE, OF_EVENTS, Audience, Volume
from shared.durations import Lead
from shared.routes.document import RoutesError
from shared.routes.matching import Condition, Hearing, Outcome, Route, Routes, Step, Told, Trace

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "DEFAULT_AUDIENCE",
    "OF_EVENTS",
    "Audience",
    "Condition",
    "Defaults",
    "Hearing",
    "Lead",
    "Outcome",
    "Route",
    "Routes",
    "RoutesError",
    "Step",
    "Told",
    "Trace",
    "Volume",
    "folder",
    "load",
    "read",
]


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What the other settings say: the default audience, and what holds for those that say nothing else."""

    to: tuple[str, ...]
    """`EMAIL_TO`; empty for no default audience."""
    time_zone: str
    leads: tuple[Lead, ...]
    gap: timedelta
    """A reminder that comes this soon after an earlier one is left out, for each audience by itself."""
    wait: timedelta
    interval: timedelta


def load(text: str, defaults: Defaults, folder: Path | None = None) -> Routes:
    """Read routes from YAML; an empty text gives the default audience alone.

    Files that it names are relative to `folder`; without it, to the current one. Raises RoutesError for the
    first thing that is wrong.
    """
    from shared.routes import parsing

    return parsing.routes(text, defaults, folder)


def folder(setting: str, base: Path) -> Path:
    """Return the folder that files named in the routes are relative to: the routes file's, else `base`."""
    if not setting.lstrip().startswith("@"):
        return base
    return (base / setting.strip().removeprefix("@").strip()).parent


def read(setting: str, base: Path) -> str:
    """Give the YAML that a setting holds, or that `@path` in it names, relative to `base`, the app's folder.

    Raises RoutesError if the file cannot be read.
    """
    if not setting.lstrip().startswith("@"):
        return setting
    from shared.routes import document

    return document.read(setting.strip().removeprefix("@").strip(), base)
