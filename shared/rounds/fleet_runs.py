"""Update runs of fleets: nothing is sent when one goes on or fails, so they are looked at every five minutes.

One query gives all runs of the subscriptions, a page at a time. What is known of each is remembered, so that
a run of which nothing is new costs no request. Runs that had ended before their subscription was looked at
for the first time are recorded, and not told. A gate of which no event has come is read by itself: runs do
not say of what type it is, and gates are not among the documented tables of Resource Graph.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from shared import keys
from shared.clusters.member_windows import windows
from shared.clusters.runs import MEMBERS, SLACK, Memberships, memberships
from shared.events import auto_upgrade, fleet_gate, run_news, run_waits, update_run
from shared.events.model import Cluster, UnreadableEventError, subscription_of
from shared.events.run import RunNews, RunStatus
from shared.events.run_news import KnownRun
from shared.events.scheduled_event import mapping
from shared.notices import correlation, gates
from shared.notices.records import VIA_RESOURCE_GRAPH
from shared.rounds.counts import Counts
from shared.sources.arm import ArmError
from shared.sources.resource_graph import scopes
from shared.store.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shared.events.model import Event
    from shared.events.update_run import PolledGate, UpdateRun
    from shared.notices.records import StoredEvent
    from shared.rounds.parts import RoundParts
    from shared.sources.resource_graph import Scope

log = logging.getLogger("notifier")

API_VERSION = "2026-06-01"
"""The first stable version that knows gates."""

RUN_SECONDS = 150.0
"""After so long no further row is taken: the host ends a function after five minutes."""

RECENT = timedelta(days=1)
"""So long after its end a run's members are remembered."""

_WHAT = "fleets"
_PROFILES = "/autoupgradeprofiles/"


class FleetRunsMemory(msgspec.Struct, omit_defaults=True):
    """What is remembered of a subscription's fleets."""

    first: datetime | None = None
    """When they were looked at for the first time."""
    runs: dict[str, KnownRun] = {}
    """By the ids of their resources in lower case; profiles among them."""
    members: str = ""
    """The hash of what is written down of the members of its runs."""


class PollResult(Counts):
    """What a poll did, in numbers."""

    runs: int = 0
    recorded: int = 0
    failed: int = 0
    """Rows, and questions, that could not be seen to."""
    is_whole: bool = True


