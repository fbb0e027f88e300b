"""From the pieces of a reason to findings: which entry each piece is, and what that says of it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from shared.events.model import Upgrade
from shared.failures import templates
from shared.failures.catalogue import BESIDE_OTHERS, LAST_RESORT, UNKNOWN, Catalogue
from shared.failures.explanation import Context, Finding, Step
from shared.failures.facts import FACTS, accepted, label
from shared.failures.hits import BOUNDARY, Hit, apart, hits_in
from shared.failures.patterns import lower
from shared.failures.pieces import WRAPPERS, Piece
from shared.failures.reading import exit_code, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.failures.entry import Entry

_UPGRADES = frozenset(Upgrade)
_MOST_OF_AN_ENTRY = 6
_MOST_UNKNOWN = 3
_MOST_MORE = 40


class _Case(NamedTuple):
    """A piece that has found its entry."""

    entry: Entry
    code: str
    facts: dict[str, str]
    text: str


def diagnose(pieces: Iterable[Piece], context: Context, catalogue: Catalogue) -> tuple[Finding, ...]:
    """Tell what a failure is, the finding to act on first in front. At least one, `unknown` if need be."""
    known: list[_Case] = []
    unknown: list[Piece] = []
    accounted: set[str] = set()
    for piece in pieces:
        cases = list(_cases(piece, catalogue))
        known += cases
        if cases:
            accounted |= {code.lower() for code in piece.codes}
        else:
            unknown.append(piece)
    telling = [case for case in known if case.entry.priority >= LAST_RESORT]
    if telling:
        known = telling
    findings = [finding for cases in _grouped(known) for finding in _findings(cases, context)]
    entry = catalogue.entries[UNKNOWN]
    if findings:
        # Beside what is known, only what has a code of its own is a failure that deserves to be named.
        coded = [piece for piece in unknown if _telling_code(piece.codes)]
        named = {_telling_code(piece.codes): piece for piece in coded}
        unknown = [piece for code, piece in named.items() if code.lower() not in accounted]
    elif unknown:
        named = {_telling_code(piece.codes): piece for piece in unknown}
        if len(named) > 1:
            named.pop("", None)
        unknown = list(named.values())
    else:
        unknown = [Piece("")]
    for piece in unknown[:_MOST_UNKNOWN]:
        code = _telling_code(piece.codes) or (piece.codes[-1] if piece.codes else "")
        facts = _facts(piece, code, catalogue, entry)
        findings += _findings([_Case(entry, code, facts, piece.text)], context)
    return tuple(findings)


def _cases(piece: Piece, catalogue: Catalogue) -> Iterator[_Case]:
    """Tell what a piece is; where it turns out to speak of several failures, each with its own words."""
    flat = lower(piece.text.replace("\n", " "))
    hits = hits_in(piece, flat, catalogue)
    if not hits:
        return
    chosen: list[Hit] = [hits[0]]
    explained = set(hits[0].entry.instead_of)
    for hit in hits[1:]:
        if hit.end <= hit.start or hit.entry.priority < BESIDE_OTHERS or hit.entry.id in explained:
            continue
        if all(other.entry is not hit.entry and apart(piece.text, other, hit) for other in chosen):
            chosen.append(hit)
            explained |= set(hit.entry.instead_of)
    chosen = [hit for hit in chosen if hit.entry.id not in explained]
    if len(chosen) == 1:
        hit = chosen[0]
        yield _Case(hit.entry, hit.code, _facts(piece, hit.code, catalogue, hit.entry), flat)
        return
    chosen.sort(key=lambda hit: hit.start)
    edges = [0]
    for before, after in pairwise(chosen):
        cuts = [match.end() for match in BOUNDARY.finditer(piece.text, before.end, after.start + 1)]
        edges.append(cuts[-1] if cuts else after.start)
    for hit, start, end in zip(chosen, edges, [*edges[1:], len(flat)], strict=True):
        part = Piece(piece.text[start:end], piece.codes, piece.outer)
        yield _Case(hit.entry, hit.code, _facts(part, hit.code, catalogue, hit.entry), flat[start:end])


def _telling_code(codes: Iterable[str]) -> str:
    """Find the innermost code that says something."""
    return next((code for code in reversed(tuple(codes)) if code.lower() not in WRAPPERS), "")


def _facts(piece: Piece, code: str, catalogue: Catalogue, entry: Entry) -> dict[str, str]:
    """Read a piece's facts, and from the words around it what the piece itself does not say."""
    facts = read(piece.text)
    if piece.outer:
        facts = read(piece.outer) | facts
    for pattern in catalogue.readers.get(entry.id, ()):
        for match in pattern.find(piece.text, lower(piece.text.replace("\n", " "))):
            facts |= {name: kept for name, value in match.facts.items() if (kept := accepted(name, value))}
            break
    code = code or _telling_code(piece.codes) or (piece.codes[-1] if piece.codes else "")
    if accepted("code", code):
        facts["code"] = code
    ended = exit_code(piece.text)
    if ended:
        facts["exit_code"] = str(ended[1])
        meaning = catalogue.exit_codes.get(ended[0], {}).get(ended[1], "")
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
        if len(of_entry) < _MOST_OF_AN_ENTRY:
            of_entry.append(list(group))
        else:
            of_entry[0] += group
    return [group for of_entry in firsts.values() for group in of_entry]


def _findings(cases: list[_Case], context: Context) -> Iterator[Finding]:
    case, *others = cases
    entry = case.entry
    facts = _about(context, case.facts) | case.facts
    further = list(dict.fromkeys(_occurrence(entry, other) for other in others))
    if len(further) > _MOST_MORE:
        further[_MOST_MORE:] = [f"and {len(further) - _MOST_MORE} more"]
    yield Finding(
        entry=entry.id,
        code=facts.get("code", ""),
        title=templates.prose(entry.title, facts),
        summary=templates.prose(entry.summary, facts),
        happened=templates.prose(entry.happened, facts),
        state=templates.prose(entry.state, facts),
        owner=entry.owner,
        retries=templates.prose(entry.retries, facts),
        steps=tuple(_steps(entry, context, facts, case.text)),
        link=entry.link,
        facts=tuple((label(name), value) for name, value in _shown(case.facts)),
        more=tuple(further),
    )


def _steps(entry: Entry, context: Context, facts: dict[str, str], text: str) -> Iterator[Step]:
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
        facts["cluster_id"] = (
            f"/subscriptions/{facts['subscription']}/resourceGroups/{facts['resource_group']}"
            f"/providers/Microsoft.ContainerService/managedClusters/{facts['cluster']}"
        )
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


def _occurrence(entry: Entry, case: _Case) -> str:
    if entry.occurrence:
        return templates.prose(entry.occurrence, case.facts)
    shown = "; ".join(f"{label(name)} {value}" for name, value in _shown(case.facts))
    return shown or " ".join(case.text.split())[:200]
