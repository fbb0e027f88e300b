"""Which update run a cluster's own maintenance is part of, for who hears of both.

Nothing ties an event of a cluster to a run: the cluster and the time have to do. What is known of members is
written down by the polls; it is read at most once a minute, and not at all where FLEETS is off. Whatever goes
wrong with it is logged, and the notice goes out without.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.events.model import Cluster, Event, Fleet
from shared.events.run import RunFacts, RunPart, RunStatus
from shared.events.update_run import FAILED
from shared.notices.kinds import AHEAD, Kind
from shared.store.table import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.clock import Clock
    from shared.events.update_run import UpdateRun
    from shared.notices.records import StoredEvent
    from shared.routes import Routes
    from shared.store.meta import Meta

log = logging.getLogger("notifier")

MEMBERS = "members"
"""What stands in the keys of these rows."""

SLACK = timedelta(minutes=30)
"""So much earlier or later than its member's update a cluster's event may be, and be part of it."""

SOON = timedelta(days=1)
"""What AKS announces so long ahead it plans by itself, whatever run the cluster is in."""

_FRESH_SECONDS = 60.0
"""Seconds for which what was read holds."""


class Membership(msgspec.Struct, frozen=True, array_like=True):
    """A member that a run updates, or has updated of late."""

    part: RunPart
    since: datetime
    until: datetime | None = None

    def covers(self, time: datetime) -> bool:
        """Return whether what happens at a time is part of it."""
        return self.since - SLACK <= time and (self.until is None or time <= self.until + SLACK)


class Memberships(msgspec.Struct, omit_defaults=True):
    """The members of the runs of one subscription's fleets, by the keys of their clusters."""

    clusters: dict[str, Membership] = {}


def memberships(run: UpdateRun) -> Iterator[tuple[str, Membership]]:
    """Yield the members that a run updates, or has updated, with the keys of their clusters."""
    for stage in run.stages:
        for group in stage.groups:
            for member in group.members:
                cluster, state = Cluster.parse(member.cluster_id), member.state
                if cluster is not None and state.start is not None:
                    names = (run.name, stage.name, group.name, member.name)
                    part = RunPart(run.fleet.id, *names, has_failed=state.name == FAILED)
                    yield cluster.key, Membership(part, state.start, state.end)


class RunLookup:
    """Looks up which run an event is part of, or, where FLEETS is off, does nothing. Thread-safe."""

    def __init__(self, meta: Meta | None, routes: Routes, clock: Clock) -> None:
        """`meta` is None where FLEETS is off."""
        self._meta = meta
        self._routes = routes
        self._clock = clock
        self._known: dict[str, Membership] = {}
        self._read: float | None = None

    def part(self, told: StoredEvent, kind: Kind, audience: str) -> RunPart | None:
        """Return the run that an event is part of, if this audience hears of the run. Raises nothing."""
        event = told.event
        if self._meta is None or event.news or not isinstance(event.subject, Cluster):
            return None
        membership = self._members(self._meta).get(event.subject.key)
        moment = _moment(event, kind)
        if membership is None or moment is None or not membership.covers(moment):
            return None
        return membership.part if audience in self._hearing(membership.part, event, kind) else None

    def _members(self, meta: Meta) -> dict[str, Membership]:
        now = self._clock.monotonic()
        if self._read is None or now - self._read > _FRESH_SECONDS:
            try:
                found = meta.load_all(keys.meta(MEMBERS), Memberships)
            except (TableError, msgspec.MsgspecError):
                log.exception("what is known of fleets' members cannot be read")
                found = {}
            self._known = {key: one for each in found.values() for key, one in each.clusters.items()}
            self._read = now
        return self._known

    def _hearing(self, part: RunPart, event: Event, kind: Kind) -> tuple[str, ...]:
        """Return the audiences that hear of the run that an event is part of; or that its member failed."""
        fleet = Fleet.parse(part.fleet)
        if fleet is None:
            return ()
        facts = RunFacts(name=part.run, stage=part.stage, group=part.group)
        stage = msgspec.structs.replace(event, subject=fleet, status=RunStatus.STAGE_COMPLETED, run=facts)
        heard = self._routes.audiences_for(stage, Kind.STAGE_FINISHED)
        if kind is not Kind.FAILED:
            return heard
        facts = msgspec.structs.replace(facts, member=part.member, member_id=event.subject.id)
        failed = msgspec.structs.replace(stage, status=RunStatus.MEMBER_FAILED, run=facts)
        return (*heard, *self._routes.audiences_for(failed, Kind.MEMBER_FAILED))


def _moment(event: Event, kind: Kind) -> datetime | None:
    """Return when it happens, or soon will, what may be part of a run; None of what AKS plans for later."""
    if kind not in AHEAD:
        return event.updated if event.end_of_support is None else None
    is_soon = event.start is not None and event.start - event.updated <= SOON
    return event.start if is_soon and kind is not Kind.REMINDER else None
