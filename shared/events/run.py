"""What is read of a fleet's update run: where in it something happened, and the gate that it is about."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

_RUN = re.compile(r"/fleets/[^/]+/updateruns/([^/]+)", re.IGNORECASE)
_PROFILE = re.compile(r"/fleets/[^/]+/autoupgradeprofiles/([^/]+)", re.IGNORECASE)
_GATE = re.compile(r"/fleets/[^/]+/gates/([^/]+)", re.IGNORECASE)

APPROVAL = "approval"
"""The one type of gate that people open (`GateType` of 2026-06-01). Others are never offered for approval."""


class RunStatus(StrEnum):
    """What has become of a run, or of something in it."""

    RUN_STARTED = "RunStarted"
    STAGE_COMPLETED = "StageCompleted"
    MEMBER_FAILED = "MemberFailed"
    RUN_STUCK = "RunStuck"
    RUN_STOPPED = "RunStopped"
    RUN_SKIPPED = "RunSkipped"
    RUN_FAILED = "RunFailed"
    RUN_COMPLETED = "RunCompleted"
    AUTO_UPGRADE_FAILED = "AutoUpgradeFailed"

    GATE_PENDING = "GatePending"
    GATE_COMPLETED = "GateCompleted"
    GATE_SKIPPED = "GateSkipped"
    GATE_DELETED = "GateDeleted"
    GATE_NOT_STARTED = "GateNotStarted"
    """The run has not come to it."""


RUN_ENDS = frozenset(
    {RunStatus.RUN_STOPPED, RunStatus.RUN_SKIPPED, RunStatus.RUN_FAILED, RunStatus.RUN_COMPLETED}
)
GATE_ENDS = frozenset({RunStatus.GATE_COMPLETED, RunStatus.GATE_SKIPPED, RunStatus.GATE_DELETED})


class RunNews(StrEnum):
    """What an event of an update run tells. Each is a kind of notice by the same name."""

    GATE = "gate"
    GATE_CLOSED = "gate-closed"
    RUN_STARTED = "run-started"
    STAGE_FINISHED = "stage-finished"
    MEMBER_FAILED = "member-failed"
    RUN_STOPPED = "run-stopped"
    RUN_COMPLETED = "run-completed"
    RUN_FAILED = "run-failed"
    """Also of a run that completed though members had failed."""
    RUN_STUCK = "run-stuck"
    AUTO_UPGRADE_FAILED = "auto-upgrade-failed"
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
    def is_before(self) -> bool:
        """Whether it stands before what it belongs to."""
        return self.timing.lower() == "before"

    @property
    def is_after(self) -> bool:
        """Whether it stands after what it belongs to."""
        return self.timing.lower() == "after"


class StageFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stage of a run, in numbers of its members."""

    name: str
    state: str = ""
    """In lower case."""
    members: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    waiting: int = 0


class MemberFailure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A member that has failed, in brief."""

    name: str
    cluster_id: str = ""
    code: str = ""
    message: str = ""


class MemberWindow(msgspec.Struct, frozen=True, omit_defaults=True):
    """When the cluster of a member that waits may be updated."""

    member: str
    stage: str
    start: datetime | None = None
    """Of the next window; None where it has none, and is updated as soon as it is its turn."""
    end: datetime | None = None
    offset: int = 0
    """Minutes that the window's own time lies from UTC."""


class RunPart(msgspec.Struct, frozen=True, array_like=True):
    """The part of an update run that a cluster's own maintenance is."""

    fleet: str
    """Its resource ID."""
    run: str
    stage: str = ""
    group: str = ""
    member: str = ""
    has_failed: bool = False
    """Whether the run says that this member has failed: what its cluster says is the same failure."""

    @property
    def event_id(self) -> str:
        """What all events of the run have in common."""
        return run_id(self.fleet, self.run)


class RunFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where in an update run something happened; empty where the event does not say."""

    name: str = ""
    stage: str = ""
    group: str = ""
    member: str = ""
    member_id: str = ""
    """The resource ID of the member's cluster."""
    gate: Gate | None = None
    profile: str = ""
    """The auto-upgrade profile, where it is about one."""
    attempt: str = ""
    """What tells this from the same at another time: when it began and ended."""
    target: str = ""
    """What the run updates to, in words."""
    stages: tuple[StageFacts, ...] = ()
    """All of the run's, in their order, as they stood then."""
    failed: tuple[MemberFailure, ...] = ()
    """Members that had failed by then, of its stage or else of all; not more than a mail lists."""
    failures: int = 0
    """How many members had failed by then, as the run's status counts them."""
    waits: tuple[str, ...] = ()
    """What a run that is stuck waits for, in words."""
    windows: tuple[MemberWindow, ...] = ()
    """Of members that are waited for, or come next; not more than a mail lists."""
    is_reported: bool = False
    """Whether an event of the cluster itself told before that the member failed."""

    @property
    def place(self) -> str:
        """What tells this apart from everything else in its run."""
        if self.gate is not None:
            return f"gate {self.gate.name.lower()}"
        return "\n".join((self.stage, self.group, self.member, self.profile, self.attempt))  # noqa: FLY002


def run_id(fleet: str, run: str) -> str:
    """Return what all events of an update run have in common; `fleet` is the resource ID of its fleet."""
    return f"{fleet}/updateruns/{run}".lower()


def run_name(identifiers: tuple[str, ...]) -> str:
    """Return the update run that the first of these resource IDs names; empty where none does."""
    return _first(_RUN, identifiers)


def profile_name(identifiers: tuple[str, ...]) -> str:
    """Return the auto-upgrade profile that the first of these resource IDs names; empty where none does."""
    return _first(_PROFILE, identifiers)


def gate_name(identifiers: tuple[str, ...]) -> str:
    """Return the gate that the first of these resource IDs names; empty where none does."""
    return _first(_GATE, identifiers)


def _first(pattern: re.Pattern[str], texts: tuple[str, ...]) -> str:
    return next((match.group(1) for match in map(pattern.search, texts) if match), "")
