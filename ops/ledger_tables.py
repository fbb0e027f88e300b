"""The ledger as tables. What clusters are called is looked up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ops import event_words
from ops.ledger_query import members, short
from ops.text_table import fitted
from shared import keys
from shared.audience import DEFAULT_AUDIENCE
from shared.delivery import limiter
from shared.store.rows import CheckRow, MailRow, NoticeRow
from shared.text import clip, line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from ops.ledger_query import Clusters, Entries, Waiting
    from shared.notices.records import MailItem, SentMail
    from shared.store.ledger import Received, Rejection
    from shared.store.rows import SendGate

EVENTS = ("AT (UTC)", "CLUSTER", "WHAT", "STATUS", "DECISION", "START (UTC)", "ID")
WORK = ("DUE (UTC)", "TYPE", "KIND", "FOR", "ABOUT", "STATE", "ID")
SENT = ("AT (UTC)", "STATE", "SUBJECT", "TO", "TELLS", "WHY", "ID")
REJECTED = ("AT (UTC)", "BYTES", "REASON", "ID")


def lists(
    entries: Entries,
    clusters: Clusters,
    *,
    since: str,
    now: datetime,
    limit: int | None,
) -> str:
    """Return what was chosen, each kind as a table under its counts. `since` is in words: `the last 7d`."""
    parts: list[str] = []
    if entries.events is not None:
        counts = _counts(received.event.event.status for received in entries.events)
        title = _title("CAME IN", len(entries.events), counts, since)
        rows = [event_row(received) for received in entries.events[:limit]]
        parts.append(_part(title, EVENTS, rows, len(entries.events)))
    if entries.sent is not None:
        title = _title(
            "TOLD", len(entries.sent), _counts(outcome(mail.state) for mail in entries.sent), since
        )
        sent = [sent_row(mail) for mail in entries.sent[:limit]]
        parts.append(_part(title, SENT, sent, len(entries.sent)))
    if entries.work is not None and entries.gate is not None:
        counts = _counts(_type(row) for row in entries.work)
        title = _title("WAITS", len(entries.work), counts) + "\n" + gate_line(entries.gate, now)
        title += "".join(f"\n{line(said)}" for said in _held(entries, now))
        work = [work_row(row, clusters, now) for row in entries.work[:limit]]
        parts.append(_part(title, WORK, work, len(entries.work)))
    if entries.rejected is not None:
        title = _title("REJECTED", len(entries.rejected), "", since)
        rejected = [rejected_row(rejection) for rejection in entries.rejected[:limit]]
        parts.append(_part(title, REJECTED, rejected, len(entries.rejected)))
    return "\n\n".join(parts)


def event_row(received: Received) -> tuple[str, ...]:
    """Return a line of what came in."""
    event, revision = received.event.event, received.event.revision
    return (
        moment(received.at),
        event.subject.name,
        event_words.kind(event) if received.event.is_complete else "cannot be read whole",
        f"{event.status} ({revision})" if revision else event.status,
        received.event.decision,
        moment(event.start) if event.start else "",
        short(received.key),
    )


def sent_row(mail: SentMail) -> tuple[str, ...]:
    """Return a line of what was told, to whom, and what came of it."""
    few = 1
    people = ", ".join(mail.to[:few]) + (f" +{len(mail.to) - few}" if len(mail.to) > few else "")
    return (
        moment(mail.at),
        outcome(mail.state),
        mail.subject or "-",
        people if mail.audience == DEFAULT_AUDIENCE else f"{mail.audience}: {people}",
        str(len(mail.members)),
        "; ".join(remarks(mail)),
        short(mail.key),
    )


def work_row(row: Waiting, clusters: Clusters, now: datetime) -> tuple[str, ...]:
    """Return a line of what waits."""
    due = keys.due_of(row.key)
    kind, audience = "", ""
    match row:
        case CheckRow(_, check):
            kind, audience = f"{check.kind} {check.lead}".strip(), "all it concerns"
        case NoticeRow(_, notice):
            kind, audience = f"{notice.kind} {notice.lead}".strip(), notice.audience
        case MailRow():
            kind, audience = tells(members(row)), row.mail.audience
    state = mail_state(row) if isinstance(row, MailRow) else "is due" if due <= now else ""
    return (moment(due), _type(row), kind, audience, clusters.names(row), state, short(row.key))


def rejected_row(rejection: Rejection) -> tuple[str, ...]:
    """Return a line of what could not be understood."""
    return moment(rejection.at), f"{rejection.size:,}", rejection.reason, short(rejection.key)


def gate_line(gate: SendGate, now: datetime) -> str:
    """Return whether mail may go, and how much has gone of late."""
    said = "Mail may go."
    if gate.until > now:
        said = f"No mail before {moment(gate.until)}: {clip(line(gate.reason), 60) or 'no reason given'}."
    if not gate.sends:
        return said
    minute, hour = _sends(gate, now, 60), _sends(gate, now, 3_600)
    return f"{said} Sent in the last minute: {minute}, in the last hour: {hour}."


def _held(entries: Entries, now: datetime) -> Iterator[str]:
    """Yield for whom something is due that is held, and until when."""
    due = [row for row in entries.work or () if isinstance(row, NoticeRow) and keys.due_of(row.key) <= now]
    for audience, target in dict.fromkeys((row.notice.audience, row.notice.target) for row in due):
        if held := event_words.held(entries.grouped.get((audience, target)), now):
            yield f"What is due for {audience} goes {f'to {target} ' if target else ''}{held}."


def remarks(mail: SentMail) -> list[str]:
    """Return what is to be said of a mail's outcome, in a few words each."""
    found = [mail.why] if mail.why else []
    if mail.refused:
        found.append(f"refused: {', '.join(mail.refused)}")
    found += [f"{report.status}: {report.recipient}" for report in mail.reports]
    if mail.repeats:
        found.append(f"repeats {mail.repeats[:8]}")
    if mail.attempts > 1:
        found.append(f"{mail.attempts} attempts")
    return found


