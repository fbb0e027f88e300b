"""Mails of any mixture: what is hostile in them shows as text, and does nothing.

It is long because it makes all that a mail can tell of, and checks each place where that may show.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from hypothesis import strategies as st

from shared.audience import Audience
from shared.channels.email.compose import (
    MAX_BYTES,
    MAX_SUBJECT_CHARACTERS,
    Branding,
    compose,
    compose_plain,
    count_fitting,
    ordered,
)
from shared.channels.email.mime import message_bytes
from shared.events.model import Cluster, EndOfSupport, Event, Fleet, Status, Upgrade
from shared.events.run import Gate, MemberFailure, MemberWindow, RunFacts, RunNews, RunStatus, StageFacts
from shared.messages import of_no_cluster
from shared.notices.kinds import Kind
from shared.notices.records import Mail, MailItem, RecipientReport, RejectedInput, Row, SentMail, StoredEvent
from shared.snapshot import ClusterSnapshot, Span
from shared.text import line
from testing.hostile import InputVerdict
from testing.hostile.commands import check_commands, check_margin, check_names
from testing.hostile.failures import HOSTS, REASONS
from testing.hostile.markup import check_markup
from testing.hostile.material import LONG, NASTY
from testing.hostile.messages import OPERATION, SENDER, check_calendar, check_message, hidden
from testing.samples import mails

if TYPE_CHECKING:
    from shared.channels.email.email import Email


TROUBLES = frozenset({Kind.REJECTED, Kind.UNDELIVERED, Kind.UNREACHABLE, Kind.TARGET_GONE})
OF_RUNS = tuple(Kind(news) for news in RunNews if news != RunNews.NEWS)
OBSERVED = frozenset({Kind.FAILED_STATE, Kind.RECOVERED, Kind.NOTHING_HAPPENED})
"""What the app makes of what it has read: their facts are its own, in a form of their kind."""
NEWS = tuple(
    kind
    for kind in Kind
    if kind not in TROUBLES | OBSERVED and kind not in OF_RUNS and not of_no_cluster.tells(kind)
)


class ToldRow(NamedTuple):
    """A row, and what kind of notice tells of it."""

    kind: Kind
    row: Row
    snapshot: ClusterSnapshot | None = None
    lead: str = ""


class ReadEmail(NamedTuple):
    """A frozen mail, and to whom it goes."""

    told: tuple[ToldRow, ...]
    as_of: datetime
    audience: Audience
    branding: Branding
    why: str = ""


ANY = st.sampled_from(NASTY) | st.text(max_size=20)
TIMES = st.datetimes(
    datetime(1900, 1, 2),  # noqa: DTZ001 - hypothesis wants it naive
    datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
) | st.integers(-100_000, 100_000).map(lambda minutes: mails.NOW + timedelta(minutes=minutes))


def _event(
    texts: list[str], times: list[datetime], details: str, words: tuple[str, Upgrade, bool], number: int
) -> Row:
    """Make an event whose fields take turns at these texts."""
    status, upgrade, ends = words

    def text(field: int) -> str:
        return texts[(field * (number + 1)) % len(texts)]

    def time(field: int) -> datetime:
        return times[(field * (number + 1)) % len(times)]

    event = Event(
        event_id=text(0),
        status=status,
        subject=Cluster(text(1), text(2), text(3)),
        time=time(0),
        envelope_id=text(4),
        upgrade=upgrade,
        start=time(1) if number % 3 else None,
        updated=time(2),
        pools=(text(5), text(6))[: number % 3],
        region=text(7),
        description=text(8),
        source=text(9),
        details=details,
        end_of_support=EndOfSupport(text(10), time(3) if number % 2 else None, text(11)) if ends else None,
    )
    return mails.recorded(event, number % 4)


def _of_a_run(texts: list[str], times: list[datetime], details: str, number: int) -> Row:
    """Make an event of an update run whose fields take turns at these texts."""

    def text(field: int) -> str:
        return texts[(field * (number + 1)) % len(texts)]

    stage = StageFacts(text(3), text(4), number, number % 3, number % 2, 1, 2)
    facts = RunFacts(
        name=text(0) if number % 5 else "",
        stage=text(3),
        group=text(5) if number % 2 else "",
        member=text(6),
        member_id=Cluster(text(7), text(8), text(9)).id if number % 3 else text(7),
        gate=Gate(text(1), text(2), "Approval" if number % 2 else text(4), text(5)) if number % 4 else None,
        profile=text(8),
        target=text(9),
        stages=(stage, stage),
        failed=(MemberFailure(text(6), text(7), text(8), text(9)),),
        waits=(text(1), text(2)),
        windows=(MemberWindow(text(6), text(3), times[0], times[0] + timedelta(hours=4), 60),),
    )
    statuses = (*RunStatus, text(10))
    event = Event(
        event_id=text(0),
        status=statuses[number % len(statuses)],
        subject=Fleet(text(1), text(2), text(3)),
        time=times[0],
        updated=times[-1],
        start=times[-1] if number % 2 else None,
        details=details,
        news=RunNews.GATE,
        run=facts,
    )
    return mails.recorded(event, number % 4)


def _trouble(texts: list[str], at: datetime, number: int) -> RejectedInput | SentMail:
    def text(field: int) -> str:
        return texts[(field * (number + 1)) % len(texts)]

    if number % 2:
        return RejectedInput(f"rejected:{number}", text(0), text(1), at)
    return SentMail(
        key=f"sent:{number}",
        state=text(0),
        audience=text(1),
        at=at,
        subject=text(2),
        to=(text(3), text(4)),
        why=text(5),
        refused=(text(6),),
        attempts=number,
        members=(MailItem(NEWS[number % len(NEWS)], f"event:{number}"),),
        reports=(RecipientReport(text(7), text(8), text(9)), RecipientReport(text(10), "Bounced", text(11)))[
            : 1 + number % 2
        ],
    )


_STATUSES = st.sampled_from([*map(str, Status)] * 3 + list(NASTY[:20]))
_EVENTS = st.builds(
    _event,
    st.lists(ANY, min_size=1, max_size=4),
    st.lists(TIMES, min_size=1, max_size=3),
    REASONS | ANY | st.sampled_from([long * 400 for long in LONG]),
    st.tuples(_STATUSES, st.sampled_from([*Upgrade]), st.booleans()),
    st.integers(0, 11),
)
_SPANS = st.builds(
    lambda start, hours: Span(start, start + timedelta(hours=hours), hours % 2 == 0),
    TIMES,
    st.integers(1, 168),
)
_STANDINGS = st.none() | st.builds(
    ClusterSnapshot,
    read=TIMES,
    version=ANY,
    channel=ANY,
    os_channel=ANY,
    offset=st.sampled_from((0, -480, 345, 1439, -1439)),
    governed=st.booleans(),
    lacks=st.booleans(),
    window=st.none() | _SPANS,
    next=st.none() | _SPANS,
)
_NEWS = st.builds(ToldRow, st.sampled_from(NEWS), _EVENTS, _STANDINGS, st.sampled_from(("", "24h", "7d")))
_RUNS = st.builds(
    ToldRow,
    st.sampled_from((*OF_RUNS, Kind.NEWS)),
    st.builds(
        _of_a_run,
        st.lists(ANY, min_size=1, max_size=4),
        st.lists(TIMES, min_size=1, max_size=3),
        REASONS | ANY,
        st.integers(0, 19),
    ),
    st.none(),
    st.sampled_from(("", "2")),
)
_TROUBLES = st.builds(
    lambda kind, row: ToldRow(Kind.REJECTED if isinstance(row, RejectedInput) else kind, row),
    st.sampled_from((Kind.UNDELIVERED, Kind.UNREACHABLE, Kind.TARGET_GONE)),
    st.builds(_trouble, st.lists(ANY, min_size=1, max_size=4), TIMES, st.integers(0, 11)),
)
AUDIENCES = st.sampled_from(
    (
        mails.TEAM,
        Audience(to=("ops@example.com",), cc=("b@example.com",)),
        Audience(
            id="<b>\"'&",
            name="<b>\"'& {{ 7 }}",
            to=("o'hara@example.com",),
            reply_to="x@example.com",
            runbook="https://wiki.example.com/a?b=c&d=%3Cscript%3E#javascript:x",
            time_zone="Pacific/Apia",
        ),
    )
)
LOOKS = st.sampled_from(
    (
        Branding(domain="contoso.example"),
        Branding(domain="contoso.example", portal="portal.azure.cn", only_to=("shadow@example.com",)),
    )
)
LETTERS = st.builds(
    ReadEmail,
    st.lists(_NEWS | _NEWS | _RUNS | _TROUBLES, min_size=1, max_size=3).map(tuple),
    TIMES,
    AUDIENCES,
    LOOKS,
    ANY,
)


def check_letter(letter: ReadEmail) -> InputVerdict:
    """Check that a mail of anything can be made: bounded, the same every time, and nothing in it but text.

    So can the plain one that stands in for it.
    """
    mail, rows = frozen(letter)
    made = compose(mail, rows, letter.audience, letter.branding)
    commands = check_email(made, letter.audience, letter.branding)
    names = {"<name>", *map(line, _names(letter))}
    for command in commands:
        check_names(command, names)
    again = compose(mail, rows, letter.audience, letter.branding)
    assert again == made
    assert message_bytes(again, OPERATION, SENDER) == message_bytes(made, OPERATION, SENDER)
    if len(mail.members) > 1:
        assert 1 <= count_fitting(mail, rows, letter.audience, letter.branding) <= len(mail.members)
        assert sorted(map(str, ordered(mail.members, rows))) == sorted(map(str, mail.members))
    plain = compose_plain(mail, rows, letter.audience, letter.branding, letter.why)
    check_email(plain, letter.audience, letter.branding)
    kind = "digest" if len(mail.members) > 1 else "single"
    return InputVerdict((kind, "plain"), len(made.html.encode()))


def _names(letter: ReadEmail) -> set[str]:
    events = [told.row.event for told in letter.told if isinstance(told.row, StoredEvent)]
    runs = [event.run for event in events if event.run]
    clusters = [event.subject for event in events]
    clusters += filter(None, (Cluster.parse(run.member_id) for run in runs))
    names = {name for one in clusters for name in (one.subscription, one.resource_group, one.name, one.id)}
    return names | {
        name for run in runs for name in (run.name, run.profile, run.gate.name if run.gate else "")
    }


def frozen(letter: ReadEmail) -> tuple[Mail, dict[str, Row]]:
    """Return the mail and the rows that it reads; its history names all of them, and one that is gone."""
    rows = {told.row.key: told.row for told in letter.told}
    history = (*rows, "event:gone:Started")
    members = tuple(
        MailItem(told.kind, told.row.key, history, told.lead, told.snapshot) for told in letter.told
    )
    mail = Mail(operation_id=OPERATION, audience=letter.audience.id, as_of=letter.as_of, members=members)
    return mail, rows


def check_email(made: Email, audience: Audience, branding: Branding) -> list[str]:
    """Check what holds of any email, and give its commands."""
    assert 0 < len(made.subject) <= MAX_SUBJECT_CHARACTERS
    for text in (made.subject, made.message_id, *(name + value for name, value in made.headers)):
        assert hidden(text) == []
        assert "\n" not in text
    # Joiners of ours end the line that mail programs show beside the subject.
    for text in (made.text, made.html.replace("\u034f", "")):
        assert hidden(text.replace("\t", "")) == []
        assert len(text.encode()) <= MAX_BYTES
    runbook = urlsplit(audience.runbook).hostname
    check_markup(made.html, HOSTS | {branding.portal} | ({runbook} if runbook else set()))
    for attachment in made.attachments:
        if not attachment.name.endswith(".ics"):
            continue
        check_calendar(attachment.content.decode())
    check_margin(made.text)
    check_message(made)
    return check_commands(made)
