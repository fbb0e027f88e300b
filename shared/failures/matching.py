"""Which entries of the catalogue fit a fragment, how well, and where in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shared.failures.exit_codes import exit_code
from shared.failures.sentences import Stance
from shared.failures.speakers import Speakers
from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.failures.catalogue import Catalogue, Patterns
    from shared.failures.entry import CatalogueEntry
    from shared.failures.fragments import Fragment

_ADDRESS = re.compile(r"\bhttps?://\S+|\b(?:aka\.ms|learn\.microsoft\.com)/\S+", re.IGNORECASE)
_TOKEN = re.compile(r"\b[A-Za-z][A-Za-z0-9_]{3,79}\b")
_DISTINCT = re.compile(r"[a-z0-9][A-Z]|_|\d")
BOUNDARY = re.compile(r"\n|[.;!]\s+(?=[\"'(]?[A-Za-z0-9])")
"""Where a sentence may end and another begin. Looks one letter ahead: search one beyond where that may be."""


class Match(NamedTuple):
    """An entry that fits a fragment: how well, and where in it."""

    rank: tuple[int, int, int]
    entry: CatalogueEntry
    start: int
    end: int
    code: str


def matches_in(fragment: Fragment, flat: str, catalogue: Catalogue, patterns: Patterns) -> list[Match]:
    """Return all entries that fit a fragment, the best first: each by the best way in which it fits.

    `flat` is the fragment's text in small letters with blanks for line breaks, `patterns` those of the
    catalogue that may be in it.
    """
    stance = Stance(lower(fragment.text), has_code=bool(fragment.codes))
    speakers = Speakers(fragment.text, fragment.outer)
    matches: dict[str, Match] = {}
    about = f"{flat} {lower(fragment.outer)} {lower(' '.join(fragment.codes))}"
    for match in (
        *_by_pattern(fragment, flat, patterns, stance, speakers),
        *_by_code(fragment, flat, catalogue, stance, speakers),
        *_by_exit_code(fragment, catalogue),
    ):
        if _is_of_something_else(match.entry, about):
            continue
        best = matches.get(match.entry.id)
        if best is None:
            matches[match.entry.id] = match
        else:
            better = match if match.rank > best.rank else best
            matches[match.entry.id] = better._replace(code=better.code or match.code or best.code)
    return sorted(matches.values(), key=lambda match: match.rank, reverse=True)


def _is_of_something_else(entry: CatalogueEntry, words: str) -> bool:
    """Return whether a text, in small letters, lacks what an entry asks for beside its patterns and codes."""
    if any(word in words for word in entry.about):
        return False
    return any(word in words for word in entry.not_about) if entry.not_about else bool(entry.about)


def _by_pattern(
    fragment: Fragment, flat: str, patterns: Patterns, stance: Stance, speakers: Speakers
) -> Iterator[Match]:
    for pattern, entry in patterns:
        if pattern.needs not in flat:
            continue
        for match in pattern.find(fragment.text, flat):
            if entry.said_by and speakers.found and not set(entry.said_by) & set(speakers.found):
                break
            if stance.claims(match.start, is_address=pattern.is_address):
                yield Match((entry.priority, 3, pattern.weight), entry, match.start, match.end, "")
                break


def _by_code(
    fragment: Fragment, flat: str, catalogue: Catalogue, stance: Stance, speakers: Speakers
) -> Iterator[Match]:
    for depth, code in enumerate(fragment.codes):
        for entry in _of_speaker(catalogue.by_code.get(code.lower(), ()), speakers):
            at = flat.find(code.lower())
            yield Match((entry.priority, 2, depth), entry, max(at, 0), at + len(code) if at >= 0 else 0, code)
    for word in _TOKEN.finditer(_ADDRESS.sub(_blanks, fragment.text)):
        name = word.group()
        known = catalogue.by_code.get(name.lower())
        if known is None or not stance.claims(word.start()):
            continue
        for entry in _of_speaker(known, speakers):
            # "Throttled" in a sentence is a word, "ZonalAllocationFailed" is a code wherever it stands.
            if any(code.lower() == name.lower() and _DISTINCT.search(code) for code in entry.codes):
                yield Match((entry.priority, 1, word.start()), entry, word.start(), word.end(), name)


def _of_speaker(entries: Sequence[CatalogueEntry], speakers: Speakers) -> Sequence[CatalogueEntry]:
    """Return those of a code's entries that explain what this speaker means by it."""
    if not any(entry.said_by for entry in entries):
        return entries
    for speaker in speakers.found:
        known = [entry for entry in entries if speaker in entry.said_by]
        if known:
            return known
    return [entry for entry in entries if not entry.said_by]


def _by_exit_code(fragment: Fragment, catalogue: Catalogue) -> Iterator[Match]:
    ended = exit_code(fragment.text)
    if ended:
        known = catalogue.by_exit_code.get((ended.speaker, ended.number))
        known = known or catalogue.by_exit_code.get((ended.speaker, -1))
        if known:
            yield Match((known.priority, 2, 0), known, ended.start, ended.end, "")


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match.group())


def in_different_sentences(text: str, one: Match, other: Match) -> bool:
    """Return whether two matches stand in different sentences."""
    if one.end <= one.start:
        return False
    first, second = sorted((one, other), key=lambda match: match.start)
    return first.end <= second.start and BOUNDARY.search(text, first.end, second.start + 1) is not None
