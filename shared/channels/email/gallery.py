"""The page over a folder of mails: what was sent, newest first, for a person to look through.

The page follows from the folder's .eml files alone, so it is right whoever wrote them, and it is replaced as
a whole. Several processes may write at once: each looks again after replacing the page, and makes it anew
where there is a mail that it does not show; so the last page written shows all mails.
"""

from __future__ import annotations

import os
import re
import threading
from datetime import UTC, datetime
from email import message_from_binary_file, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from shared.channels.email.rendering import COLOURS
from shared.messages.presentation import Tone

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "index.html"
ATTACHMENTS = "attachments"

PLAIN = "#667085"
"""The colour of mails that say no tone: not ours, or of an earlier release."""


class GalleryLink(msgspec.Struct, frozen=True):
    """A file next to the page."""

    name: str
    href: str


class GalleryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A mail on the page."""

    id: str
    status: str
    colour: str
    """Of the status: the mail's own."""
    subject: str
    """Without the status."""
    sender: str
    to: str
    cc: str
    date: datetime
    text: str
    attachments: tuple[GalleryLink, ...]


class Gallery:
    """The page of one folder. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._entries: dict[str, GalleryEntry] = {}  # a mail's file never changes, so it is read once

    def update(self) -> None:
        """Make the page show every mail in the folder. Raises OSError where it cannot be written."""
        with self._lock:
            shown: set[str] | None = None
            while shown != (present := {path.stem for path in self._folder.glob("*.eml")}):
                for name in present - self._entries.keys():
                    self._entries[name] = read(self._folder / f"{name}.eml")
                shown = present
                self._write([self._entries[name] for name in present])

    def _write(self, entries: list[GalleryEntry]) -> None:
        page = render(sorted(entries, key=lambda entry: (entry.date, entry.id), reverse=True))
        temporary = self._folder / f".{uuid4()}.tmp"
        try:
            temporary.write_text(page, encoding="utf-8")
            os.replace(temporary, self._folder / INDEX)  # noqa: PTH105 - the atomic one, by its name
        finally:
            temporary.unlink(missing_ok=True)


def render(entries: list[GalleryEntry]) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("shared.channels.email", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("gallery.html.jinja").render(entries=entries, best=best(entries))


def best(entries: list[GalleryEntry]) -> str:
    """Return the id of the mail that the page opens on: the latest failure, else the latest of AKS."""

    def rank(entry: GalleryEntry) -> int:
        word = entry.status.lower()
        return 0 if word.startswith("failed") else 2 if "not understood" in word else 1

    return min(entries, key=rank).id if entries else ""


def read(path: Path) -> GalleryEntry:
    """Read a mail for the page."""
    with path.open("rb") as file:
        message = message_from_binary_file(file, policy=policy.default)
    assert isinstance(message, EmailMessage)
    subject = " ".join(str(message["Subject"] or "").split())
    status, words = "", subject
    if match := re.match(r"\[([^\]]{1,100})\]\s*(.*)", subject):
        status, words = match.groups()
    body = message.get_body(("plain",))
    names = [part.get_filename() or "" for part in message.iter_attachments()]
    return GalleryEntry(
        id=path.stem,
        status=status,
        colour=colour(str(message["X-AKS-Tone"] or "")),
        subject=words or "(no subject)",
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        cc=str(message["Cc"] or ""),
        date=_date(str(message["Date"] or "")),
        text=body.get_content() if body is not None else "",
        attachments=tuple(
            GalleryLink(name, f"{ATTACHMENTS}/{attachment_file(path.stem, number, name)}")
            for number, name in enumerate(names)
        ),
    )


def attachment_file(operation_id: str, number: int, name: str) -> str:
    """Name the file for an attachment: of its own name only what is harmless in any file system."""
    return f"{operation_id}-{number}-{re.sub(r'[^A-Za-z0-9._-]+', '_', name)[-80:]}"


def colour(tone: str) -> str:
    """Return the colour of a tone, the one that mails have."""
    return COLOURS[Tone(tone)] if tone in set(Tone) else PLAIN


def _date(text: str) -> datetime:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
