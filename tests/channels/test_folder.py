"""The folder mailer: files for each mail, and the page over them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from shared.channels.email.email import Attachment
from shared.channels.email.folder import FolderMailer
from shared.channels.email.gallery import Gallery, attachment_file
from shared.channels.email.mime import message_bytes
from shared.channels.outcomes import Accepted, OperationState, OperationStatus, Refused, Timeouts, Unavailable
from testing.samples.email import EMAIL, OPERATION

SENDER = "AKS maintenance <aks@example.com>"
TIMEOUTS = Timeouts(connect=1, read=1)


class Page(HTMLParser):
    """What a page holds: tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data

    def all(self, tag: str, attribute: str) -> list[str]:
        """Return an attribute of every tag of a kind that has it."""
        return [attrs[attribute] or "" for name, attrs in self.tags if name == tag and attribute in attrs]


def page(folder: Path) -> Page:
    """Read the page over a folder."""
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def named(number: int) -> str:
    """Return an operation id."""
    return str(UUID(int=number))


def test_files(tmp_path: Path) -> None:
    """A mail is an .eml as a relay would get it, the HTML as its reader would see it, and its attachments."""
    mailer = FolderMailer(tmp_path / "made" / "for it", SENDER)
    assert mailer.send(EMAIL, OPERATION, TIMEOUTS) == Accepted()
    folder = tmp_path / "made" / "for it"
    assert (folder / f"{OPERATION}.eml").read_bytes() == message_bytes(EMAIL, OPERATION, SENDER)
    assert (folder / f"{OPERATION}.html").read_text(encoding="utf-8") == EMAIL.html
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{OPERATION}.eml",
        f"{OPERATION}.html",
        "attachments",
        "index.html",
    ]
    (attachment,) = (folder / "attachments").iterdir()
    assert attachment.read_bytes() == b"BEGIN:VCALENDAR\r\n"


def test_twice(tmp_path: Path) -> None:
    """A second mail under the same operation id changes nothing."""
    mailer = FolderMailer(tmp_path, SENDER)
    mailer.send(EMAIL, OPERATION, TIMEOUTS)
    before = {path: path.read_bytes() for path in tmp_path.glob("**/*.*")}
    other = msgspec.structs.replace(EMAIL, subject="[Failed] another", html="another")
    assert FolderMailer(tmp_path, SENDER).send(other, OPERATION, TIMEOUTS) == Accepted()
    assert {path: path.read_bytes() for path in tmp_path.glob("**/*.*")} == before


def test_ask(tmp_path: Path) -> None:
    """The folder answers truthfully: a mail is there or was never seen."""
    mailer = FolderMailer(tmp_path / "not made yet", SENDER)
    assert mailer.status_of(OPERATION, TIMEOUTS) == OperationStatus(OperationState.NEVER_SEEN)
    mailer.send(EMAIL, OPERATION, TIMEOUTS)
    assert FolderMailer(tmp_path / "not made yet", SENDER).status_of(OPERATION, TIMEOUTS) == OperationStatus(
        OperationState.ACCEPTED
    )


def test_half_written(tmp_path: Path) -> None:
    """A mail whose writer died before the .eml was there was not sent, and the next try completes it."""
    (tmp_path / f"{OPERATION}.html").write_text(EMAIL.html, encoding="utf-8")
    mailer = FolderMailer(tmp_path, SENDER)
    assert mailer.status_of(OPERATION, TIMEOUTS) == OperationStatus(OperationState.NEVER_SEEN)
    assert mailer.send(EMAIL, OPERATION, TIMEOUTS) == Accepted()
    assert mailer.status_of(OPERATION, TIMEOUTS) == OperationStatus(OperationState.ACCEPTED)


def test_page(tmp_path: Path) -> None:
    """The page lists the mails newest first, with status, recipients, time, preview and files."""
    mailer = FolderMailer(tmp_path, SENDER)
    for number, status in enumerate(("Scheduled", "Started", "Completed")):
        email = msgspec.structs.replace(
            EMAIL, subject=f"[{status}] upgrade {number}", date=EMAIL.date + timedelta(days=number)
        )
        mailer.send(email, named(number), TIMEOUTS)
    shown = page(tmp_path)
    assert shown.all("article", "id") == [named(2), named(1), named(0)]
    assert shown.all("iframe", "src") == [f"{named(number)}.html" for number in (2, 1, 0)]
    assert shown.all("time", "datetime")[0] == "2026-05-07T01:00:00+00:00"
    for part in ("ann@example.com", "Bob Builder <bob@", "Grüße & more", "upgrade 1", "Completed"):
        assert part in shown.text
    for link in shown.all("a", "href") + shown.all("iframe", "src"):
        assert link.startswith("#") or (tmp_path / link).exists()


def test_page_alone(tmp_path: Path) -> None:
    """The page needs no network, and what it previews can run no script."""
    FolderMailer(tmp_path, SENDER).send(EMAIL, OPERATION, TIMEOUTS)
    shown = page(tmp_path)
    addresses = [
        value or "" for _, attrs in shown.tags for name, value in attrs.items() if name in {"src", "href"}
    ]
    assert not [address for address in addresses if ":" in address or address.startswith("//")]
    assert not re.search(r"url\(|@import", (tmp_path / "index.html").read_text(encoding="utf-8"))
    for permissions in shown.all("iframe", "sandbox"):
        assert "allow-scripts" not in permissions
        assert "allow-same-origin" not in permissions


