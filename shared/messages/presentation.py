"""How each kind of notice presents itself: words, tone and rank, in one table for all that is made of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from shared.notices.kinds import Kind


class Tone(StrEnum):
    """How a mail looks. Never the only bearer of a meaning: the status is always there in words."""

    FAILED = "failed"
    WARNING = "warning"
    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    QUIET = "quiet"


class Presentation(msgspec.Struct, frozen=True):
    """How a kind presents itself."""

    status: str
    """What stands in brackets, first in a subject."""
    counted: str
    """As a digest counts it: `2 overdue`; `{s}` stands where several have an s."""
    heading: str
    """Over its group in a digest."""
    tone: Tone

    def count(self, number: int) -> str:
        """Return how many there are, in words: `1 run failed`, `2 runs failed`."""
        return f"{number} {self.counted.format(s='' if number == 1 else 's')}"


PRESENTATION = {
    Kind.FAILED: Presentation("Failed", "failed", "Failed", Tone.FAILED),
    Kind.FAILED_STATE: Presentation("Failed state", "in Failed state", "In Failed state", Tone.FAILED),
    Kind.ROLLING_FAILED: Presentation(
        "Rolling failed", "pool{s} failed", "Node pools that failed", Tone.FAILED
    ),
    Kind.MEMBER_FAILED: Presentation(
        "Member failed", "member{s} failed", "Members of update runs that failed", Tone.FAILED
    ),
    Kind.RUN_FAILED: Presentation("Run failed", "run{s} failed", "Update runs that failed", Tone.FAILED),
    Kind.AUTO_UPGRADE_FAILED: Presentation(
        "Auto-upgrade failed", "auto-upgrade{s} failed", "Auto-upgrade profiles that failed", Tone.FAILED
    ),
    Kind.GATE: Presentation("Waiting at a gate", "waiting at a gate", "Gates that wait", Tone.WARNING),
    Kind.UNDELIVERED: Presentation("Undelivered", "undelivered", "Mails that could not be sent", Tone.FAILED),
    Kind.TARGET_GONE: Presentation("Target gone", "target gone", "Targets that are gone", Tone.FAILED),
    Kind.UNREACHABLE: Presentation(
        "Unreachable", "unreachable", "Addresses that mails did not reach", Tone.WARNING
    ),
    Kind.REJECTED: Presentation(
        "Not understood", "not understood", "Events that could not be read", Tone.WARNING
    ),
    Kind.MISSED_EVENTS: Presentation(
        "Events missed", "warning{s} of missed events", "Events that did not come", Tone.WARNING
    ),
    Kind.UNREADABLE: Presentation("Unreadable", "unreadable", "What could not be read", Tone.WARNING),
    Kind.COVERAGE: Presentation("Coverage", "coverage", "Who nobody would hear of", Tone.WARNING),
    Kind.NOT_STARTED: Presentation(
        "No start reported", "overdue", "Overdue, no start reported", Tone.WARNING
    ),
    Kind.STILL_RUNNING: Presentation(
        "Still running", "still running", "Still running, no end reported", Tone.WARNING
    ),
    Kind.RUN_STUCK: Presentation("Run stuck", "run{s} stuck", "Update runs that are stuck", Tone.WARNING),
    Kind.RUN_STOPPED: Presentation("Run stopped", "run{s} stopped", "Update runs stopped", Tone.WARNING),
    Kind.RUN_STARTED: Presentation("Run started", "run{s} started", "Update runs started", Tone.RUNNING),
    Kind.NOTHING_HAPPENED: Presentation(
        "Window unused", "window{s} unused", "Windows that passed unused", Tone.WARNING
    ),
    Kind.STARTED: Presentation("Started", "started", "Started", Tone.RUNNING),
    Kind.ROLLING_STARTED: Presentation("Rolling", "pool{s} rolling", "Node pools rolling", Tone.RUNNING),
    Kind.REMINDER: Presentation("Reminder", "due soon", "Reminders", Tone.PLANNED),
    Kind.RESCHEDULED: Presentation("Rescheduled", "rescheduled", "Rescheduled", Tone.PLANNED),
    Kind.SCHEDULED: Presentation("Scheduled", "scheduled", "Scheduled", Tone.PLANNED),
    Kind.END_OF_SUPPORT: Presentation("End of support", "end of support", "End of support", Tone.WARNING),
    Kind.SUPPORT_ENDING: Presentation("Support ends", "support ending", "Support ends", Tone.WARNING),
    Kind.ADVISORY: Presentation("Advisory", "advisory", "Azure Service Health", Tone.WARNING),
    Kind.CLOCK_CHANGE: Presentation("Clock change", "clock change{s}", "Clock changes", Tone.PLANNED),
    Kind.NEW_VERSION: Presentation("New version", "new version{s}", "New versions", Tone.QUIET),
    Kind.NEWS: Presentation("News", "other", "Other news", Tone.QUIET),
    Kind.CANCELED: Presentation("Canceled", "canceled", "Canceled", Tone.QUIET),
    Kind.GATE_CLOSED: Presentation(
        "Gate closed", "gate{s} answered", "Gates that wait no longer", Tone.QUIET
    ),
    Kind.STAGE_FINISHED: Presentation("Stage finished", "stage{s} finished", "Stages finished", Tone.RUNNING),
    Kind.RUN_COMPLETED: Presentation("Run completed", "run{s} completed", "Update runs completed", Tone.DONE),
    Kind.COMPLETED: Presentation("Completed", "completed", "Completed", Tone.DONE),
    Kind.RECOVERED: Presentation("Recovered", "recovered", "Recovered", Tone.DONE),
    Kind.ROLLING_SUCCEEDED: Presentation("Rolled", "pool{s} done", "Node pools done", Tone.DONE),
    Kind.REPORT: Presentation("Weekly report", "report{s}", "Weekly report", Tone.QUIET),
}
"""The most urgent first: so they are told."""

RANK = {kind: list(PRESENTATION).index(kind) if kind in PRESENTATION else len(PRESENTATION) for kind in Kind}
"""A kind that were missing above would come last, and not get lost."""


def presentation(kind: Kind) -> Presentation:
    """Return how a kind presents itself; in its own word, where nothing else was said about it."""
    word = kind.value.replace("-", " ")
    return PRESENTATION.get(kind) or Presentation(word.capitalize(), word, word.capitalize(), Tone.QUIET)
