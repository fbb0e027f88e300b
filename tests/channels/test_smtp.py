"""The SMTP mailer against a real relay (aiosmtpd), and the MIME message that it sends."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from itertools import count
from typing import TYPE_CHECKING

import msgspec
import pytest

from shared.channels.email.email import Attachment, Email
from shared.channels.email.mime import mailbox, message_bytes
from shared.channels.email.relay import Relay, Tls
from shared.channels.email.smtp import SmtpMailer, parse_url
from shared.channels.outcomes import (
    Accepted,
    OperationState,
    Outcome,
    Postponed,
    Refused,
    Throttled,
    Timeouts,
    Unavailable,
    Unknown,
)
from testing.samples.email import EMAIL, OPERATION
from testing.smtp_server import Certificate, SmtpServer, make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

SENDER = "AKS maintenance <aks@example.com>"
PATIENT = Timeouts(connect=5, read=20)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    """Return a relay without TLS and without AUTH."""
    with SmtpServer() as running:
        yield running


def send(relay: SmtpServer, email: Email = EMAIL, *, password: str = "") -> Outcome:
    """Send an email through a relay."""
    return SmtpMailer(relay.url, password, SENDER).send(email, OPERATION, PATIENT)


def parsed(content: bytes) -> EmailMessage:
    """Read a message as a mail program does."""
    return message_from_bytes(content, policy=policy.default)


def test_accepted(relay: SmtpServer) -> None:
    """A message that the relay took is Accepted, for everybody in To and Cc."""
    assert send(relay) == Accepted()
    (message,) = relay.messages
    assert message.sender == "aks@example.com"
    assert message.recipients == ("ann@example.com", "bob@example.com", "carl@example.com")


def test_content(relay: SmtpServer) -> None:
    """What arrives is what was sent: headers, both texts with lines that start with a dot, attachments."""
    send(relay)
    message = parsed(relay.messages[0].content)
    headers = {name: str(message[name]) for name in ("From", "To", "Cc", "Reply-To", "Subject", "Date")}
    assert headers == {
        "From": SENDER,
        "To": "ann@example.com, Bob Builder <bob@example.com>",
        "Cc": "carl@example.com",
        "Reply-To": "platform@example.com",
        "Subject": EMAIL.subject,
        "Date": "Tue, 05 May 2026 01:00:00 +0000",
    }
    assert message["Message-ID"] == EMAIL.message_id
    assert message["References"] == "<maintenance-1@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    for kind, expected in (("plain", EMAIL.text), ("html", EMAIL.html)):
        part = message.get_body((kind,))
        assert part is not None
        assert part.get_content().replace("\r\n", "\n") == expected
    (calendar,) = message.iter_attachments()
    assert calendar.get_filename() == "Wartung für prod.ics"
    assert calendar["Content-Type"].params == {"method": "PUBLISH", "charset": "UTF-8"}
    assert calendar.get_content() == "BEGIN:VCALENDAR\r\n"


def test_same_bytes() -> None:
    """The same email under the same operation id is the same bytes: ASCII, CRLF, short lines."""
    first, second = (message_bytes(EMAIL, OPERATION, SENDER) for _ in range(2))
    assert first == second
    assert first.isascii()
    assert first.count(b"\n") == first.count(b"\r\n")
    assert max(map(len, first.split(b"\r\n"))) <= 78


def test_long_ids() -> None:
    """Ids too long for a line stay as they are: encoded, no mail program would see a thread in them."""
    name = f"<maintenance-{OPERATION}@12345678-1234-1234-1234-123456789012.azurecomm.net>"
    email = msgspec.structs.replace(EMAIL, headers=(("References", f"{name} {name}"),), message_id=name)
    content = message_bytes(email, OPERATION, SENDER)
    assert f"References: {name}\r\n {name}\r\n".encode() in content
    assert f"Message-ID: {name}\r\n".encode() in content


@pytest.mark.parametrize(
    "broken", ["\r\nBcc: eve@example.com", "\u2028x", "\x85x", "\x00x", "\ud800x", "\x0bx"]
)
def test_text_from_outside(broken: str) -> None:
    """Line breaks of any kind, control characters and broken Unicode make neither headers nor exceptions."""
    email = msgspec.structs.replace(
        EMAIL,
        subject=f"[Failed] {broken}",
        text=broken,
        html=broken,
        headers=(("X-Cluster", f"a{broken}"),),
        attachments=(Attachment(f"a{broken}.ics", "text/calendar", b""),),
    )
    message = parsed(message_bytes(email, OPERATION, SENDER))
    assert message["Bcc"] is None
    assert message["Subject"].startswith("[Failed] ")
    assert message["X-Cluster"] is not None


@pytest.mark.parametrize(
    "subject",
    [
        # Read as an encoded word, this is a line break, a header, and the beginning of another text.
        "[Failed] =?utf-8?q?a=0D=0ABcc:_eve=40example.com=0D=0A=0D=0Ahello?=",
        "[Failed] =?utf-8?q?a=0D=0ABcc:_eve=40example.com=0D=0A=0D=0Ahello?= · x",
        "=?utf-8?b?4oCuDQpCY2M6IGV2ZUBleGFtcGxlLmNvbQ==?= =?x?=",
        "a =?utf-8?q?plain?= b",
        # The line breaks right before a word beyond ASCII.
        "[1 rescheduled, 1 scheduled] [Shadow: shop-team] AKS maintenance · prod-weu-1",
        "[Failed] " + "weu " * 30 + "· \U0001f600 " + "\U0001f600" * 60,
        "[Failed] " + "x" * 120 + " " + "ü" * 30,
    ],
)
def test_subjects_arrive_as_they_are(subject: str) -> None:
    """A subject is no more than text: nothing in it is decoded, and no blank is added where it is long."""
    email = msgspec.structs.replace(EMAIL, subject=subject, headers=(("X-Cluster", subject),))
    content = message_bytes(email, OPERATION, SENDER)
    message = parsed(content)
    assert message["Subject"] == message["X-Cluster"] == subject
    assert {"Bcc"} & set(message) == set()
    assert max(map(len, content.split(b"\r\n"))) <= 78
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == EMAIL.text


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_tls_and_auth(certificate: Certificate, tls: str) -> None:
    """STARTTLS and implicit TLS with a private CA, with user and password, deliver."""
    with SmtpServer(certificate, tls=tls, user="aks", password="secret") as relay:  # type: ignore[arg-type]
        assert send(relay, password="secret") == Accepted()
        assert len(relay.messages) == 1


def test_opportunistic(certificate: Certificate) -> None:
    """Without a user STARTTLS is used where the relay offers it."""
    with SmtpServer(certificate, tls="starttls") as relay:
        assert send(relay) == Accepted()
        assert relay.sessions[0].encrypted


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_unknown_certificate(certificate: Certificate, tls: str) -> None:
    """A certificate that nobody vouches for is refused, before anything is said."""
    with SmtpServer(certificate, tls=tls) as relay:  # type: ignore[arg-type]
        outcome = SmtpMailer(relay.url.partition("?")[0], "", SENDER).send(EMAIL, OPERATION, PATIENT)
        assert isinstance(outcome, Unavailable)
        assert "certificate verify failed" in outcome.reason
        assert "mail" not in relay.commands


def test_wrong_password(certificate: Certificate) -> None:
    """A wrong password concerns all mail: Unavailable, and it is not repeated in the reason."""
    with SmtpServer(certificate, tls="starttls", user="aks", password="secret") as relay:
        outcome = send(relay, password="wrong-one")
    assert isinstance(outcome, Unavailable)
    assert outcome.reason.startswith("logging in as aks: 535")
    assert "wrong-one" not in outcome.reason


def test_no_starttls(relay: SmtpServer) -> None:
    """Where STARTTLS is required and not offered, neither password nor mail is sent."""
    url = relay.url.replace("//", "//aks@")
    outcome = SmtpMailer(url, "secret", SENDER).send(EMAIL, OPERATION, PATIENT)
    assert outcome == Unavailable("127.0.0.1 does not offer STARTTLS")
    assert relay.commands == ["ehlo"]


def test_recipient_refused(relay: SmtpServer) -> None:
    """A mail that some recipients are refused for is Accepted, and names them."""
    relay.replies["rcpt bob@example.com"] = "550 5.1.1 No such user"
    assert send(relay) == Accepted(refused=("bob@example.com",))
    assert relay.messages[0].recipients == ("ann@example.com", "carl@example.com")


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"rcpt": "550 5.1.1 No such user"}, Refused),
        ({"rcpt": "450 4.2.1 Try later"}, Postponed),
        ({"rcpt": "550 No", "rcpt ann@example.com": "450 Try later"}, Postponed),
        ({"rcpt": "421 Closing"}, Throttled),
        ({"rcpt": "530 5.7.0 Authentication required"}, Unavailable),
        ({"rcpt": "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen"}, Unavailable),
        ({"rcpt": "554 5.7.1 <ann@example.com>: Relay access denied"}, Unavailable),
        ({"rcpt": "550 relaying denied"}, Unavailable),
        ({"rcpt": "550 5.7.23 SPF validation failed"}, Unavailable),
        ({"rcpt": "450 4.7.1 Client host rejected: cannot find your reverse hostname"}, Unavailable),
        ({"rcpt": "450 4.7.1 Greylisted, come back"}, Postponed),
        ({"rcpt": "550 5.7.1 No", "rcpt ann@example.com": "550 5.1.1 No such user"}, Refused),
        ({"mail": "451 Try later"}, Throttled),
        ({"mail": "421 Closing"}, Throttled),
        ({"mail": "552 5.3.4 Too large"}, Refused),
        ({"mail": "550 5.1.7 The sender domain has not been linked"}, Unavailable),
        ({"mail": "530 5.7.0 Authentication required"}, Unavailable),
        ({"rcpt": "504 5.5.2 <localhost>: Helo command rejected: need a name"}, Unavailable),
        ({"rcpt": "550 5.1.0 <aks@example.com>: Sender address rejected: User unknown"}, Unavailable),
        ({"rcpt": "451 4.3.0 <ann@example.com>: Temporary lookup failure"}, Unavailable),
        ({"rcpt": "550 5.4.5 Daily SMTP relay limit exceeded"}, Unavailable),
        ({"rcpt": "550 5.1.90 Your message can't be sent: daily limit for recipients"}, Unavailable),
        ({"rcpt": "451 4.7.500 Server busy. Please try again later"}, Unavailable),
        ({"rcpt": "452 4.2.2 Mailbox full"}, Postponed),
        ({"rcpt": "550 5.4.1 Recipient address rejected: Access denied"}, Refused),
        ({"data": "451 Try later"}, Unavailable),
        ({"data": "554 No valid recipients"}, Refused),
        ({"data": "250 What?"}, Unavailable),
        ({"dot": "451 4.3.0 Error: queue file write error"}, Unavailable),
        ({"dot": "454 Throttling failure: Daily message quota exceeded"}, Unavailable),
        ({"dot": "451 4.7.1 Greylisting in action"}, Postponed),
        ({"dot": "554 Message rejected: Email address is not verified"}, Unavailable),
        ({"dot": "550 5.7.515 Access denied, sending domain does not meet the required level"}, Unavailable),
        ({"dot": "552 5.3.4 Message size exceeds fixed limit"}, Refused),
        ({"dot": "554 5.7.1 Spam"}, Refused),
        (
            {"dot": "554 5.2.252 SendAsDenied; aks@example.com not allowed to send as ops@example.com"},
            Unavailable,
        ),
        ({"dot": "550 5.7.26 Unauthenticated email from example.com is not accepted"}, Unavailable),
        ({"dot": "354 What?"}, Unknown),
        ({"dot": "nonsense"}, Unknown),
    ],
)
def test_refusals(relay: SmtpServer, replies: dict[str, str], expected: type[Outcome]) -> None:
    """A refusal means what its place, number and words say: not now, not this mail, no mail at all."""
    relay.replies.update(replies)
    outcome = send(relay)
    assert type(outcome) is expected
    assert relay.messages == []
    if isinstance(outcome, Throttled):
        assert outcome.retry_after == 60
    if not isinstance(outcome, Unknown):
        assert next(iter(replies.values())) in outcome.reason  # type: ignore[union-attr]


@pytest.mark.parametrize("step", ["ehlo", "mail", "rcpt", "data"])
def test_cut_before(relay: SmtpServer, step: str) -> None:
    """A connection cut before the final dot has sent nothing; from DATA on it may be this mail's doing."""
    relay.cuts.add(step)
    outcome = send(relay)
    assert isinstance(outcome, Unavailable)
    assert isinstance(outcome.of_this_mail, Postponed if step == "data" else type(None))
    assert relay.messages == []