def test_text_from_outside(tmp_path: Path) -> None:
    """Nothing in a mail becomes part of the page: neither tags, nor attributes, nor paths."""
    evil = "\"'><script>alert(1)</script>{{ 7*7 }}"
    email = msgspec.structs.replace(
        EMAIL,
        to=('"<i>Ann</i>" <ann@example.com>',),
        subject=f"[{evil}] {evil}",
        text=f"</pre>{evil}",
        attachments=(
            Attachment(f"../../{evil}.ics", "text/calendar", b""),
            Attachment("", "text/calendar", b""),
        ),
    )
    FolderMailer(tmp_path / "mails", SENDER).send(email, OPERATION, TIMEOUTS)
    shown = page(tmp_path / "mails")
    assert len(shown.all("article", "id")) == 1
    assert [tag for tag, _ in shown.tags].count("script") == 1
    assert "i" not in [tag for tag, _ in shown.tags]
    assert f"</pre>{evil}" in shown.text
    assert [path.name for path in tmp_path.iterdir()] == ["mails"]
    assert len(list((tmp_path / "mails" / "attachments").iterdir())) == 2


def test_attachment_name() -> None:
    """A file name keeps what is harmless of an attachment's name, and differs by number."""
    assert attachment_file("op", 0, "../a/ü b.ics") == "op-0-.._a_b.ics"
    assert attachment_file("op", 1, "x" * 300 + ".ics") == f"op-1-{'x' * 76}.ics"


def test_foreign_mail(tmp_path: Path) -> None:
    """A message that somebody else put into the folder is shown as far as it can be read."""
    (tmp_path / "other.eml").write_bytes(b"Subject: no status\nDate: sometime\n\nHello")
    (tmp_path / "empty.eml").write_bytes(b"")
    FolderMailer(tmp_path, SENDER).send(EMAIL, OPERATION, TIMEOUTS)
    shown = page(tmp_path)
    assert set(shown.all("article", "id")) == {OPERATION, "other", "empty"}
    assert "no status" in shown.text
    assert "(no subject)" in shown.text


def test_no_mail(tmp_path: Path) -> None:
    """The page of an empty folder says so."""
    Gallery(tmp_path).update()
    assert "No mail yet." in page(tmp_path).text


def test_nobody_to_write_to(tmp_path: Path) -> None:
    """A mail without a valid recipient is Refused, as a relay would."""
    email = msgspec.structs.replace(EMAIL, to=("nobody",), cc=())
    assert FolderMailer(tmp_path, SENDER).send(email, OPERATION, TIMEOUTS) == Refused(
        "'nobody' is not an email address"
    )
    some = msgspec.structs.replace(EMAIL, to=("nobody", "ann@example.com"), cc=())
    assert FolderMailer(tmp_path, SENDER).send(some, OPERATION, TIMEOUTS) == Accepted(refused=("nobody",))


def test_no_folder(tmp_path: Path) -> None:
    """Where nothing can be written the folder is Unavailable, with the reason."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    outcome = FolderMailer(tmp_path / "file", SENDER).send(EMAIL, OPERATION, TIMEOUTS)
    assert isinstance(outcome, Unavailable)
    assert str(tmp_path / "file") in outcome.reason


def test_no_page(tmp_path: Path) -> None:
    """A page that cannot be written makes no mail fail."""
    (tmp_path / "index.html").mkdir()
    assert FolderMailer(tmp_path, SENDER).send(EMAIL, OPERATION, TIMEOUTS) == Accepted()


def test_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without hard links does as well."""

    def link(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", link)
    assert FolderMailer(tmp_path, SENDER).send(EMAIL, OPERATION, TIMEOUTS) == Accepted()
    assert (tmp_path / f"{OPERATION}.eml").exists()


@pytest.mark.parametrize("operation_id", ["", "../x", "a/b", "a\\b", "index.html", "a b"])
def test_odd_operation_id(tmp_path: Path, operation_id: str) -> None:
    """An operation id that could name another file is a bug, and raises."""
    with pytest.raises(ValueError, match="is not an operation id"):
        FolderMailer(tmp_path, SENDER).send(EMAIL, operation_id, TIMEOUTS)


def test_wrong_sender(tmp_path: Path) -> None:
    """A sender that is no address is refused at the start."""
    with pytest.raises(ValueError, match="is not an email address"):
        FolderMailer(tmp_path, "nobody")


@pytest.mark.slow
def test_processes(tmp_path: Path) -> None:
    """Processes that write at once, some mails twice, leave a page that shows each mail once."""
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.channels.test_folder import EMAIL, FolderMailer, SENDER, TIMEOUTS, Path, named
mailer = FolderMailer(Path({str(tmp_path)!r}), SENDER)
sys.stdin.read()
for number in range(8):
    mailer.send(EMAIL, named(int(sys.argv[1]) * 6 + number), TIMEOUTS)
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(number)], stdin=subprocess.PIPE)
        for number in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()  # off they go, together
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert set(page(tmp_path).all("article", "id")) == {named(number) for number in range(20)}
    message = message_from_bytes((tmp_path / f"{named(19)}.eml").read_bytes(), policy=policy.default)
    assert message["Subject"] == EMAIL.subject
    assert not list(tmp_path.glob(".*"))
