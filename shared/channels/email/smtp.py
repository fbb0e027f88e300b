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
    421 anywhere             Throttled: the relay is closing

From the recipients on a temporary refusal may be this mail's alone (a full mailbox, greylisting): others are
not kept waiting for it.

The whole conversation, and not only each step, keeps to the timeouts: a sender must not outlive its lease.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.channels.email.email import Email

__all__ = ["SmtpMailer", "parse_url"]

PAUSE = 60.0
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
        self._envelope_sender = mailbox(sender).addr_spec
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
        body = message_bytes(email, operation_id, self._sender)
        try:
            with _Conversation(self._relay, self._tls, self._envelope_sender, timeouts) as talk:
                if self._relay.user:
                    talk.log_in(self._relay.user, self._password)
                talk.mail(self._envelope_sender, len(body))
                refused = talk.recipients(list(dict.fromkeys(one.addr_spec for one in addresses)))
                talk.data(body)
        except _Stop as stop:
            return stop.outcome
        return Accepted((*impossible, *refused))

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:  # noqa: ARG002 - a Mailer's
        """SMTP cannot be asked."""
        return OperationStatus(OperationState.NO_ANSWER, "SMTP cannot be asked")


class _Client(smtplib.SMTP):
    """A connection whose greeting may take as long as an answer, and not only as long as connecting."""

    def __init__(self, relay: Relay, tls: ssl.SSLContext, name: str, timeouts: Timeouts) -> None:
        self._implicit = tls if relay.tls is Tls.IMPLICIT else None
        self._read = timeouts.read
        super().__init__(relay.host, relay.port, name, timeout=timeouts.connect)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect: the one place that smtplib offers for it, and overrides itself for implicit TLS."""
        connection = socket.create_connection((host, port), timeout)
        try:
            if self._implicit is not None:
                connection = self._implicit.wrap_socket(connection, server_hostname=host)
            connection.settimeout(self._read)
        except BaseException:
            connection.close()
            raise
        return connection


class _Conversation:
    """One connection, from the greeting to QUIT. Every step raises _Stop where it does not go on."""

    def __init__(self, relay: Relay, tls: ssl.SSLContext, sender: str, timeouts: Timeouts) -> None:
        self._relay, self._tls = relay, tls
        self._latest = time.monotonic() + timeouts.connect + timeouts.read
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
                self._smtp.sock.settimeout(max(0.1, min(2.0, self._latest - time.monotonic())))
                self._smtp.quit()
        except (OSError, smtplib.SMTPException):
            pass  # the mail's fate is decided, however the farewell goes
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
        """Announce the recipients; give those that were refused where at least one was not."""
        refused: dict[str, tuple[int, str]] = {}
        for address in addresses:
            code, text = self._step(partial(self._smtp.rcpt, address))
            if code in {_CLOSING, _AUTHENTICATE}:
                raise _Stop(_refusal(code, _reply(code, text), Unavailable))
            if code // 100 != _OK:
                refused[address] = (code, f"{address}: {_reply(code, text)}")
        if len(refused) == len(addresses):
            passing = [code for code, _ in refused.values() if code // 100 != _FOR_GOOD]
            reason = "; ".join(words for _, words in refused.values())[:500]
            raise _Stop(Postponed(reason) if passing else Refused(reason))
        return list(refused)

    def data(self, body: bytes) -> None:
        """Send the message. Only from the final dot on can its fate be unknown."""
        code, text = self._step(partial(self._smtp.docmd, "data"), Postponed)
        if code // 100 != _GO_AHEAD:
            raise _Stop(_refusal(code, _reply(code, text), Refused))
        stuffed = re.sub(rb"(?m)^\.", b"..", body)
        self._step(partial(self._smtp.send, stuffed), Postponed)
        self._step(lambda: None, Postponed)  # is there time left for an answer?
        try:
            self._smtp.send(b".\r\n")
            code, text = self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as problem:
            raise _Stop(Unknown(f"the message was sent, no answer came: {_words(problem)}")) from problem
        if code // 100 == _OK:
            return
        if code // 100 in {_FOR_NOW, _FOR_GOOD}:
            raise _Stop(_refusal(code, _reply(code, text), Refused))
        raise _Stop(Unknown(f"the message was sent, the answer makes no sense: {_reply(code, text)}"))

    def _step(self, action: Callable[[], _T], broken: type[Unavailable | Postponed] = Unavailable) -> _T:
        """Do something before the final dot: where it breaks, nothing was sent."""
        try:
            self._hurry()
            return action()
        except (OSError, smtplib.SMTPException) as problem:
            raise _Stop(broken(f"broken off before the message was sent: {_words(problem)}")) from problem

    def _hurry(self) -> None:
        """Return the next step what is left of the time."""
        left = self._latest - time.monotonic()
        if left <= 0:
            raise TimeoutError("the conversation took too long")
        if self._smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self._smtp.sock.settimeout(left)


def _refusal(code: int, words: str, final: type[Refused | Unavailable]) -> Outcome:
    """Return what a refusal means: for now, for good, or that people have to fix something."""
    if code // 100 == _FOR_NOW:
        # With the message itself under way, it may be about this message.
        return Postponed(words) if final is Refused and code != _CLOSING else Throttled(PAUSE, words)
    if code // 100 == _FOR_GOOD and code != _AUTHENTICATE:
        return final(words)
    return Unavailable(words)


def _reply(code: int, text: bytes) -> str:
    return f"{code} {' '.join(text.decode('utf-8', 'replace').split())}"[:500]


def _words(problem: Exception) -> str:
    if isinstance(problem, smtplib.SMTPResponseException):
        text = problem.smtp_error
        return _reply(problem.smtp_code, text if isinstance(text, bytes) else str(text).encode())
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:500]
