"""What a run has left behind, and the verdict on it: nothing lost, nothing twice, the table says the truth.

What was told is read from the mails as they arrived, what was to be told from what was delivered; what the
app says of itself, in its table, is held against both. An announcement may stay untold only where what has
overtaken it was told.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from prove.audiences import PLATFORM, Place, audiences
from prove.mail_reader import Telling
from prove.run_record import RunRecord, is_of_a_gate, kind
from shared import keys
from shared.channels.channel import Temper
from shared.notices.kinds import Kind
from testing.samples.payloads import guid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.notices.records import SentMail

_RANK = {"Scheduled": 0, "Started": 1, "Completed": 2, "Canceled": 2, "Failed": 2}
_MARGIN_SECONDS = 1.5
"""Seconds between being told and being due that are too few to say what should have come of a reminder."""


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with a run, in words; nothing, as a rule."""

    lost: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    untrue: tuple[str, ...] = ()
    """What the table says of mails and messages, and is not so."""
    beyond: tuple[str, ...] = ()
    """Sent twice where a request was held up for longer than promise 2 presumes, and ids are ignored."""

    @property
    def is_good(self) -> bool:
        """Whether the promises were kept."""
        return not (self.lost or self.twice or self.untrue)


def judge(evidence: RunRecord) -> Verdict:
    """Return the verdict on a run."""
    twice, beyond = _twice(evidence)
    twice += _out_of_order(evidence)
    return Verdict(tuple(_lost(evidence)), tuple(twice), tuple(_untrue(evidence)), tuple(beyond))


def _lost(evidence: RunRecord) -> Iterator[str]:
    """Find events that were accepted and are not stored, and news that nobody was told."""
    yield from (f"left undone: {key}" for key in evidence.left)
    heard = evidence.heard.union(*map(evidence.tellings, (*_given_up(evidence), *evidence.left_in_doubt())))
    for delivery in evidence.schedule.deliveries:
        if delivery.text not in evidence.accepted or delivery.is_repeat:
            continue
        if not delivery.key:
            yield from _rejection(evidence, heard)
            continue
        if delivery.key not in evidence.recorded:
            yield f"accepted and not stored: {delivery.key}"
        for audience in audiences(delivery.cluster):
            for target, place in evidence.schedule.of_audience(audience):
                where = f"{audience} {place.channel if place else ''}".strip()
                told = Telling(audience, kind(delivery.key), delivery.cluster, target)
                if place is not None and place.channel == "pagerduty":
                    if told.kind is Kind.FAILED and told not in heard:
                        yield f"no alert: {delivery.key} to {where}"
                elif is_of_a_gate(delivery.key):
                    yield from _lost_of_a_gate(evidence, told, where, heard)
                else:
                    yield from _lost_of_a_cluster(evidence, delivery.key, told, where, heard)
    for operation, fate in evidence.fates.items():
        about_mail = all(member.kind is Kind.UNDELIVERED for member in fate.members)
        if fate.state == "failed" and not about_mail and not _is_confessed(evidence, f"sent:{operation}"):
            yield f"failed and nobody told: sent:{operation}"


def _lost_of_a_cluster(
    evidence: RunRecord, key: str, told: Telling, where: str, heard: set[Telling]
) -> Iterator[str]:
    """Find news told neither as itself nor as what has overtaken it, and reminders that are missing."""
    if not any(told._replace(kind=kind(other)) in heard for other in _that_tell(key)):
        yield f"not told: {key} to {where}"
    reminder = told._replace(kind=Kind.REMINDER)
    if reminder not in heard and not _needs_none(evidence, key, reminder):
        yield f"no reminder: {key} to {where}"


