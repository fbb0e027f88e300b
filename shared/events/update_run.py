"""Reading an update run of a fleet, as Resource Graph shows it: what is true of it at one moment.

Nothing is sent when a run goes on or fails, so its state is looked at again and again. Names are read
whatever their case, and what is missing or odd in one part costs no other.

https://learn.microsoft.com/azure/kubernetes-fleet/howto-monitor-update-runs
https://learn.microsoft.com/azure/kubernetes-fleet/concepts-update-orchestration
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shared import timestamps
from shared.decoding import as_list
from shared.events.model import Fleet, UnreadableEventError, Upgrade
from shared.events.run import gate_name, run_name
from shared.events.scheduled_event import mapping, short_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MAX_CHARACTERS = 2_048
_MAX_MESSAGE_CHARACTERS = 8_000

NOT_STARTED, RUNNING, STOPPING, STOPPED = "notstarted", "running", "stopping", "stopped"
SKIPPED, FAILED, PENDING, COMPLETED = "skipped", "failed", "pending", "completed"
"""States of a run, a stage, a group, a member, a gate; in lower case."""

ENDED = frozenset({STOPPED, SKIPPED, FAILED, COMPLETED})


class State(msgspec.Struct, frozen=True):
    """What a status says: of a run, or of any part of it."""

    name: str = ""
    """In lower case."""
    start: datetime | None = None
    end: datetime | None = None
    code: str = ""
    message: str = ""
    """Of the error. A member that waits has one as well: it has not failed."""

    @property
    def marks(self) -> str:
        """What tells this state from the same one reached another time."""
        return f"{self.start} {self.end}"

    @property
    def earlier_marks(self) -> tuple[str, ...]:
        """What told this state as long as its end, or its start, was not shown."""
        return (f"{self.start} None", "None None")


class PolledGate(msgspec.Struct, frozen=True):
    """A gate as a run's status shows it, which does not say of what type it is."""

    name: str
    title: str
    timing: str
    state: State


class Member(msgspec.Struct, frozen=True):
    """A member's update."""

    name: str
    cluster_id: str
    message: str
    state: State


class UpdateGroup(msgspec.Struct, frozen=True):
    """Members that are updated together."""

    name: str
    state: State
    members: tuple[Member, ...]
    gates: tuple[PolledGate, ...]


class Stage(msgspec.Struct, frozen=True):
    """Groups that are updated side by side."""

    name: str
    state: State
    groups: tuple[UpdateGroup, ...]
    gates: tuple[PolledGate, ...]
    wait: State
    """The wait after it."""
    wait_seconds: int = 0

    @property
    def members(self) -> tuple[Member, ...]:
        """All members of its groups."""
        return tuple(member for group in self.groups for member in group.members)


class UpdateRun(msgspec.Struct, frozen=True, kw_only=True):
    """An update run at one moment."""

    fleet: Fleet
    name: str
    state: State
    stages: tuple[Stage, ...]
    upgrade: Upgrade
    target: str
    """What it updates to, in words."""
    failures: int = 0
    """How many members have failed, as its status counts them."""

    @property
    def members(self) -> tuple[Member, ...]:
        """All members of its stages."""
        return tuple(member for stage in self.stages for member in stage.members)

    @property
    def gates(self) -> Iterator[tuple[Stage, UpdateGroup | None, PolledGate]]:
        """All gates, with the stage and the group that they belong to."""
        for stage in self.stages:
            for gate in stage.gates:
                yield stage, None, gate
            for group in stage.groups:
                for gate in group.gates:
                    yield stage, group, gate


