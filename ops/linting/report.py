"""The findings, for people and for programs."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from ops.linting.rule import Severity
from ops.linting.rules import RULES
from ops.text_table import table
from shared import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.linting.rule import LintFinding, Rule

_FIELDS = ("rule", "severity", "cluster", "part", "what", "why", "source", "fix")
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SEVERITIES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_HOME = "https://learn.microsoft.com/azure/aks/planned-maintenance"
_VERSION = "0.2.0"
_HEAD = ("SEVERITY", "RULE", "CLUSTER", "PART", "WHAT")


def as_text(findings: Sequence[LintFinding]) -> str:
    """Return a table of the findings, and below it why each matters and what mends it."""
    if not findings:
        return "No findings."
    rows = [
        (found.severity, found.rule, found.cluster or found.address or "-", found.part or "-", found.what)
        for found in findings
    ]
    parts = [table(_HEAD, rows)]
    for rule in dict.fromkeys(found.rule for found in findings):
        of_rule = [found for found in findings if found.rule == rule]
        mends = dict.fromkeys(f"  {text.line(found.fix)}" for found in of_rule)
        parts.append("\n".join((f"{rule}: {of_rule[0].why}", f"  {of_rule[0].source}", *mends)))
    parts.append(_count(findings))
    return "\n\n".join(parts)


def as_json(findings: Sequence[LintFinding]) -> str:
    """Return the findings as an array of objects."""
    items = [{field: getattr(found, field) for field in _FIELDS} for found in findings]
    return msgspec.json.format(msgspec.json.encode(items), indent=2).decode()


def as_sarif(findings: Sequence[LintFinding]) -> str:
    """Return SARIF 2.1.0, as GitHub's code scanning takes it: the place is the input file, as it was given.

    A finding's fingerprint follows from its rule, cluster and part, so that it stays the same finding
    whatever its dates say.
    """
    used = {found.rule for found in findings}
    rules = [rule for rule in RULES if rule.id in used]
    places = {rule.id: place for place, rule in enumerate(rules)}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "aks-maintenance-lint",
                        "informationUri": _HOME,
                        "semanticVersion": _VERSION,
                        "rules": [_sarif_rule(rule) for rule in rules],
                    }
                },
                "columnKind": "utf16CodeUnits",
                "results": [_sarif_result(found, places[found.rule]) for found in findings],
            }
        ],
    }
    return json.dumps(log, indent=2)


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    name = "".join(word.capitalize() for word in rule.id.split("-"))
    return {
        "id": rule.id,
        "name": name,
        "shortDescription": {"text": _sentence(rule.id.replace("-", " ").capitalize())},
        "fullDescription": {"text": _sentence(rule.why)},
        "help": {
            "text": f"{_sentence(rule.why)} See {rule.source}",
            "markdown": f"{_sentence(rule.why)}\n\n[Source]({rule.source})",
        },
        "helpUri": rule.source,
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["maintainability"],
            "precision": "high",
            "problem.severity": _SEVERITIES[rule.severity],
        },
    }


def _sarif_result(found: LintFinding, place: int) -> dict[str, Any]:
    key = sha256(f"{found.rule}\n{found.cluster}\n{found.part}".encode()).hexdigest()
    name = f"{found.cluster}/{found.part}".strip("/") or found.address or found.rule
    return {
        "ruleId": found.rule,
        "ruleIndex": place,
        "level": _LEVELS[found.severity],
        "message": {"text": _message(found)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(found.file)},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [
                    {"name": found.part or found.cluster or name, "fullyQualifiedName": found.address or name}
                ],
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": key},
    }


def _message(found: LintFinding) -> str:
    place = "/".join(filter(None, (found.cluster or found.address, found.part)))
    said = text.line(f"{place}: {found.what}" if place else found.what)
    fix = f" Fix: {text.line(found.fix)}" if found.fix else ""
    return f"{_sentence(said)}{fix}"


def _sentence(words: str) -> str:
    return words if words.endswith((".", ")", "?", "!")) else f"{words}."


def _uri(file: str) -> str:
    """Return a file as a relative URI; standard input and subscriptions stand for themselves."""
    if file == "-":
        return "stdin"
    path = Path(file)
    if path.is_absolute():
        try:
            path = path.relative_to(Path.cwd())
        except ValueError:
            path = path.relative_to(path.anchor)
    return quote(PurePosixPath(path).as_posix()) or "stdin"


def as_annotations(findings: Sequence[LintFinding]) -> str:
    """Return workflow commands of GitHub Actions, one a finding, which it shows beside the file."""
    lines = []
    for found in findings:
        place = f"file={_property(found.file)},line=1," if found.file not in {"", "-"} else ""
        lines.append(
            f"::{_COMMANDS[found.severity]} {place}title={_property(found.rule)}::{_data(_message(found))}"
        )
    return "\n".join(lines)


def _data(words: str) -> str:
    """Escape a message of a workflow command."""
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    """Escape a property of a workflow command."""
    return _data(text.line(words)).replace(":", "%3A").replace(",", "%2C")


def exit_code(findings: Sequence[LintFinding], *, strict: bool) -> int:
    """Return 1 where there is an error, or, being strict, a warning; else 0."""
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return int(any(found.severity in failing for found in findings))


def _count(findings: Sequence[LintFinding]) -> str:
    counts = {severity: sum(found.severity is severity for found in findings) for severity in Severity}
    plural = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.INFO: "notes"}
    single = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    return ", ".join(
        f"{count} {single[severity] if count == 1 else plural[severity]}"
        for severity, count in counts.items()
        if count
    )
