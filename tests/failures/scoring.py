"""How well texts are explained: a verdict on each, against what is to be said of it."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from shared.failures import explain
from shared.failures.catalogue import UNKNOWN
from testing import yaml_files
from testing.samples.failure_messages import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.failures.explanation import Finding

HERE = Path(__file__).parent


class Verdict(StrEnum):
    """What an explanation is worth."""

    RIGHT = "right"
    THIN = "thin"
    """An entry explains it, and lacks what the text says."""
    QUOTED = "quoted unknown"
    """No entry explains it; AKS's own sentence stands in front."""
    UNKNOWN = "unknown"
    WRONG = "wrong"
    """A title or summary claims what is not so."""


def cases(name: str) -> list[dict[str, Any]]:
    """Return the cases of a file beside this module; none where it is not there."""
    file = HERE / name
    return yaml_files.read(file) if file.exists() else []


def verdict(case: dict[str, Any]) -> Verdict:
    """Return the verdict on what is said of a case's text."""
    context = msgspec.structs.replace(CONTEXT, upgrade=case.get("upgrade", "node-os"))
    return judged(explain(case["text"], context).findings, case.get("expect") or {})


def judged(findings: Iterable[Finding], expect: dict[str, Any]) -> Verdict:
    """Return the verdict on findings. Words inside AKS's own quoted sentence claim nothing."""
    findings = tuple(findings)
    for finding in findings:
        claimed = "" if finding.quoted and finding.entry == UNKNOWN else finding.title
        claimed += "" if finding.quoted else f"\n{finding.summary}"
        if any(word.lower() in claimed.lower() for word in expect.get("must_not") or ()):
            return Verdict.WRONG
    known = [finding for finding in findings if finding.entry != UNKNOWN]
    wanted = [word.lower() for word in expect.get("any_of") or ()]
    said = [f"{each.title}\n{each.summary}\n{each.happened}".lower() for each in findings]
    told = not wanted or any(word in text for text in said for word in wanted)
    if known:
        return Verdict.RIGHT if told else Verdict.THIN
    if not wanted:
        return Verdict.RIGHT
    return Verdict.QUOTED if any(finding.quoted for finding in findings) else Verdict.UNKNOWN


def figures(texts: Iterable[dict[str, Any]]) -> Counter[Verdict]:
    """Return how many texts have which verdict."""
    return Counter(verdict(case) for case in texts)