def mail_state(row: MailRow) -> str:
    """Return whose turn a mail is that has not been settled."""
    found = ["being sent, or its sender gone" if row.leased else "for the next sweep"]
    if row.doubt:
        found.append("in doubt")
    if row.refused:
        found.append(f"refused: {row.refused}")
    if row.attempts:
        found.append(f"attempt {row.attempts}")
    if row.mail.repeats:
        found.append(f"repeats {row.mail.repeats[:8]}")
    return ", ".join(found)


def tells(told: Iterable[MailItem]) -> str:
    """Return the kinds that a mail tells, with their numbers."""
    counted = Counter(member.kind for member in told)
    return ", ".join(kind if number == 1 else f"{number} {kind}" for kind, number in counted.items())


def moment(time: datetime) -> str:
    """Return a time (in UTC), to the minute."""
    return f"{time:%Y-%m-%d %H:%M}"


def _part(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], total: int) -> str:
    if not rows:
        return title
    rest = f"\n({total - len(rows)} more; --limit N shows more)" if len(rows) < total else ""
    return f"{title}\n{fitted(head, rows)}{rest}"


def _title(what: str, total: int, counts: str, since: str = "") -> str:
    when = f" in {since}" if since else ""
    return f"{what}: {total or 'nothing'}{when}" + (f" ({counts})" if counts else "")


def _counts(words: Iterable[str]) -> str:
    return clip(line(", ".join(f"{word} {number}" for word, number in sorted(Counter(words).items()))), 80)


def _type(row: Waiting) -> str:
    match row:
        case CheckRow():
            return "check"
        case NoticeRow():
            return "notice"
        case MailRow():
            return "mail"


def _sends(gate: SendGate, now: datetime, seconds: int) -> int:
    since = now.timestamp() - seconds
    return sum(count for bucket, count in gate.sends.items() if (bucket + 1) * limiter.BUCKET_SECONDS > since)


def outcome(state: str) -> str:
    """Return what has become of a mail in the words that people read: what nobody knows is in doubt."""
    return "in doubt" if state == "doubtful" else state
