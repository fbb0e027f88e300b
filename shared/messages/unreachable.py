"""Mails about addresses that do not work: a mail was accepted and sent, and did not reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.messages import notifier_problems, phrases
from shared.messages.presentation import PRESENTATION, Tone
from shared.messages.view import Fact, Section, Step, View, said_facts
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.messages.view import RenderContext
    from shared.notices.records import MailItem, RecipientReport, SentMail

_BLOCK = (
    "A hard bounce blocks an address for 24 hours, and every further mail within a block prolongs it: to 48 "
    "hours, 96 hours, 7 days, at most 14 days."
)


class _Meaning(msgspec.Struct, frozen=True):
    """What a status comes down to, and what to do about it."""

    means: str
    step: str


_MEANINGS = {
    "bounced": _Meaning(
        "the receiving server refused it for good. Most likely there is no such address or domain.",
        "Bounced: correct the address or take it out. Do not just try again: that prolongs the block.",
    ),
    "suppressed": _Meaning(
        "an earlier mail to this address bounced, so the mail service dropped this one without trying.",
        "Suppressed: take the address out, at least until the block is over; put it back once it works.",
    ),
    "quarantined": _Meaning(
        "the receiving side holds it back as spam, bulk mail or phishing. Nobody reads it there unless it is "
        "released.",
        "Quarantined: ask whoever runs that mail system to release the mail and to trust the sender.",
    ),
    "filteredspam": _Meaning(
        "it was taken for spam, and rejected or blocked.",
        "FilteredSpam: ask whoever runs that mail system to trust the sender, and check that SPF, DKIM and "
        "DMARC of the sender's domain are in order.",
    ),
    "failed": _Meaning(
        "it was not delivered. What the mail service said of it is all that is known.",
        "Failed: read what the mail service said. If nothing explains it, send that address a mail by hand.",
    ),
}
_OTHER = _Meaning(
    "a status that is new to this notifier; it was reported as a failure.",
    "Look up the status in the documentation of the mail service.",
)


def reports(member: MailItem, row: SentMail) -> tuple[RecipientReport, ...]:
    """Return the reports that a notice is about: of the address that its lead names, or all there are.

    Only the first report of an address counts: the row may gain reports after the mail was frozen, and the
    mail is to stay as it is.
    """
    named = [report for report in row.reports if keys.address(report.recipient) == member.lead]
    return tuple(named[:1]) or row.reports


def unreachable(member: MailItem, row: SentMail, mail: Sequence[View], frame: RenderContext) -> View:
    """Return which addresses a mail did not reach, what the mail service said of each, and what to do.

    `mail` is what each of its members tells, as far as their rows are known.
    """
    about = notifier_problems.lines(row, mail)
    subject, told = row.subject or (about[0] if mail else f"to {row.audience}"), reports(member, row)
    addresses = tuple(dict.fromkeys(report.recipient for report in told))
    statuses = tuple(dict.fromkeys(report.status for report in told))
    who = addresses[0] if len(addresses) == 1 else f"{len(addresses)} addresses"
    gone = {address.lower() for address in (*addresses, *row.refused)}
    others = [address for address in row.to if address.lower() not in gone]
    found = {status.lower(): _MEANINGS.get(status.lower(), _OTHER) for status in statuses}
    facts = said_facts(
        ("Subject", subject),
        ("Audience", row.audience),
        ("To", ", ".join(row.to)),
        ("Refused", ", ".join(row.refused)),
        ("Row", row.key),
    )
    return View(
        status=PRESENTATION[Kind.UNREACHABLE].status,
        tone=PRESENTATION[Kind.UNREACHABLE].tone if others else Tone.FAILED,
        subject=(who, ", ".join(statuses), subject),
        preheader=f"{', '.join(map(_said, told))}. A mail to {row.audience} did not arrive there.",
        headline=f"A mail did not reach {who}",
        panel=(Fact("Sent", frame.beside(row.at)), Fact("Got it", _others(others))),
        sections=(
            Section(
                heading="What happened",
                paragraphs=(
                    f"The mail service took the mail “{subject}” to {row.audience}, and reported afterwards:",
                ),
                items=tuple(map(_said, told)),
            ),
            Section(
                heading="What it means",
                items=tuple(
                    f"{status}: {_MEANINGS.get(status.lower(), _OTHER).means}" for status in statuses
                ),
                note=_BLOCK if found.keys() & {"bounced", "suppressed"} else "",
            ),
            phrases.todo(
                *(Step(meaning.step) for meaning in dict.fromkeys(found.values())),
                Step(
                    "Correct the address where it is set: EMAIL_TO for the default audience, ROUTES for the "
                    "others. A team list is safer than personal addresses."
                ),
                Step("Tell the people behind the address, if what the mail was about matters to them."),
            ),
            *([Section(heading="What the mail was about", items=about)] if mail else []),
            Section(heading="The mail", facts=facts),
        ),
        notes=phrases.notes(frame),
    )


def outcome(report: RecipientReport) -> str:
    """Return what the mail service said: `Bounced (550 5.1.1 no such user)`."""
    return report.status + (f" ({report.detail})" if report.detail else "")


def _said(report: RecipientReport) -> str:
    return f"{report.recipient}: {outcome(report)}"


def _others(others: list[str]) -> str:
    if not others:
        return "Nobody, as far as is known."
    return f"The others: {', '.join(others)}."
