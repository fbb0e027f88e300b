"""Failures in plain words: what AKS sent is read, looked up in a catalogue, said with the names filled in.

`explain` takes any text at all and never raises. What needs YAML or msgspec is imported when it is called.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.failures.catalogue import Catalogue
    from shared.failures.explanation import Context, Explanation


__all__ = ["cached_catalogue", "explain", "load_catalogue"]


def explain(reason: str, context: Context, catalogue: Catalogue | None = None) -> Explanation:
    """Return what a failure's reason comes down to, the finding to act on first in front.

    Takes the reason in whatever shape AKS sent it. Never raises and takes bounded time: at most 72,000
    characters are searched, `raw` has them all. Without a catalogue the one that comes with the app is used.
    """
    from shared.failures.diagnosis import diagnose
    from shared.failures.explanation import Explanation
    from shared.failures.fragments import fragments
    from shared.failures.pretty import pretty

    findings = diagnose(fragments(reason), context, catalogue or cached_catalogue(""))
    return Explanation(findings, pretty(reason))


def load_catalogue(path: str | None = None) -> Catalogue:
    """Load the failure catalogue, with the entries of a user's own file added to it or in place of its own.

    Raises `shared.failures.catalogue.CatalogueError`, a ValueError that names file, entry and field.
    """
    from shared.failures.catalogue import load

    return load(path)


@cache
def cached_catalogue(path: str) -> Catalogue:
    """Load a catalogue once per process: with a user's own file, or, for an empty path, without."""
    return load_catalogue(path or None)
