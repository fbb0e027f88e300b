"""From the fragments of a reason to findings: which entry each fragment is, and what it says beside that."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.failures.catalogue import BESIDE_OTHERS, LAST_RESORT, UNKNOWN, Catalogue
from shared.failures.codes import codes_in, telling_code
from shared.failures.exit_codes import exit_code
from shared.failures.extraction import read
from shared.failures.facts import accepted
from shared.failures.findings import Case, finding_of
from shared.failures.fragments import Fragment
from shared.failures.main_sentence import MainSentence, is_told_apart, main_sentence
from shared.failures.matching import BOUNDARY, Match, in_different_sentences, matches_in
from shared.failures.refusals import may_refuse, quoting_entry
from shared.failures.speakers import Speaker, extensions_in
from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.failures.catalogue import Patterns
    from shared.failures.entry import CatalogueEntry
    from shared.failures.explanation import Context, Finding

_SYSTEMS = {Speaker.LINUX: "linux", Speaker.WINDOWS: "windows"}
_MAX_FINDINGS_PER_ENTRY = 6
_MAX_UNKNOWN = 3
_MAX_FINDINGS = 50

_OPENS_FAILURE = re.compile(
    r"(?:[.;!?\"')}\]]\s{1,9}|\n\s{0,9})(?=\([A-Z]\w{4,79}\)\s|(?:Sub|Error)?Code\s{0,2}[:=]\s{0,2}[\"']?[A-Z]"
    r"|Drain (?:node|of) |VM has reported"
    r"|Preflight validation|Upgrade failed|Failed to |Error: [a-z])"
)
_LEADS_UP = re.compile(
    r"\W*(?:allocation failed|preflight validation|vm has reported|operation (?:failed|could not)"
    r"|error message|(?:upgrade|update) of [\w ]{1,40} failed"
    r"|managed cluster|failed to|unable to|upgrade failed|internal error occurred|category:|(?:sub)?code"
    r"|error\b|\([a-z]\w{4,79}\)|create or update|status=|set virtual network|reconcile \w+)",
    re.IGNORECASE,
)
"""Sentences that open a message whose telling words come later."""


_NEW_LINE = re.compile(
    r"\n(?![\s\[\](){}+\"'a-z/-]|(?i:(?:error ?)?(?:code|message)|target|details?|status|response \d)\b"
    r"|\w+ ?[:=] ?\S{0,60}(?:\n|\Z)|[EWIF]\d{4} |[A-Z][a-z]{2} \d|\d(?!\d{3}-\d\d-\d\d))(?=\S)"
)
"""Where a line begins that goes on with nothing: no label, log, address or small letter in front."""


def diagnose(fragments: Iterable[Fragment], context: Context, catalogue: Catalogue) -> tuple[Finding, ...]:
    """Return what a failure is, the finding to act on first in front. At least one, `unknown` if need be."""
    known: list[Case] = []
    unknown: list[Fragment] = []
    accounted: set[str] = set()
    own: list[str] = []
    apart: list[tuple[Fragment, MainSentence]] = []
    fragments = tuple(fragments)
    patterns = catalogue.patterns_in(
        lower("\n".join(fragment.text for fragment in fragments).replace("\n", " "))
    )
    for fragment in fragments:
        for text in own if fragment.outer else ():
            # What is a failure of its own lends its names to no other.
            fragment = fragment._replace(outer=fragment.outer.replace(text, ""))  # noqa: PLW2901
        cases = list(_cases(fragment, catalogue, patterns))
        beside = list(_refused_beside(fragment.text, catalogue, patterns)) if cases else []
        if beside:
            apart += beside
            text = fragment.text
            for line, _ in beside:
                text = text.replace(line.text, "")
            cases = list(_cases(fragment._replace(text=text.strip()), catalogue, patterns))
        known += cases
        if cases:
            accounted |= {code.lower() for code in fragment.codes}
            own.append(fragment.text)
        else:
            unknown.append(fragment)
    telling_cases = [case for case in known if case.entry.priority >= LAST_RESORT]
    if telling_cases:
        known = telling_cases
    findings = [finding_of(cases, context) for cases in _grouped(known)]
    for fragment, told in (*apart[:_MAX_UNKNOWN], *_worth_naming(unknown, known, accounted)):
        entry = catalogue.entries[quoting_entry(fragment, told)]
        code = telling_code(fragment.codes)
        facts = _facts(fragment, code, catalogue, entry)
        case = Case(entry, code, facts, lower(fragment.text), fragment.text)
        findings.append(finding_of([case], context, told))
    return tuple(findings[:_MAX_FINDINGS])


def _refused_beside(
    text: str, catalogue: Catalogue, patterns: Patterns
) -> Iterator[tuple[Fragment, MainSentence]]:
    """Yield the lines beside a known failure that no entry explains and that tell what was refused."""
    starts = [0, *(line.start() for line in _NEW_LINE.finditer(text)), len(text)]
    for start, end in pairwise(starts[:_MAX_FINDINGS]) if len(starts) > 2 else ():  # noqa: PLR2004
        line = text[start:end].strip()
        fragment = Fragment(line, tuple(codes_in(line)))
        if not may_refuse(line, fragment.codes):
            continue
        told = main_sentence(line)
        is_refusal = quoting_entry(fragment, told) != UNKNOWN and text.count(told.sentence) == 1
        if is_refusal and next(_cases(fragment, catalogue, patterns), None) is None:
            yield fragment, told


def _worth_naming(
    fragments: list[Fragment], known: list[Case], accounted: set[str]
) -> list[tuple[Fragment, MainSentence]]:
    """Return the fragments that no entry explains and that say something: each code and sentence once."""
    found: dict[str, tuple[Fragment, MainSentence]] = {}
    for fragment in fragments:
        told = main_sentence(fragment.text)
        code = telling_code(fragment.codes)
        if known and (code.lower() in accounted or not (code or is_told_apart(told.sentence))):
            # Beside what is known, only what has a code or a full sentence of its own is another failure.
            continue
        if known and any(told.sentence and told.sentence in case.words for case in known):
            continue
        key = code.lower() or lower(told.sentence)
        if key not in found or (told.sentence and not found[key][1].sentence):
            found[key] = (fragment, told)
    if not known and not found:
        return [(Fragment(""), MainSentence(""))]
    if len(found) > 1:
        said = {key: pair for key, pair in found.items() if pair[1].sentence or telling_code(pair[0].codes)}
        found = said or dict([next(iter(found.items()))])
        longest = [told.sentence for _, told in found.values()]
        found = {
            key: (fragment, told)
            for key, (fragment, told) in found.items()
            if telling_code(fragment.codes)
            or not any(told.sentence != other and told.sentence in other for other in longest)
        }
    return list(found.values())[:_MAX_UNKNOWN]


def _cases(fragment: Fragment, catalogue: Catalogue, patterns: Patterns) -> Iterator[Case]:
    """Yield what a fragment is; where it turns out to speak of several failures, each with its own words."""
    flat = lower(fragment.text.replace("\n", " "))
    chosen = _chosen(fragment.text, matches_in(fragment, flat, catalogue, patterns))
    if not chosen:
        return
    if len(chosen) == 1:
        yield _case(fragment, chosen[0], catalogue)
        return
    chosen.sort(key=lambda match: match.start)
    edges = [0]
    edges += [_edge(fragment.text, before, after) for before, after in pairwise(chosen)]
    for match, start, end in zip(chosen, edges, [*edges[1:], len(flat)], strict=True):
        text = fragment.text[start:end]
        of_entry = {code.lower() for code in match.entry.codes}
        codes = [code for code in fragment.codes if code.lower() in of_entry]
        codes += [code for code in codes_in(text) if code not in codes]
        yield _case(Fragment(text, tuple(codes), fragment.outer), match, catalogue)


def _case(fragment: Fragment, match: Match, catalogue: Catalogue) -> Case:
    facts = _facts(fragment, match.code, catalogue, match.entry)
    return Case(match.entry, match.code, facts, lower(fragment.text), fragment.text)


def _chosen(text: str, matches: list[Match]) -> list[Match]:
    """Return the best match, and those that stand in sentences of their own and say something else."""
    chosen: list[Match] = []
    for match in matches:
        if chosen and (match.end <= match.start or match.entry.priority < BESIDE_OTHERS):
            continue
        if any(_explains(other, match, text) or _explains(match, other, text) for other in chosen):
            continue
        if all(in_different_sentences(text, other, match) for other in chosen):
            chosen.append(match)
    return chosen


def _explains(one: Match, other: Match, text: str) -> bool:
    """Return whether the words of one failure are only what a message of the other kind contains as well."""
    if other.entry.id not in one.entry.instead_of:
        return False
    first, second = sorted((one, other), key=lambda match: match.start)
    return (
        _OPENS_FAILURE.search(text, max(first.end - 1, 0), second.start + 40) is None
        or second.start < first.end
    )


def _edge(text: str, before: Match, after: Match) -> int:
    """Return where the words of one failure end and those of the next begin."""
    end = max(before.end - 1, 0)
    opener = None
    for opener in _OPENS_FAILURE.finditer(text, end, after.start + 40):
        if opener.end() <= after.start:
            return opener.end()
    cuts = [match for match in BOUNDARY.finditer(text, end, after.start + 1) if match.end() <= after.start]
    for line in _NEW_LINE.finditer(text, end, after.start + 1):
        if line.end() <= after.start:
            return line.end()
    lines = [match.end() for match in cuts if "\n" in match.group()]
    if lines and not text[lines[-1] : lines[-1] + 1].islower():
        return lines[-1]
    ends = [match.end() for match in cuts]
    while len(ends) > 1 and _LEADS_UP.match(text, ends[-2]):
        ends.pop()
    return ends[-1] if ends else after.start


def _facts(fragment: Fragment, code: str, catalogue: Catalogue, entry: CatalogueEntry) -> dict[str, str]:
    """Read a fragment's facts, and from the words around it what the fragment itself does not say."""
    facts = read(fragment.text)
    if fragment.outer:
        facts = _read_around(fragment.outer) | facts
    lowered = lower(fragment.text.replace("\n", " "))
    for pattern in catalogue.readers.get(entry.id, ()):
        for match in pattern.find(fragment.text, lowered):
            facts |= {name: kept for name, value in match.facts.items() if (kept := accepted(name, value))}
            break
    code = code or telling_code(fragment.codes) or (fragment.codes[-1] if fragment.codes else "")
    if accepted("code", code):
        facts["code"] = code
    others = extensions_in(fragment.text)
    if others:
        facts["extension"] = others[0]
    ended = exit_code(fragment.text)
    if ended:
        facts["exit_code"] = str(ended.number)
        meaning = catalogue.exit_codes.get(_SYSTEMS.get(ended.speaker, ""), {}).get(ended.number, "")
        if meaning:
            facts["exit_meaning"] = meaning
    return facts


