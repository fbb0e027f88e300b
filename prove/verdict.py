"""What a run has left behind, and the verdict on it: nothing lost, nothing twice, the table says the truth.

What was told is read from the mails as they arrived, what was to be told from what was delivered; what the
app says of itself, in its table, is held against both. An announcement may stay untold only where what has
overtaken it was told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from prove import mail_reader, schedules
from prove.mail_reader import Telling
from prove.schedules import Delivery, Schedule
from shared.events.run import RunStatus
from shared.messages.phrases import REPEAT
from shared.notices.kinds import Kind
from shared.notices.records import SentMail
from testing.mail_endpoint import Mail

if TYPE_CHECKING:
    from collections.abc import Iterator


_RANK = {"Scheduled": 0, "Started": 1, "Completed": 2, "Canceled": 2, "Failed": 2}
_MARGIN = 1.5
"""Seconds between being told and being due that are too few to say what should have come of a reminder."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to know about a run once nothing happens any more."""

    schedule: Schedule
    accepted: Mapping[str, float]
    """When an event was first accepted, in seconds after the beginning, by its text."""
    stored: frozenset[str]
    """The keys of events and of rejected input in the table."""
    left: tuple[str, ...]
    """The keys of what is still to be done."""
    fates: Mapping[str, SentMail]
    """What the table says of each mail, by its operation id."""
    mails: tuple[Mail, ...]
    """What the mail service took, once for each time."""
    arrivals: Mapping[str, float]
    """When it took an operation first, in seconds after the beginning."""
    bodies: Mapping[str, int]
    """In how many forms an operation was posted."""
    asked: frozenset[str]
    """Operations that it was asked about."""
    refused: frozenset[str]
    """Operations that it answered with a 400, having taken nothing."""
    held_up: frozenset[str]
    """Operations of which a request was held up, on purpose or by the machine, until after its lease."""
    strikes: Mapping[str, int]
    lives: int


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with a run, in words; nothing, as a rule."""

    lost: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    untrue: tuple[str, ...] = ()
    """What the table says of mails, and is not so."""
    beyond: tuple[str, ...] = ()
    """Sent twice where a request was held up for longer than promise 2 presumes, and ids are ignored."""

    @property
    def is_good(self) -> bool:
        """Whether the promises were kept."""
        return not (self.lost or self.twice or self.untrue)


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict on a run."""
    of_mail = {mail.operation_id: mail_reader.read(mail) for mail in evidence.mails}
    twice, beyond = _twice(evidence, of_mail)
    return Verdict(
        tuple(_lost(evidence, of_mail)), tuple(twice), tuple(_untrue(evidence, of_mail)), tuple(beyond)
    )


def tally(evidence: Evidence) -> Counter[str]:
    """Count what was to be told and was: each event to each audience by itself, or overtaken; reminders."""
    told: set[Telling] = set().union(*(mail_reader.read(mail) for mail in evidence.mails))
    counts: Counter[str] = Counter()
    for key, cluster in {(each.key, each.cluster) for each in evidence.schedule.deliveries if each.key}:
        for audience in schedules.audiences(cluster):
            own = Telling(audience, _kind(key), cluster) in told
            counts["news told" if own else "news overtaken by later news"] += 1
            counts["reminders told"] += Telling(audience, Kind.REMINDER, cluster) in told
    return counts


def _kind(key: str) -> Kind:
    """Return what an event is told as."""
    if _is_of_a_gate(key):
        return Kind.GATE if f":{RunStatus.GATE_PENDING}." in key else Kind.GATE_CLOSED
    return Kind(key.rpartition(":")[2].lower())


def _is_of_a_gate(key: str) -> bool:
    return ":Gate" in key


def _lost(evidence: Evidence, of_mail: Mapping[str, set[Telling]]) -> Iterator[str]:
    """Find events that were accepted and are not stored, and news that nobody was told."""
    yield from (f"left undone: {key}" for key in evidence.left)
    given_up = _given_up(evidence)
    heard = given_up.union(*of_mail.values())
    for delivery in evidence.schedule.deliveries:
        if delivery.text not in evidence.accepted or delivery.is_repeat:
            continue
        if not delivery.key:
            yield from _rejection(evidence, heard)
            continue
        if delivery.key not in evidence.stored:
            yield f"accepted and not stored: {delivery.key}"
        if _is_of_a_gate(delivery.key):
            yield from _lost_of_a_gate(evidence, delivery, heard)
            continue
        kinds = [_kind(key) for key in _that_tell(delivery.key)]
        for audience in schedules.audiences(delivery.cluster):
            if not any(Telling(audience, kind, delivery.cluster) in heard for kind in kinds):
                yield f"not told: {delivery.key} to {audience}"
            reminder = Telling(audience, Kind.REMINDER, delivery.cluster)
            if reminder not in heard and not _needs_none(evidence, delivery.key, reminder, of_mail):
                yield f"no reminder: {delivery.key} to {audience}"
    for operation, fate in evidence.fates.items():
        about_mail = all(member.kind is Kind.UNDELIVERED for member in fate.members)
        if fate.state == "failed" and not about_mail and not _is_confessed(evidence, f"sent:{operation}"):
            yield f"failed and nobody told: sent:{operation}"