def read(row: Mapping[str, Any]) -> UpdateRun:
    """Return the run that a row of Resource Graph, or of REST, holds. Raises UnreadableEventError."""
    row = mapping(row)
    identifiers = (short_text(row.get("id"), _MAX_CHARACTERS),)
    fleet = Fleet.parse(identifiers[0])
    name = run_name(identifiers)
    if fleet is None or not name:
        raise UnreadableEventError("a row that names no update run of a fleet")
    properties = mapping(row.get("properties"))
    status = mapping(properties.get("status"))
    update = mapping(properties.get("managedclusterupdate"))
    upgrade = mapping(update.get("upgrade"))
    sort = short_text(upgrade.get("type")).lower()
    version = short_text(upgrade.get("kubernetesversion"))
    images = mapping(status.get("nodeimageselection")).get("selectednodeimageversions")
    chosen = [short_text(mapping(image).get("version")) for image in as_list(images)]
    stages = tuple(_stages(as_list(status.get("stages"))))
    called, counted = short_text(row.get("name")), status.get("failurecount")
    return UpdateRun(
        fleet=fleet,
        name=called if called.lower() == name.lower() else name,
        state=_with_error(_state(status.get("status")), stages),
        stages=stages,
        failures=counted if isinstance(counted, int) else 0,
        upgrade=_UPGRADES.get(sort, Upgrade.UNKNOWN),
        target=f"Kubernetes {version}" if version else ", ".join(filter(None, chosen[:_MAX_IMAGES])),
    )


_MAX_IMAGES = 3
_UPGRADES = {
    "full": Upgrade.KUBERNETES,
    "controlplaneonly": Upgrade.KUBERNETES,
    "nodeimageonly": Upgrade.NODE_OS,
}


def _with_error(state: State, stages: Iterable[Stage]) -> State:
    """Return a run's state; without an error of its own, with that of the first part of it that failed."""
    parts = (part for stage in stages for part in (stage.state, *(group.state for group in stage.groups)))
    error = next((part for part in parts if part.name == FAILED and (part.code or part.message)), None)
    if error is None or state.code or state.message:
        return state
    return msgspec.structs.replace(state, code=error.code, message=error.message)


def _stages(found: Iterable[object]) -> Iterator[Stage]:
    for stage in map(mapping, found):
        after = mapping(stage.get("afterstagewaitstatus"))
        seconds = after.get("waitdurationinseconds")
        yield Stage(
            name=short_text(stage.get("name")),
            state=_state(stage.get("status")),
            groups=tuple(_groups(as_list(stage.get("groups")))),
            gates=_gates(stage),
            wait=_state(after.get("status")),
            wait_seconds=seconds if isinstance(seconds, int) and 0 < seconds < _MAX_WAIT_SECONDS else 0,
        )


_MAX_WAIT_SECONDS = 366 * 24 * 3_600


def _groups(found: Iterable[object]) -> Iterator[UpdateGroup]:
    for group in map(mapping, found):
        members = tuple(
            Member(
                name=short_text(member.get("name")),
                cluster_id=short_text(member.get("clusterresourceid"), _MAX_CHARACTERS),
                message=short_text(member.get("message"), _MAX_MESSAGE_CHARACTERS),
                state=_state(member.get("status")),
            )
            for member in map(mapping, as_list(group.get("members")))
        )
        yield UpdateGroup(short_text(group.get("name")), _state(group.get("status")), members, _gates(group))


def _gates(part: Mapping[str, Any]) -> tuple[PolledGate, ...]:
    """Return the gates of a stage or a group that the run has come to: the others have no name yet."""
    found = (
        (timing, mapping(gate))
        for timing in ("Before", "After")
        for gate in as_list(part.get(f"{timing.lower()}gates"))
    )
    made = (
        PolledGate(
            name=gate_name((short_text(gate.get("gateid"), _MAX_CHARACTERS),)),
            title=short_text(gate.get("displayname")),
            timing=timing,
            state=_state(gate.get("status")),
        )
        for timing, gate in found
    )
    return tuple(gate for gate in made if gate.name)


def _state(value: object) -> State:
    status = mapping(value)
    error = mapping(status.get("error"))
    return State(
        name=short_text(status.get("state")).lower(),
        start=timestamps.parse(status.get("starttime")),
        end=timestamps.parse(status.get("completedtime")),
        code=short_text(error.get("code")),
        message=short_text(error.get("message"), _MAX_MESSAGE_CHARACTERS),
    )
