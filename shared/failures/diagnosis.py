"""From the fragments of a reason to findings: which entry each fragment is, and what that says of it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from shared.events.model import Cluster, Upgrade
from shared.failures import templates
from shared.failures.catalogue import BESIDE_OTHERS, LAST_RESORT, UNKNOWN, Catalogue
from shared.failures.exit_codes import exit_code
from shared.failures.explanation import Context, Finding, Step
from shared.failures.extraction import read
from shared.failures.facts import FACTS, accepted, label
from shared.failures.fragments import WRAPPERS, Fragment, codes_in
from shared.failures.matching import BOUNDARY, Match, in_different_sentences, matches_in
from shared.failures.sentences import Told, is_told_apart, telling
from shared.failures.speakers import Speaker, extensions_in
from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.failures.catalogue import Patterns
    from shared.failures.entry import CatalogueEntry

_UPGRADES = frozenset(Upgrade)
_SYSTEMS = {Speaker.LINUX: "linux", Speaker.WINDOWS: "windows"}
_MAX_FINDINGS_PER_ENTRY = 6
_MAX_UNKNOWN = 3
_MAX_FINDINGS = 50
_MAX_FURTHER = 40
MAX_QUOTE_CHARACTERS = 110
"""Of AKS's own sentence in a title: what a subject line shows."""

_MAX_WORD_CUT_OFF = 25

_OPENS_FAILURE = re.compile(
    r"[\n.;!?\"')}\]]\s{1,9}(?=\([A-Z]\w{4,79}\)\s|(?:Sub|Error)?Code\s{0,2}[:=]\s{0,2}[\"']?[A-Z]"
    r"|Drain (?:node|of) |VM has reported"
    r"|Preflight validation|Upgrade failed|Failed to )"
)
_LEADS_UP = re.compile(
    r"\W*(?:allocation failed|preflight validation|vm has reported|operation (?:failed|could not)"
    r"|managed cluster|failed to|unable to|upgrade failed|internal error occurred|category:|(?:sub)?code"
    r"|error\b|\([a-z]\w{4,79}\)|create or update|status=|set virtual network|reconcile \w+)",
    re.IGNORECASE,
)
"""Sentences that open a message whose telling words come later."""


class _Case(NamedTuple):
    """A fragment that has found its entry."""

    entry: CatalogueEntry
    code: str
    facts: dict[str, str]
    text: str
    words: str
    """The text as sent."""


def diagnose(fragments: Iterable[Fragment], context: Context, catalogue: Catalogue) -> tuple[Finding, ...]:
    """Return what a failure is, the finding to act on first in front. At least one, `unknown` if need be."""
    known: list[_Case] = []
    unknown: list[Fragment] = []
    accounted: set[str] = set()
    own: list[str] = []
    fragments = tuple(fragments)
    patterns = catalogue.patterns_in(
        lower("\n".join(fragment.text for fragment in fragments).replace("\n", " "))
    )
    for fragment in fragments:
        for text in own if fragment.outer else ():
            # What is a failure of its own lends its names to no other.
            fragment = fragment._replace(outer=fragment.outer.replace(text, ""))  # noqa: PLW2901
        cases = list(_cases(fragment, catalogue, patterns))
        known += cases
        if cases:
            accounted |= {code.lower() for code in fragment.codes}
            own.append(fragment.text)
        else:
            unknown.append(fragment)
    telling_cases = [case for case in known if case.entry.priority >= LAST_RESORT]
    if telling_cases:
        known = telling_cases
    findings = [finding for cases in _grouped(known) for finding in _findings(cases, context)]
    entry = catalogue.entries[UNKNOWN]
    for fragment, told in _worth_naming(unknown, known, accounted):
        code = _telling_code(fragment.codes)
        facts = _facts(fragment, code, catalogue, entry)
        findings += _findings([_Case(entry, code, facts, lower(fragment.text), fragment.text)], context, told)
    return tuple(findings[:_MAX_FINDINGS])


