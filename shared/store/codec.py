"""Rows to values and back. Pure: no table in sight.

Limits of Table Storage that shape the rows: a text property 32,767 characters, a binary one 64 KiB, an entity
1 MiB. So an event is kept as short facts in JSON, and whole, as sent, in gzip'd chunks. Times are text: the
service knows none before 1601, and AKS sends the year 1.

A pair of functions for each kind of row, side by side: that is why it is one module.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from shared import decoding, keys
from shared.events import envelope, model
from shared.notices.kinds import Decision, Kind
from shared.notices.records import (
    Binding,
    Check,
    Mail,
    MailItem,
    Notice,
    RecipientReport,
    RejectedInput,
    SentMail,
    StoredEvent,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.maintenance.inventory import ClusterInfo
    from shared.store.table import Stored

from shared.store.blobs import pack, unpack
from shared.store.rows import (
    LONG_AGO,
    CheckRow,
    Count,
    MailRow,
    NoticeRow,
    SendGate,
    SpreadRow,
    Token,
    WorkRow,
)

_T = TypeVar("_T")

MAX_TEXT_UNITS = 24_000
"""UTF-16 code units in a text property. The service's own limit is 32,767; but what an event's facts take, at
two bytes each, has to leave room in the row for its chunks."""


_MAX_ADDRESSES = 50
_MAX_REPORTS = 50
_MAX_CHARACTERS = 200
_MAX_DETAIL_CHARACTERS = 120
_MAX_STATUS_CHARACTERS = 40
"""How much of what a mail service says is written down: together it stays within a text property."""


def event_values(recorded: StoredEvent, raw: str, *, received: datetime, token: str) -> dict[str, Any]:
    """Return an event's row."""
    event = recorded.event
    facts = _facts(event)
    details_elsewhere = _units(facts) > MAX_TEXT_UNITS
    if details_elsewhere:
        facts = _facts(msgspec.structs.replace(event, details=""))
    return {
        "kind": "event",
        "eventId": event.event_id,
        "status": event.status,
        "cluster": event.subject.key,
        "decision": recorded.decision,
        "revision": recorded.revision,
        "received": text(received),
        "token": token,
        "facts": facts,
        "detailsElsewhere": details_elsewhere,
        **_said("via", recorded.via),
        **_said("told", "\n".join(recorded.told[:_MAX_TOLD])),
        **pack(raw),
    }


_MAX_TOLD = 50
"""Of those who hear of an event: more than a mail names."""


def recorded(row: Stored) -> StoredEvent:
    """Read an event's row."""
    values = row.values
    event = _event(values["facts"])
    if values.get("detailsElsewhere"):
        for item in envelope.parse(unpack(values), time(values["received"])):
            if isinstance(item.reading, model.Event):  # of several clusters they all say the same
                event = msgspec.structs.replace(event, details=item.reading.details)
    decision, revision = values.get("decision", ""), values.get("revision", 0)
    said = decoding.from_values((decision, revision, values.get("via", "")), tuple[str, Count, str])
    told = tuple(filter(None, values.get("told", "").split("\n")))
    return StoredEvent(row.key, event, *said, told)


def recorded_by_key(row: Stored) -> StoredEvent:
    """Read what the key and the plain columns of an event's row tell, where its facts cannot be read.

    That is enough for every decision: the maintenance has reached this status, and nothing is told twice.
    """
    values = row.values
    status, _, revision = row.key.removeprefix(keys.history_of(row.key)).partition(":")
    event = model.Event(
        event_id=str(values.get("eventId", "")),
        status=str(values.get("status", status)),
        subject=model.subject(str(values.get("cluster", ""))) or model.Cluster("", "", ""),
        time=row.timestamp.astimezone(UTC),
        updated=row.timestamp.astimezone(UTC),
        end_of_support=model.EndOfSupport() if status.startswith(f"{model.Status.SCHEDULED}.") else None,
    )
    return StoredEvent(row.key, event, str(values.get("decision", "")), int(revision or 0), is_complete=False)


def rejected_values(rejected: RejectedInput) -> dict[str, Any]:
    """Return the row of input that could not be understood."""
    return {
        "kind": "rejected",
        "reason": rejected.reason[:1_000],
        "received": text(rejected.received),
        **pack(rejected.raw),
    }


def rejected(row: Stored) -> RejectedInput:
    """Read the row of input that could not be understood."""
    values = row.values
    return typed(RejectedInput(row.key, values["reason"], unpack(values), time(values["received"])))


