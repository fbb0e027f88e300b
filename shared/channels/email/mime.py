"""An email as a MIME message: the same email under the same operation id gives the same bytes.

Boundaries come from the operation id instead of chance, the date from the email instead of the clock.
All bytes are ASCII with CRLF at line ends and short lines, so that every relay takes them.
"""

from __future__ import annotations

from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Self

from shared.text import header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.channels.email.email import Attachment, Email

MAX_WORD_CHARACTERS = 900
"""A line may have 998 characters (RFC 5322, 2.1.1)."""


class _Words(str):
    """The value of a header that has no structure, as it is.

    The library reads the values it is given: what looks like an encoded word (`=?utf-8?q?a=0D=0ABcc:?=`) it
    decodes, line breaks and all, and a name that somebody has chosen would write headers of its own.
    """

    __slots__ = ("name",)

    name: str
    """The header's own: by it the library knows a value that it has read before, and leaves it alone."""

    def __new__(cls, name: str, text: str) -> Self:
        words = super().__new__(cls, text)
        words.name = name
        return words


class _Policy(EmailPolicy):
    """The standard policy, but for headers without a structure.

    The library encodes an ASCII word that does not fit into a line of 78 characters, and would so make of the
    id in `References` something that no mail client takes for one: threads would fall apart. And where it
    breaks a line before a word beyond ASCII, it leaves a blank too many.
    """

    def fold(self, name: str, value: str) -> str:
        if not isinstance(value, _Words):
            return str(super().fold(name, value))
        words = value.split(" ")
        if not value.isascii() or "=?" in value or max(map(len, words)) > MAX_WORD_CHARACTERS:
            encoded = Header(value, "utf-8", header_name=name).encode(linesep=self.linesep)
            return f"{name}: {encoded}{self.linesep}"
        lines = [f"{name}:"]
        for number, word in enumerate(words):
            if number and len(lines[-1]) + 1 + len(word) > (self.max_line_length or MAX_WORD_CHARACTERS):
                lines.append("")
            lines[-1] += f" {word}"
        return self.linesep.join((*lines, ""))

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii")


_POLICY = _Policy(linesep="\r\n", cte_type="7bit")


def split(text: str) -> tuple[str, str]:
    """Take `Name <name@domain>` apart; a bare address has no name. Not a check of the address.

    The library's own reading corrects what it cannot read (`a@b c` becomes `a@bc`): better refused than
    sent to a stranger.
    """
    name, address = parseaddr(text)
    return (name, address) if "<" in text and address and address in text else ("", text.strip())


def mailbox(text: str) -> Address:
    """Read `name@domain` or `Name <name@domain>` into an address that any relay takes.

    A domain beyond ASCII gets its ASCII form (IDNA). Raises ValueError with a reason for another one: a
    local part beyond ASCII needs SMTPUTF8 all the way to the recipient, which nobody can promise.
    """
    name, address = split(text)
    local, at, domain = address.rpartition("@")
    if not (at and local and domain) or any(one.isspace() or not one.isprintable() for one in address):
        raise ValueError(f"{text!r} is not an email address")
    if not local.isascii():
        raise ValueError(f"{text!r} has characters before the @ that not every mail server takes")
    try:
        domain = domain.encode("idna").decode("ascii")
        return Address(display_name=header(name), username=local, domain=domain)
    except (UnicodeError, ValueError, IndexError):
        raise ValueError(f"{text!r} is not an email address") from None


def mailboxes(texts: Iterable[str]) -> tuple[list[Address], dict[str, str]]:
    """Return those of several addresses that can be written to, and the others with a reason each."""
    good: list[Address] = []
    bad: dict[str, str] = {}
    for text in texts:
        try:
            good.append(mailbox(text))
        except ValueError as problem:
            bad[text] = str(problem)
    return good, bad


def message(email: Email, operation_id: str, sender: str) -> EmailMessage:
    """Build the message. Recipients that cannot be written to are left out.

    Raises ValueError for a sender that is no address.
    """
    built = EmailMessage(policy=_POLICY)
    built["From"] = mailbox(sender)
    for name, texts in (("To", email.to), ("Cc", email.cc), ("Reply-To", (email.reply_to,))):
        addresses, _ = mailboxes(text for text in texts if text)
        if addresses:
            built[name] = addresses
    built["Subject"] = _Words("Subject", header(email.subject))
    built["Date"] = format_datetime(email.date)
    built["Message-ID"] = header(email.message_id)
    for name, value in email.headers:
        if value:
            built[name] = _Words(name, header(value))
    built.set_content(_text(email.text), cte="quoted-printable")
    built.add_alternative(_text(email.html), subtype="html", cte="quoted-printable")
    for attachment in email.attachments:
        _attach(built, attachment)
    for number, part in enumerate(part for part in built.walk() if part.is_multipart()):
        part.set_boundary(f"=_{operation_id}_{number}")  # "=_" occurs in no quoted-printable and no base64
    return built


def message_bytes(email: Email, operation_id: str, sender: str) -> bytes:
    """Build the message as bytes. Raises ValueError for a sender that is no address."""
    return message(email, operation_id, sender).as_bytes()


def _attach(built: EmailMessage, attachment: Attachment) -> None:
    # The parameters of a type, such as a calendar's method, have to be handed over one by one.
    typed = EmailMessage(policy=_POLICY)
    typed["Content-Type"] = header(attachment.content_type)
    built.add_attachment(
        attachment.content,
        maintype=typed.get_content_maintype(),
        subtype=typed.get_content_subtype(),
        params=dict(typed["Content-Type"].params),
        filename=header(attachment.name),
        cte="base64",
    )


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
