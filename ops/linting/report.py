"""The findings, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ops.linting.rule import Severity
from ops.table import table
from shared import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.linting.rule import Finding

_HEAD = ("SEVERITY", "RULE", "CLUSTER", "PART", "WHAT")


def as_text(findings: Sequence[Finding]) -> str:
    """Write a table of the findings, and below it why each matters and what mends it."""
    if not findings:
        return "No findings."
    rows = [
        (found.severity, found.rule, found.cluster or "-", found.part or "-", found.what)
        for found in findings
    ]
    parts = [table(_HEAD, rows)]
    for rule in dict.fromkeys(found.rule for found in findings):
        of_rule = [found for found in findings if found.rule == rule]
        mends = dict.fromkeys(f"  {text.line(found.fix)}" for found in of_rule)
        parts.append("\n".join((f"{rule}: {of_rule[0].why}", f"  {of_rule[0].source}", *mends)))
    parts.append(_count(findings))
    return "\n\n".join(parts)


def as_json(findings: Sequence[Finding]) -> str:
    """Write the findings as an array of objects."""
    return msgspec.json.format(msgspec.json.encode(findings), indent=2).decode()


def exit_code(findings: Sequence[Finding], *, strict: bool) -> int:
    """Give 1 where there is an error, or, being strict, a warning; else 0."""
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return int(any(found.severity in failing for found in findings))


def _count(findings: Sequence[Finding]) -> str:
    counts = {severity: sum(found.severity is severity for found in findings) for severity in Severity}
    plural = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.INFO: "notes"}
    single = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    return ", ".join(
        f"{count} {single[severity] if count == 1 else plural[severity]}"
        for severity, count in counts.items()
        if count
    )
