"""What a run has left behind, and the verdict on it: nothing lost, nothing twice, the table says the truth.

The verdict goes by what the mail service took and by what was delivered, not by what the app says of itself:
an announcement may stay untold only where what has overtaken it was told.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from prove import schedules
from shared.notices import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prove.schedules import Schedule
    from shared.notices import SentMail
    from tests.support.mail_endpoint import Mail

_RANK = {"Scheduled": 0, "Started": 1, "Completed": 2, "Canceled": 2, "Failed": 2}
_MARGIN = 2.5
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
    refused: frozenset[str]
    """Operations that it answered with a 400, having taken nothing."""
    late: frozenset[str]
    """Operations of which a request reached it after its lease."""
    strikes: Counter[str]
    lives: int
    began: float


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with a run, in words; nothing, as a rule."""

    lost: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    untrue: tuple[str, ...] = ()
    """What the table says of mails, and is not so."""
    late: tuple[str, ...] = ()
    """Sent twice after a request that came later than what promise 2 presumes."""

    @property
    def is_good(self) -> bool:
        """Whether the promises were kept."""
        return not (self.lost or self.twice or self.untrue)


def judge(evidence: Evidence) -> Verdict:
    """Give the verdict on a run."""
    twice, late = _twice(evidence)
    return Verdict(tuple(_lost(evidence)), tuple(twice), tuple(_untrue(evidence)), tuple(late))


def _told(evidence: Evidence) -> Counter[tuple[str, Kind, str]]:
    """Count what arrived: to whom, of what kind, about which row."""
    told: Counter[tuple[str, Kind, str]] = Counter()
    for mail in evidence.mails:
        fate = evidence.fates.get(mail.operation_id)
        for member in fate.members if fate else ():
            told[fate.audience if fate else "", member.kind, member.key] += 1
    return told


def _lost(evidence: Evidence) -> Iterator[str]:
    """Find events that were accepted and are not stored, and news that nobody was told."""
    yield from (f"left undone: {key}" for key in evidence.left)
    told = _told(evidence)
    given_up = _given_up(evidence)
    heard = {(audience, key) for audience, _, key in told} | given_up
    for delivery in evidence.schedule.deliveries:
        if delivery.text not in evidence.accepted or delivery.is_repeat:
            continue
        if not delivery.key:
            yield from _rejection(evidence, told)
            continue
        if delivery.key not in evidence.stored:
            yield f"accepted and not stored: {delivery.key}"
        for audience in schedules.audiences(delivery.cluster):
            if not any((audience, key) in heard for key in _that_tell(delivery.key)):
                yield f"not told: {delivery.key} to {audience}"
            if not _is_reminded(evidence, delivery.key, audience, told, given_up):
                yield f"no reminder: {delivery.key} to {audience}"
    for operation, fate in evidence.fates.items():
        about_mail = all(member.kind is Kind.UNDELIVERED for member in fate.members)
        row = f"sent:{operation}"
        if fate.state == "failed" and not about_mail and not any(key == row for _, key in heard):
            yield f"failed and nobody told: {row}"


def _given_up(evidence: Evidence) -> set[tuple[str, str]]:
    """Give what an audience was not told because the mail service refused the mail: it says so itself."""
    return {
        (fate.audience, member.key)
        for fate in evidence.fates.values()
        if fate.state == "failed"
        for member in fate.members
    }


def _rejection(evidence: Evidence, told: Counter[tuple[str, Kind, str]]) -> Iterator[str]:
    if not any(key.startswith("rejected:") for key in evidence.stored):
        yield "accepted and not stored: what is no event"
    given_up = any(key.startswith("rejected:") for _, key in _given_up(evidence))
    if not given_up and not any(kind is Kind.REJECTED for _, kind, _ in told):
        yield "not told: what is no event"


def _that_tell(key: str) -> Iterator[str]:
    """Give the keys of what tells the news of an event: its own, or those of what has overtaken it."""
    yield key
    prefix, _, status = key.rpartition(":")
    if _RANK[status] < max(_RANK.values()):
        yield from (f"{prefix}:{later}" for later, rank in _RANK.items() if rank > _RANK[status])


def _is_reminded(
    evidence: Evidence,
    key: str,
    audience: str,
    told: Counter[tuple[str, Kind, str]],
    given_up: set[tuple[str, str]],
) -> bool:
    """Tell whether an announcement's reminder has gone out, where it had to."""
    due = evidence.schedule.reminders.get(key)
    if due is None or told[audience, Kind.REMINDER, key] or (audience, key) in given_up:
        return True
    later = [other for other in _that_tell(key) if other != key]
    if any(other in evidence.stored for other in later):
        return True  # it began, or was over, before its hour
    announced = [
        fate.at.timestamp() - evidence.began
        for operation, fate in evidence.fates.items()
        if fate.audience == audience
        and any(member.kind is Kind.SCHEDULED and member.key == key for member in fate.members)
    ]
    # Told together with it, or recorded after its hour, it would say nothing new.
    return min(announced, default=due) > due - _MARGIN


def _twice(evidence: Evidence) -> tuple[list[str], list[str]]:
    """Find mails that left twice, and news told twice; those that came late apart."""
    found: list[str] = []
    late: list[str] = []
    for operation, times in Counter(mail.operation_id for mail in evidence.mails).items():
        if times > 1:
            (late if operation in evidence.late else found).append(f"mail {operation} left {times} times")
    told: Counter[tuple[str, Kind, str]] = Counter()
    for operation in {mail.operation_id for mail in evidence.mails}:
        fate = evidence.fates.get(operation)
        for member in fate.members if fate else ():
            told[fate.audience if fate else "", member.kind, member.key] += 1
    found += [f"{kind} {key} told {audience} {n} times" for (audience, kind, key), n in told.items() if n > 1]
    return found, late


def _untrue(evidence: Evidence) -> Iterator[str]:
    """Find what the table says of mails and is not so."""
    arrived = {mail.operation_id: mail for mail in evidence.mails}
    for operation, mail in arrived.items():
        fate = evidence.fates.get(operation)
        if fate is None or fate.state != "sent":
            yield f"mail {operation} arrived, and the table says {fate.state if fate else 'nothing'}"
            continue
        html = str(mail.body["content"]["html"])
        clusters = {delivery.key: delivery.cluster for delivery in evidence.schedule.deliveries}
        for member in fate.members:
            if clusters.get(member.key, "") not in html:
                yield f"mail {operation} does not name the cluster of {member.key}"
    for operation, fate in evidence.fates.items():
        if fate.state == "sent" and operation not in arrived:
            yield f"mail {operation} never arrived, and the table says sent"
        if fate.state != "sent" and operation not in evidence.refused:
            yield f"mail {operation} is said to have {fate.state}: {fate.why}"
