"""Which entries of the catalogue fit a piece, how well, and where in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shared.failures.reading import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.failures.catalogue import Catalogue
    from shared.failures.entry import Entry
    from shared.failures.pieces import Piece

_ADDRESS = re.compile(r"\bhttps?://\S+|\b(?:aka\.ms|learn\.microsoft\.com)/\S+", re.IGNORECASE)
_TOKEN = re.compile(r"\b[A-Za-z][A-Za-z0-9_]{3,79}\b")
_DISTINCT = re.compile(r"[a-z0-9][A-Z]|_|\d")
BOUNDARY = re.compile(r"\n|[.;]\s+(?=\(?[A-Z])")
"""Where a sentence may end and another begin. Looks one letter ahead: search one beyond where that may be."""


class Hit(NamedTuple):
    """An entry that fits a piece: how well, and where in it."""

    rank: tuple[int, int, int]
    entry: Entry
    start: int
    end: int
    code: str


def hits_in(piece: Piece, flat: str, catalogue: Catalogue) -> list[Hit]:
    """Find all entries that fit a piece, the best first: each by the best way in which it fits."""
    hits: dict[str, Hit] = {}
    for hit in (*_by_pattern(piece, flat, catalogue), *_by_code(piece, flat, catalogue)):
        best = hits.get(hit.entry.id)
        if best is None:
            hits[hit.entry.id] = hit
        else:
            better = hit if hit.rank > best.rank else best
            hits[hit.entry.id] = better._replace(code=better.code or hit.code or best.code)
    return sorted(hits.values(), key=lambda hit: hit.rank, reverse=True)


def _by_pattern(piece: Piece, flat: str, catalogue: Catalogue) -> Iterator[Hit]:
    for pattern, entry in catalogue.patterns:
        if pattern.needs in flat:
            for match in pattern.find(piece.text, flat):
                yield Hit((entry.priority, 3, pattern.weight), entry, match.start, match.end, "")
                break


def _by_code(piece: Piece, flat: str, catalogue: Catalogue) -> Iterator[Hit]:
    for depth, code in enumerate(piece.codes):
        for entry in catalogue.by_code.get(code.lower(), ()):
            at = flat.find(code.lower())
            yield Hit((entry.priority, 2, depth), entry, max(at, 0), at + len(code) if at >= 0 else 0, code)
    for word in _TOKEN.finditer(_ADDRESS.sub(_blanks, piece.text)):
        name = word.group()
        for entry in catalogue.by_code.get(name.lower(), ()):
            # "Throttled" in a sentence is a word, "ZonalAllocationFailed" is a code wherever it stands.
            if any(code.lower() == name.lower() and _DISTINCT.search(code) for code in entry.codes):
                yield Hit((entry.priority, 1, word.start()), entry, word.start(), word.end(), name)
    ended = exit_code(piece.text)
    if ended:
        known = catalogue.by_exit_code.get(ended) or catalogue.by_exit_code.get((ended[0], -1))
        if known:
            yield Hit((known.priority, 2, 0), known, 0, 0, "")


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match.group())


def apart(text: str, one: Hit, other: Hit) -> bool:
    """Tell whether two hits stand in different sentences."""
    if one.end <= one.start:
        return False
    first, second = sorted((one, other), key=lambda hit: hit.start)
    return first.end <= second.start and BOUNDARY.search(text, first.end, second.start + 1) is not None
