"""Mails about the notifier's own troubles: input it could not understand, mail it could not send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import phrases
from shared.messages.presentation import PRESENTATION
from shared.messages.view import Fact, Section, Step, View, said_facts
from shared.notices.kinds import Kind
from shared.text import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.messages.view import RenderContext
    from shared.notices.records import RejectedInput, SentMail

_MISSED = (
    "It may have announced a maintenance. It was acknowledged so that it does not block other events, and is "
    "stored whole. This mail comes once a day at most, for the first such event."
)


def rejected(row: RejectedInput, frame: RenderContext) -> View:
    """Return a view of an event that could not be understood, and of where it is kept."""
    size = len(row.raw.encode("utf-8", "surrogatepass"))
    return View(
        status=PRESENTATION[Kind.REJECTED].status,
        tone=PRESENTATION[Kind.REJECTED].tone,
        subject=(row.reason,),
        preheader=_MISSED,
        headline="An event could not be read",
        panel=(
            Fact("Received", frame.beside(row.received)),
            Fact("Reason", row.reason),
            Fact("Meaning", _MISSED),
        ),
        sections=(
            phrases.todo(
                Step("Show it whole.", f"./notifier show {row.key}"),
                Step("Read the beginning below. If it was sent by hand or by a test, nothing needs doing."),
                Step("Check that the event subscription sends AKS maintenance events to this function only."),
                Step("If AKS sent it, its format may have changed: please report it with the text below."),
            ),
            Section(
                heading="Where it is kept", facts=(Fact("Row", row.key), Fact("Size", f"{size:,} bytes"))
            ),
        ),
        sent=Section(heading="How it begins"),
        raw=readable(row.raw),
        notes=phrases.notes(frame),
    )


def undelivered(row: SentMail, about: Sequence[View], frame: RenderContext) -> View:
    """Return a view of a mail that could not be sent: what it told, to whom, why, and how to see it.

    `about` is what each of its members tells, as far as their rows are known; whether that mail was ever
    rendered or not, so that its cluster, status and reason are named.
    """
    to = ", ".join(row.to) or "nobody"
    why = row.why or "no reason was given"
    told = lines(row, about)
    first = about[0] if about else None
    if first is not None:
        subject = (first.subject[0], ": ".join((first.status, *first.subject[1:2])), *_more(row))
    else:
        subject = (row.subject or f"a mail to {row.audience}",)
    facts = said_facts(
        ("Subject", row.subject),
        ("Refused", ", ".join(row.refused)),
        ("Attempts", str(row.attempts) if row.attempts else ""),
        ("State", row.state),
        ("Row", row.key),
    )
    return View(
        status=PRESENTATION[Kind.UNDELIVERED].status,
        tone=PRESENTATION[Kind.UNDELIVERED].tone,
        subject=subject,
        preheader=f"To {row.audience}: {why}",
        headline="A mail could not be sent",
        cluster=first.cluster if first is not None else "",
        where=first.where if first is not None else "",
        panel=(
            Fact("About", told[0] if told else row.subject),
            Fact("To", f"{row.audience}: {to}"),
            Fact("Why", why),
            Fact("Given up", frame.beside(row.at)),
            Fact("Meaning", "These people may not know of it. It is not tried again by itself."),
        ),
        sections=(
            phrases.todo(
                Step("Show the mail and what it was about.", f"./notifier show {row.key}"),
                Step("Check that the addresses are right and that the mail service takes them."),
                Step("Check that the sender's domain is verified and linked to the mail service."),
                Step("Then send it again.", f"./notifier resend {row.key.partition(':')[2]}"),
            ),
            *([Section(heading="What it was about", items=told)] if len(told) > 1 else []),
            Section(heading="The mail", facts=facts),
        ),
        notes=phrases.notes(frame),
    )


def target_gone(row: SentMail, about: Sequence[View], frame: RenderContext) -> View:
    """Return a view of a target, of another channel than email, that is gone, and of what waits for it."""
    target = ", ".join(row.to) or row.target
    why = row.why or "no reason was given"
    waiting = lines(row, about)
    return View(
        status=PRESENTATION[Kind.TARGET_GONE].status,
        tone=PRESENTATION[Kind.TARGET_GONE].tone,
        subject=(target, f"of {row.audience}"),
        preheader=f"{target}: {why}",
        headline=f"{target} is not there any more",
        panel=(
            Fact("Target", f"{target} of {row.audience}"),
            Fact("Why", why),
            Fact("Since", frame.beside(row.at)),
            Fact("Meaning", "Messages for it wait, and are tried once an hour at most. Others get theirs."),
        ),
        sections=(
            phrases.todo(
                Step("Check whether the channel, the webhook or the key is still there."),
                Step("Make another, and put it where this one is named: in ROUTES, or in its setting."),
            ),
            Section(heading="What waits first", items=waiting),
        ),
        notes=phrases.notes(frame),
    )


def _more(row: SentMail) -> tuple[str, ...]:
    left = len(row.members) - 1
    return (f"and {left} more",) if left > 0 else ()


def lines(row: SentMail, about: Sequence[View]) -> tuple[str, ...]:
    """List what a mail told of: status, cluster and reason of each, or the kind of news where that is all."""
    if not about:
        return tuple(dict.fromkeys(member.kind.value for member in row.members))
    told = tuple(f"{view.status}: {' · '.join(view.subject)}" for view in about)
    left = len(row.members) - len(told)
    return (*told, f"… and {left} more") if left > 0 else told
