"""An SMTP relay for tests: aiosmtpd on a port of its own, that refuses, cuts and stalls on demand.

    with SmtpServer(certificate, tls="starttls", user="aks", password="secret") as relay:
        relay.replies["rcpt bob@example.com"] = "550 5.1.1 No such user"
        mailer = SmtpMailer(relay.url, "secret", "sender@example.com")
        ...
        assert relay.messages[0].recipients == ("ann@example.com",)

Steps, as keys of `replies` and members of `cuts`: `ehlo`, `mail`, `rcpt`, `rcpt ADDRESS`, `data` (before the
message) and `dot` (after it). A reply takes the place of the usual one, a cut ends the connection instead of
replying. A message was taken where its dot is answered with a 2xx, or where that answer is cut; it was not
where the reply says otherwise. A scripted `354` to `data` is followed by a cut. `on_message` hears of each
message that has come in whole.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

if TYPE_CHECKING:
    from collections.abc import Callable


class RelayedMessage(msgspec.Struct, frozen=True):
    """A message that the relay took."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


class Certificate(msgspec.Struct, frozen=True):
    """A certificate for 127.0.0.1: the server's side, and the file that a client trusts."""

    context: ssl.SSLContext
    cafile: Path


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate, and a file in a folder with the authority that it is from."""
    authority, cafile = trustme.CA(), folder / "relay.pem"
    authority.cert_pem.write_to_path(str(cafile))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return Certificate(context, cafile)


class SmtpServer:
    """A relay on 127.0.0.1, in a thread of its own: a context manager."""

    def __init__(
        self,
        certificate: Certificate | None = None,
        *,
        tls: Literal["none", "starttls", "implicit"] = "none",
        user: str = "",
        password: str = "",
        size_limit: int = 0,
    ) -> None:
        assert certificate is not None or tls == "none"
        self.messages: list[RelayedMessage] = []
        self.replies: dict[str, str] = {}
        self.cuts: set[str] = set()
        self.stalls: set[str] = set()
        """Steps that get no answer for as long as the relay runs."""
        self.drips: dict[str, bytes] = {}
        """Steps whose answer never ends: it is this, again and again."""
        self.commands: list[str] = []
        """The steps that were reached, in order."""
        self.user, self.password = user, password
        self.tls, self.certificate, self.size_limit = tls, certificate, size_limit
        self.port = 0
        self.users: dict[str, str] = {user: password} if user else {}
        self.on_message: Callable[[str, bool, bytes], str | float | None] = lambda *_: None
        """Hears of a message before it is taken and after: whose, whether it was taken, and the message.
        Gives seconds to wait, or a reply in place of the usual one; an empty one cuts."""
        self.sessions: list[_Session] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @property
    def url(self) -> str:
        """What `EMAIL_SMTP_URL` takes."""
        scheme = "smtps" if self.tls == "implicit" else "smtp"
        at = f"{self.user}@" if self.user else ""
        ca = f"?cafile={self.certificate.cafile}" if self.certificate else ""
        return f"{scheme}://{at}127.0.0.1:{self.port}{ca}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        context = self.certificate.context if self.certificate and self.tls == "implicit" else None
        listening = self._loop.create_server(lambda: _Session(self, self._loop), "127.0.0.1", 0, ssl=context)
        server = self._loop.run_until_complete(listening)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._hang_up())
        self._loop.close()

    async def _hang_up(self) -> None:
        """End what is open, and wait for it."""
        for session in self.sessions:
            session.hang_up()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Session(SMTP):
    """One connection."""

    def __init__(self, relay: SmtpServer, loop: asyncio.AbstractEventLoop) -> None:
        starttls = relay.certificate.context if relay.certificate and relay.tls == "starttls" else None
        self._handler = _Handler(relay, self)
        super().__init__(
            self._handler,
            loop=loop,
            hostname="relay.test",
            data_size_limit=relay.size_limit or None,
            tls_context=starttls,
            auth_require_tls=relay.tls == "starttls",
            authenticator=self._handler.log_in,
            auth_exclude_mechanism=() if relay.users else ("LOGIN", "PLAIN"),
        )
        relay.sessions.append(self)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's
        """Answer DATA, before the message."""
        reply = await self._handler.step("data")
        if reply is None:
            await super().smtp_DATA(arg)
            return
        await self.push(reply)
        if reply.startswith("354"):
            self.hang_up()

    def say(self, part: bytes) -> None:
        """Send a part of an answer."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.write(part)

    def hang_up(self) -> None:
        """Cut the connection."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    @property
    def encrypted(self) -> bool:
        """Return whether STARTTLS was spoken."""
        return self.session is not None and self.session.ssl is not None


class _Handler:
    """What one connection says."""

    def __init__(self, relay: SmtpServer, session: _Session) -> None:
        self._relay, self._session = relay, session
        self._user = ""

    def log_in(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any
    ) -> AuthResult:
        """Compare user and password."""
        self._user = given.login.decode()
        wanted = LoginPassword(given.login, self._relay.users.get(self._user, "").encode())
        return AuthResult(success=self._user in self._relay.users and given == wanted, handled=False)

    async def step(self, *names: str) -> str | None:
        """Do what is scripted for a step; give the reply that takes the place of the usual one."""
        self._relay.commands.append(names[-1])
        if self._relay.cuts & set(names):
            self._session.hang_up()
        while drop := next((self._relay.drips[name] for name in names if name in self._relay.drips), None):
            self._session.say(drop)
            await asyncio.sleep(0.05)
        if (self._relay.stalls | self._relay.cuts) & set(names):
            await asyncio.Event().wait()  # until this connection's task is canceled
        replies = self._relay.replies
        return next((replies[name] for name in reversed(names) if name in replies), None)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Greet."""
        session.host_name = hostname
        reply = await self.step("ehlo")
        return responses if reply is None else [reply]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender."""
        reply = await self.step("mail")
        if reply is None and self._relay.users and not session.authenticated:
            reply = "530 5.7.0 Authentication required"
        if reply is None:
            envelope.mail_from = address
        return reply or "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        reply = await self.step("rcpt", f"rcpt {address}")
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the message, unless the reply to it is scripted to say otherwise."""
        assert isinstance(envelope.content, bytes)
        reply = await self._answer(envelope.content, is_taken=False)
        if reply is not None:
            return reply
        reply = self._relay.replies.get("dot")
        if reply is None or reply.startswith("2"):
            message = RelayedMessage(str(envelope.mail_from), tuple(envelope.rcpt_tos), envelope.content)
            self._relay.messages.append(message)
            reply = await self._answer(envelope.content, is_taken=True)
            if reply is not None:
                return reply
        return await self.step("dot") or "250 OK"

    async def _answer(self, content: bytes, *, is_taken: bool) -> str | None:
        """Wait, reply or cut as whoever was asked about a message says."""
        said = self._relay.on_message(self._user, is_taken, content)
        if isinstance(said, float):
            await asyncio.sleep(said)
            return None
        if said == "":
            self._session.hang_up()
            await asyncio.Event().wait()  # until this connection's task is canceled
        return said
