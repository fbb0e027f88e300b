"""All that is wrong with routes at once, for a person who mends them; the app itself stops at the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from shared.audience import Audience
from shared.routes.defaults import RoutesError
from shared.routes.document import Field
from shared.routes.parsing import _audience, _entries, _freezes, _route, routes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from shared.routes.defaults import Defaults
    from shared.routes.document import TargetReader

_T = TypeVar("_T")


def faults(
    text: str, defaults: Defaults, folder: Path | None, channels: Mapping[str, TargetReader]
) -> list[str]:
    """Return a sentence about each thing that is wrong, each audience, route and key looked at by itself."""
    found: list[str] = []
    try:
        entries = _entries(text)
    except RoutesError as error:
        return [str(error)]
    audiences = defaults.audiences()
    given: dict[str, Field] = {}
    for item in _items(entries.get("audiences"), "audiences", found):
        audience = _tried(item, lambda field: _audience(field, given, defaults, channels), found)
        # One that is wrong is there all the same, so that routes to it are not blamed for it.
        known = audience or Audience(id=_name(item))
        given[known.id] = item
        audiences[known.id] = known
    if not audiences:
        found.append("There is no audience at all: EMAIL_TO is not set, and ROUTES names none.")
    for item in _items(entries.get("routes"), "routes", found):
        _tried(item, lambda field: _route(field, audiences), found)
    if "freezes" in entries:
        _tried(entries["freezes"], lambda field: _freezes(field, defaults.time_zone, folder), found)
    if not found:
        try:
            routes(text, defaults, folder, channels)
        except RoutesError as error:
            found.append(str(error))
    return found


def _items(field: Field | None, what: str, found: list[str]) -> list[Field]:
    try:
        return field.items(what) if field else []
    except RoutesError as error:
        found.append(str(error))
        return []


def _tried(item: Field, read: Callable[[Field], _T], found: list[str]) -> _T | None:
    """Read an item; what is wrong with one of its keys is noted, and the rest is read without that key."""
    field, is_whole = item, True
    left_out: set[str] = set()
    while True:
        try:
            made = read(field)
        except RoutesError as error:
            said = str(error)
            key = re.match(rf"{re.escape(item.path)}(?:\.(\w+)| \(line \d+\): unknown key '(\w+)')", said)
            name = (key[1] or key[2]) if key else ""
            if not any(f"expected `{each}`, which is missing" in said for each in left_out):
                found.append(said)
            if not isinstance(field.value, dict) or name not in field.value:
                return None
            left_out.add(name)
            rest = {key: value for key, value in field.value.items() if key != name}
            field, is_whole = Field(rest, item.path, item.line), False
        else:
            return made if is_whole else None


def _name(item: Field) -> str:
    value = item.value
    name = value.get("name") if isinstance(value, dict) else None
    return name.value.strip().lower() if name and isinstance(name.value, str) else item.path
