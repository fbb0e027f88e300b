"""What no entry explains and is refused all the same: a request before anything was done, or a change later.

Nothing is guessed of the cause: codes, status and AKS's own category tell that Azure refused, the sentence
that came with them what. That decides owner and urgency, which of an unknown reason nobody could say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.failures.catalogue import CHANGE_REFUSED, REFUSED, UNKNOWN
from shared.failures.codes import telling_code
from shared.failures.main_sentence import refuses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.failures.fragments import Fragment
    from shared.failures.main_sentence import MainSentence

_CODE = re.compile(
    r"bad_?request(?:error)?|operationnotallowed|validationerror|preflightvalidationcheckfailed"
    r"|(?:invalid|unsupported|onlysupported|cannot|missing)\w+"
    r"|\w+(?:not(?:valid|enabled)|cannotbe\w+|notpermitted\w*|donotmatch|conflict|inuse|limitreached|exists|disabled|notenabledon\w+)"
    r"|\w+isnot\w+|\w*(?:not(?:supported|allowed)|unsupported|incompatible|mismatch|required|disallowed)\w*",
    re.IGNORECASE,
)
_STATUS = re.compile(r"\bbad request\b|\b(?:status(?:code)?|response)\W{1,3}400\b", re.IGNORECASE)
_CLIENT_ERROR = re.compile(r"category: ?clienterror", re.IGNORECASE)
_UNDER_WAY = re.compile(
    r"reconcil|retry failed|terminal provisioning state|dependency:|deployment operations?|applying",
    re.IGNORECASE,
)
"""Words of an operation that had begun."""
_OF_MACHINES = re.compile(r"vmss|\binstances?\b|\bvms?\b|extension", re.IGNORECASE)
"""Machines are refused things while an operation runs, too: of them only a code of its own tells."""
_NO_REFUSAL = re.compile(
    r"\bpods?\b(?!.(?:identit|managed|cidr|subnet|security|address))|\bnode [\"']?\w+-\w"
    r"|\bcurrently\b|\btemporar|\bretry after\b|\btry again\b"
    r"|\btim(?:ed|e) ?out\b|\binternal\b",
    re.IGNORECASE,
)
"""Words of what passes by itself, or of what no request could change."""
_OF_AKS = re.compile(
    r"\b(?:agent|node) ?pools?\b|agentpool|managed ?cluster|container service|\bos ?sku\b"
    r"|kubernetes version|\baks\b",
    re.IGNORECASE,
)
_DEMANDS = re.compile(
    r"\b(?:is|are) (?:not|only|no longer) (?:supported|allowed|permitted)\b|\brequires? \w+"
    r"|\bmust (?:not )?be\b|\bunsupported\b|\binvalid\b"
    r"|\bat (?:most|least) \d|\bmax(?:imum)? length is\b|\bis reserved\b"
    r"|\bis too (?:small|large|long|short|low|high)\b"
    r"|\bcannot be (?:used|enabled|disabled|changed|updated|combined|set|removed)\b",
    re.IGNORECASE,
)
"""What a sentence that names no code says where it refuses something that was asked for."""


def may_refuse(text: str, codes: Iterable[str]) -> bool:
    """Return whether a text may be a refusal at all, without a look for its sentence."""
    return (
        any(_CODE.fullmatch(code) for code in codes)
        or _STATUS.search(text) is not None
        or _CLIENT_ERROR.search(text) is not None
        or (_DEMANDS.search(text) is not None and _OF_AKS.search(text) is not None)
    )


def quoting_entry(fragment: Fragment, told: MainSentence) -> str:
    """Return the id of the entry for what no other fits: a request refused, a change refused, or unknown."""
    words = f"{fragment.outer}\n{fragment.text}"
    if not told.sentence or not refuses(told.sentence) or _NO_REFUSAL.search(words):
        return UNKNOWN
    by_code = any(_CODE.fullmatch(code) for code in fragment.codes)
    if _CLIENT_ERROR.search(words):
        return CHANGE_REFUSED
    if _UNDER_WAY.search(words):
        return CHANGE_REFUSED if by_code else UNKNOWN
    by_status = _STATUS.search(words) is not None
    if _OF_MACHINES.search(words):
        by_code, by_status = _CODE.fullmatch(telling_code(fragment.codes)) is not None, False
    by_words = _OF_AKS.search(words) is not None and _DEMANDS.search(told.sentence) is not None
    return REFUSED if by_code or by_status or by_words else UNKNOWN
