"""What is asked first about a failure: is anything down, can it wait, whose is it, what blocks.

The answers fit on the first screen of a phone together with the first command, so each is short.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.messages import phrases
from shared.messages.view import Verdict
from shared.text import clip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.failures.explanation import Finding

URGENCY = {
    "now": "Act now",
    "today": "Today, in working hours",
    "next-window": "Can wait for the next window",
}
NOT_KNOWN = "Not known"
"""How soon to act where the catalogue does not say."""

_WHOSE = {
    "you": "Yours: your cluster or subscription.",
    "azure-capacity": "Azure's: too little capacity for now.",
    "azure-service": "Azure's: support may have to help.",
    "policy": "Your organization's: a policy or lock.",
    "unknown": "Not known.",
}

MAX_QUOTE_CHARACTERS = 280
"""Characters of AKS's own sentence on the first screen."""

MAX_NAMES = 3
"""Names of what blocks, on the first screen."""

_MAX_NOW_CHARACTERS = 110
_MAX_REASON_CHARACTERS = 60
_MAX_NAME_CHARACTERS = 70
_MAX_NAMED_CHARACTERS = 90
"""Characters of all names together; the first one is told in any case."""

_MAX_CAUSE = 5
_COUNTABLE = frozenset({"budget", "subnet", "node", "webhook", "pod", "image", "key", "disk", "policy lock"})
_ARTICLE = re.compile(r"^(?:a|an|the|one|some) (?=.)")
_VERB = re.compile(
    r" (?:are|asks|block(?:s|ed)?|by|can|cannot|changes|claims?|could|decides|denie[ds]|did|do|does|exceeds?"
    r"|exhausted|fail(?:s|ed)|finds?|for|forbids|from|full|gave|gets?|gives?|go|goes|got|had|has|have|holds?|in|is"
    r"|lacks?|lags|left|may|moves|moved|must|narrows|needs|not|of|on|overlaps|ran|refuse[sd]|reports|restricts"
    r"|runs|stands|starts|stopped|takes|that|throttles|timed|took|use[sd]|was|went|were|while|with|would)"
    r"(?= |$)"
)
"""What ends the few words that name a cause."""

_VAGUE = re.compile(
    "an?|the|this|who|AKS|API|Azure|Kubernetes|Terraform|asked|change|cluster|command|container|disk|emptying"
    "|extension|feature|fleet|group|identity|limit|machines?|namespace|network|new|nodes?|operator|pods?|pool"
    "|property|resource|something|subscription|system|tool|upgrade|value|version|volume"
)
"""Of a cause that has no other words nobody learns anything: it is told whole."""

NO_REASON = "AKS gives no reason"
_IN_AKS_WORDS = "AKS: "
_UNEXPLAINED = "unexplained"
"""The cause of what the catalogue does not know, whatever AKS's words for it are."""

_BLOCKERS = (
    "Pod Disruption Budget",
    "Pod",
    "Webhook",
    "Admission policy",
    "ResourceQuota",
    "Policy assignment",
    "Deny assignment",
    "Locked resource group",
    "Locked scope",
    "Missing permission",
    "Missing resource",
    "Missing resource group",
    "Quota",
    "VM size",
    "Zone",
    "Subnet",
    "Endpoint",
    "Registry",
    "Key vault",
    "Deprecated API",
    "Running operation",
    "VM extension",
    "Container image",
    "Pods not running",
    "Resource",
    "Node",
    "Machine",
)
"""Labels of facts that name what stands in the way, the most telling first."""


def verdict(finding: Finding, more: int) -> Verdict:
    """Return the answers to what is asked first; `more` is how often else the same was found."""
    return Verdict(
        now=now(finding),
        urgency=URGENCY.get(finding.urgency or "", NOT_KNOWN),
        whose=_WHOSE.get(finding.owner, _WHOSE["unknown"]),
        blocked_by=_blocked_by(finding, more),
    )


def in_brief(verdict_: Verdict) -> str:
    """Return the answers as an inbox shows them, without those that are not known."""
    urgency = "" if verdict_.urgency == NOT_KNOWN else f"{verdict_.urgency}."
    whose = "" if verdict_.whose == _WHOSE["unknown"] else verdict_.whose
    return " ".join(part for part in (urgency, whose, verdict_.now) if part)


