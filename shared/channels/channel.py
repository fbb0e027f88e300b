"""What a channel's service does about a message that comes twice."""

from __future__ import annotations

from enum import StrEnum


class Temper(StrEnum):
    """What a channel's service does about a message that comes twice: it decides what a doubt leads to."""

    COLLAPSES = "collapses"
    """It takes a repeat under the same id for the same message: send again."""
    ASKABLE = "askable"
    """It says what became of an operation: ask first."""
    BLIND = "blind"
    """It can neither be asked nor tell a repeat: repeat only what surely did not arrive."""
