"""Times in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages import time_phrases

MINUS = "\N{MINUS SIGN}"
NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(days=7), "in 7 days"),
        (timedelta(days=6, hours=23, minutes=59), "in 7 days"),
        (timedelta(hours=24), "in 24 hours"),
        (timedelta(hours=23, minutes=59, seconds=30), "in 24 hours"),
        (timedelta(hours=47), "in 47 hours"),
        (timedelta(hours=48), "in 2 days"),
        (timedelta(minutes=60), "in 1 hour"),
        (timedelta(minutes=59, seconds=40), "in 1 hour"),
        (timedelta(minutes=59), "in 59 minutes"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(seconds=59), "now"),
        (timedelta(0), "now"),
        (-timedelta(minutes=5), "5 minutes ago"),
        (-timedelta(days=3), "3 days ago"),
    ],
)
def test_away(ahead: timedelta, words: str) -> None:
    """How far away something is, in the unit that people would use."""
    assert time_phrases.away(NOW + ahead, NOW) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(minutes=45), "45 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
        (timedelta(days=1, hours=3, minutes=10), "1 day 3 h"),
        (timedelta(days=2), "2 days"),
        (timedelta(seconds=20), "less than a minute"),
        (timedelta(minutes=59, seconds=45), "1 h"),
    ],
)
def test_span(length: timedelta, words: str) -> None:
    """How long something took."""
    assert time_phrases.span(length) == words


def test_both_zones() -> None:
    """The audience's zone with its offset, UTC beside it, the day of that only where it differs."""
    for name, here, beside in (
        ("UTC", "Fri 20 Nov 01:00 UTC", "Fri 20 Nov 01:00 UTC"),
        ("Europe/Berlin", "Fri 20 Nov 02:00 Berlin (UTC+1)", "Fri 20 Nov 02:00 Berlin (UTC+1) · 01:00 UTC"),
        (
            "America/Los_Angeles",
            f"Thu 19 Nov 17:00 Los Angeles (UTC{MINUS}8)",
            f"Thu 19 Nov 17:00 Los Angeles (UTC{MINUS}8) · Fri 20 Nov 01:00 UTC",
        ),
        (
            "Asia/Kolkata",
            "Fri 20 Nov 06:30 Kolkata (UTC+5:30)",
            "Fri 20 Nov 06:30 Kolkata (UTC+5:30) · 01:00 UTC",
        ),
    ):
        zone = time_phrases.zone(name)
        assert time_phrases.here(NOW, zone, NOW) == here
        assert time_phrases.beside(NOW, zone, NOW) == beside


def test_autumn_hour_is_told_apart() -> None:
    """The hour that the clock shows twice is told with its offset, in a subject as well."""
    berlin = time_phrases.zone("Europe/Berlin")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    second = first + timedelta(hours=1)
    assert time_phrases.short(first, berlin, first) == "Sun 25 Oct 02:30 (UTC+2)"
    assert time_phrases.short(second, berlin, first) == "Sun 25 Oct 02:30 (UTC+1)"
    assert time_phrases.here(second, berlin, first) == "Sun 25 Oct 02:30 Berlin (UTC+1)"
    between = time_phrases.between(first, second, berlin, first)
    assert between == "Sun 25 Oct 02:30 Berlin (UTC+2) to 02:30 Berlin (UTC+1)"


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(days=7), "Fri 27 Nov 01:00 UTC"),
        (timedelta(days=182), "Fri 21 May 01:00 UTC"),
        (timedelta(days=183), "Sat 22 May 2027, 01:00 UTC"),
        (-timedelta(days=182), "Fri 22 May 01:00 UTC"),
        (-timedelta(days=948), "Tue 16 Apr 2024, 01:00 UTC"),
    ],
)
def test_the_year_is_named_where_it_could_be_another(ahead: timedelta, words: str) -> None:
    """A time goes without its year only where that is plain."""
    zone = time_phrases.zone("UTC")
    assert time_phrases.short(NOW + ahead, zone, NOW) == words
    assert time_phrases.here(NOW + ahead, zone, NOW) == words


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../etc/passwd", "\x00"])
def test_unknown_zone_is_utc(name: str) -> None:
    """A zone that does not exist costs the local time, not the mail."""
    assert time_phrases.short(NOW, time_phrases.zone(name), NOW) == "Fri 20 Nov 01:00 UTC"


def test_days_of_a_date() -> None:
    """Days are counted by the calendar, in UTC."""
    late = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
    assert [time_phrases.days_away(date(2026, 11, 20 + n), late) for n in (-1, 0, 1)] == [-1, 0, 1]
    assert [time_phrases.in_days(n) for n in (-1, 0, 1, 14)] == [
        "1 day ago",
        "today",
        "in 1 day",
        "in 14 days",
    ]


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_any_time_can_be_written(time: datetime, as_of: datetime) -> None:
    """No time is too odd to be written."""
    for name in ("Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles"):
        zone = time_phrases.zone(name)
        assert time_phrases.beside(time, zone, as_of).startswith(time_phrases.here(time, zone, as_of))
        assert time_phrases.short(time, zone, as_of)
        assert time_phrases.between(min(time, as_of), max(time, as_of), zone, as_of)
    assert time_phrases.away(time, as_of)
    assert time_phrases.span(time - as_of)