@pytest.mark.slow
def test_cut_within(relay: SmtpServer) -> None:
    """A connection cut in the middle of the message has sent nothing: its final dot never left."""
    relay.replies["data"] = "354 Go ahead"  # and cuts
    large = Attachment("large.bin", "application/octet-stream", bytes(20_000_000))
    outcome = send(relay, msgspec.structs.replace(EMAIL, attachments=(large,)))
    assert isinstance(outcome, Unavailable)
    assert relay.messages == []


def test_cut_after(relay: SmtpServer) -> None:
    """A connection cut after the final dot leaves the mail's fate Unknown: here the relay has it."""
    relay.cuts.add("dot")
    assert isinstance(send(relay), Unknown)
    assert len(relay.messages) == 1


@pytest.mark.parametrize(
    ("step", "before", "expected"),
    [
        ("ehlo", None, Unavailable),
        ("data", "rcpt carl@example.com", Unavailable),
        ("dot", "data", Unknown),
    ],
)
def test_stalled(
    relay: SmtpServer, monkeypatch: pytest.MonkeyPatch, step: str, before: str | None, expected: type[Outcome]
) -> None:
    """A relay that stops answering is given up on: only after the final dot is the mail's fate unknown."""
    relay.stalls.add(step)
    ticks = count()

    def clock() -> float:
        """Leave a tenth of a second from the step on, and all the time in the world until then."""
        late = next(ticks) > 0 if before is None else before in relay.commands
        return PATIENT.connect + PATIENT.read - 0.1 if late else 0

    monkeypatch.setattr(time, "monotonic", clock)
    assert type(send(relay)) is expected
    assert relay.messages == [] or step == "dot"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "drop", "expected"),
    [("ehlo", b"250-X\r\n", Unavailable), ("ehlo", b"2", Unavailable), ("dot", b"2", Unknown)],
)
def test_drips(relay: SmtpServer, step: str, drop: bytes, expected: type[Outcome]) -> None:
    """A relay whose answer never ends, byte by byte or line by line, is given up on as one that is silent."""
    relay.drips[step] = drop
    outcome = SmtpMailer(relay.url, "", SENDER).send(EMAIL, OPERATION, Timeouts(connect=0.5, read=0.5))
    assert type(outcome) is expected


