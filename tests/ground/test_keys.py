"""Row keys: never changing, free of what Table Storage refuses, and sorted as time."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import keys
from shared.events.model import Cluster, EndOfSupport, Event, Status

GUID = "22223333-cccc-4444-dddd-5555eeee6666"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
KEY = re.compile(r"[A-Za-z0-9:.-]{1,512}")
ANY_TEXT = st.text(st.characters(codec=None))
ANY_TIME = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC) | st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)


def event(
    event_id: str = GUID,
    status: str = Status.STARTED,
    *,
    time: datetime = NOW,
    description: str = "ScheduledEvents",
    end_of_support: bool = False,
) -> Event:
    """Make an event."""
    return Event(
        event_id=event_id,
        status=status,
        subject=Cluster("s", "rg", "c"),
        time=time,
        updated=time,
        description=description,
        end_of_support=EndOfSupport() if end_of_support else None,
    )


def test_golden() -> None:
    """The keys of today are the keys of every later version: another one would tell everything again."""
    assert keys.GATE == "work:0"
    assert event().row_key() == f"event:{GUID}:Started"
    assert event(status="Paused").row_key() == f"event:{GUID}:Paused"
    assert event(status="Scheduled").row_key(2) == f"event:{GUID}:Scheduled:2"
    assert keys.work(NOW, GUID) == f"work:2026-11-20T09:00:00.000000Z:{GUID}"
    assert keys.sent(GUID) == f"sent:{GUID}"
    assert keys.audience("shop-team") == "audience:shop-team"
    assert keys.rejected("abc") == "rejected:" + hashlib.sha256(b"abc").hexdigest()
    assert keys.told_of_rejected(NOW) == "told:rejected:2026-11-20"
    assert keys.event_id("uuid1") == hashlib.sha256(b"uuid1").hexdigest()


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, st.booleans(), ANY_TIME, st.integers(0, 10**6))
def test_characters(event_id: str, status: str, text: str, end: bool, time: datetime, revision: int) -> None:
    """Whatever comes from outside, a key holds nothing but letters, digits, colon, dot and dash."""
    made = event(event_id, status, time=time, description=text, end_of_support=end)
    for key in (
        made.row_key(revision),
        keys.rejected(text),
        keys.audience(text),
        keys.work(time, GUID),
        keys.told_of_rejected(time),
    ):
        assert KEY.fullmatch(key), key


@pytest.mark.parametrize("description", ["KubernetesVersionOutOfSupport", "x" * 64, "x" * 10_000])
def test_length(description: str) -> None:
    """The longest key is far shorter than the 512 characters that a key may have."""
    longest = event("x" * 10_000, "x" * 10_000, description=description, end_of_support=True)
    assert len(longest.row_key(10**9)) < 256


# Identity


@pytest.mark.parametrize("spelled", [GUID, GUID.upper(), "22223333-CCCC-4444-dddd-5555eeee6666"])
def test_casing_of_event_ids(spelled: str) -> None:
    """A GUID is the same eventId in any casing."""
    assert keys.history(spelled) == f"event:{GUID}:"


@pytest.mark.parametrize(
    "odd", ["uuid1", f"{{{GUID}}}", GUID + "\n", GUID[:-1], f"{GUID}:Started", "a/b#c?d\\e", "\x00", "\ud800"]
)
def test_odd_event_ids(odd: str) -> None:
    """An eventId that is no GUID is hashed, so that it can hold anything."""
    assert keys.history(odd) == f"event:{hashlib.sha256(odd.encode('utf-8', 'surrogatepass')).hexdigest()}:"


@given(st.tuples(ANY_TEXT, ANY_TEXT), st.tuples(ANY_TEXT, ANY_TEXT))
def test_one_row_per_event_and_status(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Two events share a key only if they share eventId and status."""
    assert (event(*one).row_key() == event(*other).row_key()) == (one == other)


@given(ANY_TEXT, ANY_TEXT)
def test_histories_do_not_mix(one: str, other: str) -> None:
    """No row of one eventId lies in the range of another's history."""
    prefix = keys.history(one)
    inside = prefix <= event(other).row_key() < prefix + keys.AFTER
    assert inside == (keys.event_id(one) == keys.event_id(other))