def reason(finding: Finding) -> str:
    """Return why it failed, for a subject: without the article that takes the place of a name."""
    if finding.entry == "unknown" and finding.said:
        from shared.failures.main_sentence import without_paths

        return f"{_IN_AKS_WORDS}{clip(without_paths(finding.said, 0), _MAX_REASON_CHARACTERS)}"
    return without_article(finding.title)


def without_article(title: str) -> str:
    """Return a title as it stands in a headline."""
    return title.removeprefix("a ").removeprefix("an ").removeprefix("the ")


def cause(reason_: str) -> str:
    """Return a reason in the fewest words that tell, for a headline: `budget`, `vCPU quota`, `subnet`."""
    if reason_.startswith(_IN_AKS_WORDS) or reason_ == NO_REASON:
        return _UNEXPLAINED
    whole = _ARTICLE.sub("", reason_).replace("Pod Disruption Budget", "budget")
    noun = _VERB.split(whole, maxsplit=1)[0]
    tells = noun.count(" ") < _MAX_CAUSE and not all(map(_VAGUE.fullmatch, noun.split(" ")))
    return (noun if tells else clip(whole, _MAX_REASON_CHARACTERS)).strip(",;:")


def is_whole(cause_: str) -> bool:
    """Return whether a cause is a whole reason, of which no fewer words would tell."""
    return _VERB.search(cause_) is not None


def by_number(causes: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return causes with their numbers, the most frequent first; what is not explained comes last."""
    return sorted(causes.items(), key=lambda one: (one[0] == _UNEXPLAINED, -one[1], one[0]))


def counted(cause_: str, count: int) -> str:
    """Return a cause with its count: `8 budgets`, but `4 vCPU quota`, and `new nodes` without a 1."""
    if is_whole(cause_):
        return f"{cause_} ({count})" if count > 1 else cause_
    if count == 1 and cause_.endswith("s") and not cause_.endswith(("ss", "us")):
        return cause_
    is_plain = count > 1 and cause_.rpartition(" ")[2] in _COUNTABLE
    return f"{count} {cause_}{'s' * is_plain}"


def quote(finding: Finding) -> str:
    """Return AKS's own sentence, cut, where nobody knows more than it says."""
    return clip(finding.said, MAX_QUOTE_CHARACTERS) if finding.entry == "unknown" else ""


def now(finding: Finding) -> str:
    """Return whether anything is down: the first sentences of the state."""
    return " ".join(_sentences(finding.state)[: _shown(finding.state)])


def further(finding: Finding) -> str:
    """Return what the first screen has not said of the state."""
    return " ".join(_sentences(finding.state)[_shown(finding.state) :])


def _sentences(text: str) -> list[str]:
    return [phrases.sentence(part) for part in text.split(". ") if part]


def _shown(text: str) -> int:
    """Return how many sentences fit; at least one."""
    length = count = 0
    for sentence in _sentences(text):
        length += len(sentence) + 1
        if count and length > _MAX_NOW_CHARACTERS:
            break
        count += 1
    return count


def names(finding: Finding) -> tuple[str, ...]:
    """Return what blocks, by name: three at most."""
    return _blocked_by(finding, 0)


def rank(label: str) -> int:
    """Return the place of a label among those that name what blocks, the most telling first."""
    return _BLOCKERS.index(label) if label in _BLOCKERS else len(_BLOCKERS)


def _blocked_by(finding: Finding, more: int) -> tuple[str, ...]:
    facts = dict(finding.facts)
    namespace = facts.get("Namespace", "") or facts.get("Pod", "").rpartition("/")[0]
    named: list[str] = []
    for label in _BLOCKERS:
        value = facts.get(label, "")
        if label == "Pod Disruption Budget" and namespace and value:
            value = f"{namespace}/{value}"
        if value:
            named.append(f"{_within(label)} {clip(value, _MAX_NAME_CHARACTERS)}")
    named = [
        name
        for at, name in enumerate(named)
        if not at or len(", ".join(named[: at + 1])) <= _MAX_NAMED_CHARACTERS
    ]
    return (*named[:MAX_NAMES], f"and {more} more, below") if named and more else tuple(named[:MAX_NAMES])


def _within(label: str) -> str:
    """Return a label as it stands within a sentence."""
    if label == "Pod Disruption Budget":
        return "budget"
    return label[0].lower() + label[1:] if label[1:2].islower() else label