def test_conversation_in_time(relay: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation whose steps add up to more than the timeouts ends before its final dot."""
    ticks = count(step=4)
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    outcome = send(relay)
    assert isinstance(outcome, Unavailable)
    assert "took too long" in outcome.reason
    assert relay.messages == []


def test_nobody_there(relay: SmtpServer) -> None:
    """Without a connection nothing was sent: Unavailable, with the relay's name."""
    with SmtpServer() as gone:
        pass
    outcome = send(gone)
    assert isinstance(outcome, Unavailable)
    assert outcome.reason.startswith("no connection to 127.0.0.1: ConnectionRefusedError")


def test_too_large() -> None:
    """A message larger than the relay says it takes is Refused before it is sent."""
    with SmtpServer(size_limit=1000) as relay:
        outcome = send(relay)
    assert isinstance(outcome, Refused)
    assert "more than the 1000 that the relay takes" in outcome.reason
    assert "mail" not in relay.commands


def test_addresses(relay: SmtpServer) -> None:
    """A domain beyond ASCII is written as IDNA; an address that cannot be written to counts as refused."""
    email = msgspec.structs.replace(EMAIL, to=("a@bücher.example", "jürgen@example.com", "nobody"), cc=())
    assert send(relay, email) == Accepted(refused=("jürgen@example.com", "nobody"))
    assert relay.messages[0].recipients == ("a@xn--bcher-kva.example",)
    assert str(parsed(relay.messages[0].content)["To"]) == "a@xn--bcher-kva.example"


@pytest.mark.parametrize("to", [(), ("jürgen@example.com",), ("nobody", "a@b c"), ("@example.com",)])
def test_nobody_to_write_to(relay: SmtpServer, to: tuple[str, ...]) -> None:
    """Without an address that can be written to, the mail is Refused and no relay is bothered."""
    outcome = send(relay, msgspec.structs.replace(EMAIL, to=to, cc=()))
    assert isinstance(outcome, Refused)
    assert relay.commands == []


def test_twice_the_same_recipient(relay: SmtpServer) -> None:
    """Somebody who is in To and in Cc gets one copy."""
    email = msgspec.structs.replace(EMAIL, cc=("Ann <ann@example.com>",))
    assert send(relay, email) == Accepted()
    assert relay.messages[0].recipients == ("ann@example.com", "bob@example.com")


def test_cannot_answer(relay: SmtpServer) -> None:
    """SMTP cannot be asked."""
    mailer = SmtpMailer(relay.url, "", SENDER)
    assert mailer.status_of(OPERATION, PATIENT).state is OperationState.NO_ANSWER


def test_threads(relay: SmtpServer) -> None:
    """32 threads share one mailer."""
    mailer = SmtpMailer(relay.url, "", SENDER)
    together = threading.Barrier(32)

    def run(number: int) -> Outcome:
        together.wait(30)
        return mailer.send(msgspec.structs.replace(EMAIL, subject=str(number)), str(number), PATIENT)

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(run, range(32))) == {Accepted()}
    assert {str(parsed(message.content)["Subject"]) for message in relay.messages} == set(map(str, range(32)))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://relay.example.com", Relay("relay.example.com", 587, Tls.OFFERED)),
        ("smtp://relay.example.com:25?starttls=never", Relay("relay.example.com", 25, Tls.NEVER)),
        ("smtp://relay.example.com?starttls=always", Relay("relay.example.com", 587, Tls.REQUIRED)),
        (
            "smtp://aks%40example.com@relay.example.com",
            Relay("relay.example.com", 587, Tls.REQUIRED, "aks@example.com"),
        ),
        ("SMTPS://aks@Relay.example.com", Relay("relay.example.com", 465, Tls.IMPLICIT, "aks")),
        ("smtps://[::1]:2465/?cafile=/etc/ca.pem", Relay("::1", 2465, Tls.IMPLICIT, "", "/etc/ca.pem")),
        ("smtp://bücher.example", Relay("xn--bcher-kva.example", 587, Tls.OFFERED)),
    ],
)
def test_url(url: str, expected: Relay) -> None:
    """The URL says where the relay is and how it is spoken to; a user makes STARTTLS a must."""
    assert parse_url(url) == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must have the form smtp://"),
        ("relay.example.com:587", "must have the form smtp://"),
        ("http://relay.example.com", "must have the form smtp://"),
        ("smtp://:587", "must have the form smtp://"),
        ("smtp://relay.example.com:port", "is malformed"),
        ("smtp://relay.example.com:0", "is malformed"),
        ("smtp://relay.example.com:99999", "is malformed"),
        ("smtp://aks:secret@relay.example.com", "set EMAIL_SMTP_PASSWORD"),
        ("smtp://relay.example.com/inbox", "ends after the port"),
        ("smtp://relay.example.com?starttls=maybe", "is always or never"),
        ("smtp://relay.example.com?tls=yes", "unknown option: tls"),
        ("smtps://relay.example.com?starttls=always", "encrypted from the start"),
        ("smtp://aks@relay.example.com?starttls=never", "needs an encrypted connection"),
        ("smtp://j%C3%BCrgen@relay.example.com", "must be ASCII"),
    ],
)
def test_wrong_url(url: str, reason: str) -> None:
    """A wrong URL is refused with a reason, in which a password does not appear."""
    with pytest.raises(ValueError, match=reason) as caught:
        parse_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "password", "sender", "reason"),
    [
        ("smtp://aks@relay.example.com", "", SENDER, "both or neither"),
        ("smtp://relay.example.com", "secret", SENDER, "both or neither"),
        ("smtp://aks@relay.example.com", "geheimnisträger", SENDER, "must be ASCII"),
        ("smtp://relay.example.com", "", "nobody", "is not an email address"),
        ("smtp://relay.example.com?cafile=/nowhere", "", SENDER, "holds no certificates"),
        (f"smtp://relay.example.com?cafile={__file__}", "", SENDER, "holds no certificates"),
    ],
)
def test_wrong_settings(url: str, password: str, sender: str, reason: str) -> None:
    """Settings that do not fit together are refused at the start, not at every send."""
    with pytest.raises(ValueError, match=reason):
        SmtpMailer(url, password, sender)


def test_mailbox_of_a_name() -> None:
    """A display name travels with its address, even one that needs quotes."""
    assert str(mailbox('"Ops, EU" <ops@example.com>')) == '"Ops, EU" <ops@example.com>'