class FleetRuns:
    """One poll: make it anew for each."""

    def __init__(
        self, parts: RoundParts, *, knows_clusters: bool = False, reminds_of_gates: bool = True
    ) -> None:
        self._parts = parts
        self._knows_clusters = knows_clusters
        self._reminds_of_gates = reminds_of_gates
        self._began = parts.clock.monotonic()
        self._now = parts.clock.now()
        self._result = PollResult()
        self._members: dict[str, Memberships] = {}

    def run(self, subscriptions: Sequence[str]) -> PollResult:
        """Look at all runs, and tell what is new. Raises TableUnavailable; what is new by then stays new."""
        known = self._parts.meta.load_all(keys.meta(_WHAT), FleetRunsMemory)
        before = {key: msgspec.json.encode(memory) for key, memory in known.items()}
        memories = {id_: known.get(keys.meta(_WHAT, id_), FleetRunsMemory()) for id_ in subscriptions}
        try:
            for scope in scopes(subscriptions):
                self._poll(scope, {id_: memories[id_] for id_ in scope.subscriptions})
        finally:
            changed = {keys.meta(_WHAT, id_): memory for id_, memory in memories.items()}
            changed = {
                key: one for key, one in changed.items() if msgspec.json.encode(one) != before.get(key)
            }
            if changed:
                self._parts.meta.save(changed)
        log.info("%s", self._result.summary("fleets"))
        return self._result

    def _poll(self, scope: Scope, memories: dict[str, FleetRunsMemory]) -> None:
        seen: set[str] = set()
        try:
            for row in self._parts.graph.rows("fleets", scope):
                if self._parts.clock.monotonic() - self._began > RUN_SECONDS:
                    self._result.is_whole = False
                    return
                memory = memories.get(str(row.get("subscriptionId") or subscription_of(_id(row))).lower())
                if memory is not None:
                    seen.add(_id(row))
                    self._take(row, memory)
        except ArmError as error:
            log.error("fleets: %s", error)  # noqa: TRY400 - it says all there is to know
            self._result.failed += 1
            return
        for id_, memory in memories.items():
            if memory.first is None and not memory.runs:
                log.warning("fleets: nothing is seen in subscription %s: has the app Reader there?", id_)
            memory.first = memory.first or self._now
            for gone in sorted(memory.runs.keys() - seen):
                if not self._is_deleted(gone):
                    break  # what may not be seen for now is remembered, and one question a poll is enough
                self._see_gone(gone)
                del memory.runs[gone]
            self._save_members(id_, memory)

    def _take(self, row: dict[str, Any], memory: FleetRunsMemory) -> None:
        id_ = _id(row)
        known = memory.runs.get(id_, KnownRun())
        self._result.runs += 1
        try:
            if _PROFILES in id_:
                memory.runs[id_] = known
                failed = auto_upgrade.read(row, self._now)
                self._record([failed] if failed else [], memory, id_)
                return
            run = update_run.read(row)
        except UnreadableEventError as error:
            log.warning("fleets: %s: %s", id_[:300], error)
            self._result.failed += 1
            return
        polled = run_news.polled(known, run)
        if id_ not in memory.runs and run_news.is_history(run, memory.first, self._now):
            polled = msgspec.structs.replace(polled, is_history=True)
        memory.runs[id_] = polled
        self._see_members(run)
        self._record(self._with_windows(run_news.news(known, run, self._now), run), memory, id_)
        if run_waits.may_be_stuck(run, self._now, polled.ended):
            self._see_waits(run, memory, id_)

    def _see_members(self, run: UpdateRun) -> None:
        """Note which clusters a run updates: their own maintenance is told as part of it."""
        if run.state.end is not None and self._now - run.state.end > RECENT:
            return
        found = self._members.setdefault(run.fleet.subscription.lower(), Memberships())
        found.clusters.update(memberships(run))

    def _save_members(self, subscription: str, memory: FleetRunsMemory) -> None:
        found = self._members.get(subscription, Memberships())
        mark = keys.digest(msgspec.json.encode(found).decode()) if found.clusters else ""
        if mark != memory.members:
            self._parts.meta.save({keys.meta(MEMBERS, subscription): found})
            memory.members = mark

    def _record(self, events: Iterable[Event], memory: FleetRunsMemory, id_: str) -> None:
        """Record events, and remember each at once: what comes after may not come to pass.

        Several members of one stage that have failed wait for each other: they are a digest.
        """
        events = list(events)
        failed = Counter(event.run.stage for event in events if event.run and event.run.member)
        for event in events:
            known = memory.runs[id_]
            if known.has(event):
                continue
            raw = json.dumps({"run": event.event_id, "state": known.state, "polled": self._now.isoformat()})
            noted, is_told = event, not known.is_history
            is_reported = is_told and event.run is not None and self._is_reported(event)
            if event.run is not None and is_reported:
                run = msgspec.structs.replace(event.run, is_reported=True)
                noted = msgspec.structs.replace(event, run=run)
            is_one_of_many = event.run is not None and event.run.member and failed[event.run.stage] > 1
            at_once = not (is_reported or is_one_of_many)
            self._parts.intake.record(noted, raw, via=VIA_RESOURCE_GRAPH, is_told=is_told, at_once=at_once)
            memory.runs[id_] = known.with_told([event])
            self._result.recorded += 1

    def _is_reported(self, event: Event) -> bool:
        """Return whether an event of its cluster has told before that a member failed.

        One round trip, and only for a member's failure. Who hears of both is not called twice.
        """
        cluster = Cluster.parse(event.run.member_id) if event.run else None
        members = self._members.get(event.subject.subscription.lower(), Memberships())
        known = members.clusters.get(cluster.key) if cluster else None
        if event.status != RunStatus.MEMBER_FAILED or cluster is None or known is None:
            return False
        return self._parts.store.marked(*correlation.failed_since(cluster, known.since - SLACK))

    def _see_waits(self, run: UpdateRun, memory: FleetRunsMemory, id_: str) -> None:
        """Tell that a run is stuck, where it is; a gate of which no event came is read, and told as one."""
        prefix = keys.history(run_news.id_of(run))
        history = self._parts.store.history(prefix)
        unasked = run_waits.unasked(run, gates.known(history), self._now)
        found = [self._gate(run, gate, history) for gate in unasked]
        asked = [event for _, event in found if event is not None]
        if asked:
            self._record(asked, memory, id_)
            history = self._parts.store.history(prefix)
        unknown = [gate for gate, event in found if event is None]
        reminded = gates.reminded(history, self._now, by_notices=self._reminds_of_gates)
        stuck = run_waits.stuck(run, unknown, reminded, self._now, memory.runs[id_].ended)
        self._record(self._with_windows([stuck] if stuck else [], run), memory, id_)

    def _see_gone(self, id_: str) -> None:
        """Tell those who were asked that a run is gone, and its gates with it."""
        history = self._parts.store.history(keys.history(id_))
        waiting = [row.event for row in history if row.event.run and gates.is_waiting(row.key, history)]
        for event in waiting:
            gone = msgspec.structs.replace(
                event,
                status=RunStatus.GATE_DELETED,
                news=RunNews.GATE_CLOSED,
                time=self._now,
                updated=self._now,
                envelope_id="",
                start=None,
            )
            raw = json.dumps({"run": id_, "polled": self._now.isoformat()})
            self._parts.intake.record(gone, raw, via=VIA_RESOURCE_GRAPH)

    def _is_deleted(self, id_: str) -> bool:
        """Return whether Azure Resource Manager knows no such resource; what may not be read looks as if."""
        try:
            self._parts.arm.get(quote(id_), API_VERSION)
        except ArmError as error:
            return str(error).startswith("404")
        return False

    def _with_windows(self, events: Iterable[Event], run: UpdateRun) -> Iterator[Event]:
        """Yield events with the windows of the members that the run waits for, where clusters are known."""
        reader = Reader(self._parts.store)
        for event in events:
            found = windows(event, run, reader, self._now) if self._knows_clusters else ()
            facts = msgspec.structs.replace(event.run, windows=found) if event.run and found else event.run
            yield msgspec.structs.replace(event, run=facts)

    def _gate(
        self, run: UpdateRun, gate: PolledGate, history: Sequence[StoredEvent]
    ) -> tuple[PolledGate, Event | None]:
        """Return a gate with the event that it waits, read by itself; None where it cannot be read."""
        try:
            body = self._parts.arm.get(quote(f"{run.fleet.id}/gates/{gate.name}"), API_VERSION)
            at = gates.since(history, gate.state.start or self._now, self._now)
            return gate, fleet_gate.event_of(mapping(body), what="created", time=at, updated=at)
        except (ArmError, UnreadableEventError) as error:
            log.warning("a gate of update run %s cannot be read: %s", run.name, error)
            self._result.failed += 1
            return gate, None


def _id(row: dict[str, Any]) -> str:
    return str(row.get("id") or "").lower()
