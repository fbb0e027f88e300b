"""A look at the mails: `python -m local.preview [EVENT.json ...] [--out DIR]`.

Renders the events of the files given (CloudEvents or Event Grid schema, one event or an array), or one
made-up mail of each kind, into a folder; its `index.html` shows them all. Run it again after changing a
template or a word.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared import ids, keys
from shared.channels.email.compose import Branding, compose
from shared.channels.email.folder import FolderMailer
from shared.channels.outcomes import Accepted, Timeouts
from shared.events import envelope, model
from shared.notices.kinds import Decision, Kind
from shared.notices.planning import plan
from shared.notices.records import Mail, MailItem, RejectedInput, StoredEvent
from testing.samples import mails

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.audience import Audience
    from shared.notices.records import Row

SENDER = "maintenance@contoso.example"
MARK = ".preview"
"""A folder that holds a file of this name was made here, and may be made anew."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the gallery and print where it is."""
    parser = argparse.ArgumentParser(prog="python -m local.preview", description=__doc__)
    parser.add_argument("event", nargs="*", type=Path, help="a file with an event, or an array of them")
    parser.add_argument("--out", type=Path, default=Path("out/preview"), help="folder to write to")
    parser.add_argument("--time-zone", default="Europe/Berlin", help="the audience's, as an IANA name")
    chosen = parser.parse_args(arguments)
    audience = msgspec.structs.replace(mails.TEAM, time_zone=chosen.time_zone)
    stories = told(chosen.event) if chosen.event else mails.stories()
    if not stories:
        print("nothing to tell", file=sys.stderr)
        return 1
    try:
        gallery = write(stories, audience, chosen.out)
    except FileExistsError as error:
        print(error, file=sys.stderr)
        return 1
    print(gallery)
    return 0


def write(stories: Iterable[mails.Story], audience: Audience, folder: Path) -> Path:
    """Render the stories into a folder of their own, in place of an earlier preview; give its page.

    Raises FileExistsError for a folder with other things in it.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise FileExistsError(f"{folder} holds something else; choose another --out")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    mailer = FolderMailer(folder, SENDER)
    for story in stories:
        email = compose(story.mail, story.rows, audience, Branding(domain=SENDER.partition("@")[2]))
        outcome = mailer.send(email, story.mail.operation_id, Timeouts(1, 1))
        if not isinstance(outcome, Accepted):
            raise OSError(f"{story.name}: {outcome}")
    return folder / "index.html"


def told(files: Iterable[Path]) -> list[mails.Story]:
    """Read files of events into the mails that they would give rise to, in that order."""
    stories: list[mails.Story] = []
    history: dict[str, list[StoredEvent]] = {}
    for file in files:
        for item in envelope.parse(file.read_text(encoding="utf-8"), datetime.now(UTC)):
            reading = item.reading
            if isinstance(reading, model.Ignored):
                print(f"{file}: ignored: {reading.reason}", file=sys.stderr)
            elif isinstance(reading, model.Rejected):
                row = RejectedInput(keys.rejected(item.raw), reading.reason, item.raw, datetime.now(UTC))
                stories.append(_story(Kind.REJECTED, [row], row.received))
            else:
                stories += _event(reading, history.setdefault(keys.event_id(reading.event_id), []), file)
    return stories


def _event(event: model.Event, history: list[StoredEvent], file: Path) -> list[mails.Story]:
    planned = plan(event, history, leads=(), gap=timedelta(0), now=event.time)
    if planned.key is None or planned.kind is None:
        print(f"{file}: {planned.decision.value}, no mail", file=sys.stderr)
        return []
    history.append(StoredEvent(planned.key, event, Decision(planned.decision), planned.revision))
    return [_story(planned.kind, history, event.time)]


def _story(kind: Kind, rows: Sequence[Row], as_of: datetime) -> mails.Story:
    member = MailItem(kind, rows[-1].key, tuple(row.key for row in rows))
    operation = ids.operation_id([member.notice_id(mails.TEAM.id)])
    mail = Mail(operation_id=operation, audience=mails.TEAM.id, as_of=as_of, members=(member,))
    return mails.Story(kind.value, mail, {row.key: row for row in rows})


if __name__ == "__main__":
    sys.exit(main())
