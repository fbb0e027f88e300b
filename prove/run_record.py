"""What a run has left behind, and how much of it there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from prove.audiences import audiences
from prove.mail_reader import Telling
from prove.schedules import Schedule
from prove.services import Arrived
from shared.channels.channel import Temper
from shared.events.run import RunStatus
from shared.notices.kinds import ACTIONABLE, Kind
from shared.notices.records import SentMail

if TYPE_CHECKING:
    from collections.abc import Iterator


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to know about a run once nothing happens any more."""

    schedule: Schedule
    accepted: Mapping[str, float]
    """When an event was first accepted, in seconds after the beginning, by its text."""
    recorded: Mapping[str, datetime]
    """When the rows of events and of rejected input were written, by their keys."""
    left: tuple[str, ...]
    """The keys of what is still to be done."""
    fates: Mapping[str, SentMail]
    """What the table says of each mail or message, by its operation id."""
    arrived: tuple[Arrived, ...]
    """What the services took, once for each time, in seconds after the beginning."""
    alerts: tuple[tuple[str, str], ...]
    """What PagerDuty took, in order: action, and key of the alert."""
    forms: Mapping[str, int]
    """In how many forms an operation was handed over."""
    asked: frozenset[str]
    """Operations that Communication Services was asked about."""
    refused: frozenset[str]
    """Operations that were answered with a 400, nothing having been taken."""
    held_up: frozenset[str]
    """Operations of which a request was held up, on purpose or by the machine, until after its lease."""
    strikes: Mapping[str, int]
    lives: int

    @property
    def heard(self) -> set[Telling]:
        """All that was told."""
        return set().union(*(one.tellings for one in self.arrived))

    def tellings(self, operation: str) -> frozenset[Telling]:
        """Return what the table says that a mail or a message tells."""
        fate = self.fates[operation]
        clusters = {delivery.key: delivery.cluster for delivery in self.schedule.deliveries}
        return frozenset(
            Telling(fate.audience, member.kind, clusters.get(member.key, ""), fate.target)
            for member in fate.members
        )

    def temper(self, operation: str) -> Temper:
        """Return what the channel of an operation does about a repeat."""
        fate = self.fates.get(operation)
        return self.schedule.temper(fate.target if fate else "")

    def is_actionable(self, operation: str) -> bool:
        """Return whether somebody may have to act on a mail or a message."""
        return any(member.kind in ACTIONABLE for member in self.fates[operation].members)

    def left_in_doubt(self) -> Iterator[str]:
        """Return the operations on blind channels that were not repeated, as nobody has to act on them."""
        for operation, fate in self.fates.items():
            is_blind = self.temper(operation) is Temper.BLIND
            if fate.state == "doubtful" and is_blind and not self.is_actionable(operation):
                yield operation


def kind(key: str) -> Kind:
    """Return what an event is told as."""
    if is_of_a_gate(key):
        return Kind.GATE if f":{RunStatus.GATE_PENDING}." in key else Kind.GATE_CLOSED
    return Kind(key.rpartition(":")[2].lower())


def is_of_a_gate(key: str) -> bool:
    """Return whether an event is about a gate."""
    return ":Gate" in key


def tally(evidence: RunRecord) -> Counter[str]:
    """Count what was to be told and was: each event to each audience by itself, or overtaken; reminders."""
    told = evidence.heard
    counts: Counter[str] = Counter()
    for key, cluster in {(each.key, each.cluster) for each in evidence.schedule.deliveries if each.key}:
        for audience in audiences(cluster):
            own = Telling(audience, kind(key), cluster) in told
            counts["news told by mail" if own else "news overtaken by later news"] += 1
            counts["reminders told by mail"] += Telling(audience, Kind.REMINDER, cluster) in told
    for place in evidence.schedule.places:
        arrived = [one for one in evidence.arrived if one.target == place.key]
        counts[f"messages: {place.channel}"] += len(arrived)
    for temper, times in _repeats(evidence):
        counts[f"came more than once: {temper}"] += times
    doubtful = set(evidence.left_in_doubt())
    arrived_all_the_same = {one.operation_id for one in evidence.arrived} & doubtful
    counts["left in doubt, and had arrived"] += len(arrived_all_the_same)
    counts["left in doubt, and had not arrived"] += len(doubtful - arrived_all_the_same)
    return counts


def _repeats(evidence: RunRecord) -> Iterator[tuple[str, int]]:
    for operation, times in Counter(one.operation_id for one in evidence.arrived).items():
        if times > 1 and operation:
            words = {
                Temper.COLLAPSES: "collapses, to the same effect",
                Temper.BLIND: "blind, and says that it may be a repeat",
                Temper.ASKABLE: "can be asked",
            }
            yield words[evidence.temper(operation)], times - 1
