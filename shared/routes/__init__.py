"""Who hears of what: the routes of events to audiences.

matching    which event goes to which of them, and why
document    YAML as values that know where they stand
parsing     the setting ROUTES, checked; fields, what may stand in its single fields
freezes     times in which nothing is to change
defaults    what holds for audiences that say nothing else

Importing this is cheap: what reads YAML is imported when there is some.

Raises:
    RoutesError  one sentence naming the place in the file, and what was expected there
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.routes.conditions import Condition
from shared.routes.defaults import Defaults, RoutesError
from shared.routes.matching import NoticePreview, Outcome, Route, Routes, RouteStep, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shared.routes.document import TargetReader

__all__ = [
    "Condition",
    "Defaults",
    "NoticePreview",
    "Outcome",
    "Route",
    "RouteStep",
    "Routes",
    "RoutesError",
    "Trace",
    "folder",
    "load",
    "read",
]


def load(
    text: str,
    defaults: Defaults,
    folder: Path | None = None,
    channels: Mapping[str, TargetReader] | None = None,
) -> Routes:
    """Read routes from YAML; an empty text gives the default audience alone.

    Files that it names are relative to `folder`; without it, to the current one. `channels` read the targets
    of an audience, each from the field of its name. Raises RoutesError for the first thing that is wrong.
    """
    if not text.strip() and defaults.to:
        return Routes(defaults.audiences())
    from shared.routes import parsing

    return parsing.routes(text, defaults, folder, channels or {})


def folder(setting: str, base: Path) -> Path:
    """Return the folder that files named in the routes are relative to: the routes file's, else `base`."""
    if not setting.lstrip().startswith("@"):
        return base
    return (base / setting.strip().removeprefix("@").strip()).parent


def read(setting: str, base: Path) -> str:
    """Return the YAML that a setting holds, or that `@path` in it names, relative to the folder `base`.

    Raises RoutesError if the file cannot be read.
    """
    if not setting.lstrip().startswith("@"):
        return setting
    from shared.routes import document

    return document.read(setting.strip().removeprefix("@").strip(), base)
