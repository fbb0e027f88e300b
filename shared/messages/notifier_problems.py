"""Mails about the notifier's own troubles: input it could not understand, mail it could not send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import phrases, time_phrases
from shared.messages.presentation import PRESENTATION
from shared.messages.view import Fact, Section, Step, View
from shared.notices.kinds import Kind
from shared.notices.records import StoredEvent
from shared.text import readable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.messages.view import RenderContext
    from shared.notices.records import RejectedInput, Row, SentMail

MAX_TOLD = 20

_MISSED = (
    "It may have been news of a maintenance that nobody hears of now. It was acknowledged, so that it holds "
    "up nothing else, and is kept whole. This mail comes once a day at most, for the first such event."
)


def rejected(row: RejectedInput, frame: RenderContext) -> View:
    """Tell that an event could not be understood, and where it is kept."""
    size = len(row.raw.encode("utf-8", "surrogatepass"))
    there = time_phrases.local(row.received, frame.zone)
    return View(
        status=PRESENTATION[Kind.REJECTED].status,
        tone=PRESENTATION[Kind.REJECTED].tone,
        subject=("an event could not be read", row.reason),
        preheader=f"An event was kept but not understood: {row.reason}",
        headline="An event could not be read",
        moment_label="Received",
        moment=time_phrases.utc(row.received),
        moment_more=(there,) if there else (),
        sections=(
            Section(
                heading="What happened",
                paragraphs=(
                    f"Event Grid delivered something that this notifier could not read: {row.reason}.",
                ),
            ),
            Section(
                heading="What it means",
                paragraphs=(_MISSED,),
            ),
            Section(
                heading="What to do now",
                steps=(
                    Step(
                        "Read the beginning below. If it was sent by hand or by a test, nothing needs doing."
                    ),
                    Step(
                        "See that the event subscription sends AKS maintenance events to this function only."
                    ),
                    Step(
                        "If AKS sent it, its format may have changed: please report it with the text below."
                    ),
                ),
            ),
            Section(
                heading="Where it is kept",
                facts=(
                    Fact("Row", row.key),
                    Fact("Size", f"{size:,} bytes"),
                    Fact("Reason", row.reason),
                ),
            ),
        ),
        sent=Section(heading="How it begins"),
        raw=readable(row.raw),
        notes=phrases.notes(frame),
    )


def undelivered(row: SentMail, rows: Mapping[str, Row], frame: RenderContext) -> View:
    """Tell that a mail could not be sent: which, to whom, why."""
    subject = row.subject or "without a subject"
    to = ", ".join(row.to) or "nobody"
    there = time_phrases.local(row.at, frame.zone)
    about = told(row, rows)
    facts = [
        Fact("Subject", subject),
        Fact("Audience", row.audience),
        Fact("To", to),
        Fact("Refused", ", ".join(row.refused)),
        Fact("Reason", row.why),
        Fact("Attempts", str(row.attempts) if row.attempts else ""),
        Fact("State", row.state),
        Fact("Row", row.key),
    ]
    return View(
        status=PRESENTATION[Kind.UNDELIVERED].status,
        tone=PRESENTATION[Kind.UNDELIVERED].tone,
        subject=(f"a mail to {row.audience} could not be sent", subject),
        preheader=f"“{subject}” to {to}: {row.why or 'no reason given'}",
        headline="A mail could not be sent",
        moment_label="Given up",
        moment=time_phrases.utc(row.at),
        moment_more=(there,) if there else (),
        sections=(
            Section(
                heading="What happened",
                paragraphs=(
                    f"The mail “{subject}” to {to} could not be sent: {row.why or 'no reason was given'}.",
                ),
            ),
            Section(
                heading="What it means",
                paragraphs=(
                    "These people may not know what the mail would have told them. It is not tried again."
                    + (" It was about:" if about else ""),
                ),
                items=about,
            ),
            Section(
                heading="What to do now",
                steps=(
                    Step("Tell them, if it matters: the subject says what it was about."),
                    Step("See that the addresses are right and that the mail service takes them."),
                    Step("See that the sender's domain is verified and linked to the mail service."),
                ),
            ),
            Section(heading="The mail", facts=tuple(fact for fact in facts if fact.value)),
        ),
        notes=phrases.notes(frame),
    )


def target_gone(row: SentMail, rows: Mapping[str, Row], frame: RenderContext) -> View:
    """Tell that a target of another channel than email is gone: which, and what waits for it."""
    target = ", ".join(row.to) or row.target
    there = time_phrases.local(row.at, frame.zone)
    about = told(row, rows)
    facts = [
        Fact("Target", target),
        Fact("Audience", row.audience),
        Fact("Answer", row.why),
        Fact("First message that waits", row.subject),
    ]
    return View(
        status=PRESENTATION[Kind.TARGET_GONE].status,
        tone=PRESENTATION[Kind.TARGET_GONE].tone,
        subject=(f"{target} of {row.audience} takes no messages",),
        preheader=f"{target}: {row.why or 'no reason given'}",
        headline=f"{target} is not there any more",
        moment_label="Since",
        moment=time_phrases.utc(row.at),
        moment_more=(there,) if there else (),
        sections=(
            Section(
                heading="What happened",
                paragraphs=(f"The service says that {target} is gone: {row.why or 'no reason was given'}.",),
            ),
            Section(
                heading="What it means",
                paragraphs=("Messages for it wait, and are tried once an hour at most. The first is about:",),
                items=about,
            ),
            Section(
                heading="What to do now",
                steps=(
                    Step("Look whether the channel, the webhook or the key is still there."),
                    Step("Make another, and put it where this one is named: in ROUTES, or in its setting."),
                ),
            ),
            Section(heading="The target", facts=tuple(fact for fact in facts if fact.value)),
        ),
        notes=phrases.notes(frame),
    )


def told(row: SentMail, rows: Mapping[str, Row]) -> tuple[str, ...]:
    """List what a mail told of, as far as the rows say; empty where it is not known."""
    about = tuple(_told(member.kind, rows.get(member.key)) for member in row.members[:MAX_TOLD])
    left = len(row.members) - len(about)
    return (*about, f"… and {left} more") if left > 0 else about


def _told(kind: Kind, row: Row | None) -> str:
    if isinstance(row, StoredEvent):
        run = row.event.run
        what = f"update run {run.name}" if run else phrases.WHAT[row.event.upgrade]
        return f"{kind.value}: {what} · {row.event.subject.name}"
    return kind.value