def _lost_of_a_gate(evidence: RunRecord, told: Telling, where: str, heard: set[Telling]) -> Iterator[str]:
    """Find a gate that waits and of which nobody was asked, and an answer told to who was not asked."""
    answered = any(
        other.cluster == told.cluster and kind(other.key) is Kind.GATE_CLOSED
        for other in evidence.schedule.deliveries
        if other.key and other.text in evidence.accepted
    )
    asked = told._replace(kind=Kind.GATE) in heard
    if not answered and not asked:
        yield f"not asked: the gate of {told.cluster} of {where}"
    if not asked and told._replace(kind=Kind.GATE_CLOSED) in heard:
        yield f"an answer to what was not asked: the gate of {told.cluster} to {where}"


def _given_up(evidence: RunRecord) -> Iterator[str]:
    """Return what was not told as it was refused: the default audience hears of that."""
    for operation, fate in evidence.fates.items():
        if fate.state == "failed" and operation in evidence.refused:
            yield operation


def _is_confessed(evidence: RunRecord, row: str) -> bool:
    """Return whether a mail that failed was told of to the default audience, or that mail failed in turn."""
    arrived = {one.operation_id for one in evidence.arrived}
    return any(
        fate.audience == PLATFORM and any(member.key == row for member in fate.members)
        for operation, fate in evidence.fates.items()
        if operation in arrived or operation in evidence.refused
    )


def _rejection(evidence: RunRecord, heard: set[Telling]) -> Iterator[str]:
    if not any(key.startswith("rejected:") for key in evidence.recorded):
        yield "accepted and not stored: what is no event"
    if Telling(PLATFORM, Kind.REJECTED, "") not in heard:
        yield "not told: what is no event"


def _that_tell(key: str) -> Iterator[str]:
    """Return the keys of what tells the news of an event: its own, or those of what has overtaken it."""
    yield key
    prefix, _, status = key.rpartition(":")
    if _RANK[status] < max(_RANK.values()):
        yield from (f"{prefix}:{later}" for later, rank in _RANK.items() if rank > _RANK[status])


def _needs_none(evidence: RunRecord, key: str, reminder: Telling) -> bool:
    """Return whether an event has no reminder to be told, or none any more when its hour came."""
    due = evidence.schedule.reminders.get(key)
    if due is None or any(other in evidence.recorded for other in _that_tell(key) if other != key):
        return True  # it began, or was over
    announcement = reminder._replace(kind=Kind.SCHEDULED)
    announced = [one.at for one in evidence.arrived if announcement in one.tellings]
    # Told together with it, or recorded after its hour, it would say nothing new.
    return min(announced, default=due) > due - _MARGIN_SECONDS


def _twice(evidence: RunRecord) -> tuple[list[str], list[str]]:
    """Find what came twice, and news told twice; what is beyond the promise apart."""
    found: list[str] = []
    beyond: list[str] = []
    told: Counter[Telling] = Counter()
    by_operation: dict[str, list[bool]] = {}
    for one in evidence.arrived:
        if one.operation_id not in by_operation:
            told.update(telling for telling in one.tellings if telling.cluster)
        by_operation.setdefault(one.operation_id, []).append(one.is_repeat)
    for operation, copies in by_operation.items():
        if len(copies) == 1 or operation not in evidence.fates or _may_repeat(evidence, operation, copies):
            continue
        whose = beyond if operation in evidence.held_up else found
        whose.append(f"{operation} left {len(copies)} times")
    found += [f"told {times} times: {' '.join(telling)}" for telling, times in told.items() if times > 1]
    return found, beyond


def _may_repeat(evidence: RunRecord, operation: str, copies: list[bool]) -> bool:
    """Return whether something may come more than once: by its channel, and by what it tells and says."""
    match evidence.temper(operation):
        case Temper.COLLAPSES:
            return True
        case Temper.BLIND:
            return evidence.is_actionable(operation) and copies.count(False) <= 1
    return False


def _out_of_order(evidence: RunRecord) -> Iterator[str]:
    """Find alerts that were opened again after their resolve, and those that nobody closed."""
    for place in evidence.schedule.places:
        if place.channel != "pagerduty":
            continue
        for cluster in {one.cluster for one in evidence.schedule.deliveries if one.key}:
            yield from _wrong_of_an_alert(evidence, place, cluster)


