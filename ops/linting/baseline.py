"""Findings that are known already: written down once, left out from then on.

A finding is known again by its rule, cluster and part, never by its text: dates in it change every day.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ops.linting.rule import LintFinding


class BaselineError(ValueError):
    """A baseline cannot be read or written. The message names the file and says why."""


class _Known(msgspec.Struct, frozen=True, order=True):
    rule: str
    cluster: str
    part: str


class _Baseline(msgspec.Struct, frozen=True):
    findings: tuple[_Known, ...]


def unknown(findings: Iterable[LintFinding], file: Path) -> list[LintFinding]:
    """Return the findings that the baseline does not hold. Raises BaselineError."""
    try:
        known = set(msgspec.json.decode(file.read_bytes(), type=_Baseline).findings)
    except OSError as error:
        raise BaselineError(f"{file}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise BaselineError(f"{file}: not a baseline: {error}") from None
    return [found for found in findings if _key(found) not in known]


def write(findings: Iterable[LintFinding], file: Path) -> None:
    """Write the findings down as known, in an order that makes small differences. Raises BaselineError."""
    known = sorted({_key(found) for found in findings})
    text = json.dumps({"findings": [msgspec.to_builtins(one) for one in known]}, indent=2)
    try:
        file.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise BaselineError(f"{file}: {error.strerror}") from None


def _key(found: LintFinding) -> _Known:
    return _Known(found.rule, found.cluster, found.part)
