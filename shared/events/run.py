"""What is read of a fleet's update run: where in it something happened, and the gate that it is about."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

_RUN = re.compile(r"/fleets/[^/]+/updateruns/([^/]+)", re.IGNORECASE)
_GATE = re.compile(r"/fleets/[^/]+/gates/([^/]+)", re.IGNORECASE)

APPROVAL = "approval"
"""The one type of gate that people open (`GateType` of 2026-06-01). Others are never offered for approval."""


class RunStatus(StrEnum):
    """What has become of a gate."""

    GATE_PENDING = "GatePending"
    GATE_COMPLETED = "GateCompleted"
    GATE_SKIPPED = "GateSkipped"
    GATE_DELETED = "GateDeleted"
    GATE_NOT_STARTED = "GateNotStarted"
    """The run has not come to it."""


GATE_ENDS = frozenset({RunStatus.GATE_COMPLETED, RunStatus.GATE_SKIPPED, RunStatus.GATE_DELETED})


class RunNews(StrEnum):
    """What an event of an update run tells. Each is a kind of notice by the same name."""

    GATE = "gate"
    GATE_CLOSED = "gate-closed"
    NEWS = "news"
    """A state that is new to us, told plainly."""


class Gate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A gate, at which a run waits until it is opened."""

    name: str
    """Of its resource: a GUID, as a rule."""
    title: str = ""
    """What people call it: `displayName`."""
    type: str = ""
    """As sent: `Approval`, or a type that is new to us."""
    timing: str = ""
    """`Before` or `After` what it belongs to, as sent."""

    @property
    def asks_people(self) -> bool:
        """Whether a person opens it, by approving."""
        return self.type.lower() == APPROVAL

    @property
    def is_after(self) -> bool:
        """Whether it stands after what it belongs to."""
        return self.timing.lower() == "after"


class RunFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where in an update run something happened; empty where the event does not say."""

    name: str = ""
    stage: str = ""
    group: str = ""
    member: str = ""
    member_id: str = ""
    """The resource ID of the member's cluster."""
    gate: Gate | None = None

    @property
    def place(self) -> str:
        """What tells this apart from everything else in its run."""
        if self.gate is not None:
            return f"gate {self.gate.name.lower()}"
        return f"{self.stage}\n{self.group}\n{self.member}"


def run_name(identifiers: tuple[str, ...]) -> str:
    """Return the update run that the first of these resource IDs names; empty where none does."""
    return _first(_RUN, identifiers)


def gate_name(identifiers: tuple[str, ...]) -> str:
    """Return the gate that the first of these resource IDs names; empty where none does."""
    return _first(_GATE, identifiers)


def _first(pattern: re.Pattern[str], texts: tuple[str, ...]) -> str:
    return next((match.group(1) for match in map(pattern.search, texts) if match), "")