def _worth_naming(
    fragments: list[Fragment], known: list[_Case], accounted: set[str]
) -> list[tuple[Fragment, Told]]:
    """Return the fragments that no entry explains and that say something: each code and sentence once."""
    found: dict[str, tuple[Fragment, Told]] = {}
    for fragment in fragments:
        told = telling(fragment.text)
        code = _telling_code(fragment.codes)
        if known and (code.lower() in accounted or not (code or is_told_apart(told.sentence))):
            # Beside what is known, only what has a code or a full sentence of its own is another failure.
            continue
        if known and any(told.sentence and told.sentence in case.words for case in known):
            continue
        key = code.lower() or lower(told.sentence)
        if key not in found or (told.sentence and not found[key][1].sentence):
            found[key] = (fragment, told)
    if not known and not found:
        return [(Fragment(""), Told(""))]
    if len(found) > 1:
        said = {key: pair for key, pair in found.items() if pair[1].sentence or _telling_code(pair[0].codes)}
        found = said or dict([next(iter(found.items()))])
        longest = [told.sentence for _, told in found.values()]
        found = {
            key: (fragment, told)
            for key, (fragment, told) in found.items()
            if _telling_code(fragment.codes)
            or not any(told.sentence != other and told.sentence in other for other in longest)
        }
    return list(found.values())[:_MAX_UNKNOWN]


def _cases(fragment: Fragment, catalogue: Catalogue, patterns: Patterns) -> Iterator[_Case]:
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


def _case(fragment: Fragment, match: Match, catalogue: Catalogue) -> _Case:
    facts = _facts(fragment, match.code, catalogue, match.entry)
    return _Case(match.entry, match.code, facts, lower(fragment.text), fragment.text)


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
    lines = [match.end() for match in cuts if match.group() == "\n"]
    if lines and not text[lines[-1] : lines[-1] + 1].islower():
        return lines[-1]
    ends = [match.end() for match in cuts]
    while len(ends) > 1 and _LEADS_UP.match(text, ends[-2]):
        ends.pop()
    return ends[-1] if ends else after.start


def _telling_code(codes: Iterable[str]) -> str:
    """Return the innermost code that says something."""
    return next((code for code in reversed(tuple(codes)) if code.lower() not in WRAPPERS), "")


def _facts(fragment: Fragment, code: str, catalogue: Catalogue, entry: CatalogueEntry) -> dict[str, str]:
    """Read a fragment's facts, and from the words around it what the fragment itself does not say."""
    facts = read(fragment.text)
    if fragment.outer:
        facts = read(fragment.outer) | facts
    lowered = lower(fragment.text.replace("\n", " "))
    for pattern in catalogue.readers.get(entry.id, ()):
        for match in pattern.find(fragment.text, lowered):
            facts |= {name: kept for name, value in match.facts.items() if (kept := accepted(name, value))}
            break
    code = code or _telling_code(fragment.codes) or (fragment.codes[-1] if fragment.codes else "")
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


def _grouped(cases: Iterable[_Case]) -> list[list[_Case]]:
    """Put together what is the same failure; what says less than another of its kind adds nothing."""
    groups: dict[tuple[str, ...], list[_Case]] = {}
    by_entry: dict[str, list[_Case]] = {}
    for case in cases:
        by_entry.setdefault(case.entry.id, []).append(case)
    for of_entry in by_entry.values():
        of_entry = _telling_more(of_entry)  # noqa: PLW2901
        for case in of_entry:
            key = (case.entry.id, *(case.facts.get(name, "") for name in case.entry.group_by))
            groups.setdefault(key, []).append(case)
    ordered = sorted(groups.values(), key=lambda group: -group[0].entry.priority)
    return _folded(ordered)


