"""From which version to which, as far as AKS says it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FROM = frozenset({"from", "fromversion", "current", "currentversion", "currentkubernetesversion"})
_TO = frozenset({"to", "toversion", "target", "targetversion", "targetkubernetesversion", "newversion"})
_VERSION = re.compile(r"v?(\d{1,3}\.\d{1,4}(?:\.\d{1,5})?|AKS[\w-]{3,60}-\d[\d.]{3,20})")
_MAX_CHARACTERS = 20_000
_MAX_DEPTH = 4


class Versions(msgspec.Struct, frozen=True):
    """From which version to which; empty where AKS does not say."""

    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        """Return `1.32.6 → 1.33.2`, `to 1.33.2`, `from 1.32.6`, or nothing."""
        if self.before and self.after:
            return f"{self.before} \N{RIGHTWARDS ARROW} {self.after}"
        if self.after:
            return f"to {self.after}"
        return f"from {self.before}" if self.before else ""


def said(details: Iterable[str]) -> Versions:
    """Return the versions that the first of some events' details names.

    The names of the fields are not documented: those that others of Azure's answers use are taken.
    """
    for text in details:
        found = dict(_fields(text))
        if found:
            return Versions(found.get("before", ""), found.get("after", ""))
    return Versions()


def _fields(text: str) -> Iterator[tuple[str, str]]:
    if not text.startswith(("{", "[")) or len(text) > _MAX_CHARACTERS:
        return
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _walk(body, _MAX_DEPTH)


def _walk(value: object, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth:
        for key, part in value.items():
            match = _VERSION.fullmatch(part) if isinstance(part, str) else None
            if match and key.lower() in _FROM:
                yield "before", match[1]
            elif match and key.lower() in _TO:
                yield "after", match[1]
            else:
                yield from _walk(part, depth - 1)
    elif isinstance(value, list) and depth:
        for part in value[:20]:
            yield from _walk(part, depth - 1)
