"""A folder of mails to look at, in place of the ones before it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import msgspec

from shared.addresses import bare
from shared.channels import registry
from shared.channels.context import ChannelContext
from shared.channels.email.compose import Branding, compose
from shared.channels.email.folder import FolderMailer
from shared.channels.email.services import FolderEmail, MailSettings
from shared.channels.outcomes import Accepted, Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from shared.audience import Audience, Target
    from testing.samples.mails import Story

SENDER = "AKS maintenance <maintenance@contoso.example>"
MARK = ".preview"
"""A folder that holds a file of this name was made here, and may be made anew."""


def write_cards(
    stories: Iterable[tuple[Story, Audience, Target]], folder: Path, branding: Branding
) -> list[Path]:
    """Write what goes to targets that are not email, as their services would get it; return the files."""
    found = []
    mail = MailSettings(service=FolderEmail(str(folder)), sender=SENDER, only_to=(), limits=None)
    context = ChannelContext(branding=branding, mail=mail, credential=lambda: None)
    for number, (story, audience, target) in enumerate(stories, 1):
        (channel,) = registry.open_channels([target], context).values()
        message = channel.compose(story.mail, story.rows, audience)
        path = folder / f"{number:02d}-{audience.id}-{target.channel}.json"
        path.write_text(msgspec.json.format(msgspec.json.encode(message), indent=2).decode(), "utf-8")
        found.append(path)
    return found


def write(
    stories: Iterable[tuple[Story, Audience]],
    folder: Path,
    branding: Branding | None = None,
    sender: str = SENDER,
) -> Path:
    """Render stories, each for its audience, into a folder of their own; return its page.

    Raises FileExistsError for a folder with other things in it.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise FileExistsError(f"{folder} holds something else; choose another --out")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    mailer = FolderMailer(folder, sender)
    address = bare(sender)
    branding = branding or Branding(domain=address.rpartition("@")[2], sender=address)
    for story, audience in stories:
        outcome = mailer.send(
            compose(story.mail, story.rows, audience, branding), story.mail.operation_id, Timeouts(1, 1)
        )
        if not isinstance(outcome, Accepted):
            raise OSError(f"{story.name}: {outcome}")
    return folder / "index.html"
