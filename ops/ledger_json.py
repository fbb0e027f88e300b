"""The ledger as JSON, for programs: times in ISO 8601 and UTC, texts as stored, ids whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ops.ledger_query import asked_for, told_of, waiting_for
from shared import keys
from shared.store import blobs, codec
from shared.store.codec import text
from shared.store.rows import CheckRow, MailRow, NoticeRow
from shared.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.ledger_query import Entries, Waiting
    from shared.notices.records import MailItem, SentMail
    from shared.store.ledger import Ledger, Received, Rejection
    from shared.store.rows import SendGate

    Object = dict[str, Any]


def as_object(entries: Entries, limit: int | None) -> Object:
    """Return one object, with an array for each kind that was asked for; `gate` goes with `work`."""
    found: Object = {}
    if entries.events is not None:
        found["events"] = [_event(received) for received in entries.events[:limit]]
    if entries.sent is not None:
        found["sent"] = [_sent(mail) for mail in entries.sent[:limit]]
    if entries.work is not None and entries.gate is not None:
        found["gate"] = _gate(entries.gate)
        found["work"] = [_work(row) for row in entries.work[:limit]]
    if entries.rejected is not None:
        found["rejected"] = [_rejected(rejection) for rejection in entries.rejected[:limit]]
    return found


def entry(ledger: Ledger, key: str) -> Object | None:
    """Return one entry, whole; None where it has gone. `key` is a row's, or the prefix of a maintenance."""
    if key.startswith("event:"):
        return _maintenance(ledger, keys.history_of(key), key)
    row = ledger.row(key)
    if row is None:
        return None
    match row.values.get("kind"):
        case "sent":
            sent = codec.sent(row)
            return _sent(sent) | {"repeatedBy": ledger.resends(sent.key.removeprefix(keys.sent("")))}
        case "mail":
            return _work(codec.mail_row(row))
    values = {name: value for name, value in row.values.items() if not isinstance(value, bytes)}
    raw = {"raw": readable(blobs.unpack(row.values))} if "raw0" in row.values else {}
    return {"key": row.key, "written": text(row.timestamp), **values, **raw}


def _maintenance(ledger: Ledger, prefix: str, key: str) -> Object:
    history = ledger.history(prefix)
    asked = asked_for(history, key)
    event = asked.event.event
    return _event(asked) | {
        "region": event.region,
        "pools": event.pools,
        "description": event.description,
        "details": event.details,
        "history": [_event(received) for received in history],
        "told": [_sent(mail) for mail in told_of(ledger, history, prefix)],
        "waits": [_work(row) for row in waiting_for(ledger, prefix)],
    }


def _event(received: Received) -> Object:
    event = received.event.event
    return {
        "key": received.key,
        "received": text(received.at),
        "eventId": event.event_id,
        "cluster": event.subject.id,
        "what": event.upgrade,
        "status": event.status,
        "revision": received.event.revision,
        "decision": received.event.decision,
        "start": text(event.start) if event.start else None,
        "envelopeId": event.envelope_id,
        "readable": received.event.is_complete,
    }


def _sent(mail: SentMail) -> Object:
    return {
        "key": mail.key,
        "at": text(mail.at),
        "operationId": mail.key.removeprefix(keys.sent("")),
        "state": mail.state,
        "audience": mail.audience,
        "subject": mail.subject,
        "to": mail.to,
        "why": mail.why,
        "refused": mail.refused,
        "reports": [
            {"recipient": report.recipient, "status": report.status, "detail": report.detail}
            for report in mail.reports
        ],
        "attempts": mail.attempts,
        "repeats": mail.repeats or None,
        "members": _members(mail.members),
    }


def _work(row: Waiting) -> Object:
    found: Object = {"key": row.key, "due": text(keys.due_of(row.key))}
    match row:
        case CheckRow(_, check):
            return found | {"type": "check", "kind": check.kind, "lead": check.lead, "of": check.key}
        case NoticeRow(_, notice):
            told: Object = {"kind": notice.kind, "lead": notice.lead, "of": notice.key}
            return found | {"type": "notice", "audience": notice.audience} | told
        case MailRow():
            return found | {
                "type": "mail",
                "audience": row.mail.audience,
                "operationId": row.mail.operation_id,
                "asOf": text(row.mail.as_of),
                "leased": row.leased,
                "doubt": row.doubt,
                "refused": row.refused,
                "attempts": row.attempts,
                "repeats": row.mail.repeats or None,
                "members": _members(row.mail.members),
            }


def _rejected(rejection: Rejection) -> Object:
    return {
        "key": rejection.key,
        "received": text(rejection.at),
        "reason": rejection.reason,
        "size": rejection.size,
    }


def _gate(gate: SendGate) -> Object:
    return {
        "until": text(gate.until),
        "reason": gate.reason,
        "sends": {str(bucket): count for bucket, count in gate.sends.items()},
    }


def _members(members: Iterable[MailItem]) -> list[Object]:
    return [{"kind": member.kind, "key": member.key, "lead": member.lead} for member in members]