def check_values(check: Check) -> dict[str, Any]:
    """Return a check's row."""
    return {"kind": "check", "what": check.kind, "of": check.key, "lead": check.lead, "due": text(check.due)}


def notice_values(notice: Notice) -> dict[str, Any]:
    """Return a notice's row."""
    return {
        "kind": "notice",
        "what": notice.kind,
        "of": notice.key,
        "audience": notice.audience,
        "lead": notice.lead,
        **_said("target", notice.target),
        **({"defaultHears": True} if notice.default_hears else {}),
        **({"attempts": notice.attempts} if notice.attempts else {}),
    }


def mail_values(mail: Mail, *, token: str = "", attempts: int = 0) -> dict[str, Any]:
    """Return a mail's row: leased under `token`, or, without one, free for whoever comes first."""
    return {
        "kind": "mail",
        "audience": mail.audience,
        "asOf": text(mail.as_of),
        "members": members_json(mail.members),
        "token": token,
        "attempts": attempts,
        "turns": 0,
        "leased": bool(token),
        "doubt": False,
        "refused": "",
        "repeats": mail.repeats,
        **_said("target", mail.target),
        **bound_values(mail.bound),
    }


def bound_values(bound: Binding | None) -> dict[str, str]:
    """Return what a mail in doubt keeps to."""
    return {"bound": _json(bound)} if bound else {}


def row(stored: Stored) -> StoredEvent | RejectedInput | SentMail:
    """Read a row that a notice may tell of."""
    match stored.values["kind"]:
        case "event":
            return recorded(stored)
        case "rejected":
            return rejected(stored)
        case "sent":
            return sent(stored)
        case other:
            raise ValueError(f"a row of kind {other!r} tells of nothing")


def work(row: Stored) -> WorkRow:
    """Read a row of work, or one of the gates that head them."""
    return gate(row) if row.values["kind"] == "pause" else typed(_work(row))


def typed(read: _T) -> _T:
    """Return what was read of a row, if each value is of its type. Raises ValidationError.

    Whoever works with it relies on that, and does not stand in for a row that another version wrote.
    """
    plain = msgspec.to_builtins(read, builtin_types=(bytes, datetime))
    decoding.from_values(plain, type(read))
    return read


def _work(row: Stored) -> WorkRow:
    values = row.values
    keys.due_of(row.key)  # it is asked for wherever work waits
    match values["kind"]:
        case "check":
            what, of, lead = Kind(values["what"]), values["of"], values["lead"]
            keys.history_of(of)
            return CheckRow(row.key, Check(_id(row.key), what, of, time(values["due"]), lead))
        case "notice":
            what, of, lead = Kind(values["what"]), values["of"], values["lead"]
            if of.startswith("event:"):
                keys.history_of(of)
            to, target = values["audience"], values.get("target", "")
            default_hears, attempts = values.get("defaultHears", False), values.get("attempts", 0)
            notice = Notice(_id(row.key), what, of, to, lead, target, default_hears, attempts)
            return NoticeRow(row.key, notice)
        case "mail":
            return mail_row(row)
        case "spread":
            return SpreadRow(row.key, row.etag, unpack(values), time(values["received"]), values["done"])
        case other:
            raise ValueError(f"a row of kind {other!r} is no work")


def spread_values(raw: str, received: datetime, done: int) -> dict[str, Any]:
    """Return the row of an event that names several clusters, and has been recorded for the first of them."""
    return {"kind": "spread", "received": text(received), "done": done, **pack(raw)}


def refers_to(row: WorkRow) -> set[str]:
    """Return the keys of the rows that a row of work tells of, or reads."""
    match row:
        case CheckRow(_, check):
            return {check.key}
        case NoticeRow(_, notice):
            return {notice.key}
        case MailRow():
            return {key for member in row.mail.members for key in (member.key, *member.history)}
        case _:
            return set()


