"""Mail through any SMTP relay.

The conversation is driven command by command, because what a failure means depends on where it happens (RFC
5321, 4.2.5): a relay is responsible for a message once it has answered the final dot with 250, and a message
whose final dot was never sent does not exist.

    connect, TLS, AUTH       Unavailable: nothing was sent
    MAIL                     4xx Throttled, 5xx Unavailable: the sender is the same for all mail
    RCPT                     some refused: sent, the refused are named
                             all refused: Refused, or Postponed if one may pass later
    DATA, up to the dot      4xx Postponed, 5xx Refused, cut: Postponed
    the dot                  250 Accepted, 4xx Postponed, 5xx Refused, no answer: Unknown
                             5xx that names the sender: Unavailable
    421 anywhere             Throttled: the relay is closing

What is Postponed or Refused may be all mail's: the relay does not know this machine, has it or the sender on
a list, has reached a limit, or is out of order. Many relays say so only when they know the recipient
(Postfix, smtpd_delay_reject), or at the dot (a full disk, a filter that is down, a quota). All mail would be
given up for it, one by one. So it is Unavailable, `of_this_mail` what it would be alone: of recipients where
the reply tells of such a thing, and from DATA on unless it tells of this message.

The whole conversation, and not only each step or byte, keeps to the timeouts: a sender must not outlive its
lease. It is one module because it is one conversation.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from shared import deadlines
from shared.channels.email import smtp_replies
from shared.channels.email.mime import mailbox, mailboxes, message_bytes
from shared.channels.email.relay import Relay, Tls, parse_url
from shared.channels.outcomes import (
    Accepted,
    OperationState,
    OperationStatus,
    Outcome,
    Postponed,
    Refused,
    Throttled,
    Timeouts,
    Unavailable,
    Unknown,
)
from shared.dialing import dial

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from shared.channels.email.email import Email

__all__ = ["SmtpMailer", "parse_url"]

PAUSE_SECONDS = 60.0
"""Seconds to wait after a 4xx: SMTP has no Retry-After."""

_T = TypeVar("_T")

_OK = 2
_GO_AHEAD = 3
_FOR_NOW = 4
_FOR_GOOD = 5
_CLOSING = 421
_AUTHENTICATE = 530
_TOO_LARGE = 552


class _Stop(Exception):  # noqa: N818 - it never leaves this module
    """The conversation ended early, with an outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class SmtpMailer:
    """Sends through an SMTP relay, one connection for each mail. Safe to share between threads.

    `url` is what `parse_url` takes, `password` belongs to its user. `sender` may carry a display name. Raises
    ValueError for a wrong URL or sender, a password without a user or the other way round, a CA file that
    cannot be read.
    """

    def __init__(self, url: str, password: str, sender: str) -> None:
        self._relay = parse_url(url)
        if bool(self._relay.user) != bool(password):
            raise ValueError(
                "The SMTP relay's URL names a user and EMAIL_SMTP_PASSWORD is set: both or neither."
            )
        if not password.isascii():
            raise ValueError("EMAIL_SMTP_PASSWORD must be ASCII.")  # smtplib knows nothing else
        self._password = password
        self._sender = sender
        mailbox(sender)
        try:
            self._tls = ssl.create_default_context(cafile=self._relay.cafile or None)
        except OSError as problem:
            raise ValueError(
                f"The file {self._relay.cafile!r} in the SMTP relay's URL holds no certificates: {problem}."
            ) from problem

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:
        """Hand over one email in one conversation, with no retry."""
        addresses, impossible = mailboxes(dict.fromkeys((*email.to, *email.cc)))
        if not addresses:
            return Refused("; ".join(impossible.values()) or "there is no recipient")
        sender = email.sender or self._sender
        envelope_sender = mailbox(sender).addr_spec
        body = message_bytes(email, operation_id, sender)
        try:
            with _Conversation(self._relay, self._tls, envelope_sender, timeouts) as talk:
                if self._relay.user:
                    talk.log_in(self._relay.user, self._password)
                talk.mail(envelope_sender, len(body))
                refused = talk.recipients(list(dict.fromkeys(one.addr_spec for one in addresses)))
                talk.data(body)
        except _Stop as stop:
            return stop.outcome
        return Accepted((*impossible, *refused))

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:  # noqa: ARG002 - a Mailer's
        """SMTP cannot be asked."""
        return OperationStatus(OperationState.NO_ANSWER, "SMTP cannot be asked")


