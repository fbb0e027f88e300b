r"""What a failure's sentences do with their words: state, advise, suppose, deny, remember, or end well.

A cause is claimed only by a sentence that states it. Advice ("check every NSG rule"), a condition ("if the
quota is exhausted"), a denial ("no expired certificate was found"), history ("last month …") and success
("the pod was evicted after a retry and the pool completed") hold the same words and claim nothing.

Everything here works on small letters and in time that grows with the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise

from shared.failures.text import lower

_END = re.compile(
    r"[\n.;!?,](?<!\be\.g\.)(?<!\bi\.e\.)(?:(?<=\n)|(?<=[.;!?])[\"'),\]}]{0,4}\s+(?![a-z]?\))"
    r"|(?<=,)\s+(?=(?:please|check|verify|make sure|consider|if|unless|see)\b))"
)
_LABELS = (
    r"(?:[\s\"'([{*\-\u2022|>]|\d{1,2}[.)]\s|(?:message|details?|error|warning|info|reason|desc|note"
    r"|hint|tip|and|or|then|also|but"
    r"|recommended action|recommendation|suggestion|remediation)\b\s?[:=,]?)*+"
)
_ADVICE = re.compile(
    _LABELS
    + r"(?:please|kindly|troubleshoot|diagnose|investigate|to (?:avoid|prevent|work around)|check"
    + r"|make sure|ensure|verify|see|refer|visit|consider|try|review|confirm"
    r"|inspect|contact"
    r"|use|run|read|learn|look|go to|open a|wait|retry|increase|raise|lower|reduce|register|grant"
    r"|remove the|upgrade to"
    r"|for (?:more|further|details|additional|guidance|help|example|instance(?! type)|troubleshooting"
    r"|resolution)"
    r"|to (?!be\b)[a-z]+(?: [\w'/-]+){0,8}[ ,]+(?:use|run|see|set|visit|please|you|check|ensure|make"
    r"|refer|contact|register|try|go|add|request|increase)"
    r"|to (?!be\b|the\b|a\b)[a-z]+ [^.;:]{3,160},(?= )|best practices?|remember|avoid|plan|prefer|never"
    r"|always|do not|don't"
    r"|to bypass|to retrieve status|you (?:can|may|might|could|should|need|must(?! be logged in)|will)"
    r"|we (?:recommend"
    r"|suggest|advise)|it is recommended|recommended"
    r"|(?:common|possible|typical|likely|potential|frequent|known) (?:causes?|reasons?|errors?"
    r"|failures?|problems?|codes?)|this (?:error |failure |issue |problem |message )?(?:can|may|might"
    r"|could|is (?:often|usually"
    r"|typically|commonly|sometimes)|usually|often|typically)\b"
    r"|(?:often|usually|typically|sometimes) (?:this|the|a|it)\b"
    r"|if|in case|should the|should you|unless|whenever|when (?:you|the|a|an)"
    r"|when (?!\w+ing\b)[^.;]{3,160},(?= )|whether|in the event"
    r"|(?:more information|troubleshooting (?:guide|steps))|did you|is (?:the|there|your)\b|are (?:the"
    r"|there|your)\b"
    r"|a:"
    r"|(?:the |our |this )?(?:runbook|documentation|docs|faq|wiki|guide|article|checklist|playbook)\b)(?!\w)"
)
_POSSIBLE = re.compile(
    r"\b(?:may|might|could|can)(?: (?:also|still|then|often|sometimes))? (?:be (?:due|caused|because"
    r"|related|a sign)|arise|occur|happen|indicate|mean|result)\b"
    r"|\b(?:may|might|could|can) (?:also |still |then |sometimes )?(?:fail|block|exceed|prevent"
    r"|run (?:out|into)"
    r"|be (?:blocked|refused|rejected|throttled|interrupted|delayed|exceeded))\b"
    r"|\b(?:fails?|stops?|blocks?|occurs?|happens?|arises?|appears?|fires?|triggers?"
    r"|(?:is|are) (?:blocked|refused|rejected|stopped|throttled)) (?:when|if|whenever)\b"
    r"|\balerts? fires? on\b"
    r"|\b(?:would|will) (?:only )?(?:happen|occur|fail|be (?:seen|reported)) (?:if|when|only)\b"
    r"|\b(?:such as|for example|e\.g\.|for instance(?! type))\s"
    r"|\botherwise\b[^.;]{0,80}\bwill\b|\bwill (?:then )?fail with\b|\| ?(?:where|project|summarize|extend) "
    r"|\b(?:now )?(?:returns?|reports?|shows?|throws?|raises?) [^.;]{0,80}\b(?:if|when|whenever|instead of)\b"
    r"|\bmeans that\b|\bis (?:returned|raised|reported|shown|thrown) (?:if|when|whenever)\b"
)
_DENIED = re.compile(
    r"\b(?:is|are|was|were) (?:not|never) (?:the|a(?! multiple)|an|due to|caused by|because of|related"
    r"|involved"
    r"|the cause|affected by|in effect|applied|hit|reached|met|exceeded|seen|observed|detected"
    r"|triggered)\b"
    r"|\b(?:isn't|wasn't|aren't|weren't) (?:the|a|an|due to|caused by|because of|related|involved|hit"
    r"|reached|met|exceeded|seen|observed|detected|triggered)\b"
    r"|\b(?:ruled out|rules out|excluded as|unrelated|not related|not involved|not (?:the|a) (?:cause"
    r"|reason|problem|issue|root cause)|not because of|not due to|not caused by|false (?:alarm"
    r"|positive)|rather than)\b"
    r"|\b(?:has|have|had|was|were) (?:since )?(?:been )?(?:resolved|fixed|mitigated|lifted|remediated"
    r"|cleared|renewed|corrected|repaired)\b"
    r"|\b(?:resolved itself|went away|recovered|self-healed|no longer (?:occurs?|happens?|present"
    r"|applies|blocks|blocked|seen|locked|throttled|exhausted))\b"
    r"|\b(?:allows|allowed) (?:\d+ )?(?:disruptions?|evictions?|one disruption)\b|\b(?:is|are|was|were"
    r"|looks?) (?:ok|okay|fine|healthy|valid(?! (?:for|until))|sufficient|in order)\b"
    r"|\bdid(?: not|n't) (?:occur|happen|appear|apply)\b|\bcan (?:safely )?be ignored\b"
    r"|\b(?:is|are|was|were) (?:harmless|benign)\b|\bfailing open\b"
    r"|\b0 (?:errors?|failures?|problems?|warnings?)\b|\bno (?:errors?|failures?|problems?|issues?)\b"
)
_NEGATED_BEFORE = re.compile(
    r"(?:\b(?:no|without|neither|nor|none of|never|nothing about|not a|not an|not any|not due to"
    r"|not because of|not caused by"
    r"|avoid(?:s|ing)?|prevent(?:s|ing)?|against|no sign of|no evidence of|no trace of|instead of|rather than"
    r"|free of|zero)\b)"
    r"(?: [\w'\"/()-]+){0,4} ?[\"'(]*$"
)
_HISTORY = re.compile(
    r"\b(?:previously|formerly|historically|in the past|yesterday|(?:last|past|previous) (?:week|month"
    r"|year|night|quarter|time|run|attempt|window|upgrade|maintenance|sunday|saturday|monday)"
    r"|(?:days?|weeks?|months?|hours?|years?) ago|an? (?:earlier|previous|former|prior) (?:upgrade"
    r"|attempt|run|failure|incident|try|maintenance)"
    r"|fixe[sd] (?:an?|the) (?:\w+ )?(?:issue|race|bug|problem|regression)"
    r"|earlier (?:today|this|that day|in the|attempts?|runs?|upgrades?)|had (?:previously|earlier|been"
    r"|failed|hit|blocked|exceeded)|used to|at first|initially|first attempt|briefly|temporarily"
    r"|for a moment|transient(?:ly)?|since the last time"
    r"|(?:was|were) retried|retried and|and retried|(?:seen|hit|met|observed|returned|logged) (?:once"
    r"|twice))\b"
)
_RESOLVED = re.compile(
    r"\b(?:after (?:a|one|two|three|several|some|\d+) (?:more )?(?:retr(?:y|ies)|attempts?|tries)"
    r"|(?:succeeded|passed|worked|evicted|completed|went through) (?:on|at|after) (?:the |a |one "
    r"|its )?(?:\w+ )?(?:retry|retries|attempt|try)"
    r"|then (?:(?:it|the|this|that) )?(?:\w+ )?(?:succeeded|completed|passed|continued|status ?= ?200)"
    r"|retried successfully"
    r"|successfully (?:retried|evicted|drained)|(?:was|were) (?:then |later |finally "
    r"|eventually )?(?:evicted|drained) (?:successfully|after|later|within)"
    r"|and (?:then )?(?:status ?= ?)?200\b|eventually (?:succeeded|completed|evicted)|(?:finally"
    r"|later) (?:succeeded|completed)|proceeded|went on without)\b"
)
_SUCCESS = re.compile(
    r"\b(upgrades?|updates?|operations?|maintenance|rotation|reconcil\w+|provisioning(?: ?state)?"
    r"|deployments?|scal(?:e|ing)|drains?|(?:node )?pools?|nodes?|cluster|requests?|run|status"
    r"|certificates?|it)\b"
    r"[^.;!?\n]{0,70}?(?<!not )(?<!un)(?<!n't )(?<!never )\b(succeeded|successful(?:ly)?"
    r"|complete(?:d)?(?! with)\b|finished|are ready|is ready|all ready|went through|done|200 ok)\b"
    r"|^\W*(?:completed|succeeded|success|done|ok)\b"
)
_OF_SUCCESS = ("succe", "complete", "finished", " ready", "went through", "done", "ok")
"""One of them is in every text that `_SUCCESS` finds."""
_FAILURE = re.compile(
    r"\b(?:fail(?:ed|ure|s|ing)?|errors?|cannot|can't|could not|couldn't|unable|denied|refused"
    r"|forbidden|exceed\w*|exceeds|insufficient"
    r"|not (?:be )?(?:\w+ ){0,2}\w+|doesn't|does not|didn't|isn't|timed? ?out|timeout|blocked|blocks"
    r"|rejected|invalid|conflict\w*|unhealthy|aborted|exhausted|disallowed|missing"
    r"|must (?:be|have|not)|requires?|expired|no such|not found|unavailable|unreachable|incompatible"
    r"|overlaps?|violates?|throttled|too (?:many|small|large|low|old|restrictive)|deprecated|locked"
    r"|already (?:exists?|in use|used)|(?:limit|maximum|quota)\b[^.;]{0,80}\breached"
    r"|(?:older|newer) than|retired|mismatch\w*"
    r"|disabled|only (?:\w+ ){1,4}(?:are|is) allowed"
    r"|preempted|canceled|cancelled|superseded|notready|deadline|overconstrained|in progress|no longer)\b"
)
_OUTCOME = re.compile(r"\b(?:exit (?:status|code)|exitcode|\[stdout\]|\[stderr\]|code ?=)")
_MAX_SENTENCE_SEARCHED = 1_200
_MAX_STORY_CHARACTERS = 3_000
"""A longer text holds logs, whose successes say nothing of the outcome."""


class Stance:
    """What the sentences of a text do with their words; each is judged when it is asked about."""

    __slots__ = ("_edges", "_good", "_has_code", "_lowered", "_states")

    def __init__(self, lowered: str, *, has_code: bool = False) -> None:
        self._lowered = lowered
        self._has_code = has_code
        self._edges: list[int] = []
        self._states: dict[int, bool] = {}
        self._good = -1
        """Until where the text is a story that ended well: what came before its success was overcome."""

    def claims(self, start: int, *, is_address: bool = False) -> bool:
        """Return whether words that begin at a position state something; an address does in advice, too."""
        if not self._edges:
            self._cut()
        at = max(bisect_right(self._edges, start) - 1, 0)
        at = min(at, len(self._edges) - 2)
        first, last = self._edges[at], self._edges[at + 1]
        if last - first > _MAX_SENTENCE_SEARCHED:
            # No sentence is that long: words without an end, of which those nearby count.
            first = max(first, start - _MAX_SENTENCE_SEARCHED // 2)
            last = min(last, start + _MAX_SENTENCE_SEARCHED // 2)
            at = -start
        sentence = self._lowered[first:last]
        if at not in self._states:
            self._states[at] = self._judged(at, sentence)
        if is_address and not self._states[at]:
            return _ADVICE.match(sentence) is not None
        return (
            self._states[at] and _NEGATED_BEFORE.search(self._lowered, max(first, start - 60), start) is None
        )

    def _cut(self) -> None:
        lowered = self._lowered
        edges = {0, len(lowered), *(match.end() for match in _END.finditer(lowered))}
        self._edges = sorted(edges) if len(edges) > 1 else [0, 0]
        if not self._has_code and is_story(lowered):
            self._hear_out()

    def _judged(self, at: int, sentence: str) -> bool:
        if 0 <= at < self._good:
            return False
        if self._good >= 0 and at >= self._good and not _FAILURE.search(sentence):
            return False
        return states(sentence)

    def _hear_out(self) -> None:
        whole = self._lowered
        if not (_succeeds(whole) or _RESOLVED.search(whole) or _is_not_the_cause(whole)):
            return
        for at, (start, end) in enumerate(pairwise(self._edges)):
            sentence = self._lowered[start:end]
            if ends_well(sentence):
                self._good = at + 1
            elif at and _is_not_the_cause(sentence):
                self._states[at - 1] = False


@lru_cache(maxsize=256)
def states(sentence: str) -> bool:
    """Return whether a sentence in small letters states what it says."""
    if sentence.rstrip().endswith("?") or _ADVICE.match(sentence):
        return False
    return not any(form.search(sentence) for form in (_POSSIBLE, _DENIED, _HISTORY, _RESOLVED))


def ends_well(sentence: str) -> bool:
    """Return whether a sentence in small letters tells that it ended well."""
    if _RESOLVED.search(sentence) and not _FAILED_AFTER.search(sentence):
        return True
    success = _succeeds(sentence)
    return success is not None and not _FAILURE.search(sentence, success.end()) and not _BAD.search(sentence)


def _succeeds(text: str) -> re.Match[str] | None:
    return _SUCCESS.search(text) if any(word in text for word in _OF_SUCCESS) else None


def _is_not_the_cause(text: str) -> bool:
    return any(word in text for word in _OF_NO_CAUSE) and _NOT_THE_CAUSE.search(text) is not None


_OF_NO_CAUSE = (
    "not the",
    "not a ",
    "not its",
    "unrelated",
    "false alarm",
    "resolved",
    "fixed",
    "mitigated",
    "removed",
    "lifted",
    "cleared",
    "renewed",
    "raised",
    "increased",
)
"""One of them is in every text that `_NOT_THE_CAUSE` finds."""
_NOT_THE_CAUSE = re.compile(
    r"\bnot (?:the|a|its) (?:root )?(?:cause|reason|problem)\b|\bunrelated\b|\bfalse alarm\b"
    r"|^(?:\W*)(?:it|this|that|which|the (?:lock|quota|budget|policy|rule|certificate|error"
    r"|failure)) (?:has|have|had|was|were) (?:since )?(?:been )?(?:resolved|fixed|mitigated|removed"
    r"|lifted|cleared|renewed|raised|increased)\b"
)
_FAILED_AFTER = re.compile(
    r"\bafter \w+ (?:retries|attempts|tries)\b[^.;]*\b(?:failed|gave up|giving up)\b|\b(?:failed"
    r"|gave up|giving up|still)\b[^.;]*\bafter \w+ (?:retries|attempts|tries)\b"
)
_BAD = re.compile(
    r"\b(?:fail(?:ed|ure)?|error|unsuccessful\w*|not (?:yet )?(?:been )?(?:complete\w*|finish\w*|ready"
    r"|successful\w*)|incomplete|(?:to|until) (?:complete|finish)\w*|in order to)\b"
)


def is_story(lowered: str) -> bool:
    """Return whether a text is short enough, and no log, so that what ended well in it was overcome."""
    return len(lowered) <= _MAX_STORY_CHARACTERS and _OUTCOME.search(lowered) is None


def fails(sentence: str) -> bool:
    """Return whether a sentence in small letters has words of a failure."""
    return _FAILURE.search(sentence) is not None


def gives_advice(sentence: str) -> bool:
    """Return whether a sentence, or the beginning of one, advises, asks or supposes."""
    return _ADVICE.match(lower(sentence)) is not None
