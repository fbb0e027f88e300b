"""Text from outside: it may hold anything, and changes nothing but itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels.email.compose import Branding, compose, compose_plain
from shared.events.model import Cluster, EndOfSupport, Status
from shared.notices.kinds import Kind
from shared.notices.records import Mail, MailItem, RecipientReport, RejectedInput, SentMail
from shared.text import clean, clip, line
from testing.hostile.emails import check_email
from testing.hostile.messages import hidden
from testing.samples import mails

if TYPE_CHECKING:
    from shared.channels.email.email import Email

LOOK = Branding(domain="contoso.example")

NASTY = [
    "<script>alert(1)</script>",
    "</td></table><h1>Injected</h1>",
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "a\r\nBcc: victim@example.com\r\n\r\nbody",
    "evil\u202egnp.exe\u2066x\u2069",
    "zero\u200bwidth\ufeff\u00adhyphen",
    "nul\x00escape\x1b[31mred\x1b]0;title\x07",
    "replacement\ufffd surrogate\ud800 end",
    "line\u2028separator\u2029next\x85done",
    "\U000e0041tag characters\U000e007f",
    "'; rm -rf / #$(reboot)`id`",
    "“quotes” & ampersands &amp; &#x202e;",
]


def check(email: Email) -> None:
    """Check what holds of any email."""
    check_email(email, mails.TEAM, LOOK)


def mail_of(kind: Kind, *rows: Any) -> tuple[Mail, dict[str, Any]]:
    """Return the mail that tells of the last of these rows."""
    member = MailItem(kind, rows[-1].key, tuple(row.key for row in rows))
    return (
        Mail(operation_id="0" * 8, audience="default", as_of=mails.NOW, members=(member,)),
        {row.key: row for row in rows},
    )


@pytest.mark.slow
@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Kind.FAILED, Status.FAILED),
        (Kind.SCHEDULED, Status.SCHEDULED),
        (Kind.STARTED, Status.STARTED),
        (Kind.COMPLETED, Status.COMPLETED),
        (Kind.CANCELED, Status.CANCELED),
        (Kind.NOT_STARTED, Status.SCHEDULED),
        (Kind.STILL_RUNNING, Status.STARTED),
        (Kind.NEWS, "odd"),
        (Kind.END_OF_SUPPORT, Status.SCHEDULED),
    ],
)
def test_hostile_events(nasty: str, kind: Kind, status: str) -> None:
    """Hostile text in every field of an event shows up as text, and as nothing else."""
    happened = mails.event(
        nasty if kind is Kind.NEWS else status,
        mails.NOW,
        subject=Cluster(nasty, nasty, nasty),
        event_id=nasty,
        region=nasty,
        description=nasty,
        source=nasty,
        details=nasty * 3,
        pools=(nasty, nasty),
        start=mails.START if status == Status.SCHEDULED else None,
        end_of_support=EndOfSupport(nasty, mails.START, nasty) if kind is Kind.END_OF_SUPPORT else None,
    )
    mail, rows = mail_of(kind, mails.recorded(happened))
    for email in (
        compose(mail, rows, mails.TEAM, LOOK),
        compose_plain(mail, rows, mails.TEAM, LOOK, nasty),
    ):
        check(email)
    both = msgspec.structs.replace(mail, members=(*mail.members, *mail.members))
    check(compose(both, rows, mails.TEAM, LOOK))


@pytest.mark.slow
@pytest.mark.parametrize("nasty", NASTY)
def test_hostile_troubles(nasty: str) -> None:
    """The same for input that was rejected and mails that were not sent."""
    refused = RejectedInput("rejected:0", nasty, nasty, mails.NOW)
    unsent = SentMail(
        key="sent:0",
        state=nasty,
        audience=nasty,
        at=mails.NOW,
        subject=nasty,
        to=(nasty,),
        why=nasty,
        refused=(nasty,),
    )
    unreached = msgspec.structs.replace(unsent, reports=(RecipientReport(nasty, nasty, nasty),) * 2)
    for kind, row in ((Kind.REJECTED, refused), (Kind.UNDELIVERED, unsent), (Kind.UNREACHABLE, unreached)):
        mail, rows = mail_of(kind, row)
        both = msgspec.structs.replace(mail, members=mail.members * 2)
        check(compose(both, rows, mails.TEAM, LOOK))
        check(compose(mail, rows, mails.TEAM, LOOK))
        check(compose_plain(mail, rows, mails.TEAM, LOOK, nasty))


@pytest.mark.slow
@pytest.mark.parametrize("letter", ["x", "<", '"', "\n", "\x00", "\u202e", "😀", "\ud800", "a ", "{"])
@pytest.mark.parametrize("kind", [Kind.FAILED, Kind.STARTED, Kind.REJECTED])
def test_a_megabyte_of_details_is_cut(letter: str, kind: Kind) -> None:
    """A megabyte of anything leaves a mail below 102 KB that says how much is left out."""
    text = letter * (1_000_000 // len(letter))
    row: Any = RejectedInput("rejected:0", "no eventId", text, mails.NOW)
    if kind is not Kind.REJECTED:
        row = mails.recorded(mails.event(kind.value.capitalize(), mails.NOW, details=text))
    mail, rows = mail_of(kind, row)
    email = compose(mail, rows, mails.TEAM, LOOK)
    check(email)
    if kind is not Kind.FAILED:
        assert "more characters are left out here" in email.text
        assert "more characters are left out here" in email.html
    check(compose_plain(mail, rows, mails.TEAM, LOOK, text))


def test_hidden_characters_are_shown() -> None:
    """What works unseen is made visible rather than dropped."""
    assert clean("a\x1b[31m\u202eb\x00\x7f\u200b") == "a␛[31m[U+202E]b␀␡[U+200B]"
    assert clean("a\r\nb\rc\u2028d") == "a\nb\nc\nd"
    assert line("  a\r\n\tb\u00a0c ") == "a b c"
    assert clip("abcdef", 4) == "abc…"


@given(st.text())
def test_cleaning_is_done_once(text: str) -> None:
    """Cleaning twice is cleaning once, and leaves nothing hidden."""
    once = clean(text)
    assert clean(once) == once
    assert hidden(once.replace("\t", "")) == []


def test_soon_is_not_too_soon() -> None:
    """A digest of failures long ago sorts and tells them like any other."""
    rows = [
        mails.recorded(mails.event(Status.FAILED, mails.NOW - timedelta(days=n), event_id=str(n)))
        for n in (9, 1)
    ]
    mail = Mail(
        operation_id="0" * 8,
        audience="default",
        as_of=mails.NOW,
        members=tuple(MailItem(Kind.FAILED, row.key) for row in rows),
    )
    text = compose(mail, {row.key: row for row in rows}, mails.TEAM, LOOK).text
    assert text.index("Wed 11 Nov") < text.index("Thu 19 Nov")
