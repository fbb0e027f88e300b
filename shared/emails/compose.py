"""From a frozen mail to an email: pure, and the same bytes at any time on any machine."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

from shared import ids
from shared.emails import calendar, digest, failed, planned, running, support, times, troubles
from shared.emails.email import Email
from shared.emails.outside import clean, clip, line
from shared.emails.rendering import render
from shared.emails.story import tell
from shared.emails.view import Digest, Frame, Look, Room, View, bordered
from shared.notices import Kind, Recorded, RejectedInput, SentMail
from shared.store import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shared.emails.email import Attachment
    from shared.emails.rendering import Rendered
    from shared.emails.story import Story
    from shared.notices import Mail, Member, Row
    from shared.routes import Audience

__all__ = ["LIMIT", "Look", "compose", "compose_plain"]

LIMIT = 102_000
"""Bytes of HTML, and of text: Gmail hides what comes after 102 KB."""

SUBJECT_LIMIT = 160
_STATUS_LIMIT = 80
_PART_LIMIT = 70

_KINDS: dict[Kind, Callable[[Story, Frame], View]] = {
    Kind.SCHEDULED: planned.scheduled,
    Kind.RESCHEDULED: planned.rescheduled,
    Kind.REMINDER: planned.reminder,
    Kind.CANCELED: planned.canceled,
    Kind.STARTED: running.started,
    Kind.COMPLETED: running.completed,
    Kind.NEWS: running.news,
    Kind.FAILED: failed.failed,
    Kind.END_OF_SUPPORT: support.end_of_support,
}

_ROOMS = (
    Room(),
    Room(raw=8_000, commands=20, items=60, line=1_000),
    Room(raw=4_000, commands=10, items=30, line=500, several=20),
    Room(raw=2_000, commands=5, items=12, line=250, several=10),
    Room(raw=500, commands=0, items=0, line=120, several=5),
)
"""From plenty to little: the first whose mail stays within the limit is taken."""


def compose(mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Look) -> Email:
    """Make the email of a frozen mail.

    `rows` holds the rows that its members name, by key. Raises if one that a member tells of is missing, or
    if composing meets something it cannot handle: then `compose_plain` does.
    """
    frame = Frame(mail.as_of, times.zone(audience.time_zone), audience, look)
    attachments: tuple[Attachment, ...] = ()
    if len(mail.members) == 1:
        view: View | Digest = _single(mail.members[0], rows, frame)
        entry = _calendar(mail.members[0], rows, frame)
        attachments = (entry,) if entry else ()
    else:
        view = digest.digest(mail.members, rows, frame)
    subject = _subject(view.status, view.subject)
    parts = _fit(view, subject)
    return _email(mail, rows, audience, look, subject=subject, parts=parts, attachments=attachments)


def compose_plain(mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Look, why: str) -> Email:
    """Make the email that goes out when composing raised: no templates, nothing that odd data could break.

    `why` says what was wrong with the other one.
    """
    lines = [
        "AKS maintenance news, in plain form: the usual mail could not be made",
        f"({clip(line(why[:2_000]), 500)}).",
        "",
    ]
    for member in mail.members:
        lines += [*_plainly(member, rows.get(member.key)), ""]
    lines.append(f"Sent to the audience “{clip(line(audience.name or audience.id), 100)}”.")
    text = clip("\n".join(lines), LIMIT // 8)
    first = rows.get(mail.members[0].key) if mail.members else None
    cluster = (first.event.cluster.name,) if isinstance(first, Recorded) else ()
    kinds = ", ".join(dict.fromkeys(member.kind.value for member in mail.members))
    subject = _subject(kinds.capitalize(), ("AKS maintenance", *(cluster if len(mail.members) == 1 else ())))
    return _email(mail, rows, audience, look, subject=subject, parts=_plain_parts(subject, text))


def _single(member: Member, rows: Mapping[str, Row], frame: Frame) -> View:
    row = rows[member.key]
    if isinstance(row, RejectedInput):
        return troubles.rejected(row, frame)
    if isinstance(row, SentMail):
        return troubles.undelivered(row, rows, frame)
    return _KINDS[member.kind](tell(member, rows), frame)


def _calendar(member: Member, rows: Mapping[str, Row], frame: Frame) -> Attachment | None:
    if member.kind not in calendar.KINDS:
        return None
    return calendar.entry(tell(member, rows), frame)


def _fit(view: View | Digest, subject: str) -> Rendered:
    """Render with as much as stays within the limit."""
    for room in _ROOMS:
        shown = bordered(digest.within(view, room) if isinstance(view, Digest) else view.cut(room), room)
        parts = render(shown, subject)
        if parts.size <= LIMIT:
            return parts
    raise ValueError(f"a mail of {parts.size} bytes cannot be made smaller")


def _email(
    mail: Mail,
    rows: Mapping[str, Row],
    audience: Audience,
    look: Look,
    *,
    subject: str,
    parts: Rendered,
    attachments: tuple[Attachment, ...] = (),
) -> Email:
    return Email(
        to=look.only_to or audience.to,
        cc=() if look.only_to else audience.cc,
        reply_to=audience.reply_to,
        subject=subject,
        html=parts.html,
        text=parts.text,
        message_id=ids.message_id(mail.operation_id, look.domain),
        date=mail.as_of,
        headers=tuple(_headers(mail, rows, look)),
        attachments=attachments,
    )


def _headers(mail: Mail, rows: Mapping[str, Row], look: Look) -> Iterator[tuple[str, str]]:
    row = rows.get(mail.members[0].key) if len(mail.members) == 1 else None
    if isinstance(row, Recorded):
        thread = ids.thread_id(keys.event_id(row.event.event_id), look.domain)
        yield "References", thread
        yield "In-Reply-To", thread
    # Both keep out-of-office answers from coming back.
    yield "Auto-Submitted", "auto-generated"
    yield "X-Auto-Response-Suppress", "All"
    if any(member.kind is Kind.FAILED for member in mail.members):
        yield "X-Priority", "1"
        yield "Importance", "high"


def _subject(status: str, parts: tuple[str, ...]) -> str:
    """Put the status first; parts are cut one by one, so that the last one is never lost to a long first."""
    words = " · ".join(clip(line(part[:500]), _PART_LIMIT) for part in parts if part)
    return clip(f"[{clip(line(status[:500]), _STATUS_LIMIT)}] {words}", SUBJECT_LIMIT)


def _plainly(member: Member, row: Row | None) -> list[str]:
    lines = [f"* {member.kind.value}"]
    if isinstance(row, Recorded):
        event = row.event
        lines[0] += (
            f": {clip(line(event.cluster.name[:500]), 100)} (AKS status {clip(line(event.status), 60)})"
        )
        lines.append(f"  {clip(line(event.cluster.id[:2000]), 500)}")
        if event.start is not None:
            lines.append(f"  starts {event.start.isoformat()}")
        lines.append(f"  as of {event.updated.isoformat()}, event {clip(line(event.event_id), 100)}")
        if event.details:
            lines.append("  " + clip(clean(event.details[:2_000]), 1_000).replace("\n", "\n  "))
    else:
        lines.append(f"  row {clip(line(member.key[:500]), 200)}")
        if isinstance(row, RejectedInput):
            lines.append(f"  {clip(line(row.reason[:2000]), 500)}")
        elif isinstance(row, SentMail):
            lines.append(f"  {clip(line(row.subject[:2000]), 300)}: {clip(line(row.why[:2000]), 500)}")
    return lines


_PLAIN = Template(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>$subject</title></head>\n'
    '<body><pre style="white-space:pre-wrap;overflow-wrap:anywhere">$text</pre></body></html>\n'
)


def _plain_parts(subject: str, text: str) -> Rendered:
    from html import escape

    from shared.emails.rendering import Rendered

    return Rendered(_PLAIN.substitute(subject=escape(subject), text=escape(text)), text)