def _telling_more(cases: list[_Case]) -> list[_Case]:
    kept: list[_Case] = []
    for case in sorted(cases, key=lambda case: -len(_own(case))):
        own = _own(case).items()
        if not any(own <= _own(other).items() for other in kept):
            kept.append(case)
    return sorted(kept, key=lambda case: next(at for at, other in enumerate(cases) if other is case))


def _own(case: _Case) -> dict[str, str]:
    return {name: value for name, value in case.facts.items() if name != "code"}


def _folded(groups: list[list[_Case]]) -> list[list[_Case]]:
    """Keep the number of findings readable: beyond six of an entry, the rest are lines of its first."""
    firsts: dict[str, list[list[_Case]]] = {}
    for group in groups:
        of_entry = firsts.setdefault(group[0].entry.id, [])
        if len(of_entry) < _MAX_FINDINGS_PER_ENTRY:
            of_entry.append(list(group))
        else:
            of_entry[0] += group
    return [group for of_entry in firsts.values() for group in of_entry]


def _findings(cases: list[_Case], context: Context, told: Told | None = None) -> Iterator[Finding]:
    case, *others = cases
    entry = case.entry
    told = told or telling(case.words)
    facts = _about(context, case.facts) | case.facts
    further = list(dict.fromkeys(_occurrence(entry, other) for other in others))
    if len(further) > _MAX_FURTHER:
        further[_MAX_FURTHER:] = [f"and {len(further) - _MAX_FURTHER} more"]
    named = facts
    if entry.id == UNKNOWN and facts.get("code", "").lower() in WRAPPERS:
        # A wrapper is never told as the cause.
        named = {name: value for name, value in facts.items() if name != "code"}
    title = templates.prose(entry.title, named)
    summary = templates.prose(entry.summary, named)
    happened = templates.prose(entry.happened, named)
    quoted = bool(told.sentence) and (entry.quote or entry.id == UNKNOWN)
    if quoted:
        summary = told.sentence
    if entry.id == UNKNOWN and told.sentence:
        title = _quoting(told.sentence, named.get("code", ""))
    if told.sentence and (entry.id == UNKNOWN or _adds(told.sentence, (title, summary, happened))):
        happened += f' In AKS\'s words: "{told.sentence}"'
    if told.remedy and (quoted or _adds(told.remedy, (happened,))):
        happened += f' It advises: "{told.remedy}"'
    lowered = case.text
    yield Finding(
        entry=entry.id,
        code=facts.get("code", ""),
        title=title,
        summary=summary,
        happened=happened,
        state=_state(lowered) or templates.prose(entry.state, facts),
        owner=entry.owner,
        urgency=entry.urgency,
        quoted=quoted,
        retries=_retries(lowered) or templates.prose(entry.retries, facts),
        steps=tuple(_steps(entry, context, facts, case.text)),
        link=entry.link,
        facts=tuple((label(name), value) for name, value in _shown(case.facts)),
        more=tuple(further),
        said=told.sentence,
    )


def _quoting(sentence: str, code: str) -> str:
    """Return a title in AKS's own words, marked as such, with the code where there is room for it."""
    if len(sentence) > MAX_QUOTE_CHARACTERS:
        sentence = sentence[:MAX_QUOTE_CHARACTERS]
        whole_words = sentence.rsplit(" ", 1)[0]
        if len(sentence) - len(whole_words) < _MAX_WORD_CUT_OFF:
            sentence = whole_words
        sentence = sentence.rstrip(" ,;:\u2026") + "\u2026"
    title = f'AKS says "{sentence}"'
    return (
        f"{title} ({code})"
        if code and code not in sentence and len(title) + len(code) < MAX_QUOTE_CHARACTERS
        else title
    )


_TELLING_WORD = re.compile(
    r"[\w./:@-]*(?:\d|[a-z][A-Z]|[/_@])[\w./:@-]*|(?<=['\"])[\w.-]{2,}(?=['\"])|[A-Z]{3,}"
)