def _wrong_of_an_alert(evidence: RunRecord, place: Place, cluster: str) -> Iterator[str]:
    history = keys.history(guid(cluster))
    name = history[len("event:") : -1]
    actions = [action for action, key in evidence.alerts if key.endswith(f"/{name}")]
    failed, completed = (evidence.recorded.get(f"{history}{status}") for status in ("Failed", "Completed"))
    # What was recorded in the other order is told in that order.
    is_in_order = not (failed and completed) or failed < completed
    first_resolve = actions.index("resolve") if "resolve" in actions else len(actions)
    if "trigger" in actions[first_resolve:] and is_in_order:
        yield f"an alert was opened after its resolve: {cluster} at {place.audience}: {actions}"
    elif first_resolve == 0 and actions and is_in_order:
        yield f"a resolve of what was not triggered: {cluster} at {place.audience}"
    given_up = set().union(*map(evidence.tellings, _given_up(evidence)))
    was_resolved = (
        "resolve" in actions or Telling(place.audience, Kind.COMPLETED, cluster, place.key) in given_up
    )
    if "trigger" in actions and failed and completed and is_in_order and not was_resolved:
        yield f"an alert was not closed: {cluster} at {place.audience}"


def _untrue(evidence: RunRecord) -> Iterator[str]:
    """Find what the table says of mails and messages and is not so."""
    for operation, forms in evidence.forms.items():
        is_blind = evidence.temper(operation) is Temper.BLIND
        if operation and forms > 1 + is_blind:  # the other says that it may be a repeat
            yield f"{operation} was handed over in {forms} forms"
    for one in evidence.arrived:
        operation, fate = one.operation_id, evidence.fates.get(one.operation_id)
        if one.is_repeat and (fate is None or evidence.temper(operation) is not Temper.BLIND):
            yield f"{operation} says that it may be a repeat, which could have been known"
        if fate is None or fate.state not in _states(evidence, operation):
            state = fate.state if fate else "nothing"
            yield f"{operation or one.tellings} arrived, and the table says {state}"
        elif evidence.tellings(operation) != one.tellings:
            said = sorted(evidence.tellings(operation))
            yield f"{operation} tells {sorted(one.tellings)}, and the table says {said}"
    arrived = {one.operation_id for one in evidence.arrived}
    repeated = {one.operation_id for one in evidence.arrived if one.is_repeat}
    for operation, fate in evidence.fates.items():
        if fate.state == "sent" and operation not in arrived:
            yield f"{operation} never arrived, and the table says sent"
        if fate.state == "sent" and operation in repeated:
            yield f"{operation} says that it may be a repeat, and the table says sent"
        if fate.state not in _states(evidence, operation) and not _may_be_given_up(evidence, operation, fate):
            yield f"{operation} is said to have {fate.state}: {fate.why}"


def _states(evidence: RunRecord, operation: str) -> set[str]:
    """Return what the table may say of what has arrived, as far as the channel lets anybody know."""
    temper, fate = evidence.temper(operation), evidence.fates[operation]
    states = {"sent", "doubtful"} if temper is Temper.BLIND else {"sent"}
    is_unconfirmed = operation in evidence.refused and fate.why.startswith("unconfirmed")
    # A repeat was refused of what may have arrived, and nobody can be asked whether it had.
    return {*states, "failed"} if is_unconfirmed and temper is not Temper.ASKABLE else states


def _may_be_given_up(evidence: RunRecord, operation: str, fate: SentMail) -> bool:
    """Return whether something was refused, asked about where that helps, and dissolved if a digest."""
    is_known = operation in evidence.asked or fate.target or not evidence.schedule.mail.keeps_operations
    if operation not in evidence.refused or not is_known:
        return False
    return fate.state == "dissolved" or len(fate.members) == 1 or fate.why.startswith("unconfirmed")
