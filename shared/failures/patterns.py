"""Patterns of the catalogue: plain words as AKS writes them, with holes, matched in linear time.

Not regular expressions: an SRE should not need to know which characters mean something, and no pattern,
ours or a user's, may take a second over hostile text. `*` stands for up to 300 characters of anything,
`{name}` for a fact to be kept. Case does not count, and any run of blanks or line breaks is one blank.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from shared.failures.facts import FACTS
from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")

_MAX_HOLE_CHARACTERS = 300
_MAX_ATTEMPTS = 300
_MAX_ENDS = 4
_MAX_MATCHES = 120

_HOLE = re.compile(r"\*|\{([a-z_]+)\}")
_ANY_VALUE = re.compile(r"[^\s'\",;()\[\]{}<>]{1,200}")


_WORD = re.compile(r"[a-z0-9]+")
_INNER_WORD = re.compile(r"(?<=[^a-z0-9])[a-z0-9]{3,}(?=[^a-z0-9])")


class PatternMatch(NamedTuple):
    """Where a pattern was found, and the facts in its holes."""

    start: int
    end: int
    facts: dict[str, str]


class Pattern:
    """A compiled pattern. Raises ValueError with the reason if it cannot be one."""

    __slots__ = ("_first", "_rest", "is_address", "needs", "weight")

    def __init__(self, source: str) -> None:
        pattern = lower(" ".join(source.split()))
        parts = _HOLE.split(pattern)
        # split() gives text, name, text, name, text …, the name being None for `*`.
        texts, holes = parts[0::2], parts[1::2]
        if len(texts[0].strip()) < 3:  # noqa: PLR2004
            raise ValueError("a pattern begins with at least three characters of plain text")
        if len(texts) > 1 and holes[-1] is None and not texts[-1]:
            raise ValueError("a pattern does not end with `*`")
        for hole, text in zip(holes, texts[1:], strict=True):
            if hole is None and not text:
                raise ValueError("`*` is followed by plain text")
        self._first = texts[0]
        self._rest = [(hole, text) for hole, text in zip(holes, texts[1:], strict=True)]
        self.needs: str = max(texts, key=len)
        """A text in which this does not occur does not match."""
        self.is_address = pattern.startswith("aka.ms/")
        """An address that AKS gives with a failure stands in its advice: "See aka.ms/…"."""
        self.weight = sum(len(text) for text in texts)

    @property
    def names(self) -> set[str]:
        """The facts that its holes keep."""
        return {hole for hole, _ in self._rest if hole}

    def find(self, text: str, lowered: str) -> Iterator[PatternMatch]:
        """Find it in a text whose blanks are single; `lowered` is the same text through `lower`."""
        if self.needs not in lowered:
            return
        at = matches = 0
        for _ in range(_MAX_ATTEMPTS):
            start = lowered.find(self._first, at)
            if start < 0:
                return
            at = start + 1
            match = self._match(text, lowered, start)
            if match and not _is_longer_number(lowered, match.end):
                yield match
                at = match.end
                matches += 1
                if matches >= _MAX_MATCHES:
                    return

    def _match(self, text: str, lowered: str, start: int) -> PatternMatch | None:
        at = start + len(self._first)
        facts: dict[str, str] = {}
        for hole, follows in self._rest:
            if hole is None:
                found = lowered.find(follows, at, at + _MAX_HOLE_CHARACTERS + len(follows))
                if found < 0:
                    return None
                at = found + len(follows)
                continue
            end = _end_of_value(FACTS[hole].form if hole in FACTS else _ANY_VALUE, text, lowered, at, follows)
            if end < 0:
                return None
            facts[hole] = text[at:end]
            at = end + len(follows)
        return PatternMatch(start, at, facts)


def _is_longer_number(text: str, end: int) -> bool:
    """Return whether digits go on behind a match: 1000 is not the beginning of 10000."""
    return text[end - 1 : end].isdigit() and text[end : end + 1].isdigit()


def _end_of_value(form: re.Pattern[str], text: str, lowered: str, at: int, follows: str) -> int:
    """Return where a value ends: where the words after it begin, if that leaves something of its form."""
    if not follows:
        value = form.match(text, at)
        return value.end() if value else -1
    end = at
    for _ in range(_MAX_ENDS):
        end = lowered.find(follows, end + 1, at + _MAX_HOLE_CHARACTERS + len(follows))
        if end < 0 or form.fullmatch(text, at, end):
            return end
    return -1


class Needed(Generic[Item]):
    """Which of many patterns may be found in a text: those whose longest plain words occur in it.

    Most are ruled out by one word that the text does not have, without a search for each.
    """

    def __init__(self, pairs: Iterable[tuple[Pattern, Item]]) -> None:
        self._pairs = list(pairs)
        self._by_word: dict[str, list[int]] = {}
        self._without_word: list[int] = []
        for at, (pattern, _) in enumerate(self._pairs):
            inner = _INNER_WORD.findall(pattern.needs)
            if inner:
                self._by_word.setdefault(max(inner, key=len), []).append(at)
            else:
                self._without_word.append(at)

    def may_be_in(self, flat: str) -> list[tuple[Pattern, Item]]:
        """Return them for a text in small letters on one line, in the order in which they were given."""
        candidates = list(self._without_word)
        for word in self._by_word.keys() & set(_WORD.findall(flat)):
            candidates += self._by_word[word]
        candidates.sort()
        pairs = self._pairs
        return [pairs[at] for at in candidates if pairs[at][0].needs in flat]
