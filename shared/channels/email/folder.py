"""Mail into a folder: for a first look, for demos and for tests. Nothing leaves the machine.

A mail is `{operation id}.eml` (what a relay would get), `{operation id}.html` (what its reader would see) and
its attachments; `index.html` shows them all. The .eml file is written last: it is what makes a mail sent.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from shared.channels.email.gallery import ATTACHMENTS, Gallery, attachment_file
from shared.channels.email.mime import mailbox, mailboxes, message_bytes
from shared.channels.outcomes import (
    Accepted,
    OperationState,
    OperationStatus,
    Outcome,
    Refused,
    Timeouts,
    Unavailable,
)

if TYPE_CHECKING:
    from shared.channels.email.email import Email

_log = logging.getLogger(__name__)


class FolderMailer:
    """Writes mails into a folder, which is made if it is missing.

    Safe to share between threads, and several processes may use one folder. Raises ValueError for a sender
    that is no address.
    """

    def __init__(self, folder: str | Path, sender: str) -> None:
        self._folder = Path(folder)
        self._sender = sender
        self._gallery = Gallery(self._folder)
        mailbox(sender)

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:  # noqa: ARG002 - a Mailer's
        """Write one email, unless it was written before: a second one under the same id changes nothing."""
        path = self._path(operation_id)
        addresses, impossible = mailboxes((*email.to, *email.cc))
        if not addresses:
            return Refused("; ".join(impossible.values()) or "there is no recipient")
        try:
            if not path.exists():
                attachments = self._folder / ATTACHMENTS
                (attachments if email.attachments else self._folder).mkdir(parents=True, exist_ok=True)
                for number, one in enumerate(email.attachments):
                    _create(attachments / attachment_file(operation_id, number, one.name), one.content)
                _create(path.with_suffix(".html"), email.html.encode("utf-8", "replace"))
                _create(path, message_bytes(email, operation_id, email.sender or self._sender))
        except OSError as problem:
            return Unavailable(f"{type(problem).__name__}: {problem}")
        try:
            self._gallery.update()
        except OSError as problem:  # the mail is there; the next one brings the page up to date
            _log.warning("the page of %s could not be written: %s", self._folder, problem)
        return Accepted(tuple(impossible))

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:  # noqa: ARG002 - a Mailer's
        """Return whether the mail was written."""
        return OperationStatus(
            OperationState.ACCEPTED if self._path(operation_id).exists() else OperationState.NEVER_SEEN
        )

    def _path(self, operation_id: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9-]+", operation_id):
            raise ValueError(f"{operation_id!r} is not an operation id")
        return self._folder / f"{operation_id}.eml"


def _create(path: Path, content: bytes) -> None:
    """Write a file that is either there as a whole or not at all; one that is there already stays."""
    temporary = path.with_name(f".{uuid4()}.tmp")
    try:
        temporary.write_bytes(content)
        try:
            os.link(temporary, path)  # unlike a rename, it does not replace what another process wrote
        except FileExistsError:
            pass
        except OSError:  # no hard links here, as on FAT
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
