"""Emails as they leave: MIME messages and calendar files, read back by somebody else's code."""

from __future__ import annotations

import email
import email.policy
import re
from typing import TYPE_CHECKING
from unicodedata import category

from shared.channels.email.mime import message_bytes

if TYPE_CHECKING:
    from shared.channels.email.email import Email

SENDER = "AKS Maintenance <aks@example.com>"
OPERATION = "00000000-0000-5000-8000-000000000001"
_MAX_LINE_BYTES = 998
_HEADERS = frozenset(
    {
        *("from", "to", "cc", "reply-to", "subject", "date", "message-id"),
        *("mime-version", "content-type"),
    }
)
_PROPERTIES = frozenset(
    {
        *("BEGIN", "END", "VERSION", "PRODID", "METHOD", "ORGANIZER", "UID", "SEQUENCE", "STATUS", "SUMMARY"),
        *("DESCRIPTION", "DTSTART", "DTEND", "DTSTAMP", "LAST-MODIFIED", "LOCATION", "URL", "TRANSP"),
        *("X-MICROSOFT-CDO-BUSYSTATUS", "ACTION", "TRIGGER"),
    }
)


def hidden(text: str) -> list[str]:
    """Return the characters that work without being seen."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return []
    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return [hex(ord(char)) for char in text if char != "\n" and category(char) in unseen]


def check_message(made: Email) -> None:
    """Check that an email becomes a message of short lines of ASCII that reads back as the same."""
    data = message_bytes(made, OPERATION, SENDER)
    data.decode("ascii")
    assert max(map(len, data.split(b"\r\n"))) <= _MAX_LINE_BYTES
    assert data.count(b"\n") == data.count(b"\r\n")
    back = email.message_from_bytes(data, policy=email.policy.default)
    assert not back.defects
    asis = email.message_from_bytes(data)
    assert "=?" not in str(asis["References"] or ""), "an id that no mail program takes for one"
    assert back["Subject"] == " ".join("".join(c if c.isprintable() else " " for c in made.subject).split())
    assert back["Message-ID"] == made.message_id
    names = [name.lower() for name in back]
    assert set(names) <= _HEADERS | {name.lower() for name, _ in made.headers}
    assert len(set(names)) == len(names)
    assert [str(one) for one in back["To"].addresses] == list(made.to)
    text, html = (back.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    for part, sent in ((text, made.text), (html, made.html)):
        assert part.get_content().replace("\r\n", "\n").rstrip("\n") == sent.rstrip("\n")
    attached = [part.get_content() for part in back.iter_attachments()]
    assert len(attached) == len(made.attachments)


def check_calendar(file: str) -> None:
    """Check that a calendar file has one entry, of the properties that we write and no others."""
    assert all(len(line.encode()) <= 75 for line in file.split("\r\n"))
    lines = file.replace("\r\n ", "").split("\r\n")
    assert lines.pop() == ""
    names = [re.match(r"[A-Z-]*", line).group() for line in lines]  # type: ignore[union-attr]
    assert set(names) <= _PROPERTIES
    assert names.count("UID") == names.count("SUMMARY") == names.count("URL") == 1
    assert lines.count("BEGIN:VEVENT") == 1
    assert not any(hidden(line) for line in lines)