def _lost_of_a_gate(evidence: Evidence, delivery: Delivery, heard: set[Telling]) -> Iterator[str]:
    """Find a gate that waits and of which nobody was asked, and an answer told to who was not asked."""
    answered = any(
        other.cluster == delivery.cluster and _kind(other.key) is Kind.GATE_CLOSED
        for other in evidence.schedule.deliveries
        if other.key and other.text in evidence.accepted
    )
    for audience in schedules.audiences(delivery.cluster):
        asked = Telling(audience, Kind.GATE, delivery.cluster) in heard
        if not answered and not asked:
            yield f"not asked: {delivery.key} of {audience}"
        if not asked and Telling(audience, Kind.GATE_CLOSED, delivery.cluster) in heard:
            yield f"an answer to what was not asked: {delivery.key} to {audience}"


def _given_up(evidence: Evidence) -> set[Telling]:
    """Return what was not told as the mail service refused the mail: the default audience hears of that."""
    clusters = _clusters(evidence)
    return {
        Telling(fate.audience, member.kind, clusters.get(member.key, ""))
        for operation, fate in evidence.fates.items()
        if fate.state == "failed" and operation in evidence.refused
        for member in fate.members
    }


def _is_confessed(evidence: Evidence, row: str) -> bool:
    """Return whether a mail that failed was told of to the default audience, or that mail failed in turn."""
    return any(
        fate.audience == schedules.PLATFORM and any(member.key == row for member in fate.members)
        for operation, fate in evidence.fates.items()
        if operation in evidence.arrivals or operation in evidence.refused
    )


def _rejection(evidence: Evidence, heard: set[Telling]) -> Iterator[str]:
    if not any(key.startswith("rejected:") for key in evidence.stored):
        yield "accepted and not stored: what is no event"
    if Telling(schedules.PLATFORM, Kind.REJECTED, "") not in heard:
        yield "not told: what is no event"


def _that_tell(key: str) -> Iterator[str]:
    """Return the keys of what tells the news of an event: its own, or those of what has overtaken it."""
    yield key
    prefix, _, status = key.rpartition(":")
    if _RANK[status] < max(_RANK.values()):
        yield from (f"{prefix}:{later}" for later, rank in _RANK.items() if rank > _RANK[status])


def _needs_none(evidence: Evidence, key: str, reminder: Telling, of_mail: Mapping[str, set[Telling]]) -> bool:
    """Return whether an event has no reminder to be told, or none any more when its hour came."""
    due = evidence.schedule.reminders.get(key)
    if due is None or any(other in evidence.stored for other in _that_tell(key) if other != key):
        return True  # it began, or was over
    announcement = reminder._replace(kind=Kind.SCHEDULED)
    announced = [
        evidence.arrivals[operation] for operation, tellings in of_mail.items() if announcement in tellings
    ]
    # Told together with it, or recorded after its hour, it would say nothing new.
    return min(announced, default=due) > due - _MARGIN


def _twice(evidence: Evidence, of_mail: Mapping[str, set[Telling]]) -> tuple[list[str], list[str]]:
    """Find mails that left twice, and news told twice; those beyond the promise apart."""
    found: list[str] = []
    beyond: list[str] = []
    for operation, times in Counter(mail.operation_id for mail in evidence.mails).items():
        if times > 1:
            whose = beyond if operation in evidence.held_up else found
            whose.append(f"mail {operation} left {times} times")
    told = Counter(telling for tellings in of_mail.values() for telling in tellings if telling.cluster)
    found += [f"told {times} times: {' '.join(telling)}" for telling, times in told.items() if times > 1]
    return found, beyond


def _clusters(evidence: Evidence) -> dict[str, str]:
    return {delivery.key: delivery.cluster for delivery in evidence.schedule.deliveries}


def _untrue(evidence: Evidence, of_mail: Mapping[str, set[Telling]]) -> Iterator[str]:
    """Find what the table says of mails and is not so."""
    clusters = _clusters(evidence)
    yield from (
        f"mail {one} was posted in {forms} forms" for one, forms in evidence.bodies.items() if forms > 1
    )
    yield from (
        f"mail {mail.operation_id} says that it may be a repeat, and the service could be asked"
        for mail in evidence.mails
        if REPEAT.partition(":")[0] in str(mail.body["content"]["plainText"])
    )
    for operation, tellings in of_mail.items():
        fate = evidence.fates.get(operation)
        if fate is None or fate.state != "sent":
            yield f"mail {operation} arrived, and the table says {fate.state if fate else 'nothing'}"
            continue
        said = {Telling(fate.audience, member.kind, clusters.get(member.key, "")) for member in fate.members}
        if said != tellings:
            yield f"mail {operation} tells {sorted(tellings)}, and the table says {sorted(said)}"
    for operation, fate in evidence.fates.items():
        if fate.state == "sent" and operation not in evidence.arrivals:
            yield f"mail {operation} never arrived, and the table says sent"
        if fate.state != "sent" and not _may_be_given_up(evidence, operation, fate):
            yield f"mail {operation} is said to have {fate.state}: {fate.why}"


def _may_be_given_up(evidence: Evidence, operation: str, fate: SentMail) -> bool:
    """Return whether a mail was refused, asked about, and, of several things, was in doubt or dissolved."""
    if operation not in evidence.refused or operation not in evidence.asked:
        return False
    return fate.state == "dissolved" or len(fate.members) == 1 or fate.why.startswith("unconfirmed")
