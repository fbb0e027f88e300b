"""What is said of a failure: the words of its entry with the names filled in, and AKS's own sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shared.events.model import Cluster, Upgrade
from shared.failures import templates
from shared.failures.catalogue import QUOTING, UNKNOWN
from shared.failures.codes import WRAPPERS
from shared.failures.explanation import ActionStep, Context, Finding
from shared.failures.facts import FACTS, accepted, label
from shared.failures.main_sentence import MainSentence, main_sentence, without_paths
from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.failures.entry import CatalogueEntry

_UPGRADES = frozenset(Upgrade)
_MAX_FURTHER = 40
MAX_QUOTE_CHARACTERS = 110
"""Of AKS's own sentence in a title: what a subject line shows."""

_MAX_WORD_CUT_OFF = 25


class Case(NamedTuple):
    """A fragment that has found its entry."""

    entry: CatalogueEntry
    code: str
    facts: dict[str, str]
    text: str
    words: str
    """The text as sent."""


def finding_of(cases: list[Case], context: Context, told: MainSentence | None = None) -> Finding:
    """Return what is said of one failure: of its first case in full, of the others in a line each."""
    case, *others = cases
    entry = case.entry
    told = told or main_sentence(case.words)
    facts = _about(context, case.facts) | case.facts
    further = list(dict.fromkeys(_occurrence(entry, other) for other in others))
    if len(further) > _MAX_FURTHER:
        further[_MAX_FURTHER:] = [f"and {len(further) - _MAX_FURTHER} more"]
    named = facts
    is_quote = entry.id in QUOTING
    if is_quote and facts.get("code", "").lower() in WRAPPERS:
        # A wrapper is never told as the cause.
        named = {name: value for name, value in facts.items() if name != "code"}
    title = templates.prose(entry.title, named)
    summary = templates.prose(entry.summary, named)
    happened = templates.prose(entry.happened, named)
    quoted = bool(told.sentence) and (entry.quote or is_quote)
    if quoted:
        summary = told.sentence
    if is_quote and told.sentence:
        title = _quoting(
            "AKS says" if entry.id == UNKNOWN else entry.title, told.sentence, named.get("code", "")
        )
    if told.sentence and (is_quote or _adds(told.sentence, (title, summary, happened))):
        happened += f' In AKS\'s words: "{told.sentence}"'
    if told.remedy and (quoted or _adds(told.remedy, (happened,))):
        happened += f' It advises: "{told.remedy}"'
    lowered = case.text
    return Finding(
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


def _quoting(who: str, sentence: str, code: str) -> str:
    """Return a title in AKS's own words, marked as such, with the code where there is room for it."""
    if len(sentence) > MAX_QUOTE_CHARACTERS:
        sentence = without_paths(sentence)
    if len(sentence) > MAX_QUOTE_CHARACTERS:
        sentence = sentence[:MAX_QUOTE_CHARACTERS]
        whole_words = sentence.rsplit(" ", 1)[0]
        if len(sentence) - len(whole_words) < _MAX_WORD_CUT_OFF:
            sentence = whole_words
        sentence = sentence.rstrip(" ,;:\u2026") + "\u2026"
    title = f'{who} "{sentence}"'
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


def _steps(entry: CatalogueEntry, context: Context, facts: dict[str, str], text: str) -> Iterator[ActionStep]:
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
        yield ActionStep(templates.prose(advice.do, facts), templates.command(advice.run, facts))


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


def _occurrence(entry: CatalogueEntry, case: Case) -> str:
    if entry.occurrence:
        return templates.prose(entry.occurrence, case.facts)
    shown = "; ".join(f"{label(name)} {value}" for name, value in _shown(case.facts))
    return shown or " ".join(case.words.split())[:200]