def mail_row(row: Stored) -> MailRow:
    """Read a mail's row."""
    values = row.values
    mail = Mail(
        operation_id=_id(row.key),
        audience=values["audience"],
        as_of=time(values["asOf"]),
        members=_members(values["members"]),
        target=values.get("target", ""),
        repeats=values.get("repeats", ""),
        bound=decoding.from_json(values["bound"], Binding) if "bound" in values else None,
    )
    return MailRow(
        key=row.key,
        etag=row.etag,
        timestamp=datetime.fromtimestamp(row.timestamp.timestamp(), UTC),  # the SDK has a class of its own
        mail=mail,
        token=values["token"],
        attempts=values["attempts"],
        turns=values["turns"],
        leased=values["leased"],
        doubt=values["doubt"],
        refused=values["refused"],
        postponed=values.get("postponed", ""),
        draft=values.get("draft", ""),
        may_repeat=values.get("mayRepeat", False),
        suspected=time(values["suspected"]) if values.get("suspected") else None,
    )


def gate_values(gate: SendGate) -> dict[str, Any]:
    """Return the gate's row."""
    return {
        "kind": "pause",
        "until": text(gate.until),
        "reason": gate.reason[:1_000],
        "strikes": gate.strikes,
        "sends": _json({str(bucket): count for bucket, count in gate.sends.items()}),
    }


def gate(row: Stored) -> SendGate:
    """Read the gate."""
    values = row.values
    sends = decoding.from_json(values.get("sends", "{}"), dict[int, int], strict=False)
    until = time(values["until"]) if "until" in values else LONG_AGO
    reason, strikes = values.get("reason", ""), values.get("strikes", 0)
    silences = values.get("silences", "")
    return typed(SendGate(until, reason, strikes, sends, row.etag, keys.target_of(row.key), silences))


def last_mailed(row: Stored) -> datetime:
    """Read when an audience last got a grouped mail."""
    return time(row.values["last"])


def sent_values(sent: SentMail, token: str) -> dict[str, Any]:
    """Return the row of what became of a mail."""
    return {
        "kind": "sent",
        "state": sent.state,
        "audience": sent.audience,
        "at": text(sent.at),
        "subject": sent.subject[:1_000],
        "to": _json(sent.to[:_MAX_ADDRESSES]),
        "why": sent.why[:4_000],
        "refused": _json([line[:_MAX_CHARACTERS] for line in sent.refused[:_MAX_ADDRESSES]]),
        "attempts": sent.attempts,
        "members": members_json(sent.members),
        "reports": reports_json(sent.reports),
        "repeats": sent.repeats,
        "token": token,
        **_said("target", sent.target),
    }


def sent(row: Stored) -> SentMail:
    """Read what became of a mail."""
    values = row.values
    found = SentMail(
        key=row.key,
        state=values["state"],
        audience=values["audience"],
        target=values.get("target", ""),
        at=time(values["at"]),
        subject=values["subject"],
        to=decoding.from_json(values["to"], tuple[str, ...]),
        why=values["why"],
        refused=decoding.from_json(values["refused"], tuple[str, ...]),
        attempts=values["attempts"],
        members=_members(values["members"]),
        reports=decoding.from_json(values.get("reports", "[]"), tuple[RecipientReport, ...]),
        repeats=values.get("repeats", ""),
    )
    return typed(found)


def cluster_values(known: ClusterInfo) -> dict[str, Any]:
    """Return the row of what is known of a cluster. What would not fit is left out rather than cut."""
    facts = _json(known)
    if _units(facts) > MAX_TEXT_UNITS:
        facts = _json(msgspec.structs.replace(known, configurations=(), is_complete=False))
    if _units(facts) > MAX_TEXT_UNITS:
        facts = _json(
            msgspec.structs.replace(
                known, configurations=(), is_complete=False, pools=None, images={}, group_tags={}, changes=()
            )
        )
    return {
        "kind": "cluster",
        "cluster": known.cluster.key,
        "version": known.version,
        "read": text(known.read),
        "facts": facts,
    }


def cluster(row: Stored) -> ClusterInfo:
    """Read what is known of a cluster."""
    from shared.maintenance.inventory import ClusterInfo

    return decoding.from_json(row.values["facts"], ClusterInfo)


def news_values(recorded: StoredEvent, received: datetime) -> dict[str, Any]:
    """Return what pages tell of an event, to be merged into its cluster's row; nothing if they do not."""
    event = recorded.event
    if event.news or recorded.decision == Decision.STALE or not isinstance(event.subject, model.Cluster):
        return {}
    notice = event.description if event.end_of_support else ""
    # Texts from outside stay out: a page shows none, and the row has room for many maintenances.
    facts = _facts(msgspec.structs.replace(event, details="", source="", description="", envelope_id=""))
    said = _json([recorded.key, recorded.decision, recorded.revision, text(received), facts])
    return {
        "kind": "cluster",
        "cluster": event.subject.key,
        keys.news(event.event_id, event.status, notice): said,
    }