def _adds(sentence: str, texts: tuple[str, ...]) -> bool:
    """Return whether a sentence has a name, number or code that our own texts do not have."""
    ours = lower(" ".join(texts))
    return any(lower(word).strip(".:-") not in ours for word in _TELLING_WORD.findall(sentence))


# What AKS itself says of retries and state goes before the general words of the catalogue.
_RETRIES = (
    (
        (
            "aks will continuously retry",
            "will be retried automatically",
            "will automatically retry",
            "aks will retry",
        ),
        (
            "AKS says that it goes on trying by itself until it succeeds or its time is over; see"
            " then whether it has to be started again."
        ),
    ),
    (
        ("retriable: true", '"retriable": true', "retryable: true"),
        "AKS marks the error as one that may pass when the operation is tried again (Retriable: true).",
    ),
    (
        ("retriable: false", '"retriable": false', "retryable: false"),
        "AKS marks the error as one that comes again until its cause is fixed (Retriable: false).",
    ),
)
_STATES = (
    (
        ("preflight validation check", "preflight validation failed"),
        (
            "AKS refused the operation in its check beforehand; nothing was changed, and the cluster runs on"
            " as it was."
        ),
    ),
    (
        ("the vm may still finish provisioning", "the vm may still start"),
        (
            "Azure says that the machine may still start by itself; until then the operation has stopped, and"
            " the node pool is likely left in state Failed."
        ),
    ),
)


def _retries(lowered: str) -> str:
    return next((said for marks, said in _RETRIES if any(mark in lowered for mark in marks)), "")


def _state(lowered: str) -> str:
    return next((said for marks, said in _STATES if any(mark in lowered for mark in marks)), "")


def _steps(entry: CatalogueEntry, context: Context, facts: dict[str, str], text: str) -> Iterator[Step]:
    upgrade = context.upgrade if context.upgrade in _UPGRADES else Upgrade.UNKNOWN
    for advice in entry.steps:
        if advice.only_for and upgrade not in advice.only_for:
            continue
        if not all(facts.get(name) for name in advice.needs):
            continue
        if advice.unless and all(facts.get(name) for name in advice.unless):
            continue
        if advice.says and not any(word in text for word in advice.says):
            continue
        yield Step(templates.prose(advice.do, facts), templates.command(advice.run, facts))


def _about(context: Context, read_facts: dict[str, str]) -> dict[str, str]:
    """Take what the event says besides the reason. The reason knows better which pool it was."""
    facts = {
        "subscription": accepted("subscription", context.subscription),
        "resource_group": accepted("resource_group", context.resource_group),
        "cluster": accepted("cluster", context.cluster),
        "region": accepted("region", context.region.replace(" ", "").lower()),
    }
    if all(facts[name] for name in ("subscription", "resource_group", "cluster")):
        facts["cluster_id"] = Cluster(facts["subscription"], facts["resource_group"], facts["cluster"]).id
    if "pool" not in read_facts and len(context.pools) == 1:
        facts["pool"] = accepted("pool", context.pools[0].lower())
    return {name: value for name, value in facts.items() if value}


def _shown(facts: dict[str, str]) -> list[tuple[str, str]]:
    order = {name: at for at, name in enumerate(FACTS)}
    if "namespace" in facts and "pod" in facts:
        facts = facts | {"pod": f"{facts['namespace']}/{facts['pod']}"}
        del facts["namespace"]
    shown = [(name, value) for name, value in facts.items() if name not in FACTS or FACTS[name].label]
    return sorted(shown, key=lambda fact: order.get(fact[0], len(order)))


def _occurrence(entry: CatalogueEntry, case: _Case) -> str:
    if entry.occurrence:
        return templates.prose(entry.occurrence, case.facts)
    shown = "; ".join(f"{label(name)} {value}" for name, value in _shown(case.facts))
    return shown or " ".join(case.words.split())[:200]
