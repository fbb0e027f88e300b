"""One entry of the ledger, whole: an event with its history, what told of it, what still waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops import event_words, ledger_tables
from ops.ledger_query import Clusters, as_mail, asked_for, members, told_of, waiting_for
from ops.text_table import fitted
from shared import keys
from shared.delivery.settler import single
from shared.store import blobs
from shared.text import clean, clip, line, readable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from shared.notices.records import SentMail
    from shared.store.ledger import Ledger, Received
    from shared.store.rows import MailRow
    from shared.store.table import Stored

MAX_CHARACTERS = 8_000
"""Characters of a long text that are shown; --raw gives all of it."""


def maintenance(ledger: Ledger, prefix: str, key: str, now: datetime) -> str:
    """Return an event's facts, its whole history, the mails that told of it, and what waits for it.

    `key` is the event that was asked for; without it, the last that was received.
    """
    history = ledger.history(prefix)
    asked = asked_for(history, key)
    clusters = Clusters(ledger)
    clusters.learn(history)
    parts = [_facts(_event_facts(asked))]
    if asked.event.event.details:
        parts.append(f"DETAILS\n{_long(readable(asked.event.event.details))}")
    rows = [(*ledger_tables.event_row(received)[:-1], received.key) for received in history]
    head = ledger_tables.EVENTS
    parts.append(f"CAME IN\n{fitted((head[0], *head[3:-1], 'KEY'), [(row[0], *row[3:]) for row in rows])}")

    told = [ledger_tables.sent_row(mail) for mail in told_of(ledger, history, prefix)]
    parts.append(f"TOLD\n{fitted(ledger_tables.SENT, told)}" if told else "TOLD: nothing yet")

    waits = [ledger_tables.work_row(row, clusters, now) for row in waiting_for(ledger, prefix)]
    parts.append(f"WAITS\n{fitted(ledger_tables.WORK, waits)}" if waits else "WAITS: nothing")
    return "\n\n".join(parts)


def outcome(ledger: Ledger, mail: SentMail) -> str:
    """Return what became of a mail, and what it told, in words."""
    operation_id = mail.key.removeprefix(keys.sent(""))
    facts = [
        ("operation", operation_id),
        ("state", ledger_tables.outcome(mail.state)),
        ("why", mail.why),
        ("at", _moment(mail.at)),
        ("subject", mail.subject),
        ("audience", mail.audience),
        ("to", ", ".join(mail.to)),
        ("refused", ", ".join(mail.refused)),
        ("attempts", str(mail.attempts)),
        ("repeats", mail.repeats),
        ("repeated by", ", ".join(ledger.resends(operation_id))),
    ]
    parts = [_facts(facts), _members(ledger, mail)]
    if mail.reports:
        rows = [(report.recipient, report.status, report.detail) for report in mail.reports]
        parts.append(f"DELIVERY REPORTS\n{fitted(('RECIPIENT', 'STATUS', 'DETAIL'), rows)}")
    if mail.state == "dissolved":
        singles = [single(as_mail(mail), member) for member in mail.members]
        parts.append("\n".join(["DISSOLVED INTO", *(each.operation_id for each in singles)]))
    return "\n\n".join(parts)


def waiting_mail(ledger: Ledger, row: MailRow) -> str:
    """Return what there is to say of a mail that waits to be sent, or is being sent."""
    facts = [
        ("operation", row.mail.operation_id),
        ("state", f"waiting: {ledger_tables.mail_state(row)}"),
        ("frozen at", _moment(row.mail.as_of)),
        ("touched at", _moment(row.timestamp)),
        ("audience", row.mail.audience),
        ("attempts", str(row.attempts)),
        ("repeats", row.mail.repeats),
        ("key", row.key),
    ]
    return "\n\n".join([_facts(facts), _members(ledger, row)])


def plain(row: Stored) -> str:
    """Return any other row as it is, its raw text readable."""
    values = {name: value for name, value in row.values.items() if not isinstance(value, bytes)}
    facts = [("key", row.key), ("written", _moment(row.timestamp))]
    facts += [(name, str(value)) for name, value in values.items()]
    parts = [_facts(facts)]
    if "raw0" in row.values:
        parts.append(f"RAW\n{_long(readable(blobs.unpack(row.values)))}")
    return "\n\n".join(parts)


def _event_facts(received: Received) -> list[tuple[str, str]]:
    recorded, event = received.event, received.event.event
    return [
        ("cluster", event.subject.id),
        ("eventId", event.event_id),
        ("what", event_words.kind(event)),
        ("status", event.status + (f", revision {recorded.revision}" if recorded.revision else "")),
        ("decision", event_words.decided(recorded.decision)),
        ("start", _moment(event.start) if event.start else "not said"),
        ("received", _moment(received.at)),
        ("event time", _moment(event.time)),
        ("updated", _moment(event.updated)),
        ("envelope", event.envelope_id),
        ("region", event.region),
        ("node pools", ", ".join(event.pools)),
        ("source", event.source),
        ("description", event.description),
        ("key", received.key),
        ("", "" if recorded.is_complete else "This row cannot be read whole: --raw gives what was received."),
    ]


def _members(ledger: Ledger, row: MailRow | SentMail) -> str:
    clusters = Clusters(ledger)
    rows: list[tuple[str, ...]] = []
    for member in members(row):
        cluster = clusters.of(member.key)
        rows.append((f"{member.kind} {member.lead}".strip(), cluster.name if cluster else "-", member.key))
    return f"TELLS\n{fitted(('KIND', 'CLUSTER', 'KEY'), rows)}"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    said = [(name, line(value)) for name, value in facts if value]
    width = max(len(name) for name, _ in said)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in said)


def _long(text: str) -> str:
    return "\n".join(
        f"  {part}" for part in clip(clean(text[: 2 * MAX_CHARACTERS]), MAX_CHARACTERS).split("\n")
    )