class _Client(smtplib.SMTP):
    """A connection that reads until `latest` by the monotonic clock, however slowly the relay speaks."""

    def __init__(self, relay: Relay, tls: ssl.SSLContext, name: str, timeouts: Timeouts) -> None:
        self._implicit = tls if relay.tls is Tls.IMPLICIT else None
        self._connected = time.monotonic() + timeouts.connect
        self.latest = self._connected + timeouts.read
        super().__init__(relay.host, relay.port, name, timeout=timeouts.connect)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - smtplib's
        """Connect: the one place that smtplib offers for it, and overrides itself for implicit TLS."""
        connection = dial(host, port, self._connected - time.monotonic())
        try:
            if self._implicit is not None:
                connection = self._implicit.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise
        return connection

    def getreply(self) -> tuple[int, bytes]:
        """See smtplib, which would wait as long for each part of a reply as for a whole one."""
        if self.file is None and self.sock is not None:
            self.file = deadlines.reader(self.sock, lambda: self.latest)
        return super().getreply()


class _Conversation:
    """One connection, from the greeting to QUIT. Every step raises _Stop where it does not go on."""

    def __init__(self, relay: Relay, tls: ssl.SSLContext, sender: str, timeouts: Timeouts) -> None:
        self._relay, self._tls = relay, tls
        self._timeouts = timeouts
        # Else smtplib looks up this machine's name, which may take seconds.
        self._name = sender.rpartition("@")[2]

    def __enter__(self) -> Self:
        try:
            self._smtp = _Client(self._relay, self._tls, self._name, self._timeouts)
        except (OSError, smtplib.SMTPException) as problem:
            raise _Stop(Unavailable(f"no connection to {self._relay.host}: {_words(problem)}")) from problem
        try:
            self._greet()
        except BaseException:
            self._smtp.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._smtp.sock is not None:
                self._smtp.latest = min(self._smtp.latest, time.monotonic() + 2)
                self._smtp.sock.settimeout(2)
                self._smtp.quit()
        except (OSError, smtplib.SMTPException):
            pass  # what became of the mail is known before QUIT, whatever is answered to that
        finally:
            self._smtp.close()

    def _greet(self) -> None:
        wanted = self._relay.tls
        try:
            self._hurry()
            self._smtp.ehlo_or_helo_if_needed()
            offered = self._smtp.has_extn("starttls")
            if wanted is Tls.REQUIRED and not offered:
                raise _Stop(Unavailable(f"{self._relay.host} does not offer STARTTLS"))
            if wanted is Tls.REQUIRED or (wanted is Tls.OFFERED and offered):
                self._hurry()
                code, text = self._smtp.starttls(context=self._tls)
                if code // 100 != _OK:
                    raise _Stop(Unavailable(f"STARTTLS: {_reply(code, text)}"))
                self._hurry()
                self._smtp.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException) as problem:
            raise _Stop(Unavailable(f"{self._relay.host}: {_words(problem)}")) from problem

    def log_in(self, user: str, password: str) -> None:
        """Authenticate."""
        try:
            self._hurry()
            self._smtp.login(user, password)
        except (OSError, ValueError, smtplib.SMTPException) as problem:
            raise _Stop(Unavailable(f"logging in as {user}: {_words(problem)}")) from problem

    def mail(self, sender: str, size: int) -> None:
        """Announce the sender, and the size where the relay cares."""
        limit = self._smtp.esmtp_features.get("size", "")
        if limit.isdigit() and 0 < int(limit) < size:
            raise _Stop(Refused(f"{size} bytes are more than the {limit} that the relay takes"))
        options = [f"size={size}"] if limit else []
        code, text = self._step(partial(self._smtp.mail, sender, options))
        if code // 100 != _OK:
            # Every mail has this sender: settling them one by one as failed would lose them all.
            final = Refused if code == _TOO_LARGE else Unavailable
            raise _Stop(_refusal(code, f"the sender {sender}: {_reply(code, text)}", final))

    def recipients(self, addresses: list[str]) -> list[str]:
        """Announce the recipients; return those that were refused where at least one was not."""
        refused: dict[str, tuple[int, str]] = {}
        for address in addresses:
            code, text = self._step(partial(self._smtp.rcpt, address))
            if code in {_CLOSING, _AUTHENTICATE}:
                raise _Stop(_refusal(code, _reply(code, text), Unavailable))
            if code // 100 != _OK:
                refused[address] = (code, _reply(code, text))
        if len(refused) == len(addresses):
            passing = [code for code, _ in refused.values() if code // 100 != _FOR_GOOD]
            reason = "; ".join(f"{address}: {reply}" for address, (_, reply) in refused.items())[:500]
            outcome = Postponed(reason) if passing else Refused(reason, of_recipients=True)
            is_of_all = all(smtp_replies.may_be_of_all(reply) for _, reply in refused.values())
            raise _Stop(Unavailable(reason, of_this_mail=outcome) if is_of_all else outcome)
        return list(refused)

    def data(self, body: bytes) -> None:
        """Send the message. Only from the final dot on can it be unknown what became of it."""
        code, text = self._step(partial(self._smtp.docmd, "data"), _maybe_alone)
        if code // 100 != _GO_AHEAD:
            raise _Stop(self._refused(code, _reply(code, text)))
        stuffed = re.sub(rb"(?m)^\.", b"..", body)
        self._step(partial(self._smtp.send, stuffed), _maybe_alone)
        self._step(lambda: None, _maybe_alone)  # is there time left for an answer?
        try:
            self._smtp.send(b".\r\n")
            code, text = self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as problem:
            raise _Stop(Unknown(f"the message was sent, no answer came: {_words(problem)}")) from problem
        if code // 100 == _OK:
            return
        if code // 100 in {_FOR_NOW, _FOR_GOOD}:
            raise _Stop(self._refused(code, _reply(code, text)))
        raise _Stop(Unknown(f"the message was sent, the answer makes no sense: {_reply(code, text)}"))

    @staticmethod
    def _refused(code: int, reply: str) -> Outcome:
        """Return what a refusal of the message means: of this one alone where it says so."""
        if code // 100 == _FOR_GOOD and smtp_replies.is_of_sender(reply):
            return Unavailable(reply)
        outcome = _refusal(code, reply, Refused)
        if isinstance(outcome, Postponed | Refused) and not smtp_replies.is_of_message(reply):
            return Unavailable(reply, of_this_mail=outcome)
        return outcome

    def _step(self, action: Callable[[], _T], broken: Callable[[str], Unavailable] = Unavailable) -> _T:
        """Do something before the final dot: where it breaks, nothing was sent."""
        try:
            self._hurry()
            return action()
        except (OSError, smtplib.SMTPException) as problem:
            raise _Stop(broken(f"broken off before the message was sent: {_words(problem)}")) from problem

    def _hurry(self) -> None:
        """Return the next step what is left of the time."""
        left = self._smtp.latest - time.monotonic()
        if left <= 0:
            raise TimeoutError("the conversation took too long")
        if self._smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self._smtp.sock.settimeout(left)


def _refusal(code: int, words: str, final: type[Refused | Unavailable]) -> Outcome:
    """Return what a refusal means: for now, for good, or that people have to fix something."""
    if code // 100 == _FOR_NOW:
        # With the message itself under way, it may be about this message.
        return Postponed(words) if final is Refused and code != _CLOSING else Throttled(PAUSE_SECONDS, words)
    if code // 100 == _FOR_GOOD and code != _AUTHENTICATE:
        return final(words)
    return Unavailable(words)


def _maybe_alone(words: str) -> Unavailable:
    """Return what it means that a message does not get through: it may be too much for the relay."""
    return Unavailable(words, of_this_mail=Postponed(words))


def _reply(code: int, text: bytes) -> str:
    return f"{code} {' '.join(text.decode('utf-8', 'replace').split())}"[:500]


def _words(problem: Exception) -> str:
    if isinstance(problem, smtplib.SMTPResponseException):
        text = problem.smtp_error
        return _reply(problem.smtp_code, text if isinstance(text, bytes) else str(text).encode())
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:500]
