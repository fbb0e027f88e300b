"""An email, as handed to a mailer."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Attachment(msgspec.Struct, frozen=True):
    """A file that travels with an email."""

    name: str
    content_type: str
    content: bytes


class Email(msgspec.Struct, frozen=True, kw_only=True):
    """An email ready to leave: the same facts as HTML and as plain text.

    `subject`, addresses and `headers` hold no line breaks. `date` is the moment the mail was frozen, so that
    it is the same whenever the mail is made again.
    """

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    reply_to: str = ""
    sender: str = ""
    """Whom it is from; empty for the sender that is set up."""
    subject: str
    html: str
    text: str
    message_id: str
    date: datetime
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers in order, such as `References`, `Auto-Submitted` and `X-Priority`."""
    attachments: tuple[Attachment, ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody it goes to."""
        return self.to + self.cc
