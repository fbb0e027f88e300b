"""From a frozen mail to an email: pure, and the same bytes at any time on any machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared import ids, keys
from shared.channels import fitting
from shared.channels.email import calendar, listing
from shared.channels.email.email import Email
from shared.channels.email.plain import parts as plain_parts
from shared.channels.email.rendering import render
from shared.events.model import Fleet
from shared.messages import plain, telling
from shared.messages.branding import Branding
from shared.messages.digest import ordered
from shared.messages.history import read_history
from shared.messages.presentation import presentation
from shared.messages.run_history import read_run
from shared.messages.view import Digest, SizeBudget
from shared.notices.kinds import DATING, URGENT, Kind
from shared.notices.records import StoredEvent
from shared.text import clip, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.audience import Audience
    from shared.channels.email.email import Attachment
    from shared.channels.email.rendering import Rendered
    from shared.messages.presentation import Tone
    from shared.messages.view import RenderContext, View
    from shared.notices.records import Mail, MailItem, Row

__all__ = ["MAX_BYTES", "Branding", "compose", "compose_plain", "count_fitting", "ordered"]

MAX_BYTES = 102_000
"""Bytes of HTML, and of text: Gmail hides what comes after 102 KB."""

MAX_SUBJECT_CHARACTERS = 160
_MAX_STATUS_CHARACTERS = 80
_MAX_PART_CHARACTERS = 70
_MAX_SHADOW_CHARACTERS = 30
_DOT = " · "
_PHONE_CHARACTERS = 40
"""Characters after the status that a phone shows."""
_PHONE_REASON_CHARACTERS = 20
"""Of them for reason or time: all of `Fri 27 Nov 01:00 UTC`."""

_BUDGETS = (
    SizeBudget(),
    SizeBudget(raw=8_000, commands=20, items=60, line=1_000),
    SizeBudget(raw=4_000, commands=10, items=30, line=500, several=20),
    SizeBudget(raw=2_000, commands=5, items=12, line=250, several=10),
    SizeBudget(raw=500, commands=0, items=0, line=120, several=5),
)
"""From plenty to little: the first whose mail stays within the limit is taken."""


def compose(mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding) -> Email:
    """Return the email of a frozen mail.

    `rows` holds the rows that its members name, by key. Raises if one that a member tells of is missing, or
    if composing meets something it cannot handle: then `compose_plain` does.
    """
    frame = telling.context(mail, audience, branding)
    view = telling.told(mail, rows, frame)
    attachments: tuple[Attachment, ...] = ()
    if isinstance(view, Digest):
        attachments = (listing.attached(view.listing),)
    else:
        entry = _calendar(mail.members[0], rows, frame)
        attachments = (entry,) if entry else ()
    subject = _subject(view.status, view.subject, audience, branding)
    parts = _fit(view, subject)
    return _email(
        mail, rows, audience, branding, subject=subject, tone=view.tone, parts=parts, attachments=attachments
    )


def compose_plain(
    mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding, why: str
) -> Email:
    """Return the email that goes out when composing raised: no templates, nothing that odd data could break.

    `why` says what was wrong with the other one.
    """
    subject = _subject(*plain.subject(mail, rows), audience, branding)
    text = plain.text(mail, rows, audience, branding, why)
    for most in (
        MAX_BYTES,
        MAX_BYTES // 2,
        MAX_BYTES // 4,
        MAX_BYTES // 8,
    ):  # the last one fits whatever is in it
        parts = plain_parts(subject, clip(text, most))
        if parts.size <= MAX_BYTES:
            break
    tone = presentation(telling.kinds(mail)[0]).tone
    return _email(mail, rows, audience, branding, subject=subject, tone=tone, parts=parts)


def count_fitting(mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding) -> int:
    """Return how many of a mail's first members fit whole into one email, nothing cut."""

    def fits(told: Digest) -> bool:
        return (
            _render(told, _BUDGETS[0], _subject(told.status, told.subject, audience, branding)).size
            <= MAX_BYTES
        )

    return fitting.count_fitting(mail, rows, audience, branding, budget=_BUDGETS[0], fits=fits)


def _calendar(member: MailItem, rows: Mapping[str, Row], frame: RenderContext) -> Attachment | None:
    if member.kind in {Kind.GATE, Kind.GATE_CLOSED}:
        return calendar.of_gate(read_run(member, rows), frame)
    if member.kind not in DATING:
        return None
    return calendar.entry(read_history(member, rows), frame)