@given(ANY_TEXT, ANY_TEXT, st.integers(0, 99))
def test_history_of_a_row(event_id: str, status: str, revision: int) -> None:
    """The history that a row belongs to follows from its key."""
    made = event(event_id, status)
    assert keys.history_of(made.row_key(revision)) == keys.history(event_id)


# End of support


def test_end_of_support_descriptions() -> None:
    """Two weeks, one week and out of support are three notices, though all are Scheduled."""
    notices = ("KubernetesVersionEOLTwoWeeks", "KubernetesVersionEOLOneWeek", "KubernetesVersionOutOfSupport")
    rows = [event(status="Scheduled", description=each, end_of_support=True).row_key() for each in notices]
    assert rows == [
        f"event:{GUID}:Scheduled.KubernetesVersionEOLTwoWeeks",
        f"event:{GUID}:Scheduled.KubernetesVersionEOLOneWeek",
        f"event:{GUID}:Scheduled.KubernetesVersionOutOfSupport.2026-W47",
    ]


@pytest.mark.parametrize(
    ("day", "week"),
    [
        ("2026-11-22", "2026-W47"),
        ("2026-11-23", "2026-W48"),
        ("2027-01-01", "2026-W53"),
        ("2027-01-04", "2027-W01"),
    ],
)
def test_out_of_support_comes_weekly(day: str, week: str) -> None:
    """Out of support is told once in each ISO week, even if AKS reuses its eventId."""
    time = datetime.fromisoformat(day).replace(tzinfo=UTC)
    notice = event(
        status="Scheduled", time=time, description="KubernetesVersionOutOfSupport", end_of_support=True
    )
    assert notice.row_key().endswith(f".{week}")


# Order


@given(ANY_TIME, ANY_TIME)
def test_due_sorts_as_time(one: datetime, other: datetime) -> None:
    """Work sorts as text in the order in which it falls due, to the microsecond, whatever the zones."""
    assert (keys.due(one) < keys.due(other)) == (one < other)
    assert len(keys.due(one)) == len(keys.due(other))


@given(ANY_TIME, st.timedeltas(timedelta(days=-1), timedelta(days=400)), st.uuids().map(str))
def test_due_work_is_found(time: datetime, later: timedelta, id_: str) -> None:
    """Work is found from the moment it falls due, and not before."""
    found = keys.GATE <= keys.work(time, id_) < keys.work_until(time + later)
    assert found == (later >= timedelta())


def test_last_moment() -> None:
    """The last moment of the calendar can be written like any other."""
    latest = datetime.max.replace(tzinfo=UTC)
    assert keys.GATE < keys.work(latest, GUID) < keys.work_until(latest)


@given(st.from_regex(KEY, fullmatch=True), st.from_regex(KEY, fullmatch=True))
def test_following(key: str, other: str) -> None:
    """Reading goes on after a key without coming to it again or leaving one out."""
    assert (keys.following(key) <= other) == (key < other)


@given(st.from_regex(KEY, fullmatch=True))
def test_after(rest: str) -> None:
    """Every key under a prefix lies before the end of its range."""
    assert "event:" <= "event:" + rest < "event:" + keys.AFTER


# Others


@pytest.mark.parametrize("text", ["", "{}", "Gr\u00fc\u00dfe \U0001f600", "\x00", "\ud800"])
def test_rejected_is_its_hash(text: str) -> None:
    """Rejected input is found by the SHA-256 of its UTF-8 bytes, so the same input has one row."""
    assert (
        keys.rejected(text) == "rejected:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    )


def test_day_of_rejected_input_is_in_utc() -> None:
    """The day whose first rejected input is told is that of UTC."""
    time = datetime(2026, 11, 20, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert keys.told_of_rejected(time) == "told:rejected:2026-11-21"


@given(ANY_TEXT, ANY_TEXT)
def test_audiences(one: str, other: str) -> None:
    """Each audience has a row of its own."""
    assert (keys.audience(one) == keys.audience(other)) == (one == other)