def news(value: str) -> tuple[StoredEvent, datetime]:
    """Read what `news_values` wrote: the event, as far as it was kept, and when it was received."""
    key, decision, revision, received, facts = decoding.from_json(value, tuple[str, str, int, str, str])
    return StoredEvent(key, _event(facts), decision, revision), time(received)


def token_values(token: Token) -> dict[str, Any]:
    """Return a token's row."""
    return {"kind": "token", "audience": token.audience, "created": text(token.created)}


def token(row: Stored) -> Token:
    """Read a token's row."""
    return Token(row.key.removeprefix(keys.TOKENS), row.values["audience"], time(row.values["created"]))


def old_news(row: Stored, since: datetime) -> set[str]:
    """Return the properties of a cluster's row with news received before a time, or that cannot be read."""
    found = set()
    for name, value in row.values.items():
        if name.startswith("news_"):
            try:
                is_old = news(value)[1] < since
            except (ValueError, TypeError):
                is_old = True
            if is_old:
                found.add(name)
    return found


def reports_json(reports: Sequence[RecipientReport]) -> str:
    """Return delivery reports as text, the latest of them if there are many."""
    return _json(
        [
            RecipientReport(
                report.recipient[:_MAX_CHARACTERS],
                report.status[:_MAX_STATUS_CHARACTERS],
                report.detail[:_MAX_DETAIL_CHARACTERS],
            )
            for report in reports[-_MAX_REPORTS:]
        ]
    )


def members_json(members: Sequence[MailItem]) -> str:
    """Return members as text: rows of the history they share a prefix with go by the rest of their keys."""
    return _json([_briefly(_shortened(member)) for member in members])


def fits(members: Sequence[MailItem]) -> bool:
    """Return whether these members fit into one mail's row."""
    return _units(members_json(members)) <= MAX_TEXT_UNITS


def text(value: datetime) -> str:
    """Return a time (aware) as text in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def time(value: str) -> datetime:
    """Read a time that `text` wrote. Raises ValueError for another."""
    time = datetime.fromisoformat(value)
    if time.tzinfo is None:
        raise ValueError(f"a time without a zone: {value}")
    return time


def _facts(event: model.Event) -> str:
    """Return an event's facts. What it is about stands under its sort: as `cluster`, release 0.1 reads it."""
    values = msgspec.to_builtins(event)
    values.pop("tags", None)
    sort = values["subject"].pop("type")
    return _json({sort if name == "subject" else name: value for name, value in values.items()})


def _event(facts: str) -> model.Event:
    """Read an event's facts."""
    values = decoding.from_json(facts, dict[str, Any])
    for sort in model.SUBJECTS:
        if isinstance(subject := values.pop(sort, None), dict):
            values["subject"] = {**subject, "type": sort}
    return decoding.from_values(values, model.Event)


def _shortened(member: MailItem) -> MailItem:
    if not member.history:
        return member
    prefix = keys.history_of(member.key)
    return msgspec.structs.replace(member, history=tuple(key.removeprefix(prefix) for key in member.history))


def _briefly(member: MailItem) -> list[Any]:
    """Return a member without the later fields that it, or its snapshot, says nothing in: rows are small."""
    values: list[Any] = msgspec.to_builtins(member)
    snapshot = values[_SNAPSHOT]
    while snapshot and len(snapshot) > _FIRST_FIELDS and not snapshot[-1]:
        snapshot.pop()
    return values if member.part else values[:-1]


_SNAPSHOT = MailItem.__struct_fields__.index("snapshot")
_FIRST_FIELDS = 9
"""Of a snapshot, those of 0.1."""


def _members(value: str) -> tuple[MailItem, ...]:
    return tuple(
        msgspec.structs.replace(
            member, history=tuple(keys.history_of(member.key) + part for part in member.history)
        )
        if member.history
        else member
        for member in decoding.from_json(value, tuple[MailItem, ...])
    )


def _said(name: str, value: str) -> dict[str, str]:
    """Return a property where there is something to say: rows of email are those of release 0.1."""
    return {name: value} if value else {}


def _id(work_key: str) -> str:
    return work_key.rpartition(":")[2]


def _units(value: str) -> int:
    """Count as the service counts: in UTF-16, where an emoji is two."""
    return len(value.encode("utf-16-le")) // 2


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
