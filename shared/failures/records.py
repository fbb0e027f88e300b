"""Text that lists failures one after the other: drains of nodes, bullets, records with their codes."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from shared.failures.sentences import gives_advice
from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_RECORDS = 120
_BULLET = re.compile(r"\s\*\s+(?=[\w({\"'\[])")
_OPENER = re.compile(
    r"\([A-Z][A-Za-z0-9_]{5,79}\)\s+[^\sa-z]|\([A-Z][a-z0-9]+[A-Z][A-Za-z0-9_]{3,79}\)\s"
    r"|(?:Error)?Code\s{0,2}[:=]\s{0,2}\"?[A-Z]"
)
_BEFORE_OPENER = re.compile(r"(?:(?<=[.;!?\"')}\]])\s{1,9}|(?<!,)\n[ \t]{0,9})\Z")
_OPENER_IN_SENTENCE = re.compile(r"\([A-Z][a-z0-9]+[A-Z][A-Za-z0-9_]{3,79}\) [A-Z]")
_BEFORE_OPENER_IN_SENTENCE = re.compile(r"[a-z0-9] \Z")
_MAX_BLANKS = 10
_RECORD_END = re.compile(r"\bRetriable: ?(?:true|false)\b(?!, RetryAfter)[\s.,;]*", re.IGNORECASE)
_DRAIN = re.compile(r"drain (?:node|of) (?=\S)|eviction blocked by\b")
_BEFORE_DRAIN = re.compile(r"(?:\A|[\n.;:!?)\]\"'*}>]|[.;:!?)\]\"'*}>\t] )\Z")
_BLOCKED = re.compile(r"(?<!\S)([\w.-]{1,63}/[\w.-]{1,253}) blocked by pdb\b", re.IGNORECASE)


def records_in(text: str, *, at_codes: bool) -> tuple[str, list[str]]:
    """Return what opens a text that lists failures, and each; text that lists nothing is all opening."""
    lowered = lower(text)
    ends = {match.end() for match in _RECORD_END.finditer(text)} if "retriable" in lowered else set()
    drains = _drains(text, lowered)
    starts = {match.start() for match in _BULLET.finditer(text)} | set(drains) if "*" in text else set(drains)
    if at_codes and ("(" in text or "code" in lowered):
        starts |= {start for start in _openers(text) if not _said_before(text, start)}
    before: tuple[int, str] = (-1, "")
    for match in _BLOCKED.finditer(text) if " blocked by pdb" in lowered else ():
        at = bisect_right(drains, match.start())
        since = drains[at - 1] if at else -1
        if before[1] not in ("", match[1].lower()) and since < before[0]:
            starts.add(match.start())
        before = (match.start(), match[1].lower())
    edges = sorted(cut for cut in starts | ends if cut < len(text))[:_MAX_RECORDS]
    if not edges:
        return text, []
    opening = ""
    if edges[0] in starts:
        opening = text[: edges[0]].strip()
    elif edges[0]:
        edges.insert(0, 0)
    records = [text[start:end].strip() for start, end in zip(edges, [*edges[1:], len(text)], strict=True)]
    records = [record for record in records if record]
    return opening, records


def _drains(text: str, lowered: str) -> list[int]:
    """Return where drains begin, unless the line up to there only advises or supposes."""
    return [
        start
        for start in (match.start() for match in _DRAIN.finditer(lowered))
        if _BEFORE_DRAIN.search(text, max(start - 2, 0), start)
        and not gives_advice(text[text.rfind("\n", 0, start) + 1 : start])
    ]


def _openers(text: str) -> Iterator[int]:
    """Yield where a sentence ends and the next begins with a code of its own."""
    for match in _OPENER.finditer(text):
        start = match.start()
        if _BEFORE_OPENER.search(text, max(start - _MAX_BLANKS, 0), start) or (
            _OPENER_IN_SENTENCE.match(text, start)
            and _BEFORE_OPENER_IN_SENTENCE.search(text, max(start - 2, 0), start)
        ):
            yield start


def _said_before(text: str, at: int) -> bool:
    """Return whether a line only repeats the code of the sentences before it, as the command line does."""
    line = _CODE_LINE.match(text, at)
    return line is not None and text.find(line[1], 0, at) >= 0


_CODE_LINE = re.compile(r"Code: ?([A-Za-z]\w{2,79})\s*(?=\n|\Z)")
