"""What is told when composing raised: a few lines, and nothing that odd data could break."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import phrases, run_view
from shared.messages.presentation import presentation
from shared.notices.records import RejectedInput, SentMail, StoredEvent
from shared.text import clean, clip, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.audience import Audience
    from shared.messages.branding import Branding
    from shared.notices.records import Mail, MailItem, Row


def subject(mail: Mail, rows: Mapping[str, Row]) -> tuple[str, tuple[str, ...]]:
    """Return the status and the other parts of the subject."""
    first = rows.get(mail.members[0].key) if len(mail.members) == 1 else None
    cluster = (first.event.subject.name or first.event.description,) if isinstance(first, StoredEvent) else ()
    statuses = ", ".join(dict.fromkeys(presentation(member.kind).status for member in mail.members))
    return statuses, (*cluster, "AKS maintenance")


def text(mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding, why: str) -> str:
    """Return a few lines about every member; `why` says what was wrong with the usual mail."""
    shadow = phrases.shadow(audience, branding)
    lines = [
        *([phrases.REPEAT, ""] if mail.is_repeat else []),
        *([clip(line(shadow), 2_000), ""] if shadow else []),
        "AKS maintenance news, in plain form: the usual mail could not be made",
        f"({clip(line(why[:2_000]), 500)}).",
        "",
    ]
    for member in mail.members:
        lines += [*_member(member, rows.get(member.key)), ""]
    lines.append(f"Sent to the audience “{clip(line(audience.name or audience.id), 100)}”.")
    return "\n".join(lines)


def _member(member: MailItem, row: Row | None) -> Iterator[str]:
    head = f"* {member.kind.value}"
    if isinstance(row, StoredEvent):
        event = row.event
        said = event.description if event.facts else f"AKS status {event.status}"
        yield f"{head}: {_short(event.subject.name, 100)} ({_short(said, 200)})"
        yield f"  {_short(event.subject.id, 500)}"
        if event.run is not None:
            yield f"  update run {_short(event.run.name, 100)}, {_short(run_view.happened(event), 300)}"
        if event.start is not None:
            yield f"  starts {event.start.isoformat()}"
        yield f"  as of {event.updated.isoformat()}, event {_short(event.event_id, 100)}"
        if event.details:
            yield "  " + clip(clean(event.details[:2_000]), 1_000).replace("\n", "\n  ")
        return
    yield head
    yield f"  row {_short(member.key, 200)}"
    if isinstance(row, RejectedInput):
        yield f"  {_short(row.reason, 500)}"
    elif isinstance(row, SentMail):
        yield f"  {_short(row.subject, 300)}: {_short(row.why, 500)}"
        for report in row.reports[:_MAX_REPORTS]:
            what = (report.recipient, report.status, report.detail)
            yield "  " + ": ".join(_short(part, 300) for part in what if part)


_MAX_REPORTS = 50


def _short(words: str, limit: int) -> str:
    return clip(line(words[:2_000]), limit)
