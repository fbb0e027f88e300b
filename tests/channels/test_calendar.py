"""Calendar files: one entry per maintenance, replaced by later ones, the same bytes whenever made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar
import msgspec
import pytest

from shared.channels.email.compose import Branding, compose
from shared.events.model import Status
from shared.notices.kinds import Kind
from shared.notices.records import StoredEvent
from testing.samples import fleets, mails

LOOK = Branding(domain="contoso.example", sender="aks@contoso.example")
STORIES = {story.name: story for story in mails.stories()}
WITH_ENTRY = {
    "scheduled",
    "scheduled-inside",
    "scheduled-expected",
    "rescheduled",
    "canceled",
    "gate-of-another-type",
}


def file_of(story: mails.Story) -> bytes:
    """Return the file that a mail carries."""
    (attachment,) = compose(story.mail, story.rows, mails.TEAM, LOOK).attachments
    method = "CANCEL" if b"METHOD:CANCEL" in attachment.content else "PUBLISH"
    assert attachment.name == "maintenance.ics"
    assert attachment.content_type == f"text/calendar; charset=utf-8; method={method}"
    return attachment.content


def entry_of(story: mails.Story) -> icalendar.Event:
    """Read the one entry of that file."""
    calendar = icalendar.Calendar.from_ical(file_of(story))
    (entry,) = calendar.walk("VEVENT")
    assert isinstance(entry, icalendar.Event)
    return entry


@pytest.mark.parametrize("name", sorted(STORIES))
def test_which_mails_carry_one(name: str) -> None:
    """Only mails of something scheduled, moved or canceled carry one, where a start or window is known."""
    story = STORIES[name]
    attachments = compose(story.mail, story.rows, mails.TEAM, LOOK).attachments
    files = [one for one in attachments if one.name.endswith(".ics")]
    assert len(files) == (name in WITH_ENTRY)


def test_scheduled() -> None:
    """In UTC, blocking nobody's time, ringing an hour before, its length said to be assumed."""
    text = file_of(STORIES["scheduled"]).decode()
    for line in (
        "METHOD:PUBLISH",
        "UID:maintenance-22223333-cccc-4444-dddd-5555eeee6666@contoso.example",
        "SEQUENCE:0",
        "DTSTAMP:20261120T014800Z",
        "DTSTART:20261127T010000Z",
        "DTEND:20261127T050000Z",
        "STATUS:CONFIRMED",
        "ORGANIZER:mailto:aks@contoso.example",
        "TRANSP:TRANSPARENT",
        "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "TRIGGER:-PT1H",
        "SUMMARY:Kubernetes upgrade · prod-weu-1",
    ):
        assert line in text.split("\r\n")
    assert "4 hours are assumed" in str(entry_of(STORIES["scheduled"])["description"])


def test_inside_a_window_it_ends_with_the_window() -> None:
    """Where the window is known, the entry lasts to its end, and says so."""
    entry = entry_of(STORIES["scheduled-inside"])
    assert (entry.start, entry.end) == (mails.START, mails.START.replace(minute=0) + timedelta(hours=4))
    assert "ends with the maintenance window" in str(entry["description"])


def test_an_expected_start_is_tentative_until_it_is_known() -> None:
    """Without a start the entry is tentative over the window; a start confirms it, a cancel takes it back."""
    story = STORIES["scheduled-expected"]
    tentative = entry_of(story)
    assert str(tentative["status"]) == "TENTATIVE"
    assert (tentative.start, tentative.end) == (
        datetime(2026, 11, 28, 9, tzinfo=UTC),
        datetime(2026, 11, 28, 13, tzinfo=UTC),
    )
    (someday,) = story.rows.values()
    assert isinstance(someday, StoredEvent)
    known = msgspec.structs.replace(someday.event, start=mails.START, time=mails.NOW + timedelta(days=1))
    confirmed = entry_of(mails.story("known", Kind.SCHEDULED, someday, mails.recorded(known, 1)))
    gone = mails.recorded(mails.event(Status.CANCELED, mails.NOW + timedelta(days=2)))
    canceled = entry_of(mails.story("gone", Kind.CANCELED, someday, gone))
    assert [str(one["status"]) for one in (confirmed, canceled)] == ["CONFIRMED", "CANCELLED"]
    assert {str(one["uid"]) for one in (tentative, confirmed, canceled)} == {str(tentative["uid"])}
    assert [one.sequence for one in (tentative, confirmed, canceled)] == [0, 1, 1]


