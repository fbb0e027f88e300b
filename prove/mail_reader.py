"""What a mail tells, read from the mail as it arrived: to whom it went, its subject, its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTER = re.compile(r"\bc\d+-[a-z]+(?:-\d)?-\d+\b")
"""The name of a cluster, by which a maintenance of a schedule is known: each has its own."""

_SUBJECT = re.compile(r"\[([^]]+)\]")

STATUS = {
    "failed": Kind.FAILED,
    "started": Kind.STARTED,
    "reminder": Kind.REMINDER,
    "scheduled": Kind.SCHEDULED,
    "rescheduled": Kind.RESCHEDULED,
    "canceled": Kind.CANCELED,
    "completed": Kind.COMPLETED,
    "waiting for approval": Kind.GATE,
    "approved": Kind.GATE_CLOSED,
    "not understood": Kind.REJECTED,
    "undelivered": Kind.UNDELIVERED,
    "events missed": Kind.MISSED_EVENTS,
}
"""The kind of a mail about one thing, by what its subject begins with."""

_HEADINGS = {
    "FAILED": Kind.FAILED,
    "STARTED": Kind.STARTED,
    "REMINDERS": Kind.REMINDER,
    "SCHEDULED": Kind.SCHEDULED,
    "RESCHEDULED": Kind.RESCHEDULED,
    "CANCELED": Kind.CANCELED,
    "COMPLETED": Kind.COMPLETED,
    "GATES THAT WAIT": Kind.GATE,
    "GATES THAT WAIT NO LONGER": Kind.GATE_CLOSED,
    "EVENTS THAT COULD NOT BE READ": Kind.REJECTED,
    "MAILS THAT COULD NOT BE SENT": Kind.UNDELIVERED,
    "EVENTS THAT DID NOT COME": Kind.MISSED_EVENTS,
}
"""The kind of what stands under a heading of a digest's text; more may follow after a colon."""

ADDRESSES = {"ops@example.com": "default"}
"""The audience of an address; all others are called as their address is."""


class Telling(NamedTuple):
    """One thing told: to which audience, what kind of news, of which cluster."""

    audience: str
    kind: Kind
    cluster: str
    """Empty where it is not about one: input that could not be understood, a mail that was not sent."""
    target: str = ""
    """The key of the target in rows: empty for mail."""


def read(address: str, subject: str, text: str) -> frozenset[Telling]:
    """Read all that a mail tells; nothing where it cannot be understood."""
    audience = ADDRESSES.get(address, address.partition("@")[0])
    return frozenset(Telling(audience, kind, cluster) for kind, cluster in _news(subject, text))


def _news(subject: str, text: str) -> Iterator[tuple[Kind, str]]:
    match = _SUBJECT.match(subject)
    status = match[1].lower() if match else ""
    if status in STATUS:
        kind = STATUS[status]
        # Subject and text have to agree.
        names = set(CLUSTER.findall(subject)) & set(CLUSTER.findall(text))
        yield from ((kind, name) for name in (names if _is_about_a_cluster(kind) else {""}))
        return
    kind_of_section: Kind | None = None
    for line in text.splitlines():
        if line == "--":
            return
        heading = heading_of(line)
        if heading is not None:
            kind_of_section = heading
        elif kind_of_section is not None:
            if not _is_about_a_cluster(kind_of_section):
                yield kind_of_section, ""
            elif not line.strip().startswith("https:"):
                yield from ((kind_of_section, name) for name in CLUSTER.findall(line))


def heading_of(line: str) -> Kind | None:
    """Return the kind that a line in capitals is the heading of; what is true of all below may follow."""
    return _HEADINGS.get(re.split(":| · ", line, maxsplit=1)[0])


def _is_about_a_cluster(kind: Kind) -> bool:
    return kind not in {Kind.REJECTED, Kind.UNDELIVERED, Kind.MISSED_EVENTS}
