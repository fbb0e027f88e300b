"""The record of why: every decision is a named value, logged with what it is about."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared.text import loggable

if TYPE_CHECKING:
    from enum import StrEnum

log = logging.getLogger("notifier")


def log_decision(decision: StrEnum, about: str, *, level: int = logging.INFO, **more: object) -> None:
    """Log a decision about a row (by its key), with further facts as `name=value`.

    The platform ships the text of a log record and nothing else, so everything is in the text. Values are
    quoted where they could be taken for something else: what comes from outside forges no log lines.
    """
    facts = "".join(f" {name}={loggable(value)}" for name, value in more.items())
    log.log(level, "decision=%s about=%s%s", decision.value, loggable(about), facts)
