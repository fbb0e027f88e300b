"""Error codes in a failure's text, and which of them say nothing by themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.failures.text import lower

if TYPE_CHECKING:
    from collections.abc import Iterable

WRAPPERS = frozenset(
    {
        "agentpooloperationfailed",
        "badrequest",
        "badrequesterror",
        "clienterror",
        "conflict",
        "createvmssagentpoolfailed",
        "deletevmssagentpoolfailed",
        "deploymentfailed",
        "error",
        "failed",
        "forbidden",
        "internalerror",
        "internaloperationerror",
        "invalidparameter",
        "invalidrequest",
        "invalidtemplatedeployment",
        "multipleerrorsoccurred",
        "nodeerror",
        "none",
        "notfound",
        "notsupported",
        "ok",
        "operationnotallowed",
        "preconditionfailed",
        "preflightvalidationcheckfailed",
        "reconcilemachinefailed",
        "reconcilestandardloadbalancererror",
        "reconcilevmssagentpoolfailed",
        "resourcedeploymentfailure",
        "resourceoperationfailure",
        "scalevmssagentpoolfailed",
        "succeeded",
        "unknown",
        "unknownerror",
        "unspecified",
        "updatevmssagentpoolfailed",
        "upgradefailed",
        "upgradevmssagentpoolfailed",
        "validationerror",
        "vmextensionerror",
        "vmextensionprovisioningerror",
    }
)
"""Codes that only say that something inside them failed, in lower case."""


# Where codes stand in text: a word, what has to stand right before it, what right after it.
_CODE_PLACES = (
    (
        "code",
        re.compile(
            r"(?<![A-Za-z])(?<!status )(?<!exit )(?:sub|inner|error|internalerror)?_?\Z", re.IGNORECASE
        ),
        re.compile(
            r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?([A-Za-z][A-Za-z0-9_]{2,79}(?:/[A-Za-z]\w{2,40})?)", re.IGNORECASE
        ),
    ),
    (
        "(",
        re.compile(r"(?:\A|(?<!,)\n\s{0,3}|[.:;*]\s{0,3}|\berror:? )\Z", re.IGNORECASE),
        re.compile(r"([A-Z][A-Za-z0-9_]{4,79})\)\s", re.IGNORECASE),
    ),
    ("azure error: ", re.compile(r"(?<!\w)\Z"), re.compile(r"(\w{4,80})(?!\S)")),
    ("failed with ", re.compile(r"(?<!\w)\Z"), re.compile(r"['\"](\w{4,80})['\"]")),
    ("cse error: ", re.compile(r"(?<!\w)\Z"), re.compile(r"(\w{4,80})")),
)
_MAX_BEFORE_CODE = 16
NO_WORDS = re.compile(r"(?:message|[^A-Za-z])*+", re.IGNORECASE)
"""What is left of a text that has only codes."""
_LEADING_CODE = re.compile(
    r"\s*+(?!(?:(?:Error|Status|Sub|Inner)(?:Code|Message)|RetryAfter)\b)([A-Z][a-z0-9]{1,40}[A-Z][A-Za-z0-9]{0,79})\s{0,3}(?::|$)"
)


def codes_in(text: str) -> list[str]:
    """Find what stands in a text where codes stand: `Code="X"`, `SubCode: X;`, `(X) …`, `X: …`."""
    found = [code for _, _, code in _codes_at(text)]
    leading = _LEADING_CODE.match(text)
    if leading:
        found.insert(0, leading[1])
    return found


def _codes_at(text: str) -> list[tuple[int, int, str]]:
    """Return the codes of a text in their order, each with where it and what introduces it begin and end."""
    lowered = lower(text)
    found = []
    for word, before, after in _CODE_PLACES:
        at = lowered.find(word)
        while at >= 0:
            code = after.match(text, at + len(word))
            label = before.search(text, max(at - _MAX_BEFORE_CODE, 0), at) if code else None
            if code and label and not (word == "(" and code[1].islower()):  # a remark is no code
                found.append((label.start(), code.end(), code[1]))
            at = lowered.find(word, at + 1)
    return sorted(found)


def without_codes(text: str) -> str:
    """Return a text with a blank in place of each code and what introduces it."""
    for start, end, _ in reversed(_codes_at(text)):
        text = f"{text[:start]} {text[end:]}"
    return text


def telling_code(codes: Iterable[str]) -> str:
    """Return the innermost code that says something."""
    return next((code for code in reversed(tuple(codes)) if code.lower() not in WRAPPERS), "")