def _fit(view: View | Digest, subject: str) -> Rendered:
    """Render with as much as stays within the limit."""
    return fitting.fitted(
        _BUDGETS, lambda budget: _render(view, budget, subject), lambda parts: parts.size <= MAX_BYTES
    )


def _render(view: View | Digest, budget: SizeBudget, subject: str) -> Rendered:
    """Render as much as there is room for."""
    return render(fitting.shown(view, budget), subject)


def _email(
    mail: Mail,
    rows: Mapping[str, Row],
    audience: Audience,
    branding: Branding,
    *,
    subject: str,
    tone: Tone,
    parts: Rendered,
    attachments: tuple[Attachment, ...] = (),
) -> Email:
    return Email(
        to=branding.only_to or audience.to,
        cc=() if branding.only_to else audience.cc,
        reply_to=audience.reply_to,
        sender=mail.bound.sender if mail.bound else "",
        subject=subject,
        html=parts.html,
        text=parts.text,
        message_id=ids.message_id(mail.operation_id, branding.domain),
        date=mail.as_of,
        headers=tuple(_headers(mail, rows, branding, tone)),
        attachments=attachments,
    )


def _headers(
    mail: Mail, rows: Mapping[str, Row], branding: Branding, tone: Tone
) -> Iterator[tuple[str, str]]:
    row = rows.get(mail.members[0].key) if len(mail.members) == 1 else None
    if isinstance(row, StoredEvent):
        part = mail.members[0].part
        about = keys.event_id(part.event_id if part else row.event.event_id)
        thread = ids.thread_id(about, branding.domain)
        yield "References", thread
        yield "In-Reply-To", thread
        # Outlook goes by these two instead.
        fleet = Fleet.parse(part.fleet) if part else None
        topic = (fleet or row.event.subject).name or row.event.subject.subscription
        yield "Thread-Topic", f"AKS maintenance: {line(topic[:_MAX_PART_CHARACTERS])}"
        yield "Thread-Index", ids.thread_index(about)
    # Both keep out-of-office answers from coming back.
    yield "Auto-Submitted", "auto-generated"
    yield "X-Auto-Response-Suppress", "All"
    # For filters, and for the gallery of a folder of mails.
    yield "List-Id", f"<{_label(mail.audience)}.aks-maintenance.{branding.domain}>"
    yield "X-AKS-Notice", ", ".join(telling.kinds(mail))
    yield "X-AKS-Tone", tone
    if not URGENT.isdisjoint(telling.kinds(mail)):
        yield "X-Priority", "1"
        yield "Importance", "high"


def _label(audience: str) -> str:
    """Return an audience's id as a part of a domain's name (RFC 2919)."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", audience[:_MAX_PART_CHARACTERS]).strip("-") or "default"


def _subject(status: str, parts: tuple[str, ...], audience: Audience, branding: Branding) -> str:
    """Put the status first; then the cluster and what is most telling of it, on the first screen of a phone.

    Of a long cluster's name the middle is left out. The others are cut one by one, so that the last one is
    never lost to a long first. Shadow mode stands behind the status: rules of mail programs go by how a
    subject begins. It names the audience, as one mailbox then gets the mails of all of them.
    """
    first, *others = [line(part[:500]) for part in parts if part] or [""]
    most = (
        _PHONE_CHARACTERS - len(_DOT) - min(len(others[0]), _PHONE_REASON_CHARACTERS)
        if others
        else _MAX_PART_CHARACTERS
    )
    words = _DOT.join((_shortened(first, most), *(clip(part, _MAX_PART_CHARACTERS) for part in others)))
    shadow = f" [Shadow: {clip(line(audience.id), _MAX_SHADOW_CHARACTERS)}]" if branding.only_to else ""
    subject = f"[{clip(line(status[:500]), _MAX_STATUS_CHARACTERS)}]{shadow} {words}"
    # That is how an encoded word begins (RFC 2047): who decodes it finds whatever its author put there.
    return clip(subject.replace("=?", "= ?"), MAX_SUBJECT_CHARACTERS)


def _shortened(name: str, most: int) -> str:
    """Leave out the middle of a name, not of a sentence: clusters differ in how they begin and end."""
    if len(name) <= most or " " in name:
        return clip(name, _MAX_PART_CHARACTERS)
    head = (most - 1) // 2
    return f"{name[:head]}\N{HORIZONTAL ELLIPSIS}{name[head + 1 - most :]}"