def test_rescheduled_replaces_the_entry_and_canceled_takes_it_back() -> None:
    """Later files bear the same UID and a higher SEQUENCE; a canceled one says CANCEL and CANCELLED."""
    entries = [entry_of(STORIES[name]) for name in ("scheduled", "rescheduled", "canceled")]
    assert len({str(entry["uid"]) for entry in entries}) == 1
    assert [entry.sequence for entry in entries] == [0, 1, 1]
    assert "METHOD:CANCEL" in file_of(STORIES["canceled"]).decode()
    assert str(entries[2]["status"]) == "CANCELLED"
    assert not entries[2].walk("VALARM")


def test_canceled_after_a_reschedule_has_the_highest_sequence() -> None:
    """A cancellation outranks the last announcement and names its start."""
    rows = [row for row in STORIES["rescheduled"].rows.values() if not hasattr(row, "raw")]
    gone = mails.recorded(mails.event(Status.CANCELED, mails.NOW + timedelta(days=3)))
    story = mails.story("gone", Kind.CANCELED, *rows, gone)  # type: ignore[arg-type]
    entry = entry_of(story)
    assert entry.sequence == 2
    assert entry.start == mails.START + timedelta(days=1)


@pytest.mark.parametrize("name", ["scheduled", "rescheduled", "canceled"])
def test_made_again_it_is_the_same(name: str) -> None:
    """Byte for byte the same, also when the mail is frozen at another moment."""
    story = STORIES[name]
    later = msgspec.structs.replace(
        story, mail=msgspec.structs.replace(story.mail, as_of=story.mail.as_of + timedelta(hours=5))
    )
    assert file_of(story) == file_of(story) == file_of(later)


def test_folding_and_round_trip_of_odd_names() -> None:
    """Names that hold separators and line breaks stay one value; no line is longer than 75 bytes."""
    name = "prod;weu,1\r\nATTENDEE:mailto:x@example.com " + "ü" * 60
    row = mails.recorded(
        mails.event(Status.SCHEDULED, mails.NOW, start=mails.START, subject=mails.cluster(name))
    )
    story = mails.story("odd", Kind.SCHEDULED, row)
    content = file_of(story)
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert b"\nATTENDEE" not in content
    assert "prod;weu,1 ATTENDEE:mailto:x@example.com" in str(entry_of(story)["summary"])


def test_gate_that_opens_by_itself() -> None:
    """A gate that opens by itself has an entry, taken back if closed before; one to approve has none."""
    timed = next(story for story in fleets.gate_stories() if story.name == "gate-of-another-type")
    (file,) = compose(timed.mail, timed.rows, mails.TEAM, LOOK).attachments
    assert b"DTSTART:20261202T020000Z" in file.content
    for words in (b"UID:gate-", b"STATUS:TENTATIVE", b"ORGANIZER:", b"METHOD:PUBLISH"):
        assert words in file.content
    (waits,) = timed.rows.values()
    assert isinstance(waits, StoredEvent)
    for state, after, expected in (("Skipped", timedelta(hours=1), [True]), ("Completed", timedelta(12), [])):
        time = fleets.WAITS + after
        event = fleets.read(fleets.gate(state, time, name="timed", gateType="ScheduledStart"), time)
        closed = mails.story("closed", Kind.GATE_CLOSED, waits, mails.recorded(event))
        files = compose(closed.mail, closed.rows, mails.TEAM, LOOK).attachments
        assert [b"METHOD:CANCEL" in one.content for one in files] == expected
    asks = next(story for story in fleets.gate_stories() if story.name == "gate")
    assert not compose(asks.mail, asks.rows, mails.TEAM, Branding(domain="contoso.example")).attachments
