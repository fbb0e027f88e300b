"""The sentence of a failure's text that tells most, and what it advises.

Found among wrappers, labels, stack traces and ids; it is told where the catalogue has no entry, or says less.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shared.failures.sentences import ends_well, fails, gives_advice, is_story, states
from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABEL_END = re.compile(r"[:=]\s{0,3}[\"'\[{]{0,4}(?=[^\s,;\]}])")
_LABEL = re.compile(
    r"\b(?:error ?message|message|orginalerror|originalerror|original error|error details|inner ?error"
    r"|innermessage|details?|desc|reason|error|error_description|debug info)[\"']?\s{0,3}\Z",
    re.IGNORECASE,
)
_MAX_LABEL_CHARACTERS = 24
_SENTENCE_END = re.compile(
    r"[\n.!?;-](?:(?<=\n)|(?<=[.!?])[\"')\]]{0,3}\s+(?=[\"'(\[]?[A-Z0-9])"
    r"|(?<=;)\s+(?=[A-Z][A-Za-z]{1,30}:|[A-Z][a-z]+ )|(?<=\s-)-\s)"
)
_HEAD = re.compile(
    r"""\s*(?:
      \(?[A-Z][A-Za-z0-9_]{4,79}+\)\s+
    | (?:\#\#)?\[(?:ERROR|Error|error|FATAL|WARNING|Warning|warning|WARN|warn)\]:?\s*
    | [A-Z][a-z]+(?:[A-Z][a-z]+){1,8}:\s+(?=[Pp]reflight\ )
    | (?:(?!\[\w[\w\ .:-]{0,30}\])[\s"'\[\](){}|:;,.*-])+?(?=[^\s"'\[\](){}|:;,.*-]|\([A-Z]|\[\w)
    | (?:request|requests)\ to\ https?://\S+:\s+
    | (?:ERROR|Error|error|WARNING|Warning)\s*:\s*
    | \d{4}[-/]\d\d[-/]\d\d[T ][\d:.,]{5,18}Z?\s{1,4}\[?(?:ERROR|FATAL|Error|error)\]?:?\s{1,4}
    | [EF]\d{4}\ [\d:.]{8,15}\s{1,9}\d{1,8}\ [\w.-]{1,60}:\d{1,6}\]\s
    | (?:[a-z_]\w*\.)+[A-Z]\w*(?:Error|Exception):\s*
    | [A-Z][a-z]+-Az\w+\s?:\s*
    | (?:msrest|cli|azure|urllib3)(?:\.[a-z_]{1,30}){1,6}\s?:\s*
    | [A-Z][\w ]{2,40}\ Name:?\ "[^"\n]{1,90}"\):\s*
    | (?:performing|polling\ after)\ \w+:\s*
    | (?:creating/)?(?:creating|updating|reading|deleting)\ "Resource:\ \(ResourceId\ [^)]{1,700}\)":\s*
    | \([A-Z][A-Za-z0-9_]{3,79}\)\s+
    | (?:sub|inner)?_?[Cc]ode\s*[:=]\s*["']?\w+["']?[,;)]?\s*
    | (?:ERROR\ CODE|RESPONSE\ \d+|Status|StatusCode|HTTPStatusCode|RawError|Category
        |SubCode|Dependency|AKSTeam|Target|Retriable)\s*[:=]\s*["']?[\w./ -]{0,60}["']?[,;)]\s*
    | Operation\ failed\ with\ status:\s*'?\w[\w ]{0,30}'?\.\s*
    | (?:Deployment|Operation)\ failed\.?\s+Correlation\ ID:\s*[\w-]+\.\s*
    | Preflight\ validation\ check\ for\ resource\(s\)\ for\ container\ service\ \S+
        \ in\ resource\ group\ \S+\ failed\.\s*
    | (?:Provisioning\ of\ resource\(s\)\ for\ [^.]{1,90}\ failed
        |Failed\ to\ (?:add|save|scale|update|upgrade|create|delete)\ [^.]{1,120})\.\s*(?=\S)
    | \w+\.\w+Client\#\w+:\s*(?:Failure\ (?:sending|responding\ to)\ request:\s*)?(?:StatusCode=\d+\s*)?
    | autorest/azure:\s*Service\ returned\ an\ error\.\s*(?:Status=\d+\s*)?
    | (?:waiting\ for|creating|updating|upgrading|polling\ after)\ [^:]{1,160}(?:\([^)]{0,200}\))?:\s+
    | VMSS\w{0,20}Reconciler\ retry\ failed:\s*(?:deployment\ operations\ failed\ with\ error\ messages:\s*)?
    | \w+Reconciler\ retry\ failed:\s*
    )""",
    re.VERBOSE,
)
_EDGE = re.compile(r"^(?:(?!\[\w[\w .:-]{0,30}\])[ \t\"'{}\[\],;\\|])+")
"""What a sentence does not begin with; a tag such as `[aks]` stays whole."""
_METADATA = re.compile(
    r"\W*(?:(?:sub|inner|error)?_?code|target|status(?:code)?|name|id|trace id|correlation ?id"
    r"|operation ?id|timestamp|start ?time|end ?time|request ?id|x-ms-[\w-]+|category|dependency"
    r"|aksteam|retriable|additionalinfo"
    r"|response|error code|subscription|resource group name|resource name|severity|at|type"
    r"|api-version)\s*[:=]\s*\S{0,120}\s*\W*$"
    r"|\W*response \d{3}|\W*-{5,}|\W*/subscriptions/\S+(?: / api version)?\W*$",
    re.IGNORECASE,
)
_GENERIC = re.compile(
    r"\W*(?:bad ?request|conflict|not found|failed|failure|error|unknown|upgrade failed(?:, error)?"
    r"|(?:\w+error: ?|error \w{1,12}ing (?:the |an? )?[\w ]{1,40}: ?)?"
    r"operation failed(?: with status: ?\W?[\w ]{1,40})?|the operation failed"
    r"|deployment failed"
    r"|resource state failed"
    r"|(?:[a-z]{1,30}\.)?status: ?failed"
    r"|internal ?server ?error|deleted|updating"
    r"|(?:control plane )?(?:upgrade|update|operation|maintenance|reconcile"
    r"|scale)(?: of [\w-]+)? (?:has )?failed(?: for an unknown reason)?"
    r"|upgrade failed due to one or more node errors|see (?:inner errors?|details?)\b.*"
    r"|at least one resource deployment operation failed|please list deployment operations.*"
    r"|the resource operation completed with terminal provisioning state.*"
    r"|the template deployment '?[^']{0,90}'? ?(?:failed|is not valid)[^.]{0,90}"
    r"|failed to (?:add|save|scale|update|upgrade|create|delete|start|stop) (?:[a-z]+ ){1,2}'[^']{0,90}'"
    r"(?: (?:in|to|from|of) (?:[a-z]+ ){1,2}'[^']{0,90}')?"
    r"|provisioning of resource\(s\) for .{1,160} failed|deployment failed with multiple errors"
    r"|the tracking id is.*|.{0,160}\bmsg\\?\"=\\?\"reconciler error"
    r"|the deployment '?[^']{0,90}'? failed with (?:\d+ )?error\(?s?\)?"
    r"|showing \d+ out of \d+ error.*"
    r"|preflight validation check for resource\(s\).*"
    r"|vm has reported a failure when processing extension '?[\w.-]*'?.{0,90}"
    r"|enable failed|stdout|stderr|maintenance of type \w+ failed|reconcile \w+(?: \w+){0,3} failed"
    r"|kubernetes version upgrade failed|node image upgrade failed|\d+ errors? occurred|drain node|null"
    r"|none|true|false|multiple error\w*.*|service returned an error.*"
    r"|create or update (?:vmss|virtual machine scale set) failed|allocation failed"
    r"|the operation (?:was|has been) (?:aborted|stopped)|scaling failed|error occurred)\W*$",
    re.IGNORECASE,
)
_LOG = re.compile(
    r"^\W*(?:[EWIF]\d{4} \d\d:|\w{3} \d\d \d\d:\d\d:\d\d|\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:|\+\+ |\+ "
    r"|goroutine|\s*at [\w.]+\(|Traceback|File \"|[\w./-]{1,120}\.py, ln \d"
    r"|(?:\w{1,40} = |return |raise )?(?:self|result|six)\.\w|raise \w{1,60}(?:\(|$)|\d+: )",
    re.IGNORECASE,
)
_LOG_MARKS = ("kubelet[", "main pid", "systemd[")
_IDS = re.compile(
    r"[,;.]?\s*\(?(?:with )?(?:correlation ?id|operation ?id|request ?id|trace ?id|tracking id"
    r"|timestamp|client request ?id|activity ?id)s?\)?\s*(?:is"
    r"|[:=])?\s*['\"]?[0-9a-fT:.Z-]{8,40}['\"]?,?",
    re.IGNORECASE,
)
_ADDRESS_TAIL = re.compile(
    r"\s*(?:[,.;:]\s*)?(?:please )?(?:PUT|GET|POST|PATCH|DELETE|see|visit|check"
    r"|refer to|read more[^.]{0,60} at"
    r"|for more (?:information|details?),?(?: please)?(?: see| check| visit| go to)?|for (?:resolution steps"
    r"|details),? ?(?:see|visit)?)?:?\s*<?https?://\S+(?: for (?:more |usage )?(?:details|information))?\W*$",
    re.IGNORECASE,
)
_AND_ADDRESS = re.compile(r" and https?://\S+(?: for more (?:details|information))?\W*$", re.IGNORECASE)
_POINTS_BACK = re.compile(
    r"(?:It|They|This|These|Its) (?:must|should|cannot|can only|is|are|has|have|does|do)\b"
)
"""A sentence that says nothing without the one before it."""
_VAGUE = re.compile(r"the value of parameter \S+ is invalid\W*$", re.IGNORECASE)
"""Says that something is wrong and leaves to the next sentence what is."""
_LEADS_UP = re.compile(
    r"(?::|\b(?:failed|validation) with|\bStatusCode=\d+|[:,.]? ?\bCode ?[=:] ?\"?\w+)\W*\Z", re.IGNORECASE
)
"""What a wrapper says before the words that it wraps."""
_CALL = re.compile(r"\b(?:PUT|GET|POST|PATCH|DELETE) https?://\S+\W*\Z")
"""An SDK names its call before what came of it."""
_CODE_TAIL = re.compile(r":? Code ?= ?\\?\"?\w+\\?\"?\s*\Z")
_RPC = re.compile(r"\brpc error: code = \w+ desc = ")
_REMEDY = re.compile(
    r"\baz [a-z]+|\bkubectl |\buse ['\"`]|please (?!see|visit|refer|check https|go to http)\w+"
    r"|\btry again\b|you (?:can|must|need)",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[A-Za-z]{2,}")

MAX_SENTENCE_CHARACTERS = 300
_MAX_SEARCHED_CHARACTERS = 4_000
_MAX_PARTS = 60
_MIN_WORDS = 2
_MAX_HEADS = 6
_HAS_ID = re.compile(r"\bid\b|timestamp", re.IGNORECASE)


class MainSentence(NamedTuple):
    """The sentence of a text that tells most, and what it advises; empty where it has no such sentence."""

    sentence: str
    remedy: str = ""


def main_sentence(text: str) -> MainSentence:
    """Return the sentence that tells most among wrappers, stack and ids, in its own words on one line."""
    story = is_story(lower(text))
    text = _RPC.sub("", text[:_MAX_SEARCHED_CHARACTERS])
    best, best_score, remedy, other = "", 0, "", ""
    before = ""
    for at, part in enumerate(_parts(text)):
        if before.endswith(".") and _POINTS_BACK.match(part):
            part = f"{before} {part}"  # noqa: PLW2901
        before = part
        words = len(_LETTERS.findall(part))
        if words < _MIN_WORDS or _METADATA.match(part) or _GENERIC.match(part) or _LOG.match(part):
            continue
        lowered = lower(part)
        if any(mark in lowered for mark in _LOG_MARKS):
            continue
        if gives_advice(lowered):
            if best and not remedy and _REMEDY.search(part):
                remedy = part
            other = other or part
            continue
        if story and ends_well(lowered):
            # What came before it was overcome.
            best, best_score, remedy = part, 1, ""
            continue
        failed = fails(lowered)
        quiet = not states(lowered)
        if quiet and not failed:
            other = other or part
            continue
        score = 100 - min(at, 40) + (60 if failed else 0) - (50 if quiet else 0) + min(words, 8) * 2
        score -= 30 if _VAGUE.match(part) else 0
        score -= 50 if _LEADS_UP.search(part) else 0
        if score > best_score and (failed or best_score != 1):
            best, best_score, remedy = part, score, ""
    return MainSentence(_short(_CODE_TAIL.sub("", best or other)), _short(remedy))


def _parts(text: str) -> list[str]:
    """Divide a text into its sentences, without the labels and wrappers before them."""
    parts: list[str] = []
    for line in _sentences(text):
        for piece in _unlabelled(line):
            part = piece
            for _ in range(_MAX_HEADS):
                head = _HEAD.match(part)
                if head is None or head.end() == 0:
                    break
                part = part[head.end() :]
            if "://" in part:
                leads_up = _CALL.search(part) is not None
                part = _ADDRESS_TAIL.sub("", _AND_ADDRESS.sub("", part)) + (":" if leads_up else "")
            if _HAS_ID.search(part):
                part = _IDS.sub("", part)
            part = _EDGE.sub("", part).rstrip(" \t\"'{}[],;\\|")
            if part:
                parts.append(part)
                if len(parts) >= _MAX_PARTS:
                    return parts
    return parts


def _sentences(text: str) -> Iterator[str]:
    at = 0
    for end in _SENTENCE_END.finditer(text):
        yield text[at : end.start() + (text[end.start()] in ".!?")]
        at = end.end()
    yield text[at:]


def _unlabelled(line: str) -> Iterator[str]:
    """Yield what stands before, between and after labels ("Message:", "reason=")."""
    at = 0
    for end in _LABEL_END.finditer(line):
        label = _LABEL.search(line, max(end.start() - _MAX_LABEL_CHARACTERS, at), end.start())
        if label:
            yield line[at : label.start()]
            at = end.end()
    yield line[at:]


def _short(sentence: str) -> str:
    sentence = " ".join(sentence.split())
    if len(sentence) > MAX_SENTENCE_CHARACTERS:
        sentence = without_paths(sentence)
    if len(sentence) > MAX_SENTENCE_CHARACTERS:
        sentence = sentence[: MAX_SENTENCE_CHARACTERS - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "\u2026"
    return sentence


_PATH_IN_ID = re.compile(
    r"(?<![\w.])/subscriptions/[\w.()/-]{1,500}?(?=/[\w.-]{1,80}/[\w.()-]{1,90}(?![\w.()/-]))", re.IGNORECASE
)
_BEGINNING = 40
"""Characters of a sentence that stay as they were sent, so that it can be found in the text."""


def without_paths(sentence: str, whole: int = _BEGINNING) -> str:
    """Return a sentence, resource IDs after `whole` characters cut to type and name: `…/subnets/snet-aks`."""
    begin, rest = sentence[:whole], sentence[whole:]
    return begin + _PATH_IN_ID.sub("\u2026", rest)


_MIN_WORDS_APART = 6
_STATED = re.compile(
    r"\b(?:not|cannot|can't|n't|unable|denied|refused|forbidden|exceeds?|exceeded|insufficient|blocked"
    r"|rejected|invalid|missing|must|requires|expired|incompatible|overlaps?|violates?|locked|disabled"
    r"|timed out|too)\b"
)


def is_told_apart(sentence: str) -> bool:
    """Return whether a sentence states a failure so fully that it counts beside another one."""
    return len(sentence.split()) >= _MIN_WORDS_APART and _STATED.search(lower(sentence)) is not None


_REFUSES = re.compile(
    r"\b(?:(?:not|n't) (?:be )?(?:yet )?(?:allowed|permitted|supported|valid|enabled|possible"
    r"|available)|disallowed"
    r"|cannot|can't|invalid|unsupported|must|should|requires?|required|only|missing|incompatible|exceeds?"
    r"|already|not (?:found|exist)|different from|reserved|at (?:most|least) \d+|max(?:imum)? length"
    r"|too (?:small|large|long|short|low|high)|conflicts? with|has been reached|older than|newer than"
    r"|not a multiple|does not|do not|doesn't|don't|is needed|mismatch\w*|overlaps?)\b"
)


def refuses(sentence: str) -> bool:
    """Return whether a sentence states why something that was asked for is not done."""
    lowered = lower(sentence)
    return _REFUSES.search(lowered) is not None and states(lowered)