@lru_cache(maxsize=8)
def _read_around(text: str) -> dict[str, str]:
    """Read the facts of words that stand around several failures, once for all of them."""
    return read(text)


def _grouped(cases: Iterable[Case]) -> list[list[Case]]:
    """Put together what is the same failure; what says less than another of its kind adds nothing."""
    groups: dict[tuple[str, ...], list[Case]] = {}
    by_entry: dict[str, list[Case]] = {}
    for case in cases:
        by_entry.setdefault(case.entry.id, []).append(case)
    for of_entry in by_entry.values():
        of_entry = _telling_more(of_entry)  # noqa: PLW2901
        for case in of_entry:
            key = (case.entry.id, *(case.facts.get(name, "") for name in case.entry.group_by))
            groups.setdefault(key, []).append(case)
    ordered = sorted(groups.values(), key=lambda group: -group[0].entry.priority)
    return _folded(ordered)


def _telling_more(cases: list[Case]) -> list[Case]:
    kept: list[Case] = []
    for case in sorted(cases, key=lambda case: -len(_own(case))):
        own = _own(case).items()
        if not any(own <= _own(other).items() for other in kept):
            kept.append(case)
    return sorted(kept, key=lambda case: next(at for at, other in enumerate(cases) if other is case))


def _own(case: Case) -> dict[str, str]:
    return {name: value for name, value in case.facts.items() if name != "code"}


def _folded(groups: list[list[Case]]) -> list[list[Case]]:
    """Keep the number of findings readable: beyond six of an entry, the rest are lines of its first."""
    firsts: dict[str, list[list[Case]]] = {}
    for group in groups:
        of_entry = firsts.setdefault(group[0].entry.id, [])
        if len(of_entry) < _MAX_FINDINGS_PER_ENTRY:
            of_entry.append(list(group))
        else:
            of_entry[0] += group
    return [group for of_entry in firsts.values() for group in of_entry]
